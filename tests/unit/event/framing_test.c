#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "frames.h"

#define EV(reason) "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"reason\":\"" reason "\"}"
#define SAME_LINE  "text behind the end of a document"
#define NO_BRACE   "expected '{': each document is a JSON object"
#define CUT        "the next document begins before this one has ended"
#define CUT_LIST   "the next document begins before this list has ended"
#define ENDED      "the input ends inside a document"
#define ENDED_LIST "the input ends inside a list"
#define NO_OBJECT  "a list item must be an object"
#define NO_COMMA   "expected ',' or ']' behind a list item"
#define TOO_LONG   "longer than an event may be: 64 bytes (limits.event); skipped"

// Each frame is "E line:offset reason" or "M line:offset error"; `*` for an error stands for any
// text, as those of the decoder are tested with it.
typedef struct framing_case {
    const char *name;
    const char *input;
    size_t len;
    const char *frames;
    size_t limit;
} framing_case;

#define LIMITED(limit, name, input, frames)                                                        \
    {                                                                                              \
        name, input, sizeof(input) - 1, frames, limit                                              \
    }
#define LINES(name, input, frames) LIMITED(4 << 20, name, input, frames)

static const framing_case cases[] = {
    LINES("empty input", "", ""),
    LINES("white space only", " \n\t\r\n\n", ""),
    LINES("one line", EV("a") "\n", "E 1:0 a\n"),
    LINES("last line without newline", EV("a") "\n" EV("b"), "E 1:0 a\nE 2:48 b\n"),
    LINES("CRLF", EV("a") "\r\n" EV("b") "\r\n", "E 1:0 a\nE 2:49 b\n"),
    LINES("empty lines", "\n\r\n" EV("a") "\n\n  \n" EV("b") "\n", "E 3:3 a\nE 6:55 b\n"),
    LINES("white space around", "  \t" EV("a") " \t\r\n", "E 1:3 a\n"),
    LINES("BOM", "\xef\xbb\xbf" EV("a") "\n", "E 1:3 a\n"),
    LINES("BOM later", EV("a") "\n\xef\xbb\xbf" EV("b") "\n", "E 1:0 a\nM 2:48 " NO_BRACE "\n"),
    LINES("BOM alone", "\xef\xbb\xbf", ""),
    LINES("half a BOM", "\xef\xbb", "M 1:0 " NO_BRACE "\n"),
    LINES("half a BOM and more", "\xef\xbb" EV("a") "\n" EV("b"), "M 1:0 " NO_BRACE "\nE 2:50 b\n"),
    LINES("a line of text", "hello {\n" EV("a"), "M 1:0 " NO_BRACE "\nE 2:8 a\n"),
    LINES("a top-level array", "[" EV("a") "]\n" EV("b"), "M 1:0 " NO_BRACE "\nE 2:50 b\n"),
    LINES("NUL at the beginning", "\0" EV("a") "\n" EV("b"), "M 1:0 " NO_BRACE "\nE 2:49 b\n"),
    LINES("NUL inside", "{\"reason\":\"a\0b\"}\n" EV("b"), "M 1:12 *\nE 2:17 b\n"),
    LINES("watch lines",
          "{\"type\":\"ADDED\",\"object\":" EV(
              "a") "}\n"
                   "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Event\"}}\n"
                   "{\"object\":" EV("b") ",\"type\":\"DELETED\"}\n",
          "E 1:0 a\nC 2:74 \nE 3:120 b\n"),
    LINES("a broken line", "{\"kind\":\"Event\",}\n" EV("b") "\n", "M 1:16 *\nE 2:18 b\n"),
    LINES("wrong type", "{\"count\":1.5}\n" EV("b") "\n", "M 1:9 *\nE 2:14 b\n"),
    LINES("cut in a string", "{\"reason\":\"a\n" EV("b") "\n", "M 1:12 *\nE 2:13 b\n"),
    LINES("cut between", "{\"reason\":\"a\",\n" EV("b") "\n", "M 1:14 " CUT "\nE 2:15 b\n"),
    LINES("cut last line", EV("a") "\n{\"reason\":\"a", "E 1:0 a\nM 2:60 " ENDED "\n"),
    LINES("cut in an escape", "{\"reason\":\"a\\\n" EV("b"), "M 1:13 *\nE 2:14 b\n"),
    LINES("two on a line", EV("a") EV("b") " " EV("c") "\n" EV("d"),
          "E 1:0 a\nE 1:47 b\nE 1:95 c\nE 2:143 d\n"),
    LINES("text behind", EV("a") " x\n" EV("b"), "E 1:0 a\nM 1:48 " SAME_LINE "\nE 2:50 b\n"),
    LINES("a bracket behind", EV("a") "}\n" EV("b"), "E 1:0 a\nM 1:47 " SAME_LINE "\nE 2:49 b\n"),
    LINES("many lines", "{\n  \"reason\":\n\"a\"\n}\n" EV("b"), "E 1:0 a\nE 5:20 b\n"),
    LINES("many lines, brace not first", "{\n\"series\":\n {}, \"reason\": \"a\"\n}", "E 1:0 a\n"),
    LINES("many lines, error in the third", "{\n\"reason\":\"a\",\n\"count\": x\n}\n" EV("b"),
          "M 3:25 *\nE 5:29 b\n"),
    LINES("many lines, brackets in strings", "{\n\"reason\":\"}]{[\\\"}\"\n}\n" EV("b"),
          "E 1:0 }]{[\"}\nE 4:23 b\n"),
    LINES("many lines, an open string", "{\n\"a\":\"x,\n\"b\":{}\n}\n " EV("b") "\n",
          "M 2:9 *\nE 5:20 b\n"),
    LINES("many lines, then the next at once", "{\n\"reason\":\"a\"\n}{\n\"reason\":\"b\"\n}\n",
          "E 1:0 a\nE 3:16 b\n"),
    LINES("column 0", "{\n\"reason\":\"a\",\n{\n\"reason\":\"b\"\n}\n",
          "M 2:15 " CUT "\nE 3:16 b\n"),
    LINES("open at the end", "{\n\"reason\":\"a\",\n", "M 2:15 " ENDED "\n"),
    LINES("open brackets at the end", EV("a") "\n{\n{\n",
          "E 1:0 a\nM 2:49 " CUT "\nM 3:51 " ENDED "\n"),
    LINES("wrong brackets", "{\"a\":[}\n]\n" EV("b"), "M 1:6 *\nE 3:10 b\n"),
    LINES("list on a line",
          "{\"kind\":\"List\",\"items\":[" EV("a") "," EV("b") "],\"x\":{}}\n" EV("c"),
          "E 1:24 a\nE 1:72 b\nE 2:129 c\n"),
    LINES("kind behind the items", "{\"items\":[" EV("a") "],\"kind\":\"List\"}\n", "E 1:10 a\n"),
    LINES("list over lines",
          "{\n \"kind\": \"EventList\",\n \"items\" :\n [\n  {\n   \"reason\": \"a\"\n  },\n  {}\n "
          "]\n}\n",
          "E 5:40 a\nE 8:66 \n"),
    LINES("items in column 0", "{\"items\":[\n" EV("a") ",\n" EV("b") "\n]}\n",
          "E 2:11 a\nE 3:60 b\n"),
    LINES("two lists", "{\"items\":[" EV("a") "]}{\"items\":[" EV("b") "]}\n" EV("c"),
          "E 1:10 a\nE 1:69 b\nE 2:119 c\n"),
    LINES("empty list", "{\"kind\":\"EventList\",\"items\":[]}\n" EV("a"), "E 2:32 a\n"),
    LINES("list without items", "{\"kind\":\"EventList\",\"items\":null}\n" EV("a"), "E 2:34 a\n"),
    LINES("items deeper are none", "{\"metadata\":{\"items\":[1]},\"reason\":\"a\"}\n",
          "E 1:0 a\n"),
    LINES("items as a value", "{\"reason\":\"items\",\n\"action\":\"x\"}\n", "E 1:0 items\n"),
    LINES("escaped quote before items", "{\"a\":\"\\\"items\",\"items\":[" EV("b") "]}",
          "E 1:24 b\n"),
    LINES("longer and shorter keys", "{\"item\":[],\"itemss\":[],\"items\":[" EV("b") "]}",
          "E 1:32 b\n"),
    LINES("not objects", "{\"items\":[1, \"a]\\\",\", [{},2], " EV("b") ",null]}",
          "M 1:10 " NO_OBJECT "\nM 1:13 " NO_OBJECT "\nM 1:22 " NO_OBJECT
          "\nE 1:30 b\nM 1:78 " NO_OBJECT "\n"),
    LINES("commas", "{\"items\":[," EV("a") "," EV("b") ",]}\n" EV("c"),
          "M 1:10 " NO_OBJECT "\nE 1:11 a\nE 1:59 b\n"
          "M 1:107 expected a list item behind ','\nE 2:110 c\n"),
    LINES("no comma", "{\"items\":[" EV("a") " " EV("b") "]}\n",
          "E 1:10 a\nM 1:58 " NO_COMMA "\nE 1:58 b\n"),
    LINES("text for a comma", "{\"items\":[" EV("a") ":" EV("b") "," EV("c") "]}\n",
          "E 1:10 a\nM 1:57 " NO_COMMA "\nE 1:106 c\n"),
    LINES("broken item", "{\"items\":[{\"reason\":x}," EV("b") "]}\n", "M 1:20 *\nE 1:23 b\n"),
    LINES("broken item over lines", "{\"items\":[\n {\n  \"count\":1.5},\n " EV("b") "]}\n",
          "M 3:24 *\nE 4:31 b\n"),
    LINES("list in a list", "{\"items\":[{\"items\":[]}," EV("b") "]}\n",
          "M 1:10 a list item must be an Event, not a list\nE 1:23 b\n"),
    LINES("list cut between", "{\"items\":[" EV("a") "\n" EV("b") "\n",
          "E 1:10 a\nM 1:57 " CUT_LIST "\nE 2:58 b\n"),
    LINES("list cut in an item", "{\"items\":[{\"reason\":\"a\",\n" EV("b") "\n",
          "M 1:24 " CUT "\nE 2:25 b\n"),
    LINES("list cut in a value", "{\"items\":[12,3\n" EV("b") "\n",
          "M 1:10 " NO_OBJECT "\nM 1:13 " NO_OBJECT "\nE 2:15 b\n"),
    LINES("list cut behind the items", "{\"items\":[" EV("a") "],\"x\":\n" EV("b") "\n",
          "E 1:10 a\nM 1:63 " CUT_LIST "\nE 2:64 b\n"),
    LINES("list ends early", "{\"items\":[" EV("a") ",\n", "E 1:10 a\nM 2:59 " ENDED_LIST "\n"),
    LINES("list ends in an item", "{\"items\":[{\"a\":", "M 1:15 " ENDED "\n"),
    LINES("list ends behind the items", "{\"items\":[]", "M 1:11 " ENDED_LIST "\n"),
    LINES("text behind a list", "{\"items\":[]} x\n" EV("b"), "M 1:13 " SAME_LINE "\nE 2:15 b\n"),
    LIMITED(62, "as long as may be",
            "{\"reason\":\"0123456789012345678901234567890123456789012345678\"}  \n" EV("b"),
            "E 1:0 0123456789012345678901234567890123456789012345678\nE 2:65 b\n"),
    LIMITED(
        64, "too long",
        "{\"reason\":\"012345678901234567890123456789012345678901234567890123\"}\n" EV("b") "\n",
        "M 1:0 " TOO_LONG "\nE 2:68 b\n"),
    LIMITED(64, "too long over lines",
            "{\n\"reason\":\n\"0123456789012345678901234567890123456789\",\n\"x\":{\"y\":"
            "\"}\"}\n}\n" EV("b") "\n",
            "M 1:0 " TOO_LONG "\nE 6:72 b\n"),
    LIMITED(64, "too long and never closed",
            "{\n\"reason\":\n\"0123456789012345678901234567890123456789\",\n\"x\":{\"y\":"
            "\"}\"\n" EV("b") "\n",
            "M 1:0 " TOO_LONG "\nE 5:69 b\n"),
    LIMITED(64, "too long at the end",
            "{\"reason\":\"0123456789012345678901234567890123456789012345678901234567890",
            "M 1:0 " TOO_LONG "\n"),
    LIMITED(64, "two too long on a line",
            "{\"reason\":\"012345678901234567890123456789012345678901234567890123\"} "
            "{\"reason\":\"012345678901234567890123456789012345678901234567890123\"}" EV("c") "\n",
            "M 1:0 " TOO_LONG "\nM 1:68 " TOO_LONG "\nE 1:135 c\n"),
    LIMITED(64, "items of a long list are short",
            "{\"items\":[" EV("a") "," EV("b") "," EV(
                "c") ",{\"reason\":\"0123456789012345678901234567890"
                     "1234567890123456789012345678901234567890\"}," EV("d") "]}\n" EV("e"),
            "E 1:10 a\nE 1:58 b\nE 1:106 c\nM 1:154 " TOO_LONG "\nE 1:239 d\nE 2:289 e\n"),
    LIMITED(
        64, "a long list without items in time",
        "{\"metadata\":{\"resourceVersion\":\"01234567890123456789012345678901\"},\"items\":[" EV(
            "a") "]}\n" EV("b"),
        "M 1:0 " TOO_LONG "\nE 2:126 b\n"),
    LIMITED(64, "a long line of text",
            "0123456789012345678901234567890123456789012345678901234567890123456789\n" EV("b"),
            "M 1:0 " NO_BRACE "\nE 2:71 b\n"),
    LIMITED(64, "a long blank line",
            "                                                                        " EV("b"),
            "E 1:72 b\n"),
};

