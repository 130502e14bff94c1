#include "bench.h"

#include "bench_decode.h"

const mcr_bench mcr_benches[] = {
    { "decode", "line to event, all fields, against cJSON", bench_decode },
    { NULL, NULL, NULL },
};
