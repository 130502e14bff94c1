// The sink "store": batches into the store, told when they are committed.

#include <ev.h>

#include "sample.h"
#include "sink/dead_letters.h"
#include "sink/sink.h"
#include "store/store.h"

typedef struct fixture {
    const mcr_sink_kind *kind;
    void *options;
    mcr_sink *sink;
    char *path;
    struct ev_loop *loop;
} fixture;

static void set(fixture *f, const char *name, const char *text)
{
    mcr_errbuf err = { .text = "" };
    mcr_option_value value = { .kind = MCR_VALUE_STRING, .string = text };
    if (mcr_option_set(f->options, f->kind->options, name, &value, &err) != MCR_OK)
        fail_msg("%s", err.text);
}

static void set_number(fixture *f, const char *name, double number)
{
    mcr_option_value value = { .kind = MCR_VALUE_NUMBER, .number = number };
    assert_int_equal(mcr_option_set(f->options, f->kind->options, name, &value, NULL), MCR_OK);
}

static void open_sink(fixture *f, char *path)
{
    mcr_errbuf err = { .text = "" };
    *f = (fixture){ .kind = mcr_sink_kind_find("store"), .path = path };
    assert_non_null(f->kind);
    f->options = mcr_zalloc(f->kind->options_size);
    f->kind->defaults(f->options);
    set(f, "path", path);
    f->sink = f->kind->open(f->options, &err);
    if (!f->sink)
        fail_msg("%s", err.text);
    f->sink->name = "db";
    f->sink->watcher = "all";
    f->loop = ev_loop_new(EVFLAG_AUTO);
}

static void close_sink(fixture *f)
{
    if (f->sink)
        f->kind->close(f->sink);
    mcr_options_fini(f->options, f->kind->options);
    free(f->options);
    ev_loop_destroy(f->loop);
}

static void remove_store(char *path)
{
    static const char *const ends[] = { "-wal", "-shm" };
    for (size_t i = 0; i < 2; i++) {
        mcr_buf name = { 0 };
        mcr_buf_printf(&name, "%s%s", path, ends[i]);
        unlink(mcr_buf_cstr(&name));
        mcr_buf_fini(&name);
    }
    remove_scratch(path);
}

// Writes `n` events called <prefix>0… in one batch.
static void write_batch(fixture *f, const char *prefix, int n)
{
    mcr_event *events[64] = { 0 };
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%d", prefix, i);
        mcr_event fields = sample_fields();
        fields.metadata.name = mcr_str_of(name);
        events[i] = mcr_event_new(&fields);
    }
    f->kind->write(f->sink, events, (size_t)n, SAMPLE_NOW);
    for (int i = 0; i < n; i++)
        mcr_event_unref(events[i]);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    fail_msg("the store did not answer within a minute");
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
}

// Runs the loop as a host does, until nothing is in flight: the sink wakes it.
static void run_until_decided(fixture *f)
{
    ev_timer deadline, tick;
    ev_timer_init(&deadline, on_deadline, 60, 0);
    ev_timer_init(&tick, on_tick, 0, 0);
    ev_timer_start(f->loop, &deadline);
    while (f->sink->counts.in_flight) {
        int64_t due = f->kind->tick(f->sink, SAMPLE_NOW);
        if (due) {
            ev_timer_set(&tick, (double)(due - SAMPLE_NOW) / 1e9, 0);
            ev_timer_start(f->loop, &tick);
        }
        if (f->sink->counts.in_flight)
            ev_run(f->loop, EVRUN_ONCE);
        ev_timer_stop(f->loop, &tick);
    }
    ev_timer_stop(f->loop, &deadline);
}

static void in_store(const fixture *f, const char *sql)
{
    mcr_buf command = { 0 };
    mcr_buf_printf(&command, "sqlite3 -cmd \".timeout 60000\" '%s' '%s'", f->path, sql);
    assert_int_equal(system(mcr_buf_cstr(&command)), 0);
    mcr_buf_fini(&command);
}

static bool count_event(void *self, const mcr_stored *event)
{
    (void)event;
    ++*(int *)self;
    return true;
}

static void count_events(void *self, mcr_store_tx *tx)
{
    mcr_store_list(tx, MCR_STR(""), NULL, NULL, count_event, self);
}

