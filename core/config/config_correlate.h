#pragma once
// `correlate` of a watcher: whether and how its events are correlated before they are routed.
//
//     correlate = "client-go"   client-go's keys and numbers, byte for byte
//     correlate = true          mooncrier's: the same numbers, keys that cannot run into each other
//     correlate = { burst_size = 50, max_events = 20, … }   the same with other numbers
//     correlate = false         not at all
//
// What the table may say is mcr_correlate_options; `mooncrier simulate` tries many of them.

#include "config/config.h"
#include "config/config_table.h"

// mcr_config_read_correlate reads `correlate` of the watcher on top of the stack, whose sinks have
// been read. Left out, it is true for a watcher all of whose sinks record (kube, store), false for
// one that has none of these; with both kinds it must be there.
mcr_err mcr_config_read_correlate(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                                  const char *where);

// mcr_config_correlate_describe appends what holds, for `check`: "no", "as client-go, …".
void mcr_config_correlate_describe(mcr_buf *out, const mcr_config_watcher *w);

// The numbers of `correlate = { … }`: what mcr_correlate_options sets. 0 where nothing was said,
// and then the default holds; begin with mcr_correlate_nothing_said.
typedef struct mcr_correlate_numbers {
    int64_t lru_cache_size;
    int64_t burst_size;
    double qps;
    int64_t max_events;
    int64_t max_interval; // ns
    bool spam_filter;
    bool aggregate;
} mcr_correlate_numbers;

extern const mcr_correlate_numbers mcr_correlate_nothing_said;

extern const mcr_option mcr_correlate_options[];

// mcr_correlate_check returns the name of a number that is wrong, or does not go with another one,
// with a sentence in `err`; NULL when all is well.
const char *mcr_correlate_check(const mcr_correlate_numbers *n, mcr_errbuf *err);

// mcr_correlate_apply makes the numbers (checked) those of `to`, whose keys and hooks stay.
void mcr_correlate_apply(const mcr_correlate_numbers *n, mcr_correlator_options *to);

// mcr_correlate_said is what mcr_correlate_apply made `options` of.
mcr_correlate_numbers mcr_correlate_said(const mcr_correlator_options *options);
