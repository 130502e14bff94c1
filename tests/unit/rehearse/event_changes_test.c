// rehearse/event_changes.h: what differs between two events, field by field.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "base/str.h"
#include "event/decode.h"
#include "rehearse/event_changes.h"

static mcr_event *decode(mcr_decoder *decoder, const char *json)
{
    mcr_decode_error error;
    mcr_event *ev = NULL;
    assert_int_equal(mcr_decode(decoder, mcr_str_of(json), 0, &ev, &error), MCR_DECODED_EVENT);
    return ev;
}

static void what_differs(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *after;
        const char *changes;
    } cases[] = {
        { "{\"kind\":\"Event\"}", "{\"kind\":\"Event\"}", "[]" },
        { "{\"kind\":\"Event\",\"reason\":\"A\"}", "{\"reason\":\"A\",\"kind\":\"Event\"}", "[]" },
        { "{\"kind\":\"Event\",\"reason\":\"A\",\"count\":1}",
          "{\"kind\":\"Event\",\"reason\":\"B\",\"count\":2}",
          "[{\"field\":\"reason\",\"from\":\"A\",\"to\":\"B\"},"
          "{\"field\":\"count\",\"from\":1,\"to\":2}]" },
        { "{\"kind\":\"Event\",\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}",
          "{\"kind\":\"Event\",\"metadata\":{\"labels\":{\"b\":\"3\",\"c\":\"4\"}}}",
          "[{\"field\":\"metadata.labels.a\",\"from\":\"1\"},"
          "{\"field\":\"metadata.labels.b\",\"from\":\"2\",\"to\":\"3\"},"
          "{\"field\":\"metadata.labels.c\",\"to\":\"4\"}]" },
        { "{\"kind\":\"Event\",\"own\":[1,2]}", "{\"kind\":\"Event\",\"own\":[1,3],\"more\":{}}",
          "[{\"field\":\"own\",\"from\":[1,2],\"to\":[1,3]},{\"field\":\"more\",\"to\":{}}]" },
    };
    mcr_decoder *decoder = mcr_decoder_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_event *before = decode(decoder, cases[i].before);
        mcr_event *after = decode(decoder, cases[i].after);
        cJSON *changes = mcr_event_changes(before, after);
        char *text = cJSON_PrintUnformatted(changes);
        assert_string_equal(text, cases[i].changes);
        cJSON_free(text);
        cJSON_Delete(changes);
        mcr_event_unref(before);
        mcr_event_unref(after);
    }
    mcr_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_differs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
