#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode_exactly.h"

typedef struct error_case {
    const char *name;
    const char *text;
    size_t len;
    mcr_decoded kind;
    size_t offset;
    const char *error;
    unsigned flags;
} error_case;

#define BAD(name, text, offset, error)                                                             \
    {                                                                                              \
        name, TEXT(text), MCR_DECODED_MALFORMED, offset, error, 0                                  \
    }
#define BAD_GO(name, text, offset, error)                                                          \
    {                                                                                              \
        name, TEXT(text), MCR_DECODED_MALFORMED, offset, error, MCR_DECODE_GO                      \
    }
#define CUT(text, error)                                                                           \
    {                                                                                              \
        "cut", TEXT(text), MCR_DECODED_INCOMPLETE, sizeof(text) - 1, error, 0                      \
    }
#define LIST(text)                                                                                 \
    {                                                                                              \
        "a list", TEXT(text), MCR_DECODED_LIST, 0, "", 0                                           \
    }
#define CONTROL(name, text, error)                                                                 \
    {                                                                                              \
        name, TEXT(text), MCR_DECODED_CONTROL, 0, error, 0                                         \
    }
#define TIME  "a time like \"2026-11-23T05:01:40Z\""
#define TYPES "ADDED, MODIFIED, DELETED, BOOKMARK or ERROR"

