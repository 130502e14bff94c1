// mooncrier.h: flush, shutdown(drain) and what comes after it, with sinks that are slow, that never
// answer, and that never return; recording from several threads.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mooncrier.h"
#include "support/scripted_server.h"

#define SECONDS     INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)
// What a call that must not wait for anything may take on a busy machine.
#define AT_ONCE (20 * SECONDS)

static const mcr_record_object web = {
    .api_version = "v1", .kind = "Pod", .ns = "shop", .name = "web-1", .uid = "u-1"
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECONDS + t.tv_nsec;
}

// Records `n` events, each about an object of its own.
static void record(mcr_event_recorder *r, int n)
{
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "web-%d", i);
        mcr_record_object pod = web;
        pod.name = name;
        assert_int_equal(mcr_record(r, &pod, "Normal", "Started", "up"), MCR_RECORD_PUBLISHED);
    }
}

// A door that calls wait at until the test opens it.
typedef struct door {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    int waiting;
    int passed;
} door;

static void pass(door *d)
{
    pthread_mutex_lock(&d->lock);
    d->waiting++;
    pthread_cond_broadcast(&d->change);
    while (!d->open)
        pthread_cond_wait(&d->change, &d->lock);
    d->waiting--;
    d->passed++;
    pthread_mutex_unlock(&d->lock);
}

static void wait_for_somebody(door *d)
{
    pthread_mutex_lock(&d->lock);
    while (!d->waiting && !d->passed)
        pthread_cond_wait(&d->change, &d->lock);
    pthread_mutex_unlock(&d->lock);
}

static void open_door(door *d)
{
    pthread_mutex_lock(&d->lock);
    d->open = true;
    pthread_cond_broadcast(&d->change);
    pthread_mutex_unlock(&d->lock);
}

#define DOOR                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER                      \
    }

static mcr_write_answer create(void *self, mcr_event *ev, mcr_event **answer, mcr_errbuf *err)
{
    (void)ev, (void)answer, (void)err;
    pass(self);
    return MCR_WRITE_DONE;
}

static mcr_write_answer patch(void *self, mcr_event *ev, const char *text, size_t len,
                              mcr_event **answer, mcr_errbuf *err)
{
    (void)text, (void)len;
    return create(self, ev, answer, err);
}

static void handle(void *self, mcr_event *ev)
{
    (void)ev;
    pass(self);
}

static void *open_soon(void *arg)
{
    usleep(20000);
    open_door(arg);
    return NULL;
}

static void what_is_under_way_is_drained(void **state)
{
    (void)state;
    door d = DOOR;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
    const mcr_event_writer writer = { &d, create, patch, NULL };
    mcr_event_watcher *w =
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, NULL);
    mcr_event_watcher *other = mcr_start_event_watcher(b, handle, &d, NULL);
    record(r, 50);
    wait_for_somebody(&d);
    pthread_t opener;
    assert_int_equal(pthread_create(&opener, NULL, open_soon, &d), 0);
    assert_int_equal(mcr_broadcaster_shutdown_drain(b, 60 * SECONDS), 0);
    pthread_join(opener, NULL);
    assert_int_equal(d.passed, 100);
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(w, 0, &ledger));
    assert_int_equal(ledger.sink.delivered, 50);
    mcr_event_watcher_stop(w);
    mcr_event_watcher_stop(other);
    mcr_event_recorder_free(r);
    mcr_broadcaster_free(b);
}

static void a_server_that_never_answers_is_left(void **state)
{
    (void)state;
    for (int client_go = 0; client_go < 2; client_go++) {
        scripted_server *server = scripted_server_new(NULL);
        scripted_server_answer(server, (scripted_reply){ .mode = SCRIPTED_HANG });
        mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
        mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
        mcr_event_watcher *w = mcr_start_recording_to_sink(
            b,
            &(mcr_recording_sink_options){ .server = scripted_server_url(server),
                                           .client_go = client_go,
                                           .drain_timeout_ns = 3600 * SECONDS },
            NULL);
        record(r, 5);
        assert_true(scripted_server_wait(server, client_go ? 1 : 5));
        assert_false(mcr_event_watcher_flush(w, 20 * MILLISECOND));
        int64_t began = now_ns();
        assert_int_equal(mcr_broadcaster_shutdown_drain(b, 50 * MILLISECOND), 5);
        int64_t took = now_ns() - began;
        assert_in_range(took, 50 * MILLISECOND, AT_ONCE);
        // What client-go's way of one at a time did not take is still counted in the queue.
        mcr_event_watcher_ledger ledger;
        assert_true(mcr_event_watcher_ledger_now(w, 0, &ledger));
        assert_int_equal(ledger.sink.gave_up, client_go ? 1 : 5);
        assert_int_equal(mcr_event_watcher_counts(w).queued, client_go ? 4 : 0);
        assert_int_equal(mcr_broadcaster_shutdown_drain(b, 50 * MILLISECOND), 0);
        mcr_event_watcher_stop(w);
        mcr_event_recorder_free(r);
        mcr_broadcaster_free(b);
        scripted_server_free(server);
    }
}

