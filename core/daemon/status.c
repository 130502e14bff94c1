#include "daemon/status.h"

#include <inttypes.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/units.h"
#include "build.h"
#include "event/encode.h"
#include "event/time.h"

// `name` with the comma before it, unless it is the first of its object.
static void member(mcr_buf *out, const char *name)
{
    if (out->len && out->ptr[out->len - 1] != '{')
        mcr_buf_putc(out, ',');
    mcr_buf_printf(out, "\"%s\":", name);
}

static void text_member(mcr_buf *out, const char *name, const char *text)
{
    member(out, name);
    if (text)
        mcr_json_string(out, mcr_str_of(text));
    else
        mcr_buf_puts(out, "null");
}

static void number_member(mcr_buf *out, const char *name, uint64_t n)
{
    member(out, name);
    mcr_buf_printf(out, "%" PRIu64, n);
}

static void bool_member(mcr_buf *out, const char *name, bool value)
{
    member(out, name);
    mcr_buf_puts(out, value ? "true" : "false");
}

static void time_member(mcr_buf *out, const char *name, int64_t unix_ns)
{
    mcr_time t = mcr_time_of(unix_ns);
    member(out, name);
    mcr_micro_time_write(out, &t);
}

static const char *const whats[] = {
    [MCR_RELOAD_DISK] = "reload",   [MCR_RELOAD_ROLLBACK] = "rollback",
    [MCR_RELOAD_SHADOW] = "shadow", [MCR_RELOAD_PROMOTE] = "promote",
    [MCR_RELOAD_DROP] = "drop",
};

void mcr_status_write_outcome(mcr_buf *out, const mcr_reload_outcome *o)
{
    mcr_buf_putc(out, '{');
    bool_member(out, "ok", o->ok);
    text_member(out, "what", whats[o->what]);
    text_member(out, "who", o->who);
    number_member(out, "generation", o->generation);
    text_member(out, "message", o->message);
    text_member(out, "changed", o->changed);
    time_member(out, "at", o->at);
    member(out, "took_ms");
    mcr_buf_printf(out, "%.3f", (double)o->took_ns / 1e6);
    mcr_buf_putc(out, '}');
}

static void write_reload(mcr_buf *out, const mcr_reload_status *s)
{
    member(out, "reload");
    mcr_buf_putc(out, '{');
    bool_member(out, "busy", s->busy);
    number_member(out, "succeeded", s->succeeded);
    number_member(out, "failed", s->failed);
    member(out, "last");
    if (s->last)
        mcr_status_write_outcome(out, s->last);
    else
        mcr_buf_puts(out, "null");
    mcr_buf_putc(out, '}');
}

static void write_file(void *to, const char *path, mcr_str text)
{
    mcr_buf *out = to;
    if (out->ptr[out->len - 1] != '[')
        mcr_buf_putc(out, ',');
    mcr_buf_putc(out, '{');
    text_member(out, "path", path);
    member(out, "hash");
    mcr_buf_printf(out, "\"%016llx\"", (unsigned long long)XXH3_64bits(text.ptr, text.len));
    number_member(out, "bytes", text.len);
    mcr_buf_putc(out, '}');
}

static void write_generation(mcr_buf *out, const mcr_live *live, const mcr_generation *g)
{
    member(out, "generation");
    mcr_buf_putc(out, '{');
    number_member(out, "number", g->number);
    text_member(out, "hash", g->hash);
    time_member(out, "at", g->made_at);
    text_member(out, "changed", live->changed);
    member(out, "files");
    mcr_buf_putc(out, '[');
    mcr_file_set_each(g->files, false, write_file, out);
    mcr_buf_puts(out, "]}");
}

// The lines of a text as a list of strings.
static void write_lines(mcr_buf *out, const char *text)
{
    mcr_buf_putc(out, '[');
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        if (at != text)
            mcr_buf_putc(out, ',');
        mcr_json_string(out, mcr_str_n(at, len));
        at += len + (at[len] == '\n');
    }
    mcr_buf_putc(out, ']');
}

