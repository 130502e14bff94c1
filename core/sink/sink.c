#include "sink/sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sink/dead_letters.h"
#include "sink/kinds.h"

#define ADDRESS_OF(name) &mcr_sink_kind_##name,
const mcr_sink_kind *const mcr_sink_kinds[] = { MCR_SINK_KINDS(ADDRESS_OF) NULL };
#undef ADDRESS_OF

const mcr_sink_kind *mcr_sink_kind_find(const char *name)
{
    for (const mcr_sink_kind *const *kind = mcr_sink_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}

// Where what is lost goes; `letter` has what else is known of it.
static void settle(mcr_sink *sink, const mcr_event *ev, const char *reason, mcr_dead_letter letter,
                   uint64_t *not_kept)
{
    sink->counts.in_flight--;
    if (sink->untold.call)
        sink->untold.call(sink->untold.self, ev);
    if (sink->lost.call)
        sink->lost.call(sink->lost.self, ev, reason);
    letter.watcher = sink->watcher;
    letter.stage = "sink";
    letter.sink = sink->name;
    letter.reason = mcr_str_of(reason);
    letter.ev = ev;
    const char *outcome = not_kept == &sink->counts.gave_up ? "gave_up" : "rejected";
    if (sink->dead && mcr_dead_letters_add(sink->dead, &letter)) {
        sink->counts.dead_lettered++;
        outcome = "dead_lettered";
    } else {
        ++*not_kept;
    }
    if (mcr_tapping_wants(sink->tapping, MCR_TAP_DELIVERED | MCR_TAP_DROPPED)) {
        mcr_event *told = (mcr_event *)(uintptr_t)ev;
        mcr_sink_tell_now(sink, MCR_TAP_DELIVERED | MCR_TAP_DROPPED, outcome, reason, &told, 1);
    }
}

void mcr_sink_tell_now(const mcr_sink *sink, uint32_t stages, const char *outcome,
                       const char *reason, mcr_event *const *events, size_t n)
{
    const mcr_passing passing = { .stages = stages,
                                  .outcome = outcome,
                                  .watcher = sink->watcher,
                                  .sink = sink->name,
                                  .reason = reason };
    mcr_tapping_tell(sink->tapping, &passing, events, (uint32_t)n);
}

size_t mcr_sink_assign(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t queue)
{
    uint64_t held = sink->counts.in_flight, most = queue > 0 ? (uint64_t)queue : 0;
    size_t left = held < most ? (size_t)(most - held) : 0;
    sink->counts.assigned += n;
    sink->counts.in_flight += n;
    if (n <= left)
        return n;
    char reason[128];
    snprintf(reason, sizeof reason, "%sthe sink's queue is full: %" PRIu64 " events wait",
             sink->cut_off ? "not delivered before the end: " : "", most);
    mcr_log_once_a_minute(MCR_LOG_WARN, "sink '%s' of watcher '%s': %s", sink->name,
                          sink->watcher ? sink->watcher : "", reason);
    for (size_t i = left; i < n; i++)
        mcr_sink_give_up(sink, events[i], reason);
    sink->turned_away += n - left;
    return left;
}

void mcr_sink_close(mcr_sink *sink)
{
    mcr_lender lender = sink->lender;
    sink->kind->close(sink);
    if (lender.give_back)
        lender.give_back(lender.self);
}

void mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    settle(sink, ev, reason, (mcr_dead_letter){ 0 }, &sink->counts.rejected);
}

void mcr_sink_refuse_failed(mcr_sink *sink, const mcr_event *ev, const char *script, mcr_str text)
{
    mcr_buf reason = { 0 };
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t len = end ? (size_t)(end - text.ptr) : text.len;
    mcr_buf_append(&reason, text.ptr, len);
    mcr_dead_letter letter = { .script = script };
    if (end)
        letter.traceback = mcr_str_n(end + 1, text.len - len - 1);
    settle(sink, ev, mcr_buf_cstr(&reason), letter, &sink->counts.rejected);
    mcr_buf_fini(&reason);
}

void mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    settle(sink, ev, reason, (mcr_dead_letter){ 0 }, &sink->counts.gave_up);
}
