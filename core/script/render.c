#include "script/render.h"

#include "script/observed.h"
#include "script/text_hooks.h"

bool mcr_lua_take_render(mcr_lua *lua, mcr_lua_render *render)
{
    lua_State *L = lua->L; // scripts
    render->lua = lua;
    lua_getfield(L, -1, "render"); // scripts hook or nil
    if (!render->usual && lua_istable(L, -1))
        render->usual = luaL_ref(L, LUA_REGISTRYINDEX); // scripts
    else
        lua_pop(L, 1);                // scripts
    lua_getfield(L, -1, "renderers"); // scripts renderers
    lua_pushnil(L);                   // scripts renderers nil
    bool any = lua_next(L, -2) != 0;  // scripts renderers [sink entry]
    if (any)
        lua_pop(L, 2); // scripts renderers
    if (any && !render->renderers)
        render->renderers = luaL_ref(L, LUA_REGISTRYINDEX); // scripts
    else
        lua_pop(L, 1); // scripts
    return render->usual || render->renderers;
}

// Pushes the table { entry =, script = } for `sink`; false, and nothing, when there is none.
static bool push_hook(const mcr_lua_render *render, const char *sink)
{
    lua_State *L = render->lua->L;
    if (render->renderers) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, render->renderers); // renderers
        lua_getfield(L, -1, sink);                            // renderers hook or nil
        lua_remove(L, -2);                                    // hook or nil
        if (lua_istable(L, -1))
            return true;
        lua_pop(L, 1); //
    }
    if (render->usual)
        lua_rawgeti(L, LUA_REGISTRYINDEX, render->usual); // hook
    return render->usual != 0;
}

static void take_text(lua_State *L, int index, mcr_buf *out)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (text)
        mcr_buf_append(out, text, len);
}

// The reason alone: the log has the traceback.
static mcr_render_result failed(const char *message, mcr_errbuf *err)
{
    if (!message)
        message = "render failed";
    mcr_errf(err, MCR_ESCRIPT, "%.*s", (int)strcspn(message, "\n"), message);
    return MCR_RENDER_FAILED;
}

// Calls the hook below, which it pops.
static mcr_render_result call(const mcr_lua_render *render, mcr_hook *hook, mcr_event *ev,
                              const char *sink, mcr_rendered *out, mcr_errbuf *err)
{
    lua_State *L = render->lua->L; // hook
    int top = lua_gettop(L);
    if (!mcr_hook_may_run(render->lua, hook)) {
        lua_pop(L, 1); //
        return failed("not called: it has failed too often in a row", err);
    }
    mcr_slot slot;
    mcr_slot *before = mcr_lua_enter_one(render->lua, &slot, ev);
    lua_getfield(L, top, "entry"); // hook entry
    lua_pushstring(L, sink);       // hook entry sink
    // hook, then: result body url method headers, or a message
    bool ran = mcr_lua_call_entry(render->lua, hook, 1, 5);
    L = render->lua->L;
    mcr_lua_leave_one(render->lua, before);
    mcr_render_result result = MCR_RENDER_FAILED;
    if (!ran) {
        failed(lua_tostring(L, -1), err);
    } else {
        result = (mcr_render_result)lua_tointeger(L, top + 1);
        if (result == MCR_RENDER_FAILED)
            failed(lua_tostring(L, top + 2), err);
    }
    if (result == MCR_RENDER_DONE) {
        take_text(L, top + 2, &out->body);
        take_text(L, top + 3, &out->url);
        take_text(L, top + 4, &out->method);
        take_text(L, top + 5, &out->headers);
    }
    lua_settop(L, top - 1); //
    return result;
}

static void tell(const mcr_lua_render *render, const mcr_hook *hook, mcr_event *ev,
                 const char *sink, mcr_render_result result, const mcr_rendered *out,
                 const mcr_errbuf *err)
{
    static const mcr_hook_did dids[] = {
        [MCR_RENDER_NONE] = MCR_HOOK_NONE,
        [MCR_RENDER_DONE] = MCR_HOOK_RENDERED,
        [MCR_RENDER_SUPPRESS] = MCR_HOOK_SUPPRESSED,
        [MCR_RENDER_FAILED] = MCR_HOOK_FAILED,
    };
    mcr_str text = { 0 };
    if (result == MCR_RENDER_DONE)
        text = mcr_buf_str(&out->body);
    else if (result == MCR_RENDER_FAILED)
        text = mcr_str_of(err->text);
    mcr_hook_result told = { .did = dids[result], .before = ev, .after = ev, .text = text };
    told.sink = sink;
    mcr_lua_observed_tell(render->lua, hook, told);
}

mcr_render_result mcr_lua_render_event(const mcr_lua_render *render, mcr_event *ev,
                                       const char *sink, mcr_rendered *out, mcr_errbuf *err)
{
    lua_State *L = render->lua->L;
    if (render->lua->lost)
        return failed("not called: the scripts could not be loaded anew", err);
    if (!push_hook(render, sink)) // [hook]
        return MCR_RENDER_NONE;
    lua_getfield(L, -1, "script"); // hook script
    mcr_hook *hook = mcr_lua_hook(render->lua, "render", lua_tostring(L, -1));
    lua_pop(L, 1); // hook
    if (!hook->where)
        mcr_lua_hook_at(render->lua, "render");
    if (!mcr_lua_is_observed(render->lua))
        return call(render, hook, ev, sink, out, err);
    mcr_lua_observed_begin(render->lua);
    mcr_render_result result = call(render, hook, ev, sink, out, err);
    tell(render, hook, ev, sink, result, out, err);
    return result;
}
