#include "script/shadow.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"
#include "script/script_parts.h"
#include "script/shadow_record.h"

enum {
    HANDLE = MCR_TEXT_HOOKS, // the records before it are those of the text hooks
    ROUTE,
    RENDER,
    RECORDS
};

typedef struct text_pair {
    mcr_shadow *shadow;
    mcr_text_hook live;
    mcr_text_hook candidate;
    mcr_shadow_record *record;
} text_pair;

typedef struct direct_list {
    mcr_direct *at;
    uint32_t n;
    uint32_t cap;
} direct_list;

struct mcr_shadow {
    mcr_scripts *live;
    mcr_scripts *candidate;
    const mcr_hooks *before; // the live hooks
    const mcr_hooks *beside; // the candidate's
    mcr_dead_letters *dead;  // the candidate's, once it is no shadow
    mcr_hooks hooks;
    char **sinks;
    uint32_t sink_n;
    direct_list own;   // what the live scripts deliver themselves, on its way to the watcher
    uint32_t own_next; // the first of them that was not taken
    direct_list other; // what the candidate would deliver
    text_pair texts[MCR_TEXT_HOOKS];
    mcr_shadow_record records[RECORDS];
    mcr_buf text_a;
    mcr_buf text_b;
};

static void drop(direct_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        mcr_event_unref(list->at[i].ev);
    list->n = 0;
}

static void collect(const mcr_hooks *hooks, direct_list *list)
{
    mcr_direct d;
    while (hooks->next_direct && hooks->next_direct(hooks->self, &d)) {
        if (list->n == list->cap) {
            list->cap = list->cap ? list->cap * 2 : 16;
            list->at = mcr_realloc(list->at, list->cap * sizeof *list->at);
        }
        list->at[list->n++] = d;
    }
}

static void say_verdict(mcr_buf *out, const mcr_verdict *v, const mcr_event *before)
{
    out->len = 0;
    if (v->outcome == MCR_DROP)
        mcr_buf_puts(out, "drops it");
    else if (v->outcome == MCR_REFUSED)
        mcr_buf_puts(out, "fails");
    else if (v->ev == before)
        mcr_buf_puts(out, "passes it");
    else
        mcr_event_encode(out, v->ev, true);
}

static void run_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_shadow *s = self;
    mcr_verdict other[MCR_BATCH];
    mcr_event *before[MCR_BATCH];
    for (uint32_t i = 0; i < n; i++) {
        before[i] = mcr_event_ref(v[i].ev);
        other[i] = (mcr_verdict){ .ev = mcr_event_ref(v[i].ev), .outcome = MCR_PASS };
    }
    if (s->before->handle)
        s->before->handle(s->before->self, v, n, now);
    if (s->beside->handle)
        s->beside->handle(s->beside->self, other, n, now);
    collect(s->beside, &s->other);
    drop(&s->other);
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].outcome == other[i].outcome && v[i].ev == other[i].ev) {
            mcr_shadow_same(&s->records[HANDLE]);
        } else {
            say_verdict(&s->text_a, &v[i], before[i]);
            say_verdict(&s->text_b, &other[i], before[i]);
            mcr_shadow_compare(&s->records[HANDLE], before[i], mcr_buf_str(&s->text_a),
                               mcr_buf_str(&s->text_b));
        }
        mcr_event_unref(other[i].ev);
        mcr_event_unref(before[i]);
    }
}

static void why(void *self, const mcr_verdict *v, uint32_t i, mcr_buf *out)
{
    const mcr_shadow *s = self;
    s->before->why(s->before->self, v, i, out);
}

// "slack, archive (its own event …)": where an event goes.
static void say_route(const mcr_shadow *s, mcr_buf *out, const mcr_verdict *v, uint32_t place,
                      const direct_list *directs)
{
    out->len = 0;
    for (uint32_t k = 0; k < s->sink_n; k++) {
        if (v->sinks >> k & 1)
            mcr_buf_printf(out, "%s%s", out->len ? ", " : "", s->sinks[k]);
        for (uint32_t i = 0; i < directs->n; i++) {
            const mcr_direct *d = &directs->at[i];
            if (d->place != place || d->sink != k)
                continue;
            mcr_buf_printf(out, "%s%s with ", out->len ? ", " : "", s->sinks[k]);
            mcr_event_encode(out, d->ev, true);
        }
    }
    if (!out->len)
        mcr_buf_puts(out, "nowhere");
}

