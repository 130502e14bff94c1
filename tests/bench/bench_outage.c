// outage: 10,000 distinct decoded events wait at the kube sink, all of them tried in vain: nobody
// listens at the server's port. Resident size of a process that does nothing else, before there are
// events and with all of them waiting; the events are encoded and decoded again one by one, as they
// come from a source.

#include <arpa/inet.h>
#include <ev.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "bench_events.h"
#include "bench_kube.h"
#include "event/decode.h"
#include "event/encode.h"
#include "net/http_client.h"

enum {
    WAITING = 10000
};

typedef struct sizes {
    double before_kb;
    double waiting_kb;
    double tries;
    size_t waiting;
    size_t json; // bytes of one event
} sizes;

static double rss_kb(void)
{
    char line[128];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kb;
}

// A port of 127.0.0.1 that is bound, so that nobody else takes it, and refuses connections.
static void refusing_url(char *room, size_t size)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("bench: a port");
        exit(1);
    }
    snprintf(room, size, "http://127.0.0.1:%u", ntohs(address.sin_port));
}

static void add_tries(void *arg, const char *name, uint64_t n)
{
    if (strcmp(name, "tries") == 0)
        *(double *)arg = (double)n;
}

static double tries_of(const mcr_sink *sink)
{
    double tries = 0;
    sink->kind->each_note(sink, add_tries, &tries);
    return tries;
}

static mcr_event *decoded(mcr_decoder *decoder, size_t number, mcr_buf *json)
{
    mcr_event *made = bench_event(number), *ev = NULL;
    mcr_decode_error err;
    json->len = 0;
    mcr_event_encode(json, made, false);
    mcr_event_unref(made);
    mcr_buf_reserve(json, 64); // what decoders may read past the end
    if (mcr_decode(decoder, mcr_buf_str(json), 0, &ev, &err) != MCR_DECODED_EVENT)
        abort();
    return ev;
}

static sizes measure(void)
{
    char url[64];
    sizes result = { 0 };
    mcr_http_global_init();
    mcr_log_set_level(MCR_LOG_ERROR); // that it is tried again is what is wanted
    refusing_url(url, sizeof url);
    mcr_kube_options options = { 0 };
    mcr_sink_kind_find("kube")->defaults(&options);
    options.access.server = url;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    mcr_sink *sink = bench_kube_open(&options);
    sink->kind->start(sink, loop);
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_buf json = { 0 };
    result.before_kb = rss_kb();
    for (size_t i = 0; i < WAITING; i++) {
        mcr_event *ev = decoded(decoder, i, &json);
        sink->kind->write(sink, &ev, 1, BENCH_START);
        mcr_event_unref(ev);
        ev_run(loop, EVRUN_NOWAIT);
    }
    while ((result.tries = tries_of(sink)) < WAITING)
        ev_run(loop, EVRUN_ONCE);
    result.json = json.len;
    result.waiting_kb = rss_kb();
    result.waiting = sink->counts.in_flight;
    mcr_buf_fini(&json);
    mcr_decoder_free(decoder);
    sink->kind->close(sink);
    ev_loop_destroy(loop);
    return result;
}

// In a process of its own: what earlier benches have left in memory is not the sink's.
static sizes measure_apart(void)
{
    int ends[2];
    sizes result = { 0 };
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        perror("bench: a process");
        exit(1);
    }
    if (child == 0) {
        malloc_trim(0);
        result = measure();
        _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
    }
    close(ends[1]);
    bool whole = read(ends[0], &result, sizeof result) == sizeof result;
    close(ends[0]);
    waitpid(child, NULL, 0);
    if (!whole) {
        fprintf(stderr, "bench: the measuring process has failed\n");
        exit(1);
    }
    return result;
}

int bench_outage(const mcr_bench *self, int runs)
{
    double *before = mcr_alloc((size_t)runs * 2 * sizeof *before), *waiting = before + runs;
    sizes s = { 0 };
    for (int i = 0; i < runs; i++) {
        s = measure_apart();
        before[i] = s.before_kb;
        waiting[i] = s.waiting_kb;
    }
    double kb = bench_median(waiting, (size_t)runs), idle = bench_median(before, (size_t)runs);
    printf("{\"bench\":\"%s\",\"waiting\":%zu,\"tries\":%.0f,\"bytes\":%zu,\"runs\":%d,"
           "\"rss_mb\":%.1f,\"bytes_per_event\":%.0f,"
           "\"baseline\":\"before there are events\",\"baseline_rss_mb\":%.1f}\n",
           self->name, s.waiting, s.tries, s.json, runs, kb / 1024, (kb - idle) * 1024 / WAITING,
           idle / 1024);
    free(before);
    return s.waiting == WAITING ? 0 : 1;
}
