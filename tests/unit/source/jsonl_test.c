// source/jsonl.h: files and pipes that end; following is in jsonl_follow_test.c.

#include "source/reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "source/gzip.h"

enum {
    MANY = 200
};

static char folder[] = "/tmp/mooncrier-jsonl-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/in", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

// Writes `bytes` where the source will find them: the file, or a pipe as standard input.
typedef enum from {
    FROM_FILE,
    FROM_STDIN,
    FROMS
} from;

static int old_stdin;

static void feed(from where, reader *r, const mcr_buf *bytes)
{
    old_stdin = -1;
    if (where == FROM_FILE) {
        reader_write(path, "w", bytes->ptr, bytes->len);
        r->options.path = path;
        return;
    }
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) >= (int)bytes->len);
    assert_int_equal(write(ends[1], bytes->ptr, bytes->len), bytes->len);
    close(ends[1]);
    old_stdin = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    r->options.path = "-";
}

static void restore_stdin(void)
{
    if (old_stdin < 0)
        return;
    dup2(old_stdin, STDIN_FILENO);
    close(old_stdin);
}

typedef struct sample {
    const char *name;
    const char *text;
    const char *events;
    const char *messages; // "NAME" stands for the source's
    int control;
} sample;

#define EVENT(name) "{\"metadata\":{\"name\":\"" name "\"},\"reason\":\"R\"}"

static const sample samples[] = {
    { "nothing", "", "", "", 0 },
    { "one byte", "x", "", "NAME:1: byte 0: expected '{': each document is a JSON object\n", 0 },
    { "lines", EVENT("a") "\n" EVENT("b") "\n", "a b ", "", 0 },
    { "no newline at the end", EVENT("a") "\n" EVENT("b"), "a b ", "", 0 },
    { "BOM, CRLF and empty lines", "\xef\xbb\xbf" EVENT("a") "\r\n\r\n\n" EVENT("b") "\r\n", "a b ",
      "", 0 },
    { "a watch",
      "{\"type\":\"ADDED\",\"object\":" EVENT(
          "a") "}\n"
               "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Event\",\"metadata\":{}}}\n"
               "{\"type\":\"MODIFIED\",\"object\":" EVENT("a") "}\n",
      "a a ", "", 1 },
    { "a list",
      "{\n  \"kind\": \"List\",\n  \"items\": [\n    " EVENT("a") ",\n    " EVENT("b") "\n  ]\n}\n",
      "a b ", "", 0 },
};

static void check_sample(const sample *s, from where, bool gzip)
{
    reader r = { .take_at_most = NO_LIMIT };
    mcr_buf bytes = { 0 };
    if (gzip)
        gzip_append(&bytes, s->text, strlen(s->text));
    else
        mcr_buf_puts(&bytes, s->text);
    feed(where, &r, &bytes);
    assert_true(reader_open(&r, 1 << 20));
    reader_run_until(&r, reader_has_ended);
    restore_stdin();
    assert_string_equal(r.error, "");
    assert_string_equal(mcr_buf_cstr(&r.names), s->events);
    mcr_buf expected = { 0 };
    const char *rest = strncmp(s->messages, "NAME", 4) == 0 ? s->messages + 4 : NULL;
    mcr_buf_printf(&expected, "%s%s", rest ? where == FROM_FILE ? path : "stdin" : "",
                   rest ? rest : "");
    assert_string_equal(mcr_buf_cstr(&r.messages), mcr_buf_cstr(&expected));
    assert_int_equal(r.source->counts.control, s->control);
    assert_int_equal(r.source->counts.malformed, s->messages[0] != 0);
    assert_int_equal(r.source->counts.bytes, strlen(s->text));
    uint64_t done, total;
    r.source->kind->progress(r.source, &done, &total);
    assert_int_equal(done, bytes.len);
    assert_int_equal(total, where == FROM_FILE ? bytes.len : 0);
    mcr_buf_fini(&expected);
    mcr_buf_fini(&bytes);
    reader_close(&r);
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (from where = 0; where < FROMS; where++)
            for (int gzip = 0; gzip < 2; gzip++)
                check_sample(&samples[i], where, gzip);
}

