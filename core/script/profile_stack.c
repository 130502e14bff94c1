#include "script/profile_stack.h"

#include <string.h>

// As script/driver.lua and texts.lua name what they compile: "=handle of a.lua".
static bool is_hook(const char *source)
{
    return source[0] == '=' && strstr(source, " of ");
}

static bool is_ours(const lua_Debug *ar)
{
    static const char ours[] = "=mooncrier/";
    return ar->what[0] == 'C' || is_hook(ar->source) ||
           strncmp(ar->source, ours, sizeof ours - 1) == 0;
}

// Text of scripts: what has a meaning in such a line gives way.
static void add(mcr_buf *out, const char *text)
{
    for (; *text; text++)
        mcr_buf_putc(out, *text == ';' ? ':' : (unsigned char)*text < ' ' ? ' ' : *text);
}

static void add_function(mcr_buf *out, const lua_Debug *ar)
{
    const char *name = ar->name && *ar->name && *ar->name != '?' ? ar->name : NULL;
    mcr_buf_putc(out, ';');
    if (ar->what[0] == 'C') {
        add(out, name ? name : "function");
        mcr_buf_puts(out, " (C)");
        return;
    }
    add(out, name ? name : "function");
    mcr_buf_putc(out, ' ');
    add(out, ar->short_src);
    mcr_buf_printf(out, ":%d", ar->linedefined);
}

static const char *state_name(int vmstate)
{
    switch (vmstate) {
    case 'N':
        return "[jit]";
    case 'I':
        return "[interpreter]";
    case 'C':
        return "[c]";
    case 'G':
        return "[gc]";
    default:
        return "[compiler]";
    }
}

static bool frame_at(lua_State *L, int level, const char *what, lua_Debug *ar)
{
    return lua_getstack(L, level, ar) && lua_getinfo(L, what, ar);
}

void mcr_profile_stack_write(mcr_buf *out, lua_State *L, int vmstate, const mcr_hook *hook)
{
    lua_Debug ar;
    int innermost = -1, outermost = -1; // of the functions of scripts
    size_t before = out->len;
    for (int level = 0; level < MCR_PROFILE_DEPTH && frame_at(L, level, "S", &ar); level++) {
        if (!is_ours(&ar)) {
            innermost = innermost < 0 ? level : innermost;
            outermost = level;
        } else if (is_hook(ar.source)) {
            out->len = before;
            add(out, ar.source + 1);
        }
    }
    if (out->len == before && hook)
        mcr_buf_printf(out, "%s of %s", hook->stage, hook->script);
    else if (out->len == before)
        mcr_buf_puts(out, "(no hook)");
    for (int level = outermost; level >= 0 && frame_at(L, level, "nSl", &ar); level--) {
        add_function(out, &ar);
        if (level == innermost && ar.currentline > 0) {
            mcr_buf_putc(out, ';');
            add(out, ar.short_src);
            mcr_buf_printf(out, ":%d", ar.currentline);
        }
    }
    if (outermost < 0)
        mcr_buf_puts(out, ";(calling the hook)");
    mcr_buf_printf(out, ";%s", state_name(vmstate));
}
