#include "event/tapping.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mpsc.h"
#include "event/pool.h"

// How a tap goes away while others tell it something: whoever tells raises `telling` before it
// reads the list of taps and lowers it afterwards. The owner takes the tap out of the list, then
// reads `telling`. All of these are sequentially consistent, so if it reads 0, whoever raises it
// later finds the list without the tap: it can be freed. Else it is tried again another time.

enum {
    STAGES = 5
};

static const char *const stage_names[STAGES] = { "source", "filtered", "recorded", "delivered",
                                                 "dropped" };

struct mcr_tap {
    uint32_t stages;
    char *watcher;
    char *sink;
    int64_t interval; // ns between two events of a stage; 0: no limit
    mcr_mpsc *queue;
    _Atomic size_t held;         // bytes of the events in the queue, about
    _Atomic int64_t due[STAGES]; // monotonic ns: when the next one of a stage is due, if it goes on
    _Atomic uint64_t passed;
    _Atomic uint64_t taken;
    _Atomic uint64_t full;
    mcr_tap *next_gone;
};

struct mcr_tapping {
    mcr_tapping_head head;
    _Atomic uint32_t telling;
    _Atomic(mcr_tap *) taps[MCR_TAPS];
    mcr_tap *gone; // the owner's: out of the list, perhaps not out of hands
};

uint32_t mcr_tap_stage_of(mcr_str name)
{
    for (uint32_t i = 0; i < STAGES; i++)
        if (mcr_str_is(name, stage_names[i]))
            return 1u << i;
    return 0;
}

static uint32_t index_of(uint32_t stages)
{
    return (uint32_t)__builtin_ctz(stages);
}

const char *mcr_tap_stage_name(uint32_t stages)
{
    return stage_names[index_of(stages)];
}

mcr_tapping *mcr_tapping_new(void)
{
    return mcr_zalloc(sizeof(mcr_tapping));
}

static void free_tap(mcr_tap *tap)
{
    mcr_tap_note *note;
    while ((note = mcr_tap_take(tap)))
        mcr_tap_note_free(note);
    mcr_mpsc_free(tap->queue);
    free(tap->watcher);
    free(tap->sink);
    free(tap);
}

static void free_gone(mcr_tapping *t)
{
    if (atomic_load(&t->telling))
        return;
    for (mcr_tap *tap = t->gone, *next; tap; tap = next) {
        next = tap->next_gone;
        free_tap(tap);
    }
    t->gone = NULL;
}

void mcr_tapping_free(mcr_tapping *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < MCR_TAPS; i++)
        if (atomic_load(&t->taps[i]))
            free_tap(atomic_load(&t->taps[i]));
    free_gone(t);
    free(t);
}

static void renew_stages(mcr_tapping *t)
{
    uint32_t stages = 0;
    for (uint32_t i = 0; i < MCR_TAPS; i++) {
        const mcr_tap *tap = atomic_load(&t->taps[i]);
        stages |= tap ? tap->stages : 0;
    }
    atomic_store(&t->head.stages, stages);
}

mcr_tap *mcr_tapping_add(mcr_tapping *t, const mcr_tap_options *options)
{
    free_gone(t);
    uint32_t place = 0;
    while (place < MCR_TAPS && atomic_load(&t->taps[place]))
        place++;
    if (place == MCR_TAPS)
        return NULL;
    mcr_tap *tap = mcr_zalloc(sizeof *tap);
    tap->stages = options->stages;
    tap->watcher = options->watcher ? mcr_strdup(options->watcher) : NULL;
    tap->sink = options->sink ? mcr_strdup(options->sink) : NULL;
    tap->interval = options->sample ? 1000000000 / options->sample : 0;
    tap->queue = mcr_mpsc_new(MCR_TAP_QUEUE);
    atomic_store(&t->taps[place], tap);
    renew_stages(t);
    return tap;
}

void mcr_tapping_remove(mcr_tapping *t, mcr_tap *tap)
{
    for (uint32_t i = 0; i < MCR_TAPS; i++)
        if (atomic_load(&t->taps[i]) == tap)
            atomic_store(&t->taps[i], NULL);
    renew_stages(t);
    tap->next_gone = t->gone;
    t->gone = tap;
    free_gone(t);
}

static bool chooses(const mcr_tap *tap, const mcr_passing *p)
{
    if (!(tap->stages & p->stages))
        return false;
    if (tap->sink && (!p->sink || strcmp(p->sink, tap->sink) != 0))
        return false;
    return !tap->watcher || !p->watcher || strcmp(p->watcher, tap->watcher) == 0;
}

