// Names that do not resolve, or not yet: a resolver that the test holds in its hand stands in for
// the system's.

#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "http_fixture.h"

enum {
    PATIENCE_S = 20
};

static sem_t asked, answer, gone;
static atomic_bool waited_in_vain;

// libcurl calls this one instead of libc's.
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    (void)service;
    (void)hints;
    (void)result;
    if (strcmp(name, "slow.test") != 0)
        return EAI_NONAME;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    sem_post(&asked);
    if (sem_timedwait(&answer, &until) != 0)
        waited_in_vain = true;
    sem_post(&gone);
    return EAI_NONAME;
}

static void test_unknown(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    told t = ask(&f, (mcr_http_request){ .url = "http://unknown.test:81/" }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    assert_string_equal(t.error, "unknown.test:81: Could not resolve host: unknown.test");
    fixture_free(&f);
}

// The deadline of a request does not wait for the resolver, nor does its cancelling.
static void test_slow(void **state)
{
    (void)state;
    fixture f = fixture_new(NULL, NULL);
    told t =
        ask(&f, (mcr_http_request){ .url = "http://slow.test/", .timeout_ns = SECONDS / 10 }, NULL);
    assert_int_equal(t.outcome, MCR_HTTP_UNREACHED);
    assert_string_equal(t.error, "slow.test:80: no connection within 0.1 seconds");
    assert_false(waited_in_vain);
    sem_wait(&asked);

    told never = { .times = 0 };
    mcr_http_call *call = mcr_http_send(
        f.http, &(mcr_http_request){
                    .method = "GET", .url = "http://slow.test/", .done = note, .self = &never });
    while (sem_trywait(&asked) != 0)
        ev_run(f.loop, EVRUN_NOWAIT);
    mcr_http_cancel(call);
    assert_int_equal(never.times, 0);
    assert_false(waited_in_vain);
    for (int i = 0; i < 2; i++)
        sem_post(&answer);
    for (int i = 0; i < 2; i++)
        sem_wait(&gone);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_slow),
    };
    sem_init(&asked, 0, 0);
    sem_init(&answer, 0, 0);
    sem_init(&gone, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
