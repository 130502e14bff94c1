#pragma once
// Profiles of the scripts of a running program (script/profile.h), one watcher after the other,
// each on the thread of its host, between two batches.
//
// Everything here is called on the main thread.

#include <ev.h>

#include "base/buf.h"
#include "daemon/app.h"
#include "script/profile.h"

typedef struct mcr_profiling mcr_profiling;

typedef struct mcr_profiling_request {
    const char *watcher; // NULL: all that have scripts
    int64_t ns;          // altogether: of several states, each has its share
    mcr_profile_kind kind;
} mcr_profiling_request;

enum {
    MCR_PROFILING_MAX_S = 3600
};

// `json` is one object, or NULL, with a sentence in `error`. Valid for the call.
typedef void mcr_profiling_done(void *arg, const mcr_buf *json, const char *error);

mcr_profiling *mcr_profiling_new(mcr_app *app, struct ev_loop *loop);

// mcr_profiling_take begins; `done` is called exactly once: at once when it cannot, when the time
// is over, or from mcr_profiling_free. The object is
//
//     {"kind":"stacks","profiles":[{"watcher":"w","sink":null,"seconds":5.001,"samples":4100,
//      "outside":880,"ended":null,"stacks":"handle of a.lua;… 42\n…"}]}
//
// with "jit":{…} (lua/mooncrier/jit_report.lua) in the place of "stacks" for the kind "jit", and
// "error" in the place of all but "watcher" and "sink" when one could not be profiled.
void mcr_profiling_take(mcr_profiling *p, const mcr_profiling_request *request,
                        mcr_profiling_done *done, void *arg);

// mcr_profiling_free answers what is still open; hosts must have ended, mcr_app_close comes later.
// NULL is fine.
void mcr_profiling_free(mcr_profiling *p);
