#pragma once
// The `sinks` of the configuration: their kind and its options, and what every kind has: which
// repeats it is told of, and the script that renders for it.

#include "config/config.h"
#include "config/config_table.h"

// mcr_config_read_sinks reads the map at `sinks` of the table on top of the stack.
mcr_err mcr_config_read_sinks(mcr_config *c, mcr_config_reader *r);

// mcr_config_sink_fini frees what a sink owns.
void mcr_config_sink_fini(mcr_config_sink *sink);