// Reads MANY events taking `take` of each offer; resumes as the owner sees fit.
static void read_in_steps(from where, bool gzip, uint32_t take, bool at_once)
{
    reader r = { .take_at_most = take, .resume_at_once = at_once };
    mcr_buf text = { 0 }, packed = { 0 }, expected = { 0 };
    reader_append_events(&text, 0, MANY);
    mcr_buf_puts(&text, "not json\n");
    reader_append_events(&text, MANY, 3);
    if (gzip)
        gzip_append(&packed, text.ptr, text.len);
    feed(where, &r, gzip ? &packed : &text);
    assert_true(reader_open(&r, 1 << 20));
    for (;;) {
        reader_run_until(&r, reader_has_paused_or_ended);
        if (r.ended)
            break;
        uint32_t offers = r.offers;
        for (int i = 0; i < 3; i++)
            ev_run(r.loop, EVRUN_NOWAIT); // paused: nothing comes
        assert_int_equal(r.offers, offers);
        r.paused = false;
        r.source->kind->resume(r.source);
        r.source->kind->resume(r.source); // once is enough, twice does no harm
        assert_int_equal(r.offers, offers);
    }
    restore_stdin();
    assert_int_equal(r.ended, 1);
    assert_string_equal(r.error, "");
    assert_int_equal(r.largest_offer, 64);
    assert_int_equal(r.source->counts.malformed, 1);
    assert_string_equal(mcr_buf_cstr(&r.names), reader_names(&expected, 0, MANY + 3));
    assert_int_equal(r.last_record, MANY + 4);
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
    mcr_buf_fini(&expected);
    reader_close(&r);
}

// No event is lost or doubled wherever the owner says that it has no room.
static void test_pauses(void **state)
{
    (void)state;
    static const uint32_t takes[] = { 1, 2, 31, 62, 63, 64, NO_LIMIT };
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
        for (from where = 0; where < FROMS; where++)
            for (int gzip = 0; gzip < 2; gzip++)
                for (int at_once = 0; at_once < 2; at_once++)
                    read_in_steps(where, gzip, takes[i], at_once);
}

// An owner that takes nothing at first gets the same events again.
static void test_takes_nothing(void **state)
{
    (void)state;
    reader r = { .take_at_most = 0 };
    mcr_buf text = { 0 }, expected = { 0 };
    reader_append_events(&text, 0, 70);
    feed(FROM_FILE, &r, &text);
    assert_true(reader_open(&r, 1 << 20));
    for (int i = 0; i < 3; i++) {
        reader_run_until(&r, reader_has_paused_or_ended);
        assert_int_equal(r.source->counts.received, 0);
        r.paused = false;
        r.source->kind->resume(r.source);
    }
    r.take_at_most = NO_LIMIT;
    reader_run_until(&r, reader_has_ended);
    assert_string_equal(mcr_buf_cstr(&r.names), reader_names(&expected, 0, 70));
    mcr_buf_fini(&text);
    mcr_buf_fini(&expected);
    reader_close(&r);
}

// Stopped from within take, or while paused: nothing more is called, and what was read ahead does
// not count.
static void test_stop(void **state)
{
    (void)state;
    for (uint32_t take = 10; take <= 64; take += 54) {
        reader r = { .take_at_most = take, .stop_at = 10 };
        mcr_buf text = { 0 };
        reader_append_events(&text, 0, MANY);
        feed(FROM_FILE, &r, &text);
        assert_true(reader_open(&r, 1 << 20));
        while (!r.events)
            ev_run(r.loop, EVRUN_ONCE);
        r.paused = false;
        r.source->kind->resume(r.source);
        for (int i = 0; i < 5; i++)
            ev_run(r.loop, EVRUN_NOWAIT);
        assert_int_equal(r.events, take);
        assert_int_equal(r.offers, 1);
        assert_int_equal(r.ended, 0);
        mcr_buf_fini(&text);
        reader_close(&r);
    }
}

