#pragma once
// The `watchers` of the configuration: their scripts, sinks and options.

#include "config/config.h"
#include "config/config_table.h"

// mcr_config_read_watchers reads the list at `watchers` of the table on top of the stack; the sinks
// and the scripts folder have been read before.
mcr_err mcr_config_read_watchers(mcr_config *c, mcr_config_reader *r);

// mcr_config_watcher_fini frees what a watcher owns.
void mcr_config_watcher_fini(mcr_config_watcher *w);
