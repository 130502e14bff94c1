#include "script/text_hooks.h"

#include "script/core_module.h"
#include "script/memory.h"
#include "script/observed.h"

static const struct {
    const char *stage;
    size_t offset;
} members[MCR_TEXT_HOOKS] = {
    { "aggregate_key", offsetof(mcr_correlator_options, aggregate_key) },
    { "local_key", offsetof(mcr_correlator_options, local_key) },
    { "spam_key", offsetof(mcr_correlator_options, spam_key) },
    { "aggregate_message", offsetof(mcr_correlator_options, aggregate_message) },
};

bool mcr_lua_take_texts(mcr_lua *lua, mcr_lua_text_hook hooks[MCR_TEXT_HOOKS])
{
    lua_State *L = lua->L;
    bool any = false;
    for (size_t i = 0; i < MCR_TEXT_HOOKS; i++) {
        mcr_lua_text_hook *h = &hooks[i];
        lua_getfield(L, -1, members[i].stage); // texts hook
        if (!h->defined && lua_istable(L, -1)) {
            *h = (mcr_lua_text_hook){ .lua = lua, .stage = members[i].stage, .defined = true };
            h->hook = mcr_lua_hook_at(lua, h->stage);
            lua_getfield(L, -1, "spec"); // texts hook spec
            if (lua_isuserdata(L, -1)) {
                h->spec = mcr_lua_key_spec_at(L, -1);
            } else {
                lua_pop(L, 1);                // texts hook
                lua_getfield(L, -1, "entry"); // texts hook entry
            }
            h->ref = luaL_ref(L, LUA_REGISTRYINDEX); // texts hook
        }
        any |= h->defined;
        lua_pop(L, 1); // texts
    }
    return any;
}

mcr_slot *mcr_lua_enter_one(mcr_lua *lua, mcr_slot *slot, mcr_event *ev)
{
    mcr_slot *before = lua->run.slot;
    *slot = (mcr_slot){ .handle = (uintptr_t)ev };
    lua->run.slot = slot;
    lua->run.first = 0;
    lua->run.answers = 1;
    return before;
}

const mcr_event *mcr_lua_one_event(const mcr_lua *lua)
{
    bool works = lua->run.answers && lua->run.slot;
    return works ? (const mcr_event *)(uintptr_t)lua->run.slot->handle : NULL;
}

void mcr_lua_leave_one(mcr_lua *lua, mcr_slot *before)
{
    lua->run.slot = before;
    lua->run.answers = 0;
}

// The entry itself failed: it was stopped, there was no memory, or it is a fault of ours.
static void entry_failed(mcr_lua *lua, const mcr_hook *hook, mcr_call call)
{
    const char *message = mcr_lua_failure(lua, lua_tostring(lua->L, -1));
    mcr_lua_end_hook(lua);
    bool stopped = call == MCR_CALL_STOPPED;
    mcr_lua_note_failure(lua, hook->stage, stopped ? hook->script : "the script layer",
                         stopped ? MCR_FAILED_DEADLINE : MCR_FAILED_ERROR, message,
                         mcr_lua_one_event(lua));
}

bool mcr_lua_call_entry(mcr_lua *lua, mcr_hook *hook, int args, int results)
{
    uint64_t errors = lua->counts.script_errors;
    bool due = mcr_hook_cost_due(&hook->cost);
    mcr_hook_cost_mark mark = { 0 };
    if (due)
        mark = mcr_hook_cost_begin(lua->arena);
    else
        mcr_hook_cost_pass(&hook->cost, 1);
    lua->entry_hook = hook;
    mcr_call call = mcr_lua_call(lua, args, results, false, hook->deadline); // results or message
    lua->entry_hook = NULL;
    if (due)
        mcr_hook_cost_end(&hook->cost, &mark, lua->arena);
    if (call)
        entry_failed(lua, hook, call);
    if (call || lua->counts.script_errors != errors)
        mcr_hook_failed(lua, hook, call == MCR_CALL_STOPPED);
    else
        mcr_hook_worked(lua, hook);
    return call == MCR_CALL_OK;
}

static void tell(const mcr_lua_text_hook *h, mcr_event *ev, mcr_str text, bool own)
{
    if (!mcr_lua_is_observed(h->lua))
        return;
    mcr_lua_observed_tell(
        h->lua, h->hook,
        (mcr_hook_result){
            .did = own ? MCR_HOOK_TEXT : MCR_HOOK_NONE, .before = ev, .after = ev, .text = text });
}

static bool call_entry(void *self, mcr_event *ev, mcr_buf *out)
{
    const mcr_lua_text_hook *h = self;
    lua_State *L = h->lua->L;
    mcr_lua_observed_begin(h->lua);
    if (!mcr_hook_may_run(h->lua, h->hook)) {
        mcr_lua_observed_why(h->lua, MCR_STR("not called: it has failed too often in a row"), true);
        tell(h, ev, (mcr_str){ 0 }, false);
        return false;
    }
    mcr_slot slot;
    mcr_slot *before = mcr_lua_enter_one(h->lua, &slot, ev);
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);            // entry
    bool ran = mcr_lua_call_entry(h->lua, h->hook, 0, 1); // text, nil or message
    L = h->lua->L;
    mcr_lua_leave_one(h->lua, before);
    bool own = ran && lua_isstring(L, -1);
    size_t before_len = out->len;
    if (own) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        mcr_buf_append(out, text, len);
    }
    lua_pop(L, 1); //
    tell(h, ev, mcr_str_n(out->ptr + before_len, out->len - before_len), own);
    return own;
}

static bool write_spec(void *self, mcr_event *ev, mcr_buf *out)
{
    const mcr_lua_text_hook *h = self;
    size_t before = out->len;
    mcr_key_spec_write(h->spec, out, ev);
    mcr_lua_observed_begin(h->lua);
    tell(h, ev, mcr_str_n(out->ptr + before, out->len - before), true);
    return true;
}

bool mcr_lua_give_texts(mcr_lua_text_hook hooks[MCR_TEXT_HOOKS], mcr_correlator_options *options)
{
    bool any = false;
    for (size_t i = 0; i < MCR_TEXT_HOOKS; i++) {
        if (!hooks[i].defined)
            continue;
        mcr_text_hook *member = (void *)((char *)options + members[i].offset);
        *member = (mcr_text_hook){ hooks[i].spec ? write_spec : call_entry, &hooks[i] };
        any = true;
    }
    return any;
}
