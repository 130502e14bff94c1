// The deliveries engine, with time and chance in the test's hands.

#include "sink/sample.h"

#include <string.h>

#include "base/log.h"
#include "sink/dead_letters.h"
#include "sink/deliveries.h"

enum {
    MOST = 256
};

typedef struct world {
    int64_t now;
    mcr_clock clock;
    uint64_t chance; // all random numbers
    mcr_random random;
    mcr_sink sink;
    mcr_delivery_options options;
    mcr_deliveries *d;
    mcr_job *under_way[MOST]; // in the order they were begun
    int n;
    int begun;
    int cancelled;
    int freed;
} world;

static uint64_t same_chance(void *self)
{
    return *(uint64_t *)self;
}

static void on_send(void *self, mcr_job *job)
{
    world *w = self;
    assert_true(w->n < MOST);
    w->under_way[w->n++] = job;
    w->begun++;
}

static mcr_job *take(world *w, int i)
{
    assert_true(i < w->n);
    mcr_job *job = w->under_way[i];
    memmove(&w->under_way[i], &w->under_way[i + 1], (size_t)(--w->n - i) * sizeof job);
    return job;
}

static void on_cancel(void *self, mcr_job *job)
{
    world *w = self;
    w->cancelled++;
    for (int i = 0; i < w->n; i++)
        if (w->under_way[i] == job) {
            take(w, i);
            return;
        }
    fail_msg("cancelled what is not under way");
}

static void on_free_user(void *self, void *user)
{
    ((world *)self)->freed++;
    free(user);
}

// The newer takes the place of the other if it counts more.
static mcr_event *on_merge(void *self, mcr_job *waiting, mcr_event *newer)
{
    (void)self;
    size_t n;
    mcr_event *const *events = mcr_job_events(waiting, &n);
    assert_int_equal(n, 1);
    assert_int_equal(mcr_job_attempt(waiting), 0);
    return newer->count > events[0]->count ? mcr_event_ref(newer) : NULL;
}

static void begin_world(world *w)
{
    memset(w, 0, sizeof *w);
    w->now = 1000 * SECOND;
    w->clock = mcr_clock_fixed(&w->now);
    w->random = (mcr_random){ same_chance, &w->chance };
    w->sink.name = "test";
    w->sink.watcher = "w";
    mcr_delivery_defaults(&w->options);
}

static void open_deliveries(world *w)
{
    mcr_deliveries_hooks hooks = { w, on_send, on_cancel, on_free_user, on_merge };
    w->d = mcr_deliveries_new(&w->sink, NULL, &w->options, &hooks, &w->clock, &w->random);
}

static void check_ledger(const world *w)
{
    const mcr_sink_counts *c = &w->sink.counts;
    assert_int_equal(c->assigned, c->delivered + c->merged + c->suppressed + c->rejected +
                                      c->gave_up + c->dead_lettered + c->spooled + c->in_flight);
}

static void end_world(world *w)
{
    mcr_deliveries_free(w->d);
    check_ledger(w);
    assert_int_equal(w->sink.counts.in_flight, 0);
}

static mcr_event *counted_event(int count)
{
    mcr_event fields = sample_fields();
    fields.count = count;
    return mcr_event_new(&fields);
}

static void add_count(world *w, const char *key, int count)
{
    mcr_event *ev = counted_event(count);
    w->sink.counts.assigned++;
    w->sink.counts.in_flight++;
    mcr_deliveries_add(w->d, mcr_str_of(key), &ev, 1, NULL);
    mcr_event_unref(ev);
}

static void add(world *w, const char *key)
{
    add_count(w, key, 1);
}

static int count_of(const mcr_job *job)
{
    size_t n;
    return mcr_job_events(job, &n)[0]->count;
}

// Returns how long there is nothing to do then, -1: until something else happens.
static int64_t pass(world *w, int64_t ns)
{
    w->now += ns;
    int64_t next = mcr_deliveries_tick(w->d);
    return next == INT64_MAX ? -1 : next - w->now;
}