// Finished early: what was read is handed over whole, what was not read stays where it is, and the
// document that this cuts is no error.
static void finish_early(from where, bool gzip, bool while_paused)
{
    enum {
        LONG = 4000, // more than is read in one turn
        TURN = 4 * 65536
    };
    reader r = { .take_at_most = while_paused ? 10 : NO_LIMIT };
    mcr_buf text = { 0 }, packed = { 0 }, expected = { 0 };
    reader_append_events(&text, 0, LONG);
    gzip_append(&packed, text.ptr, text.len);
    assert_in_range(packed.len, 1, 65536); // one read takes all of it
    feed(where, &r, gzip ? &packed : &text);
    assert_true(reader_open(&r, 1 << 20));
    r.goal = 1;
    reader_run_until(&r, reader_has_reached_goal);
    r.source->kind->finish(r.source);
    while (!r.ended) {
        reader_run_until(&r, reader_has_paused_or_ended);
        r.paused = false;
        r.source->kind->resume(r.source);
    }
    restore_stdin();
    assert_int_equal(r.ended, 1);
    assert_string_equal(r.error, "");
    assert_int_equal(r.source->counts.malformed, 0);
    size_t read = r.source->counts.bytes;
    if (gzip)
        assert_int_equal(read, text.len);
    else
        assert_in_range(read, 65536, TURN);
    const char *line_end = memrchr(text.ptr, '\n', read);
    int whole = 0;
    for (const char *at = text.ptr; at < line_end; whole++)
        at = memchr(at + 1, '\n', (size_t)(line_end - at));
    assert_string_equal(mcr_buf_cstr(&r.names), reader_names(&expected, 0, whole));
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
    mcr_buf_fini(&expected);
    reader_close(&r);
}

static void test_finish(void **state)
{
    (void)state;
    for (from where = 0; where < FROMS; where++)
        for (int gzip = 0; gzip < 2; gzip++)
            for (int while_paused = 0; while_paused < 2; while_paused++)
                finish_early(where, gzip, while_paused);
}

// A source that waits for its pipe or file to go on ends as well.
static void test_finish_while_waiting(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int follow = 0; follow < 2; follow++) {
        reader r = { .options = { .path = follow ? path : "-", .follow = follow } };
        old_stdin = dup(STDIN_FILENO);
        dup2(ends[0], STDIN_FILENO);
        reader_write(path, "w", "", 0);
        assert_true(reader_open(&r, 1 << 20));
        for (int i = 0; i < 3; i++)
            ev_run(r.loop, EVRUN_NOWAIT);
        assert_int_equal(r.ended, 0);
        r.source->kind->finish(r.source);
        reader_run_until(&r, reader_has_ended);
        restore_stdin();
        assert_int_equal(r.ended, 1);
        assert_string_equal(r.error, "");
        reader_close(&r);
    }
    close(ends[0]);
    close(ends[1]);
}

typedef struct broken_gzip {
    int cut;              // bytes missing at the end
    const char *appended; // bytes behind the end
    const char *error;
} broken_gzip;

