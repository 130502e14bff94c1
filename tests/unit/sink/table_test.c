#include "sample.h"

#include "sink/table.h"

static const char *const titles[] = { "NAME", "TYPE", "MESSAGE" };

static void row(mcr_table *t, mcr_buf *out, const char *a, const char *b, const char *c)
{
    mcr_table_cell(t, mcr_str_of(a));
    mcr_table_cell(t, mcr_str_of(b));
    mcr_table_cell(t, mcr_str_of(c));
    mcr_table_end_row(t, out);
}

static void aligns_and_remembers_widths(void **state)
{
    (void)state;
    mcr_table *t = mcr_table_new(titles, 3);
    mcr_buf out = { 0 };
    mcr_table_flush(t, &out);
    assert_int_equal(out.len, 0); // no titles without rows

    row(t, &out, "a", "Normal", "one");
    row(t, &out, "größer", "", "two");
    assert_int_equal(out.len, 0); // held back
    mcr_table_flush(t, &out);
    assert_text(&out, "NAME     TYPE     MESSAGE\n"
                      "a        Normal   one\n"
                      "größer            two\n");

    out.len = 0;
    row(t, &out, "b", "Normal", "");
    mcr_table_flush(t, &out);
    assert_text(&out, "b        Normal   \n");

    out.len = 0;
    row(t, &out, "longer than before", "W", "x");
    mcr_table_flush(t, &out);
    assert_text(&out, "longer than before   W        x\n");
    mcr_buf_fini(&out);
    mcr_table_free(t);
}

static void cells_cannot_break_the_table(void **state)
{
    (void)state;
    mcr_table *t = mcr_table_new(titles, 3);
    mcr_buf out = { 0 };
    row(t, &out, "a\tb", "\x1b[31m", "x\ny\r\u202e\xff \"q\"");
    mcr_table_cell(t, MCR_STR("short row"));
    mcr_table_end_row(t, &out);
    mcr_table_flush(t, &out);
    assert_text(&out, "NAME        TYPE       MESSAGE\n"
                      "a\\tb        \\x1b[31m   x\\ny\\r\\u202e\\xff \"q\"\n"
                      "short row              \n");
    mcr_buf_fini(&out);
    mcr_table_free(t);
}

static void gives_rows_when_there_are_enough(void **state)
{
    (void)state;
    mcr_table *t = mcr_table_new(titles, 3);
    mcr_buf out = { 0 };
    for (int i = 0; i < MCR_TABLE_ROWS - 1; i++)
        row(t, &out, "a", "b", "c");
    assert_int_equal(out.len, 0);
    row(t, &out, "a", "b", "c");
    assert_int_equal(out.len, strlen("NAME   TYPE   MESSAGE\n") +
                                  MCR_TABLE_ROWS * strlen("a      b      c\n"));
    mcr_table_flush(t, &out);
    assert_int_equal(out.len, strlen("NAME   TYPE   MESSAGE\n") +
                                  MCR_TABLE_ROWS * strlen("a      b      c\n"));

    out.len = 0;
    row(t, &out, "a", "b", "c");
    assert_int_equal(out.len, 0); // the next ones are held back again
    mcr_table_flush(t, &out);
    out.len = 0;
    char *huge = mcr_alloc(1024 * 1024 + 1);
    memset(huge, 'x', 1024 * 1024);
    huge[1024 * 1024] = '\0';
    row(t, &out, "a", "b", huge);
    assert_int_equal(out.len, strlen("a      b      \n") + 1024 * 1024);
    free(huge);
    mcr_buf_fini(&out);
    mcr_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_and_remembers_widths),
        cmocka_unit_test(cells_cannot_break_the_table),
        cmocka_unit_test(gives_rows_when_there_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
