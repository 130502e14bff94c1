// The sinks "file" and "stdout", through the table every sink kind has.

#include "sample.h"

#include <signal.h>
#include <sys/resource.h>

#include "sink/dead_letters.h"
#include "sink/sink.h"

// One sink with its options, as a configuration makes it.
typedef struct fixture {
    const mcr_sink_kind *kind;
    void *options;
    mcr_sink *sink;
} fixture;

typedef struct setting {
    const char *key;
    mcr_option_value value;
} setting;

#define STRING(text)                                                                               \
    {                                                                                              \
        .kind = MCR_VALUE_STRING, .string = (text)                                                 \
    }
#define NUMBER(n)                                                                                  \
    {                                                                                              \
        .kind = MCR_VALUE_NUMBER, .number = (n)                                                    \
    }

static fixture prepare(const char *kind, const setting *settings, size_t n)
{
    fixture f = { .kind = mcr_sink_kind_find(kind) };
    assert_non_null(f.kind);
    f.options = mcr_zalloc(f.kind->options_size);
    f.kind->defaults(f.options);
    for (size_t i = 0; i < n; i++) {
        mcr_errbuf err;
        if (mcr_option_set(f.options, f.kind->options, settings[i].key, &settings[i].value, &err))
            fail_msg("%s", err.text);
    }
    return f;
}

static fixture open_sink(const char *kind, const setting *settings, size_t n)
{
    fixture f = prepare(kind, settings, n);
    mcr_errbuf err;
    f.sink = f.kind->open(f.options, &err);
    if (!f.sink)
        fail_msg("%s", err.text);
    f.sink->name = "archive";
    f.sink->watcher = "w";
    return f;
}

static void close_sink(fixture *f)
{
    if (f->sink)
        f->kind->close(f->sink);
    mcr_options_fini(f->options, f->kind->options);
    free(f->options);
}

static void assert_counts(const fixture *f, mcr_sink_counts expected)
{
    const mcr_sink_counts *c = &f->sink->counts;
    assert_int_equal(c->assigned, expected.assigned);
    assert_int_equal(c->delivered, expected.delivered);
    assert_int_equal(c->rejected, expected.rejected);
    assert_int_equal(c->gave_up, expected.gave_up);
    assert_int_equal(c->dead_lettered, expected.dead_lettered);
    assert_int_equal(c->in_flight, expected.in_flight);
    assert_int_equal(c->assigned, c->delivered + c->merged + c->rejected + c->gave_up +
                                      c->dead_lettered + c->spooled + c->in_flight);
}

static void limit_file_size(rlim_t size)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void finds_kinds_by_name(void **state)
{
    (void)state;
    for (const mcr_sink_kind *const *kind = mcr_sink_kinds; *kind; kind++)
        assert_ptr_equal(mcr_sink_kind_find((*kind)->name), *kind);
    assert_non_null(mcr_sink_kind_find("file"));
    assert_non_null(mcr_sink_kind_find("stdout"));
    assert_null(mcr_sink_kind_find("fil"));
}

static void says_what_is_wrong_with_options(void **state)
{
    (void)state;
    static const struct {
        setting settings[2];
        size_t n;
        const char *error;
    } cases[] = {
        { { { 0 } }, 0, "a file sink needs a 'path'" },
        { { { "path", STRING("/nonexistent-dir/x") } },
          1,
          "cannot write to '/nonexistent-dir/x': the directory '/nonexistent-dir' does not exist" },
        { { { "path", STRING("/dev/null") }, { "format", STRING("jsno") } },
          2,
          "unknown format 'jsno'; did you mean 'json'?" },
        { { { "path", STRING("/dev/null") }, { "fsync", STRING("always") } },
          2,
          "'fsync' must be \"never\", \"flush\" or a duration such as \"1s\", not 'always'" },
        { { { "path", STRING("/dev/null") }, { "fsync", STRING("0s") } },
          2,
          "'fsync' must be \"never\", \"flush\" or a duration such as \"1s\", not '0s'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f = prepare("file", cases[i].settings, cases[i].n);
        mcr_errbuf err = { "" };
        assert_null(f.kind->open(f.options, &err));
        assert_string_equal(err.text, cases[i].error);
        close_sink(&f);
    }
}

static void delivers_at_flush_or_when_the_buffer_is_full(void **state)
{
    (void)state;
    char *path = scratch_path("out.jsonl");
    setting settings[] = { { "path", STRING(path) }, { "buffer", NUMBER(20) } };
    fixture f = open_sink("file", settings, 2);
    mcr_event *ev = raw_event("{\"n\":1}"); // 8 bytes a line
    mcr_event *events[] = { ev, ev, ev, ev };

    f.kind->write(f.sink, events, 2, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 2, .in_flight = 2 });
    assert_int_equal(holders(ev), 3);
    assert_file(path, "");

    f.kind->write(f.sink, events, 2, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 4, .delivered = 3, .in_flight = 1 });
    assert_int_equal(holders(ev), 2);
    assert_file(path, "{\"n\":1}\n{\"n\":1}\n{\"n\":1}\n");

    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 4, .delivered = 4 });
    assert_int_equal(holders(ev), 1);
    assert_file(path, "{\"n\":1}\n{\"n\":1}\n{\"n\":1}\n{\"n\":1}\n");
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 4, .delivered = 4 });

    f.kind->write(f.sink, events, 1, SAMPLE_NOW);
    close_sink(&f); // closing loses nothing
    assert_int_equal(holders(ev), 1);
    mcr_buf text = read_file(path);
    assert_int_equal(text.len, 5 * 8);
    mcr_buf_fini(&text);
    mcr_event_unref(ev);
    remove_scratch(path);
}

