// base/shown.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/shown.h"

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *shown;
    } cases[] = {
        { "https://hooks.slack.com/services/T0/B0/secret", "https://hooks.slack.com/…" },
        { "http://127.0.0.1:8080", "http://127.0.0.1:8080" },
        { "http://127.0.0.1:8080/", "http://127.0.0.1:8080" },
        { "https://user:secret@loki:3100/push", "https://loki:3100/…" },
        { "https://a@b:secret@loki", "https://loki" },
        { "https://loki?token=secret", "https://loki/…" },
        { "https://loki#secret", "https://loki/…" },
        { "https://[::1]:8080/x", "https://[::1]:8080/…" },
        { "https://user:sec/ret@loki/x", "https://…" },
        { "secret", "(a URL)" },
        { "user:secret@host://x", "(a URL)" },
        { "", "(a URL)" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        mcr_url_shown(&out, cases[i].url);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].shown);
        mcr_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
