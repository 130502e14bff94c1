// cli/args.h: reading flags, help from the table, and what a mistake is told.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/args.h"

typedef struct options {
    const char *output;
    const char *script;
    int verbose;
    int quiet;
    mcr_flag_texts labels;
} options;

enum {
    WORDS_MAX = 8
};

typedef struct parsed {
    mcr_args_result result;
    options opt;
    mcr_args args;
    char said[4096]; // on stdout and stderr
} parsed;

static const char about[] = "Do a thing.";

// Parses "eval" followed by `words`, catching what is printed.
static void parse(const char *const *words, parsed *out)
{
    static char *argv[WORDS_MAX + 1];
    int argc = 1;
    argv[0] = (char *)(uintptr_t) "eval";
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    *out = (parsed){ .opt = { .output = "json" } };
    const mcr_flag flags[] = {
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &out->opt.output, "how events are written" },
        { "script", 0, "FILE", MCR_FLAG_TEXT, &out->opt.script, "a script" },
        { "label", 'l', "TEXT", MCR_FLAG_TEXTS, &out->opt.labels, "a label" },
        MCR_FLAG_VERBOSE(&out->opt.verbose),
        MCR_FLAG_QUIET(&out->opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "eval", "[flags] EXPRESSION [FILE…]", about, "  # example\n  eval 1",
                              flags };
    FILE *catch = tmpfile();
    assert_non_null(catch);
    fflush(stdout);
    fflush(stderr);
    int old_out = dup(STDOUT_FILENO), old_err = dup(STDERR_FILENO);
    dup2(fileno(catch), STDOUT_FILENO);
    dup2(fileno(catch), STDERR_FILENO);
    out->result = mcr_args_parse(&usage, argc, argv, &out->args);
    fflush(stdout);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    close(old_out);
    close(old_err);
    rewind(catch);
    out->said[fread(out->said, 1, sizeof out->said - 1, catch)] = '\0';
    fclose(catch);
}

typedef struct good {
    const char *words[WORDS_MAX];
    const char *output;
    const char *script;
    int verbose;
    const char *operands; // joined with '|'
} good;

static const good goods[] = {
    { { NULL }, "json", NULL, 0, "" },
    { { "-o", "wide" }, "wide", NULL, 0, "" },
    { { "-owide" }, "wide", NULL, 0, "" },
    { { "-o=wide" }, "wide", NULL, 0, "" },
    { { "--output", "wide" }, "wide", NULL, 0, "" },
    { { "--output=wide" }, "wide", NULL, 0, "" },
    { { "--output=a=b" }, "a=b", NULL, 0, "" },
    { { "--output=" }, "", NULL, 0, "" },
    { { "-o", "one", "-o", "two" }, "two", NULL, 0, "" },
    { { "-vv", "--verbose" }, "json", NULL, 3, "" },
    { { "-vowide" }, "wide", NULL, 1, "" },
    { { "-vo", "wide" }, "wide", NULL, 1, "" },
    { { "a", "-v", "b", "--script", "s.lua", "c" }, "json", "s.lua", 1, "a|b|c" },
    { { "a", "--", "-v", "--nope" }, "json", NULL, 0, "a|-v|--nope" },
    { { "-", "a" }, "json", NULL, 0, "-|a" },
    { { "-o", "-" }, "-", NULL, 0, "" },
};

static void test_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        parsed p;
        parse(goods[i].words, &p);
        assert_int_equal(p.result, MCR_ARGS_RUN);
        assert_string_equal(p.said, "");
        assert_string_equal(p.opt.output, goods[i].output);
        assert_string_equal(p.opt.script ? p.opt.script : "",
                            goods[i].script ? goods[i].script : "");
        assert_int_equal(p.opt.verbose, goods[i].verbose);
        char operands[256] = "";
        for (int k = 0; k < p.args.n; k++) {
            strcat(operands, k ? "|" : "");
            strcat(operands, p.args.operands[k]);
        }
        assert_string_equal(operands, goods[i].operands);
    }
}

typedef struct bad {
    const char *words[WORDS_MAX];
    const char *said; // the first line
} bad;

static const bad bads[] = {
    { { "--ouput", "x" }, "unknown flag --ouput, did you mean --output?" },
    { { "--OUTPUT=x" }, "unknown flag --OUTPUT, did you mean --output?" },
    { { "--hlep" }, "unknown flag --hlep, did you mean --help?" },
    { { "--frobnicate" }, "unknown flag --frobnicate" },
    { { "-x" }, "unknown flag -x in '-x'" },
    { { "-vx" }, "unknown flag -x in '-vx'" },
    { { "--output" }, "--output needs a value: FORMAT" },
    { { "-o" }, "-o needs a value: FORMAT" },
    { { "--verbose=1" }, "--verbose takes no value" },
};

static void test_many_texts(void **state)
{
    (void)state;
    parsed p;
    parse((const char *const[WORDS_MAX]){ "-l", "a", "x", "--label=b", "-lc" }, &p);
    assert_int_equal(p.result, MCR_ARGS_RUN);
    assert_int_equal(p.opt.labels.n, 3);
    assert_string_equal(p.opt.labels.at[0], "a");
    assert_string_equal(p.opt.labels.at[1], "b");
    assert_string_equal(p.opt.labels.at[2], "c");
    free((void *)p.opt.labels.at);
}

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        parsed p;
        char expected[512];
        parse(bads[i].words, &p);
        assert_int_equal(p.result, MCR_ARGS_EXIT);
        assert_int_equal(p.args.exit_code, MCR_EXIT_USAGE);
        snprintf(expected, sizeof expected,
                 "mooncrier eval: %s\nUsage: mooncrier eval [flags] EXPRESSION [FILE…]\n"
                 "See 'mooncrier eval --help'.\n",
                 bads[i].said);
        assert_string_equal(p.said, expected);
    }
}

static void test_help(void **state)
{
    (void)state;
    static const char *const ways[][WORDS_MAX] = {
        { "--help" }, { "-h" }, { "-vh" }, { "a", "-h" }
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        parsed p;
        parse(ways[i], &p);
        assert_int_equal(p.result, MCR_ARGS_EXIT);
        assert_int_equal(p.args.exit_code, MCR_EXIT_OK);
        assert_string_equal(p.said,
                            "Do a thing.\n\n"
                            "Examples:\n  # example\n  eval 1\n\n"
                            "Flags:\n"
                            "  -o, --output FORMAT  how events are written\n"
                            "      --script FILE    a script\n"
                            "  -l, --label TEXT     a label\n"
                            "  -v, --verbose        say more on stderr; may be repeated\n"
                            "  -q, --quiet          warnings and errors only; -qq: errors only\n"
                            "  -h, --help           print this help\n"
                            "\nUsage:\n  mooncrier eval [flags] EXPRESSION [FILE…]\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests_name("cli/args", tests, NULL, NULL);
}
