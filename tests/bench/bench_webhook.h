#pragma once
// webhook-batch: the webhook sink against bare curl multi on libev with bodies that are there.

#include "bench.h"

int bench_webhook(const mcr_bench *self, int runs);
