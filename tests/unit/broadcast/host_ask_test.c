// mcr_host_ask: what another thread asks a host, which may not answer.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "broadcast/broadcaster.h"
#include "broadcast/host.h"

#define SECOND INT64_C(1000000000)

typedef struct world {
    mcr_broadcaster *b;
    mcr_watcher *w;
    mcr_watch *watch;
    mcr_host *host;
} world;

static void begin_world(world *x)
{
    x->b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10, .is_inline = true });
    x->w = mcr_watcher_new("w");
    x->watch = mcr_broadcaster_watch(x->b, NULL);
    x->host = mcr_host_new("w", &mcr_clock_wall);
    mcr_host_add(x->host, x->w, x->watch);
    assert_int_equal(mcr_host_start(x->host, NULL), MCR_OK);
}

static void end_world(world *x)
{
    mcr_broadcaster_shutdown(x->b);
    mcr_host_join(x->host);
    mcr_watcher_free(x->w);
    mcr_watch_free(x->watch);
    mcr_broadcaster_free(x->b);
}

typedef struct question {
    int number;
    pthread_t thread;
    sem_t *begun; // if set: posted, then
    sem_t *go_on; // waited for
} question;

static void answer(void *block)
{
    question *q = block;
    if (q->begun) {
        sem_post(q->begun);
        sem_wait(q->go_on);
    }
    q->number++;
    q->thread = pthread_self();
}

static void it_works_on_a_copy_that_comes_back(void **state)
{
    (void)state;
    world x;
    begin_world(&x);
    question q = { .number = 41 };
    assert_true(mcr_host_ask(x.host, answer, &q, sizeof q, 60 * SECOND));
    assert_int_equal(q.number, 42);
    assert_false(pthread_equal(q.thread, pthread_self()));
    end_world(&x);
}

// As with a file on a server that does not answer: who asked goes on, and its stack is its own.
static void it_is_left_alone_when_it_does_not_return(void **state)
{
    (void)state;
    world x;
    sem_t begun, go_on;
    sem_init(&begun, 0, 0);
    sem_init(&go_on, 0, 0);
    begin_world(&x);
    question stuck = { .number = 41, .begun = &begun, .go_on = &go_on };
    do // until it has begun before its time was over
        assert_false(mcr_host_ask(x.host, answer, &stuck, sizeof stuck, SECOND / 50));
    while (sem_trywait(&begun));
    assert_int_equal(stuck.number, 41);
    assert_false(mcr_host_ask(x.host, answer, &stuck, sizeof stuck, SECOND / 50));
    sem_post(&go_on);
    question q = { .number = 1 };
    assert_true(mcr_host_ask(x.host, answer, &q, sizeof q, 60 * SECOND));
    assert_int_equal(q.number, 2);
    end_world(&x);
    sem_destroy(&begun);
    sem_destroy(&go_on);
}

static void nobody_answers_after_the_end(void **state)
{
    (void)state;
    world x;
    begin_world(&x);
    mcr_broadcaster_shutdown(x.b);
    assert_true(mcr_host_ends(x.host, 60 * SECOND));
    question q = { .number = 41 };
    assert_false(mcr_host_ask(x.host, answer, &q, sizeof q, 60 * SECOND));
    assert_int_equal(q.number, 41);
    end_world(&x);
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_on_a_copy_that_comes_back),
        cmocka_unit_test(it_is_left_alone_when_it_does_not_return),
        cmocka_unit_test(nobody_answers_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