static void defaults_are_as_documented(void **state)
{
    (void)state;
    mcr_delivery_options o;
    mcr_delivery_defaults(&o);
    assert_int_equal(o.in_flight, 64);
    assert_int_equal(o.queue, 10000);
    assert_int_equal(o.attempts, 12);
    assert_int_equal(o.wait, SECOND);
    assert_int_equal(o.max_wait, 60 * SECOND);
    assert_int_equal(o.deadline, 3600 * SECOND);
    assert_true(o.rate == 0);
    assert_int_equal(o.burst, 10);
}

static void a_key_has_one_under_way_and_others_go_on(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    add_count(&w, "a", 9);
    add_count(&w, "a", 1); // counts less: not merged
    add_count(&w, "b", 1);
    assert_int_equal(w.n, 2);
    assert_int_equal(count_of(w.under_way[0]), 9);

    // The first of "a" waits for its next try; "b" is not held up.
    mcr_job_again(take(&w, 0), -1, "no");
    mcr_job_delivered(take(&w, 0));
    add(&w, "b");
    assert_int_equal(w.n, 1);
    mcr_job_delivered(take(&w, 0));
    assert_int_equal(w.n, 0);

    pass(&w, SECOND);
    assert_int_equal(w.n, 1);
    assert_int_equal(mcr_job_attempt(w.under_way[0]), 2);
    assert_int_equal(count_of(w.under_way[0]), 9);
    mcr_job_delivered(take(&w, 0));
    assert_int_equal(count_of(w.under_way[0]), 1);
    mcr_job_delivered(take(&w, 0));
    assert_int_equal(w.sink.counts.delivered, 4);
    mcr_delivery_counts counts = mcr_deliveries_counts(w.d);
    assert_int_equal(counts.jobs_done, 4);
    assert_int_equal(counts.tries, 5);
    assert_int_equal(counts.retries, 1);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(counts.sending, 0);
    end_world(&w);
}

static void no_more_than_in_flight_are_under_way(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.in_flight = 3;
    w.options.queue = 6;
    open_deliveries(&w);
    for (int i = 0; i < 5; i++)
        add(&w, "");
    assert_int_equal(w.n, 3);
    assert_int_equal(mcr_deliveries_room(w.d), 1);
    add(&w, "");
    add(&w, "");
    assert_int_equal(mcr_deliveries_room(w.d), 0);
    mcr_delivery_counts counts = mcr_deliveries_counts(w.d);
    assert_int_equal(counts.sending, 3);
    assert_int_equal(counts.waiting, 4);
    for (int left = 7; left > 0; left--) {
        assert_int_equal(w.n, left < 3 ? left : 3);
        mcr_job_delivered(take(&w, 0));
    }
    assert_int_equal(mcr_deliveries_room(w.d), 6);
    end_world(&w);
}

// One row: what was asked for after a number of failed tries, and the wait that comes of it.
static void waits_double_with_chance_and_a_ceiling(void **state)
{
    (void)state;
    static const struct {
        uint64_t chance;
        int tries;
        int64_t retry_after, wait;
    } rows[] = {
        { 0, 1, -1, SECOND },
        { UINT64_C(1) << 63, 1, -1, 3 * SECOND / 4 },
        { 0, 2, -1, 2 * SECOND },
        { 0, 3, -1, 4 * SECOND },
        { 0, 6, -1, 32 * SECOND },
        { 0, 7, -1, 60 * SECOND },
        { 0, 11, -1, 60 * SECOND },
        { UINT64_C(1) << 63, 11, -1, 45 * SECOND },
        { 0, 1, 5 * SECOND, 5 * SECOND },
        { 0, 1, 0, SECOND },
        { 0, 4, 5 * SECOND, 8 * SECOND },
        { 0, 1, 3600 * SECOND, 60 * SECOND },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world w;
        begin_world(&w);
        w.options.deadline = 0;
        open_deliveries(&w);
        add(&w, "a");
        for (int t = 1; t < rows[i].tries; t++) {
            mcr_job_again(take(&w, 0), -1, "no");
            pass(&w, 60 * SECOND);
        }
        w.chance = rows[i].chance;
        mcr_job_again(take(&w, 0), rows[i].retry_after, "no");
        assert_int_equal(pass(&w, rows[i].wait - 1), 1);
        assert_int_equal(w.n, 0);
        assert_int_equal(pass(&w, 1), -1);
        assert_int_equal(w.n, 1);
        end_world(&w);
        assert_int_equal(w.sink.counts.gave_up, 1);
        assert_int_equal(w.cancelled, 1);
    }
}

