#pragma once
// Reading checked values out of the configuration's Lua tables. Every function works on the table
// on top of the stack and leaves the stack as it was.

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/option.h"

typedef struct mcr_config_reader {
    lua_State *L;
    const char *path; // of the file
    const char *text; // of the file, NUL-terminated
    mcr_errbuf *err;
} mcr_config_reader;

// mcr_config_fail fills err with "path:line: message in where", the line being the one where `word`
// (a key or a value, NULL: no line) stands in that part of the file. Returns MCR_ECONFIG.
mcr_err mcr_config_fail(mcr_config_reader *r, const char *where, const char *word,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

// mcr_config_check_keys fails for a key that is not among `keys` (NULL-terminated).
mcr_err mcr_config_check_keys(mcr_config_reader *r, const char *where, const char *const *keys);

// mcr_config_options sets every key of the table but those in `others` (NULL-terminated) by the
// option list; tables in it are options with dots in their names, lists or maps (base/option.h).
mcr_err mcr_config_options(mcr_config_reader *r, const char *where, const mcr_option *list,
                           const char *const *others, void *options);

// mcr_config_string copies the string at `key` to *out (unchanged when absent).
mcr_err mcr_config_string(mcr_config_reader *r, const char *where, const char *key, char **out);

// mcr_config_open_table pushes the table at `key`; *found says whether there is one (else nothing
// is pushed).
mcr_err mcr_config_open_table(mcr_config_reader *r, const char *where, const char *key,
                              bool *found);

// mcr_config_open_list is mcr_config_open_table for a list: *n is how many items it has (0 when
// there is none), and a key that is no place in it is an error.
mcr_err mcr_config_open_list(mcr_config_reader *r, const char *where, const char *key, bool *found,
                             size_t *n);

// mcr_config_check_options fails with what the kind of the source or sink on top of the stack finds
// wrong with its options; `check` may be NULL.
mcr_err mcr_config_check_options(mcr_config_reader *r, const char *where,
                                 const char *(*check)(const void *options, mcr_errbuf *err),
                                 const void *options);

// mcr_config_unknown_kind fails since there is no `what` ("sink") of kind `kind`; `kinds` are those
// that there are.
mcr_err mcr_config_unknown_kind(mcr_config_reader *r, const char *where, const char *what,
                                const char *kind, const char *const *kinds, size_t n);
