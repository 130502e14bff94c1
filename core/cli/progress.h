#pragma once
// The progress line of long input: "45%  123 MB of 280 MB  1.2 M events  350 k/s", redrawn on
// stderr while work goes on and removed at the end. Loop thread only.
//
// It shows itself after a second, and only where it helps: stderr is a terminal, and stdout is not
// (events on the screen are progress enough, and the line would be in their way).

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mcr_progress_state {
    uint64_t done;   // bytes of input
    uint64_t total;  // 0: unknown
    uint64_t events; // so far
} mcr_progress_state;

// Called when the line is drawn.
typedef mcr_progress_state mcr_progress_ask(void *arg);

typedef struct mcr_progress {
    ev_timer timer;
    struct ev_loop *loop;
    mcr_progress_ask *ask;
    void *arg;
    double began;
    bool drawn;
} mcr_progress;

// mcr_progress_start begins, unless it would not be shown anyway.
void mcr_progress_start(mcr_progress *p, struct ev_loop *loop, mcr_progress_ask *ask, void *arg);

// mcr_progress_clear removes the line until the next drawing: before anything else is written to
// stderr.
void mcr_progress_clear(mcr_progress *p);

// mcr_progress_stop removes the line for good. Fine when it was never started.
void mcr_progress_stop(mcr_progress *p);
