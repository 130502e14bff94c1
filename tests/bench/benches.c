#include "bench.h"

#include "bench_decode.h"
#include "bench_encode.h"
#include "bench_handler.h"
#include "bench_log.h"
#include "bench_run.h"

const mcr_bench mcr_benches[] = {
    { "decode", "line to event, all fields, against cJSON", bench_decode },
    { "encode", "event to JSON, against cJSON", bench_encode },
    { "merge", "a new message and one more field, without decoding the result", bench_merge },
    { "handler", "one Lua filter, single events and batches", bench_handler },
    { "handlers-200", "200 Lua filters in one state", bench_handlers_200 },
    { "log", "structured klog lines to /dev/null", bench_log },
    { NULL, NULL, NULL },
};
