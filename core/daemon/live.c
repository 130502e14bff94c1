#include "daemon/live.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "daemon/shadowing.h"
#include "daemon/status.h"

enum {
    PATIENCE_MS = 2000,     // for the counters of watchers
    SHARED_BYTES = 1 << 20, // of what scripts share, in one answer
    PROFILE_S = 10          // when nobody says how long
};

// Somebody who waits for an answer.
typedef struct asked {
    mcr_live *live;
    const mcr_live_request *request; // until `begin` returns
    bool text;
    const char *who;
    const char *folder; // until `begin` returns
    mcr_live_done *done;
    void *arg;
} asked;

static void answer(asked *a, const mcr_live_answer *with)
{
    a->done(a->arg, with);
    free(a);
}

static void ping(asked *a)
{
    answer(a, &(mcr_live_answer){ .ok = true });
}

static void on_counted(void *arg, const mcr_census_result *result)
{
    asked *a = arg;
    mcr_buf out = { 0 };
    if (a->text)
        mcr_status_write_text(&out, a->live, result);
    else
        mcr_status_write(&out, a->live, result);
    answer(a, &(mcr_live_answer){
                  .ok = true, .name = a->text ? "text" : "status", .value = mcr_buf_str(&out) });
    mcr_buf_fini(&out);
}

static void status(asked *a)
{
    mcr_census_take(a->live->census, PATIENCE_MS * INT64_C(1000000), on_counted, a);
}

static void shared(asked *a)
{
    mcr_buf out = { 0 };
    double now = (double)mcr_clock_now(a->live->app->clock) / 1e9;
    mcr_shared_write(a->live->app->shared, &out, SHARED_BYTES, now);
    answer(a, &(mcr_live_answer){ .ok = true, .name = "shared", .value = mcr_buf_str(&out) });
    mcr_buf_fini(&out);
}

static void on_reloaded(void *arg, const mcr_reload_outcome *outcome)
{
    asked *a = arg;
    mcr_buf out = { 0 };
    mcr_status_write_outcome(&out, outcome);
    answer(a, &(mcr_live_answer){ .ok = outcome->ok,
                                  .error = outcome->ok ? NULL : outcome->message,
                                  .name = "outcome",
                                  .value = mcr_buf_str(&out) });
    mcr_buf_fini(&out);
}

static void reload(asked *a)
{
    mcr_reload_request(a->live->reload, MCR_RELOAD_DISK, a->who, on_reloaded, a);
}

static void rollback(asked *a)
{
    mcr_reload_request(a->live->reload, MCR_RELOAD_ROLLBACK, a->who, on_reloaded, a);
}

static void shadow_start(asked *a)
{
    if (a->folder && a->folder[0] == '/')
        mcr_reload_request_shadow(a->live->reload, a->folder, a->who, on_reloaded, a);
    else
        answer(a, &(mcr_live_answer){ .error = "a shadow needs the absolute path of a folder" });
}

static void shadow_promote(asked *a)
{
    mcr_reload_request(a->live->reload, MCR_RELOAD_PROMOTE, a->who, on_reloaded, a);
}

static void shadow_drop(asked *a)
{
    mcr_reload_request(a->live->reload, MCR_RELOAD_DROP, a->who, on_reloaded, a);
}

static void on_compared(void *arg, const mcr_census_result *result)
{
    asked *a = arg;
    const char *folder = mcr_reload_status_now(a->live->reload).shadow;
    if (!folder) {
        answer(a, &(mcr_live_answer){ .error = "there is no shadow" });
        return;
    }
    mcr_buf out = { 0 };
    mcr_shadowing_report(&out, folder, result);
    answer(a, &(mcr_live_answer){ .ok = true, .name = "report", .value = mcr_buf_str(&out) });
    mcr_buf_fini(&out);
}

static void shadow_report(asked *a)
{
    mcr_census_take(a->live->census, PATIENCE_MS * INT64_C(1000000), on_compared, a);
}

static void on_profiled(void *arg, const mcr_buf *json, const char *error)
{
    asked *a = arg;
    if (json)
        answer(a, &(mcr_live_answer){ .ok = true, .name = "profile", .value = mcr_buf_str(json) });
    else
        answer(a, &(mcr_live_answer){ .error = error });
}

static void profile(asked *a)
{
    double seconds = a->request->seconds ? a->request->seconds : PROFILE_S;
    if (!(seconds > 0 && seconds <= MCR_PROFILING_MAX_S)) {
        answer(a, &(mcr_live_answer){ .error = "a profile takes more than 0 s and at most 1 h" });
        return;
    }
    const mcr_profiling_request request = {
        .watcher = a->request->watcher,
        .ns = (int64_t)(seconds * 1e9),
        .kind = a->request->jit ? MCR_PROFILE_JIT : MCR_PROFILE_STACKS,
    };
    mcr_profiling_take(a->live->profiling, &request, on_profiled, a);
}

// What it can be asked. Each ends in one call of `answer`, now or later.
static const struct {
    const char *name;
    void (*begin)(asked *a);
} requests[] = {
    { "ping", ping },
    { "status", status },
    { "shared", shared },
    { "reload", reload },
    { "rollback", rollback },
    { "shadow-start", shadow_start },
    { "shadow-report", shadow_report },
    { "shadow-promote", shadow_promote },
    { "shadow-drop", shadow_drop },
    { "profile", profile },
};

enum {
    REQUESTS = sizeof requests / sizeof *requests
};

static void unknown(asked *a, const char *request)
{
    const char *names[REQUESTS];
    mcr_buf text = { 0 };
    for (size_t i = 0; i < REQUESTS; i++)
        names[i] = requests[i].name;
    const char *meant = mcr_suggest(request, names, REQUESTS);
    mcr_buf_printf(&text, "there is no request '%s'", request);
    if (meant)
        mcr_buf_printf(&text, ", did you mean '%s'?", meant);
    else
        for (size_t i = 0; i < REQUESTS; i++)
            mcr_buf_printf(&text, "%s%s", i ? ", " : "; there are: ", names[i]);
    answer(a, &(mcr_live_answer){ .error = mcr_buf_cstr(&text) });
    mcr_buf_fini(&text);
}

void mcr_live_ask(mcr_live *live, const mcr_live_request *request, mcr_live_done *done, void *arg)
{
    asked *a = mcr_alloc(sizeof *a);
    *a = (asked){ live, request, request->text, request->who, request->folder, done, arg };
    for (size_t i = 0; i < REQUESTS; i++)
        if (strcmp(requests[i].name, request->name) == 0) {
            requests[i].begin(a);
            return;
        }
    unknown(a, request->name);
}

bool mcr_live_is_ready(const mcr_live *live, const char **why)
{
    *why = live->draining ? "mooncrier is ending" : NULL;
    for (uint32_t i = 0; i < live->app->source_n && !*why; i++)
        if (live->app->sources[i]->failed)
            *why = "a source has failed";
    return !*why;
}
