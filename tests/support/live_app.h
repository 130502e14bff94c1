#pragma once
// A configuration run in this process as `mooncrier run` runs it, but fed by the test: numbered
// events as fast as the watchers take them, nothing lost. The test's thread is the main thread.
//
//     live_app l;
//     live_app_open(&l, "x/mooncrier.lua");
//     mcr_reload_request(l.reload, …);
//     ev_run(l.loop, 0);                    until some callback calls ev_break
//     int failed = live_app_close(&l);

#include <ev.h>
#include <stdint.h>

#include "daemon/app.h"
#include "daemon/reload.h"

typedef struct live_app {
    mcr_app app;
    mcr_reload *reload;
    struct ev_loop *loop;
    mcr_event *batch[64];
    uint32_t batch_n, batch_done;
    uint64_t published; // event n has the count n, from 1 on
    bool feeding;
    ev_idle feed;
    ev_async room, emitted;
    ev_prepare rest;
} live_app;

// live_app_open exits with a message when the configuration is wrong.
void live_app_open(live_app *l, const char *config_path);

// live_app_feed begins to publish, or goes on.
void live_app_feed(live_app *l);

// live_app_pause publishes nothing more.
void live_app_pause(live_app *l);

// live_app_close drains, checks the ledger and frees; the exit code that `run` would have.
int live_app_close(live_app *l);
