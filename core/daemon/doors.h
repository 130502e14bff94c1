#pragma once
// The ways into a running program, as its configuration has them: the control socket and the HTTP
// listener. Main thread.

#include <ev.h>

#include "daemon/live.h"

typedef struct mcr_doors mcr_doors;

// mcr_doors_open opens them for `live`, whose `socket` and `admin` it sets; borrowed. A control
// socket that nobody has asked for (neither `control` nor `state_dir`) and cannot be had is only
// warned of. NULL with a sentence.
mcr_doors *mcr_doors_open(struct ev_loop *loop, mcr_live *live, mcr_errbuf *err);

// mcr_doors_close: all that was asked for must have been answered. NULL is fine.
void mcr_doors_close(mcr_doors *d);