static void run_route(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_shadow *s = self;
    uint64_t all = s->sink_n >= 64 ? UINT64_MAX : (UINT64_C(1) << s->sink_n) - 1;
    mcr_verdict other[MCR_BATCH];
    for (uint32_t i = 0; i < n; i++)
        other[i] = (mcr_verdict){ .ev = mcr_event_ref(v[i].ev), .outcome = MCR_PASS, .sinks = all };
    if (s->before->route)
        s->before->route(s->before->self, v, n, now);
    else
        for (uint32_t i = 0; i < n; i++)
            v[i].sinks = all;
    if (s->beside->route)
        s->beside->route(s->beside->self, other, n, now);
    collect(s->before, &s->own);
    collect(s->beside, &s->other);
    for (uint32_t i = 0; i < n; i++) {
        say_route(s, &s->text_a, &v[i], i + 1, &s->own);
        say_route(s, &s->text_b, &other[i], i + 1, &s->other);
        mcr_shadow_compare(&s->records[ROUTE], v[i].ev, mcr_buf_str(&s->text_a),
                           mcr_buf_str(&s->text_b));
        mcr_event_unref(other[i].ev);
    }
    drop(&s->other);
}

static bool next_direct(void *self, mcr_direct *out)
{
    mcr_shadow *s = self;
    if (s->own_next == s->own.n) {
        s->own_next = s->own.n = 0;
        return s->before->next_direct && s->before->next_direct(s->before->self, out);
    }
    *out = s->own.at[s->own_next++];
    return true;
}

static void say_rendered(mcr_buf *out, mcr_render_result result, const mcr_rendered *r)
{
    static const char *const words[] = { "the sink's own body", "", "not sent", "fails" };
    out->len = 0;
    mcr_buf_puts(out, words[result]);
    if (result != MCR_RENDER_DONE)
        return;
    const mcr_buf *const parts[] = { &r->method, &r->url, &r->headers, &r->body };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i]->len)
            continue;
        mcr_buf_puts(out, out->len ? " " : "");
        mcr_buf_append(out, parts[i]->ptr, parts[i]->len);
    }
}

static mcr_render_result render(const mcr_hooks *hooks, mcr_event *ev, const char *sink,
                                mcr_rendered *out, mcr_errbuf *err)
{
    return hooks->render ? hooks->render(hooks->self, ev, sink, out, err) : MCR_RENDER_NONE;
}

static mcr_render_result run_render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                    mcr_errbuf *err)
{
    mcr_shadow *s = self;
    mcr_rendered other = { 0 };
    mcr_errbuf its;
    mcr_render_result result = render(s->before, ev, sink, out, err);
    say_rendered(&s->text_a, result, out);
    say_rendered(&s->text_b, render(s->beside, ev, sink, &other, &its), &other);
    mcr_shadow_compare(&s->records[RENDER], ev, mcr_buf_str(&s->text_a), mcr_buf_str(&s->text_b));
    mcr_buf_fini(&other.body);
    mcr_buf_fini(&other.url);
    mcr_buf_fini(&other.method);
    mcr_buf_fini(&other.headers);
    return result;
}

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

static int64_t run_tick(void *self, int64_t now)
{
    mcr_shadow *s = self;
    int64_t next = s->before->tick ? s->before->tick(s->before->self, now) : 0;
    int64_t its = s->beside->tick ? s->beside->tick(s->beside->self, now) : 0;
    collect(s->beside, &s->other);
    drop(&s->other);
    return earlier(next, its);
}

static void run_fini(void *self, int64_t now)
{
    mcr_shadow *s = self;
    if (s->before->fini)
        s->before->fini(s->before->self, now);
    if (s->beside->fini)
        s->beside->fini(s->beside->self, now);
    collect(s->beside, &s->other);
    drop(&s->other);
}

// Runs one side's hook; false leaves `out` empty: client-go's.
static bool call_text(const mcr_text_hook *hook, mcr_event *ev, mcr_buf *out)
{
    size_t begin = out->len;
    bool own = hook->call && hook->call(hook->self, ev, out);
    if (!own)
        out->len = begin;
    return own;
}

static bool run_text(void *self, mcr_event *ev, mcr_buf *out)
{
    const text_pair *t = self;
    mcr_shadow *s = t->shadow;
    size_t begin = out->len;
    bool own = call_text(&t->live, ev, out);
    s->text_b.len = 0;
    bool others = call_text(&t->candidate, ev, &s->text_b);
    mcr_str live = own ? mcr_str_n(out->ptr + begin, out->len - begin) : MCR_STR("client-go's");
    mcr_str shadow = others ? mcr_buf_str(&s->text_b) : MCR_STR("client-go's");
    mcr_shadow_compare(t->record, ev, live, shadow);
    return own;
}

