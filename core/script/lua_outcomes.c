#include "base/alloc.h"
#include "base/log.h"
#include "script/core_module.h"
#include "script/guard.h"
#include "script/hook_calls.h"
#include "script/observed.h"
#include "script/script_parts.h"
#include "script/state.h"
#include "script/text_hooks.h"
#include "sink/dead_letters.h"

static bool has_room(const mcr_lua *st, uint32_t sink)
{
    size_t room = st->room.call ? st->room.call(st->room.self, sink) : SIZE_MAX;
    return st->emitted_n < MCR_MAX_EMITTED && st->emitted_to[sink] < room;
}

// Sends an event straight to one sink of the watcher; false when too many wait already.
static bool deliver_to(mcr_lua *st, mcr_event *ev, uint32_t sink, uint32_t place)
{
    if (!place && (sink >= MCR_MAX_SINKS || !has_room(st, sink)))
        return false;
    if (st->direct_n == st->direct_cap) {
        st->direct_cap = st->direct_cap ? st->direct_cap * 2 : 64;
        st->direct = mcr_realloc(st->direct, st->direct_cap * sizeof *st->direct);
    }
    st->direct[st->direct_n++] = (mcr_direct){ mcr_event_ref(ev), sink, place };
    if (!place) {
        st->emitted_n++;
        st->emitted_to[sink]++;
    }
    return true;
}

static mcr_event *event_at(lua_State *L, int index)
{
    const mcr_view *view = lua_topointer(L, index);
    return (mcr_event *)(uintptr_t)view->handle;
}

// What a shadow would have caused: counted, and to the script it looks as if it had happened.
static int keep_back(lua_State *L, uint64_t *n)
{
    ++*n;
    lua_pushboolean(L, true); // taken
    return 1;
}

// core.deliver(view, sink index[, place]): whether there was room
static int deliver(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    uint32_t place = (uint32_t)luaL_optinteger(L, 3, 0);
    if (st->is_shadow && !place)
        return keep_back(L, &st->kept_back.emits);
    bool taken = deliver_to(st, event_at(L, 1), (uint32_t)luaL_checkint(L, 2), place);
    if (taken && !place)
        mcr_lua_observed_emit(st, event_at(L, 1), luaL_checkint(L, 2));
    if (!taken) {
        st->counts.emit_full++;
        mcr_log_once_a_minute(MCR_LOG_WARN,
                              "watcher '%s': emit: not taken: the sink has no room for it",
                              st->watcher);
    }
    lua_pushboolean(L, taken); // taken
    return 1;
}

static void say_not_taken(const mcr_lua *st, const mcr_event *ev)
{
    if (ev->hops >= MCR_MAX_HOPS)
        mcr_log_once_a_minute(
            MCR_LOG_WARN, "watcher '%s': emit: not taken: the event answers others over %d hops",
            st->watcher, MCR_MAX_HOPS);
    else if (mcr_broadcaster_takes_emitted(st->broadcaster))
        mcr_log_once_a_minute(
            MCR_LOG_WARN,
            "watcher '%s': emit: not taken: more emitted events wait than limits.emit",
            st->watcher);
    else
        mcr_log_once_a_minute(MCR_LOG_WARN,
                              "watcher '%s': emit: not taken: at the end, in fini, there are no "
                              "other watchers any more; emit(event, \"sink\") goes to a sink still",
                              st->watcher);
}

// core.emit(view): whether there was room
static int emit(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    if (!st->broadcaster)
        return luaL_error(L, "emit: there are no other watchers here");
    if (!st->watch)
        return luaL_error(L, "emit: nothing runs yet; emit from a tick or a handler");
    if (st->is_shadow)
        return keep_back(L, &st->kept_back.emits);
    bool taken = mcr_broadcaster_emit(st->broadcaster, event_at(L, 1), st->watch);
    if (taken) {
        st->counts.emitted++;
        mcr_lua_observed_emit(st, event_at(L, 1), -1);
    } else {
        st->counts.emit_full++;
        say_not_taken(st, event_at(L, 1));
    }
    lua_pushboolean(L, taken); // taken
    return 1;
}

// core.use_fallback(slot): where an event goes whose route named no sink that there is
static int use_fallback(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->run.slot[luaL_checkint(L, 1)].sinks = st->fallback;
    return 0;
}

