#pragma once
// What the hooks of one watcher cost (script/hook_cost.h), its scripts' and those of its sinks that
// are scripts: taken on the thread of its host, written for `status` and metrics.

#include "base/buf.h"
#include "broadcast/watcher.h"
#include "script/script.h"

typedef struct mcr_hook_figure {
    const char *stage; // "handle"; a literal
    char *script;      // the script's name
    char *sink;        // the sink that it is; NULL: it is one of the watcher's scripts
    mcr_hook_cost_sums cost;
} mcr_hook_figure;

// Zero-initialised is empty.
typedef struct mcr_hook_figures {
    mcr_hook_figure *hooks;
    uint32_t n;
} mcr_hook_figures;

// mcr_hook_figures_take adds those of every hook that was called. On the host's thread, between two
// batches. `scripts` may be NULL.
void mcr_hook_figures_take(mcr_hook_figures *to, const mcr_watcher *w, const mcr_scripts *scripts);

void mcr_hook_figures_fini(mcr_hook_figures *f);

// mcr_hook_figures_write appends them as a JSON list.
void mcr_hook_figures_write(mcr_buf *out, const mcr_hook_figures *f);

// mcr_hook_figures_write_text appends them as lines of a table; nothing when there are none.
void mcr_hook_figures_write_text(mcr_buf *out, const mcr_hook_figures *f);
