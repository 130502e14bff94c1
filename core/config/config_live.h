#pragma once
// What the configuration says of the running program itself: `state_dir`, `reload`, `control` and
// `admin`.

#include "config/config.h"
#include "config/config_table.h"

// The environment variable that says `state_dir` when it is set, whatever the configuration says:
// it is also known when that cannot be read.
#define MCR_STATE_DIR_VARIABLE "MOONCRIER_STATE_DIR"

// mcr_config_live_defaults sets what holds without a word in the configuration.
void mcr_config_live_defaults(mcr_config *c);

// mcr_config_read_live reads them from the top table, on top of the stack.
mcr_err mcr_config_read_live(mcr_config *c, mcr_config_reader *r);

void mcr_config_live_fini(mcr_config *c);
