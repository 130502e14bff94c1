#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "frames.h"

#include "event/encode.h"

// Real events, from the repository and, when it is there, from ../shared: what is not touched
// leaves as it came, in whatever shape it came.

#define SHARED "../shared/data/"

static mcr_buf read_file(const char *path)
{
    mcr_buf text = { 0 };
    gzFile in = gzopen(path, "rb");
    if (!in)
        fail_msg("%s cannot be read", path);
    int n;
    while ((n = gzread(in, mcr_buf_reserve(&text, 1 << 20), 1 << 20)) > 0)
        text.len += (size_t)n;
    gzclose(in);
    return text;
}

static bool have(const char *path)
{
    if (access(path, R_OK) == 0)
        return true;
    printf("[  SKIPPED ] %s is not there\n", path);
    return false;
}

// frame_file frames a whole file into `got`, which keeps the events.
static void frame_file(frames *got, mcr_str text)
{
    got->keep = true;
    mcr_framer *f = mcr_framer_new(4 << 20, frames_note, got);
    frames_feed(f, text.ptr, text.len, 0);
    mcr_framer_free(f);
    if (got->malformed)
        fail_msg("malformed: %.400s", strstr(mcr_buf_cstr(&got->log), "M "));
}

static void check_bytes(const char *path, size_t i, mcr_str got, mcr_str want)
{
    if (!mcr_str_eq(got, want))
        fail_msg("%s, event %zu:\ngot:  %.*s\nwant: %.*s", path, i, (int)got.len, got.ptr,
                 (int)want.len, want.ptr);
}

// next_line cuts the first line off `text`.
static mcr_str next_line(mcr_str *text)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    size_t len = end ? (size_t)(end - text->ptr) : text->len;
    mcr_str line = mcr_str_n(text->ptr, len);
    text->ptr += len + (end != NULL);
    text->len -= (uint32_t)(len + (end != NULL));
    return line;
}

// object_of gives the object of a watch line as the API server writes one.
static mcr_str object_of(mcr_str line)
{
    static const char key[] = "\"object\":";
    const char *object = memmem(line.ptr, line.len, key, sizeof key - 1);
    assert_non_null(object);
    object += sizeof key - 1;
    return mcr_str_n(object, line.len - (size_t)(object - line.ptr) - 1);
}

static void lines_leave_as_they_came(const char *path, bool watch)
{
    mcr_buf text = read_file(path);
    mcr_buf_cstr(&text);
    frames got = { 0 };
    frame_file(&got, mcr_buf_str(&text));
    mcr_str rest = mcr_buf_str(&text);
    size_t i = 0;
    mcr_buf out = { 0 };
    while (rest.len) {
        mcr_str line = next_line(&rest);
        if (watch && memcmp(line.ptr, "{\"type\":\"BOOKMARK\"", 18) == 0)
            continue;
        assert_true(i < got.kept_len);
        out.len = 0;
        mcr_event_write(&out, got.kept[i]);
        check_bytes(path, i, mcr_buf_str(&out), watch ? object_of(line) : line);
        i++;
    }
    assert_int_equal(i, got.kept_len);
    assert_true(i > 0);
    mcr_buf_fini(&out);
    mcr_buf_fini(&text);
    frames_clear(&got);
}

static void json_lines(void **state)
{
    (void)state;
    lines_leave_as_they_came("examples/data/events.jsonl", false);
    if (have(SHARED "events-real.jsonl.gz"))
        lines_leave_as_they_came(SHARED "events-real.jsonl.gz", false);
    if (have(SHARED "events-bench-20k.jsonl.gz"))
        lines_leave_as_they_came(SHARED "events-bench-20k.jsonl.gz", false);
}

static void watch_lines(void **state)
{
    (void)state;
    lines_leave_as_they_came("examples/data/watch.jsonl", true);
    if (have(SHARED "watch-core.jsonl.gz"))
        lines_leave_as_they_came(SHARED "watch-core.jsonl.gz", true);
    if (have(SHARED "watch-eventsv1.jsonl.gz"))
        lines_leave_as_they_came(SHARED "watch-eventsv1.jsonl.gz", true);
}

// compact removes white space outside strings, the plain way.
static void compact(mcr_buf *out, mcr_str json)
{
    bool in_string = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (!in_string && (c == ' ' || c == '\n'))
            continue;
        mcr_buf_putc(out, c);
        if (c == '"')
            in_string = !in_string;
        if (c == '\\')
            mcr_buf_putc(out, json.ptr[++i]);
    }
}

// A pretty-printed list has its items between lines that are a brace and nothing else.
static void lists_lose_only_white_space(const char *path, const char *open, const char *close)
{
    mcr_buf text = read_file(path);
    mcr_buf_cstr(&text);
    frames got = { 0 };
    frame_file(&got, mcr_buf_str(&text));
    mcr_str rest = mcr_buf_str(&text);
    size_t i = 0;
    const char *begin = NULL;
    mcr_buf out = { 0 };
    mcr_buf want = { 0 };
    while (rest.len) {
        mcr_str line = next_line(&rest);
        if (mcr_str_is(line, open))
            begin = line.ptr;
        if (!begin || line.len < strlen(close) || memcmp(line.ptr, close, strlen(close)) != 0 ||
            line.len > strlen(close) + 1)
            continue;
        assert_true(i < got.kept_len);
        out.len = want.len = 0;
        mcr_event_write(&out, got.kept[i]);
        compact(&want, mcr_str_n(begin, (size_t)(line.ptr + strlen(close) - begin)));
        check_bytes(path, i, mcr_buf_str(&out), mcr_buf_str(&want));
        begin = NULL;
        i++;
    }
    assert_int_equal(i, got.kept_len);
    assert_true(i > 0);
    mcr_buf_fini(&out);
    mcr_buf_fini(&want);
    mcr_buf_fini(&text);
    frames_clear(&got);
}

