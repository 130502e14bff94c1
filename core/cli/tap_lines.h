#pragma once
// What `mooncrier tap` makes of the lines that a running program sends it (daemon/control.h).

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct mcr_tap_lines mcr_tap_lines;

// mcr_tap_lines_new: `where` is an expression over `event` as that of `eval`, in a guarded Lua
// state of its own; only events for which it gives neither false nor nil are printed. NULL: all.
// `wide`: a table instead of JSON lines. `most` events at most, 0: any number. NULL with a
// sentence.
mcr_tap_lines *mcr_tap_lines_new(const char *where, bool wide, uint64_t most, mcr_errbuf *err);
void mcr_tap_lines_free(mcr_tap_lines *t);

// mcr_tap_lines_add takes one line, without its end, and appends what is to be printed to `out`.
// False: it is no line of a tap.
bool mcr_tap_lines_add(mcr_tap_lines *t, mcr_str line, mcr_buf *out);

// mcr_tap_lines_flush appends rows that are held back to be aligned.
void mcr_tap_lines_flush(mcr_tap_lines *t, mcr_buf *out);

typedef struct mcr_tap_totals {
    uint64_t passed, shown, full; // as the program has counted last
    uint64_t received, printed;
    uint64_t failed; // `where` has failed on them
    bool counted;    // the last line was one of counts, as at the end of a program
} mcr_tap_totals;

mcr_tap_totals mcr_tap_lines_totals(const mcr_tap_lines *t);

// mcr_tap_lines_full says whether `most` events are printed.
bool mcr_tap_lines_full(const mcr_tap_lines *t);
