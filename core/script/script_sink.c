#include "script/script_sink.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/token_bucket.h"
#include "script/sink_hooks.h"

enum {
    FLUSH_AT = 256,     // written events that wait for flush
    MOST = 4 * FLUSH_AT // events, past the room there is what scripts send directly
};

// What is tried again.
typedef struct tries {
    int64_t n;
    int64_t due; // Unix ns; 0: nothing waits
} tries;

typedef struct script_sink {
    mcr_sink sink;
    mcr_scripts *scripts;
    const mcr_lua_sink *hooks;
    const char *script;
    const mcr_script_sink_options *options;
    mcr_event **events; // in the order they came: `written` of them wait for flush, the others for
                        // write
    size_t n;
    size_t cap;
    size_t written;
    mcr_token_bucket tokens;
    tries write; // of the first event that waits
    tries flush;
    bool ticks;
    int64_t tick_at; // Unix ns; 0: at once
    uint64_t retries;
    bool stopped;
    mcr_buf why;
} script_sink;

static const mcr_option option_list[] = {
    { "retry.attempts", MCR_OPTION_INT, offsetof(mcr_script_sink_options, attempts), NULL,
      "how often a write or flush that asks for it is tried (12)" },
    { "retry.wait", MCR_OPTION_DURATION, offsetof(mcr_script_sink_options, wait), NULL,
      "before the second try; doubles with each (1s)" },
    { "retry.max_wait", MCR_OPTION_DURATION, offsetof(mcr_script_sink_options, max_wait), NULL,
      "the longest wait (60s)" },
    { "rate", MCR_OPTION_RATE, offsetof(mcr_script_sink_options, rate), NULL,
      "writes a second, 0: no limit (0)" },
    { "burst", MCR_OPTION_INT, offsetof(mcr_script_sink_options, burst), NULL,
      "writes at once before rate counts (10)" },
    { 0 },
};

static void defaults(void *options)
{
    *(mcr_script_sink_options *)options = (mcr_script_sink_options){
        .attempts = 12,
        .wait = INT64_C(1000000000),
        .max_wait = INT64_C(60000000000),
        .burst = 10,
    };
}

static const char *check(const void *options, mcr_errbuf *err)
{
    const mcr_script_sink_options *o = options;
    if (o->attempts < 1) {
        mcr_errf(err, MCR_ECONFIG, "'retry.attempts' must be 1 or more");
        return "retry.attempts";
    }
    if (o->wait <= 0) {
        mcr_errf(err, MCR_ECONFIG, "'retry.wait' must be longer than 0");
        return "retry.wait";
    }
    if (o->rate > 0 && o->burst < 1) {
        mcr_errf(err, MCR_ECONFIG, "'burst' must be at least 1 with 'rate'");
        return "burst";
    }
    return NULL;
}

static bool has(const script_sink *s, mcr_lua_sink_hook hook)
{
    return s->hooks->refs[hook] != 0;
}

// Calls a hook that is about no event: what it failed with is logged by the script layer, what it
// refuses here.
static bool call_plain(script_sink *s, mcr_lua_sink_hook hook, const char *name, int64_t now)
{
    mcr_lua_sink_answer answer = mcr_lua_call_sink(s->hooks, hook, NULL, now, &s->why);
    if (answer == MCR_LUA_SINK_REFUSED || answer == MCR_LUA_SINK_RETRY)
        mcr_log(MCR_LOG_ERROR, "sink '%s': %s of %s: %s", s->sink.name ? s->sink.name : "", name,
                s->script, mcr_buf_cstr(&s->why));
    return answer == MCR_LUA_SINK_DONE;
}

mcr_sink *mcr_script_sink_open_take(mcr_scripts *scripts, const char *script,
                                    const mcr_script_sink_options *options, mcr_errbuf *err)
{
    script_sink *s = mcr_zalloc(sizeof *s);
    s->sink.kind = &mcr_sink_kind_script;
    s->scripts = scripts;
    s->hooks = mcr_scripts_sink(scripts);
    s->script = script;
    s->options = options;
    s->ticks = true;
    int64_t now = mcr_clock_now(&s->hooks->lua->clock);
    mcr_token_bucket_fill(&s->tokens, options->burst, now);
    if (mcr_lua_call_sink(s->hooks, MCR_LUA_OPEN, NULL, now, &s->why) == MCR_LUA_SINK_DONE)
        return &s->sink;
    const char *why = mcr_buf_cstr(&s->why);
    mcr_errf(err, MCR_EIO, "open of %s: %.*s", script, (int)strcspn(why, "\n"), why);
    mcr_buf_fini(&s->why);
    mcr_scripts_free(scripts);
    free(s);
    return NULL;
}

