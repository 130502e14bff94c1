#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// Whether what came out is of the kind that the Go type `wanted` stands for: "*v1.Pod", which is an
// error here, or "*v1.Event", which is Go's type of events.k8s.io.
static int is_of_kind(const char *wanted, mcr_decoded kind, const mcr_event *ev,
                      const mcr_decode_error *err)
{
    const char *dot = strrchr(wanted, '.');
    if (!dot)
        return 0;
    if (strcmp(dot, ".Event") == 0)
        return kind == MCR_DECODED_EVENT && ev->api == MCR_API_EVENTS_V1;
    mcr_buf says = { 0 };
    mcr_buf_printf(&says, "kind is %s,", dot + 1);
    int same = kind == MCR_DECODED_MALFORMED && strncmp(err->text, says.ptr, says.len) == 0;
    mcr_buf_fini(&says);
    return same;
}

int vectors_codec(const cJSON *scenario, char *why, size_t why_size)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(scenario, "event");
    const char *other =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(scenario, "decoded_kind"));
    mcr_buf input = { 0 };
    vector_text(scenario, "input", &input);
    mcr_decoder *d = mcr_decoder_new();
    mcr_decode_error err = { .offset = 0 };
    mcr_event *ev = NULL;
    mcr_decoded kind = mcr_decode(d, mcr_buf_str(&input), MCR_DECODE_GO, &ev, &err);
    bool decoded = kind == MCR_DECODED_EVENT;
    int passed = 1;
    if (want && !decoded) {
        snprintf(why, why_size, "not decoded: %s", err.text);
        passed = 0;
    } else if (want) {
        passed = compare(want, ev, why, why_size);
    } else if (other) {
        passed = is_of_kind(other, kind, ev, &err);
        if (!passed)
            snprintf(why, why_size, "no %s: %s", other, decoded ? "an event" : err.text);
    } else if (decoded) {
        snprintf(why, why_size, "decoded, though Go does not");
        passed = 0;
    } else {
        vectors_not_compared("err of decode");
    }
    if (decoded)
        mcr_event_unref(ev);
    mcr_decoder_free(d);
    mcr_buf_fini(&input);
    return passed;
}
