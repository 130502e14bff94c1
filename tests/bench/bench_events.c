#include "bench_events.h"

#include <math.h>
#include <stdio.h>

#include "event/time.h"

mcr_event *bench_event(size_t number)
{
    char pod[64], uid[64], name[96], message[192];
    snprintf(pod, sizeof pod, "web-%06zu-7d4b9c6f5-x2x7p", number);
    snprintf(uid, sizeof uid, "8d0b6f0e-5d2c-4f3a-9a53-%012zx", number);
    snprintf(name, sizeof name, "%s.17979cfe36%06zx", pod, number);
    snprintf(message, sizeof message, "Back-off restarting failed container app in pod %s_prod(%s)",
             pod, uid);
    mcr_event fields = {
        .metadata = { .name = mcr_str_of(name),
                      .namespace = MCR_STR("prod"),
                      .deletionGracePeriodSeconds = -1 },
        .involvedObject = { .kind = MCR_STR("Pod"),
                            .namespace = MCR_STR("prod"),
                            .name = mcr_str_of(pod),
                            .uid = mcr_str_of(uid),
                            .apiVersion = MCR_STR("v1"),
                            .resourceVersion = MCR_STR("4711"),
                            .fieldPath = MCR_STR("spec.containers{app}") },
        .reason = MCR_STR("BackOff"),
        .message = mcr_str_of(message),
        .source = { .component = MCR_STR("kubelet"), .host = MCR_STR("node-17.example.org") },
        .firstTimestamp = mcr_time_of(BENCH_START),
        .lastTimestamp = mcr_time_of(BENCH_START),
        .count = 1,
        .type = MCR_STR("Warning"),
        .reportingComponent = MCR_STR("kubelet"),
        .reportingInstance = MCR_STR("node-17.example.org"),
    };
    return mcr_event_new(&fields);
}

void bench_zipf_init(bench_zipf *zipf, double exponent)
{
    double sum = 0;
    for (size_t i = 0; i < BENCH_OBJECTS; i++)
        zipf->sums[i] = sum += pow((double)(i + 1), -exponent);
    zipf->seed = 1;
}

uint32_t bench_zipf_draw(bench_zipf *zipf)
{
    zipf->seed = zipf->seed * 6364136223846793005u + 1442695040888963407u;
    double unit = (double)(zipf->seed >> 11) / 9007199254740992.0;
    double at = unit * zipf->sums[BENCH_OBJECTS - 1];
    uint32_t low = 0, high = BENCH_OBJECTS - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (zipf->sums[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