static void set_room(void *self, mcr_room_hook room)
{
    const mcr_shadow *s = self;
    if (s->before->set_room)
        s->before->set_room(s->before->self, room);
}

mcr_shadow *mcr_shadow_new(mcr_scripts *live, mcr_scripts *candidate, const char *const *sinks,
                           uint32_t sink_n)
{
    static const char *const names[RECORDS] = {
        "aggregate_key", "local_key", "spam_key", "aggregate_message", "handle", "route", "render"
    };
    mcr_shadow *s = mcr_zalloc(sizeof *s);
    s->live = live;
    s->candidate = candidate;
    s->before = mcr_scripts_hooks(live);
    s->beside = mcr_scripts_hooks(candidate);
    candidate->lua.is_shadow = true;
    s->dead = candidate->lua.dead;
    candidate->lua.dead = NULL; // what it fails on was handled all the same
    s->sinks = mcr_zalloc((sink_n + 1) * sizeof *s->sinks);
    for (; s->sink_n < sink_n; s->sink_n++)
        s->sinks[s->sink_n] = mcr_strdup(sinks[s->sink_n]);
    for (size_t i = 0; i < RECORDS; i++)
        s->records[i].hook = names[i];
    s->hooks = (mcr_hooks){
        .self = s,
        .set_room = set_room,
        .handle = s->before->handle || s->beside->handle ? run_handle : NULL,
        .route = s->before->route || s->beside->route ? run_route : NULL,
        .render = s->before->render || s->beside->render ? run_render : NULL,
        .next_direct = next_direct,
        .tick = run_tick,
        .why = s->before->why ? why : NULL,
        .fini = run_fini,
    };
    return s;
}

static void end(mcr_shadow *s)
{
    for (; s->own_next < s->own.n; s->own_next++)
        mcr_event_unref(s->own.at[s->own_next].ev);
    free(s->own.at);
    drop(&s->other);
    free(s->other.at);
    for (size_t i = 0; i < RECORDS; i++)
        mcr_shadow_record_fini(&s->records[i]);
    for (uint32_t i = 0; i < s->sink_n; i++)
        free(s->sinks[i]);
    free(s->sinks);
    mcr_buf_fini(&s->text_a);
    mcr_buf_fini(&s->text_b);
    free(s);
}

void mcr_shadow_free(mcr_shadow *s)
{
    if (!s)
        return;
    mcr_scripts_free(s->candidate);
    end(s);
}

mcr_scripts *mcr_shadow_promote(mcr_shadow *s)
{
    mcr_scripts *candidate = s->candidate;
    candidate->lua.is_shadow = false;
    candidate->lua.dead = s->dead;
    end(s);
    return candidate;
}

const mcr_hooks *mcr_shadow_hooks(const mcr_shadow *s)
{
    return &s->hooks;
}

void mcr_shadow_correlator_hooks(mcr_shadow *s, mcr_correlator_options *options)
{
    mcr_correlator_options other = *options;
    mcr_scripts_correlator_hooks(s->live, options);
    mcr_scripts_correlator_hooks(s->candidate, &other);
    mcr_text_hook *const live[] = { &options->aggregate_key, &options->local_key,
                                    &options->spam_key, &options->aggregate_message };
    const mcr_text_hook *const its[] = { &other.aggregate_key, &other.local_key, &other.spam_key,
                                         &other.aggregate_message };
    for (size_t i = 0; i < MCR_TEXT_HOOKS; i++) {
        s->texts[i] = (text_pair){ s, *live[i], *its[i], &s->records[i] };
        if (live[i]->call || its[i]->call)
            *live[i] = (mcr_text_hook){ run_text, &s->texts[i] };
    }
}

void mcr_shadow_report(const mcr_shadow *s, mcr_buf *json)
{
    const mcr_lua *its = &s->candidate->lua;
    mcr_buf_printf(
        json,
        "{\"emits\":%llu,\"shared_writes\":%llu,\"script_errors\":%llu,"
        "\"deadlines\":%llu,\"hooks\":[",
        (unsigned long long)its->kept_back.emits, (unsigned long long)its->kept_back.shared_writes,
        (unsigned long long)its->counts.script_errors, (unsigned long long)its->counts.deadlines);
    bool any = false;
    for (size_t i = 0; i < RECORDS; i++) {
        if (!s->records[i].compared)
            continue;
        mcr_buf_puts(json, any ? "," : "");
        mcr_shadow_record_write(&s->records[i], json);
        any = true;
    }
    mcr_buf_puts(json, "]}");
}
