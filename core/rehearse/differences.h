#pragma once
// What a comparison has found: differences grouped by watcher, hook and decision, each group with a
// number and its first examples.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    MCR_DIFFERENCE_GROUPS = 400,    // what would be a group more is counted in one last group
    MCR_DIFFERENCE_EXAMPLES = 1000, // of a group at most
    MCR_RANK_ERRORS = 900           // of a group that has no examples: how often scripts failed
};

typedef struct mcr_difference_example {
    char *event;     // "namespace/name"
    uint32_t source; // which input, from 0
    uint64_t record; // which document of it, from 1; 0: none, it was emitted
    char *before;    // what OLD makes of it, maybe several lines
    char *after;     // what NEW does
} mcr_difference_example;

typedef struct mcr_difference {
    int rank;       // groups of a watcher are sorted by it
    char *watcher;  // or script
    char *hook;     // "filter", "route", "correlate", "emit"…
    char *decision; // "passed → dropped (quiet hours)"
    uint64_t n;
    mcr_difference_example *examples;
    size_t example_n;
} mcr_difference;

typedef struct mcr_differences mcr_differences;

// mcr_differences_new: up to `examples` examples of each group.
mcr_differences *mcr_differences_new(size_t examples);
void mcr_differences_free(mcr_differences *d);

// mcr_differences_note counts one difference. Non-NULL: fill this example of it (zeroed; strings
// become its own).
mcr_difference_example *mcr_differences_note(mcr_differences *d, const char *watcher, int rank,
                                             const char *hook, mcr_str decision);

// mcr_differences_sort, once all are noted, puts them in order: watchers as they came first, then
// rank, then the most frequent first.
void mcr_differences_sort(mcr_differences *d);

size_t mcr_differences_count(const mcr_differences *d);
const mcr_difference *mcr_differences_at(const mcr_differences *d, size_t i);