// Also without a shutdown: stopping a watcher ends within its drain timeout.
static void stopping_has_a_deadline_too(void **state)
{
    (void)state;
    scripted_server *server = scripted_server_new(NULL);
    scripted_server_answer(server, (scripted_reply){ .mode = SCRIPTED_HANG });
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
    mcr_event_watcher *w = mcr_start_recording_to_sink(
        b,
        &(mcr_recording_sink_options){ .server = scripted_server_url(server),
                                       .client_go = true,
                                       .drain_timeout_ns = 50 * MILLISECOND },
        NULL);
    record(r, 5);
    int64_t began = now_ns();
    mcr_event_watcher_stop(w);
    assert_in_range(now_ns() - began, 50 * MILLISECOND, AT_ONCE);
    mcr_event_recorder_free(r);
    mcr_broadcaster_free(b);
    scripted_server_free(server);
}

static void a_call_that_never_returns_is_left_behind(void **state)
{
    (void)state;
    door d = DOOR;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
    const mcr_event_writer writer = { &d, create, patch, NULL };
    mcr_event_watcher *w =
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, NULL);
    mcr_event_watcher *other = mcr_start_event_watcher(b, handle, &d, NULL);
    record(r, 10);
    wait_for_somebody(&d);
    assert_false(mcr_event_watcher_flush(w, 20 * MILLISECOND));
    mcr_event_watcher_ledger ledger;
    assert_false(mcr_event_watcher_ledger_now(w, 20 * MILLISECOND, &ledger));
    int64_t began = now_ns();
    assert_int_equal(mcr_broadcaster_shutdown_drain(b, 50 * MILLISECOND), 20);
    assert_in_range(now_ns() - began, 50 * MILLISECOND, AT_ONCE);
    open_door(&d);
    mcr_event_watcher_stop(w);
    mcr_event_watcher_stop(other);
    mcr_event_recorder_free(r);
    mcr_broadcaster_free(b);
}

// With MCR_WAIT_IF_CHANNEL_FULL a plain shutdown would wait for these for ever.
static void watches_that_nobody_reads_do_not_hold_it_up(void **state)
{
    (void)state;
    for (uint32_t queue = 0; queue < 3; queue++) {
        mcr_broadcaster *b = mcr_broadcaster_new(
            &(mcr_broadcaster_options){ .queue = queue, .full = MCR_WAIT_IF_CHANNEL_FULL });
        mcr_watch *one = mcr_broadcaster_watch(b, NULL);
        mcr_watch *two = mcr_broadcaster_watch(b, NULL);
        mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
        record(r, 10);
        int64_t began = now_ns();
        assert_int_equal(mcr_broadcaster_shutdown_drain(b, 20 * MILLISECOND), 0);
        assert_in_range(now_ns() - began, 20 * MILLISECOND, AT_ONCE);
        mcr_watch *watches[] = { one, two };
        for (int i = 0; i < 2; i++) {
            mcr_watch_counts counts = mcr_watch_counts_now(watches[i]);
            assert_int_equal(counts.offered, 10);
            assert_int_equal(counts.queued, queue);
            assert_int_equal(counts.ring_full, 10 - queue);
            mcr_watch_stop(watches[i]);
            mcr_watch_free(watches[i]);
        }
        mcr_event_recorder_free(r);
        mcr_broadcaster_free(b);
    }
}

