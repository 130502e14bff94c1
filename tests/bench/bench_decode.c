#include "bench_decode.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/alloc.h"
#include "event/decode.h"
#include "reference/cjson_event.h"

static double decode_all(mcr_decoder *d, const bench_input *input)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < input->n; i++) {
        mcr_decode_error err;
        mcr_event *ev;
        if (mcr_decode(d, input->lines[i], 0, &ev, &err) != MCR_DECODED_EVENT) {
            fprintf(stderr, "bench: line %zu: %s\n", i + 1, err.text);
            exit(1);
        }
        bench_keep(ev);
        mcr_event_unref(ev);
    }
    return (bench_cpu_ns() - start) / (double)input->n;
}

static double cjson_all(const bench_input *input)
{
    double start = bench_cpu_ns();
    for (size_t i = 0; i < input->n; i++) {
        cjson_event read;
        cJSON *json = cJSON_ParseWithLength(input->lines[i].ptr, input->lines[i].len);
        if (!cjson_event_read(&read, json)) {
            fprintf(stderr, "bench: line %zu: not an event by cJSON\n", i + 1);
            exit(1);
        }
        bench_keep(&read);
        cjson_event_clear(&read);
        cJSON_Delete(json);
    }
    return (bench_cpu_ns() - start) / (double)input->n;
}

int bench_decode(const mcr_bench *self, int runs)
{
    bench_input input = bench_input_load();
    mcr_decoder *d = mcr_decoder_new();
    double *ours = mcr_alloc((size_t)runs * sizeof *ours);
    double *cjson = mcr_alloc((size_t)runs * sizeof *cjson);
    double *ratio = mcr_alloc((size_t)runs * sizeof *ratio);
    decode_all(d, &input); // atoms, pages
    for (int i = 0; i < runs; i++) {
        ours[i] = decode_all(d, &input);
        cjson[i] = cjson_all(&input);
        ratio[i] = cjson[i] / ours[i];
    }
    double ns = bench_median(ours, (size_t)runs);
    printf("{\"bench\":\"%s\",\"events\":%zu,\"bytes_per_event\":%zu,\"runs\":%d,"
           "\"ns_per_event\":%.0f,\"events_per_cpu_s\":%.0f,"
           "\"baseline\":\"cJSON parse + same fields\",\"baseline_ns\":%.0f,\"ratio\":%.2f,"
           "\"memcpy_ns\":%.0f,\"input\":\"%s\"}\n",
           self->name, input.n, input.len / input.n, runs, ns, 1e9 / ns,
           bench_median(cjson, (size_t)runs), bench_median(ratio, (size_t)runs),
           bench_memcpy_ns(&input), input.name);
    free(ours);
    free(cjson);
    free(ratio);
    mcr_decoder_free(d);
    bench_input_free(&input);
    return 0;
}
