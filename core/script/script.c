#include "script/script_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/core_module.h"
#include "script/guard.h"
#include "script/memory.h"

static void run_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now);
static void run_route(void *self, mcr_verdict *v, uint32_t n, int64_t now);
static void set_room(void *self, mcr_room_hook room);
static bool next_direct(void *self, mcr_direct *out);
static mcr_render_result run_render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                    mcr_errbuf *err);
static int64_t run_tick(void *self, int64_t now);
static void why(void *self, const mcr_verdict *v, uint32_t i, mcr_buf *out);
static void run_fini(void *self, int64_t now);

mcr_scripts *mcr_scripts_new(const mcr_script_options *options)
{
    mcr_scripts *s = mcr_zalloc(sizeof *s);
    mcr_lua_init(&s->lua, options);
    s->sandbox_dir = options->scripts_dir ? mcr_strdup(options->scripts_dir) : NULL;
    s->memory = options->memory;
    s->guards = options->deadline != MCR_NO_DEADLINE;
    s->lua.renew = mcr_scripts_renew;
    s->hooks =
        (mcr_hooks){ .self = s, .set_room = set_room, .next_direct = next_direct, .why = why };
    mcr_scripts_open(s);
    return s;
}

void mcr_scripts_free(mcr_scripts *s)
{
    if (!s)
        return;
    mcr_lua_close(&s->lua);
    mcr_guard_free(s->lua.guarded);
    mcr_lua_fini(&s->lua);
    mcr_recipe_fini(&s->recipe);
    free(s->chain);
    free(s->sandbox_dir);
    free(s);
}

int64_t mcr_scripts_unhurried(const mcr_scripts *s)
{
    return s->lua.deadline > MCR_DEADLINE_NS ? s->lua.deadline : MCR_DEADLINE_NS;
}

void mcr_scripts_fill_hooks(mcr_scripts *s, bool has_texts, bool has_render)
{
    // Also when there is nothing but what is called later, which sees the time of the batch.
    if (s->chain_n || has_texts || has_render)
        s->hooks.handle = run_handle;
    if (has_render)
        s->hooks.render = run_render;
    if (s->has_route || s->lua.unrouted != s->lua.all_sinks)
        s->hooks.route = run_route;
    s->hooks.tick = run_tick;
    s->hooks.fini = run_fini;
}

struct lua_State *mcr_scripts_state(mcr_scripts *s)
{
    return s->lua.L;
}

void mcr_scripts_attach(mcr_scripts *s, const mcr_watcher *w, const mcr_watch *watch)
{
    const char *names[MCR_MAX_SINKS];
    uint32_t n = mcr_watcher_sink_count(w);
    for (uint32_t i = 0; i < n; i++)
        names[i] = mcr_watcher_sink(w, i)->name;
    mcr_scripts_set_sinks(s, names, n, UINT64_MAX);
    s->lua.watch = watch;
}

void mcr_scripts_set_watch(mcr_scripts *s, const mcr_watch *watch)
{
    s->lua.watch = watch;
}

const mcr_file_set *mcr_scripts_files(const mcr_scripts *s)
{
    return s->lua.files;
}

const mcr_hooks *mcr_scripts_hooks(const mcr_scripts *s)
{
    return &s->hooks;
}

mcr_script_counts mcr_scripts_counts_now(const mcr_scripts *s)
{
    mcr_script_counts counts = s->lua.counts;
    if (s->lua.arena) {
        counts.memory_used = mcr_arena_used(s->lua.arena);
        counts.memory_limit = mcr_arena_limit(s->lua.arena);
    }
    return counts;
}

static void begin(mcr_scripts *s, mcr_verdict *v, int64_t now)
{
    mcr_lua_set_now(&s->lua, now);
    s->started = true;
    mcr_scripts_revive(s, now);
    s->lua.json.len = s->lua.keys.len = 0; // more than nothing only after an error in between
    s->lua.run.slot = (mcr_slot *)(void *)v;
}

static void run_handle(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_scripts *s = self;
    begin(s, v, now);
    if (s->chain_n == 1)
        mcr_lua_drive(&s->lua, &s->chain[0], 0, n);
    else if (s->chain_n > 1)
        mcr_lua_drive_chain(&s->lua, s->chain, s->chain_n, n);
    s->lua.run.slot = NULL;
}

static void why(void *self, const mcr_verdict *v, uint32_t i, mcr_buf *out)
{
    mcr_scripts *s = self;
    lua_State *L = s->lua.L;
    if (v->outcome == MCR_REFUSED)
        mcr_buf_add(out, mcr_buf_str(&s->lua.refusals[i]));
    if (v->outcome != MCR_DROP || !v->sinks)
        return;
    mcr_scripts_push_function(s, "reason_at"); // reason_at
    lua_pushnumber(L, (lua_Number)v->sinks);   // reason_at place
    if (mcr_lua_pcall(L, 1, 1, true)) {        // reason, nil or message
        size_t len = 0;
        const char *text = lua_tolstring(L, -1, &len);
        mcr_buf_append(out, text, len);
    }
    lua_pop(L, 1); //
}

static void run_route(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    mcr_scripts *s = self;
    begin(s, v, now);
    for (uint32_t i = 0; i < n; i++)
        v[i].sinks = s->lua.unrouted;
    if (s->has_route)
        mcr_lua_drive(&s->lua, &s->route, 0, n);
    s->lua.run.slot = NULL;
}

static void set_room(void *self, mcr_room_hook room)
{
    ((mcr_scripts *)self)->lua.room = room;
}