// line_matches compares a line of the log with one of the expectation.
static bool line_matches(const char *got, size_t got_len, const char *want, size_t want_len)
{
    if (want_len && want[want_len - 1] == '*')
        return got_len > want_len - 1 && memcmp(got, want, want_len - 1) == 0;
    return got_len == want_len && memcmp(got, want, want_len) == 0;
}

static void check_log(const char *name, const char *how, size_t step, frames *got, const char *want)
{
    const char *log = mcr_buf_cstr(&got->log);
    const char *a = log;
    const char *b = want;
    for (; *a && *b; a += strcspn(a, "\n") + 1, b += strcspn(b, "\n") + 1)
        if (!line_matches(a, strcspn(a, "\n"), b, strcspn(b, "\n")))
            break;
    if (*a || *b)
        fail_msg("%s, %s %zu:\ngot:\n%swant:\n%s", name, how, step, log, want);
}

// Every frame must name the line its offset is on, and every event begin with a brace.
static void check_places(const framing_case *c, frames *got)
{
    const char *log = mcr_buf_cstr(&got->log);
    for (; *log; log += strcspn(log, "\n") + 1) {
        unsigned long long line, offset;
        assert_int_equal(sscanf(log + 2, "%llu:%llu", &line, &offset), 2);
        assert_true(offset <= c->len);
        size_t lines = 1;
        for (size_t i = 0; i < offset; i++)
            lines += c->input[i] == '\n';
        assert_int_equal(lines, line);
        if (*log == 'E')
            assert_int_equal(c->input[offset], '{');
    }
}

