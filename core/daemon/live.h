#pragma once
// The running program as others see it, and what it can be asked: by the control socket
// (daemon/control.h) and over HTTP (daemon/admin.h), which both read the same table.
//
// Everything here is called on the main thread.

#include "base/str.h"
#include "daemon/app.h"
#include "daemon/census.h"
#include "daemon/profiling.h"
#include "daemon/reload.h"

typedef struct mcr_live {
    mcr_app *app;
    mcr_reload *reload;
    mcr_census *census;
    mcr_profiling *profiling;
    int64_t started_at;      // Unix ns
    const char *config_path; // absolute
    const char *socket;      // of the control socket; NULL: none
    const char *admin;       // address of the HTTP listener; NULL: none
    const char *changed;   // what the last reload that succeeded has changed; NULL: there was none
    const char *last_good; // why it runs with the last good set; NULL: it does not
    uint64_t recorded;     // events about itself
    bool draining;
} mcr_live;

typedef struct mcr_live_answer {
    bool ok;
    const char *error; // a sentence; NULL with ok
    const char *name;  // of the value: "status", "outcome"; NULL: there is none
    mcr_str value;     // JSON
} mcr_live_answer;

// The answer is valid for the call.
typedef void mcr_live_done(void *arg, const mcr_live_answer *answer);

typedef struct mcr_live_request {
    const char *name;   // "reload"
    const char *who;    // on whose behalf; a string that lives on
    const char *folder; // of "shadow-start", absolute; else NULL
    bool text;          // for people, where there are two forms
    // Of "profile" (daemon/profiling.h).
    const char *watcher; // NULL: all
    double seconds;      // 0: none was given
    bool jit;
} mcr_live_request;

// mcr_live_ask does what is requested. `done` is called exactly once, at once or from the loop, in
// the end from mcr_reload_stop, mcr_census_free and mcr_profiling_free.
void mcr_live_ask(mcr_live *live, const mcr_live_request *request, mcr_live_done *done, void *arg);

// mcr_live_is_ready says whether it takes events: neither at its end nor without one of its
// sources; *why a sentence if not.
bool mcr_live_is_ready(const mcr_live *live, const char **why);
