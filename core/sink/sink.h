#pragma once
// Sinks: where events end up. Each watcher has its own instances, used on its host's thread only.
//
// A new sink is one file, core/sink/NAME.c, and one line, KIND(NAME) in kinds.h. In the file:
// 1. a struct that begins with an mcr_sink; one for the options, and the table of them (its last
//    row is { 0 }), which configuration and `check` go by;
// 2. `open`: mcr_zalloc the first, set sink.kind, and return &sink; `check` for what must be set;
// 3. `write`: add n to counts.assigned, then each event to what became of it: delivered; or
//    in_flight as long as that is not known, and then in_flight-- with delivered++,
//    mcr_sink_refuse (it never will be) or mcr_sink_give_up (not in time). mcr_sink_tell says so to
//    who watches. It must not wait: what
//    takes time goes on the loop that `start` is given, no more of it than `room` allows;
// 4. `flush`, which may do nothing, and `close`, which frees what open and write made;
// 5. const mcr_sink_kind mcr_sink_kind_NAME with the name, a phrase, the table, its size and these.
// Its test is tests/unit/sink/NAME_test.c, its paragraph is in cli/mooncrier.1. file.c is a short
// one; deliveries.h has queue, order and tries for those that send over a network. A sink in Lua
// is a script of the user's, without any of this: script/script_sink.h.
//
// The ledger of a sink (DESIGN §4.5): assigned = delivered + merged + suppressed + rejected +
// gave_up + dead_lettered + spooled + in_flight, exact whenever no call is running. `merged` and
// `spooled` stay 0 for sinks that neither merge nor spool. mcr_sink_counts is in mooncrier.h.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/option.h"
#include "event/event.h"
#include "event/tapping.h"

struct ev_loop;

typedef struct mcr_sink mcr_sink;
typedef struct mcr_dead_letters mcr_dead_letters;

// Hears of one side counter of a sink: `name` as a key, with underscores ("names_replaced").
typedef void mcr_sink_note(void *arg, const char *name, uint64_t n);

typedef struct mcr_sink_kind {
    const char *name;          // "file"
    const char *doc;           // a phrase for `check` and the manual
    const mcr_option *options; // even when there are none: { { 0 } }
    size_t options_size;
    bool records; // what client-go's recorder is for: correlated unless the watcher says otherwise
    bool renders; // asks the render hook
    // Fills the zeroed options struct with defaults; NULL when zeros are the defaults.
    void (*defaults)(void *options);
    // Sets what follows from other options, once all are read, so that `check` shows what holds;
    // `open` does it itself. NULL: nothing follows.
    void (*settle)(void *options);
    // The name of an option that is wrong whatever the system holds, with a sentence in `err`; NULL
    // when all are well. `open` refuses the same ones. NULL: there is nothing to check.
    const char *(*check)(const void *options, mcr_errbuf *err);
    // What `open` would refuse on this machine, such as a file that is missing: a sentence in
    // `err`. Connects to nothing. NULL: that is known only by opening.
    mcr_err (*probe)(const void *options, mcr_errbuf *err);
    // Makes an instance; `options` stays the caller's until close. NULL with a sentence in `err`.
    mcr_sink *(*open)(const void *options, mcr_errbuf *err);
    // Begins work that goes on between calls: timers, descriptors and wake-ups on the host's loop,
    // whose callbacks run on the host's thread between two batches. On that thread, once, before
    // the first write. NULL: write, flush and tick do it all.
    void (*start)(mcr_sink *sink, struct ev_loop *loop);
    // How many more events it should be given; its watcher takes no more out of its ring than the
    // fullest of its sinks has room for. What scripts send directly may come on top. NULL: any
    // number.
    size_t (*room)(const mcr_sink *sink);
    // Takes `n` events, borrowed for the call: refs what it keeps. Counts them all in `counts`.
    void (*write)(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now);
    // Hands over what is buffered; called when the watcher has nothing more to do, and at the end.
    void (*flush)(mcr_sink *sink, int64_t now);
    // Work that is due without events (a late fsync). Returns when it wants to be called next (Unix
    // ns), 0 for never; asked again after every write and flush. NULL: none.
    int64_t (*tick)(mcr_sink *sink, int64_t now);
    // Opens files anew (SIGUSR1, after log rotation). NULL: nothing to reopen.
    void (*reopen)(mcr_sink *sink);
    // Nothing more will be written: what waits for company is sent, what waits for another try is
    // tried soon. The loop goes on until in_flight is 0 or the drain timeout is over. NULL: flush
    // is all it takes.
    void (*drain)(mcr_sink *sink, int64_t now);
    // Tells `note` each side counter of the kind, always the same ones in the same order; zeros as
    // well. NULL: there are none.
    void (*each_note)(const mcr_sink *sink, mcr_sink_note *note, void *arg);
    // The end of work on the loop: what is still in flight is given up, nothing of the sink is left
    // on the loop, counts can still be read. On the host's thread, after the last flush; also
    // without a start. NULL: close does it all.
    void (*stop)(mcr_sink *sink);
    // Flushes once more, stops if it was not stopped, and frees. Any thread, once nothing runs.
    void (*close)(mcr_sink *sink);
} mcr_sink_kind;

