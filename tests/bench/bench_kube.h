#pragma once
// The kube sink against local servers. `deliver`, `deliver-h2`: distinct events, a POST each.
// `outage`: memory while events wait for a server that refuses.

#include "bench.h"
#include "sink/kube.h"

// bench_kube_open is the kube sink with these options, not started; exits when it cannot be made.
mcr_sink *bench_kube_open(const mcr_kube_options *options);

int bench_deliver_kube(const mcr_bench *self, int runs);
int bench_outage(const mcr_bench *self, int runs);
