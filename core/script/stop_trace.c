#include "script/stop_trace.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

static bool starts_with(mcr_str text, const char *what)
{
    size_t n = strlen(what);
    return text.len >= n && memcmp(text.ptr, what, n) == 0;
}

// Functions of ours, as a line of a traceback begins: they tell authors of scripts nothing.
static bool is_own(mcr_str line)
{
    static const char *const ours[] = { "mooncrier/", "event:with:" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (starts_with(line, ours[i]))
            return true;
    return false;
}

static mcr_str next_line(const char **at)
{
    const char *end = strchrnul(*at, '\n');
    mcr_str line = mcr_str_n(*at, (size_t)(end - *at));
    *at = *end ? end + 1 : end;
    return line;
}

static void add_lines(mcr_stop_trace *out, const char *trace)
{
    while (*trace) {
        mcr_str line = next_line(&trace);
        if (!starts_with(line, "\t"))
            continue; // the headline
        line = mcr_str_n(line.ptr + 1, line.len - 1);
        if (starts_with(line, "[C]: in function 'xpcall'"))
            return; // what follows are drivers
        if (is_own(line))
            continue;
        const char *in = memmem(line.ptr, line.len, ": in ", 5);
        if (!out->place.len && in && !starts_with(line, "[C]")) {
            mcr_buf_append(&out->place, line.ptr, (size_t)(in - line.ptr));
            mcr_buf_puts(&out->place, ": ");
        }
        mcr_buf_puts(&out->lines, out->lines.len ? "\n\t" : "\nstack traceback:\n\t");
        mcr_buf_add(&out->lines, line);
    }
}

void mcr_stop_trace_take(mcr_stop_trace *out, lua_State *L, lua_State *main_state)
{
    out->place.len = out->lines.len = 0;
    luaL_traceback(L, L, NULL, 0); // trace
    add_lines(out, lua_tostring(L, -1));
    lua_pop(L, 1); //
    if (L == main_state)
        return;
    luaL_traceback(L, main_state, NULL, 0); // trace
    add_lines(out, lua_tostring(L, -1));
    lua_pop(L, 1); //
}

void mcr_stop_trace_fini(mcr_stop_trace *trace)
{
    mcr_buf_fini(&trace->place);
    mcr_buf_fini(&trace->lines);
}
