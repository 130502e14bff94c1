#include "sample.h"

#include "sink/age.h"

static void says_it_as_kubectl(void **state)
{
    (void)state;
    enum {
        M = 60,
        H = 60 * M,
        D = 24 * H
    };
    static const struct {
        int64_t seconds;
        const char *age;
    } cases[] = {
        { -2, "<invalid>" },
        { -1, "0s" },
        { 0, "0s" },
        { 119, "119s" },
        { 2 * M, "2m" },
        { 5 * M + 12, "5m12s" },
        { 10 * M - 1, "9m59s" },
        { 10 * M + 59, "10m" },
        { 3 * H - 1, "179m" },
        { 3 * H, "3h" },
        { 3 * H + 4 * M + 59, "3h4m" },
        { 8 * H - 1, "7h59m" },
        { 8 * H + 59 * M, "8h" },
        { 48 * H - 1, "47h" },
        { 2 * D, "2d" },
        { 2 * D + 5 * H, "2d5h" },
        { 8 * D - 1, "7d23h" },
        { 8 * D + 23 * H, "8d" },
        { 730 * (int64_t)D - 1, "729d" },
        { 730 * (int64_t)D, "2y" },
        { 731 * (int64_t)D, "2y1d" },
        { 2920 * (int64_t)D - 1, "7y364d" },
        { 2921 * (int64_t)D, "8y" },
        { INT64_MAX, "292471208677y" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mcr_buf out = { 0 };
        mcr_age(&out, cases[i].seconds);
        assert_text(&out, cases[i].age);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_it_as_kubectl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
