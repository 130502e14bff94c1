#pragma once
// One argument under one verb of Go's fmt. Internal to mcr_go_sprintf.

#include "sink/go_sprintf.h"

typedef struct mcr_go_flags {
    bool width_present;
    bool precision_present;
    bool minus;
    bool plus;
    bool sharp;
    bool space;
    bool zero;
    bool sharp_v; // %#v
    int width;    // in code points; not negative
    int precision;
} mcr_go_flags;

// mcr_go_print_arg appends `arg` under `verb`, a code point.
void mcr_go_print_arg(mcr_buf *out, const mcr_go_flags *flags, const mcr_go_arg *arg, int32_t verb);

// mcr_go_type_name is Go's name of the type: "int".
const char *mcr_go_type_name(mcr_go_type type);

// mcr_go_rune appends a code point in UTF-8; what is none as U+FFFD.
void mcr_go_rune(mcr_buf *out, int64_t rune);
