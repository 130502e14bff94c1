// No event breaks out of a template: what fixed templates give for any event is JSON, or a path of
// a URL. Any template that is taken writes something for any event.

#include <cjson/cJSON.h>
#include <ctype.h>

#include "event/decode.h"
#include "sink/template.h"

#include "fuzz_input.h"

static mcr_template *compiled(const char *text, mcr_template_place place)
{
    mcr_errbuf err = { "" };
    mcr_template *t = mcr_template_new(text, place, &err);
    fuzz_must(t || err.text[0], "refused without a word", NULL, NULL);
    return t;
}

static void check_json(const mcr_event *ev)
{
    static mcr_template *t;
    if (!t)
        t = compiled("{\"a\":\"{{message | truncate 9}} {{reason | upper}} {{metadata.labels}}\","
                     "\"b\":{{message}},\"c\":{{count}},\"d\":{{metadata.labels}},"
                     "\"e\":{{involvedObject}},\"f\":\"{{message | pad 20}}\","
                     "\"g\":{{metadata.annotations[\"a\"] | default \"x\"}},"
                     "\"h\":{{source | json}},\"i\":\"{{type | oneline}}\"}",
                     MCR_TEMPLATE_JSON);
    mcr_buf out = { 0 };
    mcr_template_write(t, ev, &out);
    cJSON *tree = cJSON_ParseWithLength(out.ptr, out.len);
    // cJSON refuses \u0000, which is JSON all the same.
    fuzz_must(tree || memmem(out.ptr, out.len, "\\u0000", 6), "this is no JSON", &out, NULL);
    const cJSON *last = cJSON_GetObjectItem(tree, "i");
    fuzz_must(!tree || (cJSON_GetArraySize(tree) == 9 && cJSON_IsString(last)),
              "the event broke out", &out, NULL);
    cJSON_Delete(tree);
    mcr_buf_fini(&out);
}

static void check_url(const mcr_event *ev)
{
    static mcr_template *t;
    if (!t)
        t = compiled("/{{message}}/{{metadata.name | lower}}/{{metadata.labels}}",
                     MCR_TEMPLATE_URL);
    mcr_buf out = { 0 };
    mcr_template_write(t, ev, &out);
    size_t slashes = 0;
    for (size_t i = 0; i < out.len; i++) {
        char c = out.ptr[i];
        slashes += c == '/';
        fuzz_must(isalnum((unsigned char)c) || strchr("/%-._~", c), "not for a URL", &out, NULL);
    }
    fuzz_must(slashes == 3, "the event broke out", &out, NULL);
    mcr_buf_fini(&out);
}

// The template of the input, for the event and for another.
static void check_template(const char *text, mcr_template_place place, const mcr_event *ev)
{
    static const mcr_event empty;
    mcr_template *t = compiled(text, place);
    if (!t)
        return;
    mcr_buf one = { 0 }, other = { 0 };
    mcr_template_write(t, ev, &one);
    mcr_template_write(t, &empty, &other);
    if (mcr_template_is_fixed(t))
        fuzz_must_equal(&one, &other, "it was said to be fixed");
    mcr_template_free(t);
    mcr_buf_fini(&one);
    mcr_buf_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static mcr_decoder *decoder;
    if (!decoder)
        decoder = mcr_decoder_new();
    fuzz_input in = { bytes, len };
    mcr_buf text = { 0 }, json = { 0 };
    unsigned place = fuzz_byte(&in) % 3u;
    fuzz_text(&in, &text);
    mcr_event *ev = NULL;
    mcr_decode_error wrong;
    if (mcr_decode(decoder, fuzz_text(&in, &json), 0, &ev, &wrong) == MCR_DECODED_EVENT) {
        check_json(ev);
        check_url(ev);
        check_template(mcr_buf_cstr(&text), (mcr_template_place)place, ev);
        mcr_event_unref(ev);
    } else {
        static const mcr_event empty;
        check_template(mcr_buf_cstr(&text), (mcr_template_place)place, &empty);
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&json);
    return 0;
}