static void a_job_is_split_in_its_place(void **state)
{
    (void)state;
    for (int keyed = 0; keyed < 2; keyed++) {
        world w;
        begin_world(&w);
        w.options.in_flight = 1;
        open_deliveries(&w);
        mcr_event *events[5];
        for (int i = 0; i < 5; i++)
            events[i] = counted_event(i);
        w.sink.counts.assigned = w.sink.counts.in_flight = 5;
        const char *key = keyed ? "a" : "";
        mcr_deliveries_add(w.d, mcr_str_of(key), events, 5, NULL);
        add_count(&w, key, 5);
        mcr_job_split(take(&w, 0), 2, NULL);
        assert_int_equal(count_of(w.under_way[0]), 0);
        assert_int_equal(mcr_job_attempt(w.under_way[0]), 1);
        mcr_job_split(take(&w, 0), 1, NULL);
        mcr_job_delivered(take(&w, 0));
        assert_int_equal(count_of(w.under_way[0]), 1);
        mcr_job_failed(take(&w, 0), "never");
        assert_int_equal(count_of(w.under_way[0]), 2);
        mcr_job_delivered(take(&w, 0));
        assert_int_equal(count_of(w.under_way[0]), 5);
        mcr_job_delivered(take(&w, 0));
        assert_int_equal(w.sink.counts.delivered, 5);
        assert_int_equal(w.sink.counts.rejected, 1);
        end_world(&w);
        for (int i = 0; i < 5; i++)
            mcr_event_unref(events[i]);
    }
}

static void tries_that_found_no_server_do_not_count(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.attempts = 2;
    open_deliveries(&w);
    add(&w, "a");
    for (int i = 0; i < 10; i++) {
        mcr_job_no_server(take(&w, 0), -1, "refused");
        pass(&w, 60 * SECOND);
    }
    mcr_job_again(take(&w, 0), -1, "first");
    pass(&w, 60 * SECOND);
    assert_int_equal(w.sink.counts.gave_up, 0);
    mcr_job_again(take(&w, 0), -1, "second");
    assert_int_equal(w.sink.counts.gave_up, 1);
    end_world(&w);
}

static void tries_and_time_come_to_an_end(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    char *path = scratch_path("dead.jsonl");
    mcr_errbuf err;
    w.sink.dead = mcr_dead_letters_open(path, &w.clock, &err);
    w.options.attempts = 2;
    w.options.deadline = 10 * SECOND;
    open_deliveries(&w);

    add(&w, "a"); // two tries
    mcr_job_again(take(&w, 0), -1, "first");
    pass(&w, SECOND);
    mcr_job_again(take(&w, 0), -1, "second");
    assert_int_equal(w.sink.counts.dead_lettered, 1);

    add(&w, "b"); // the deadline comes while it is under way,
    pass(&w, 9 * SECOND);
    add(&w, "b"); // and the next of its key has its own
    add(&w, "c"); // Retry-After is past the deadline: no need to wait for it
    mcr_job_again(take(&w, 1), 60 * SECOND, "busy");
    assert_int_equal(w.sink.counts.dead_lettered, 2);
    assert_int_equal(w.n, 1);
    pass(&w, SECOND);
    assert_int_equal(w.cancelled, 1);
    assert_int_equal(w.sink.counts.dead_lettered, 3);
    assert_int_equal(w.n, 1);
    assert_int_equal(mcr_job_attempt(w.under_way[0]), 1);
    mcr_job_delivered(take(&w, 0));
    end_world(&w);

    mcr_dead_letters_close(w.sink.dead);
    mcr_buf text = read_file(path);
    mcr_buf_cstr(&text);
    assert_non_null(strstr(text.ptr, "\"reason\":\"not delivered in 2 tries; last: second\""));
    assert_non_null(strstr(text.ptr, "\"reason\":\"not delivered within 10s; last: busy\""));
    assert_non_null(strstr(text.ptr, "\"reason\":\"not delivered within 10s\""));
    mcr_buf_fini(&text);
    remove_scratch(path);
}