static void refuses_what_does_not_fit_on_the_disk(void **state)
{
    (void)state;
    char *path = scratch_path("out.jsonl"), *dead_path = scratch_path("dead.jsonl");
    mcr_errbuf err;
    int64_t now = SAMPLE_NOW;
    mcr_clock clock = mcr_clock_fixed(&now);
    setting settings[] = { { "path", STRING(path) } };
    for (int with_dead = 0; with_dead < 2; with_dead++) {
        mcr_dead_letters *dead = with_dead ? mcr_dead_letters_open(dead_path, &clock, &err) : NULL;
        fixture f = open_sink("file", settings, 1);
        f.sink->dead = dead;
        mcr_event *ev = raw_event("{\"n\":1}"), *last = raw_event("{\"n\":2}");
        mcr_event *events[] = { ev, ev, last };
        f.kind->write(f.sink, events, 3, SAMPLE_NOW);
        // Two lines and half of the third. The dead letters do not fit either (they begin behind
        // the limit), so the third event is counted as lost with and without them.
        limit_file_size(20);
        f.kind->flush(f.sink, SAMPLE_NOW);
        limit_file_size(RLIM_INFINITY);
        assert_counts(&f, (mcr_sink_counts){ .assigned = 3, .delivered = 2, .rejected = 1 });
        assert_file(path, "{\"n\":1}\n{\"n\":1}\n");
        assert_int_equal(holders(ev), 1);
        assert_int_equal(holders(last), 1);
        // Later events are tried again.
        f.kind->write(f.sink, &events[2], 1, SAMPLE_NOW);
        f.kind->flush(f.sink, SAMPLE_NOW);
        assert_counts(&f, (mcr_sink_counts){ .assigned = 4, .delivered = 3, .rejected = 1 });
        assert_file(path, "{\"n\":1}\n{\"n\":1}\n{\"n\":2}\n");
        close_sink(&f);
        mcr_event_unref(ev);
        mcr_event_unref(last);
        if (dead) {
            assert_int_equal(mcr_dead_letters_count(dead), 0);
            mcr_dead_letters_close(dead);
        }
        unlink(path);
    }
    remove_scratch(path);
    remove_scratch(dead_path);
}

static void dead_letters_what_a_full_device_refuses(void **state)
{
    (void)state;
    char *dead_path = scratch_path("dead.jsonl");
    int64_t now = SAMPLE_NOW;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_errbuf err;
    mcr_dead_letters *dead = mcr_dead_letters_open(dead_path, &clock, &err);
    assert_non_null(dead);
    setting settings[] = { { "path", STRING("/dev/full") } };
    fixture f = open_sink("file", settings, 1);
    f.sink->dead = dead;
    mcr_event *ev = raw_event("{\"n\":1}");
    f.kind->write(f.sink, &ev, 1, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 1, .dead_lettered = 1 });
    close_sink(&f);
    assert_int_equal(holders(ev), 1);
    mcr_event_unref(ev);
    mcr_dead_letters_close(dead);
    assert_file(dead_path,
                "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"watcher\":\"w\",\"stage\":\"sink\","
                "\"sink\":\"archive\",\"reason\":\"cannot write to '/dev/full': No space left on "
                "device\",\"event\":{\"n\":1}}\n");
    remove_scratch(dead_path);
}

static void gives_up_on_a_pipe_that_stays_full(void **state)
{
    (void)state;
    char *path = scratch_path("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    setting settings[] = { { "path", STRING(path) },
                           { "timeout", NUMBER(0) },
                           { "buffer", NUMBER(1 << 20) } };
    fixture f = open_sink("file", settings, 3);
    size_t room = (size_t)fcntl(reader, F_SETPIPE_SZ, 4096);
    mcr_event *ev = raw_event("{\"n\":1}");
    size_t lines = room / 8 + 2;
    for (size_t i = 0; i < lines; i++)
        f.kind->write(f.sink, &ev, 1, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = lines, .delivered = lines - 2, .gave_up = 2 });
    char *got = mcr_alloc(room);
    assert_int_equal(read(reader, got, room), room);
    f.kind->write(f.sink, &ev, 1, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f,
                  (mcr_sink_counts){ .assigned = lines + 1, .delivered = lines - 1, .gave_up = 2 });
    assert_int_equal(read(reader, got, room), 8); // no line was cut, so none to end
    free(got);
    close_sink(&f);
    assert_int_equal(holders(ev), 1);
    mcr_event_unref(ev);
    close(reader);
    remove_scratch(path);
}

