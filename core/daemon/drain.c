#include "daemon/drain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/census.h"
#include "daemon/exit_code.h"

enum {
    HURRY_S = 2 // what a batch may still take at the second signal
};

void mcr_drain_announce(const mcr_drain *d)
{
    int64_t deadline = mcr_clock_monotonic() + d->app->config->drain_timeout;
    for (uint32_t i = 0; i < d->app->host_n; i++)
        mcr_host_end_by(d->app->hosts[i], deadline);
}

static void nothing(void *arg)
{
    (void)arg;
}

// Whether every watcher has worked off its queue, and nothing it emitted waits.
static bool is_quiet(const mcr_drain *d)
{
    mcr_broadcaster_wake(d->app->broadcaster);
    for (uint32_t i = 0; i < d->app->watcher_n; i++) {
        const mcr_app_watcher *w = d->app->watchers[i];
        if (w->leaving && !mcr_host_has(w->host, w->watcher))
            continue;
        // The look into the queue comes first: an empty one may mean that its last batch has just
        // been taken. A call runs between two batches, so after it that batch is done. With more
        // to do the call is how this thread waits for a batch instead of spinning.
        bool queued = mcr_watch_counts_now(w->watch).queued > 0;
        if (!mcr_host_call(w->host, nothing, NULL, 100 * (int64_t)1000000) || queued)
            return false;
    }
    return mcr_broadcaster_distribute_emitted(d->app->broadcaster) == 0;
}

static void take(const mcr_drain *d, mcr_ledger *ledger)
{
    mcr_census_take_ended(d->app, ledger);
    ledger->recorded = d->recorded;
}

// The second signal must end the program, also when a script does not return: says what is known of
// the watchers whose hosts have ended, and leaves without the others.
static void abandon(const mcr_drain *d)
{
    mcr_ledger ledger = { 0 };
    mcr_buf text = { 0 };
    take(d, &ledger);
    mcr_ledger_write(&text, &ledger, d->json);
    if (!d->quiet)
        fwrite(text.ptr, 1, text.len, stderr);
    _exit(MCR_EXIT_EVENTS_LEFT);
}

// Serves signals until every host has ended, or somebody is in a hurry.
static void await_hosts(const mcr_drain *d)
{
    for (uint32_t i = 0; i < d->app->host_n; i++)
        while (!d->hurry && !mcr_host_ends(d->app->hosts[i], 100 * (int64_t)1000000))
            ev_run(d->loop, EVRUN_NOWAIT);
}

void mcr_drain_finish(mcr_drain *d)
{
    mcr_app *app = d->app;
    mcr_drain_announce(d);
    while (!d->hurry && !is_quiet(d))
        ev_run(d->loop, EVRUN_NOWAIT);
    mcr_broadcaster_shutdown(app->broadcaster);
    await_hosts(d);
    if (!d->hurry)
        return;
    for (uint32_t i = 0; i < app->host_n; i++)
        mcr_host_hurry(app->hosts[i]);
    for (uint32_t i = 0; i < app->host_n; i++)
        if (!mcr_host_ends(app->hosts[i], HURRY_S * (int64_t)1000000000))
            abandon(d);
}

// What did not come to an end: waiting in a queue, or in a sink.
static uint64_t events_left(const mcr_ledger *ledger)
{
    uint64_t left = ledger->broadcaster.queued;
    for (uint32_t i = 0; i < ledger->watcher_n; i++) {
        const mcr_ledger_watcher *w = &ledger->watchers[i];
        left += w->watch.queued + w->counts.undelivered;
        for (uint32_t k = 0; k < w->sink_n; k++)
            left += w->sinks[k].counts.in_flight;
    }
    return left;
}

static bool has_failures(const mcr_ledger *ledger)
{
    bool failed = false;
    for (uint32_t i = 0; i < ledger->source_n; i++)
        failed |= ledger->sources[i].counts.malformed > 0;
    for (uint32_t i = 0; i < ledger->watcher_n; i++) {
        const mcr_ledger_watcher *w = &ledger->watchers[i];
        failed |= w->scripts.script_errors + w->scripts.deadlines + w->scripts.unknown_sinks > 0;
        for (uint32_t k = 0; k < w->sink_n; k++) {
            const mcr_sink_counts *sink = &w->sinks[k].counts;
            failed |= sink->rejected + sink->gave_up + sink->dead_lettered > 0;
            for (uint32_t n = 0; n < w->sinks[k].note_n; n++)
                failed |= w->sinks[k].notes[n].n > 0 &&
                          strcmp(w->sinks[k].notes[n].name, "script_errors") == 0;
        }
    }
    return failed;
}

int mcr_drain_exit_code(const mcr_drain *d, bool failed)
{
    mcr_ledger ledger = { 0 };
    take(d, &ledger);
    bool adds_up = mcr_ledger_print(&ledger, !d->quiet, d->json);
    int code = !adds_up || failed || has_failures(&ledger) ? MCR_EXIT_FAILED : MCR_EXIT_OK;
    uint64_t left = events_left(&ledger);
    if (left) {
        mcr_log(MCR_LOG_ERROR, "%llu events were left unfinished", (unsigned long long)left);
        code = MCR_EXIT_EVENTS_LEFT;
    }
    mcr_ledger_fini(&ledger);
    return code;
}