// core.unknown_sink(script, name)
static int unknown_sink(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    st->counts.unknown_sinks++;
    mcr_log_once_a_minute(MCR_LOG_ERROR,
                          "watcher '%s': %s names sink '%s', which the watcher does not have",
                          st->watcher, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
    return 0;
}

void mcr_lua_add_event(mcr_buf *out, const mcr_event *ev)
{
    const mcr_object_reference *object = &ev->involvedObject;
    bool named = ev->metadata.name.len != 0;
    mcr_str ns = named ? ev->metadata.namespace : object->namespace;
    mcr_str name = named ? ev->metadata.name : object->name;
    mcr_buf_puts(out, " on ");
    if (!named) {
        mcr_buf_puts(out, "an event without a name");
        if (!name.len)
            return;
        mcr_buf_printf(out, " of %.*s ", (int)object->kind.len, object->kind.ptr);
    }
    mcr_buf_add(out, ns);
    mcr_buf_puts(out, ns.len ? "/" : "");
    mcr_buf_add(out, name);
}

void mcr_lua_note_failure(mcr_lua *st, const char *stage, const char *script, mcr_failure failure,
                          const char *text, const mcr_event *ev)
{
    if (failure == MCR_FAILED_DEADLINE)
        st->counts.deadlines++;
    else
        st->counts.script_errors++;
    mcr_lua_observed_why(st, mcr_str_of(text), true);
    mcr_buf cause = { 0 }, where = { 0 };
    mcr_buf_printf(&cause, "%s %s %s %s", st->watcher, stage, script, text);
    if (ev)
        mcr_lua_add_event(&where, ev);
    mcr_log_cause_once_a_minute(MCR_LOG_ERROR, mcr_buf_cstr(&cause),
                                "watcher '%s': %s of %s failed%s: %s", st->watcher, stage, script,
                                mcr_buf_cstr(&where), text);
    mcr_buf_fini(&cause);
    mcr_buf_fini(&where);
}

void mcr_lua_fail_hook(mcr_lua *st, const char *stage, const char *script, mcr_failure failure,
                       const char *text)
{
    mcr_lua_note_failure(st, stage, script, failure, text, NULL);
    mcr_hook_failed(st, mcr_lua_hook(st, stage, script), failure == MCR_FAILED_DEADLINE);
}

// core.script_failed(stage, script, text): a text hook or render raised; C tells its breaker
static int script_failed(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_lua_note_failure(st, luaL_checkstring(L, 1), luaL_checkstring(L, 2), MCR_FAILED_ERROR,
                         luaL_checkstring(L, 3), mcr_lua_one_event(st));
    return 0;
}

// "tick" or "fini", which run without an event.
static const char *stage_at(lua_State *L, int index)
{
    return strcmp(luaL_checkstring(L, index), "tick") == 0 ? "tick" : "fini";
}

// core.may_run(stage, script): whether the breaker of a tick lets it run
static int may_run(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    mcr_hook *hook = mcr_lua_hook(st, stage_at(L, 1), luaL_checkstring(L, 2));
    bool may = mcr_hook_may_run(st, hook);
    if (may) {
        st->tick_hook = hook;
        st->tick_mark = mcr_hook_cost_begin(st->arena);
    }
    lua_pushboolean(L, may); // may
    return 1;
}

// core.stopped(): what the hook that has just ended was stopped at; nil: it was not
static int stopped(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    if (!st->guarded || !mcr_guard_take(st->guarded))
        return 0;
    mcr_lua_push_stop(st); // text
    return 1;
}

// core.ran(stage, script, text, was_stopped): a tick or fini has ended; `text`: by this error
static int ran(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    const char *stage = stage_at(L, 1), *script = luaL_checkstring(L, 2);
    if (st->tick_hook)
        mcr_hook_cost_end(&st->tick_hook->cost, &st->tick_mark, st->arena);
    st->tick_hook = NULL;
    if (lua_isstring(L, 3))
        mcr_lua_fail_hook(st, stage, script,
                          lua_toboolean(L, 4) ? MCR_FAILED_DEADLINE : MCR_FAILED_ERROR,
                          lua_tostring(L, 3));
    else
        mcr_hook_worked(st, mcr_lua_hook(st, stage, script));
    return 0;
}

static void keep_dead_letter(mcr_lua *st, const char *stage, const char *script, mcr_str text,
                             const mcr_event *ev)
{
    const char *line_end = memchr(text.ptr, '\n', text.len);
    mcr_dead_letter letter = { .watcher = st->watcher, .stage = stage, .script = script, .ev = ev };
    letter.reason = mcr_str_n(text.ptr, line_end ? (size_t)(line_end - text.ptr) : text.len);
    if (line_end)
        letter.traceback = mcr_str_n(line_end + 1, text.len - letter.reason.len - 1);
    // What cannot be written is logged there; the event is counted `refused` either way.
    mcr_dead_letters_add(st->dead, &letter);
}

static void note_refusal(mcr_lua *st, const char *stage, const char *script, uint32_t i,
                         mcr_str text)
{
    if (i >= sizeof st->refusals / sizeof *st->refusals)
        return; // a batch of a plain LuaJIT
    mcr_buf *why = &st->refusals[i];
    const char *line_end = memchr(text.ptr, '\n', text.len);
    why->len = 0;
    mcr_buf_printf(why, "%s of %s: ", stage, script);
    mcr_buf_append(why, text.ptr, line_end ? (size_t)(line_end - text.ptr) : text.len);
}

// What becomes of an event that its hook did not decide about.
static void settle(mcr_lua *st, const char *stage, const char *script, uint32_t i, mcr_str text)
{
    mcr_slot *slot = &st->run.slot[i];
    if (strcmp(stage, "route") == 0) {
        slot->sinks = st->fallback;
        return;
    }
    // A hook that was stopped on its way back has decided already.
    if (st->on_error == MCR_ON_ERROR_PASS || slot->outcome != MCR_PASS)
        return;
    slot->outcome = MCR_REFUSED;
    note_refusal(st, stage, script, i, text);
    if (st->on_error == MCR_ON_ERROR_DEAD_LETTER && st->dead)
        keep_dead_letter(st, stage, script, text, (const mcr_event *)(uintptr_t)slot->handle);
}

void mcr_lua_fail_event(mcr_lua *st, const char *stage, const char *script, uint32_t slot,
                        mcr_failure failure, mcr_str text)
{
    mcr_lua_note_failure(st, stage, script, failure, text.ptr,
                         (const mcr_event *)(uintptr_t)st->run.slot[slot].handle);
    mcr_hook_failed_at(st, slot, failure == MCR_FAILED_DEADLINE);
    settle(st, stage, script, slot, text);
}

void mcr_lua_skip_event(mcr_lua *st, const char *stage, const char *script, uint32_t slot)
{
    mcr_str why = mcr_str_of(st->lost ? "not called: the scripts could not be loaded anew"
                                      : "not called: it has failed too often in a row");
    mcr_lua_observed_why(st, why, true);
    settle(st, stage, script, slot, why);
}

// core.hook_failed(stage, script, slot, text): a hook raised, or gave an answer without meaning
static int hook_failed(lua_State *L)
{
    mcr_lua *st = mcr_lua_of(L);
    const char *stage = luaL_checkstring(L, 1);
    const char *script = luaL_checkstring(L, 2);
    uint32_t slot = (uint32_t)luaL_checkint(L, 3);
    size_t len;
    const char *text = luaL_checklstring(L, 4, &len);
    // The hook is over: what is written now does not count as its time.
    double gen = st->run.gen + 1;
    __atomic_store(&st->run.gen, &gen, __ATOMIC_RELAXED);
    mcr_lua_fail_event(st, stage, script, slot, MCR_FAILED_ERROR, mcr_str_n(text, len));
    return 0;
}

// core.name_sink(index, name): a sink that nobody has declared gets the name
static int name_sink(lua_State *L)
{
    mcr_scripts_name_sink(mcr_lua_of(L), (uint32_t)luaL_checkint(L, 1), luaL_checkstring(L, 2));
    return 0;
}

// core.observe_why(text): the reason of the hook at work for dropping its event
static int observe_why(lua_State *L)
{
    mcr_lua_observed_why(mcr_lua_of(L), mcr_str_of(luaL_checkstring(L, 1)), false);
    return 0;
}

// core.deadline(): how long a hook of a script that is loaded now may run, in ns
static int deadline(lua_State *L)
{
    lua_pushnumber(L, (double)mcr_lua_of(L)->deadline); // ns
    return 1;
}

// core.log(level, text)
static int log_text(lua_State *L)
{
    mcr_log((mcr_log_level)luaL_checkint(L, 1), "%s", luaL_checkstring(L, 2));
    return 0;
}

// core.warn(text)
static int warn(lua_State *L)
{
    mcr_log_once_a_minute(MCR_LOG_WARN, "%s", luaL_checkstring(L, 1));
    return 0;
}

void mcr_lua_register_outcomes(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "deliver", deliver },
        { "emit", emit },
        { "unknown_sink", unknown_sink },
        { "name_sink", name_sink },
        { "use_fallback", use_fallback },
        { "script_failed", script_failed },
        { "hook_failed", hook_failed },
        { "observe_why", observe_why },
        { "may_run", may_run },
        { "ran", ran },
        { "stopped", stopped },
        { "deadline", deadline },
        { "log", log_text },
        { "warn", warn },
        { NULL, NULL },
    };
    luaL_register(L, NULL, functions);
}
