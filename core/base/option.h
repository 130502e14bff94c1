#pragma once
// Options as data: one table says which keys a part takes, of what type, and where they go. The
// configuration reader, `check` and the documentation all read the same table.
//
//     struct file_options { const char *path; int64_t fsync; };
//     static const mcr_option file_option_list[] = {
//         { "path", MCR_OPTION_STRING, offsetof(struct file_options, path), NULL, "where to write"
//         }, { NULL },
//     };

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

typedef enum mcr_option_type {
    MCR_OPTION_STRING,   // const char *, owned by the options struct (mcr_options_fini frees it)
    MCR_OPTION_BOOL,     // bool
    MCR_OPTION_INT,      // int64_t, 0 or more
    MCR_OPTION_DURATION, // int64_t nanoseconds; written "10s" or as seconds
    MCR_OPTION_SIZE,     // int64_t bytes; written "4MiB" or as bytes
    MCR_OPTION_CHOICE    // int, the index into `choices`
} mcr_option_type;

typedef struct mcr_option {
    const char *name; // NULL ends a list
    mcr_option_type type;
    size_t offset;
    const char *choices; // for MCR_OPTION_CHOICE: "drop|wait"
    const char *doc;     // a phrase
} mcr_option;

// The value of an option as configuration gives it.
typedef struct mcr_option_value {
    enum {
        MCR_VALUE_STRING,
        MCR_VALUE_NUMBER,
        MCR_VALUE_BOOL,
        MCR_VALUE_OTHER
    } kind;
    const char *string;
    double number;
    bool boolean;
} mcr_option_value;

// mcr_option_set stores `value` under `name` into the struct at `options`. MCR_ECONFIG with a
// sentence (unknown key with a suggestion, wrong type, choices that exist) when it cannot.
mcr_err mcr_option_set(void *options, const mcr_option *list, const char *name,
                       const mcr_option_value *value, mcr_errbuf *err);

// mcr_options_fini frees the strings of the options struct.
void mcr_options_fini(void *options, const mcr_option *list);

// mcr_options_describe appends one indented line per option that is set: "  path      out.jsonl".
void mcr_options_describe(mcr_buf *out, const void *options, const mcr_option *list);
