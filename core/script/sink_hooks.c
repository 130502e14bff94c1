#include "script/sink_hooks.h"

#include "script/text_hooks.h"

static const char *const names[MCR_LUA_SINK_HOOKS] = {
    [MCR_LUA_OPEN] = "open",     [MCR_LUA_WRITE] = "write", [MCR_LUA_FLUSH] = "flush",
    [MCR_LUA_REOPEN] = "reopen", [MCR_LUA_CLOSE] = "close",
};

void mcr_lua_take_sink(mcr_lua *lua, const char *script, mcr_lua_sink *sink)
{
    lua_State *L = lua->L;
    sink->lua = lua;
    lua_getfield(L, -1, "sink"); // scripts hooks or nil
    for (int i = 0; i < MCR_LUA_SINK_HOOKS && lua_istable(L, -1); i++) {
        lua_getfield(L, -1, names[i]); // scripts hooks entry or nil
        if (lua_isfunction(L, -1)) {
            sink->hooks[i] = mcr_lua_hook(lua, names[i], script);
            sink->refs[i] = luaL_ref(L, LUA_REGISTRYINDEX); // scripts hooks
        } else {
            lua_pop(L, 1); // scripts hooks
        }
    }
    lua_pop(L, 1); // scripts
}

mcr_lua_sink_answer mcr_lua_call_sink(const mcr_lua_sink *sink, mcr_lua_sink_hook hook,
                                      mcr_event *ev, int64_t now, mcr_buf *why)
{
    lua_State *L = sink->lua->L;
    why->len = 0;
    if (!sink->refs[hook])
        return MCR_LUA_SINK_DONE;
    mcr_lua_set_now(sink->lua, now);
    if (!mcr_hook_may_run(sink->lua, sink->hooks[hook])) {
        mcr_buf_puts(why, "not called: it has failed too often in a row");
        return MCR_LUA_SINK_FAILED;
    }
    mcr_slot slot;
    mcr_slot *before = mcr_lua_enter_one(sink->lua, &slot, ev);
    lua_rawgeti(L, LUA_REGISTRYINDEX, sink->refs[hook]); // entry
    // answer text, or message
    bool ran = mcr_lua_call_entry(sink->lua, sink->hooks[hook], 0, 2);
    L = sink->lua->L;
    mcr_lua_leave_one(sink->lua, before);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (text)
        mcr_buf_append(why, text, len);
    mcr_lua_sink_answer answer =
        ran ? (mcr_lua_sink_answer)lua_tointeger(L, -2) : MCR_LUA_SINK_FAILED;
    lua_pop(L, ran ? 2 : 1); //
    return answer;
}
