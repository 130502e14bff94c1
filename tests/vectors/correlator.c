// Kind "correlator": EventCorrelate and UpdateState, step by step, against what client-go's did.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/correlator.h"
#include "correlate/patch.h"
#include "vectors/vectors.h"

typedef struct scenario {
    mcr_correlator *c;
    vector_pop pop;
    int step;
    char *why;
    size_t why_size;
} scenario;

static bool wrong(const scenario *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(const scenario *s, const char *format, ...)
{
    int n = snprintf(s->why, s->why_size, "step %d: ", s->step);
    va_list args;
    va_start(args, format);
    vsnprintf(s->why + n, s->why_size - (size_t)n, format, args);
    va_end(args);
    return false;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool same_event(const scenario *s, const mcr_event *ev, const cJSON *expected)
{
    mcr_buf text = { 0 };
    bool same = vector_same_event(ev, expected, &text);
    if (!same)
        wrong(s, "the event is %.*s", (int)text.len, text.ptr);
    mcr_buf_fini(&text);
    return same;
}

static bool same_patch(const scenario *s, const mcr_correlated *result, const cJSON *out)
{
    mcr_buf expected = { 0 }, found = { 0 };
    bool due = vector_text(out, "patch", &expected);
    if (result->counted)
        mcr_count_patch(&found, result->ev);
    bool same = result->counted == due && mcr_str_eq(mcr_buf_str(&expected), mcr_buf_str(&found));
    if (!same)
        wrong(s, "the patch is %.*s", (int)found.len, found.ptr);
    mcr_buf_fini(&expected);
    mcr_buf_fini(&found);
    return same;
}

static bool same_result(const scenario *s, const mcr_correlated *result, const mcr_event *in,
                        const cJSON *step)
{
    const cJSON *out = member(step, "out");
    if (!out) // only noted: a plain create
        return (result->ev == in && !result->counted) || wrong(s, "it is no plain create");
    if (member(out, "err"))
        return wrong(s, "an error cannot be compared");
    if (s->pop.unknown)
        return wrong(s, "the aggregator does not have what client-go took out");
    // dropped.
    if (result->aggregated != (member(out, "popped") != NULL))
        return wrong(s, result->aggregated ? "it was combined" : "it was not combined");
    if (!result->ev)
        return cJSON_IsTrue(member(out, "skip")) || wrong(s, "it was dropped");
    if (!cJSON_IsFalse(member(out, "skip")))
        return wrong(s, "it was not dropped");
    return same_event(s, result->ev, member(out, "event")) && same_patch(s, result, out);
}

static bool run_step(scenario *s, const cJSON *step)
{
    int64_t t = vector_int(member(step, "t"));
    mcr_clock clock = mcr_clock_fixed(&t);
    mcr_event *in = vector_event(member(step, "in"), member(step, "in_raw"));
    if (!in)
        return wrong(s, "in is no event");
    s->pop.popped = member(member(step, "out"), "popped");
    mcr_correlated result;
    mcr_correlator_run(s->c, in, &clock, &result);
    bool passed = same_result(s, &result, in, step);
    mcr_event_unref(result.ev);
    mcr_event_unref(in);
    const cJSON *update = member(step, "update");
    if (passed && update) {
        mcr_event *answer = vector_event(update, member(step, "update_raw"));
        if (!answer)
            return wrong(s, "update is no event");
        mcr_correlator_update(s->c, answer);
        mcr_event_unref(answer);
    }
    return passed;
}

int vectors_correlator(const cJSON *scenario_json, char *why, size_t why_size)
{
    scenario s = { .why = why, .why_size = why_size };
    mcr_correlator_options options = { 0 };
    const char *unknown = vector_correlator_options(scenario_json, &options, &s.pop);
    if (unknown)
        return wrong(&s, "the option %s is not known", unknown);
    s.c = mcr_correlator_new(&options);
    const cJSON *step, *steps = member(scenario_json, "steps");
    bool passed = cJSON_GetArraySize(steps) > 0 || wrong(&s, "there are no steps");
    cJSON_ArrayForEach(step, steps)
    {
        if (passed)
            passed = run_step(&s, step);
        s.step += passed;
    }
    mcr_correlator_free(s.c);
    return passed;
}
