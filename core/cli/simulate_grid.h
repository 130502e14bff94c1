#pragma once
// The settings that `simulate` tries: every combination of the values of its --grid flags, over a
// setting to begin with. Options have their names and types from the configuration's `correlate`.

#include <stddef.h>

#include "base/err.h"
#include "cli/args.h"
#include "config/config_correlate.h"
#include "rehearse/simulation.h"

enum {
    MCR_GRID_AXES = 8 // as many as there are options, and one to spare
};

typedef struct mcr_grid_axis {
    const mcr_option *option;
    char **values; // as they were given
    size_t n;
} mcr_grid_axis;

// Setting i has of the last axis value i % n, and so on: the last axis changes fastest.
typedef struct mcr_grid {
    mcr_grid_axis axes[MCR_GRID_AXES];
    size_t axis_n;
    size_t n; // settings; 1 without axes
    mcr_correlator_options settings[MCR_SIMULATION_SETTINGS];
} mcr_grid;

// mcr_grid_read makes the settings of the flags' texts ("burst_size=5,25,100") over `base`.
// MCR_EINVAL, a sentence that begins with what was given: an unknown option or a value that it
// cannot have, options that do not go together, an option said twice, too many settings. `g` is to
// be freed (mcr_grid_fini) in any case.
mcr_err mcr_grid_read(mcr_grid *g, const mcr_flag_texts *texts, const mcr_correlator_options *base,
                      mcr_errbuf *err);
void mcr_grid_fini(mcr_grid *g);

// mcr_grid_value is the value of axis `a` in setting `i`: its place in the axis.
size_t mcr_grid_value(const mcr_grid *g, size_t a, size_t i);

// mcr_grid_label appends "burst_size=5, max_events=10" of setting `i`, without axis `without`
// (axis_n: with all).
void mcr_grid_label(mcr_buf *out, const mcr_grid *g, size_t i, size_t without);
