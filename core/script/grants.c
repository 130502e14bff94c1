#include "script/grants.h"

#include <stdio.h>

#include "base/suggest.h"

const mcr_grant mcr_grant_list[] = {
    { "c_modules", "require finds C libraries in Lua's package.cpath", true },
    { "debug", "Lua's debug library", false },
    { "env", "os.getenv", false },
    { "ffi", "LuaJIT's foreign functions: any C code", true },
    { "io", "files and programs", true },
    { "jit", "LuaJIT's jit library", false },
    { "os", "all of Lua's os library: programs, files, exit", true },
    { NULL, NULL, false },
};

enum {
    MAX_GRANTS = 32
};
_Static_assert(sizeof mcr_grant_list / sizeof *mcr_grant_list <= MAX_GRANTS, "bits of a set");

mcr_err mcr_grants_add(mcr_grants *grants, mcr_str name, mcr_errbuf *err)
{
    const char *names[MAX_GRANTS];
    uint32_t n = 0;
    for (; mcr_grant_list[n].name; n++) {
        names[n] = mcr_grant_list[n].name;
        if (mcr_str_eq(name, mcr_str_of(names[n]))) {
            *grants |= UINT32_C(1) << n;
            return MCR_OK;
        }
    }
    char typed[64];
    mcr_buf all = { 0 };
    mcr_grants_print(&all, UINT32_MAX, ", ");
    snprintf(typed, sizeof typed, "%.*s", (int)name.len, name.ptr);
    const char *meant = mcr_suggest(typed, names, n);
    mcr_err code =
        meant ? mcr_errf(err, MCR_ECONFIG, "unknown grant '%s'; did you mean '%s'?", typed, meant)
              : mcr_errf(err, MCR_ECONFIG, "unknown grant '%s'; there are %s", typed,
                         mcr_buf_cstr(&all));
    mcr_buf_fini(&all);
    return code;
}

void mcr_grants_print(mcr_buf *out, mcr_grants grants, const char *separator)
{
    const char *before = "";
    for (uint32_t i = 0; mcr_grant_list[i].name; i++)
        if (grants & UINT32_C(1) << i) {
            mcr_buf_printf(out, "%s%s", before, mcr_grant_list[i].name);
            before = separator;
        }
}

mcr_grants mcr_grants_outside(mcr_grants grants)
{
    mcr_grants outside = 0;
    for (uint32_t i = 0; mcr_grant_list[i].name; i++)
        if (mcr_grant_list[i].outside)
            outside |= grants & UINT32_C(1) << i;
    return outside;
}
