// broadcast/host.h: what a host does with its watchers. Everything waits for what happens (never
// for time); what would be a deadlock is ended by the alarm.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "broadcast/broadcaster.h"
#include "broadcast/hooks.h"
#include "broadcast/host.h"
#include "numbered.h"

// A watcher whose hooks note what they saw.
struct subject {
    mcr_watcher *w;
    mcr_watch *watch;
    int seen;         // events; they must come as 1, 2, 3 …
    uint32_t largest; // batch
    int finis;
    atomic_int ticks;
    int64_t tick_every; // ns, 0: no ticks
    sem_t *held;        // if set: posted when a batch is there, then
    sem_t *go_on;       // waited for before it is worked on
    pthread_t thread;   // that ran the hooks
};

static void handle(void *self, mcr_verdict *v, uint32_t n, int64_t now)
{
    (void)now;
    struct subject *s = self;
    if (s->held) {
        sem_post(s->held);
        sem_wait(s->go_on);
    }
    for (uint32_t i = 0; i < n; i++)
        if (v[i].ev->count == s->seen + 1)
            s->seen++;
    if (n > s->largest)
        s->largest = n;
    s->thread = pthread_self();
}

static int64_t tick(void *self, int64_t now)
{
    struct subject *s = self;
    atomic_fetch_add(&s->ticks, 1);
    if (s->held && s->ticks >= 4)
        sem_post(s->held);
    return s->tick_every ? now + s->tick_every : 0;
}

static void fini(void *self, int64_t now)
{
    (void)now;
    ((struct subject *)self)->finis++;
}

static void open_subject(struct subject *s, mcr_broadcaster *b, mcr_host *h)
{
    mcr_hooks hooks = { .self = s, .handle = handle, .fini = fini };
    if (s->tick_every)
        hooks.tick = tick;
    s->w = mcr_watcher_new("subject");
    mcr_watcher_set_hooks(s->w, &hooks);
    s->watch = mcr_broadcaster_watch(b, NULL);
    mcr_host_add(h, s->w, s->watch);
}

static void close_subject(struct subject *s)
{
    mcr_watcher_free(s->w);
    mcr_watch_free(s->watch);
}

static mcr_broadcaster *broadcaster(void)
{
    mcr_broadcaster_options options = { .queue = 100, .is_inline = true };
    return mcr_broadcaster_new(&options);
}

static void publish(mcr_broadcaster *b, int from, int to)
{
    for (int number = from; number <= to; number++) {
        mcr_event *ev = numbered(number);
        mcr_broadcaster_publish(b, &ev, 1, MCR_DROP_IF_CHANNEL_FULL);
        mcr_event_unref(ev);
    }
}

static void post(void *sem)
{
    sem_post(sem);
}

static void watchers_get_everything_and_end(void **state)
{
    (void)state;
    sem_t done;
    sem_init(&done, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("three", &mcr_clock_wall);
    struct subject subjects[3] = { 0 };
    for (int i = 0; i < 3; i++)
        open_subject(&subjects[i], b, h);
    mcr_host_on_done(h, post, &done);
    assert_int_equal(mcr_host_start(h, NULL), MCR_OK);
    publish(b, 1, 100);
    mcr_broadcaster_shutdown(b);
    sem_wait(&done);
    mcr_host_join(h);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(subjects[i].seen, 100);
        assert_int_equal(subjects[i].finis, 1);
        assert_in_range(subjects[i].largest, 1, MCR_BATCH);
        assert_int_equal(mcr_watcher_counts_now(subjects[i].w).taken, 100);
        assert_int_equal(mcr_watch_counts_now(subjects[i].watch).taken, 100);
        close_subject(&subjects[i]);
    }
    mcr_broadcaster_free(b);
    sem_destroy(&done);
}

static void a_waiting_publisher_is_let_on(void **state)
{
    (void)state;
    sem_t room;
    sem_init(&room, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_broadcaster_on_room(b, post, &room);
    mcr_host *h = mcr_host_new("waiting", &mcr_clock_wall);
    struct subject s = { 0 };
    open_subject(&s, b, h);
    mcr_host_start(h, NULL);
    mcr_event *events[500];
    for (int i = 0; i < 500; i++)
        events[i] = numbered(i + 1);
    uint32_t done = 0;
    while ((done +=
            mcr_broadcaster_publish(b, events + done, 500 - done, MCR_WAIT_IF_CHANNEL_FULL)) < 500)
        sem_wait(&room);
    for (int i = 0; i < 500; i++)
        mcr_event_unref(events[i]);
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    assert_int_equal(s.seen, 500);
    assert_int_equal(mcr_watch_counts_now(s.watch).ring_full, 0);
    close_subject(&s);
    mcr_broadcaster_free(b);
    sem_destroy(&room);
}

static void note_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
}

