#pragma once
// The parameters of a script: what stands beside its path in the configuration. They are plain
// values (strings, numbers, booleans, tables of them), since they are copied from the
// configuration's Lua state to the script's.

#include "config/config_table.h"

// mcr_config_read_params reads the parameters of the script { path, name = value, … } on top of the
// stack into a table of the registry; *ref is its reference. MCR_ECONFIG when one is no plain
// value.
mcr_err mcr_config_read_params(mcr_config_reader *r, const char *where, int *ref);