static void test_broken_gzip(void **state)
{
    (void)state;
    static const broken_gzip cases[] = {
        { 1, "", "the gzip input is cut off: its end is missing" },
        { 30, "", "the gzip input is cut off: its end is missing" },
        { 0, "garbage", "there are bytes behind the compressed content that are no gzip" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (from where = 0; where < FROMS; where++) {
            reader r = { .take_at_most = NO_LIMIT };
            mcr_buf text = { 0 }, packed = { 0 };
            reader_append_events(&text, 0, MANY);
            gzip_append(&packed, text.ptr, text.len);
            packed.len -= (size_t)cases[i].cut;
            mcr_buf_puts(&packed, cases[i].appended);
            feed(where, &r, &packed);
            assert_true(reader_open(&r, 1 << 20));
            reader_run_until(&r, reader_has_ended);
            restore_stdin();
            assert_string_equal(r.error, cases[i].error);
            assert_in_range(r.events, cases[i].cut > 1 ? 100 : MANY, MANY);
            mcr_buf_fini(&text);
            mcr_buf_fini(&packed);
            reader_close(&r);
        }
    }
}

typedef struct refusal {
    mcr_jsonl_options options;
    const char *error;
} refusal;

static void test_refusals(void **state)
{
    (void)state;
    const refusal cases[] = {
        { { 0 }, "'path' is missing: a file, or \"-\" for standard input" },
        { { .path = "-", .follow = true }, "'follow' needs a file: standard input ends by itself" },
        { { .path = "-", .from = 1 }, "from = \"end\" needs follow = true" },
        { { .path = "/nowhere/in" }, "/nowhere/in: cannot be opened: No such file or directory" },
        { { .path = "/tmp" }, "/tmp: is a directory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reader r = { .options = cases[i].options };
        assert_false(reader_open(&r, 1 << 20));
        assert_string_equal(r.error, cases[i].error);
    }
}

static void test_dev_null(void **state)
{
    (void)state;
    reader r = { .options = { .path = "/dev/null" } };
    assert_true(reader_open(&r, 1 << 20));
    reader_run_until(&r, reader_has_ended);
    assert_string_equal(r.error, "");
    assert_int_equal(r.source->counts.received, 0);
    reader_close(&r);
}

static bool has_one_event(const reader *r)
{
    return r->events == 1;
}

// A FIFO may be opened before anybody writes to it; the end comes when the writer closes it.
static void test_fifo(void **state)
{
    (void)state;
    char fifo[80];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    reader r = { .options = { .path = fifo }, .take_at_most = NO_LIMIT };
    assert_true(reader_open(&r, 1 << 20));
    for (int i = 0; i < 3; i++)
        ev_run(r.loop, EVRUN_NOWAIT);
    assert_int_equal(r.ended, 0);
    int writer = open(fifo, O_WRONLY);
    mcr_buf text = { 0 };
    reader_append_event(&text, "a");
    assert_int_equal(write(writer, text.ptr, text.len), text.len);
    reader_run_until(&r, has_one_event);
    ev_run(r.loop, EVRUN_NOWAIT);
    assert_int_equal(r.ended, 0);
    close(writer);
    reader_run_until(&r, reader_has_ended);
    assert_string_equal(mcr_buf_cstr(&r.names), "a ");
    mcr_buf_fini(&text);
    reader_close(&r);
    unlink(fifo);
}

// Standard input is shared with others: its flags stay as they are, blocking or not.
static void test_stdin_flags(void **state)
{
    (void)state;
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        int ends[2];
        reader r = { .options = { .path = "-" }, .take_at_most = NO_LIMIT };
        mcr_buf text = { 0 };
        assert_int_equal(pipe(ends), 0);
        old_stdin = dup(STDIN_FILENO);
        dup2(ends[0], STDIN_FILENO);
        if (nonblocking)
            fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
        assert_true(reader_open(&r, 1 << 20));
        reader_append_event(&text, "a");
        assert_int_equal(write(ends[1], text.ptr, text.len), text.len);
        reader_run_until(&r, has_one_event); // at once, although the pipe is still open
        assert_int_equal(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, nonblocking ? O_NONBLOCK : 0);
        close(ends[1]);
        reader_run_until(&r, reader_has_ended);
        restore_stdin();
        close(ends[0]);
        mcr_buf_fini(&text);
        reader_close(&r);
    }
}

// Bytes that come one by one: events come out as soon as they can, and nothing waits for bytes that
// are not there.
static void test_trickle(void **state)
{
    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        int ends[2];
        reader r = { .options = { .path = "-" }, .take_at_most = NO_LIMIT, .goal = 3 };
        mcr_buf text = { 0 }, packed = { 0 };
        reader_append_events(&text, 1, 3);
        gzip_append(&packed, text.ptr, text.len);
        const mcr_buf *bytes = gzip ? &packed : &text;
        assert_int_equal(pipe(ends), 0);
        old_stdin = dup(STDIN_FILENO);
        dup2(ends[0], STDIN_FILENO);
        assert_true(reader_open(&r, 1 << 20));
        for (size_t i = 0; i < bytes->len; i++) {
            assert_int_equal(write(ends[1], bytes->ptr + i, 1), 1);
            for (int turn = 0; turn < 3; turn++)
                ev_run(r.loop, EVRUN_NOWAIT);
        }
        reader_run_until(&r, reader_has_reached_goal);
        assert_string_equal(mcr_buf_cstr(&r.names), "e1 e2 e3 ");
        assert_int_equal(r.ended, 0);
        close(ends[1]);
        reader_run_until(&r, reader_has_ended);
        restore_stdin();
        assert_string_equal(r.error, "");
        assert_string_equal(mcr_buf_cstr(&r.messages), "");
        close(ends[0]);
        mcr_buf_fini(&text);
        mcr_buf_fini(&packed);
        reader_close(&r);
    }
}

