// Kind "correlator": EventCorrelate and UpdateState, step by step, against what client-go's did.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlate/correlator.h"
#include "correlate/keys.h"
#include "correlate/patch.h"
#include "event/encode.h"
#include "vectors/vectors.h"

enum {
    PLAIN_CONSTRUCTOR = -12345 // lruCacheSize that stands for no options at all
};

typedef struct scenario {
    mcr_correlator *c;
    const cJSON *popped; // of this step
    bool unknown_pop;    // what client-go took out was not there
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

static bool key_by_type(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->type);
    return true;
}

static bool key_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->reason);
    return true;
}

static bool key_object_name(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->involvedObject.name);
    return true;
}

static bool key_with_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_key_spam(out, ev, 0);
    mcr_buf_add(out, ev->reason);
    return true;
}

static bool constant(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)ev;
    mcr_buf_puts(out, self);
    return true;
}

static bool message_suffix(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->message);
    mcr_buf_puts(out, " [similar events]");
    return true;
}

// One of the functions that FORMAT.md names.
typedef struct named {
    const char *option;
    const char *name;
    mcr_text_hook hooks[2];
} named;

static char all[] = "all", one[] = "one", combined[] = "(events with common reason combined)";

static const named functions[] = {
    { "keyFunc", "by_type", { { key_by_type, NULL }, { key_reason, NULL } } },
    { "keyFunc", "constant", { { constant, all }, { key_object_name, NULL } } },
    { "messageFunc", "constant", { { constant, combined } } },
    { "messageFunc", "suffix", { { message_suffix, NULL } } },
    { "spamKeyFunc", "with_reason", { { key_with_reason, NULL } } },
    { "spamKeyFunc", "constant", { { constant, one } } },
};

static bool function(mcr_correlator_options *options, const cJSON *item)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const named *f = &functions[i];
        if (strcmp(item->string, f->option) != 0 || strcmp(item->valuestring, f->name) != 0)
            continue;
        if (*f->option == 'k') {
            options->aggregate_key = f->hooks[0];
            options->local_key = f->hooks[1];
        } else if (*f->option == 'm') {
            options->aggregate_message = f->hooks[0];
        } else {
            options->spam_key = f->hooks[0];
        }
        return true;
    }
    return false;
}

// Takes out what client-go did. Its JSON has U+FFFD where a key is not UTF-8, so those that differ
// are compared as Go would print them.
static size_t choose(void *self, const mcr_str *keys, size_t n)
{
    scenario *s = self;
    const char *popped = cJSON_GetStringValue(cJSON_GetArrayItem(s->popped, 0));
    for (size_t i = 0; popped && i < n; i++) {
        mcr_buf key = { 0 };
        mcr_json_string(&key, keys[i]);
        cJSON *printed = vectors_parse(key.ptr, key.len);
        bool same = strcmp(cJSON_GetStringValue(printed), popped) == 0;
        cJSON_Delete(printed);
        mcr_buf_fini(&key);
        if (same)
            return i;
    }
    s->unknown_pop = true;
    return n;
}

static bool set_options(scenario *s, const cJSON *scenario_json, mcr_correlator_options *to)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, member(scenario_json, "options"))
    {
        int64_t number = cJSON_IsString(item) ? 0 : vector_int(item);
        if (strcmp(item->string, "lruCacheSize") == 0)
            to->lru_cache_size = number == PLAIN_CONSTRUCTOR ? 0 : number;
        else if (strcmp(item->string, "burstSize") == 0)
            to->burst_size = number;
        else if (strcmp(item->string, "qps") == 0)
            to->qps = (float)item->valuedouble;
        else if (strcmp(item->string, "maxEvents") == 0)
            to->max_events = number;
        else if (strcmp(item->string, "maxIntervalInSeconds") == 0)
            to->max_interval_s = number;
        else if (!cJSON_IsString(item) || !function(to, item))
            return wrong(s, "the option %s is not known", item->string);
    }
    to->pop = (mcr_pop_hook){ choose, s };
    return true;
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
    if (s->unknown_pop)
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
    s->popped = member(member(step, "out"), "popped");
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
    if (!set_options(&s, scenario_json, &options))
        return 0;
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
