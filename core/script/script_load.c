#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "script/guard.h"
#include "script/memory.h"
#include "script/script_parts.h"

#define RETRY_NS (10 * INT64_C(1000000000)) // between two attempts to load scripts anew

// Takes over the drivers that loading made and fills the hooks table.
static void take_drivers(mcr_scripts *s)
{
    lua_State *L = s->lua.L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->module); // scripts
    lua_getfield(L, -1, "chain");                 // scripts chain
    uint32_t n = (uint32_t)lua_objlen(L, -1);
    if (n > s->chain_cap) { // else it stays where it is: a driver of it may be at work
        s->chain = mcr_realloc(s->chain, n * sizeof *s->chain);
        s->chain_cap = n;
    }
    for (; s->chain_n < n; s->chain_n++) {
        lua_rawgeti(L, -1, (int)s->chain_n + 1);             // scripts chain driver
        s->chain[s->chain_n] = mcr_lua_take_driver(&s->lua); // scripts chain
    }
    lua_pop(L, 1);                // scripts
    lua_getfield(L, -1, "route"); // scripts route
    if (!s->has_route && lua_istable(L, -1)) {
        s->route = mcr_lua_take_driver(&s->lua); // scripts
        s->has_route = true;
    } else {
        lua_pop(L, 1); // scripts
    }
    bool has_render = mcr_lua_take_render(&s->lua, &s->render);
    lua_getfield(L, -1, "texts"); // scripts texts
    bool has_texts = mcr_lua_take_texts(&s->lua, s->texts);
    lua_pop(L, 2); //
    mcr_scripts_fill_hooks(s, has_texts, has_render);
}

// Calls the function below `args` arguments, all on the stack, that loads a script.
static mcr_err finish_load(mcr_scripts *s, int args, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    if (mcr_lua_call(&s->lua, args, 0, true, mcr_scripts_unhurried(s))) { // [message]
        // The message ends with where in our own Lua it was raised, which tells users nothing.
        mcr_str text = mcr_str_of(mcr_lua_failure(&s->lua, lua_tostring(L, -1)));
        const char *own = strstr(text.ptr, "\nstack traceback:\n\t[C]: in function 'error'");
        if (own)
            text.len = (uint32_t)(own - text.ptr);
        mcr_errf(err, MCR_ECONFIG, "%.*s", (int)text.len, text.ptr);
        lua_pop(L, 1); //
        return MCR_ECONFIG;
    }
    take_drivers(s);
    return MCR_OK;
}

void mcr_scripts_allow(mcr_scripts *s, mcr_grants grants)
{
    s->next_grants = grants;
}

static void allow(mcr_scripts *s, mcr_grants grants)
{
    lua_State *L = s->lua.L;
    mcr_buf names = { 0 };
    mcr_grants_print(&names, grants, ", ");
    mcr_scripts_push_function(s, "allow");    // allow
    lua_pushlstring(L, names.ptr, names.len); // allow names
    mcr_buf_fini(&names);
    if (!mcr_lua_pcall(L, 1, 0, true)) { // [message]
        mcr_log(MCR_LOG_ERROR, "%s", lua_tostring(L, -1));
        abort();
    }
}

// Does what the step says, with the parameters on top of the stack, which are popped.
static mcr_err run_step(mcr_scripts *s, const mcr_recipe_step *step, mcr_errbuf *err)
{
    lua_State *L = s->lua.L; // params
    s->lua.deadline = step->deadline;
    if (step->grants)
        allow(s, step->grants);
    mcr_scripts_push_function(s, step->how); // params load
    lua_insert(L, -2);                       // load params
    if (step->sink) {
        lua_pushstring(L, step->sink); // load params sink
        lua_insert(L, -2);             // load sink params
    }
    lua_pushlstring(L, step->source.ptr, step->source.len); // … params source
    lua_insert(L, -2);                                      // … source params
    lua_pushstring(L, step->name);                          // … source params name
    lua_insert(L, -2);                                      // … source name params
    mcr_err code = finish_load(s, step->sink ? 4 : 3, err);
    if (code || strcmp(step->how, "load_sink") != 0)
        return code;
    lua_rawgeti(s->lua.L, LUA_REGISTRYINDEX, s->module); // scripts
    mcr_lua_take_sink(&s->lua, step->name, &s->sink);
    lua_pop(s->lua.L, 1); //
    return MCR_OK;
}

