// daemon/ballot.h: hosts vote, and all switch or none. Hosts run here as they do in the program;
// what would be a deadlock is ended by the alarm.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broadcast/broadcaster.h"
#include "daemon/ballot.h"

enum {
    HOSTS = 4
};

// What the hosts did, and what they are to do.
typedef struct world {
    mcr_broadcaster *broadcaster;
    mcr_host *hosts[HOSTS];
    mcr_watcher *watchers[HOSTS];
    mcr_watch *watches[HOSTS];
    sem_t changed; // posted by the ballot
    sem_t entered; // posted by each prepare
    sem_t go_on;   // waited for by prepare of host `slow`
    int slow;      // -1: none
    int refuses;   // the host that says no; -1: none
    bool all_refuse;
    atomic_int prepared, switched, resumed;
    atomic_int inside; // between prepare and the end of conclude
    atomic_bool mixed; // a host concluded otherwise than another
} world;

static mcr_err prepare(void *self, mcr_host *host, mcr_errbuf *err)
{
    world *w = self;
    atomic_fetch_add(&w->inside, 1);
    atomic_fetch_add(&w->prepared, 1);
    sem_post(&w->entered);
    if (w->slow >= 0 && host == w->hosts[w->slow])
        sem_wait(&w->go_on);
    for (int i = 0; i < HOSTS; i++)
        if (host == w->hosts[i] && (w->all_refuse || i == w->refuses))
            return mcr_errf(err, MCR_ESCRIPT, "host %d says no", i);
    return MCR_OK;
}

static void conclude(void *self, mcr_host *host, bool switched)
{
    (void)host;
    world *w = self;
    atomic_fetch_add(switched ? &w->switched : &w->resumed, 1);
    if (w->switched && w->resumed)
        w->mixed = true;
    atomic_fetch_sub(&w->inside, 1);
}

static void changed(void *self)
{
    sem_post(&((world *)self)->changed);
}

static mcr_ballot_hooks hooks_of(world *w)
{
    return (mcr_ballot_hooks){ prepare, conclude, changed, w };
}

static void open_world(world *w)
{
    *w = (world){ .slow = -1, .refuses = -1 };
    w->broadcaster =
        mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10, .is_inline = true });
    sem_init(&w->changed, 0, 0);
    sem_init(&w->entered, 0, 0);
    sem_init(&w->go_on, 0, 0);
    for (int i = 0; i < HOSTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%d", i);
        w->hosts[i] = mcr_host_new(name, &mcr_clock_wall);
        w->watchers[i] = mcr_watcher_new(name);
        w->watches[i] = mcr_broadcaster_watch(w->broadcaster, NULL);
        mcr_host_add(w->hosts[i], w->watchers[i], w->watches[i]);
        assert_int_equal(mcr_host_start(w->hosts[i], NULL), MCR_OK);
    }
}

static void close_world(world *w)
{
    mcr_broadcaster_shutdown(w->broadcaster);
    for (int i = 0; i < HOSTS; i++) {
        mcr_host_join(w->hosts[i]);
        mcr_watcher_free(w->watchers[i]);
        mcr_watch_free(w->watches[i]);
    }
    mcr_broadcaster_free(w->broadcaster);
    sem_destroy(&w->changed);
    sem_destroy(&w->entered);
    sem_destroy(&w->go_on);
    assert_int_equal(w->inside, 0);
    assert_false(w->mixed);
}

static bool await_votes(world *w, mcr_ballot *b, mcr_errbuf *why)
{
    bool refused;
    while (!mcr_ballot_is_complete(b, &refused, why))
        sem_wait(&w->changed);
    return !refused;
}

static void await_end(world *w, mcr_ballot *b)
{
    while (!mcr_ballot_is_over(b))
        sem_wait(&w->changed);
    mcr_ballot_leave(b);
}

static void all_switch(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    for (int round = 1; round <= 200; round++) {
        const mcr_ballot_hooks hooks = hooks_of(&w);
        mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
        assert_true(await_votes(&w, b, NULL));
        assert_int_equal(w.prepared, round * HOSTS);
        assert_int_equal(w.switched, (round - 1) * HOSTS); // nobody goes on before it is decided
        assert_false(mcr_ballot_is_over(b));
        assert_true(mcr_ballot_decide(b, MCR_BALLOT_SWITCH));
        assert_false(mcr_ballot_decide(b, MCR_BALLOT_RESUME)); // once and for all
        await_end(&w, b);
        assert_int_equal(w.switched, round * HOSTS);
        assert_int_equal(w.resumed, 0);
    }
    close_world(&w);
}

static void one_refusal_is_enough(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    for (int round = 0; round < 200; round++) {
        w.refuses = round % HOSTS;
        const mcr_ballot_hooks hooks = hooks_of(&w);
        mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
        mcr_errbuf why;
        char want[32];
        snprintf(want, sizeof want, "host %d says no", w.refuses);
        assert_false(await_votes(&w, b, &why));
        assert_string_equal(why.text, want);
        assert_true(mcr_ballot_decide(b, MCR_BALLOT_RESUME));
        await_end(&w, b);
        // Each host that came was told; those that came late found it decided.
        assert_int_equal(w.resumed, w.prepared);
        assert_int_equal(w.switched, 0);
    }
    close_world(&w);
}

