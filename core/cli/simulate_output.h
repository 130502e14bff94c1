#pragma once
// What `simulate` prints, and draws: one row for each setting of the grid.

#include "cli/simulate_grid.h"
#include "rehearse/simulation.h"

// mcr_simulate_table appends aligned columns, mcr_simulate_csv comma-separated values with a line
// of titles, and mcr_simulate_json one JSON object; in the latter two, times are in seconds.
void mcr_simulate_table(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s);
void mcr_simulate_csv(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s);
void mcr_simulate_json(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s);

// mcr_simulate_plot appends an SVG: a panel for each measure, the values of the first grid from
// left to right, a line for each combination of the others. `subtitle` says what was read.
void mcr_simulate_plot(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s,
                       const char *subtitle);
