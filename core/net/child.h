#pragma once
// A program run on a libev loop: what it writes to standard output is collected, and nobody waits
// for it by blocking. Standard input is /dev/null, standard error ours. It gets no other
// descriptor, no blocked signal, default signal handlers, and a group of its own.

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ev_loop;

typedef struct mcr_child mcr_child;

typedef struct mcr_child_result {
    const char *error; // NULL: it ended with status 0. Else "ended with status 1", …
    mcr_str output;
} mcr_child_result;

typedef struct mcr_child_options {
    char *const *argv;  // NULL-terminated; [0] is searched for in $PATH unless it has a slash
    char *const *envp;  // the whole environment, NULL-terminated
    size_t output_max;  // bytes; what writes more is killed
    int64_t timeout_ns; // then it is killed
    void (*done)(void *self, const mcr_child_result *result); // from the loop; once
    void *self;
} mcr_child_options;

// mcr_child_start runs the program. The child frees itself after `done`. NULL when it cannot be
// started: a phrase in `err`, and *errnum as posix_spawnp(3) gave it.
mcr_child *mcr_child_start(struct ev_loop *loop, const mcr_child_options *options, int *errnum,
                           mcr_errbuf *err);

// mcr_child_stop kills its group and frees it; `done` is not called.
void mcr_child_stop(mcr_child *child);