static int stored_events(const char *path)
{
    int n = 0;
    mcr_store *s = mcr_store_open(&(mcr_store_options){ .path = path, .read_only = true }, NULL);
    assert_non_null(s);
    assert_int_equal(mcr_store_read(s, count_events, &n, NULL), MCR_OK);
    mcr_store_close(s);
    return n;
}

static void note(void *arg, const char *name, uint64_t n)
{
    mcr_buf_printf(arg, "%s=%d ", name, (int)n);
}

static void note_answer(void *self, const mcr_event *answer)
{
    mcr_buf_add(self, answer->metadata.resourceVersion);
    mcr_buf_putc(self, ' ');
}

static void what_is_committed_is_delivered(void **state)
{
    (void)state;
    fixture f;
    open_sink(&f, scratch_path("events.db"));
    mcr_buf answers = { 0 }, notes = { 0 };
    f.sink->answer = (mcr_answer_hook){ note_answer, &answers };
    f.kind->start(f.sink, f.loop);
    assert_int_equal(f.kind->room(f.sink), 10000);
    write_batch(&f, "a", 3);
    assert_int_equal(f.sink->counts.assigned, 3);
    assert_int_equal(f.sink->counts.in_flight + f.sink->counts.delivered, 3);
    run_until_decided(&f);
    write_batch(&f, "a", 4);
    run_until_decided(&f);
    assert_int_equal(f.sink->counts.delivered, 7);
    assert_text(&answers, "1 2 3 1 2 3 4 ");
    f.kind->each_note(f.sink, note, &notes);
    assert_text(&notes, "created=4 changed=0 same=3 removed=0 absent=0 turned_away=0 retries=0 ");
    assert_int_equal(stored_events(f.path), 4);
    mcr_buf_fini(&answers);
    mcr_buf_fini(&notes);
    close_sink(&f);
    remove_store(f.path);
}

static void two_sinks_of_one_file_share_it_and_close_waits(void **state)
{
    (void)state;
    fixture a, b;
    open_sink(&a, scratch_path("events.db"));
    open_sink(&b, a.path);
    a.kind->start(a.sink, a.loop);
    for (int i = 0; i < 20; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "x%d-", i);
        write_batch(&a, prefix, 64);
        write_batch(&b, prefix, 64); // not started: the end alone tells
    }
    close_sink(&a);
    close_sink(&b);
    assert_int_equal(stored_events(a.path), 20 * 64);
    remove_store(a.path);
}

// A table that is missing makes every transaction fail.
static void what_cannot_be_committed_is_given_up_with_the_reason(void **state)
{
    (void)state;
    fixture f;
    open_sink(&f, scratch_path("events.db"));
    set(&f, "retry.deadline", "1ns");
    char *letters = scratch_path("dead.jsonl");
    f.sink->dead = mcr_dead_letters_open(letters, &mcr_clock_wall, NULL);
    f.kind->start(f.sink, f.loop);
    write_batch(&f, "a", 1);
    run_until_decided(&f);
    in_store(&f, "DROP TABLE events");
    write_batch(&f, "b", 2);
    run_until_decided(&f);
    assert_int_equal(f.sink->counts.delivered, 1);
    assert_int_equal(f.sink->counts.dead_lettered, 2);
    mcr_buf text = read_file(letters);
    assert_non_null(strstr(mcr_buf_cstr(&text),
                           "\"reason\":\"not written within 1e-09s; last: cannot write to "
                           "the event store '"));
    assert_non_null(strstr(text.ptr, "no such table: events"));
    mcr_buf_fini(&text);
    mcr_dead_letters_close(f.sink->dead);
    f.sink->dead = NULL;
    write_batch(&f, "c", 1);
    run_until_decided(&f);
    assert_int_equal(f.sink->counts.gave_up, 1);
    close_sink(&f);
    remove_scratch(letters);
    remove_store(f.path);
}