// How many of `n` events the tap may take at this stage now. Its allowance is the time since `due`,
// a second of it at most: after a quiet time as many come at once. Others may be at it as well: who
// loses, asks again, and in the end takes none.
static uint32_t allowance(mcr_tap *tap, uint32_t stage, uint32_t n)
{
    enum {
        ATTEMPTS = 4
    };
    if (!tap->interval)
        return n;
    _Atomic int64_t *due = &tap->due[index_of(stage)];
    int64_t now = mcr_clock_monotonic();
    int64_t was = atomic_load_explicit(due, memory_order_relaxed);
    for (int i = 0; i < ATTEMPTS; i++) {
        int64_t from = was < now - 1000000000 ? now - 1000000000 : was;
        int64_t most = (now - from) / tap->interval;
        uint32_t taken = most <= 0 ? 0 : most < n ? (uint32_t)most : n;
        if (!taken)
            return 0;
        if (atomic_compare_exchange_weak_explicit(due, &was, from + taken * tap->interval,
                                                  memory_order_relaxed, memory_order_relaxed))
            return taken;
    }
    return 0;
}

static const char *keep(char **room, const char *text, size_t len)
{
    if (!text)
        return NULL;
    char *kept = *room;
    memcpy(kept, text, len);
    kept[len] = '\0';
    *room += len + 1;
    return kept;
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

static mcr_tap_note *make_note(const mcr_passing *p, mcr_str reason, uint32_t stage, mcr_event *ev)
{
    size_t from = length(p->from), watcher = length(p->watcher), sink = length(p->sink);
    size_t why = reason.len < MCR_TAP_REASON ? reason.len : MCR_TAP_REASON;
    mcr_tap_note *note = mcr_alloc(sizeof *note + from + watcher + sink + why + 4);
    char *room = (char *)(note + 1);
    *note = (mcr_tap_note){ .ev = mcr_event_ref(ev),
                            .stage = stage,
                            .at = mcr_clock_now(&mcr_clock_wall),
                            .size = MCR_POOL_CHUNK + ev->raw.len,
                            .outcome = p->outcome };
    note->from = keep(&room, p->from, from);
    note->watcher = keep(&room, p->watcher, watcher);
    note->sink = keep(&room, p->sink, sink);
    note->reason = why ? keep(&room, reason.ptr, why) : NULL;
    return note;
}

static bool take_one(mcr_tap *tap, const mcr_passing *p, uint32_t stage, mcr_event *ev, uint32_t i)
{
    mcr_buf made = { 0 };
    mcr_str reason = { .ptr = p->reason, .len = length(p->reason) };
    if (p->explain) {
        p->explain(p->arg, i, &made);
        reason = mcr_buf_str(&made);
    }
    mcr_tap_note *note = make_note(p, reason, stage, ev);
    mcr_buf_fini(&made);
    size_t size = note->size; // the note is the reader's once it is in the queue
    size_t held = atomic_fetch_add_explicit(&tap->held, size, memory_order_relaxed);
    if (held + size <= MCR_TAP_BYTES && mcr_mpsc_put(tap->queue, note))
        return true;
    atomic_fetch_sub_explicit(&tap->held, size, memory_order_relaxed);
    mcr_tap_note_free(note);
    return false;
}

// Takes every (n / most)-th event, beginning now here, now there.
static void take(mcr_tap *tap, const mcr_passing *p, mcr_event *const *events, uint32_t n)
{
    uint32_t both = tap->stages & p->stages;
    uint32_t stage = both & MCR_TAP_DROPPED ? MCR_TAP_DROPPED : both;
    uint64_t before = atomic_fetch_add_explicit(&tap->passed, n, memory_order_relaxed);
    uint32_t most = allowance(tap, stage, n);
    if (!most)
        return;
    uint32_t step = n / most, i = (uint32_t)(before % step), taken = 0, tried = 0;
    for (; tried < most && i < n; i += step, tried++) {
        if (!take_one(tap, p, stage, events[i], i))
            break;
        taken++;
    }
    atomic_fetch_add_explicit(&tap->taken, taken, memory_order_relaxed);
    if (tried < most)
        atomic_fetch_add_explicit(&tap->full, most - tried, memory_order_relaxed);
}

void mcr_tapping_tell(mcr_tapping *t, const mcr_passing *passing, mcr_event *const *events,
                      uint32_t n)
{
    if (!n)
        return;
    atomic_fetch_add(&t->telling, 1);
    for (uint32_t i = 0; i < MCR_TAPS; i++) {
        mcr_tap *tap = atomic_load(&t->taps[i]);
        if (tap && chooses(tap, passing))
            take(tap, passing, events, n);
    }
    atomic_fetch_sub(&t->telling, 1);
}

mcr_tap_note *mcr_tap_take(mcr_tap *tap)
{
    mcr_tap_note *note = mcr_mpsc_take(tap->queue);
    if (note)
        atomic_fetch_sub_explicit(&tap->held, note->size, memory_order_relaxed);
    return note;
}

void mcr_tap_note_free(mcr_tap_note *note)
{
    mcr_event_unref(note->ev);
    free(note);
}

mcr_tap_counts mcr_tap_counts_now(const mcr_tap *tap)
{
    // `passed` last: it is raised before the others.
    mcr_tap_counts counts = { .taken = atomic_load(&tap->taken), .full = atomic_load(&tap->full) };
    counts.passed = atomic_load(&tap->passed);
    return counts;
}