static void counts_table_rows_one_by_one(void **state)
{
    (void)state;
    char *path = scratch_path("out.txt");
    setting settings[] = { { "path", STRING(path) },
                           { "format", STRING("custom-columns=N:.n,TEXT:.text") } };
    fixture f = open_sink("file", settings, 2);
    mcr_event *one = raw_event("{\"n\":1,\"text\":\"a\\nb\"}"), *two = raw_event("{\"n\":2}");
    mcr_event *events[] = { one, two, one };
    f.kind->write(f.sink, events, 3, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 3, .in_flight = 3 });
    assert_file(path, "");
    // The title line and the first two rows fit.
    static const char fits[] = "N     TEXT\n1     a\\nb\n2     <none>\n";
    limit_file_size(sizeof fits - 1 + 3);
    f.kind->flush(f.sink, SAMPLE_NOW);
    limit_file_size(RLIM_INFINITY);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 3, .delivered = 2, .rejected = 1 });
    assert_file(path, fits);
    f.kind->write(f.sink, events, 2, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 5, .delivered = 4, .rejected = 1 });
    close_sink(&f);
    assert_file(path, "N     TEXT\n1     a\\nb\n2     <none>\n1     a\\nb\n2     <none>\n");
    mcr_event_unref(one);
    mcr_event_unref(two);
    remove_scratch(path);
}

static void reopens(void **state)
{
    (void)state;
    char *path = scratch_path("out.jsonl");
    mcr_buf old = { 0 };
    mcr_buf_printf(&old, "%s.1", path);
    setting settings[] = { { "path", STRING(path) } };
    fixture f = open_sink("file", settings, 1);
    mcr_event *one = raw_event("{\"n\":1}"), *two = raw_event("{\"n\":2}");
    f.kind->write(f.sink, &one, 1, SAMPLE_NOW);
    assert_int_equal(rename(path, mcr_buf_cstr(&old)), 0);
    f.kind->reopen(f.sink); // what is buffered belongs to the old file
    f.kind->write(f.sink, &two, 1, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 2, .delivered = 2 });
    assert_file(old.ptr, "{\"n\":1}\n");
    assert_file(path, "{\"n\":2}\n");
    close_sink(&f);
    mcr_event_unref(one);
    mcr_event_unref(two);
    unlink(old.ptr);
    mcr_buf_fini(&old);
    remove_scratch(path);
}

static void syncs_when_it_is_due(void **state)
{
    (void)state;
    char *path = scratch_path("out.jsonl");
    setting settings[] = { { "path", STRING(path) }, { "fsync", STRING("1s") } };
    fixture f = open_sink("file", settings, 2);
    mcr_event *ev = raw_event("{\"n\":1}");
    assert_int_equal(f.kind->tick(f.sink, SAMPLE_NOW), 0);
    f.kind->write(f.sink, &ev, 1, SAMPLE_NOW);
    assert_int_equal(f.kind->tick(f.sink, SAMPLE_NOW), 0); // nothing written yet
    f.kind->flush(f.sink, SAMPLE_NOW);
    assert_int_equal(f.kind->tick(f.sink, SAMPLE_NOW), SAMPLE_NOW + SECOND);
    f.kind->write(f.sink, &ev, 1, SAMPLE_NOW + SECOND / 2);
    f.kind->flush(f.sink, SAMPLE_NOW + SECOND / 2);
    assert_int_equal(f.kind->tick(f.sink, SAMPLE_NOW + SECOND - 1), SAMPLE_NOW + SECOND);
    assert_int_equal(f.kind->tick(f.sink, SAMPLE_NOW + SECOND), 0);
    assert_counts(&f, (mcr_sink_counts){ .assigned = 2, .delivered = 2 });
    close_sink(&f);
    mcr_event_unref(ev);
    remove_scratch(path);
}

static void writes_to_standard_output(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fds[1], STDOUT_FILENO);
    fixture f = open_sink("stdout", NULL, 0);
    mcr_event *ev = raw_event("{\"n\":1}");
    f.kind->write(f.sink, &ev, 1, SAMPLE_NOW);
    f.kind->flush(f.sink, SAMPLE_NOW);
    mcr_sink_counts counts = f.sink->counts;
    close_sink(&f);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    char got[16];
    assert_int_equal(read(fds[0], got, sizeof got), 8);
    assert_memory_equal(got, "{\"n\":1}\n", 8);
    assert_int_equal(counts.delivered, 1);
    assert_int_equal(counts.in_flight, 0);
    mcr_event_unref(ev);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_kinds_by_name),
        cmocka_unit_test(says_what_is_wrong_with_options),
        cmocka_unit_test(delivers_at_flush_or_when_the_buffer_is_full),
        cmocka_unit_test(refuses_what_does_not_fit_on_the_disk),
        cmocka_unit_test(dead_letters_what_a_full_device_refuses),
        cmocka_unit_test(gives_up_on_a_pipe_that_stays_full),
        cmocka_unit_test(counts_table_rows_one_by_one),
        cmocka_unit_test(reopens),
        cmocka_unit_test(syncs_when_it_is_due),
        cmocka_unit_test(writes_to_standard_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