static void everything_fails_cleanly_after_shutdown(void **state)
{
    (void)state;
    door d = DOOR;
    d.open = true;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
    const mcr_event_writer writer = { &d, create, patch, NULL };
    mcr_event_watcher *w =
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, NULL);
    record(r, 3);
    mcr_broadcaster_shutdown(b);
    mcr_broadcaster_shutdown(b);
    mcr_record_annotation why = { "why", "because" };
    assert_int_equal(mcr_record(r, &web, "Normal", "R", "m"), MCR_RECORD_STOPPED);
    assert_int_equal(mcr_recordf(r, &web, "Normal", "R", "%d", 1), MCR_RECORD_STOPPED);
    assert_int_equal(mcr_record_annotatedf(r, &web, &why, 1, "Normal", "R", "%d", 1),
                     MCR_RECORD_STOPPED);
    assert_int_equal(mcr_record(r, &web, "Odd", "R", "m"), MCR_RECORD_BAD_TYPE);
    assert_int_equal(mcr_record(r, NULL, "Normal", "R", "m"), MCR_RECORD_NO_REFERENCE);
    mcr_errbuf err = { "" };
    mcr_event *ev = mcr_event_parse("{\"kind\":\"Event\"}", 16, &err);
    bool accepted = true;
    assert_int_equal(mcr_broadcaster_action(b, ev, &err), MCR_ESTOPPED);
    assert_int_equal(mcr_broadcaster_action_or_drop(b, ev, &accepted, &err), MCR_ESTOPPED);
    assert_false(accepted);
    assert_string_equal(err.text, "broadcaster already stopped");
    mcr_event_unref(ev);
    assert_null(mcr_broadcaster_watch(b, &err));
    assert_true(mcr_event_watcher_flush(w, 30 * SECONDS));
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(w, 30 * SECONDS, &ledger));
    assert_int_equal(ledger.sink.delivered, 3);
    assert_int_equal(mcr_broadcaster_shutdown_drain(b, 30 * SECONDS), 0);
    assert_true(mcr_event_watcher_flush(w, 0));
    assert_int_equal(mcr_event_watcher_counts(w).taken, 3);
    mcr_broadcaster_counts counts = mcr_broadcaster_counts_now(b);
    assert_int_equal(counts.accepted, 3);
    mcr_broadcaster_free(b); // watchers may outlive a broadcaster that was shut down
    assert_true(mcr_event_watcher_flush(w, 0));
    mcr_event_watcher_stop(w);
    mcr_event_recorder_free(r);
}

enum {
    THREADS = 4,
    EVENTS = 300
};

typedef struct crew {
    mcr_event_recorder *r;
    int results[THREADS][MCR_RECORD_BAD_FORMAT + 1];
    int next; // thread's number, under lock
    pthread_mutex_t lock;
} crew;

static void *work(void *arg)
{
    crew *c = arg;
    pthread_mutex_lock(&c->lock);
    int me = c->next++;
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < EVENTS; i++) {
        mcr_record_annotation who = { "thread", "x" };
        char name[16];
        snprintf(name, sizeof name, "web-%d", i % 30);
        mcr_record_object pod = web;
        pod.name = name;
        mcr_record_result result =
            i % 2 ? mcr_recordf(c->r, &pod, "Normal", "Did", "thread %d, %d", me, i)
                  : mcr_record_annotatedf(c->r, &pod, &who, 1, "Warning", "Failed", "%d", i % 7);
        c->results[me][result]++;
    }
    return NULL;
}

// Also flushes, counts and ledgers are asked for by others meanwhile.
static void a_recorder_serves_many_threads(void **state)
{
    (void)state;
    door d = DOOR;
    d.open = true;
    mcr_broadcaster *b =
        mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 100, .incoming = 50 });
    crew c = { .r = mcr_new_recorder(b, "tester", "node-1"), .lock = PTHREAD_MUTEX_INITIALIZER };
    const mcr_event_writer writer = { &d, create, patch, NULL };
    mcr_event_watcher *w =
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, NULL);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &c), 0);
    for (int i = 0; i < 20; i++) {
        mcr_event_watcher_ledger ledger;
        mcr_event_watcher_flush(w, MILLISECOND);
        if (mcr_event_watcher_ledger_now(w, SECONDS, &ledger))
            assert_int_equal(ledger.taken, ledger.spam_filtered + ledger.sink.assigned);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int published = 0, dropped = 0;
    for (int i = 0; i < THREADS; i++) {
        published += c.results[i][MCR_RECORD_PUBLISHED];
        dropped += c.results[i][MCR_RECORD_DROPPED];
    }
    assert_int_equal(published + dropped, THREADS * EVENTS);
    assert_true(published > 0);
    mcr_broadcaster_shutdown(b);
    assert_true(mcr_event_watcher_flush(w, 60 * SECONDS));
    mcr_watch_counts counts = mcr_event_watcher_counts(w);
    assert_int_equal(counts.offered, published);
    assert_int_equal(counts.offered, counts.ring_full + counts.taken);
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(w, 30 * SECONDS, &ledger));
    assert_int_equal(ledger.taken, counts.taken);
    assert_int_equal(ledger.taken, ledger.spam_filtered + ledger.sink.delivered);
    mcr_event_watcher_stop(w);
    mcr_event_recorder_free(c.r);
    mcr_broadcaster_free(b);
}

