// source/inflate.h: gzip as a stream, cut anywhere.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/gzip.h"
#include "source/inflate.h"

// Inflates `in`, given `step` bytes at a time and taken `take` at a time.
static mcr_inflate *inflate_all(const mcr_buf *in, size_t step, size_t take, mcr_buf *out,
                                const char **error)
{
    mcr_inflate *z = mcr_inflate_new();
    *error = NULL;
    for (size_t at = 0; at < in->len && !*error;) {
        size_t room, n = in->len - at < step ? in->len - at : step, got;
        memcpy(mcr_inflate_room(z, &room), in->ptr + at, n);
        assert_true(room >= 65536);
        mcr_inflate_feed(z, n);
        at += n;
        while ((got = mcr_inflate_read(z, mcr_buf_reserve(out, take), take, error)))
            out->len += got;
    }
    return z;
}

static void append_text(mcr_buf *out, size_t lines)
{
    for (size_t i = 0; i < lines; i++)
        mcr_buf_printf(out, "{\"line\":%zu}\n", i * 7919 % 1000);
}

static void test_steps(void **state)
{
    (void)state;
    static const size_t steps[] = { 1, 2, 7, 1000, 65536 };
    mcr_buf text = { 0 }, packed = { 0 };
    append_text(&text, 3000);
    gzip_append(&packed, text.ptr, 10000);
    gzip_append(&packed, "", 0); // an empty member
    gzip_append(&packed, text.ptr + 10000, text.len - 10000);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            mcr_buf out = { 0 };
            const char *error;
            mcr_inflate *z = inflate_all(&packed, steps[i], steps[k], &out, &error);
            assert_null(error);
            assert_int_equal(out.len, text.len);
            assert_memory_equal(out.ptr, text.ptr, text.len);
            assert_true(mcr_inflate_is_whole(z));
            mcr_inflate_free(z);
            mcr_buf_fini(&out);
        }
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
}

// Cut off anywhere, it is not whole; what came before the cut was given out.
static void test_cut_off(void **state)
{
    (void)state;
    mcr_buf text = { 0 }, packed = { 0 };
    append_text(&text, 20);
    gzip_append(&packed, text.ptr, text.len);
    for (size_t len = 1; len < packed.len; len++) {
        mcr_buf cut = { .ptr = packed.ptr, .len = len }, out = { 0 };
        const char *error;
        mcr_inflate *z = inflate_all(&cut, 3, 64, &out, &error);
        assert_null(error);
        assert_false(mcr_inflate_is_whole(z));
        assert_true(out.len <= text.len);
        if (out.len)
            assert_memory_equal(out.ptr, text.ptr, out.len);
        mcr_inflate_free(z);
        mcr_buf_fini(&out);
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
}

typedef struct trailing {
    const char *bytes;
    size_t len;
    const char *error;
} trailing;

static void test_trailing_bytes(void **state)
{
    (void)state;
    static const char garbage[] = "there are bytes behind the compressed content that are no gzip";
    static const trailing cases[] = {
        { "\0\0\0\0\0", 5, NULL },
        { "{}\n", 3, garbage },
        { "\0\0x", 3, garbage },
        { "\x1f\x8c", 2, "incorrect header check" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step < 100; step += 33) {
            mcr_buf packed = { 0 }, out = { 0 };
            const char *error;
            gzip_append(&packed, "{\"a\":1}\n", 8);
            mcr_buf_append(&packed, cases[i].bytes, cases[i].len);
            mcr_inflate *z = inflate_all(&packed, step, 64, &out, &error);
            assert_int_equal(out.len, 8);
            if (cases[i].error)
                assert_string_equal(error ? error : "none", cases[i].error);
            else
                assert_null(error);
            assert_int_equal(mcr_inflate_is_whole(z), !cases[i].error);
            mcr_inflate_free(z);
            mcr_buf_fini(&packed);
            mcr_buf_fini(&out);
        }
    }
}

// Every damaged byte of the content is found, by its code or by the checksum behind it.
static void test_damage(void **state)
{
    (void)state;
    enum {
        HEADER = 10
    };
    mcr_buf text = { 0 }, packed = { 0 };
    append_text(&text, 50);
    gzip_append(&packed, text.ptr, text.len);
    for (size_t at = HEADER; at < packed.len; at++) {
        mcr_buf out = { 0 };
        const char *error;
        packed.ptr[at] ^= 0x10;
        mcr_inflate *z = inflate_all(&packed, 65536, 64, &out, &error);
        packed.ptr[at] ^= 0x10;
        assert_true(error || !mcr_inflate_is_whole(z));
        mcr_inflate_free(z);
        mcr_buf_fini(&out);
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&packed);
}

static void test_recognised(void **state)
{
    (void)state;
    assert_true(mcr_inflate_is_gzip("\x1f\x8b", 2));
    assert_false(mcr_inflate_is_gzip("\x1f\x8b", 1));
    assert_false(mcr_inflate_is_gzip("\x1f\x8c", 2));
    assert_false(mcr_inflate_is_gzip("{\"", 2));
    assert_false(mcr_inflate_is_gzip("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),          cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_trailing_bytes), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_recognised),
    };
    return cmocka_run_group_tests_name("source/inflate", tests, NULL, NULL);
}
