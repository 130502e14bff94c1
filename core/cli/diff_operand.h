#pragma once
// OLD and NEW of `diff`: what each of them is, and the configurations to be compared.
//
// A folder with a mooncrier.lua is that configuration, any other folder the scripts in it and below
// it (but specs, *_spec.lua); a file is a configuration or a script by what it returns. Scripts get
// a watcher of their own, for which every name is a sink.

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/generation.h"

// Two configurations of which the same is expected.
typedef struct mcr_diff_pair {
    char *name;          // of the script; NULL: of configurations
    mcr_generation *old; // both read, not loaded; NULL: there is none
    mcr_generation *new;
    bool open_sinks; // they are scripts alone
    bool bodies;     // what sinks would be sent may differ
} mcr_diff_pair;

typedef struct mcr_diff_pairs {
    mcr_diff_pair *at;
    size_t n;
} mcr_diff_pairs;

// mcr_diff_pairs_read reads both. MCR_EINVAL when they are not of one kind, else MCR_ECONFIG,
// MCR_ESCRIPT or MCR_EIO, with a sentence.
mcr_err mcr_diff_pairs_read(mcr_diff_pairs *pairs, const char *old, const char *new,
                            mcr_errbuf *err);

// mcr_diff_pairs_fini frees what was not taken out (by setting it NULL).
void mcr_diff_pairs_fini(mcr_diff_pairs *pairs);