// Adds a step to the recipe, its parameters being on top of the stack, and does it.
static mcr_err first_time(mcr_scripts *s, const char *how, const char *sink, mcr_str source,
                          const char *name, mcr_errbuf *err)
{
    lua_State *L = s->lua.L; // params
    mcr_recipe_step *step = mcr_recipe_add(&s->recipe, how, sink, source, name);
    step->deadline = s->lua.deadline;
    step->grants = s->next_grants;
    s->next_grants = 0;
    mcr_scripts_push_function(s, "pack"); // params pack
    lua_pushvalue(L, -2);                 // params pack params
    if (mcr_lua_pcall(L, 1, 1, false)) {  // params bytes or message
        size_t len;
        const char *bytes = lua_tolstring(L, -1, &len);
        mcr_buf_append(&step->params, bytes, len);
    }
    lua_pop(L, 1); // params
    return run_step(s, step, err);
}

mcr_err mcr_scripts_load(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err)
{
    return first_time(s, "load_file", NULL, mcr_str_of(path), name, err);
}

mcr_err mcr_scripts_load_renderer(mcr_scripts *s, const char *sink, const char *path,
                                  const char *name, mcr_errbuf *err)
{
    return first_time(s, "load_renderer", sink, mcr_str_of(path), name, err);
}

mcr_err mcr_scripts_load_sink(mcr_scripts *s, const char *path, const char *name, mcr_errbuf *err)
{
    return first_time(s, "load_sink", NULL, mcr_str_of(path), name, err);
}

const mcr_lua_sink *mcr_scripts_sink(const mcr_scripts *s)
{
    return &s->sink;
}

mcr_err mcr_scripts_load_text(mcr_scripts *s, mcr_str text, const char *name, mcr_errbuf *err)
{
    lua_pushnil(s->lua.L); // params
    return first_time(s, "load_text", NULL, text, name, err);
}

mcr_err mcr_scripts_load_eval(mcr_scripts *s, mcr_str expression, mcr_errbuf *err)
{
    lua_pushnil(s->lua.L); // params
    return first_time(s, "load_expression", NULL, expression, "expression", err);
}

void mcr_scripts_set_deadline(mcr_scripts *s, int64_t ns)
{
    s->lua.deadline = ns;
}

static void set_sinks(mcr_scripts *s)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "set_sinks"); // set_sinks
    lua_newtable(L);                           // set_sinks names
    for (uint32_t i = 0; i < s->recipe.sink_n; i++) {
        lua_pushstring(L, s->recipe.sinks[i]); // set_sinks names name
        lua_rawseti(L, -2, (int)i + 1);        // set_sinks names
    }
    if (!mcr_lua_pcall(L, 1, 0, true)) { // [message]
        mcr_log(MCR_LOG_ERROR, "%s", lua_tostring(L, -1));
        abort();
    }
}

void mcr_scripts_set_sinks(mcr_scripts *s, const char *const *names, uint32_t n, uint64_t fallback)
{
    s->lua.all_sinks = (UINT64_C(1) << n) - 1;
    s->lua.unrouted = s->lua.all_sinks;
    s->lua.fallback = fallback & s->lua.all_sinks;
    mcr_recipe_set_sinks(&s->recipe, names, n);
    set_sinks(s);
}

void mcr_scripts_open_sinks(mcr_scripts *s, const char *const *names, uint32_t n)
{
    mcr_scripts_set_sinks(s, names, n, 1);
    s->lua.unrouted = 1;
    mcr_scripts_fill_hooks(s, false, false);
}

const char *mcr_scripts_sink_name(const mcr_scripts *s, uint32_t i)
{
    return i < s->recipe.sink_n ? s->recipe.sinks[i] : "";
}

void mcr_scripts_name_sink(mcr_lua *st, uint32_t i, const char *name)
{
    mcr_recipe *recipe = &((mcr_scripts *)st)->recipe;
    free(recipe->sinks[i]);
    recipe->sinks[i] = mcr_strdup(name);
}

mcr_err mcr_scripts_check_sinks(mcr_scripts *s, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    mcr_scripts_push_function(s, "check_sinks"); // check
    bool ok = mcr_lua_pcall(L, 0, 1, true);      // message or nil
    const char *message = lua_tostring(L, -1);
    mcr_err result = MCR_OK;
    if (!ok || message)
        result = mcr_errf(err, MCR_ECONFIG, "%s", message ? message : "not a text");
    lua_pop(L, 1); //
    return result;
}

