#include <stdio.h>
#include <stdlib.h>

#include "event/decode.h"
#include "event/encode.h"
#include "vectors/vectors.h"

// The event as Go would print it after decoding, without kind and apiVersion.
static cJSON *printed(const mcr_event *ev)
{
    mcr_buf text = { 0 };
    mcr_event_encode(&text, ev, false);
    cJSON *json = vectors_parse(mcr_buf_cstr(&text), text.len);
    cJSON_DeleteItemFromObjectCaseSensitive(json, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(json, "apiVersion");
    mcr_buf_fini(&text);
    return json;
}

static int compare(const cJSON *want, const mcr_event *ev, char *why, size_t why_size)
{
    cJSON *got = printed(ev);
    int same = cJSON_Compare(want, got, true);
    if (!same) {
        char *text = cJSON_PrintUnformatted(got);
        snprintf(why, why_size, "decoded as %s", text ? text : "nothing");
        cJSON_free(text);
    }
    cJSON_Delete(got);
    return same;
}

int vectors_codec(const cJSON *scenario, char *why, size_t why_size)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(scenario, "event");
    const cJSON *other = cJSON_GetObjectItemCaseSensitive(scenario, "decoded_kind");
    mcr_buf input = { 0 };
    vector_text(scenario, "input", &input);
    mcr_decoder *d = mcr_decoder_new();
    mcr_decode_error err;
    mcr_event *ev = NULL;
    mcr_decoded kind = mcr_decode(d, mcr_buf_str(&input), MCR_DECODE_GO, &ev, &err);
    bool decoded = kind == MCR_DECODED_EVENT;
    int passed = 1;
    if (want && !decoded) {
        snprintf(why, why_size, "not decoded: %s", err.text);
        passed = 0;
    } else if (want) {
        passed = compare(want, ev, why, why_size);
    } else if (decoded && !(other && ev->api == MCR_API_EVENTS_V1)) {
        // Another Go type came out: a Pod is an error here, and Go's other Event is one of ours.
        snprintf(why, why_size, "decoded, though Go does not");
        passed = 0;
    }
    if (decoded)
        mcr_event_unref(ev);
    mcr_decoder_free(d);
    mcr_buf_fini(&input);
    return passed;
}