static void calls_run_on_the_hosts_thread(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("calls", &mcr_clock_wall);
    struct subject s = { 0 };
    open_subject(&s, b, h);
    pthread_t here = pthread_self(), there = here;
    assert_false(mcr_host_call(h, note_thread, &there, -1)); // it does not run yet
    mcr_host_start(h, NULL);
    publish(b, 1, 1);
    for (int i = 0; i < 100; i++) {
        there = here;
        assert_true(mcr_host_call(h, note_thread, &there, INT64_C(60000000000)));
        assert_false(pthread_equal(here, there));
    }
    mcr_broadcaster_shutdown(b);
    while (mcr_host_call(h, note_thread, &there, INT64_C(60000000000)))
        ; // until it has ended
    mcr_host_join(h);
    assert_true(pthread_equal(s.thread, there));
    close_subject(&s);
    mcr_broadcaster_free(b);
}

static void run(void *arg)
{
    ++*(int *)arg;
}

static void a_call_that_is_given_up_does_not_run(void **state)
{
    (void)state;
    sem_t held, go_on;
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("given up", &mcr_clock_wall);
    struct subject s = { .held = &held, .go_on = &go_on };
    open_subject(&s, b, h);
    mcr_host_start(h, NULL);
    publish(b, 1, 1);
    sem_wait(&held); // now the host is inside a hook
    int given_up = 0, kept = 0;
    assert_false(mcr_host_call(h, run, &given_up, 0));
    assert_false(mcr_host_call(h, run, &given_up, 1000000));
    sem_post(&go_on);
    assert_true(mcr_host_call(h, run, &kept, INT64_C(60000000000)));
    assert_int_equal(kept, 1);
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    assert_int_equal(given_up, 0);
    close_subject(&s);
    mcr_broadcaster_free(b);
    sem_destroy(&held);
    sem_destroy(&go_on);
}

static void hurry_leaves_the_rest_queued(void **state)
{
    (void)state;
    sem_t held, go_on;
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("hurry", &mcr_clock_wall);
    struct subject s = { .held = &held, .go_on = &go_on };
    open_subject(&s, b, h);
    mcr_host_start(h, NULL);
    publish(b, 1, 1);
    sem_wait(&held);
    publish(b, 2, 100);
    mcr_host_hurry(h);
    assert_false(mcr_host_ends(h, 1000000)); // a hook does not return
    sem_post(&go_on);
    assert_true(mcr_host_ends(h, 20 * (int64_t)1000000000));
    mcr_host_join(h);
    assert_int_equal(s.seen, 1);
    assert_int_equal(s.finis, 1);
    mcr_watch_counts counts = mcr_watch_counts_now(s.watch);
    assert_int_equal(counts.taken, 1);
    assert_int_equal(counts.queued, 99);
    publish(b, 101, 102); // nobody is woken any more
    mcr_broadcaster_shutdown(b);
    close_subject(&s);
    mcr_broadcaster_free(b);
    sem_destroy(&held);
    sem_destroy(&go_on);
}