static bool next_direct(void *self, mcr_direct *out)
{
    mcr_lua *lua = &((mcr_scripts *)self)->lua;
    if (lua->direct_first == lua->direct_n) {
        if (lua->emitted_n)
            memset(lua->emitted_to, 0, sizeof lua->emitted_to);
        lua->direct_first = lua->direct_n = lua->emitted_n = 0;
        return false;
    }
    *out = lua->direct[lua->direct_first++];
    return true;
}

static mcr_render_result run_render(void *self, mcr_event *ev, const char *sink, mcr_rendered *out,
                                    mcr_errbuf *err)
{
    return mcr_lua_render_event(&((mcr_scripts *)self)->render, ev, sink, out, err);
}

bool mcr_scripts_correlator_hooks(mcr_scripts *s, mcr_correlator_options *options)
{
    return mcr_lua_give_texts(s->texts, options);
}

// Says what the message on top is about, and pops it; returns `call`.
static mcr_call call_failed(mcr_scripts *s, const char *stage, mcr_call call)
{
    const char *message = mcr_lua_failure(&s->lua, lua_tostring(s->lua.L, -1));
    mcr_lua_end_hook(&s->lua);
    if (call == MCR_CALL_STOPPED)
        mcr_lua_fail_hook(&s->lua, stage, mcr_scripts_name(s), MCR_FAILED_DEADLINE, message);
    else
        mcr_log(MCR_LOG_ERROR, "watcher '%s': %s", s->lua.watcher, message);
    lua_pop(s->lua.L, 1);
    return call;
}

static int64_t run_tick(void *self, int64_t now)
{
    mcr_scripts *s = self;
    mcr_lua_set_now(&s->lua, now);
    if (!mcr_scripts_revive(s, now))
        return s->retry_at;
    mcr_call call;
    // The tick that was stopped is not due again: the others come to their turn.
    do {
        mcr_scripts_push_function(s, "tick");                      // tick
        lua_pushnumber(s->lua.L, s->lua.run.now);                  // tick now
        call = mcr_lua_call(&s->lua, 1, 1, true, s->lua.deadline); // due, nil or message
    } while (call && call_failed(s, "tick", call) == MCR_CALL_STOPPED && !s->lua.lost);
    s->lua.tick_hook = NULL; // it may have been cut off
    if (call)
        return now + 1000000000;
    lua_State *L = s->lua.L;
    int64_t due = lua_isnumber(L, -1) ? (int64_t)(lua_tonumber(L, -1) * 1e9) : 0;
    lua_pop(L, 1); //
    return due;
}

static void run_fini(void *self, int64_t now)
{
    mcr_scripts *s = self;
    mcr_lua_set_now(&s->lua, now);
    uint64_t discards = s->lua.counts.discards;
    mcr_call call;
    // Not after a discard: the scripts that are there now have just begun.
    do {
        mcr_scripts_push_function(s, "fini");                               // fini
        call = mcr_lua_call(&s->lua, 0, 0, true, mcr_scripts_unhurried(s)); // [message]
    } while (call && call_failed(s, "fini", call) == MCR_CALL_STOPPED &&
             s->lua.counts.discards == discards);
}

void mcr_scripts_observe(mcr_scripts *s, const mcr_hook_observer *observer)
{
    s->lua.observer = observer ? *observer : (mcr_hook_observer){ 0 };
    s->lua.run.observed = observer != NULL;
}

void mcr_scripts_each_cost(const mcr_scripts *s,
                           void (*each)(void *arg, const char *stage, const char *script,
                                        const mcr_hook_cost_sums *cost),
                           void *arg)
{
    for (size_t i = 0; i < s->lua.hooks_n; i++) {
        const mcr_hook *hook = s->lua.hooks[i];
        mcr_hook_cost_sums cost = mcr_hook_cost_now(&hook->cost);
        if (cost.calls)
            each(arg, hook->stage, hook->script, &cost);
    }
}

void mcr_scripts_describe(const mcr_scripts *s, mcr_buf *out)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "describe"); // describe
    if (mcr_lua_pcall(L, 0, 1, true)) {       // text or message
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        mcr_buf_append(out, text, len);
    }
    lua_pop(L, 1); //
}

bool mcr_scripts_owner(const mcr_scripts *s, const char *hook, mcr_buf *name)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "owner"); // owner
    lua_pushstring(L, hook);               // owner hook
    size_t len = 0;
    const char *text = NULL;
    if (mcr_lua_pcall(L, 1, 1, true)) // name, nil or message
        text = lua_tolstring(L, -1, &len);
    if (text)
        mcr_buf_append(name, text, len);
    lua_pop(L, 1); //
    return text != NULL;
}

void mcr_scripts_each_reason(const mcr_scripts *s,
                             void (*each)(void *arg, mcr_str reason, uint64_t n), void *arg)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "reasons"); // reasons
    if (!mcr_lua_pcall(L, 0, 1, true)) {     // list or message
        lua_pop(L, 1);                       //
        return;
    }
    int base = lua_gettop(L);
    for (int i = 1;; i++) {
        lua_settop(L, base);   // list
        lua_rawgeti(L, -1, i); // list item
        if (!lua_istable(L, -1))
            break;
        lua_rawgeti(L, -1, 1); // list item reason
        lua_rawgeti(L, -2, 2); // list item reason n
        size_t len;
        const char *reason = lua_tolstring(L, -2, &len);
        each(arg, mcr_str_n(reason, len), (uint64_t)lua_tonumber(L, -1));
    }
    lua_settop(L, base - 1); //
}
