#pragma once
// Scripts that the configuration names: where they are, and their parameters.

#include "config/config.h"
#include "config/config_table.h"

// mcr_config_read_script reads the script on top of the stack, which stands at `key`: a name, or a
// table of a name and parameters. It is looked for beside the configuration, in its `scripts`
// folder and among the installed ones.
mcr_err mcr_config_read_script(const mcr_config *c, mcr_config_reader *r, mcr_config_script *script,
                               const char *where, const char *key);

// mcr_config_check_deadline fails when `ns`, which stands at "deadline", is no deadline of a hook.
mcr_err mcr_config_check_deadline(mcr_config_reader *r, const char *where, int64_t ns);

// mcr_config_is_script_memory says whether `bytes` can be a limit of script memory.
bool mcr_config_is_script_memory(int64_t bytes);

void mcr_config_script_fini(mcr_config_script *script);