static void *record_until_stopped(void *arg)
{
    crew *c = arg;
    pthread_mutex_lock(&c->lock);
    int me = c->next++;
    pthread_mutex_unlock(&c->lock);
    mcr_record_result result = MCR_RECORD_PUBLISHED;
    for (int i = 0; result != MCR_RECORD_STOPPED; i++) {
        result = mcr_recordf(c->r, &web, "Normal", "Did", "thread %d, %d", me, i);
        c->results[me][result]++;
    }
    return NULL;
}

static void *stop_watcher(void *arg)
{
    mcr_event_watcher_stop(arg);
    return NULL;
}

// One watcher is stopped by somebody else meanwhile.
static void shutting_down_while_others_record(void **state)
{
    (void)state;
    door d = DOOR;
    d.open = true;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 100 });
    crew c = { .r = mcr_new_recorder(b, "tester", NULL), .lock = PTHREAD_MUTEX_INITIALIZER };
    const mcr_event_writer writer = { &d, create, patch, NULL };
    mcr_event_watcher *w =
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .writer = &writer }, NULL);
    mcr_event_watcher *other = mcr_start_event_watcher(b, handle, &d, NULL);
    pthread_t threads[THREADS], stopper;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_until_stopped, &c), 0);
    wait_for_somebody(&d);
    assert_int_equal(pthread_create(&stopper, NULL, stop_watcher, other), 0);
    mcr_broadcaster_shutdown_drain(b, 60 * SECONDS);
    pthread_join(stopper, NULL);
    uint64_t published = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        published += (uint64_t)c.results[i][MCR_RECORD_PUBLISHED];
        assert_int_equal(c.results[i][MCR_RECORD_STOPPED], 1);
    }
    mcr_watch_counts counts = mcr_event_watcher_counts(w);
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(w, 0, &ledger));
    assert_int_equal(counts.offered, published);
    assert_int_equal(counts.queued, 0);
    assert_int_equal(ledger.taken, ledger.spam_filtered + ledger.sink.delivered);
    assert_int_equal(ledger.taken + counts.ring_full, published);
    mcr_event_watcher_stop(w);
    mcr_event_recorder_free(c.r);
    mcr_broadcaster_free(b);
}

static void a_store_is_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/mooncrier-library-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/events.db", folder);
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    mcr_event_recorder *r = mcr_new_recorder(b, "tester", NULL);
    const mcr_setting ttl = { "ttl", "24h" };
    mcr_errbuf err = { "" };
    mcr_event_watcher *w = mcr_start_recording_to_sink(
        b, &(mcr_recording_sink_options){ .store = path, .settings = &ttl, .n_settings = 1 }, &err);
    assert_string_equal(err.text, "");
    assert_non_null(w);
    record(r, 4);
    record(r, 1);
    assert_true(mcr_event_watcher_flush(w, 30 * SECONDS));
    mcr_event_watcher_ledger ledger;
    assert_true(mcr_event_watcher_ledger_now(w, 30 * SECONDS, &ledger));
    assert_int_equal(ledger.sink.delivered, 5);
    assert_int_equal(mcr_broadcaster_shutdown_drain(b, 30 * SECONDS), 0);
    mcr_event_watcher_stop(w);
    mcr_event_recorder_free(r);
    mcr_broadcaster_free(b);

    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT count(*), sum(json LIKE '%\"count\":2,%'), "
                                        "min(namespace), max(expires - created) FROM events",
                                        -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 4);
    assert_int_equal(sqlite3_column_int(q, 1), 1);
    assert_string_equal((const char *)sqlite3_column_text(q, 2), "shop");
    assert_true(sqlite3_column_int64(q, 3) >= 24 * 3600 * SECONDS);
    sqlite3_finalize(q);
    sqlite3_close(db);

    // What cannot be opened is said at the start.
    b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    assert_null(
        mcr_start_recording_to_sink(b, &(mcr_recording_sink_options){ .store = folder }, &err));
    assert_non_null(strstr(err.text, folder));
    mcr_broadcaster_free(b);
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    alarm(110);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_under_way_is_drained),
        cmocka_unit_test(a_server_that_never_answers_is_left),
        cmocka_unit_test(stopping_has_a_deadline_too),
        cmocka_unit_test(a_call_that_never_returns_is_left_behind),
        cmocka_unit_test(watches_that_nobody_reads_do_not_hold_it_up),
        cmocka_unit_test(everything_fails_cleanly_after_shutdown),
        cmocka_unit_test(a_recorder_serves_many_threads),
        cmocka_unit_test(shutting_down_while_others_record),
        cmocka_unit_test(a_store_is_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