static const error_case errors[] = {
    // Types.
    BAD("count", "{\"count\":1.5}", 9, "count: expected an int32, found 1.5"),
    BAD("count 1.0", "{\"count\":1.0}", 9, "count: expected an int32, found 1.0"),
    BAD("count 1e2", "{\"count\":1e2}", 9, "count: expected an int32, found 1e2"),
    BAD("count too large", "{\"count\":2147483648}", 9,
        "count: expected an int32, found 2147483648"),
    BAD("count too small", "{\"count\":-2147483649}", 9,
        "count: expected an int32, found -2147483649"),
    BAD("count far too large", "{\"count\":99999999999999999999}", 9,
        "count: expected an int32, found 99999999999999999999"),
    BAD("count a string", "{\"count\":\"1\"}", 9, "count: expected an int32, found \"1\""),
    BAD("count true", "{\"count\":true}", 9, "count: expected an int32, found true"),
    BAD("generation", "{\"metadata\":{\"generation\":9223372036854775808}}", 26,
        "metadata.generation: expected an int64, found 9223372036854775808"),
    BAD("deletionGracePeriodSeconds", "{\"metadata\":{\"deletionGracePeriodSeconds\":[]}}", 42,
        "metadata.deletionGracePeriodSeconds: expected an int64, found an array"),
    BAD("message", "{\"message\": 1}", 12, "message: expected a string, found 1"),
    BAD("name", "{\"metadata\":{\"name\":{}}}", 20,
        "metadata.name: expected a string, found an object"),
    BAD("metadata", "{\"metadata\":[]}", 12, "metadata: expected an object, found an array"),
    BAD("source", "{\"source\":\"kubelet\"}", 10, "source: expected an object, found \"kubelet\""),
    BAD("regarding", "{\"regarding\":{\"kind\":1}}", 21,
        "regarding.kind: expected a string, found 1"),
    BAD("series", "{\"series\":false}", 10, "series: expected an object, found false"),
    BAD("labels", "{\"metadata\":{\"labels\":[]}}", 22,
        "metadata.labels: expected an object of strings, found an array"),
    BAD("a label", "{\"metadata\":{\"labels\":{\"app\":1}}}", 29,
        "metadata.labels.app: expected a string, found 1"),
    BAD("a label with dots", "{\"metadata\":{\"labels\":{\"a.b/c\":1}}}", 31,
        "metadata.labels[\"a.b/c\"]: expected a string, found 1"),
    BAD("finalizers", "{\"metadata\":{\"finalizers\":{}}}", 26,
        "metadata.finalizers: expected an array, found an object"),
    BAD("managedFields", "{\"metadata\":{\"managedFields\":\"x\"}}", 29,
        "metadata.managedFields: expected an array, found \"x\""),
    BAD("an empty time", "{\"firstTimestamp\":\"\"}", 18,
        "firstTimestamp: expected " TIME ", found \"\""),
    BAD("month 13", "{\"lastTimestamp\":\"2024-13-02T03:04:05Z\"}", 17,
        "lastTimestamp: expected " TIME ", found \"2024-13-02T03:04:05Z\""),
    BAD("a number for a time", "{\"eventTime\":17}", 13, "eventTime: expected " TIME ", found 17"),
    BAD_GO("three decimals", "{\"eventTime\":\"2024-01-02T03:04:05.123Z\"}", 13,
           "eventTime: expected a time with six decimals like \"2026-11-23T05:01:40.123456Z\", "
           "found \"2024-01-02T03:04:05.123Z\""),
    BAD_GO("no decimals", "{\"series\":{\"lastObservedTime\":\"2024-01-02T03:04:05Z\"}}", 30,
           "series.lastObservedTime: expected a time with six decimals like "
           "\"2026-11-23T05:01:40.123456Z\", found \"2024-01-02T03:04:05Z\""),
    BAD("a long string is cut",
        "{\"count\":\"0123456789012345678901234567890123456789012345678901\"}", 9,
        "count: expected an int32, found \"01234567890123456789012345678901234567890123456…"),
    BAD("odd bytes are shown", "{\"count\":\"a\\n\u00e9\"}", 9,
        "count: expected an int32, found \"a\\n\u00e9\""),

    // Kinds.
    BAD("a Pod", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"}}", 8,
        "kind is Pod, expected Event"),
    BAD("event", "{\"apiVersion\":\"v1\",\"kind\":\"event\"}", 26, "kind is event, expected Event"),
    BAD("a wrong kind before a wrong type", "{\"kind\":\"Pod\",\"count\":\"x\"}", 8,
        "kind is Pod, expected Event"),
    BAD("a PodList", "{\"kind\":\"PodList\",\"items\":[{}]}", 8, "kind is PodList, expected Event"),
    BAD("kind a number", "{\"kind\":5}", 8, "kind: expected a string, found 5"),
    BAD("apiVersion", "{\"kind\":\"Event\",\"apiVersion\":\"v2\",\"count\":1}", 29,
        "apiVersion is v2, expected v1 or events.k8s.io/v1"),
    BAD("no field of an Event", "{\"level\":\"info\",\"msg\":\"x\"}", 0,
        "not an Event: it has none of an Event's fields"),

    // Syntax.
    BAD("an array", "[1]", 0, "expected an object, found an array"),
    BAD("a string", "\"x\"", 0, "expected an object, found \"x\""),
    BAD("a word", "hello there", 0, "expected an object, found hello"),
    BAD("a BOM", "\xef\xbb\xbf{}", 0, "a byte order mark: JSON must not begin with one"),
    BAD("text behind", "{\"reason\":\"r\"} x", 15, "expected nothing behind the document, found x"),
    BAD("a document behind", "{}{}", 2, "expected nothing behind the document, found an object"),
    BAD("a NUL behind", "{}\0", 2, "expected nothing behind the document, found \\x00"),
    BAD("a comma too many", "{\"reason\":\"r\",}", 14,
        "reason: expected a field name in quotes behind ',', found }"),
    BAD("a comma first", "{,\"reason\":\"r\"}", 1,
        "expected a field name in quotes or '}', found ,"),
    BAD("a comma missing", "{\"reason\":\"r\" \"count\":1}", 14,
        "reason: expected ',' or '}' behind it, found \"count\""),
    BAD("a colon missing", "{\"reason\" \"r\"}", 10, "reason: expected ':', found \"r\""),
    BAD("a name without quotes", "{reason:1}", 1,
        "expected a field name in quotes or '}', found reason"),
    BAD("single quotes", "{\"message\":'x'}", 11, "message: expected a value, found 'x'"),
    BAD("a comment", "{\"reason\":\"r\",// c\n\"message\":\"a\"}", 14,
        "reason: expected a field name in quotes behind ',', found //"),
    BAD("an array not closed", "{\"x\":[1,2}", 9, "x: expected ',' or ']', found }"),
    BAD("a leading zero", "{\"count\":01}", 10, "count: expected ',' or '}' behind it, found 1"),
    BAD("a plus sign", "{\"count\":+1}", 9, "count: expected a value, found +1"),
    BAD("a bare point", "{\"x\":1.}", 7, "x: a bad number"),
    BAD("a bare exponent", "{\"x\":1e}", 7, "x: a bad number"),
    BAD("a bare minus", "{\"count\":-}", 10, "count: a bad number"),
    BAD("Infinity", "{\"count\":Infinity}", 9, "count: expected a value, found Infinity"),
    BAD("nul", "{\"reason\":nul}", 13, "reason: expected a value, found }"),
    BAD("nulll", "{\"reason\":nulll}", 14, "reason: expected ',' or '}' behind it, found l"),
    BAD("a bad escape", "{\"message\":\"bad \\xzz\"}", 17, "message: a bad escape"),
    BAD("a bad \\u", "{\"message\":\"\\u12g4\"}", 16,
        "message: expected four hexadecimal digits after \\u, found g4"),
    BAD("a lone high surrogate", "{\"message\":\"a\\ud83d b\"}", 13, "message: a lone surrogate"),
    BAD("a lone low surrogate", "{\"x\":\"\\ude80\"}", 6, "x: a lone surrogate"),
    BAD("a surrogate in UTF-8", "{\"message\":\"a\xed\xa0\x80\"}", 13, "message: invalid UTF-8"),
    BAD("an overlong form", "{\"message\":\"\xc0\xaf\"}", 12, "message: invalid UTF-8"),
    BAD("another overlong form", "{\"message\":\"\xe0\x80\xaf\"}", 12, "message: invalid UTF-8"),
    BAD("past U+10FFFF", "{\"message\":\"\xf4\x90\x80\x80\"}", 12, "message: invalid UTF-8"),
    BAD("a byte of Latin 1", "{\"metadata\":{\"labels\":{\"\xe9\":\"x\"}}}", 24,
        "metadata.labels: invalid UTF-8"),
    BAD("half a character", "{\"message\":\"\xe2\x82\"}", 12, "message: invalid UTF-8"),
    BAD("a NUL in a string", "{\"message\":\"a\0b\"}", 13, "message: a NUL byte"),
    BAD("a NUL between", "{\"message\":\0\"b\"}", 11, "message: a NUL byte"),
    BAD("a tab in a string", "{\"message\":\"a\tb\"}", 13,
        "message: a control character in a string"),
    BAD("a line end in a string", "{\"message\":\"a\nb\"}", 13,
        "message: a control character in a string"),
    BAD("in managedFields", "{\"metadata\":{\"managedFields\":[{\"a\":tru}]}}", 38,
        "metadata.managedFields: expected a value, found }"),

    // Offsets are those of the text as it came.
    BAD("after white space", " \n {\"count\":1.5}", 12, "count: expected an int32, found 1.5"),
    BAD("over many lines", "{\n  \"reason\" : \"a b\",\n  \"count\" :\t1.5\n}", 34,
        "count: expected an int32, found 1.5"),
    BAD("over many lines, syntax", "{\n  \"reason\": \"a\",\n  \"count\": 1,\n}\n", 33,
        "count: expected a field name in quotes behind ',', found }"),
    BAD("white space keeps tokens apart", "{\n\"count\": 1 2}", 13,
        "count: expected ',' or '}' behind it, found 2"),
    BAD("the same in a word", "{\n\"x\": tr ue}", 9, "x: expected a value, found white space"),
    BAD("escapes over many lines", "{\n \"reason\": \"\\\\\\\" \\n\" , \"count\": [] }", 34,
        "count: expected an int32, found an array"),

    // Watch lines.
    BAD("in the object", "{\"type\":\"ADDED\",\"object\":{\"count\":1.5}}", 34,
        "object.count: expected an int32, found 1.5"),
    BAD("syntax in the object", "{\"type\":\"ADDED\",\"object\":{\"count\":1,}}", 36,
        "object.count: expected a field name in quotes behind ',', found }"),
    BAD("a Pod", "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}", 33,
        "object.kind is Pod, expected Event"),
    BAD("a list in a watch line",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"EventList\",\"items\":[]}}", 33,
        "object.kind is EventList, expected Event"),
    BAD("an odd type", "{\"type\":\"ADDEDD\",\"object\":{\"kind\":\"Event\"}}", 9,
        "type: expected " TYPES ", found \"ADDEDD\""),
    BAD("an object that is no event", "{\"type\":\"ADDED\",\"object\":{\"x\":1}}", 25,
        "object is not an Event: it has none of an Event's fields"),
    BAD("no type", "{\"object\":{\"kind\":\"Event\"}}", 10,
        "a watch line without a type: expected " TYPES),
    BAD("no object", "{\"type\":\"ADDED\",\"object\":null}", 25,
        "object: expected an object, found null"),
    BAD("type first read, then the object", "{\"object\":{\"count\":\"x\"},\"type\":\"ADDED\"}", 19,
        "object.count: expected an int32, found \"x\""),

    // The text ends too early.
    CUT("", "there is nothing"),
    CUT("{", "the text ends inside the document"),
    CUT("{\"rea", "the text ends inside the document"),
    CUT("{\"reason\"", "the text ends inside reason"),
    CUT("{\"reason\":", "the text ends inside reason"),
    CUT("{\"reason\":\"a", "the text ends inside reason"),
    CUT("{\"reason\":\"a\\", "the text ends inside reason"),
    CUT("{\"reason\":\"a\\u00", "the text ends inside reason"),
    CUT("{\"reason\":\"a\\ud83d", "the text ends inside reason"),
    CUT("{\"reason\":\"a\\ud83d\\", "the text ends inside reason"),
    CUT("{\"reason\":\"a\\ud83d\\ude8", "the text ends inside reason"),
    CUT("{\"reason\":\"\xe2\x82", "the text ends inside reason"),
    CUT("{\"reason\":nul", "the text ends inside reason"),
    CUT("{\"count\":12", "the text ends inside count"),
    CUT("{\"count\":-", "the text ends inside count"),
    CUT("{\"metadata\":{\"labels\":{\"a\":\"b\"", "the text ends inside metadata.labels.a"),
    CUT("{\"metadata\":{\"managedFields\":[{", "the text ends inside metadata.managedFields"),
    CUT("{\"count\":\"x\",\"reason\":", "the text ends inside count"),
    CUT("{\"type\":\"ADDED\",\"object\":{\"reason\":\"a\"", "the text ends inside object.reason"),

    // What is no event.
    LIST("{\"kind\":\"EventList\",\"apiVersion\":\"v1\",\"items\":[]}"),
    LIST("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}"),
    LIST("{\"apiVersion\":\"v1\",\"items\":[{},{}],\"kind\":\"List\"}"),
    LIST("{\"kind\":\"EventList\",\"ap"),
    LIST("{\n  \"apiVersion\": \"v1\",\n  \"items\": [\n"),
    CONTROL("BOOKMARK", "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":5}}", ""),
    CONTROL("BOOKMARK last", "{\"object\":{\"kind\":\"Event\"},\"type\":\"BOOKMARK\"}", ""),
    CONTROL(
        "ERROR",
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
        "\"status\":\"Failure\",\"message\":\"too old \\\"1\\\"\",\"code\":410}}",
        "too old \"1\""),
    CONTROL("ERROR last", "{\"object\":{\"message\":\"gone\"},\"type\":\"ERROR\"}", "gone"),
    CONTROL("ERROR without a message", "{\"type\":\"ERROR\",\"object\":{\"message\":5}}", ""),
};

static void errors_say_what_and_where(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const error_case *c = &errors[i];
        mcr_event *ev;
        mcr_decode_error err;
        mcr_decoded kind = decode_exactly(d, c->text, c->len, c->flags, &ev, &err);
        if (kind != c->kind)
            fail_msg("%s: %s: %s (%s)", c->name, c->text, kind_name(kind), err.text);
        if (kind == MCR_DECODED_LIST)
            continue;
        if (strcmp(err.text, c->error) != 0)
            fail_msg("%s: %s\n    got %s\n   want %s", c->name, c->text, err.text, c->error);
        if (err.offset != c->offset)
            fail_msg("%s: %s: at %zu, not %zu", c->name, c->text, err.offset, c->offset);
    }
    mcr_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_what_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
