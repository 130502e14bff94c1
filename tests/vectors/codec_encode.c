#include <stdio.h>
#include <string.h>

#include "event/encode.h"
#include "vectors/vectors.h"

// codec_cases `encode`: the event's JSON, byte for byte as client-go posts it. The protobuf form of
// the same event is not looked at.
int vectors_codec_encode(const cJSON *scenario, char *why, size_t why_size)
{
    mcr_buf want = { 0 };
    mcr_buf got = { 0 };
    // Not by first_ns and last_ns: some of these times do not fit into nanoseconds.
    const cJSON *raw = cJSON_GetObjectItemCaseSensitive(scenario, "event_raw");
    mcr_event *ev = vector_event(cJSON_GetObjectItemCaseSensitive(scenario, "event"), raw);
    int result = 0;
    if (!ev || !vector_text(scenario, "json", &want)) {
        snprintf(why, why_size, "%s", ev ? "the scenario has no json" : "the event is not read");
        goto out;
    }
    if (cJSON_GetObjectItemCaseSensitive(scenario, "protobuf_b64"))
        vectors_not_compared("protobuf_b64 of encode");
    mcr_event_encode(&got, ev, true);
    mcr_buf_putc(&got, '\n');
    result = mcr_str_eq(mcr_buf_str(&got), mcr_buf_str(&want));
    if (!result)
        snprintf(why, why_size, "got %swant %s", mcr_buf_cstr(&got), mcr_buf_cstr(&want));
out:
    mcr_event_unref(ev);
    mcr_buf_fini(&want);
    mcr_buf_fini(&got);
    return result;
}