static void take_out(script_sink *s, size_t i, size_t n)
{
    for (size_t k = i; k < i + n; k++)
        mcr_event_unref(s->events[k]);
    memmove(&s->events[i], &s->events[i + n], (s->n - i - n) * sizeof *s->events);
    s->n -= n;
}

// Settles events [i … i + n), which the script refused or failed on, by the text in `why`.
static void refuse(script_sink *s, size_t i, size_t n, bool failed)
{
    for (size_t k = i; k < i + n; k++)
        if (failed)
            mcr_sink_refuse_failed(&s->sink, s->events[k], s->script, mcr_buf_str(&s->why));
        else
            mcr_sink_refuse(&s->sink, s->events[k], mcr_buf_cstr(&s->why));
    take_out(s, i, n);
}

static void give_up(script_sink *s, size_t i, size_t n, const char *reason)
{
    for (size_t k = i; k < i + n; k++)
        mcr_sink_give_up(&s->sink, s->events[k], reason);
    take_out(s, i, n);
}

static void deliver(script_sink *s, size_t i, size_t n)
{
    mcr_sink_tell(&s->sink, "delivered", &s->events[i], n);
    s->sink.counts.delivered += n;
    s->sink.counts.in_flight -= n;
    take_out(s, i, n);
}

// The script asks for another try. False: it has had them all, and [i … i + n) is given up.
static bool try_again(script_sink *s, tries *t, const char *hook, size_t i, size_t n, int64_t now)
{
    const mcr_script_sink_options *o = s->options;
    t->n++;
    if (t->n >= o->attempts) {
        mcr_buf reason = { 0 };
        mcr_buf_printf(&reason, "given up after %lld tries: ", (long long)t->n);
        mcr_buf_add(&reason, mcr_buf_str(&s->why));
        give_up(s, i, n, mcr_buf_cstr(&reason));
        mcr_buf_fini(&reason);
        *t = (tries){ 0 };
        return false;
    }
    int64_t wait = o->wait;
    for (int64_t k = 1; k < t->n && wait < o->max_wait; k++)
        wait *= 2;
    t->due = now + (wait < o->max_wait ? wait : o->max_wait);
    s->retries++;
    mcr_log_once_a_minute(MCR_LOG_WARN, "sink '%s' of watcher '%s': %s of %s wants another try: %s",
                          s->sink.name ? s->sink.name : "", s->sink.watcher ? s->sink.watcher : "",
                          hook, s->script, mcr_buf_cstr(&s->why));
    return true;
}

static void flush_now(script_sink *s, int64_t now)
{
    if (!has(s, MCR_LUA_FLUSH) || !s->written || now < s->flush.due)
        return;
    size_t n = s->written;
    mcr_lua_sink_answer answer = mcr_lua_call_sink(s->hooks, MCR_LUA_FLUSH, NULL, now, &s->why);
    if (answer == MCR_LUA_SINK_RETRY) {
        if (!try_again(s, &s->flush, "flush", 0, n, now))
            s->written = 0;
        return;
    }
    if (answer == MCR_LUA_SINK_DONE)
        deliver(s, 0, n);
    else
        refuse(s, 0, n, answer == MCR_LUA_SINK_FAILED);
    s->flush = (tries){ 0 };
    s->written = 0;
}

// Whether `rate` lets another write through; otherwise the next one is due when it does.
static bool take_token(script_sink *s, int64_t now)
{
    const mcr_script_sink_options *o = s->options;
    bool taken = o->rate <= 0 || mcr_token_bucket_take(&s->tokens, o->rate, o->burst, now);
    s->write.due = taken ? 0 : now + (int64_t)(1e9 / o->rate) + 1;
    return taken;
}

