// Kinds "mux" and "mux_backpressure": the broadcaster's operations, one after the other, against
// what client-go's did. Where it makes no difference (drop mode, a queue), the inline broadcaster
// must give the same results as the one with a thread.

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broadcast/broadcaster.h"
#include "vectors/vectors.h"

enum {
    WATCHES = 64 // ids in a scenario
};

typedef struct scenario {
    mcr_broadcaster *b;
    bool is_inline;
    mcr_watch *watches[WATCHES];
    int number; // of the last event that was taken
    char *why;
    size_t why_size;
} scenario;

static bool wrong(const scenario *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(const scenario *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, s->why_size, format, args);
    va_end(args);
    return false;
}

static int integer(const cJSON *object, const char *name, int missing)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valueint : missing;
}

static const char *string(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static bool says(const scenario *s, const cJSON *op, const char *out)
{
    return strcmp(out, string(op, "out")) == 0 ||
           wrong(s, "%s: expected \"%s\", found \"%s\"", string(op, "op"), string(op, "out"), out);
}

static mcr_event *numbered(int number)
{
    mcr_event fields = { .count = number };
    return mcr_event_new(&fields);
}

static bool last_number(const scenario *s, const cJSON *op)
{
    int expected = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(op, "got"), 0)->valueint;
    return expected == s->number ||
           wrong(s, "%s: expected event %d, found %d", string(op, "op"), expected, s->number);
}

static mcr_err put(scenario *s, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    if (!s->is_inline && accepted)
        return mcr_broadcaster_action_or_drop(s->b, ev, accepted, err);
    if (!s->is_inline)
        return mcr_broadcaster_action(s->b, ev, err);
    bool taken = mcr_broadcaster_publish(s->b, &ev, 1, MCR_DROP_IF_CHANNEL_FULL) == 1;
    if (accepted)
        *accepted = taken;
    return taken ? MCR_OK : mcr_errf(err, MCR_ESTOPPED, "broadcaster already stopped");
}

static bool op_action(scenario *s, const cJSON *op)
{
    mcr_errbuf err = { "" };
    for (int i = integer(op, "n", 1); i > 0; i--) {
        mcr_event *ev = numbered(s->number + 1);
        if (put(s, ev, NULL, &err) == MCR_OK)
            s->number++;
        mcr_event_unref(ev);
    }
    return says(s, op, err.text) && last_number(s, op);
}

static bool op_action_or_drop(scenario *s, const cJSON *op)
{
    mcr_errbuf err = { "" };
    bool accepted;
    mcr_event *ev = numbered(s->number + 1);
    put(s, ev, &accepted, &err);
    mcr_event_unref(ev);
    s->number += accepted;
    char out[sizeof err.text + 16];
    snprintf(out, sizeof out, "%s%s%s", accepted ? "true" : "false", err.text[0] ? " " : "",
             err.text);
    return says(s, op, out) && last_number(s, op);
}

static bool op_watch(scenario *s, const cJSON *op)
{
    mcr_event *prefix[WATCHES];
    int n = integer(op, "n", 0);
    mcr_errbuf err = { "" };
    mcr_watch **w = &s->watches[integer(op, "w", 0)];
    for (int i = 0; i < n; i++)
        prefix[i] = numbered(-1 - i);
    *w = strcmp(string(op, "op"), "watch") == 0
             ? mcr_broadcaster_watch(s->b, &err)
             : mcr_broadcaster_watch_with_prefix(s->b, prefix, (uint32_t)n, &err);
    for (int i = 0; i < n; i++)
        mcr_event_unref(prefix[i]);
    return says(s, op, err.text);
}

static bool op_read(scenario *s, const cJSON *op)
{
    mcr_watch *w = s->watches[integer(op, "w", 0)];
    const cJSON *got = cJSON_GetObjectItemCaseSensitive(op, "got");
    if (!w)
        return says(s, op, "no such watcher");
    const char *out = "";
    int n = 0;
    for (int max = integer(op, "n", 1); n < max && !*out;) {
        mcr_event *ev;
        switch (mcr_watch_next(w, 0, &ev)) {
        case MCR_WATCH_EVENT: {
            const cJSON *expected = cJSON_GetArrayItem(got, n++);
            int found = ev->count;
            mcr_event_unref(ev);
            if (!expected || expected->valueint != found)
                return wrong(s, "read: event %d as number %d of %d", found, n,
                             cJSON_GetArraySize(got));
            break;
        }
        case MCR_WATCH_EMPTY:
            out = "empty";
            break;
        case MCR_WATCH_CLOSED:
            out = "closed";
            break;
        }
    }
    if (n != cJSON_GetArraySize(got))
        return wrong(s, "read: %d of %d events", n, cJSON_GetArraySize(got));
    return says(s, op, out);
}

static bool op_stop(scenario *s, const cJSON *op)
{
    mcr_watch *w = s->watches[integer(op, "w", 0)];
    if (w)
        mcr_watch_stop(w);
    return says(s, op, w ? "" : "no such watcher");
}

