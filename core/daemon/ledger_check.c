#include <inttypes.h>

#include "daemon/ledger_sums.h"

static mcr_err must_hold(const mcr_sum *sum, const char *where, const char *name, mcr_errbuf *err)
{
    if (mcr_sum_holds(sum))
        return MCR_OK;
    mcr_buf text = { 0 };
    mcr_sum_write(&text, sum, true);
    mcr_err code = mcr_errf(err, MCR_EINVAL, "%s%s: %" PRIu64 " %s, but it should be %s", where,
                            name, sum->total.n, sum->total.name, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    return code;
}

// accepted + left_out = decoded + emitted + recorded + emit_full
static mcr_err check_broadcaster(const mcr_ledger *l, mcr_errbuf *err)
{
    mcr_sum sum = mcr_sum_of_broadcaster(&l->broadcaster);
    mcr_err code = must_hold(&sum, "broadcaster", "", err);
    if (code)
        return code;
    const char *total = l->left_out ? "accepted and left out" : "accepted";
    mcr_sum accepted = { { total, l->broadcaster.accepted + l->left_out },
                         4,
                         { { "decoded", 0 },
                           { "emitted", 0 },
                           { "recorded", l->recorded },
                           { "emit_full", l->broadcaster.emit_full } } };
    for (uint32_t i = 0; i < l->source_n; i++)
        accepted.term[0].n += l->sources[i].counts.decoded;
    for (uint32_t i = 0; i < l->watcher_n; i++)
        accepted.term[1].n += l->watchers[i].scripts.emitted;
    return must_hold(&accepted, "broadcaster", "", err);
}

// Without a broadcaster the watchers are stepped with every event: taken = decoded.
static mcr_err check_inline(const mcr_ledger *l, const mcr_ledger_watcher *w, mcr_errbuf *err)
{
    mcr_sum taken = { { "taken", w->counts.taken }, 1, { { "decoded", 0 } } };
    for (uint32_t i = 0; i < l->source_n; i++)
        taken.term[0].n += l->sources[i].counts.decoded;
    return must_hold(&taken, "watcher ", w->name, err);
}

static mcr_err check_queue(const mcr_ledger *l, const mcr_ledger_watcher *w, mcr_errbuf *err)
{
    mcr_sum sum = mcr_sum_of_watch(&w->watch);
    mcr_err code = must_hold(&sum, "watcher ", w->name, err);
    if (code)
        return code;
    if (w->watch.taken != w->counts.taken)
        return mcr_errf(err, MCR_EINVAL,
                        "watcher %s: %" PRIu64 " taken from its queue, but %" PRIu64 " worked on",
                        w->name, w->watch.taken, w->counts.taken);
    if (l->has_broadcaster && w->watch.offered > l->broadcaster.distributed)
        return mcr_errf(err, MCR_EINVAL,
                        "watcher %s: %" PRIu64 " offered, but only %" PRIu64 " distributed",
                        w->name, w->watch.offered, l->broadcaster.distributed);
    return MCR_OK;
}

// Every routed event is assigned to at least one sink and at most once to each.
static mcr_err check_sinks(const mcr_ledger_watcher *w, mcr_errbuf *err)
{
    uint64_t assigned = 0;
    for (uint32_t i = 0; i < w->sink_n; i++) {
        mcr_sum sum = mcr_sum_of_sink(&w->sinks[i].counts);
        mcr_err code = must_hold(&sum, "sink ", w->sinks[i].name, err);
        if (code)
            return code;
        assigned += w->sinks[i].counts.assigned;
    }
    uint64_t most = w->counts.routed * w->sink_n + w->counts.direct;
    if (assigned < w->counts.routed || assigned > most)
        return mcr_errf(err, MCR_EINVAL,
                        "watcher %s: %" PRIu64 " assigned to its %u sinks, but %" PRIu64
                        " routed and %" PRIu64 " direct",
                        w->name, assigned, w->sink_n, w->counts.routed, w->counts.direct);
    return MCR_OK;
}

static mcr_err check_watcher(const mcr_ledger *l, const mcr_ledger_watcher *w, mcr_errbuf *err)
{
    mcr_sum sum = mcr_sum_of_watcher(&w->counts);
    mcr_err code = must_hold(&sum, "watcher ", w->name, err);
    if (!code)
        code = w->has_watch ? check_queue(l, w, err) : check_inline(l, w, err);
    if (!code)
        code = check_sinks(w, err);
    uint64_t with_reason = 0;
    for (uint32_t i = 0; i < w->reason_n; i++)
        with_reason += w->reasons[i].n;
    if (!code && with_reason > w->counts.filtered)
        code =
            mcr_errf(err, MCR_EINVAL, "watcher %s: %" PRIu64 " filtered, but reasons for %" PRIu64,
                     w->name, w->counts.filtered, with_reason);
    return code;
}

mcr_err mcr_ledger_check(const mcr_ledger *l, mcr_errbuf *err)
{
    mcr_err code = MCR_OK;
    for (uint32_t i = 0; i < l->source_n && !code; i++) {
        mcr_sum sum = mcr_sum_of_source(&l->sources[i].counts);
        code = must_hold(&sum, "source ", l->sources[i].name, err);
    }
    if (!code && l->has_broadcaster)
        code = check_broadcaster(l, err);
    for (uint32_t i = 0; i < l->watcher_n && !code; i++)
        code = check_watcher(l, &l->watchers[i], err);
    return code;
}
