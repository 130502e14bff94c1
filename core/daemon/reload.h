#pragma once
// Reload: the configuration and all scripts read anew and put in the place of the running ones, as
// a transaction.
//
//   load     on a thread of its own: read, compile, init, self_test (config/generation.h), while
//   the
//            old ones work on
//   vote     every host pauses between two batches: save() of the old scripts, restore() of the
//            new ones (daemon/ballot.h)
//   switch   all hosts, or none
//
// Whoever asked gets the real outcome. What was asked for while one reload runs is answered by the
// next one, since files may have changed since it read them.
//
// Everything here is called on the main thread, from outside of the callbacks given here unless
// said otherwise.

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/generation.h"
#include "daemon/app.h"

typedef struct mcr_reload mcr_reload;

typedef enum mcr_reload_what {
    MCR_RELOAD_DISK,     // what is on the disk now
    MCR_RELOAD_ROLLBACK, // the files of the generation before the present one, as they were
    MCR_RELOAD_SHADOW,   // files of another folder, beside what runs (mcr_reload_request_shadow)
    MCR_RELOAD_PROMOTE,  // the shadow takes the place of what runs
    MCR_RELOAD_DROP      // the shadow ends
} mcr_reload_what;

typedef struct mcr_reload_outcome {
    bool ok;
    mcr_reload_what what;
    const char *who;     // "SIGHUP", "a changed file"…: who asked first
    uint64_t generation; // that runs now
    const char *message; // a sentence: what runs now, or with file:line why nothing changed
    const char *changed; // paths of the files that differ from the generation before, by ", "
    int64_t at;          // Unix ns, of the end
    int64_t took_ns;     // from the request's turn to the end
} mcr_reload_outcome;

typedef void mcr_reload_done(void *arg, const mcr_reload_outcome *outcome);

// mcr_reload_new takes over the `first` generation, which runs in `app`. `path` is that of the
// configuration, as mcr_generation_new had it.
mcr_reload *mcr_reload_new(mcr_app *app, struct ev_loop *loop, mcr_generation *first,
                           const char *path);

// mcr_reload_free waits for a loading thread (its scripts have deadlines) and frees every
// generation; hosts must have ended, mcr_app_close comes before. NULL is fine.
void mcr_reload_free(mcr_reload *r);

// mcr_reload_observe has `each` called with every outcome; before the first request.
void mcr_reload_observe(mcr_reload *r, mcr_reload_done *each, void *arg);

// mcr_reload_request asks for a reload on behalf of `who` (a string that lives on). `done` (may be
// NULL) is called exactly once: from the loop, from mcr_reload_stop or, when it is known at once
// that it cannot be, from within this call.
void mcr_reload_request(mcr_reload *r, mcr_reload_what what, const char *who, mcr_reload_done *done,
                        void *arg);

// mcr_reload_request_shadow asks for the scripts in `folder` to run beside the live ones: what of
// the configuration and of the scripts folder stands there, under the same name, is taken from
// there, the rest as it is. A reload that succeeds ends a shadow.
void mcr_reload_request_shadow(mcr_reload *r, const char *folder, const char *who,
                               mcr_reload_done *done, void *arg);

// mcr_reload_is_stale says whether the disk differs from what the last attempt to take up its files
// read, failed or not. After a rollback it is not stale until it changes once more.
bool mcr_reload_is_stale(const mcr_reload *r);

// mcr_reload_tried is what that attempt read; valid until the next one.
const mcr_file_set *mcr_reload_tried(const mcr_reload *r);

// mcr_reload_set_tried: the first generation is not what is on the disk; `files` (borrowed) was
// read there and did not load.
void mcr_reload_set_tried(mcr_reload *r, const mcr_file_set *files);

// mcr_reload_refuse stops the reload that runs, if it is not decided yet, and refuses all others:
// the end has come. From any callback of the loop.
void mcr_reload_refuse(mcr_reload *r);

// mcr_reload_stop is mcr_reload_refuse, and runs the loop until the reload that runs has ended;
// before the hosts end, and outside of the loop. What is asked for from then on fails at once.
void mcr_reload_stop(mcr_reload *r);

typedef struct mcr_reload_status {
    const mcr_generation *generation; // that runs
    const char *shadow;               // the folder of the shadow that runs; NULL: none
    bool busy;                        // a reload is under way
    uint64_t succeeded;               // reloads
    uint64_t failed;
    const mcr_reload_outcome *last; // NULL: there was none
} mcr_reload_status;

// mcr_reload_status_now is valid until the loop runs again.
mcr_reload_status mcr_reload_status_now(const mcr_reload *r);