static void frames_of_each_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const framing_case *c = &cases[i];
        size_t len = c->len;
        frames got = { 0 };
        mcr_framer *f = mcr_framer_new(c->limit, frames_note, &got);
        // The framer is used again and again: each stream begins at line 1 and offset 0.
        for (size_t step = 0; step <= len; step++) {
            frames_feed(f, c->input, len, step);
            check_log(c->name, "in pieces of", step, &got, c->frames);
            check_places(c, &got);
            frames_clear(&got);
        }
        for (got.pause_every = 1; got.pause_every < 3; got.pause_every++) {
            for (size_t step = 0; step <= len; step += 7) {
                frames_feed(f, c->input, len, step);
                check_log(c->name, "pausing, in pieces of", step, &got, c->frames);
                frames_clear(&got);
            }
        }
        mcr_framer_free(f);
    }
}

static void a_pause_holds_the_rest_back(void **state)
{
    (void)state;
    static const char text[] = EV("a") "\n" EV("b") "\n" EV("c");
    frames got = { .pause_every = 1 };
    mcr_framer *f = mcr_framer_new(4 << 20, frames_note, &got);
    size_t room;
    memcpy(mcr_framer_room(f, &room), text, sizeof text - 1);
    assert_false(mcr_framer_feed(f, sizeof text - 1));
    assert_int_equal(got.events, 1);
    mcr_framer_room(f, &room);
    assert_false(mcr_framer_feed(f, 0));
    assert_false(mcr_framer_finish(f));
    assert_int_equal(got.events, 1);
    assert_false(mcr_framer_resume(f));
    assert_int_equal(got.events, 2);
    assert_true(mcr_framer_resume(f)); // the last line may still go on
    assert_int_equal(got.events, 2);
    assert_false(mcr_framer_finish(f));
    assert_int_equal(got.events, 3);
    assert_true(mcr_framer_resume(f));
    assert_true(mcr_framer_finish(f));
    assert_int_equal(got.events, 3);
    mcr_framer_free(f);
    frames_clear(&got);
}

