#pragma once
// What the decoder's tests share.

#include <stdlib.h>

#include "event/decode.h"

// The text of a literal, NULs included.
#define TEXT(literal) literal, sizeof(literal) - 1

// Decodes a copy that is exactly as large as the text, so that reading past it is seen.
static inline mcr_decoded decode_exactly(mcr_decoder *d, const char *text, size_t len,
                                         unsigned flags, mcr_event **ev, mcr_decode_error *err)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    *ev = NULL;
    mcr_decoded kind = mcr_decode(d, mcr_str_n(copy, len), flags, ev, err);
    free(copy);
    return kind;
}

static inline const char *kind_name(mcr_decoded kind)
{
    static const char *const names[] = { "EVENT", "CONTROL", "LIST", "INCOMPLETE", "MALFORMED" };
    return names[kind];
}
