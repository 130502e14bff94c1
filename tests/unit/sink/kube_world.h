#pragma once
// The default policy of the sink "kube" in a world of the test's: the calls to the server are the
// test's own (linked with --wrap), and so are time and chance.

#include "sample.h"

#include <string.h>

#include "base/log.h"
#include "correlate/patch.h"
#include "sink/dead_letters.h"
#include "sink/kinds.h"
#include "sink/kube.h"

enum {
    MOST = 256
};

struct mcr_kube_call {
    bool create;
    mcr_event *ev;
    mcr_buf patch;
    mcr_kube_done *done;
    void *self;
};

static mcr_kube_call *calls[MOST]; // under way, in the order they were begun
static int n_calls;
static int cancelled;
static int refused; // credentials

static inline mcr_kube_call *add_call(bool create, mcr_event *ev, mcr_kube_done *done, void *self)
{
    assert_true(n_calls < MOST);
    mcr_kube_call *call = mcr_zalloc(sizeof *call);
    *call = (mcr_kube_call){ create, mcr_event_ref(ev), { 0 }, done, self };
    return calls[n_calls++] = call;
}

static inline void remove_call(int i)
{
    mcr_event_unref(calls[i]->ev);
    mcr_buf_fini(&calls[i]->patch);
    free(calls[i]);
    memmove(&calls[i], &calls[i + 1], (size_t)(--n_calls - i) * sizeof calls[i]);
}

mcr_kube_call *__wrap_mcr_kube_create(mcr_kube_rest *rest, mcr_event *ev, mcr_kube_done *done,
                                      void *self);
mcr_kube_call *__wrap_mcr_kube_patch(mcr_kube_rest *rest, mcr_event *ev, mcr_str patch,
                                     mcr_kube_done *done, void *self);
void __wrap_mcr_kube_cancel(mcr_kube_call *call);
void __wrap_mcr_credentials_refused(mcr_credentials *c);

mcr_kube_call *__wrap_mcr_kube_create(mcr_kube_rest *rest, mcr_event *ev, mcr_kube_done *done,
                                      void *self)
{
    (void)rest;
    return add_call(true, ev, done, self);
}

mcr_kube_call *__wrap_mcr_kube_patch(mcr_kube_rest *rest, mcr_event *ev, mcr_str patch,
                                     mcr_kube_done *done, void *self)
{
    (void)rest;
    mcr_kube_call *call = add_call(false, ev, done, self);
    mcr_buf_add(&call->patch, patch);
    return call;
}

void __wrap_mcr_kube_cancel(mcr_kube_call *call)
{
    for (int i = 0; i < n_calls; i++)
        if (calls[i] == call) {
            remove_call(i);
            cancelled++;
            return;
        }
    fail_msg("cancelled what is not under way");
}

void __wrap_mcr_credentials_refused(mcr_credentials *c)
{
    (void)c;
    refused++;
}

// How a call ends.
typedef struct ending {
    int status; // 0: no answer
    const char *reason, *cause, *text;
    mcr_write_error_class class; // when not of an answer
    mcr_http_outcome outcome;
    bool unsure;
    int64_t retry_after; // ns; 0 stands for none
} ending;

static inline void end_call(int i, const ending *how)
{
    assert_true(i < n_calls);
    mcr_kube_call call = *calls[i];
    mcr_event_ref(call.ev);
    remove_call(i);
    mcr_str cause = mcr_str_of(how->cause);
    bool ok = how->status >= 200 && how->status < 300 && !how->text;
    bool status = how->status >= 300 && how->class == MCR_WRITE_OTHER;
    mcr_kube_result result = {
        .ok = ok,
        .answer = ok ? call.ev : NULL,
        .error = { .class = status ? MCR_WRITE_STATUS : how->class,
                   .code = status ? how->status : 0,
                   .reason = mcr_str_of(how->reason),
                   .causes = how->cause ? &cause : NULL,
                   .n_causes = how->cause != NULL,
                   .text = mcr_str_of(how->text) },
        .http_status = how->status,
        .retry_after_ns = how->retry_after ? how->retry_after : -1,
        .outcome = how->outcome,
        .unsure = how->unsure,
    };
    call.done(call.self, &result);
    mcr_event_unref(call.ev);
}

static inline void end_with(int i, int status)
{
    end_call(i, &(ending){ .status = status });
}

static const ending already_exists = { .status = 409,
                                       .reason = "AlreadyExists",
                                       .text = "events \"x\" already exists" };
static const ending reset = { .outcome = MCR_HTTP_BROKEN, .unsure = true, .text = "reset" };

typedef struct world {
    int64_t now;
    mcr_clock clock;
    uint64_t chance;
    mcr_random random;
    mcr_kube_options options;
    mcr_kube kube;
    int answers;
} world;

static inline uint64_t same_chance(void *self)
{
    return *(uint64_t *)self;
}

static inline void on_answer(void *self, const mcr_event *answer)
{
    assert_non_null(answer);
    ((world *)self)->answers++;
}

static inline void begin_world(world *w)
{
    memset(w, 0, sizeof *w);
    n_calls = cancelled = refused = 0;
    w->now = 1000 * SECOND;
    w->clock = mcr_clock_fixed(&w->now);
    w->random = (mcr_random){ same_chance, &w->chance };
    mcr_sink_kind_kube.defaults(&w->options);
    w->kube.sink.kind = &mcr_sink_kind_kube;
    w->kube.sink.name = "cluster";
    w->kube.sink.watcher = "w";
    w->kube.sink.answer = (mcr_answer_hook){ on_answer, w };
    w->kube.options = &w->options;
    w->kube.policy = &mcr_kube_policy_default;
    w->kube.clock = &w->clock;
    w->kube.random = &w->random;
    w->kube.rest = (mcr_kube_rest *)w; // not NULL; never looked into
}

static inline void start_world(world *w)
{
    mcr_sink_kind_kube.settle(&w->options);
    w->kube.policy->start(&w->kube);
}

static inline void check_ledger(const world *w)
{
    const mcr_sink_counts *c = &w->kube.sink.counts;
    assert_int_equal(c->assigned, c->delivered + c->merged + c->suppressed + c->rejected +
                                      c->gave_up + c->dead_lettered + c->spooled + c->in_flight);
}

static inline void end_world(world *w)
{
    check_ledger(w);
    w->kube.policy->stop(&w->kube);
    check_ledger(w);
    assert_int_equal(w->kube.sink.counts.in_flight, 0);
    assert_int_equal(n_calls, 0);
}

static inline void pass(world *w, int64_t ns)
{
    w->now += ns;
    w->kube.policy->tick(&w->kube);
}

static inline mcr_event fields_of(const char *name, int count)
{
    mcr_event fields = sample_fields();
    fields.metadata.name = mcr_str_of(name);
    fields.count = count;
    fields.counted = count > 1;
    return fields;
}

static inline void write_fields(world *w, const mcr_event *fields)
{
    mcr_event *ev = mcr_event_new(fields);
    mcr_sink_kind_kube.write(&w->kube.sink, &ev, 1, w->now);
    mcr_event_unref(ev);
    check_ledger(w);
}

static inline void write_event(world *w, const char *name, int count)
{
    mcr_event fields = fields_of(name, count);
    write_fields(w, &fields);
}