static void refused_goes_at_once(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    add(&w, "a");
    add(&w, "a");
    mcr_job_failed(take(&w, 0), "never");
    assert_int_equal(w.sink.counts.rejected, 1);
    assert_int_equal(w.n, 1);
    mcr_job_set_cause(w.under_way[0], "never");
    mcr_job_failed(take(&w, 0), "never, for a");
    assert_int_equal(w.sink.counts.rejected, 2);
    end_world(&w);
}

static void waiting_repeats_become_one(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    add_count(&w, "a", 1); // under way: not to be touched
    for (int count = 2; count <= 5; count++)
        add_count(&w, "a", count);
    add_count(&w, "b", 6); // another key
    assert_int_equal(w.sink.counts.merged, 3);
    assert_int_equal(w.sink.counts.in_flight, 3);
    assert_int_equal(mcr_deliveries_room(w.d), 10000 - 3);
    assert_int_equal(count_of(w.under_way[0]), 1);

    // One that was tried stays as it is.
    mcr_job_again(take(&w, 0), -1, "no");
    add_count(&w, "a", 7);
    assert_int_equal(w.sink.counts.merged, 4);
    mcr_job_delivered(take(&w, 0));
    pass(&w, SECOND);
    assert_int_equal(count_of(w.under_way[0]), 1);
    mcr_job_delivered(take(&w, 0));
    assert_int_equal(count_of(w.under_way[0]), 7);
    mcr_job_delivered(take(&w, 0));
    assert_int_equal(w.sink.counts.delivered, 3);
    end_world(&w);
}

// A merged event has all the time of one that has just come, and does not make others wait longer.
static void merging_renews_the_deadline(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.in_flight = 1;
    w.options.deadline = 10 * SECOND;
    open_deliveries(&w);
    add(&w, "x");
    add_count(&w, "a", 1);
    add_count(&w, "b", 1);
    pass(&w, 6 * SECOND);
    add_count(&w, "a", 2);
    assert_int_equal(pass(&w, 4 * SECOND), 6 * SECOND);
    assert_int_equal(w.sink.counts.gave_up, 2); // x and b
    assert_int_equal(count_of(w.under_way[0]), 2);
    pass(&w, 6 * SECOND);
    assert_int_equal(w.sink.counts.gave_up, 3);
    end_world(&w);
}

static void users_are_freed_once(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    for (int count = 1; count <= 3; count++) {
        mcr_event *ev = counted_event(count);
        w.sink.counts.assigned++;
        w.sink.counts.in_flight++;
        mcr_deliveries_add(w.d, MCR_STR("a"), &ev, 1, mcr_zalloc(1));
        mcr_event_unref(ev);
    }
    assert_int_equal(w.freed, 1); // of the one that was merged
    mcr_job *job = take(&w, 0);
    free(mcr_job_user(job));
    mcr_job_set_user(job, mcr_zalloc(2));
    mcr_job_delivered(job);
    assert_int_equal(w.freed, 2);
    end_world(&w);
    assert_int_equal(w.freed, 3);
}

static void batches_are_counted_by_event(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    mcr_event *events[3] = { counted_event(1), counted_event(2), counted_event(3) };
    for (int i = 0; i < 3; i++) {
        w.sink.counts.assigned += 3;
        w.sink.counts.in_flight += 3;
        mcr_deliveries_add(w.d, MCR_STR(""), events, 3, NULL);
    }
    assert_int_equal(mcr_deliveries_room(w.d), 10000 - 9);
    size_t n;
    assert_ptr_equal(mcr_job_events(w.under_way[0], &n)[2], events[2]);
    assert_int_equal(n, 3);
    mcr_job_delivered(take(&w, 0));
    mcr_job_failed(take(&w, 0), "never");
    end_world(&w);
    assert_int_equal(w.sink.counts.delivered, 3);
    assert_int_equal(w.sink.counts.rejected, 3);
    assert_int_equal(w.sink.counts.gave_up, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(holders(events[i]), 1);
        mcr_event_unref(events[i]);
    }
}

