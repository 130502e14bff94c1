// base/log.h: the lines on stderr.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int real_stderr;
static int pipe_end;

// From here on stderr goes into a pipe; every line logged fits into it.
static void capture(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    real_stderr = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
}

static void assert_captured(const char *expected)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    static char text[20000];
    size_t len = 0;
    ssize_t n;
    while ((n = read(pipe_end, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    close(pipe_end);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void levels_have_their_words(void **state)
{
    (void)state;
    capture();
    mcr_log(MCR_LOG_ERROR, "no %s", "luck");
    mcr_log(MCR_LOG_WARN, "mind the gap");
    mcr_log(MCR_LOG_INFO, "%d events", 3);
    mcr_log(MCR_LOG_DEBUG, "not shown");
    assert_captured("mooncrier: error: no luck\n"
                    "mooncrier: warning: mind the gap\n"
                    "mooncrier: 3 events\n");
}

static void the_level_decides(void **state)
{
    (void)state;
    assert_int_equal(mcr_log_get_level(), MCR_LOG_INFO);
    capture();
    mcr_log_set_level(MCR_LOG_ERROR);
    mcr_log(MCR_LOG_WARN, "hidden");
    mcr_log_once_a_minute(MCR_LOG_WARN, "hidden too");
    mcr_log(MCR_LOG_ERROR, "shown");
    mcr_log_set_level(MCR_LOG_DEBUG);
    mcr_log(MCR_LOG_DEBUG, "everything");
    mcr_log_set_level(MCR_LOG_INFO);
    assert_captured("mooncrier: error: shown\n"
                    "mooncrier: debug: everything\n");
}

static void a_message_of_many_lines_stays_one_record(void **state)
{
    (void)state;
    capture();
    mcr_log(MCR_LOG_INFO, "first\nsecond\n");
    mcr_log(MCR_LOG_INFO, "%s", "");
    assert_captured("mooncrier: first\n\tsecond\nmooncrier: \n");
}

static void the_same_text_once_a_minute(void **state)
{
    (void)state;
    capture();
    for (int i = 0; i < 1000; i++)
        mcr_log_once_a_minute(MCR_LOG_WARN, "again and %s", "again");
    mcr_log_once_a_minute(MCR_LOG_WARN, "something else");
    assert_captured("mooncrier: warning: again and again\n"
                    "mooncrier: warning: something else\n");
}

static void one_cause_once_a_minute(void **state)
{
    (void)state;
    capture();
    for (int i = 0; i < 1000; i++)
        mcr_log_cause_once_a_minute(MCR_LOG_WARN, "sink 'a' refused", "/events/e%d: refused", i);
    mcr_log_cause_once_a_minute(MCR_LOG_ERROR, "sink 'a' refused", "as an error");
    assert_captured("mooncrier: warning: /events/e0: refused\n"
                    "mooncrier: error: as an error\n");
}

// The last test: what it uses up comes back after a minute.
static void of_many_texts_a_hundred_a_minute(void **state)
{
    (void)state;
    static char expected[20000];
    size_t len = 0;
    capture();
    // The tests above have used three.
    for (int i = 0; i < 2 * MCR_LOG_PER_MINUTE; i++) {
        mcr_log_once_a_minute(MCR_LOG_WARN, "number %d", i);
        if (i < MCR_LOG_PER_MINUTE - 3)
            len += (size_t)snprintf(expected + len, sizeof expected - len,
                                    "mooncrier: warning: number %d\n", i);
    }
    // Warnings leave room for errors.
    mcr_log_once_a_minute(MCR_LOG_ERROR, "refused");
    snprintf(expected + len, sizeof expected - len,
             "mooncrier: warning: 100 messages in a minute: further ones are held back\n"
             "mooncrier: error: refused\n");
    assert_captured(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_their_words),
        cmocka_unit_test(the_level_decides),
        cmocka_unit_test(a_message_of_many_lines_stays_one_record),
        cmocka_unit_test(the_same_text_once_a_minute),
        cmocka_unit_test(one_cause_once_a_minute),
        cmocka_unit_test(of_many_texts_a_hundred_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