static void lists(void **state)
{
    (void)state;
    lists_lose_only_white_space("tests/data/eventlist.json", "    {", "    }");
    lists_lose_only_white_space("tests/data/kubectl-list.json", "        {", "        }");
    if (have(SHARED "eventlist-real.json.gz"))
        lists_lose_only_white_space(SHARED "eventlist-real.json.gz", "    {", "    }");
}

// The list as one line gives the same events.
static void lists_on_one_line(void **state)
{
    (void)state;
    mcr_buf text = read_file("tests/data/eventlist.json");
    mcr_buf line = { 0 };
    compact(&line, mcr_buf_str(&text));
    frames many = { 0 };
    frames one = { 0 };
    frame_file(&many, mcr_buf_str(&text));
    frame_file(&one, mcr_buf_str(&line));
    assert_int_equal(many.kept_len, one.kept_len);
    for (size_t i = 0; i < many.kept_len; i++)
        check_bytes("eventlist.json", i, many.kept[i]->raw, one.kept[i]->raw);
    mcr_buf_fini(&text);
    mcr_buf_fini(&line);
    frames_clear(&many);
    frames_clear(&one);
}

static void lists_in_pieces(void **state)
{
    (void)state;
    mcr_buf text = read_file("tests/data/kubectl-list.json");
    frames whole = { 0 };
    mcr_framer *f = mcr_framer_new(4 << 20, frames_note, &whole);
    frames_feed(f, text.ptr, text.len, 0);
    assert_int_equal(whole.malformed, 0);
    size_t steps[] = { 1, 2, 3, 5, 7, 16, 17, 63, 64, 65, 1000, 4096, 10000 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        frames got = { .pause_every = i % 3 };
        mcr_framer *g = mcr_framer_new(4 << 20, frames_note, &got);
        frames_feed(g, text.ptr, text.len, steps[i]);
        assert_string_equal(mcr_buf_cstr(&got.log), mcr_buf_cstr(&whole.log));
        mcr_framer_free(g);
        frames_clear(&got);
    }
    mcr_framer_free(f);
    mcr_buf_fini(&text);
    frames_clear(&whole);
}

// What Go's encoder wrote, ours writes again byte for byte.
static void encoding_agrees_with_go(const char *path)
{
    mcr_buf text = read_file(path);
    frames got = { 0 };
    frame_file(&got, mcr_buf_str(&text));
    mcr_buf out = { 0 };
    for (size_t i = 0; i < got.kept_len; i++) {
        out.len = 0;
        mcr_event_encode(&out, got.kept[i], true);
        check_bytes(path, i, mcr_buf_str(&out), got.kept[i]->raw);
    }
    mcr_buf_fini(&out);
    mcr_buf_fini(&text);
    frames_clear(&got);
}

static void events_of_the_api_server(void **state)
{
    (void)state;
    encoding_agrees_with_go("examples/data/watch.jsonl");
    if (have(SHARED "watch-core.jsonl.gz"))
        encoding_agrees_with_go(SHARED "watch-core.jsonl.gz");
}

// Both APIs' watch streams hold the same events: their canonical encodings, which are core/v1 and
// show every field, must be the same.
static void both_apis_give_the_same_events(void **state)
{
    (void)state;
    if (!have(SHARED "watch-core.jsonl.gz"))
        skip();
    mcr_buf text[2] = { read_file(SHARED "watch-core.jsonl.gz"),
                        read_file(SHARED "watch-eventsv1.jsonl.gz") };
    frames got[2] = { 0 };
    for (int i = 0; i < 2; i++)
        frame_file(&got[i], mcr_buf_str(&text[i]));
    assert_int_equal(got[0].kept_len, got[1].kept_len);
    mcr_buf out[2] = { 0 };
    for (size_t i = 0; i < got[0].kept_len; i++) {
        const mcr_event *core = got[0].kept[i];
        const mcr_event *other = got[1].kept[i];
        out[0].len = out[1].len = 0;
        mcr_event_encode(&out[0], core, true);
        mcr_event_encode(&out[1], other, true);
        check_bytes("watch-eventsv1", i, mcr_buf_str(&out[1]), mcr_buf_str(&out[0]));
        assert_int_equal(core->change, other->change);
        assert_int_equal(core->api, MCR_API_CORE_V1);
        assert_int_equal(other->api, MCR_API_EVENTS_V1);
    }
    for (int i = 0; i < 2; i++) {
        mcr_buf_fini(&text[i]);
        mcr_buf_fini(&out[i]);
        frames_clear(&got[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines),
        cmocka_unit_test(watch_lines),
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_on_one_line),
        cmocka_unit_test(lists_in_pieces),
        cmocka_unit_test(events_of_the_api_server),
        cmocka_unit_test(both_apis_give_the_same_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
