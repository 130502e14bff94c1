// Kinds "sink": recordToSink, step by step, against a sink that answers what the vectors' sink did.
// The texts of its errors are not in the vectors but in the log lines they lead to: they are taken
// from the expected lines, so that where a text stands in a line is compared, not the text itself.

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sink/record_to_sink.h"
#include "vectors/vectors.h"

// Fault names of FORMAT.md.
static const struct {
    const char *name;
    mcr_write_error_class class;
    int code;
    const char *reason;
} faults[] = {
    { "transport", MCR_WRITE_OTHER, 0, "" },
    { "plain", MCR_WRITE_OTHER, 0, "" },
    { "ctx_canceled", MCR_WRITE_OTHER, 0, "" },
    { "deadline", MCR_WRITE_OTHER, 0, "" },
    { "wrapped_status", MCR_WRITE_OTHER, 0, "" },
    { "wrapped_construct", MCR_WRITE_OTHER, 0, "" },
    { "construct", MCR_WRITE_CONSTRUCT, 0, "" },
    { "unexpected_object", MCR_WRITE_UNEXPECTED, 0, "" },
    { "status_empty", MCR_WRITE_STATUS, 0, "" },
    { "not_found", MCR_WRITE_STATUS, 404, "NotFound" },
    { "code404_other_reason", MCR_WRITE_STATUS, 404, "Weird" },
    { "reason_notfound_code0", MCR_WRITE_STATUS, 0, "NotFound" },
    { "already_exists", MCR_WRITE_STATUS, 409, "AlreadyExists" },
    { "conflict", MCR_WRITE_STATUS, 409, "Conflict" },
    { "bad_request", MCR_WRITE_STATUS, 400, "BadRequest" },
    { "unauthorized", MCR_WRITE_STATUS, 401, "Unauthorized" },
    { "forbidden", MCR_WRITE_STATUS, 403, "Forbidden" },
    { "ns_terminating", MCR_WRITE_STATUS, 403, "Forbidden" },
    { "invalid", MCR_WRITE_STATUS, 422, "Invalid" },
    { "gone", MCR_WRITE_STATUS, 410, "Gone" },
    { "too_many", MCR_WRITE_STATUS, 429, "TooManyRequests" },
    { "internal", MCR_WRITE_STATUS, 500, "InternalError" },
    { "unavailable", MCR_WRITE_STATUS, 503, "ServiceUnavailable" },
    { "server_timeout", MCR_WRITE_STATUS, 500, "ServerTimeout" },
    { "gateway_timeout", MCR_WRITE_STATUS, 504, "Timeout" },
};

static const mcr_str terminating[] = { { "NamespaceTerminating", 20, 0 } };

typedef struct scenario {
    mcr_recording *recording;
    vector_pop pop;
    const cJSON *rand;
    int next_rand;
    const cJSON *logs; // of this step; what was logged is compared at once
    int next_log;
    int next_call;
    int next_sleep;
    int step;
    bool failed;
    bool lent_texts; // of errors, see above
    char *why;
    size_t why_size;
} scenario;

// The first thing that is wrong stays in `why`.
static bool wrong(scenario *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(scenario *s, const char *format, ...)
{
    if (s->failed)
        return false;
    s->failed = true;
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

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(member(object, name));
    return text ? text : "";
}

static double next_rand(void *self)
{
    scenario *s = self;
    int n = cJSON_GetArraySize(s->rand);
    return n ? cJSON_GetArrayItem(s->rand, s->next_rand++ % n)->valuedouble : 0;
}

static mcr_str err_of(const mcr_log_record *record)
{
    for (size_t i = 0; i < record->n; i++)
        if (strcmp(record->values[i].key, "err") == 0)
            return record->values[i].text;
    return MCR_STR("");
}

static void compare_log(void *self, const mcr_log_record *record)
{
    scenario *s = self;
    const cJSON *expected = cJSON_GetArrayItem(s->logs, s->next_log++);
    const cJSON *v = member(expected, "v");
    if (strcmp(record->message, text_of(expected, "msg")) != 0 ||
        record->error != (strcmp(text_of(expected, "level"), "error") == 0) ||
        record->v != (v ? v->valueint : 0) || !mcr_str_is(err_of(record), text_of(expected, "err")))
        wrong(s, "it logs %s %d %s", record->error ? "an error" : "info", record->v,
              record->message);
    mcr_buf text = { 0 }, wanted = { 0 };
    mcr_log_record_write(&text, record);
    if (vector_text(expected, "text", &wanted) &&
        !mcr_str_eq(mcr_buf_str(&text), mcr_buf_str(&wanted)))
        wrong(s, "it logs %.*s", (int)text.len, text.ptr);
    mcr_buf_fini(&text);
    mcr_buf_fini(&wanted);
}

// Gives the fault that the vectors' sink gave. Its text is only known from the line that it leads
// to, if it leads to one.
static mcr_delivery_step fail_call(scenario *s, mcr_delivery *d, const char *name)
{
    s->lent_texts = true;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (strcmp(faults[i].name, name) != 0)
            continue;
        mcr_write_error err = {
            .class = faults[i].class,
            .code = faults[i].code,
            .reason = mcr_str_of(faults[i].reason),
            .text = mcr_str_of(text_of(cJSON_GetArrayItem(s->logs, s->next_log), "err")),
        };
        if (strcmp(name, "ns_terminating") == 0) {
            err.causes = terminating;
            err.n_causes = 1;
        }
        return mcr_delivery_failed(d, &err);
    }
    wrong(s, "the fault %s is not known", name);
    return (mcr_delivery_step){ .action = MCR_DELIVERY_DONE };
}

