#pragma once
// Options as data: one table says which keys a part takes, of what type, and where they go. The
// configuration reader, `check` and the documentation all read the same table.
//
//     struct file_options { const char *path; int64_t fsync; };
//     static const mcr_option file_option_list[] = {
//         { "path", MCR_OPTION_STRING, offsetof(struct file_options, path), NULL, "where to write"
//         }, { NULL },
//     };
//
// A name with dots is a table in the configuration: "retry.attempts" is set by
// `retry = { attempts = 5 }`.

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
    MCR_OPTION_CHOICE,   // int, the index into `choices`
    MCR_OPTION_NUMBER,   // double, 0 or more
    MCR_OPTION_RATE,     // double, a second; written "10/s", "30/m", "5/h" or as a number
    MCR_OPTION_SECRET,   // as MCR_OPTION_STRING, never shown
    MCR_OPTION_URL,      // as MCR_OPTION_STRING, shown as scheme and host: the rest may be secret
    MCR_OPTION_LIST,     // mcr_option_list; written { "a", 408 }, or as one item
    MCR_OPTION_MAP,      // mcr_option_map; written { name = "text" }; only its names are shown
    MCR_OPTION_ALIAS     // another name of the option that `choices` names; never shown
} mcr_option_type;

// The items of an MCR_OPTION_LIST in their order, numbers as text.
typedef struct mcr_option_list {
    char **items;
    size_t n;
} mcr_option_list;

// An MCR_OPTION_MAP, sorted by name.
typedef struct mcr_option_entry {
    char *name;
    char *value;
} mcr_option_entry;

typedef struct mcr_option_map {
    mcr_option_entry *entries;
    size_t n;
} mcr_option_map;

typedef struct mcr_option {
    const char *name; // NULL ends a list
    mcr_option_type type;
    size_t offset;
    const char *choices; // for MCR_OPTION_CHOICE: "drop|wait"; for MCR_OPTION_ALIAS: the name
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

// mcr_option_set stores `value` under `name` into the struct at `options`; an MCR_OPTION_LIST gets
// one item more, an entry of the MCR_OPTION_MAP "headers" is named "headers.X-Scope". MCR_ECONFIG
// with a sentence (unknown key with a suggestion, wrong type, choices that exist) when it cannot.
mcr_err mcr_option_set(void *options, const mcr_option *list, const char *name,
                       const mcr_option_value *value, mcr_errbuf *err);

// mcr_option_find returns the row called `name` (of a map: its name, or that of an entry), NULL
// when there is none; of an alias its own row.
const mcr_option *mcr_option_find(const mcr_option *list, const char *name);

// mcr_option_map_get returns the value under `name`, NULL when there is none.
const char *mcr_option_map_get(const mcr_option_map *map, const char *name);

// mcr_options_fini frees the strings of the options struct.
void mcr_options_fini(void *options, const mcr_option *list);

// mcr_options_equal says whether two options structs of the list say the same.
bool mcr_options_equal(const void *a, const void *b, const mcr_option *list);

// mcr_options_describe appends one indented line per option that is set: "  path      out.jsonl".
// Secrets are told to be there, no more; a duration or rate of 0 is "none".
void mcr_options_describe(mcr_buf *out, const void *options, const mcr_option *list);
