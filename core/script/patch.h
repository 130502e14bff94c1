#pragma once
// event:with for plain changes (strings, numbers, booleans under top-level names), built by FFI
// calls so that handlers which change events stay compiled. Everything else goes through the JSON
// writer.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/decode.h"

enum {
    MCR_PATCH_MEMBERS = 32
};

// Where a member's parts are, in the two texts.
typedef struct mcr_patch_member {
    uint32_t at; // in json: "name":value
    uint32_t len;
    uint32_t value; // where the value begins
    uint32_t key;   // in plain: the name
    uint32_t key_len;
    uint32_t text; // in plain: a string
    uint32_t text_len;
    bool is_text;
    double number; // NaN when it is none
} mcr_patch_member;

typedef struct mcr_patch {
    mcr_buf json;  // the members one after the other
    mcr_buf plain; // their names and strings, unescaped
    mcr_patch_member member[MCR_PATCH_MEMBERS];
    uint32_t n;
} mcr_patch;

void mcr_patch_fini(mcr_patch *p);
void mcr_patch_begin(mcr_patch *p);

// The three add a member. False: there are too many, or JSON has no such number.
bool mcr_patch_string(mcr_patch *p, mcr_str key, mcr_str value);
bool mcr_patch_number(mcr_patch *p, mcr_str key, double value);
bool mcr_patch_boolean(mcr_patch *p, mcr_str key, bool value);

// mcr_patch_write appends the object, members sorted by name.
void mcr_patch_write(const mcr_patch *p, mcr_buf *out);

// mcr_patch_apply makes the changed event, by event/splice.h or else by event/merge.h. NULL with a
// sentence in `err`.
mcr_event *mcr_patch_apply(const mcr_patch *p, mcr_decoder *d, const mcr_event *ev,
                           mcr_errbuf *err);
