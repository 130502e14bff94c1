#pragma once
// What was done to fill a state with its scripts, so that it can be done again in a new one.

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "script/grants.h"

// One script that was loaded.
typedef struct mcr_recipe_step {
    const char *how; // the function of lua/mooncrier/scripts.lua; a literal
    char *sink;      // for "load_renderer": whose; else NULL
    mcr_buf source;  // a path, or the text itself
    char *name;
    mcr_buf params; // as scripts.pack gives them
    mcr_grants grants;
    int64_t deadline; // ns
} mcr_recipe_step;

// Zero-initialised is empty.
typedef struct mcr_recipe {
    mcr_recipe_step *steps;
    size_t n;
    char **sinks; // names that set_sinks was given
    uint32_t sink_n;
} mcr_recipe;

// mcr_recipe_add copies everything but `how`; the step is valid until the next one is added.
mcr_recipe_step *mcr_recipe_add(mcr_recipe *r, const char *how, const char *sink, mcr_str source,
                                const char *name);

// mcr_recipe_set_sinks copies the names.
void mcr_recipe_set_sinks(mcr_recipe *r, const char *const *names, uint32_t n);

void mcr_recipe_fini(mcr_recipe *r);
