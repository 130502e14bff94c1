#include "script/observed.h"

void mcr_lua_observed_begin(mcr_lua *st)
{
    st->observed_why.len = 0;
    st->observed_failure = false;
}

void mcr_lua_observed_why(mcr_lua *st, mcr_str text, bool failed)
{
    if (!mcr_lua_is_observed(st))
        return;
    st->observed_why.len = 0;
    mcr_buf_add(&st->observed_why, text);
    st->observed_failure |= failed;
}

void mcr_lua_observed_tell(mcr_lua *st, const mcr_hook *hook, mcr_hook_result result)
{
    if (!mcr_lua_is_observed(st))
        return;
    result.stage = hook->stage;
    result.script = hook->script;
    result.where = hook->where ? hook->where : "";
    if (st->observed_failure)
        result.did = MCR_HOOK_FAILED;
    if (st->observed_failure || !result.text.len)
        result.text = mcr_buf_str(&st->observed_why);
    st->observer.result(st->observer.self, &result);
}

void mcr_lua_observed_emit(mcr_lua *st, mcr_event *ev, int sink)
{
    if (!mcr_lua_is_observed(st))
        return;
    const mcr_hook *hook = st->batch_hook;
    const mcr_slot *slot = st->run.slot ? &st->run.slot[st->run.first] : NULL;
    st->observer.result(st->observer.self,
                        &(mcr_hook_result){
                            .stage = hook ? hook->stage : NULL,
                            .script = hook ? hook->script : NULL,
                            .where = hook && hook->where ? hook->where : "",
                            .did = MCR_HOOK_EMITTED,
                            .before = slot ? (mcr_event *)(uintptr_t)slot->handle : NULL,
                            .after = ev,
                            .sinks = sink < 0 ? 0 : UINT64_C(1) << sink,
                        });
}
