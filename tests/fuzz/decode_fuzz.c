// Decoding against cJSON: what is accepted strictly cJSON accepts too, and both read the same
// fields. cJSON forgives more, so nothing follows from what it accepts.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "event/decode.h"
#include "event/scan.h"
#include "reference/cjson_event.h"

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

// cJSON knows fewer levels than the scanner may go below the Event's own.
static bool is_deep(const char *text, size_t len)
{
    size_t brackets = 0;
    for (size_t i = 0; i < len; i++)
        brackets += text[i] == '[' || text[i] == '{';
    return brackets > CJSON_NESTING_LIMIT - 1;
}

// cJSON ends names and strings at NULs, which makes other fields of them.
static bool has_escaped_nul(mcr_str raw)
{
    for (uint32_t i = 0; i + 6 <= raw.len; i++)
        if (memcmp(raw.ptr + i, "\\u0000", 6) == 0)
            return true;
    return false;
}

static void compare(const mcr_event *ev)
{
    if (is_deep(ev->raw.ptr, ev->raw.len) || has_escaped_nul(ev->raw))
        return;
    cJSON *json = cJSON_ParseWithLength(ev->raw.ptr, ev->raw.len);
    must(json != NULL, "cJSON does not accept it");
    cjson_event want;
    must(cjson_event_read(&want, json), "no event by cJSON");
    const char *differs = cjson_event_differs(&want, ev);
    must(!differs, differs ? differs : "");
    cjson_event_clear(&want);
    cJSON_Delete(json);
}

static void check_event(const mcr_event *ev)
{
    must(ev->refs == 1, "refs");
    must(ev->raw.len >= 2 && ev->raw.ptr[0] == '{' && ev->raw.ptr[ev->raw.len - 1] == '}', "raw");
    must(!memchr(ev->raw.ptr, '\n', ev->raw.len), "a line end in raw");
    const mcr_time *times[] = { &ev->firstTimestamp, &ev->lastTimestamp, &ev->eventTime };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        must(times[i]->nsec >= 0 && times[i]->nsec < 1000000000, "nsec");
}

static mcr_decoded decode(mcr_decoder *d, const char *text, size_t len, unsigned flags,
                          mcr_event **ev)
{
    mcr_decode_error err;
    *ev = NULL;
    mcr_decoded kind = mcr_decode(d, mcr_str_n(text, len), flags, ev, &err);
    must((kind == MCR_DECODED_EVENT) == (*ev != NULL), "an event without saying so");
    must(memchr(err.text, 0, sizeof err.text) != NULL, "the error has no end");
    if (kind == MCR_DECODED_MALFORMED || kind == MCR_DECODED_INCOMPLETE)
        must(err.offset <= len && err.text[0], "the error has no place or text");
    if (kind == MCR_DECODED_MALFORMED || kind == MCR_DECODED_EVENT)
        must(len > 0, "of nothing");
    return kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static mcr_decoder *d;
    if (!d)
        d = mcr_decoder_new();
    mcr_event *ev, *again = NULL, *lenient;
    mcr_decoded kind = decode(d, (const char *)input, len, 0, &ev);
    mcr_decoded go = decode(d, (const char *)input, len, MCR_DECODE_GO, &lenient);
    if (kind == MCR_DECODED_EVENT) {
        check_event(ev);
        compare(ev);
        // What came out is an event again, and the same one. (An event inside a watch line may have
        // unknown fields that would make a list or a watch line of it, were it alone.)
        must(ev->change || decode(d, ev->raw.ptr, ev->raw.len, 0, &again) == MCR_DECODED_EVENT,
             "raw is no event");
        must(ev->change || mcr_str_eq(ev->raw, again->raw), "raw is not raw's own");
        mcr_event_unref(again);
    }
    if (go == MCR_DECODED_EVENT)
        check_event(lenient);
    mcr_event_unref(ev);
    mcr_event_unref(lenient);
    return 0;
}
