#pragma once
// The command line as data: a command says in one table which flags it takes; parsing, `--help` and
// "did you mean" all read that table.
//
//     struct { const char *output; int verbose; } opt = { .output = "json" };
//     const mcr_flag flags[] = {
//         { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "how events are written" },
//         { "verbose", 'v', NULL, MCR_FLAG_COUNT, &opt.verbose, "say more; may be repeated" },
//         { 0 },
//     };
//     const mcr_usage usage = { .command = "eval", .synopsis = "[flags] EXPRESSION [FILE…]", … };
//     switch (mcr_args_parse(&usage, argc, argv, &args)) …
//
// Accepted as kubectl does: -o json, -ojson, -o=json, --output json, --output=json, -vv, flags and
// operands in any order, `--` before operands that begin with a dash. A lone "-" is an operand.

#include <stddef.h>

#include "base/buf.h"
#include "daemon/exit_code.h"

typedef enum mcr_flag_type {
    MCR_FLAG_TEXT,  // const char *: the argument, borrowed from argv; the last one wins
    MCR_FLAG_TEXTS, // mcr_flag_texts: the arguments of all of them
    MCR_FLAG_COUNT, // int: how many times the flag was given
    MCR_FLAG_HELP   // nothing is stored
} mcr_flag_type;

// The arguments of an MCR_FLAG_TEXTS, in order. The array is to be freed by its owner, whatever
// came of the parsing.
typedef struct mcr_flag_texts {
    const char **at;
    size_t n;
} mcr_flag_texts;

typedef struct mcr_flag {
    const char *name; // without dashes; NULL ends a table
    char letter;      // 0: none
    const char *arg;  // what its argument is called; NULL: it takes none
    mcr_flag_type type;
    void *to;
    const char *doc; // a phrase
} mcr_flag;

typedef struct mcr_usage {
    const char *command;   // "eval"
    const char *synopsis;  // "[flags] EXPRESSION [FILE…]"
    const char *about;     // a paragraph or two, lines broken; no newline at the end
    const char *examples;  // indented lines with '#' comments; NULL: none
    const mcr_flag *flags; // --help is understood without being listed
} mcr_usage;

typedef struct mcr_args {
    char **operands; // what is no flag, in order; the array is `argv`, permuted
    int n;
    int exit_code; // with MCR_ARGS_EXIT
} mcr_args;

typedef enum mcr_args_result {
    MCR_ARGS_RUN, // go on
    MCR_ARGS_EXIT // --help was printed on stdout, or a mistake on stderr: return args->exit_code
} mcr_args_result;

// mcr_args_parse reads argv[1 … argc) into the flags' variables. Operands stay in `argv`.
mcr_args_result mcr_args_parse(const mcr_usage *usage, int argc, char **argv, mcr_args *args);

// mcr_args_help appends the text of `--help`.
void mcr_args_help(mcr_buf *out, const mcr_usage *usage);

// mcr_args_usage_error prints "mooncrier eval: …" and where help is, on stderr; returns
// MCR_EXIT_USAGE. For operands that are missing or wrong.
int mcr_args_usage_error(const mcr_usage *usage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// mcr_args_log_level sets the level of base/log.h from how often -v and -q were given.
void mcr_args_log_level(int verbose, int quiet);

// The flags that many commands share, for a command's own table.
#define MCR_FLAG_VERBOSE(to)                                                                       \
    {                                                                                              \
        "verbose", 'v', NULL, MCR_FLAG_COUNT, (to), "say more on stderr; may be repeated"          \
    }
#define MCR_FLAG_QUIET(to)                                                                         \
    {                                                                                              \
        "quiet", 'q', NULL, MCR_FLAG_COUNT, (to), "warnings and errors only; -qq: errors only"     \
    }
#define MCR_FLAG_CONFIG(to)                                                                        \
    {                                                                                              \
        "config", 'c', "FILE", MCR_FLAG_TEXT, (to),                                                \
            "configuration (default ./mooncrier.lua, /etc/mooncrier/mooncrier.lua)"                \
    }
#define MCR_FLAG_SOCKET(to)                                                                        \
    {                                                                                              \
        "socket", 's', "PATH", MCR_FLAG_TEXT, (to),                                                \
            "the control socket (default: that of the program that runs the configuration)"        \
    }
