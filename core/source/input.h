#pragma once
// Input: the bytes at a path as they come, decompressed. Standard input, a pipe, a file, or a file
// that is followed (source/follow.h); gzip is recognised by its first two bytes. Loop thread only.
//
//     in = mcr_input_open(loop, &options, ready, arg, &err);
//     for (;;) {
//         if (mcr_input_is_dry(in)) { mcr_input_await(in); … return until ready(arg) … }
//         switch (mcr_input_read(in, out, sizeof out, &got, &err)) …
//     }
//
// A read never blocks, and standard input's flags are left alone: other programs share it.

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct mcr_input mcr_input;

typedef struct mcr_input_options {
    const char *path; // "-": standard input
    bool follow;
    bool from_end; // with follow
} mcr_input_options;

typedef enum mcr_input_result {
    MCR_INPUT_BYTES,   // *got bytes were read
    MCR_INPUT_NOTHING, // none this time
    MCR_INPUT_NEXT,    // the file followed has ended: the next read begins another one
    MCR_INPUT_END,     // there is no more
    MCR_INPUT_FAILED   // it cannot go on; `err` is a phrase that says why
} mcr_input_result;

// mcr_input_open opens the path; one that is followed need not exist. NULL with a sentence in
// `err`.
mcr_input *mcr_input_open(struct ev_loop *loop, const mcr_input_options *options,
                          void (*ready)(void *arg), void *arg, mcr_errbuf *err);
void mcr_input_close(mcr_input *in);

// mcr_input_is_dry says that a read would give nothing until `ready` was called. A regular file is
// never dry.
bool mcr_input_is_dry(const mcr_input *in);

// mcr_input_await has `ready` called once, from the loop, when the input is dry no longer;
// mcr_input_ignore takes that back.
void mcr_input_await(mcr_input *in);
void mcr_input_ignore(mcr_input *in);

// mcr_input_read reads up to `size` (2 or more) bytes.
mcr_input_result mcr_input_read(mcr_input *in, char *out, size_t size, size_t *got,
                                mcr_errbuf *err);

// mcr_input_read_rest is mcr_input_read for what was taken from the descriptor before: BYTES, and
// in the end END.
mcr_input_result mcr_input_read_rest(mcr_input *in, char *out, size_t size, size_t *got);

// mcr_input_progress: bytes taken of bytes known (0: unknown), before decompression.
void mcr_input_progress(const mcr_input *in, uint64_t *done, uint64_t *total);
