#include <stdio.h>

#include "sink/event_dump.h"
#include "sink/format.h"
#include "vectors/vectors.h"

// Compares what is in `got` with the string `name` of the scenario, byte for byte.
static int compare(const cJSON *scenario, const char *name, const mcr_buf *got, char *why,
                   size_t why_size)
{
    mcr_buf want = { 0 };
    int same = 0;
    if (!vector_text(scenario, name, &want)) {
        snprintf(why, why_size, "there is no %s", name);
    } else if (!mcr_str_eq(mcr_buf_str(&want), mcr_buf_str(got))) {
        snprintf(why, why_size, "%s is %.*s", name, (int)got->len, got->ptr);
    } else {
        same = 1;
    }
    mcr_buf_fini(&want);
    return same;
}

int vectors_log(const cJSON *scenario, char *why, size_t why_size)
{
    mcr_event *ev = vector_event_of(scenario);
    if (!ev) {
        snprintf(why, why_size, "the event is none");
        return 0;
    }
    mcr_buf got = { 0 };
    mcr_klog_structured(&got, ev);
    int passed = compare(scenario, "structured", &got, why, why_size);
    if (passed) {
        got.len = 0;
        mcr_klog_plain(&got, ev);
        passed = compare(scenario, "plain", &got, why, why_size);
    }
    if (passed) {
        got.len = 0;
        mcr_event_dump(&got, ev);
        passed = compare(scenario, "event_value", &got, why, why_size);
    }
    mcr_buf_fini(&got);
    mcr_event_unref(ev);
    return passed;
}
