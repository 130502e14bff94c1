// The fault switch: its text, and what is done to whom.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/api_faults.h"

static mcr_api_faults faults_of(const char *text)
{
    mcr_errbuf err = { .text = "" };
    mcr_api_faults f = { 0 };
    if (mcr_api_faults_parse(&f, mcr_str_of(text), &err) != MCR_OK)
        fail_msg("%s: %s", text, err.text);
    return f;
}

static void test_says_what_it_was_told(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "none" },
        { "none", "none" },
        { "latency=50ms", "latency=50ms:1" },
        { "latency=1s:0.25", "latency=1000ms:0.25" },
        { "status=429:0.3:2,status=503", "status=429:0.3:2 status=503:1" },
        { " reset=0.05\nclose=0.5\tlost=1,half=0.125 ", "reset=0.05 close=0.5 lost=1 half=0.125" },
        { "reset=1 methods=PATCH+POST", "reset=1 methods=POST+PATCH" },
        { "half=1 times=3", "half=1 times=3" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_api_faults f = faults_of(cases[i][0]);
        mcr_buf text = { 0 };
        mcr_api_faults_write(&text, &f);
        assert_string_equal(mcr_buf_cstr(&text), cases[i][1]);
        f = faults_of(mcr_buf_cstr(&text));
        text.len = 0;
        mcr_api_faults_write(&text, &f);
        assert_string_equal(mcr_buf_cstr(&text), cases[i][1]);
        mcr_buf_fini(&text);
    }
}

static void test_refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "nonsense",      "nonsense=1",      "reset=2",     "reset=-0.1", "reset=",
        "latency=soon",  "latency=1s:2",    "status=99",   "status=x",   "status=429:2",
        "status=429:1:", "status=429:1:-1", "methods=PAT", "times=-1",   "times=x",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mcr_errbuf err = { .text = "" };
        mcr_api_faults f = faults_of("half=1");
        assert_int_equal(mcr_api_faults_parse(&f, mcr_str_of(wrong[i]), &err), MCR_EINVAL);
        assert_true(strlen(err.text) > 10);
        assert_true(f.half == 1); // as it was
    }
}

// Draws that were thought out: each a share from 0 to 1.
typedef struct draws {
    const double *at;
} draws;

static uint64_t next_draw(void *self)
{
    draws *d = self;
    return (uint64_t)(*d->at++ * (double)(UINT64_C(1) << 53)) << 11;
}

static void test_shares_lie_end_to_end(void **state)
{
    (void)state;
    static const struct {
        double draw;
        mcr_api_fault_kind kind;
        int status;
        int retry_after;
    } cases[] = {
        { 0, MCR_API_FAULT_RESET, 0, -1 },        { 0.0624, MCR_API_FAULT_RESET, 0, -1 },
        { 0.0625, MCR_API_FAULT_CLOSE, 0, -1 },   { 0.125, MCR_API_FAULT_LOST, 0, -1 },
        { 0.25, MCR_API_FAULT_HALF, 0, -1 },      { 0.375, MCR_API_FAULT_STATUS, 429, 2 },
        { 0.4999, MCR_API_FAULT_STATUS, 429, 2 }, { 0.5, MCR_API_FAULT_STATUS, 503, -1 },
        { 0.625, MCR_API_FAULT_NONE, 0, -1 },     { 0.999, MCR_API_FAULT_NONE, 0, -1 },
    };
    mcr_api_faults f = faults_of("reset=0.0625 close=0.0625 lost=0.125 half=0.125 "
                                 "status=429:0.125:2 status=503:0.125");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draws d = { &cases[i].draw };
        const mcr_random random = { next_draw, &d };
        mcr_api_fault fault = mcr_api_faults_decide(&f, "GET", &random);
        assert_int_equal(fault.kind, cases[i].kind);
        assert_int_equal(fault.status, cases[i].status);
        assert_int_equal(fault.retry_after, cases[i].retry_after);
        assert_int_equal(fault.delay_ns, 0);
    }
}

static void test_latency_is_apart_from_the_rest(void **state)
{
    (void)state;
    static const double numbers[] = { 0.2, 0.9, 0.3, 0.9, 0.2, 0.1, 0.3, 0.1 };
    draws d = { numbers };
    const mcr_random random = { next_draw, &d };
    mcr_api_faults f = faults_of("latency=20ms:0.25 reset=0.5");
    static const struct {
        bool late;
        mcr_api_fault_kind kind;
    } wanted[] = { { true, MCR_API_FAULT_NONE },
                   { false, MCR_API_FAULT_NONE },
                   { true, MCR_API_FAULT_RESET },
                   { false, MCR_API_FAULT_RESET } };
    for (size_t i = 0; i < 4; i++) {
        mcr_api_fault fault = mcr_api_faults_decide(&f, "GET", &random);
        assert_int_equal(fault.delay_ns, wanted[i].late ? 20000000 : 0);
        assert_int_equal(fault.kind, wanted[i].kind);
    }
}

static void test_spoils_so_many_and_only_those(void **state)
{
    (void)state;
    mcr_api_faults f = faults_of("close=1 methods=POST+DELETE times=2");
    static const struct {
        const char *method;
        mcr_api_fault_kind kind;
    } cases[] = {
        { "GET", MCR_API_FAULT_NONE },    { "POST", MCR_API_FAULT_CLOSE },
        { "PATCH", MCR_API_FAULT_NONE },  { "DELETE", MCR_API_FAULT_CLOSE },
        { "DELETE", MCR_API_FAULT_NONE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mcr_api_faults_decide(&f, cases[i].method, &mcr_random_system).kind,
                         cases[i].kind);
    assert_int_equal(f.times, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_what_it_was_told),
        cmocka_unit_test(test_refuses_what_makes_no_sense),
        cmocka_unit_test(test_shares_lie_end_to_end),
        cmocka_unit_test(test_latency_is_apart_from_the_rest),
        cmocka_unit_test(test_spoils_so_many_and_only_those),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
