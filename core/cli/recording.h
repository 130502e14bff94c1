#pragma once
// Recorded events: what commands read that work on files and end, as `eval` does. JSON Lines, watch
// streams and lists as kubectl prints them, gzip too, from the files in their order or from
// standard input.
//
//     const mcr_recording what = { .paths = paths, .n = n, .event_limit = limit, .take = take };
//     mcr_recording_end end = mcr_recording_read(&what);
//     … if (!mcr_recording_whole(&end)) exit code 1
//     mcr_recording_die(&end);
//
// On the thread that calls it, which has no loop of its own. A progress line shows itself when it
// takes long.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/args.h"
#include "event/event.h"
#include "source/source.h"

typedef struct mcr_recording {
    char *const *paths; // "-" is standard input
    int n;              // 0: standard input
    size_t event_limit; // bytes; what is longer is malformed
    // Hears of 1 to 64 events in order, borrowed. False: no more are wanted.
    bool (*take)(void *self, mcr_event *const *events, uint32_t n);
    void *self;
    // How long (ns) to wait until the event is handed over: asked before each one, and again when
    // the time is over, until it is 0 or less. Signals end the waiting. NULL: never.
    int64_t (*pace)(void *self, const mcr_event *ev);
    // Hears of each source when it was read, for its counts. NULL: nobody.
    void (*was_read)(void *self, const mcr_source *source);
} mcr_recording;

typedef struct mcr_recording_end {
    uint64_t events;
    uint64_t malformed; // documents that are no event; each was logged
    bool failed;        // a file could not be read to its end; it was logged
    int stopped_by;     // the signal (SIGINT, SIGTERM) that ended it early, else 0
} mcr_recording_end;

// mcr_recording_read reads everything, and hands it to `take`.
mcr_recording_end mcr_recording_read(const mcr_recording *what);

// mcr_recording_whole says whether everything was read and understood.
static inline bool mcr_recording_whole(const mcr_recording_end *end)
{
    return !end->failed && !end->malformed && !end->stopped_by;
}

// mcr_recording_die ends the program by the signal that ended the reading, if one did: the shell
// must see what ended us, to end its loop as well. After the command has said what it knows.
void mcr_recording_die(const mcr_recording_end *end);

// mcr_recording_limit reads the argument of --event-limit; 0, or the exit code of a usage error,
// which was printed.
int mcr_recording_limit(const mcr_usage *usage, const char *text, size_t *limit);

#define MCR_FLAG_EVENT_LIMIT(to)                                                                   \
    {                                                                                              \
        "event-limit", 0, "SIZE", MCR_FLAG_TEXT, (to),                                             \
            "longer events are malformed (default 4MiB)"                                           \
    }
#define MCR_EVENT_LIMIT "4MiB"
