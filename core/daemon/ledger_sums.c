#include "daemon/ledger_sums.h"

#include <inttypes.h>

mcr_sum mcr_sum_of_source(const mcr_source_counts *c)
{
    return (mcr_sum){
        { "received", c->received },
        3,
        { { "decoded", c->decoded }, { "malformed", c->malformed }, { "control", c->control } }
    };
}

mcr_sum mcr_sum_of_broadcaster(const mcr_broadcaster_counts *c)
{
    return (mcr_sum){ { "accepted", c->accepted },
                      4,
                      { { "incoming_full", c->incoming_full },
                        { "emit_full", c->emit_full },
                        { "queued", c->queued },
                        { "distributed", c->distributed } } };
}

mcr_sum mcr_sum_of_watch(const mcr_watch_counts *c)
{
    return (mcr_sum){
        { "offered", c->offered },
        3,
        { { "ring_full", c->ring_full }, { "queued", c->queued }, { "taken", c->taken } }
    };
}

mcr_sum mcr_sum_of_watcher(const mcr_watcher_counts *c)
{
    return (mcr_sum){ { "taken", c->taken },
                      6,
                      { { "filtered", c->filtered },
                        { "refused", c->refused },
                        { "spam_filtered", c->spam_filtered },
                        { "handled_only", c->handled_only },
                        { "routed_nowhere", c->routed_nowhere },
                        { "routed", c->routed } } };
}

mcr_sum mcr_sum_of_sink(const mcr_sink_counts *c)
{
    return (mcr_sum){ { "assigned", c->assigned },
                      8,
                      { { "delivered", c->delivered },
                        { "merged", c->merged },
                        { "suppressed", c->suppressed },
                        { "rejected", c->rejected },
                        { "gave_up", c->gave_up },
                        { "dead_lettered", c->dead_lettered },
                        { "spooled", c->spooled },
                        { "in_flight", c->in_flight } } };
}

mcr_sum mcr_sum_of_offered(const mcr_ledger_watcher *w)
{
    mcr_sum watcher = mcr_sum_of_watcher(&w->counts);
    if (!w->has_watch)
        return watcher;
    mcr_sum sum = mcr_sum_of_watch(&w->watch);
    sum.terms--; // `taken`
    for (int i = 0; i < watcher.terms; i++)
        sum.term[sum.terms++] = watcher.term[i];
    return sum;
}

bool mcr_sum_holds(const mcr_sum *sum)
{
    uint64_t n = 0;
    for (int i = 0; i < sum->terms; i++)
        n += sum->term[i].n;
    return n == sum->total.n;
}

void mcr_sum_write(mcr_buf *out, const mcr_sum *sum, bool zeros)
{
    const char *before = "=";
    for (int i = 0; i < sum->terms; i++) {
        if (!sum->term[i].n && !zeros)
            continue;
        mcr_buf_printf(out, "%s %" PRIu64 " %s", before, sum->term[i].n, sum->term[i].name);
        before = " +";
    }
    if (before[0] == '=')
        mcr_buf_puts(out, "= 0");
}