static bool same_call(scenario *s, const mcr_delivery_step *step, const cJSON *call)
{
    bool patch = step->action == MCR_DELIVERY_PATCH;
    if (!call)
        return wrong(s, "call %d is one too many", s->next_call);
    if (strcmp(text_of(call, "m"), patch ? "patch" : "create") != 0)
        return wrong(s, "call %d is a %s", s->next_call, patch ? "patch" : "create");
    mcr_buf text = { 0 }, expected = { 0 };
    if (!vector_same_event(step->event, member(call, "body"), &text))
        wrong(s, "call %d is with %.*s", s->next_call, (int)text.len, text.ptr);
    bool has_patch = vector_text(call, "patch", &expected);
    if (has_patch != step->has_patch || !mcr_str_eq(mcr_buf_str(&expected), step->patch))
        wrong(s, "the patch of call %d is %.*s", s->next_call, (int)step->patch.len,
              step->patch.len ? step->patch.ptr : "");
    mcr_buf_fini(&text);
    mcr_buf_fini(&expected);
    return !s->failed;
}

static mcr_delivery_step answer(scenario *s, mcr_delivery *d, const cJSON *call)
{
    const cJSON *reply = member(call, "reply"), *ok = member(reply, "ok");
    if (!ok)
        return fail_call(s, d, text_of(reply, "err"));
    mcr_event *ev = vector_event(ok, member(reply, "ok_raw"));
    if (!ev) {
        wrong(s, "the answer to call %d is no event", s->next_call);
        return (mcr_delivery_step){ .action = MCR_DELIVERY_DONE };
    }
    mcr_delivery_step step = mcr_delivery_written(d, ev);
    mcr_event_unref(ev);
    return step;
}

// The last sleep of an event that is lost to the end is the one that is cut short.
static mcr_delivery_step sleep_through(scenario *s, mcr_delivery *d, const mcr_delivery_step *step,
                                       const cJSON *out)
{
    const cJSON *sleeps = member(out, "sleeps");
    const cJSON *expected = cJSON_GetArrayItem(sleeps, s->next_sleep++);
    if (!expected || vector_int(expected) != step->sleep_ns)
        wrong(s, "sleep %d is of %lld ns", s->next_sleep - 1, (long long)step->sleep_ns);
    bool cut = strcmp(text_of(out, "result"), "shutdown") == 0 &&
               s->next_sleep == cJSON_GetArraySize(sleeps);
    return cut ? mcr_delivery_shut_down(d) : mcr_delivery_slept(d);
}

static void compare_end(scenario *s, mcr_delivery_result result, const cJSON *out)
{
    static const char *const names[] = { "skipped", "recorded", "abandoned", "retries_exhausted",
                                         "shutdown" };
    if (strcmp(names[result], text_of(out, "result")) != 0 ||
        (result == MCR_DELIVERY_SKIPPED) != cJSON_IsTrue(member(out, "skip")))
        wrong(s, "it is %s", names[result]);
    if (s->next_call != cJSON_GetArraySize(member(out, "calls")))
        wrong(s, "there are %d calls", s->next_call);
    if (s->next_sleep != cJSON_GetArraySize(member(out, "sleeps")))
        wrong(s, "there are %d sleeps", s->next_sleep);
    if (s->next_log != cJSON_GetArraySize(s->logs))
        wrong(s, "there are %d log lines", s->next_log);
    if (s->pop.unknown)
        wrong(s, "the aggregator does not have what client-go took out");
}

static void run_step(scenario *s, const cJSON *item)
{
    const cJSON *out = member(item, "out");
    int64_t t = vector_int(member(item, "t"));
    mcr_clock clock = mcr_clock_fixed(&t);
    mcr_event *in = vector_event(member(item, "in"), member(item, "in_raw"));
    if (!in) {
        wrong(s, "in is no event");
        return;
    }
    s->pop.popped = member(out, "popped");
    s->logs = member(out, "logs");
    s->next_log = s->next_call = s->next_sleep = 0;
    mcr_delivery d;
    mcr_delivery_step step = mcr_delivery_start(&d, s->recording, in, &clock);
    while (step.action != MCR_DELIVERY_DONE && !s->failed) {
        if (step.action == MCR_DELIVERY_SLEEP) {
            step = sleep_through(s, &d, &step, out);
            continue;
        }
        const cJSON *call = cJSON_GetArrayItem(member(out, "calls"), s->next_call);
        if (same_call(s, &step, call))
            step = answer(s, &d, call);
        s->next_call++;
    }
    if (!s->failed)
        compare_end(s, step.result, out);
    mcr_delivery_fini(&d);
    mcr_event_unref(in);
}

int vectors_sink(const cJSON *scenario_json, char *why, size_t why_size)
{
    scenario s = { .rand = member(scenario_json, "rand"), .why = why, .why_size = why_size };
    mcr_recording_options options = { .sleep_ns =
                                          vector_int(member(scenario_json, "sleep_duration_ns")),
                                      .random = next_rand,
                                      .random_self = &s,
                                      .log = { compare_log, &s } };
    const char *unknown = vector_correlator_options(scenario_json, &options.correlator, &s.pop);
    const cJSON *step, *steps = member(scenario_json, "steps");
    if (unknown)
        wrong(&s, "the option %s is not known", unknown);
    if (cJSON_GetArraySize(steps) == 0)
        wrong(&s, "there are no steps");
    s.recording = mcr_recording_new(&options);
    cJSON_ArrayForEach(step, steps)
    {
        if (!s.failed)
            run_step(&s, step);
        s.step++;
    }
    mcr_recording_free(s.recording);
    if (s.lent_texts)
        vectors_not_compared("err of a sink's calls (taken from the expected logs)");
    return !s.failed;
}
