#pragma once
// Scripts that reach out of a rehearsal. Its sinks only remember, but what a script does with
// `allow = { "io" }` it really does, since the script goes on by what it reads, and nothing could
// stand for that. Whoever rehearses must know.

#include "config/config.h"

// mcr_reach_warn logs a warning for each script of watchers and each renderer that is granted what
// leaves the process (mcr_grants_outside), one for each file. Scripts that are sinks are left out:
// a rehearsal neither opens them nor writes to them.
void mcr_reach_warn(const mcr_config *config);