// A gzip member that comes at once, behind it an open pipe.
static void test_gzip_before_the_end(void **state)
{
    (void)state;
    int ends[2];
    reader r = { .options = { .path = "-" }, .take_at_most = NO_LIMIT, .goal = MANY };
    mcr_buf text = { 0 }, packed = { 0 };
    reader_append_events(&text, 1, MANY);
    gzip_append(&packed, text.ptr, text.len);
    assert_int_equal(pipe(ends), 0);
    old_stdin = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    assert_int_equal(write(ends[1], packed.ptr, packed.len), packed.len);
    assert_true(reader_open(&r, 1 << 20));
    reader_run_until(&r, reader_has_reached_goal);
    close(ends[1]);
    reader_run_until(&r, reader_has_ended);
    restore_stdin();
    close(ends[0]);
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
    reader_close(&r);
}

// A line of 100 MB between two events: one message, bounded memory, and the stream goes on.
static void test_long_line(void **state)
{
    (void)state;
    enum {
        LINE = 100 << 20,
        LIMIT = 1 << 20
    };
    int ends[2];
    mcr_buf text = { 0 };
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static char block[1 << 16];
        memset(block, 'x', sizeof block);
        reader_append_event(&text, "a");
        mcr_buf_puts(&text, "{\"message\":\"");
        ssize_t n = write(ends[1], text.ptr, text.len);
        for (size_t done = 0; n > 0 && done < LINE; done += sizeof block)
            n = write(ends[1], block, sizeof block);
        text.len = 0;
        mcr_buf_puts(&text, "\"}\n");
        reader_append_event(&text, "b");
        n = write(ends[1], text.ptr, text.len);
        _exit(n == (ssize_t)text.len ? 0 : 1);
    }
    close(ends[1]);
    old_stdin = dup(STDIN_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    reader r = { .options = { .path = "-" }, .take_at_most = NO_LIMIT };
    assert_true(reader_open(&r, LIMIT));
    reader_run_until(&r, reader_has_ended);
    getrusage(RUSAGE_SELF, &after);
    restore_stdin();
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(mcr_buf_cstr(&r.names), "a b ");
    assert_int_equal(r.source->counts.malformed, 1);
    assert_non_null(strstr(mcr_buf_cstr(&r.messages), "stdin:2: byte "));
    assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024); // KiB; of 100 MiB that went by
    reader_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),       cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_takes_nothing), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_finish),        cmocka_unit_test(test_finish_while_waiting),
        cmocka_unit_test(test_broken_gzip),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_dev_null),      cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_stdin_flags),   cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_trickle),       cmocka_unit_test(test_gzip_before_the_end),
    };
    return cmocka_run_group_tests_name("source/jsonl", tests, set_up, tear_down);
}
