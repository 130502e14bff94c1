// The sink "store" on a file that cannot be written to for a while: a full disk, a failing one, one
// that another program keeps locked. Every event ends in one counter, and those that are called
// delivered are the very ones that are there.

#include <errno.h>
#include <ev.h>
#include <sqlite3.h>
#include <string.h>

#include "sample.h"

#include "base/clock.h"
#include "base/log.h"
#include "sink/dead_letters.h"
#include "sink/sink.h"
#include "store/store.h"

enum {
    EVENTS = 4000
};

typedef enum fate {
    UNKNOWN,
    DELIVERED,
    GIVEN_UP
} fate;

typedef struct fixture {
    const mcr_sink_kind *kind;
    void *options;
    mcr_sink *sink;
    char *path;
    struct ev_loop *loop;
    const char *because; // events are given up
    int written;
    fate fates[EVENTS]; // of the event called e<n>
    bool stored[EVENTS];
} fixture;

static fixture f;

// What SQLite's writes fail with from so many on; 0: they do not.
static int write_error;
static int good_writes;
static ssize_t (*real_pwrite)(int fd, const void *bytes, size_t n, off_t at);

static ssize_t failing_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    int error = __atomic_load_n(&write_error, __ATOMIC_ACQUIRE);
    if (error && __atomic_sub_fetch(&good_writes, 1, __ATOMIC_RELAXED) < 0) {
        errno = error;
        return -1;
    }
    return real_pwrite(fd, bytes, n, at);
}

static void set_write_error(int error, int after)
{
    __atomic_store_n(&good_writes, after, __ATOMIC_RELAXED);
    __atomic_store_n(&write_error, error, __ATOMIC_RELEASE);
}

static int take_over_writes(void **state)
{
    (void)state;
    static const char *const names[] = { "pwrite", "pwrite64" };
    sqlite3_initialize();
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; i < 2; i++) {
        sqlite3_syscall_ptr real = vfs->xGetSystemCall(vfs, names[i]);
        if (!real)
            continue;
        memcpy(&real_pwrite, &real, sizeof real_pwrite);
        sqlite3_syscall_ptr mine = (sqlite3_syscall_ptr)failing_pwrite;
        assert_int_equal(vfs->xSetSystemCall(vfs, names[i], mine), SQLITE_OK);
    }
    return 0;
}

// While it is set, a second goes by with each look at the clock: the store's patience with a locked
// file takes a moment.
static int hurried;
static int64_t skipped;

int64_t __real_mcr_clock_monotonic(void);
int64_t __wrap_mcr_clock_monotonic(void);

int64_t __wrap_mcr_clock_monotonic(void)
{
    if (__atomic_load_n(&hurried, __ATOMIC_ACQUIRE))
        __atomic_add_fetch(&skipped, SECOND, __ATOMIC_RELAXED);
    return __real_mcr_clock_monotonic() + __atomic_load_n(&skipped, __ATOMIC_RELAXED);
}

static int number_of(mcr_str name)
{
    char text[16];
    assert_true(name.len > 1 && name.len < sizeof text && name.ptr[0] == 'e');
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    int n = atoi(text + 1);
    assert_in_range(n, 0, f.written - 1);
    return n;
}

static void decide(const mcr_event *ev, fate how)
{
    int n = number_of(ev->metadata.name);
    assert_int_equal(f.fates[n], UNKNOWN);
    f.fates[n] = how;
}

static void on_answer(void *self, const mcr_event *answer)
{
    (void)self;
    decide(answer, DELIVERED);
}

void __real_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);
void __wrap_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);

void __wrap_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    assert_non_null(strstr(reason, f.because));
    decide(ev, GIVEN_UP);
    __real_mcr_sink_give_up(sink, ev, reason);
}

static void begin(void)
{
    memset(&f, 0, sizeof f);
    f.because = "the disk is full";
    mcr_errbuf err = { .text = "" };
    f.kind = mcr_sink_kind_find("store");
    f.path = scratch_path("events.db");
    f.options = mcr_zalloc(f.kind->options_size);
    f.kind->defaults(f.options);
    mcr_option_value value = { .kind = MCR_VALUE_STRING, .string = f.path };
    assert_int_equal(mcr_option_set(f.options, f.kind->options, "path", &value, &err), MCR_OK);
    // What fails is given up at once; store_test.c has what is tried again.
    value.string = "1ns";
    assert_int_equal(mcr_option_set(f.options, f.kind->options, "retry.deadline", &value, &err),
                     MCR_OK);
    f.sink = f.kind->open(f.options, &err);
    if (!f.sink)
        fail_msg("%s", err.text);
    f.sink->name = "db";
    f.sink->watcher = "all";
    f.sink->answer = (mcr_answer_hook){ on_answer, NULL };
    f.loop = ev_loop_new(EVFLAG_AUTO);
    f.kind->start(f.sink, f.loop);
}

static void check_ledger(void)
{
    const mcr_sink_counts *c = &f.sink->counts;
    assert_int_equal(c->assigned, c->delivered + c->gave_up + c->in_flight);
    assert_int_equal(c->assigned, f.written);
}

static void write_batch(int n)
{
    mcr_event *events[64] = { 0 };
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", f.written++);
        mcr_event fields = sample_fields();
        fields.metadata.name = mcr_str_of(name);
        events[i] = mcr_event_new(&fields);
    }
    f.kind->write(f.sink, events, (size_t)n, SAMPLE_NOW);
    for (int i = 0; i < n; i++)
        mcr_event_unref(events[i]);
    check_ledger();
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    fail_msg("the store did not answer within a minute");
}