static void write_watchers(mcr_buf *out, const mcr_census_result *counted)
{
    member(out, "watchers");
    mcr_buf_putc(out, '[');
    for (uint32_t i = 0; i < counted->watcher_n; i++) {
        const mcr_census_watcher *w = &counted->watchers[i];
        mcr_buf_puts(out, i ? ",{" : "{");
        text_member(out, "name", w->name);
        text_member(out, "host", w->group ? w->group : w->name);
        text_member(out, "group", w->group);
        member(out, "scripts");
        write_lines(out, w->scripts);
        member(out, "hooks");
        mcr_hook_figures_write(out, w->hooks);
        bool_member(out, "leaving", w->leaving);
        bool_member(out, "silent", w->silent);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_putc(out, ']');
}

static mcr_ledger whole(const mcr_live *live, const mcr_census_result *counted)
{
    mcr_ledger ledger = *counted->ledger;
    ledger.recorded = live->recorded;
    return ledger;
}

void mcr_status_write(mcr_buf *out, const mcr_live *live, const mcr_census_result *counted)
{
    const mcr_reload_status reload = mcr_reload_status_now(live->reload);
    const mcr_ledger ledger = whole(live, counted);
    const char *why;
    mcr_buf_putc(out, '{');
    text_member(out, "version", MCR_VERSION);
    number_member(out, "pid", (uint64_t)getpid());
    time_member(out, "started_at", live->started_at);
    text_member(out, "config", live->config_path);
    text_member(out, "state_dir", live->app->config->state_dir);
    text_member(out, "socket", live->socket);
    text_member(out, "admin", live->admin);
    bool_member(out, "ready", mcr_live_is_ready(live, &why));
    text_member(out, "not_ready", why);
    text_member(out, "last_good", live->last_good);
    write_generation(out, live, reload.generation);
    write_reload(out, &reload);
    write_watchers(out, counted);
    member(out, "ledger");
    mcr_ledger_write(out, &ledger, true);
    out->len--; // its newline
    mcr_buf_putc(out, '}');
}

//
// For people
//

static void line(mcr_buf *out, const char *label, const char *text)
{
    mcr_buf_printf(out, "%-12s%s\n", label, text);
}

// "2026-11-23 14:20:05Z"
static void add_time(mcr_buf *out, int64_t unix_ns)
{
    mcr_time t = mcr_time_of(unix_ns);
    mcr_time_format(out, t.sec, 0, 0);
}

static void text_of_watchers(mcr_buf *out, const mcr_census_result *counted)
{
    for (uint32_t i = 0; i < counted->watcher_n; i++) {
        const mcr_census_watcher *w = &counted->watchers[i];
        mcr_buf_printf(out, "%-12s%s", "watcher", w->name);
        if (w->group)
            mcr_buf_printf(out, " (group %s)", w->group);
        if (w->silent)
            mcr_buf_puts(out, ", which does not answer: a hook of it takes long; no counters");
        if (w->leaving)
            mcr_buf_puts(out, ", which works off its queue and ends");
        mcr_buf_putc(out, '\n');
        for (const char *at = w->scripts; *at;) {
            size_t len = strcspn(at, "\n");
            mcr_buf_printf(out, "  script    %.*s\n", (int)len, at);
            at += len + (at[len] == '\n');
        }
        mcr_hook_figures_write_text(out, w->hooks);
    }
}

static void text_of_reload(mcr_buf *out, const mcr_reload_status *s)
{
    const mcr_generation *g = s->generation;
    mcr_buf_printf(out, "%-12s%" PRIu64 ", %s, since ", "generation", g->number, g->hash);
    add_time(out, g->made_at);
    mcr_buf_printf(out, "\n%-12s%" PRIu64 " succeeded, %" PRIu64 " failed%s\n", "reloads",
                   s->succeeded, s->failed, s->busy ? ", one is under way" : "");
    if (!s->last)
        return;
    mcr_buf_printf(out, "%-12s%s, %s, ", "last reload", s->last->ok ? "succeeded" : "failed",
                   s->last->who);
    add_time(out, s->last->at);
    mcr_buf_printf(out, ": %s\n", s->last->message);
}

void mcr_status_write_text(mcr_buf *to, const mcr_live *live, const mcr_census_result *counted)
{
    const mcr_reload_status reload = mcr_reload_status_now(live->reload);
    const mcr_ledger ledger = whole(live, counted);
    mcr_buf text = { 0 }, *out = &text;
    const char *why;
    mcr_buf_printf(out, "mooncrier %s, process %ld, since ", MCR_VERSION, (long)getpid());
    add_time(out, live->started_at);
    mcr_buf_putc(out, '\n');
    line(out, "config", live->config_path);
    line(out, "socket", live->socket ? live->socket : "none");
    if (live->admin)
        line(out, "admin", live->admin);
    if (!mcr_live_is_ready(live, &why))
        line(out, "not ready", why);
    if (live->last_good)
        mcr_buf_printf(out, "%-12srunning on the last good set: %s\n", "attention",
                       live->last_good);
    text_of_reload(out, &reload);
    text_of_watchers(out, counted);
    mcr_ledger_write(out, &ledger, false);
    mcr_json_string(to, mcr_buf_str(&text));
    mcr_buf_fini(&text);
}