// The file is as if locked, or its disk full, for a while; all of it is written then, in order.
static void what_could_not_be_committed_is_tried_again(void **state)
{
    (void)state;
    fixture f;
    open_sink(&f, scratch_path("events.db"));
    set(&f, "retry.wait", "1ms");
    set(&f, "retry.max_wait", "5ms");
    mcr_buf answers = { 0 };
    f.sink->answer = (mcr_answer_hook){ note_answer, &answers };
    f.kind->start(f.sink, f.loop);
    in_store(&f, "ALTER TABLE events RENAME TO away");
    for (int i = 0; i < 5; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "x%d-", i);
        write_batch(&f, prefix, 2);
    }
    for (int i = 0; i < 20; i++) {
        f.kind->tick(f.sink, SAMPLE_NOW);
        ev_run(f.loop, EVRUN_NOWAIT);
        usleep(2000);
    }
    write_batch(&f, "y", 2);
    assert_int_equal(f.sink->counts.in_flight, 12);
    in_store(&f, "ALTER TABLE away RENAME TO events");
    run_until_decided(&f);
    assert_int_equal(f.sink->counts.delivered, 12);
    assert_text(&answers, "1 2 3 4 5 6 7 8 9 10 11 12 ");
    assert_int_equal(stored_events(f.path), 12);
    mcr_buf_fini(&answers);
    close_sink(&f);
    remove_store(f.path);
}

static void there_is_room_for_a_queue_and_what_is_past_it_is_turned_away(void **state)
{
    (void)state;
    fixture f;
    open_sink(&f, scratch_path("events.db"));
    set_number(&f, "queue", 5);
    f.kind->start(f.sink, f.loop);
    in_store(&f, "ALTER TABLE events RENAME TO away");
    assert_int_equal(f.kind->room(f.sink), 5);
    write_batch(&f, "a", 4);
    assert_int_equal(f.kind->room(f.sink), 1);
    write_batch(&f, "b", 4); // a script's, that asks for no room
    assert_int_equal(f.kind->room(f.sink), 0);
    assert_int_equal(f.sink->turned_away, 3);
    assert_int_equal(f.sink->counts.gave_up, 3);
    close_sink(&f);
    remove_store(f.path);
}

static void what_is_left_at_the_end_is_given_up_with_the_reason(void **state)
{
    (void)state;
    fixture f;
    open_sink(&f, scratch_path("events.db"));
    char *letters = scratch_path("dead.jsonl");
    f.sink->dead = mcr_dead_letters_open(letters, &mcr_clock_wall, NULL);
    f.kind->start(f.sink, f.loop);
    in_store(&f, "ALTER TABLE events RENAME TO away");
    write_batch(&f, "a", 2);
    write_batch(&f, "b", 1);
    f.kind->drain(f.sink, SAMPLE_NOW);
    f.kind->stop(f.sink);
    assert_int_equal(f.sink->counts.dead_lettered, 3);
    assert_int_equal(f.sink->counts.in_flight, 0);
    mcr_buf text = read_file(letters);
    int n = 0;
    for (const char *at = mcr_buf_cstr(&text);
         (at = strstr(at, "not delivered before the end; last: cannot write to")); at++)
        n++;
    assert_int_equal(n, 3);
    mcr_buf_fini(&text);
    mcr_dead_letters_close(f.sink->dead);
    f.sink->dead = NULL;
    close_sink(&f);
    remove_scratch(letters);
    remove_store(f.path);
}

static void wrong_options_are_told(void **state)
{
    (void)state;
    mcr_errbuf err = { .text = "" };
    const mcr_sink_kind *kind = mcr_sink_kind_find("store");
    void *options = mcr_zalloc(kind->options_size);
    kind->defaults(options);
    assert_null(kind->check(options, &err));
    mcr_option_value nothing = { .kind = MCR_VALUE_NUMBER, .number = 0 };
    assert_int_equal(mcr_option_set(options, kind->options, "max_bytes", &nothing, &err), MCR_OK);
    assert_string_equal(kind->check(options, &err), "max_bytes");
    assert_null(kind->open(options, &err));
    assert_string_equal(err.text, "'max_bytes' must be more than 0");
    free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_is_delivered),
        cmocka_unit_test(two_sinks_of_one_file_share_it_and_close_waits),
        cmocka_unit_test(what_cannot_be_committed_is_given_up_with_the_reason),
        cmocka_unit_test(what_could_not_be_committed_is_tried_again),
        cmocka_unit_test(there_is_room_for_a_queue_and_what_is_past_it_is_turned_away),
        cmocka_unit_test(what_is_left_at_the_end_is_given_up_with_the_reason),
        cmocka_unit_test(wrong_options_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
