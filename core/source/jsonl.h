#pragma once
// The source kind "jsonl": JSON Lines, watch streams, lists and documents over many lines
// (event/framing.h) from standard input, a pipe, a file, or a file that grows.
//
// - Reads 64 KiB at a time on the loop: a regular file whenever the loop has nothing else to do
//   first, anything else when it is readable. Standard input's flags are left alone: other programs
//   share it.
// - gzip is recognised by its first two bytes, in files and on standard input.
// - With `follow` (source/follow.h) it never ends by itself.
// - The lines and byte offsets of its messages count from where reading began in the current file:
//   from its start, unless `from = "end"`.
// - What was read ahead and not yet taken when the source is stopped is not counted as received.

#include "source/source.h"

typedef struct mcr_jsonl_options {
    const char *path; // "-": standard input
    bool follow;
    int on_full; // 0: wait, 1: drop
    int from;    // 0: start, 1: end
} mcr_jsonl_options;

extern const mcr_source_kind mcr_jsonl_kind;
