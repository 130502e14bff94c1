// correlate/keys.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "correlate/keys.h"

static mcr_event fields_with_all(void)
{
    return (mcr_event){
        .metadata = { .name = MCR_STR("NO"), .namespace = MCR_STR("NO") },
        .involvedObject = { .kind = MCR_STR("c"),
                            .namespace = MCR_STR("d"),
                            .name = MCR_STR("e"),
                            .uid = MCR_STR("g"),
                            .apiVersion = MCR_STR("h"),
                            .resourceVersion = MCR_STR("NO"),
                            .fieldPath = MCR_STR("f") },
        .type = MCR_STR("i"),
        .reason = MCR_STR("j"),
        .message = MCR_STR("k"),
        .source = { .component = MCR_STR("a"), .host = MCR_STR("b") },
        .action = MCR_STR("NO"),
        .reportingComponent = MCR_STR("l"),
        .reportingInstance = MCR_STR("m"),
    };
}

static void aggregate(mcr_buf *out, const mcr_event *ev, char separator)
{
    mcr_key_spam(out, ev, separator);
    mcr_key_aggregate_rest(out, ev, separator);
}

static void fields_come_in_client_gos_order(void **state)
{
    (void)state;
    static const struct {
        void (*make)(mcr_buf *out, const mcr_event *ev, char separator);
        const char *joined, *separated;
    } cases[] = {
        { mcr_key_spam, "abcdeghi", "a|b|c|d|e|g|h|i" },
        { aggregate, "abcdeghijlm", "a|b|c|d|e|g|h|i|j|l|m" },
        { mcr_key_event, "abcdefghijk", "a|b|c|d|e|f|g|h|i|j|k" },
    };
    mcr_event ev = fields_with_all();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_buf out = { 0 };
        cases[i].make(&out, &ev, 0);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].joined);
        out.len = 0;
        cases[i].make(&out, &ev, '|');
        assert_string_equal(mcr_buf_cstr(&out), cases[i].separated);
        mcr_buf_fini(&out);
    }
}

static void empty_fields_leave_only_separators(void **state)
{
    (void)state;
    mcr_event ev = { 0 };
    mcr_buf out = { 0 };
    mcr_key_event(&out, &ev, 0);
    assert_int_equal(out.len, 0);
    mcr_key_event(&out, &ev, '|');
    assert_string_equal(mcr_buf_cstr(&out), "||||||||||");
    mcr_buf_fini(&out);
}

static void fields_of_every_length_are_whole(void **state)
{
    (void)state;
    char bytes[100];
    for (int i = 0; i < 100; i++)
        bytes[i] = (char)(' ' + i);
    for (uint32_t len = 0; len <= 100; len++) {
        mcr_event ev = { .source = { .component = mcr_str_n(bytes, len), .host = MCR_STR("|") } };
        mcr_buf out = { 0 };
        mcr_key_spam(&out, &ev, 0);
        assert_int_equal(out.len, len + 1);
        assert_memory_equal(out.ptr, bytes, len);
        assert_int_equal(out.ptr[len], '|');
        mcr_buf_fini(&out);
    }
}

static void equal_bytes_have_equal_hashes(void **state)
{
    (void)state;
    mcr_buf room = { 0 };
    char copy[] = "key";
    mcr_key a = mcr_key_of(MCR_STR("key"), 0, &room);
    mcr_key b = mcr_key_of(mcr_str_of(copy), 0, &room);
    mcr_key c = mcr_key_of(MCR_STR("kez"), 0, &room);
    assert_true(a.hash == b.hash && a.hash != c.hash);
    assert_null(room.ptr);
    mcr_key empty = mcr_key_of((mcr_str){ 0 }, 32, &room);
    assert_int_equal(empty.bytes.len, 0);
}

static void long_keys_are_cut_and_stay_different(void **state)
{
    (void)state;
    char bytes[201];
    memset(bytes, 'x', sizeof bytes);
    mcr_buf room = { 0 }, other = { 0 };
    mcr_key exact = mcr_key_of(mcr_str_n(bytes, 200), 200, &room);
    assert_ptr_equal(exact.bytes.ptr, bytes);
    mcr_key cut = mcr_key_of(mcr_str_n(bytes, 201), 200, &room);
    assert_int_equal(cut.bytes.len, 200);
    assert_memory_equal(cut.bytes.ptr, bytes, 184);
    bytes[200] = 'y';
    mcr_key differs = mcr_key_of(mcr_str_n(bytes, 201), 200, &other);
    assert_int_equal(differs.bytes.len, 200);
    assert_false(mcr_str_eq(cut.bytes, differs.bytes));
    assert_true(cut.hash != differs.hash);
    bytes[200] = 'x';
    differs = mcr_key_of(mcr_str_n(bytes, 201), 200, &other);
    assert_true(mcr_str_eq(cut.bytes, differs.bytes));
    assert_true(cut.hash == differs.hash);
    mcr_buf_fini(&room);
    mcr_buf_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_in_client_gos_order),
        cmocka_unit_test(empty_fields_leave_only_separators),
        cmocka_unit_test(fields_of_every_length_are_whole),
        cmocka_unit_test(equal_bytes_have_equal_hashes),
        cmocka_unit_test(long_keys_are_cut_and_stay_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
