#pragma once
// What `diff` prints.

#include "rehearse/differences.h"

typedef struct mcr_diff_result {
    uint64_t events;
    uint64_t changed;     // how many of them are treated differently
    bool differs;         // anything
    char *const *sources; // names of the inputs, by mcr_difference_example.source
    size_t source_n;
    const mcr_differences *differences; // sorted
} mcr_diff_result;

// mcr_diff_text appends it for people, mcr_diff_json as one JSON object and a newline.
void mcr_diff_text(mcr_buf *out, const mcr_diff_result *r);
void mcr_diff_json(mcr_buf *out, const mcr_diff_result *r);