static void the_first_reason_is_told(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.all_refuse = true;
    const mcr_ballot_hooks hooks = hooks_of(&w);
    mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    mcr_errbuf first, later;
    assert_false(await_votes(&w, b, &first));
    for (int i = 0; i < HOSTS; i++)
        sem_wait(&w.entered); // all of them, while it is open
    bool refused;
    mcr_ballot_is_complete(b, &refused, &later);
    assert_string_equal(first.text, later.text);
    mcr_ballot_decide(b, MCR_BALLOT_RESUME);
    await_end(&w, b);
    assert_int_equal(w.resumed, HOSTS);
    close_world(&w);
}

static void hold(void *arg, bool refused)
{
    world *w = arg;
    assert_false(refused);
    sem_post(&w->entered);
    sem_wait(&w->go_on);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void who_comes_late_finds_it_decided(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    for (int round = 0; round < 50; round++) {
        int before = w.prepared;
        assert_true(mcr_host_post(w.hosts[2], hold, &w)); // one is busy
        sem_wait(&w.entered);
        const mcr_ballot_hooks hooks = hooks_of(&w);
        mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
        for (int i = 0; i < HOSTS - 1; i++)
            sem_wait(&w.entered);
        bool refused;
        assert_false(mcr_ballot_is_complete(b, &refused, NULL));
        assert_false(refused);
        assert_true(mcr_ballot_decide(b, MCR_BALLOT_RESUME)); // the caller's patience is over
        await_end(&w, b);                                     // without the busy one
        sem_post(&w.go_on);
        assert_true(mcr_host_call(w.hosts[2], nothing, NULL, INT64_C(60000000000)));
        assert_int_equal(w.prepared, before + HOSTS - 1);
        assert_int_equal(w.resumed, w.prepared);
    }
    close_world(&w);
}

static void who_is_inside_is_waited_for(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.slow = 1;
    w.refuses = 3;
    const mcr_ballot_hooks hooks = hooks_of(&w);
    mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    for (int i = 0; i < HOSTS; i++)
        sem_wait(&w.entered);
    assert_false(await_votes(&w, b, NULL));
    mcr_ballot_decide(b, MCR_BALLOT_RESUME);
    assert_false(mcr_ballot_is_over(b)); // the slow one still prepares
    sem_post(&w.go_on);
    await_end(&w, b);
    assert_int_equal(w.resumed, HOSTS);
    close_world(&w);
}

static void a_host_that_has_ended_has_no_say(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    mcr_host_hurry(w.hosts[0]);
    assert_true(mcr_host_ends(w.hosts[0], INT64_C(60000000000)));
    const mcr_ballot_hooks hooks = hooks_of(&w);
    mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    assert_true(await_votes(&w, b, NULL));
    assert_int_equal(w.prepared, HOSTS - 1);
    mcr_ballot_decide(b, MCR_BALLOT_SWITCH);
    await_end(&w, b);
    assert_int_equal(w.switched, HOSTS - 1);
    // One that ends with the question waiting, and hosts that all have ended.
    assert_true(mcr_host_post(w.hosts[1], hold, &w));
    while (sem_trywait(&w.entered) == 0)
        ;
    b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    mcr_broadcaster_shutdown(w.broadcaster);
    for (int i = 1; i < HOSTS; i++)
        mcr_host_hurry(w.hosts[i]);
    sem_post(&w.go_on);
    await_votes(&w, b, NULL);
    mcr_ballot_decide(b, MCR_BALLOT_SWITCH);
    await_end(&w, b);
    for (int i = 1; i < HOSTS; i++)
        assert_true(mcr_host_ends(w.hosts[i], INT64_C(60000000000)));
    int switched = w.switched;
    b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    assert_true(await_votes(&w, b, NULL));
    mcr_ballot_decide(b, MCR_BALLOT_SWITCH);
    await_end(&w, b);
    assert_int_equal(w.switched, switched);
    close_world(&w);
}

static void nobody_is_asked(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    const mcr_ballot_hooks hooks = hooks_of(&w);
    mcr_ballot *b = mcr_ballot_call(&hooks, NULL, 0);
    bool refused;
    assert_true(mcr_ballot_is_complete(b, &refused, NULL));
    assert_false(refused);
    assert_false(mcr_ballot_is_over(b));
    assert_true(mcr_ballot_decide(b, MCR_BALLOT_SWITCH));
    assert_true(mcr_ballot_is_over(b));
    mcr_ballot_leave(b);
    close_world(&w);
}

// The caller has gone away: hosts do not wait for ever. It takes MCR_BALLOT_PATIENCE_S.
static void hosts_lose_patience(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    const mcr_ballot_hooks hooks = hooks_of(&w);
    mcr_ballot *b = mcr_ballot_call(&hooks, w.hosts, HOSTS);
    assert_true(await_votes(&w, b, NULL));
    while (!mcr_ballot_is_over(b))
        sem_wait(&w.changed);
    assert_false(mcr_ballot_decide(b, MCR_BALLOT_SWITCH)); // too late
    mcr_ballot_leave(b);
    assert_int_equal(w.resumed, HOSTS);
    assert_int_equal(w.switched, 0);
    close_world(&w);
}

int main(void)
{
    alarm(100);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_switch),
        cmocka_unit_test(one_refusal_is_enough),
        cmocka_unit_test(the_first_reason_is_told),
        cmocka_unit_test(who_comes_late_finds_it_decided),
        cmocka_unit_test(who_is_inside_is_waited_for),
        cmocka_unit_test(a_host_that_has_ended_has_no_say),
        cmocka_unit_test(nobody_is_asked),
        cmocka_unit_test(hosts_lose_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
