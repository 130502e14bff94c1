#pragma once
// The `shared` table of scripts: strings, numbers and booleans under string keys, seen by the
// scripts of all watchers, with an optional life time. Bounded by MCR_SHARED_KEYS keys and
// MCR_SHARED_BYTES of keys and strings: what is past its time makes room first; when nothing is, a
// new key is refused. Any thread: every call takes the one lock.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    MCR_SHARED_KEYS = 65536,
    MCR_SHARED_BYTES = 64 * 1024 * 1024,
    MCR_SHARED_SHOWN = 4096
};

typedef struct mcr_shared mcr_shared;

typedef struct mcr_shared_value {
    enum {
        MCR_SHARED_NONE,
        MCR_SHARED_NUMBER,
        MCR_SHARED_STRING,
        MCR_SHARED_BOOL
    } kind;
    double number;
    bool boolean;
    char *string; // on its way out: the caller frees it
    uint32_t len;
} mcr_shared_value;

mcr_shared *mcr_shared_new(void);
void mcr_shared_free(mcr_shared *shared);

// mcr_shared_get reads a copy of the value; kind is MCR_SHARED_NONE when absent or past its time.
// Times are Unix seconds.
mcr_shared_value mcr_shared_get(mcr_shared *shared, mcr_str key, double now);

// mcr_shared_set stores a value (its string is borrowed; MCR_SHARED_NONE deletes) until `expires`
// (0: for ever). False: the table is full.
bool mcr_shared_set(mcr_shared *shared, mcr_str key, const mcr_shared_value *value, double now,
                    double expires);

// mcr_shared_add adds `n` to a number (absent counts as 0) in one step and gives the result. An
// existing key keeps its expiry. False: the value is no number, or the table is full.
bool mcr_shared_add(mcr_shared *shared, mcr_str key, double n, double now, double expires,
                    double *result);

// mcr_shared_write appends what is in the table as JSON, keys in order, strings cut after
// MCR_SHARED_SHOWN bytes, until `most` bytes are written:
//
//     {"values":{"a":1,"b":true,"c":"text"},"keys":3,"left_out":0}
//
// Scripts that want the table wait meanwhile.
void mcr_shared_write(mcr_shared *shared, mcr_buf *out, size_t most, double now);