// What a script's render hook made of an event.
typedef struct mcr_rendered {
    mcr_buf body;
    mcr_buf url;     // empty: the sink's
    mcr_buf method;  // empty: the sink's
    mcr_buf headers; // "Name: value\n" each; empty: the sink's alone
} mcr_rendered;

typedef enum mcr_render_result {
    MCR_RENDER_NONE,     // no hook, or it returned nil: the sink's own rendering holds
    MCR_RENDER_DONE,     // `out` is filled
    MCR_RENDER_SUPPRESS, // false: this sink does not want the event; count it suppressed
    MCR_RENDER_FAILED    // the hook raised (already counted and logged): refuse it with `err`
} mcr_render_result;

// How a sink asks for a rendering, on the host's thread, from within write only. `out` comes empty.
typedef struct mcr_render_hook {
    mcr_render_result (*call)(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                              mcr_errbuf *err); // NULL: there is no script with render
    void *self;
} mcr_render_hook;

// Who hears of an event as the API server answered it: UpdateState of the watcher's correlator.
typedef struct mcr_answer_hook {
    void (*call)(void *self, const mcr_event *answer); // NULL: nobody
    void *self;
} mcr_answer_hook;

// Who hears of each event that is refused or given up, and says so instead of the log.
typedef struct mcr_lost_hook {
    void (*call)(void *self, const mcr_event *ev, const char *reason); // NULL: nobody
    void *self;
} mcr_lost_hook;

// Whose the name and the options of a sink are: told when it is closed and needs them no more.
typedef struct mcr_lender {
    void (*give_back)(void *self); // NULL: nobody waits for it
    void *self;
} mcr_lender;

// Who hears of each event that is refused or given up, to have its next repeat told in its place.
typedef struct mcr_untold_hook {
    void (*call)(void *self, const mcr_event *ev); // NULL: nobody
    void *self;
} mcr_untold_hook;

// The head of every instance; a kind's own struct begins with one.
struct mcr_sink {
    const mcr_sink_kind *kind;
    const char *name;       // from the configuration; set by the owner after open
    const char *watcher;    // whose it is, for messages; set by the owner
    mcr_dead_letters *dead; // where refused events go, or NULL; set by the owner, shared
    mcr_render_hook render; // set by the owner before start
    mcr_answer_hook answer; // the same
    mcr_lender lender;      // the same
    mcr_lost_hook lost;     // the same
    mcr_untold_hook untold; // the watcher's
    mcr_tapping *tapping;   // who watches what becomes of events; the watcher's. NULL: nobody
    mcr_sink_counts counts;
    uint64_t turned_away; // given up at once: the queue was full (mcr_sink_assign)
    bool drops; // on_full = "drop": what finds no room is given up, its watcher waits for none; the
                // watcher's
    bool cut_off; // the end is near: what finds no room is not waited for; set by the watcher
};

// mcr_sink_kind_find returns the kind called `name`, NULL when there is none.
const mcr_sink_kind *mcr_sink_kind_find(const char *name);

// mcr_sink_kinds is the NULL-terminated list of all kinds.
extern const mcr_sink_kind *const mcr_sink_kinds[];

// mcr_sink_assign is for kinds with a queue: counts `n` events assigned and in flight, and returns
// how many of them, from the first on, find room among `queue`. The others, which only scripts that
// send directly, on_full = "drop" and the end can bring, are given up and counted in turned_away.
size_t mcr_sink_assign(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t queue);

// mcr_sink_tell_now is mcr_sink_tell for any stages, whether anybody watches or not.
void mcr_sink_tell_now(const mcr_sink *sink, uint32_t stages, const char *outcome,
                       const char *reason, mcr_event *const *events, size_t n);

// mcr_sink_close closes it, and gives back what was lent to it.
void mcr_sink_close(mcr_sink *sink);

// mcr_sink_tell is for kinds that count events delivered, merged or suppressed: tells who watches
// of `n` of them; `outcome` is the counter's name. mcr_sink_refuse and mcr_sink_give_up tell as
// well.
static inline void mcr_sink_tell(const mcr_sink *sink, const char *outcome,
                                 mcr_event *const *events, size_t n)
{
    if (mcr_tapping_wants(sink->tapping, MCR_TAP_DELIVERED))
        mcr_sink_tell_now(sink, MCR_TAP_DELIVERED, outcome, NULL, events, n);
}

// mcr_sink_refuse is for kinds: `ev` can never be delivered. Goes to the dead letters with `reason`
// and counts dead_lettered, or rejected when there are none; takes it out of in_flight.
void mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason);

// mcr_sink_refuse_failed is mcr_sink_refuse for what a script failed on: the first line of `text`
// is the reason, the others are a traceback.
void mcr_sink_refuse_failed(mcr_sink *sink, const mcr_event *ev, const char *script, mcr_str text);

// mcr_sink_give_up is for kinds: `ev` was not delivered in time. As mcr_sink_refuse, but counts
// gave_up when there are no dead letters.
void mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);
