#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decode_exactly.h"
#include "dump.h"
#include "event/atom.h"
#include "event/scan.h"

typedef struct field_case {
    const char *name;
    const char *text;
    size_t len;
    const char *dump;
    size_t dump_len;
    unsigned flags;
} field_case;

#define STRICT(name, text, dump)                                                                   \
    {                                                                                              \
        name, TEXT(text), TEXT(dump), 0                                                            \
    }
#define GO(name, text, dump)                                                                       \
    {                                                                                              \
        name, TEXT(text), TEXT(dump), MCR_DECODE_GO                                                \
    }
#define CORE "\"kind\":\"Event\",\"apiVersion\":\"v1\""
#define V1   "\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\""

static const field_case fields[] = {
    STRICT("every field of core/v1",
           "{" CORE ",\"metadata\":{\"name\":\"n\",\"generateName\":\"g\",\"namespace\":\"ns\","
           "\"selfLink\":\"/l\",\"uid\":\"u\",\"resourceVersion\":\"5\",\"generation\":7,"
           "\"creationTimestamp\":\"1970-01-01T00:00:01Z\","
           "\"deletionTimestamp\":\"1970-01-01T00:00:02Z\",\"deletionGracePeriodSeconds\":0,"
           "\"labels\":{\"a\":\"b\",\"c\":\"\"},\"annotations\":{\"x.y/z\":\"w\"},"
           "\"ownerReferences\":[{\"kind\":\"Pod\"}],\"finalizers\":[\"f\"],"
           "\"managedFields\":[{\"manager\":\"m\"}]},"
           "\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":\"p\",\"uid\":\"u\","
           "\"apiVersion\":\"v1\",\"resourceVersion\":\"9\",\"fieldPath\":\"spec\"},"
           "\"reason\":\"R\",\"message\":\"M\",\"source\":{\"component\":\"c\",\"host\":\"h\"},"
           "\"firstTimestamp\":\"1970-01-01T00:00:03Z\",\"lastTimestamp\":\"1970-01-01T00:00:04Z\","
           "\"count\":3,\"type\":\"Normal\",\"eventTime\":\"1970-01-01T00:00:05.000006Z\","
           "\"series\":{\"count\":2,\"lastObservedTime\":\"1970-01-01T00:00:07.000000Z\"},"
           "\"action\":\"A\",\"related\":{\"kind\":\"Node\",\"name\":\"no\"},"
           "\"reportingComponent\":\"rc\",\"reportingInstance\":\"ri\"}",
           "count=3 metadata.name=n metadata.generateName=g metadata.namespace=ns "
           "metadata.selfLink=/l metadata.uid=u metadata.resourceVersion=5 metadata.generation=7 "
           "metadata.creationTimestamp=1.0 metadata.deletionTimestamp=2.0 "
           "metadata.deletionGracePeriodSeconds=0 metadata.labels={a:b,c:} "
           "metadata.annotations={x.y/z:w} metadata.finalizers=[\"f\"] "
           "metadata.ownerReferences=[{\"kind\":\"Pod\"}] "
           "metadata.managedFields=[{\"manager\":\"m\"}] involvedObject.kind=Pod "
           "involvedObject.namespace=ns involvedObject.name=p involvedObject.uid=u "
           "involvedObject.apiVersion=v1 involvedObject.resourceVersion=9 "
           "involvedObject.fieldPath=spec reason=R message=M source.component=c source.host=h "
           "firstTimestamp=3.0 lastTimestamp=4.0 type=Normal eventTime=5.6000 series=1 "
           "series.count=2 series.lastObservedTime=7.0 action=A related=1 related.kind=Node "
           "related.name=no reportingComponent=rc reportingInstance=ri"),
    STRICT("every field of events.k8s.io/v1",
           "{" V1 ",\"metadata\":{\"name\":\"n\"},\"eventTime\":\"1970-01-01T00:00:05Z\","
           "\"series\":{\"count\":2,\"lastObservedTime\":null},\"reportingController\":\"rc\","
           "\"reportingInstance\":\"ri\",\"action\":\"A\",\"reason\":\"R\","
           "\"regarding\":{\"kind\":\"Pod\"},\"related\":{},\"note\":\"N\",\"type\":\"Warning\","
           "\"deprecatedSource\":{\"component\":\"c\"},"
           "\"deprecatedFirstTimestamp\":\"1970-01-01T00:00:03Z\","
           "\"deprecatedLastTimestamp\":\"1970-01-01T00:00:04Z\",\"deprecatedCount\":3}",
           "api=1 count=3 metadata.name=n involvedObject.kind=Pod reason=R message=N "
           "source.component=c firstTimestamp=3.0 lastTimestamp=4.0 type=Warning eventTime=5.0 "
           "series=1 series.count=2 action=A related=1 reportingComponent=rc "
           "reportingInstance=ri"),
    STRICT("nothing", "{}", ""),
    STRICT("white space everywhere", " {\t\"count\" : 1 , \"reason\"\t:\"a\"\r} \r\n",
           "count=1 reason=a"),

    // Which API.
    STRICT("v1beta1", "{\"apiVersion\":\"events.k8s.io/v1beta1\",\"note\":\"n\"}",
           "api=1 message=n"),
    STRICT("core does not know note", "{\"apiVersion\":\"v1\",\"note\":\"n\",\"message\":\"m\"}",
           "message=m unknown_fields=1"),
    STRICT("v1 does not know message", "{" V1 ",\"message\":\"m\",\"note\":\"n\"}",
           "api=1 message=n unknown_fields=1"),
    STRICT("no apiVersion, core", "{\"message\":\"m\",\"count\":1}", "count=1 message=m"),
    STRICT("no apiVersion, v1", "{\"reason\":\"r\",\"note\":\"n\",\"deprecatedCount\":1}",
           "api=1 count=1 reason=r message=n"),
    STRICT("no apiVersion, one field of v1", "{\"x\":1,\"note\":\"n\"}",
           "api=1 message=n unknown_fields=1"),
    STRICT("no apiVersion, v1 last", "{\"message\":\"m\",\"count\":2,\"regarding\":{}}",
           "api=1 unknown_fields=1"),
    STRICT("no apiVersion, v1 first", "{\"note\":\"n\",\"message\":\"m\",\"count\":2}",
           "api=1 message=n unknown_fields=1"),
    STRICT("apiVersion last, core", "{\"message\":\"m\",\"apiVersion\":\"v1\"}", "message=m"),
    STRICT("apiVersion last, v1", "{\"note\":\"n\",\"apiVersion\":\"events.k8s.io/v1\"}",
           "api=1 message=n"),
    STRICT("apiVersion last, against the fields before it",
           "{\"note\":\"n\",\"message\":\"m\",\"apiVersion\":\"v1\"}",
           "message=m unknown_fields=1"),
    STRICT("the same the other way round",
           "{\"message\":\"m\",\"note\":\"n\",\"apiVersion\":\"events.k8s.io/v1\"}",
           "api=1 message=n unknown_fields=1"),
    STRICT("the last apiVersion wins",
           "{\"apiVersion\":\"v1\",\"note\":\"n\",\"apiVersion\":\"events.k8s.io/v1\"}",
           "api=1 message=n"),
    STRICT("a null apiVersion", "{\"apiVersion\":null,\"kind\":null,\"note\":\"n\"}",
           "api=1 message=n"),
    STRICT("the last kind wins", "{\"kind\":\"Pod\",\"reason\":\"r\",\"kind\":\"Event\"}",
           "reason=r"),

    // Names.
    STRICT("case matters", "{" CORE ",\"Message\":\"a\",\"MESSAGE\":\"b\"}", "unknown_fields=1"),
    STRICT("an escaped name", "{\"re\\u0061son\":\"r\",\"metadat\\u0061\":{\"n\\u0061me\":\"n\"}}",
           "metadata.name=n reason=r"),
    STRICT("names that begin alike", "{\"reason\":\"r\",\"reasons\":1,\"reaso\":2,\"countt\":3}",
           "reason=r unknown_fields=1"),
    STRICT("unknown fields anywhere",
           "{\"x\":[{}],\"reason\":\"r\",\"metadata\":{\"y\":1},\"source\":{\"z\":null}}",
           "reason=r unknown_fields=1"),
    STRICT("unknown fields below the top are none", "{" CORE ",\"metadata\":{\"y\":1}}", ""),
    STRICT("an empty name", "{" CORE ",\"\":1,\"metadata\":{\"labels\":{\"\":\"e\"}}}",
           "metadata.labels={:e} unknown_fields=1"),

    // Duplicates.
    STRICT("the last string wins", "{\"reason\":\"a\",\"reason\":\"b\"}", "reason=b"),
    STRICT("objects merge",
           "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},"
           "\"metadata\":{\"namespace\":\"b\",\"name\":\"c\"}}",
           "metadata.name=c metadata.namespace=b metadata.uid=u"),
    STRICT("pointers merge",
           "{\"related\":{\"kind\":\"a\"},\"related\":{\"name\":\"b\"},"
           "\"series\":{\"count\":1},\"series\":{}}",
           "series=1 series.count=1 related=1 related.kind=a related.name=b"),
    STRICT("maps merge",
           "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"},"
           "\"labels\":{\"c\":\"4\",\"b\":\"5\"}}}",
           "metadata.labels={a:3,b:5,c:4}"),
    STRICT("the last array wins", "{\"metadata\":{\"finalizers\":[1],\"finalizers\":[2, 3]}}",
           "metadata.finalizers=[2, 3]"),

    // null.
    STRICT("null leaves strings, numbers and objects",
           "{\"reason\":\"a\",\"reason\":null,\"count\":1,\"count\":null,"
           "\"metadata\":{\"name\":\"n\",\"generation\":2,\"generation\":null},\"metadata\":null,"
           "\"source\":{\"host\":\"h\"},\"source\":null}",
           "count=1 metadata.name=n metadata.generation=2 reason=a source.host=h"),
    STRICT("null empties pointers, times, maps and arrays",
           "{\"related\":{\"kind\":\"a\"},\"related\":null,\"series\":{\"count\":1},"
           "\"series\":null,\"firstTimestamp\":\"1970-01-01T00:00:03Z\",\"firstTimestamp\":null,"
           "\"metadata\":{\"labels\":{\"a\":\"b\"},\"labels\":null,\"finalizers\":[1],"
           "\"finalizers\":null,\"deletionGracePeriodSeconds\":5,"
           "\"deletionGracePeriodSeconds\":null}}",
           ""),
    STRICT("a null in a map is empty",
           "{\"metadata\":{\"annotations\":{\"a\":null,\"b\":\"x\",\"b\":null}}}",
           "metadata.annotations={a:,b:}"),

    // Numbers.
    STRICT("negative", "{\"count\":-1}", "count=-1"),
    STRICT("minus zero", "{\"count\":-0}", ""),
    STRICT("zero", "{\"count\":0,\"reason\":\"r\"}", "reason=r"),
    STRICT("the largest",
           "{\"count\":2147483647,\"metadata\":{\"generation\":9223372036854775807}}",
           "count=2147483647 metadata.generation=9223372036854775807"),
    STRICT("the smallest",
           "{\"count\":-2147483648,\"metadata\":{\"generation\":-9223372036854775808}}",
           "count=-2147483648 metadata.generation=-9223372036854775808"),
    STRICT("numbers before white space", "{\"count\":12 ,\"series\":{\"count\":3\t}}",
           "count=12 series=1 series.count=3"),

    // Strings.
    STRICT("escapes", "{\"message\":\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\\u00e9\\u20AC\\ud83d\\ude80z\"}",
           "message=a\n\t\"\\/\b\f\r\u00e9\u20ac\U0001f680z"),
    STRICT("an escaped NUL", "{\"message\":\"a\\u0000b\"}", "message=a\0b"),
    STRICT("UTF-8 of two, three and four bytes",
           "{\"message\":\"\u00e9\u20ac\U0001f680\u2028\x7f\"}",
           "message=\u00e9\u20ac\U0001f680\u2028\x7f"),
    STRICT("the ends of UTF-8",
           "{\"message\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
           "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}",
           "message=\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
           "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
    STRICT("an escape after a long run",
           "{\"message\":\"0123456789abcdef0123456789abcdef\\n0123456789abcdef\"}",
           "message=0123456789abcdef0123456789abcdef\n0123456789abcdef"),

    // Times.
    STRICT("zones and fractions",
           "{\"firstTimestamp\":\"1970-01-01T05:30:00+05:30\","
           "\"lastTimestamp\":\"1970-01-01T00:00:00.5Z\"}",
           "firstTimestamp=0.0 lastTimestamp=0.500000000"),
    STRICT("the epoch is a time", "{\"firstTimestamp\":\"1970-01-01T00:00:00Z\"}",
           "firstTimestamp=0.0"),
    STRICT(
        "the same time twice",
        "{\"firstTimestamp\":\"1970-01-01T00:00:09Z\",\"lastTimestamp\":\"1970-01-01T00:00:09Z\"}",
        "firstTimestamp=9.0 lastTimestamp=9.0"),
    STRICT("Go's zero time is none", "{\"firstTimestamp\":\"0001-01-01T00:00:00Z\"}", ""),
    STRICT("any decimals", "{\"eventTime\":\"1970-01-01T00:00:01.25Z\"}", "eventTime=1.250000000"),

    // Go's reading.
    GO("invalid UTF-8", "{\"message\":\"a\xff\xc0\xafz\xe2\x82\"}",
       "message=a\ufffd\ufffd\ufffdz\ufffd\ufffd"),
    GO("a surrogate in UTF-8", "{\"message\":\"\xed\xa0\x80\"}", "message=\ufffd\ufffd\ufffd"),
    GO("lone surrogates",
       "{\"message\":\"\\ud83d \\ude80 \\ud83d\\u0041 \\ud83d\\n\\ude80\\ud83d\"}",
       "message=\ufffd \ufffd \ufffdA \ufffd\n\ufffd\ufffd"),
    GO("two high surrogates and a low one", "{\"message\":\"\\ud83d\\ud83d\\ude80\"}",
       "message=\ufffd\U0001f680"),
    GO("invalid UTF-8 in a name", "{\"metadata\":{\"labels\":{\"\xff\":\"a\"}}}",
       "metadata.labels={\ufffd:a}"),
    GO("six decimals", "{\"eventTime\":\"1970-01-01T00:00:01.250000Z\"}", "eventTime=1.250000000"),
    GO("no field of an Event", "{\"x\":1}", "unknown_fields=1"),

    // Watch lines.
    STRICT("ADDED", "{\"type\":\"ADDED\",\"object\":{" CORE ",\"reason\":\"r\"}}",
           "change=1 reason=r"),
    STRICT("MODIFIED, type last", "{\"object\":{\"reason\":\"r\"},\"type\":\"MODIFIED\"}",
           "change=2 reason=r"),
    STRICT("DELETED, events.k8s.io/v1",
           "{\"type\":\"DELETED\",\"object\":{" V1 ",\"note\":\"n\",\"type\":\"Normal\"}}",
           "change=3 api=1 message=n type=Normal"),
    STRICT("further fields of the line",
           "{\"x\":{},\"type\":\"ADDED\",\"object\":{\"reason\":\"r\"},\"y\":[]}",
           "change=1 reason=r"),
    STRICT("the last type wins",
           "{\"type\":\"ADDED\",\"object\":{\"reason\":\"r\"},\"type\":\"DELETED\"}",
           "change=3 reason=r"),
    STRICT("the last object wins",
           "{\"type\":\"ADDED\",\"object\":{\"reason\":\"r\"},\"object\":{\"message\":\"m\"}}",
           "change=1 message=m"),
    STRICT("an event with a field `object`",
           "{" CORE ",\"object\":{\"reason\":\"x\"},\"reason\":\"r\"}",
           "reason=r unknown_fields=1"),
    STRICT("the same, `object` first", "{\"object\":{\"reason\":\"x\"},\"reason\":\"r\"}",
           "reason=r unknown_fields=1"),
    STRICT("the same with a type",
           "{\"type\":\"ADDED\",\"object\":{\"reason\":\"x\"},\"message\":\"m\"}",
           "message=m type=ADDED unknown_fields=1"),
    STRICT("an Event with `items`", "{" CORE ",\"items\":[1]}", "unknown_fields=1"),
    STRICT("`items` that is no array", "{\"items\":{},\"reason\":\"r\"}",
           "reason=r unknown_fields=1"),
};