static bool op_shutdown(scenario *s, const cJSON *op)
{
    mcr_broadcaster_shutdown(s->b);
    return says(s, op, "");
}

static bool step(scenario *s, const cJSON *op)
{
    static const struct {
        const char *name;
        bool (*run)(scenario *s, const cJSON *op);
    } ops[] = {
        { "watch", op_watch },       { "watch_prefix", op_watch },
        { "action", op_action },     { "action_or_drop", op_action_or_drop },
        { "read", op_read },         { "stop", op_stop },
        { "shutdown", op_shutdown },
    };
    int w = integer(op, "w", 0);
    if (w < 0 || w >= WATCHES || integer(op, "n", 0) > WATCHES)
        return wrong(s, "%s: more than this runner has room for", string(op, "op"));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].name, string(op, "op")) != 0)
            continue;
        bool good = ops[i].run(s, op);
        while (mcr_broadcaster_counts_now(s->b).queued)
            sched_yield();
        return good;
    }
    return wrong(s, "unknown op \"%s\"", string(op, "op"));
}

static mcr_broadcaster *broadcaster(const cJSON *json, bool is_inline)
{
    bool wait = strcmp(string(json, "mode"), "wait") == 0;
    bool is_long = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "long_queue"));
    mcr_broadcaster_options options = {
        .queue = (uint32_t)integer(json, "queue", 0),
        .incoming = is_long ? (uint32_t)integer(json, "queue", 0) : 25,
        .full = wait ? MCR_WAIT_IF_CHANNEL_FULL : MCR_DROP_IF_CHANNEL_FULL,
        .is_inline = is_inline,
    };
    return mcr_broadcaster_new(&options);
}

static bool sums_hold(const scenario *s)
{
    mcr_broadcaster_counts b = mcr_broadcaster_counts_now(s->b);
    if (b.accepted != b.incoming_full + b.emit_full + b.queued + b.distributed)
        return wrong(s, "the broadcaster's counts do not add up");
    for (int i = 0; i < WATCHES; i++) {
        if (!s->watches[i])
            continue;
        mcr_watch_counts w = mcr_watch_counts_now(s->watches[i]);
        if (w.offered != w.ring_full + w.queued + w.taken)
            return wrong(s, "the counts of watch %d do not add up", i);
    }
    return true;
}

static void end(scenario *s)
{
    for (int i = 0; i < WATCHES; i++)
        mcr_watch_free(s->watches[i]);
    mcr_broadcaster_free(s->b);
}

static bool run_ops(const cJSON *json, bool is_inline, char *why, size_t why_size)
{
    scenario s = {
        .b = broadcaster(json, is_inline), .is_inline = is_inline, .why = why, .why_size = why_size
    };
    bool good = true;
    const cJSON *op;
    int n = 0;
    cJSON_ArrayForEach(op, cJSON_GetObjectItemCaseSensitive(json, "ops"))
    {
        n++;
        if (!(good = step(&s, op) && sums_hold(&s)))
            break;
    }
    if (!good) {
        size_t len = strlen(why);
        snprintf(why + len, why_size - len, " (op %d%s)", n, is_inline ? ", inline" : "");
    }
    end(&s);
    return good;
}

// More than `accepted` can never be taken, however the threads are scheduled; so many, soon.
static bool run_backpressure(const cJSON *json, char *why, size_t why_size)
{
    scenario s = { .b = broadcaster(json, false), .why = why, .why_size = why_size };
    mcr_watch *w = s.watches[0] = mcr_broadcaster_watch(s.b, NULL);
    int expected = integer(json, "accepted", 0);
    int refused = 0;
    while (s.number < expected || refused < 100) {
        bool accepted;
        mcr_event *ev = numbered(s.number + 1);
        mcr_broadcaster_action_or_drop(s.b, ev, &accepted, NULL);
        mcr_event_unref(ev);
        s.number += accepted;
        refused = accepted || s.number < expected ? 0 : refused + 1;
        if (s.number > expected)
            break;
        sched_yield();
    }
    bool good = s.number == expected || wrong(&s, "accepted more than %d", expected);
    for (int number = 1; good && number <= expected; number++) {
        mcr_event *ev;
        good = mcr_watch_next(w, -1, &ev) == MCR_WATCH_EVENT && ev->count == number;
        if (good)
            mcr_event_unref(ev);
        else
            wrong(&s, "event %d did not come as number %d", number, number);
    }
    mcr_watch_stop(w);
    end(&s);
    return good;
}

int vectors_mux(const cJSON *json, char *why, size_t why_size)
{
    if (strcmp(string(json, "kind"), "mux_backpressure") == 0)
        return run_backpressure(json, why, why_size);
    bool drops = strcmp(string(json, "mode"), "drop") == 0;
    return run_ops(json, false, why, why_size) &&
           (!drops || !integer(json, "queue", 0) || run_ops(json, true, why, why_size));
}