static void ticks_come_without_events(void **state)
{
    (void)state;
    sem_t held;
    sem_init(&held, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("ticks", &mcr_clock_wall);
    struct subject s = { .tick_every = 1000000, .held = &held };
    open_subject(&s, b, h);
    mcr_host_start(h, NULL);
    sem_wait(&held); // the fourth
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    assert_true(s.ticks >= 4);
    close_subject(&s);
    mcr_broadcaster_free(b);
    sem_destroy(&held);
}

struct setting {
    sigset_t blocked;
    char name[16];
};

static void look_around(void *arg)
{
    struct setting *setting = arg;
    pthread_sigmask(SIG_SETMASK, NULL, &setting->blocked);
    pthread_getname_np(pthread_self(), setting->name, sizeof setting->name);
}

static void the_thread_has_a_name_and_takes_no_signals(void **state)
{
    (void)state;
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("a name that is too long", &mcr_clock_wall);
    struct subject s = { 0 };
    open_subject(&s, b, h);
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    mcr_host_start(h, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    struct setting setting;
    assert_true(mcr_host_call(h, look_around, &setting, INT64_C(60000000000)));
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    assert_string_equal(setting.name, "a name that is ");
    static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        assert_true(sigismember(&setting.blocked, signals[i]));
        assert_int_equal(sigismember(&before, signals[i]), sigismember(&after, signals[i]));
    }
    assert_false(sigismember(&setting.blocked, MCR_GUARD_SIGNAL));
    close_subject(&s);
    mcr_broadcaster_free(b);
}

static void a_host_without_watchers_ends_at_once(void **state)
{
    (void)state;
    sem_t done;
    sem_init(&done, 0, 0);
    mcr_host *h = mcr_host_new("none", &mcr_clock_wall);
    mcr_host_on_done(h, post, &done);
    mcr_host_start(h, NULL);
    sem_wait(&done);
    mcr_host_join(h);
    sem_destroy(&done);
    mcr_host_join(mcr_host_new("never started", &mcr_clock_wall));
}

static void refusable(void *arg, bool refused)
{
    mcr_buf_puts(arg, refused ? "r" : "x");
}

static void append_a(void *arg)
{
    mcr_buf_puts(arg, "a");
}

static void posts_run_in_order_or_are_refused(void **state)
{
    (void)state;
    sem_t held, go_on;
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("posts", &mcr_clock_wall);
    struct subject s = { .held = &held, .go_on = &go_on };
    open_subject(&s, b, h);
    mcr_buf seen = { 0 };
    assert_false(mcr_host_post(h, refusable, &seen)); // it does not run yet
    mcr_host_start(h, NULL);
    publish(b, 1, 1);
    sem_wait(&held);
    for (int i = 0; i < 3; i++)
        assert_true(mcr_host_post(h, refusable, &seen));
    assert_int_equal(seen.len, 0); // it is inside a hook
    sem_post(&go_on);
    assert_true(mcr_host_call(h, append_a, &seen, INT64_C(60000000000)));
    assert_string_equal(mcr_buf_cstr(&seen), "xxxa");
    // Work that was posted is done or refused, once, however the host ends.
    publish(b, 2, 2);
    sem_wait(&held);
    mcr_host_hurry(h);
    int posted = 0;
    while (posted < 1000 && mcr_host_post(h, refusable, &seen)) {
        posted++;
        if (posted == 500)
            sem_post(&go_on);
    }
    assert_true(mcr_host_ends(h, INT64_C(60000000000)));
    assert_false(mcr_host_post(h, refusable, &seen));
    assert_int_equal(seen.len, 4 + posted);
    mcr_host_join(h);
    mcr_buf_fini(&seen);
    mcr_broadcaster_shutdown(b);
    close_subject(&s);
    mcr_broadcaster_free(b);
    sem_destroy(&held);
    sem_destroy(&go_on);
}

// Who joins a running host.
struct newcomer {
    struct subject subject;
    mcr_host *host;
};

static void join_in(void *arg, bool refused)
{
    struct newcomer *n = arg;
    assert_false(refused);
    mcr_host_add(n->host, n->subject.w, n->subject.watch);
}

// One watcher stays, others come and go: each gets all of what was published while it was there.
static void watchers_come_and_go(void **state)
{
    (void)state;
    enum {
        ROUNDS = 100
    };
    sem_t left;
    sem_init(&left, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("come and go", &mcr_clock_wall);
    struct subject stays = { 0 };
    open_subject(&stays, b, h);
    mcr_host_on_left(h, post, &left);
    mcr_host_start(h, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        struct newcomer n = { .host = h };
        n.subject.w = mcr_watcher_new("newcomer");
        mcr_hooks hooks = { .self = &n.subject, .handle = handle, .fini = fini };
        mcr_watcher_set_hooks(n.subject.w, &hooks);
        n.subject.watch = mcr_broadcaster_watch(b, NULL);
        n.subject.seen = i * 10;
        publish(b, i * 10 + 1, i * 10 + 5); // before the host knows of it
        assert_true(mcr_host_post(h, join_in, &n));
        publish(b, i * 10 + 6, i * 10 + 10);
        mcr_watch_stop(n.subject.watch);
        sem_wait(&left);
        assert_false(mcr_host_has(h, n.subject.w));
        assert_true(mcr_host_has(h, stays.w));
        assert_int_equal(n.subject.seen, i * 10 + 10);
        assert_int_equal(n.subject.finis, 1);
        assert_int_equal(mcr_watcher_counts_now(n.subject.w).taken, 10);
        close_subject(&n.subject);
        // So that the queue of the one that stays does not overflow.
        while (!mcr_host_call(h, run, &(int){ 0 }, INT64_C(60000000000)) ||
               mcr_watch_counts_now(stays.watch).queued > 0)
            ;
    }
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    assert_int_equal(stays.seen, ROUNDS * 10);
    assert_int_equal(stays.finis, 1);
    assert_int_equal(sem_trywait(&left), 0); // the last one
    assert_int_not_equal(sem_trywait(&left), 0);
    close_subject(&stays);
    mcr_broadcaster_free(b);
    sem_destroy(&left);
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watchers_get_everything_and_end),
        cmocka_unit_test(a_waiting_publisher_is_let_on),
        cmocka_unit_test(calls_run_on_the_hosts_thread),
        cmocka_unit_test(a_call_that_is_given_up_does_not_run),
        cmocka_unit_test(hurry_leaves_the_rest_queued),
        cmocka_unit_test(ticks_come_without_events),
        cmocka_unit_test(the_thread_has_a_name_and_takes_no_signals),
        cmocka_unit_test(a_host_without_watchers_ends_at_once),
        cmocka_unit_test(posts_run_in_order_or_are_refused),
        cmocka_unit_test(watchers_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
