#pragma once
// HTTP requests to the running program itself:
//
//     GET  /-/healthy    200: it works at all
//     GET  /-/ready      200, or 503 with why it takes no events
//     GET  /-/status     what it is doing, as JSON (daemon/status.h)
//     POST /-/reload     200 with the outcome as JSON; 422: refused, the old generation goes on
//     POST /-/rollback   likewise
//     GET  /metrics      the ledger and the reloads for Prometheus (daemon/metrics.h)
//
// There is no authentication: it listens on this machine alone unless `admin.anywhere` is set.
// Pages in a browser on this machine reach it all the same, so what looks like one of them is
// refused with 403: a Host that is neither an address, "localhost" nor the name in `admin.listen`
// (a name that leads here by a lie of its DNS), and an Origin that is not the Host (which browsers
// send with every POST). Main thread.

#include <ev.h>

#include "base/err.h"
#include "daemon/live.h"

typedef struct mcr_admin mcr_admin;

// mcr_admin_new listens as `config` says, which is copied; `live` is borrowed. NULL with a
// sentence.
mcr_admin *mcr_admin_new(struct ev_loop *loop, mcr_live *live, const mcr_config_admin *config,
                         mcr_errbuf *err);

// mcr_admin_address is where, with the real port.
const char *mcr_admin_address(const mcr_admin *a);

// mcr_admin_free: all that was asked for must have been answered. NULL is fine.
void mcr_admin_free(mcr_admin *a);