// Writes what waits for it, until the script asks for another try.
static void write_now(script_sink *s, int64_t now)
{
    while (s->written < s->n && now >= s->write.due && !s->flush.due && take_token(s, now)) {
        size_t i = s->written;
        mcr_lua_sink_answer answer =
            mcr_lua_call_sink(s->hooks, MCR_LUA_WRITE, s->events[i], now, &s->why);
        if (answer == MCR_LUA_SINK_RETRY) {
            if (try_again(s, &s->write, "write", i, 1, now))
                return;
            continue;
        }
        s->write = (tries){ 0 };
        if (answer != MCR_LUA_SINK_DONE)
            refuse(s, i, 1, answer == MCR_LUA_SINK_FAILED);
        else if (has(s, MCR_LUA_FLUSH))
            s->written++;
        else
            deliver(s, i, 1);
        if (s->written >= FLUSH_AT)
            flush_now(s, now);
    }
}

static size_t room(const mcr_sink *sink)
{
    const script_sink *s = (const script_sink *)sink;
    return s->written < s->n || s->flush.due ? 0 : 2 * FLUSH_AT - s->n;
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    script_sink *s = (script_sink *)sink;
    n = mcr_sink_assign(sink, events, n, MOST);
    if (s->n + n > s->cap) {
        s->cap = 2 * (s->n + n);
        s->events = mcr_realloc(s->events, s->cap * sizeof(mcr_event *));
    }
    for (size_t i = 0; i < n; i++)
        s->events[s->n++] = mcr_event_ref(events[i]);
    write_now(s, now);
}

static void flush(mcr_sink *sink, int64_t now)
{
    script_sink *s = (script_sink *)sink;
    flush_now(s, now);
    write_now(s, now); // which may have waited for that
    flush_now(s, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

static int64_t tick(mcr_sink *sink, int64_t now)
{
    script_sink *s = (script_sink *)sink;
    const mcr_hooks *life = mcr_scripts_hooks(s->scripts);
    if (s->ticks && now >= s->tick_at) {
        s->tick_at = life->tick(life->self, now);
        s->ticks = s->tick_at != 0;
    }
    if (s->flush.due)
        flush_now(s, now);
    write_now(s, now);
    return earlier(s->ticks ? s->tick_at : 0, earlier(s->write.due, s->flush.due));
}

static void reopen(mcr_sink *sink)
{
    script_sink *s = (script_sink *)sink;
    int64_t now = mcr_clock_now(&s->hooks->lua->clock);
    flush_now(s, now);
    call_plain(s, MCR_LUA_REOPEN, "reopen", now);
}

static void drain(mcr_sink *sink, int64_t now)
{
    script_sink *s = (script_sink *)sink;
    s->ticks = false;
    s->write.due = s->flush.due = 0;
    flush(sink, now);
}

static void each_note(const mcr_sink *sink, mcr_sink_note *note, void *arg)
{
    const script_sink *s = (const script_sink *)sink;
    note(arg, "retries", s->retries);
    mcr_script_counts counts = mcr_scripts_counts_now(s->scripts);
    note(arg, "script_errors", counts.script_errors + counts.deadlines);
}

static void stop(mcr_sink *sink)
{
    script_sink *s = (script_sink *)sink;
    if (s->stopped)
        return;
    s->stopped = true;
    int64_t now = mcr_clock_now(&s->hooks->lua->clock);
    flush_now(s, now);
    give_up(s, 0, s->n, "the end came first");
    s->written = 0;
    call_plain(s, MCR_LUA_CLOSE, "close", now);
}

static void close_sink(mcr_sink *sink)
{
    script_sink *s = (script_sink *)sink;
    stop(sink);
    mcr_scripts_free(s->scripts);
    free(s->events);
    mcr_buf_fini(&s->why);
    free(s);
}

const mcr_sink_kind mcr_sink_kind_script = {
    .name = "script",
    .doc = "hands events to a script",
    .options = option_list,
    .options_size = sizeof(mcr_script_sink_options),
    .defaults = defaults,
    .check = check,
    .room = room,
    .write = write_events,
    .flush = flush,
    .tick = tick,
    .reopen = reopen,
    .drain = drain,
    .each_note = each_note,
    .stop = stop,
    .close = close_sink,
};

mcr_scripts *mcr_script_sink_scripts(const mcr_sink *sink)
{
    return sink->kind == &mcr_sink_kind_script ? ((const script_sink *)sink)->scripts : NULL;
}