static void the_limit_is_named_as_it_is_written(void **state)
{
    (void)state;
    frames got = { 0 };
    mcr_framer *f = mcr_framer_new(1 << 20, frames_note, &got);
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, "{\"reason\":\"");
    memset(mcr_buf_reserve(&text, 1 << 20), 'x', 1 << 20);
    text.len += 1 << 20;
    mcr_buf_puts(&text, "\"}\n" EV("b") "\n");
    frames_feed(f, text.ptr, text.len, 0);
    check_log("1 MiB", "all", 0, &got,
              "M 1:0 longer than an event may be: 1MiB (limits.event); skipped\nE 2:1048590 b\n");
    mcr_buf_fini(&text);
    mcr_framer_free(f);
    frames_clear(&got);
}

// feed_endless feeds `times` copies of `piece` between `head` and `tail`, and returns the largest
// room the framer asked for.
static size_t feed_endless(mcr_framer *f, const char *head, const char *piece, size_t times,
                           const char *tail)
{
    size_t most = 0;
    size_t piece_len = strlen(piece);
    size_t room;
    size_t head_len = strlen(head);
    memcpy(mcr_framer_room(f, &room), head, head_len);
    mcr_framer_feed(f, head_len);
    while (times) {
        char *to = mcr_framer_room(f, &room);
        most = room > most ? room : most;
        size_t n = 0;
        for (; times && n + piece_len <= room; times--, n += piece_len)
            memcpy(to + n, piece, piece_len);
        mcr_framer_feed(f, n);
    }
    size_t tail_len = strlen(tail);
    memcpy(mcr_framer_room(f, &room), tail, tail_len);
    mcr_framer_feed(f, tail_len);
    while (!mcr_framer_finish(f))
        mcr_framer_resume(f);
    return most;
}

