// Keys and messages of a script in place of client-go's own: what a script claims to compute alike
// is held against the same vectors.

#include <stdio.h>

#include <lua.h>

#include "script/script.h"
#include "vectors/vectors.h"

static mcr_scripts *scripts;

bool vectors_use_scripts(const char *path)
{
    mcr_errbuf err;
    scripts = mcr_scripts_new(&(mcr_script_options){ .watcher = "vectors" });
    lua_pushnil(mcr_scripts_state(scripts));
    if (!mcr_scripts_load(scripts, path, path, &err) && !mcr_scripts_init(scripts, 0, &err))
        return true;
    fprintf(stderr, "vectors: %s\n", err.text);
    return false;
}

static void replace(mcr_text_hook *to, const mcr_text_hook *by)
{
    if (!to->call)
        *to = *by;
}

void vector_script_hooks(mcr_correlator_options *options)
{
    mcr_correlator_options own = { 0 };
    if (!scripts || !mcr_scripts_correlator_hooks(scripts, &own))
        return;
    replace(&options->aggregate_key, &own.aggregate_key);
    replace(&options->local_key, &own.local_key);
    replace(&options->spam_key, &own.spam_key);
    replace(&options->aggregate_message, &own.aggregate_message);
}

bool vectors_end_scripts(void)
{
    uint64_t errors = scripts ? mcr_scripts_counts_now(scripts).script_errors : 0;
    if (errors)
        printf("FAILED: hooks of the script failed %llu times\n", (unsigned long long)errors);
    mcr_scripts_free(scripts);
    return errors == 0;
}
