#pragma once
// Events to correlate, and a correlator that is told a time.

#include "correlate/correlator.h"
#include "event/event.h"
#include "event/time.h"

static const int64_t SECOND = 1000000000;
static const int64_t START = (int64_t)1700000000 * 1000000000;

// The fields of an event about a pod, to be changed before sample_event.
static inline mcr_event sample_fields(const char *message)
{
    return (mcr_event){
        .metadata = { .name = MCR_STR("pod.1"),
                      .namespace = MCR_STR("ns"),
                      .deletionGracePeriodSeconds = -1 },
        .involvedObject = { .kind = MCR_STR("Pod"),
                            .namespace = MCR_STR("ns"),
                            .name = MCR_STR("pod"),
                            .uid = MCR_STR("uid"),
                            .apiVersion = MCR_STR("v1"),
                            .fieldPath = MCR_STR("path") },
        .reason = MCR_STR("Reason"),
        .message = mcr_str_of(message),
        .source = { .component = MCR_STR("kubelet"), .host = MCR_STR("node") },
        .firstTimestamp = mcr_time_of(START),
        .lastTimestamp = mcr_time_of(START),
        .count = 1,
        .type = MCR_STR("Normal"),
        .reportingComponent = MCR_STR("kubelet"),
        .reportingInstance = MCR_STR("node"),
    };
}

// sample_run correlates an event with `fields` at `now` and lets go of it: the result's event is
// the only one left, with one hold.
static inline mcr_correlated sample_run(mcr_correlator *c, const mcr_event *fields, int64_t now)
{
    mcr_event *ev = mcr_event_new(fields);
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_correlated out;
    mcr_correlator_run(c, ev, &clock, &out);
    mcr_event_unref(ev);
    return out;
}