static void memory_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *name, *head, *piece, *tail;
        size_t events, malformed;
    } endless[] = {
        { "a string of 100 MB", "{\"reason\":\"", "0123456789", "\"}\n" EV("b") "\n", 1, 1 },
        { "text of 100 MB", "x", "0123456789", "\n" EV("b") "\n", 1, 1 },
        { "100 MB of brackets", "{\"a\":", "[[[[[[[[[[", "\n" EV("b") "\n", 1, 1 },
        { "100 MB of lines", "{\n", "\"a\":\"b\",\n\n", "\n" EV("b") "\n", 1, 1 },
        { "100 MB of blanks", " ", "          ", EV("b"), 1, 0 },
        { "a list of 100 MB", "{\"items\":[", "{}, 1 ,{},", "{}]}\n" EV("b"), 20000002, 10000000 },
    };
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        frames got = { 0 };
        size_t times = i == 5 ? 100000 : 10000000;
        mcr_framer *f = mcr_framer_new(1 << 20, frames_note, &got);
        size_t room = feed_endless(f, endless[i].head, endless[i].piece, times, endless[i].tail);
        assert_true(room <= (1 << 20) + (128 << 10));
        size_t share = 10000000 / times;
        assert_int_equal(got.events, i == 5 ? 2 * times + 2 : endless[i].events);
        assert_int_equal(got.malformed, endless[i].malformed / share);
        mcr_framer_free(f);
        frames_clear(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_each_input),
        cmocka_unit_test(a_pause_holds_the_rest_back),
        cmocka_unit_test(the_limit_is_named_as_it_is_written),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