static void fields_are_read(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const field_case *c = &fields[i];
        mcr_event *ev;
        mcr_decode_error err;
        mcr_decoded kind = decode_exactly(d, c->text, c->len, c->flags, &ev, &err);
        if (kind != MCR_DECODED_EVENT)
            fail_msg("%s: %s", c->name, err.text);
        mcr_buf dump = { 0 };
        dump_event(&dump, ev);
        if (dump.len != c->dump_len || (dump.len && memcmp(dump.ptr, c->dump, dump.len) != 0))
            fail_msg("%s:\n    got %s\n   want %s", c->name, mcr_buf_cstr(&dump), c->dump);
        mcr_buf_fini(&dump);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

typedef struct raw_case {
    const char *text;
    const char *raw;
} raw_case;

static const raw_case raws[] = {
    { "{\"reason\": \"a\" }", "{\"reason\": \"a\" }" },
    { " \t{\"reason\":\"a\"}\r\n", "{\"reason\":\"a\"}" },
    { "{\"type\":\"ADDED\", \"object\": { \"reason\": \"a\", \"x\":1.50e1 } }\n",
      "{ \"reason\": \"a\", \"x\":1.50e1 }" },
    { "{\"object\":{\"reason\":\"a\"},\"type\":\"ADDED\"}", "{\"reason\":\"a\"}" },
    { "{\r\n  \"reason\" : \"a \\\" b\\\\\" ,\n\t\"metadata\": { \"labels\": {}, \"x\": [ 1, 2 ] "
      "}\n}\n",
      "{\"reason\":\"a \\\" b\\\\\",\"metadata\":{\"labels\":{},\"x\":[1,2]}}" },
    { "{\"type\":\"ADDED\",\n \"object\": { \"reason\": \"a  b\"\n }\n}", "{\"reason\":\"a  b\"}" },
};

static void raw_is_the_objects_bytes(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
        mcr_event *ev;
        mcr_decode_error err;
        assert_int_equal(decode_exactly(d, raws[i].text, strlen(raws[i].text), 0, &ev, &err),
                         MCR_DECODED_EVENT);
        if (!mcr_str_is(ev->raw, raws[i].raw))
            fail_msg("got %.*s\nwant %s", (int)ev->raw.len, ev->raw.ptr, raws[i].raw);
        // What scans it again may read past its end.
        char pad[MCR_SCAN_PAD];
        memcpy(pad, ev->raw.ptr + ev->raw.len, sizeof pad);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

static void words_have_atoms(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"name\":\"n\",\"namespace\":\"ns\",\"uid\":\"u\"},"
        "\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":\"n\",\"apiVersion\":"
        "\"v1\"},"
        "\"related\":{\"kind\":\"Pod\"},\"reason\":\"Esc\\u0061ped\",\"message\":\"ns\","
        "\"source\":{\"component\":\"kubelet\",\"host\":\"a-host-whose-name-is-long\"},"
        "\"type\":\"Normal\",\"action\":\"ns\",\"reportingComponent\":\"kubelet\","
        "\"reportingInstance\":\"a-host-whose-name-is-long\"}";
    mcr_decoder *d = mcr_decoder_new();
    for (int twice = 0; twice < 2; twice++) {
        mcr_event *ev;
        mcr_decode_error err;
        assert_int_equal(decode_exactly(d, text, sizeof text - 1, 0, &ev, &err), MCR_DECODED_EVENT);
        const struct {
            mcr_str s;
            const char *text;
        } words[] = {
            { ev->metadata.namespace, "ns" },
            { ev->involvedObject.kind, "Pod" },
            { ev->involvedObject.namespace, "ns" },
            { ev->involvedObject.apiVersion, "v1" },
            { ev->related.kind, "Pod" },
            { ev->reason, "Escaped" },
            { ev->source.component, "kubelet" },
            { ev->source.host, "a-host-whose-name-is-long" },
            { ev->type, "Normal" },
            { ev->action, "ns" },
            { ev->reportingComponent, "kubelet" },
            { ev->reportingInstance, "a-host-whose-name-is-long" },
        };
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            assert_true(mcr_str_is(words[i].s, words[i].text));
            assert_int_equal(words[i].s.id,
                             mcr_atom(words[i].text, (uint32_t)strlen(words[i].text)));
            assert_int_not_equal(words[i].s.id, 0);
        }
        assert_int_equal(ev->metadata.name.id, 0);
        assert_int_equal(ev->metadata.uid.id, 0);
        assert_int_equal(ev->involvedObject.name.id, 0);
        assert_int_equal(ev->message.id, 0);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

// Words that differ in the middle alone fall on the same place of the decoder's cache.
static void words_that_look_alike_differ(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    for (int i = 0; i < 40; i++) {
        char text[128], reason[64];
        snprintf(reason, sizeof reason, "beginning%02dthe-very-same-end", i % 4);
        int len = snprintf(text, sizeof text, "{\"reason\":\"%s\"}", reason);
        mcr_event *ev;
        mcr_decode_error err;
        assert_int_equal(decode_exactly(d, text, (size_t)len, 0, &ev, &err), MCR_DECODED_EVENT);
        assert_true(mcr_str_is(mcr_atom_str(ev->reason.id), reason));
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
}

static void many_labels(void **state)
{
    (void)state;
    enum {
        LABELS = 20000
    };
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, "{\"metadata\":{\"labels\":{\"k0\":\"old\"");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < LABELS; i++)
            mcr_buf_printf(&text, ",\"k%d\":\"v%d\"", i, i + round);
    mcr_buf_puts(&text, "}}}");
    mcr_decoder *d = mcr_decoder_new();
    mcr_event *ev;
    mcr_decode_error err;
    assert_int_equal(decode_exactly(d, text.ptr, text.len, 0, &ev, &err), MCR_DECODED_EVENT);
    assert_int_equal(ev->metadata.labels.n, LABELS);
    for (int i = 0; i < LABELS; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i + 1);
        assert_true(mcr_str_is(ev->metadata.labels.at[i].key, key));
        assert_true(mcr_str_is(ev->metadata.labels.at[i].value, value));
    }
    mcr_event_unref(ev);
    mcr_buf_fini(&text);
    mcr_decoder_free(d);
}

static void depth_is_limited(void **state)
{
    (void)state;
    mcr_decoder *d = mcr_decoder_new();
    static const struct {
        int depth;
        mcr_decoded kind;
        size_t offset;
    } cases[] = { { MCR_SCAN_DEPTH, MCR_DECODED_EVENT, 0 },
                  { MCR_SCAN_DEPTH + 1, MCR_DECODED_MALFORMED, 18 + MCR_SCAN_DEPTH },
                  { 10000, MCR_DECODED_MALFORMED, 18 + MCR_SCAN_DEPTH } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf text = { 0 };
        mcr_buf_puts(&text, "{\"reason\":\"r\",\"x\":");
        for (int n = 0; n < cases[i].depth; n++)
            mcr_buf_putc(&text, '[');
        for (int n = 0; n < cases[i].depth; n++)
            mcr_buf_putc(&text, ']');
        mcr_buf_putc(&text, '}');
        mcr_event *ev;
        mcr_decode_error err;
        assert_int_equal(decode_exactly(d, text.ptr, text.len, 0, &ev, &err), cases[i].kind);
        if (cases[i].kind == MCR_DECODED_MALFORMED) {
            assert_string_equal(err.text, "x: nested deeper than 1000");
            assert_int_equal(err.offset, cases[i].offset);
        }
        mcr_event_unref(ev);
        mcr_buf_fini(&text);
    }
    mcr_decoder_free(d);
}

// Every text that is cut off, but for the whole, is incomplete, and nothing past it is read.
static void every_prefix_is_incomplete(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Event\",\"metadata\":{\"labels\":{\"a\":"
        "\"\\u00e9\"},"
        "\"managedFields\":[{\"f:x\":{\".\":{}},\"n\":-1.5e+3,\"t\":true,\"u\":null}]},"
        "\"message\":\"\xe2\x82\xac\",\"count\":12,\"firstTimestamp\":null}}";
    mcr_decoder *d = mcr_decoder_new();
    for (size_t len = 0; len < sizeof text - 1; len++) {
        mcr_event *ev;
        mcr_decode_error err;
        mcr_decoded kind = decode_exactly(d, text, len, 0, &ev, &err);
        if (kind != MCR_DECODED_INCOMPLETE)
            fail_msg("%.*s: %s: %s", (int)len, text, kind_name(kind), err.text);
        assert_int_equal(err.offset, len);
    }
    mcr_decoder_free(d);
}

// Strings of all lengths around the scanner's step, with what stops it at every place.
static void strings_of_every_length(void **state)
{
    (void)state;
    static const char *const stops[] = { "", "\\n", "\u20ac", "\\ud83d\\ude80", "\\\"" };
    static const char *const meant[] = { "", "\n", "\u20ac", "\U0001f680", "\"" };
    mcr_decoder *d = mcr_decoder_new();
    for (size_t s = 0; s < sizeof stops / sizeof *stops; s++)
        for (int before = 0; before < 40; before++)
            for (int after = 0; after < 20; after++) {
                char text[256], want[128];
                int len = snprintf(text, sizeof text, "{\"message\":\"%.*s%s%.*s\"}", before,
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", stops[s], after,
                                   "bbbbbbbbbbbbbbbbbbbbbbbb");
                snprintf(want, sizeof want, "%.*s%s%.*s", before,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", meant[s], after,
                         "bbbbbbbbbbbbbbbbbbbbbbbb");
                mcr_event *ev;
                mcr_decode_error err;
                assert_int_equal(decode_exactly(d, text, (size_t)len, 0, &ev, &err),
                                 MCR_DECODED_EVENT);
                if (!mcr_str_is(ev->message, want))
                    fail_msg("%s: %.*s", text, (int)ev->message.len, ev->message.ptr);
                mcr_event_unref(ev);
            }
    mcr_decoder_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(raw_is_the_objects_bytes),
        cmocka_unit_test(words_have_atoms),
        cmocka_unit_test(words_that_look_alike_differ),
        cmocka_unit_test(many_labels),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(every_prefix_is_incomplete),
        cmocka_unit_test(strings_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