static void run_until_decided(void)
{
    ev_timer deadline;
    ev_timer_init(&deadline, on_deadline, 60, 0);
    ev_timer_start(f.loop, &deadline);
    while (f.sink->counts.in_flight) {
        f.kind->tick(f.sink, SAMPLE_NOW);
        ev_run(f.loop, f.sink->counts.in_flight ? EVRUN_ONCE : EVRUN_NOWAIT);
        check_ledger();
    }
    ev_timer_stop(f.loop, &deadline);
}

static bool note_stored(void *self, const mcr_stored *event)
{
    (void)self;
    f.stored[number_of(event->name)] = true;
    return true;
}

static void list_stored(void *self, mcr_store_tx *tx)
{
    mcr_store_list(tx, MCR_STR(""), NULL, NULL, note_stored, self);
}

// What the file has is what was called delivered.
static void end(void)
{
    mcr_sink_counts counts = f.sink->counts;
    assert_int_equal(counts.in_flight, 0);
    f.kind->close(f.sink);
    mcr_store *s = mcr_store_open(&(mcr_store_options){ .path = f.path, .read_only = true }, NULL);
    assert_non_null(s);
    assert_int_equal(mcr_store_read(s, list_stored, NULL, NULL), MCR_OK);
    mcr_store_close(s);
    uint64_t delivered = 0;
    for (int i = 0; i < f.written; i++) {
        assert_int_not_equal(f.fates[i], UNKNOWN);
        assert_int_equal(f.stored[i], f.fates[i] == DELIVERED);
        delivered += f.fates[i] == DELIVERED;
    }
    assert_int_equal(delivered, counts.delivered);
    mcr_options_fini(f.options, f.kind->options);
    free(f.options);
    ev_loop_destroy(f.loop);
    static const char *const ends[] = { "-wal", "-shm" };
    for (size_t i = 0; i < 2; i++) {
        mcr_buf name = { 0 };
        mcr_buf_printf(&name, "%s%s", f.path, ends[i]);
        unlink(mcr_buf_cstr(&name));
        mcr_buf_fini(&name);
    }
    remove_scratch(f.path);
}

static void a_disk_that_is_full_or_fails_for_a_while(void **state)
{
    (void)state;
    static const int errors[] = { ENOSPC, EIO, EROFS, EDQUOT };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        begin();
        if (errors[i] != ENOSPC)
            f.because = strerror(errors[i]);
        write_batch(5);
        run_until_decided();
        assert_int_equal(f.sink->counts.delivered, 5);
        // From the first write on, or in the middle of a transaction.
        for (int after = 0; after < 12; after++) {
            set_write_error(errors[i], after);
            for (int n = 0; n < 3; n++)
                write_batch(20);
            run_until_decided();
            set_write_error(0, 0);
            write_batch(3);
            run_until_decided();
        }
        assert_true(f.sink->counts.gave_up >= 60);
        assert_true(f.sink->counts.delivered >= 5 + 36);
        end();
    }
}

// splitmix64
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void a_disk_that_comes_and_goes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed;
        begin();
        while (f.written < EVENTS / 20) {
            switch (next_random(&random) % 4) {
            case 0:
                set_write_error(ENOSPC, (int)(next_random(&random) % 20));
                break;
            case 1:
                set_write_error(0, 0);
                break;
            default:
                write_batch(1 + (int)(next_random(&random) % 20));
                ev_run(f.loop, EVRUN_NOWAIT);
                check_ledger();
            }
        }
        set_write_error(0, 0);
        write_batch(1);
        // Half of the time it ends with work under way.
        if (next_random(&random) % 2)
            run_until_decided();
        else
            f.kind->stop(f.sink);
        check_ledger();
        end();
    }
}

static sqlite3 *lock_file(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f.path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void unlock_file(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_file_that_is_locked_for_a_moment_is_waited_for(void **state)
{
    (void)state;
    begin();
    sqlite3 *db = lock_file();
    for (int i = 0; i < 10; i++) {
        write_batch(10);
        ev_run(f.loop, EVRUN_NOWAIT);
    }
    assert_int_equal(f.sink->counts.in_flight, 100);
    unlock_file(db);
    run_until_decided();
    assert_int_equal(f.sink->counts.delivered, 100);
    end();
}

static void a_file_that_stays_locked_is_given_up_and_tried_again(void **state)
{
    (void)state;
    begin();
    sqlite3 *db = lock_file();
    __atomic_store_n(&hurried, 1, __ATOMIC_RELEASE);
    f.because = "another program has kept it locked for 10 s";
    for (int i = 0; i < 10; i++)
        write_batch(10);
    run_until_decided();
    assert_int_equal(f.sink->counts.gave_up, 100);
    __atomic_store_n(&hurried, 0, __ATOMIC_RELEASE);
    unlock_file(db);
    write_batch(10);
    run_until_decided();
    assert_int_equal(f.sink->counts.delivered, 10);
    end();
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_is_full_or_fails_for_a_while),
        cmocka_unit_test(a_disk_that_comes_and_goes),
        cmocka_unit_test(a_file_that_is_locked_for_a_moment_is_waited_for),
        cmocka_unit_test(a_file_that_stays_locked_is_given_up_and_tried_again),
    };
    return cmocka_run_group_tests(tests, take_over_writes, NULL);
}
