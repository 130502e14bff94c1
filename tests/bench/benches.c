#include "bench.h"

#include "bench_decode.h"
#include "bench_handler.h"
#include "bench_log.h"
#include "bench_run.h"

const mcr_bench mcr_benches[] = {
    { "decode", "line to event, all fields, against cJSON", bench_decode },
    { "handler", "one Lua filter, single events and batches", bench_handler },
    { "handlers-200", "200 Lua filters in one state", bench_handlers_200 },
    { "log", "structured klog lines to /dev/null", bench_log },
    { NULL, NULL, NULL },
};