// Forgets what was in the state that is no more, but for the order of the hooks: with `lost` they
// are called in it, to no effect.
static void forget(mcr_scripts *s)
{
    for (size_t i = 0; i < MCR_TEXT_HOOKS; i++)
        s->texts[i].defined = false;
    s->render.usual = s->render.renderers = 0;
    memset(s->sink.refs, 0, sizeof s->sink.refs);
    s->chain_n = 0;
    s->has_route = false;
}

static mcr_err follow_recipe(mcr_scripts *s, mcr_errbuf *err)
{
    lua_State *L = s->lua.L;
    for (size_t i = 0; i < s->recipe.n; i++) {
        const mcr_recipe_step *step = &s->recipe.steps[i];
        mcr_scripts_push_function(s, "unpack");                 // unpack
        lua_pushlstring(L, step->params.ptr, step->params.len); // unpack bytes
        mcr_err code = mcr_lua_pcall(L, 1, 1, false)            // params or message
                           ? run_step(s, step, err)
                           : mcr_errf(err, MCR_ESCRIPT, "%s", lua_tostring(L, -1));
        if (code)
            return code;
    }
    set_sinks(s);
    mcr_err code = mcr_scripts_init(s, s->lua.now_ns, err);
    if (code || !s->sink.refs[MCR_LUA_OPEN])
        return code;
    mcr_buf why = { 0 };
    if (mcr_lua_call_sink(&s->sink, MCR_LUA_OPEN, NULL, s->lua.now_ns, &why) != MCR_LUA_SINK_DONE)
        code = mcr_errf(err, MCR_ESCRIPT, "open: %s", mcr_buf_cstr(&why));
    mcr_buf_fini(&why);
    return code;
}

void mcr_scripts_renew(mcr_lua *st)
{
    mcr_scripts *s = (mcr_scripts *)(void *)st;
    mcr_guard_free(st->guarded);
    const mcr_run before = st->run;
    mcr_scripts_open(s);
    if (!s->started || s->renewing)
        return; // what is being loaded has failed; who loads it says so
    st->run.slot = NULL;
    st->run.in_hook = st->run.answers = 0;
    const uint32_t chain_n = s->chain_n;
    const bool has_route = s->has_route;
    s->renewing = true;
    st->lost = false;
    forget(s);
    mcr_errbuf err = { "" };
    if (follow_recipe(s, &err)) {
        st->lost = true;
        s->chain_n = chain_n;
        s->has_route = has_route;
        s->retry_at = st->now_ns + RETRY_NS;
        mcr_log(MCR_LOG_ERROR,
                "watcher '%s': its scripts could not be loaded anew, and are tried again in %d s: "
                "%s",
                st->watcher, (int)(RETRY_NS / 1000000000), err.text);
    }
    s->renewing = false;
    const double gen = st->run.gen + 1;
    const uint64_t made = st->run.made;
    const uint32_t scoped = st->run.scoped;
    st->run = before;
    st->run.made = made;
    st->run.scoped = scoped;
    __atomic_store(&st->run.gen, &gen, __ATOMIC_RELAXED);
    lua_settop(st->L, 0);
}

// What scripts hold on to leaves them no room to work.
static void start_full_ones_anew(mcr_scripts *s, int64_t now)
{
    s->lua.counts.discards++;
    mcr_log(MCR_LOG_ERROR,
            "watcher '%s': what its scripts hold on to fills their limit of memory: all scripts of "
            "the watcher start anew",
            s->lua.watcher);
    mcr_lua_set_now(&s->lua, now);
    mcr_lua_discard(&s->lua);
    mcr_scripts_renew(&s->lua);
}

bool mcr_scripts_revive(mcr_scripts *s, int64_t now)
{
    if (s->lua.spent && s->started && !s->lua.lost)
        start_full_ones_anew(s, now);
    if (!s->lua.lost)
        return true;
    if (now < s->retry_at)
        return false;
    mcr_lua_set_now(&s->lua, now);
    mcr_lua_discard(&s->lua);
    mcr_scripts_renew(&s->lua);
    return !s->lua.lost;
}
