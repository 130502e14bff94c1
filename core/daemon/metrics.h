#pragma once
// The ledger, reloads and generation as Prometheus reads them (text format 0.0.4).

#include "base/buf.h"
#include "daemon/live.h"

// mcr_metrics_write appends all of it. A watcher that did not answer has mooncrier_watcher_up 0 and
// no counters this time.
void mcr_metrics_write(mcr_buf *out, const mcr_live *live, const mcr_census_result *counted);
