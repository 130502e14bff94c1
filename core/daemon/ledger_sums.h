#pragma once
// The equations of the ledger, stage by stage, as data: printing, JSON and checking read the same.

#include <stdbool.h>

#include "daemon/ledger.h"

enum {
    MCR_SUM_TERMS = 9
};

typedef struct mcr_sum_term {
    const char *name;
    uint64_t n;
} mcr_sum_term;

// total = term[0] + … + term[terms - 1]
typedef struct mcr_sum {
    mcr_sum_term total;
    int terms;
    mcr_sum_term term[MCR_SUM_TERMS];
} mcr_sum;

mcr_sum mcr_sum_of_source(const mcr_source_counts *counts);
mcr_sum mcr_sum_of_broadcaster(const mcr_broadcaster_counts *counts);
mcr_sum mcr_sum_of_watch(const mcr_watch_counts *counts);
mcr_sum mcr_sum_of_watcher(const mcr_watcher_counts *counts);
mcr_sum mcr_sum_of_sink(const mcr_sink_counts *counts);

// mcr_sum_of_offered joins watch and watcher: `taken` gives way to what became of it.
mcr_sum mcr_sum_of_offered(const mcr_ledger_watcher *w);

bool mcr_sum_holds(const mcr_sum *sum);

// mcr_sum_write appends "= 3 decoded + 1 malformed", without terms that are 0 unless `zeros`.
void mcr_sum_write(mcr_buf *out, const mcr_sum *sum, bool zeros);