static void requests_keep_to_the_rate(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.rate = 4;
    w.options.burst = 2;
    open_deliveries(&w);
    for (int i = 0; i < 4; i++)
        add(&w, "");
    assert_int_equal(w.begun, 2);
    pass(&w, SECOND / 4 - 10);
    assert_int_equal(w.begun, 2);
    pass(&w, 10);
    assert_int_equal(w.begun, 3);

    // One more request of the same try needs a token as well, and goes before others.
    mcr_job *job = take(&w, 0);
    mcr_job_more(job);
    assert_int_equal(w.begun, 3);
    pass(&w, pass(&w, 0));
    assert_int_equal(w.begun, 4);
    assert_ptr_equal(w.under_way[w.n - 1], job);
    assert_int_equal(mcr_job_attempt(job), 1);
    mcr_job_delivered(take(&w, w.n - 1));
    end_world(&w);
    assert_int_equal(w.cancelled, 2);
}

static void draining_tries_what_waits_once(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    for (int i = 0; i < 5; i++) {
        add(&w, "");
        mcr_job_again(take(&w, 0), -1, "no");
    }
    assert_int_equal(w.n, 0);
    mcr_deliveries_drain(w.d);
    assert_int_equal(w.n, 5);
    mcr_job_again(take(&w, 0), -1, "no");
    assert_int_equal(w.n, 4);
    pass(&w, 2 * SECOND);
    assert_int_equal(w.n, 5);
    while (w.n)
        mcr_job_delivered(take(&w, 0));
    end_world(&w);
    assert_int_equal(w.sink.counts.delivered, 5);
}

static void the_end_gives_up_what_is_left(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.in_flight = 2;
    open_deliveries(&w);
    for (int i = 0; i < 4; i++)
        add(&w, "a");
    for (int i = 0; i < 4; i++)
        add(&w, "");
    mcr_job_again(take(&w, 0), -1, "no");
    assert_int_equal(w.n, 2);
    end_world(&w);
    assert_int_equal(w.cancelled, 2);
    assert_int_equal(w.sink.counts.gave_up, 8);
}

static void ten_thousand_wait_and_come_through(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    open_deliveries(&w);
    for (int i = 0; i < 10000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i);
        add(&w, key);
        while (w.n)
            mcr_job_again(take(&w, 0), -1, "refused");
    }
    assert_int_equal(mcr_deliveries_room(w.d), 0);
    assert_int_equal(mcr_deliveries_counts(w.d).waiting, 10000);
    pass(&w, SECOND);
    while (w.n)
        mcr_job_delivered(take(&w, w.n / 2));
    assert_int_equal(w.sink.counts.delivered, 10000);
    assert_int_equal(mcr_deliveries_counts(w.d).retries, 10000);
    end_world(&w);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(a_key_has_one_under_way_and_others_go_on),
        cmocka_unit_test(no_more_than_in_flight_are_under_way),
        cmocka_unit_test(waits_double_with_chance_and_a_ceiling),
        cmocka_unit_test(a_job_is_split_in_its_place),
        cmocka_unit_test(tries_that_found_no_server_do_not_count),
        cmocka_unit_test(tries_and_time_come_to_an_end),
        cmocka_unit_test(refused_goes_at_once),
        cmocka_unit_test(waiting_repeats_become_one),
        cmocka_unit_test(merging_renews_the_deadline),
        cmocka_unit_test(users_are_freed_once),
        cmocka_unit_test(batches_are_counted_by_event),
        cmocka_unit_test(requests_keep_to_the_rate),
        cmocka_unit_test(draining_tries_what_waits_once),
        cmocka_unit_test(the_end_gives_up_what_is_left),
        cmocka_unit_test(ten_thousand_wait_and_come_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
