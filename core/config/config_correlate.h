#pragma once
// `correlate` of a watcher: whether and how its events are correlated before they are routed.
//
//     correlate = "client-go"   client-go's keys and numbers, byte for byte
//     correlate = true          mooncrier's: the same numbers, keys that cannot run into each other
//     correlate = { burst_size = 50, max_events = 20, … }   the same with other numbers
//     correlate = false         not at all

#include "config/config.h"
#include "config/config_table.h"

// mcr_config_read_correlate reads `correlate` of the watcher on top of the stack, whose sinks have
// been read. Left out, it is true for a watcher all of whose sinks record (kube, store), false for
// one that has none of these; with both kinds it must be there.
mcr_err mcr_config_read_correlate(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                                  const char *where);

// mcr_config_correlate_describe appends what holds, for `check`: "no", "as client-go, …".
void mcr_config_correlate_describe(mcr_buf *out, const mcr_config_watcher *w);
