#pragma once
// Stacks of a profile, as lines "outer;inner;innermost 42", put together: as a flame graph, and as
// a list of where the time goes.
//
// The innermost frame of a stack is what the machine did ("[jit]"); it has a place in the graph,
// but is not what a row of the list is about.

#include <stdint.h>

#include "base/buf.h"

typedef struct mcr_flame mcr_flame;

mcr_flame *mcr_flame_new(void);
void mcr_flame_free(mcr_flame *flame);

// mcr_flame_add adds the stacks below `root` (NULL: as they are). A line without a number is left
// out.
void mcr_flame_add(mcr_flame *flame, const char *root, const char *stacks);

uint64_t mcr_flame_samples(const mcr_flame *flame);

// mcr_flame_write_svg appends a drawing: below each frame what it called, as wide as its share of
// the samples; the text of each is shown when the pointer rests on it. What is too narrow to be
// seen is left out. `title` and `below` stand above it.
void mcr_flame_write_svg(mcr_buf *out, const mcr_flame *flame, const char *title,
                         const char *below);

// mcr_flame_write_text appends what the machine did, then the `rows` frames in which most time was
// spent themselves: their share without and with what they called.
void mcr_flame_write_text(mcr_buf *out, const mcr_flame *flame, uint32_t rows);
