#include "rehearse/course.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char *const names[] = {
    "filter",   "handle", "aggregate_key", "local_key", "aggregate_message",
    "spam_key", "route",  "render",        "tick"
};

const char *mcr_stage_name(mcr_stage stage)
{
    return names[stage];
}

static mcr_stage stage_of(const char *name)
{
    int stage = 0;
    while (name && stage < MCR_STAGE_NONE && strcmp(names[stage], name) != 0)
        stage++;
    return name ? (mcr_stage)stage : MCR_STAGE_NONE;
}

static void *room(void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 256;
    return mcr_realloc(items, *cap * size);
}

static mcr_span keep(mcr_course *c, mcr_str text)
{
    mcr_span span = { c->text.len, text.len };
    mcr_buf_add(&c->text, text);
    return span;
}

static mcr_turn *add_turn(mcr_course *c, const mcr_rehearsal_place *at)
{
    c->turns = room(c->turns, c->turn_n, &c->turn_cap, sizeof *c->turns);
    mcr_turn *turn = &c->turns[c->turn_n++];
    *turn = (mcr_turn){ .input = at->input,
                        .watcher = at->watcher,
                        .by_n = at->by_n,
                        .came = at->came,
                        .answer_at = (uint32_t)c->answer_n,
                        .arrival_at = (uint32_t)c->arrival_n };
    if (at->by_n) { // the input itself is held by who reads it
        memcpy(turn->by, at->by, at->by_n * sizeof *turn->by);
        mcr_event_ref(turn->came);
    }
    return turn;
}

static void on_began(void *self, const mcr_rehearsal_place *at)
{
    add_turn(self, at);
}

// The turn that something of `at` belongs to. Ticks do not begin: those of one watcher between two
// events are one turn.
static mcr_turn *turn_of(mcr_course *c, const mcr_rehearsal_place *at)
{
    mcr_turn *last = c->turn_n ? &c->turns[c->turn_n - 1] : NULL;
    if (last && last->watcher == at->watcher && last->came == at->came && last->input == at->input)
        return last;
    return add_turn(c, at);
}

static void on_hook(void *self, const mcr_rehearsal_place *at, const mcr_hook_result *result)
{
    mcr_course *c = self;
    mcr_turn *turn = turn_of(c, at);
    bool has_event = result->did == MCR_HOOK_CHANGED || result->did == MCR_HOOK_EMITTED;
    c->answers = room(c->answers, c->answer_n, &c->answer_cap, sizeof *c->answers);
    mcr_answer *answer = &c->answers[c->answer_n++];
    *answer = (mcr_answer){
        .stage = stage_of(result->stage),
        .did = result->did,
        .where = result->where ? result->where : "",
        .after = has_event ? mcr_event_ref(result->after) : NULL,
        .sinks = result->sinks,
        .own = result->own,
    };
    if (result->text.len)
        answer->text = keep(c, result->text);
    if (result->sink)
        answer->sink = keep(c, mcr_str_of(result->sink));
    turn->answer_n++;
}

static void on_correlated(void *self, const mcr_rehearsal_place *at, mcr_event *ev,
                          const mcr_correlated *out, mcr_correlator *correlator)
{
    (void)ev, (void)correlator;
    mcr_turn *turn = turn_of(self, at);
    turn->correlated = true;
    turn->aggregated = out->aggregated;
    turn->counted = out->counted;
    turn->recorded = out->ev ? mcr_event_ref(out->ev) : NULL;
}

static void keep_sent(mcr_course *c, mcr_arrival *arrival, const mcr_sent *sent)
{
    arrival->has_sent = true;
    arrival->form = sent->form;
    arrival->body = keep(c, sent->body);
    size_t from = c->text.len;
    if (sent->method.len) {
        mcr_buf_add(&c->text, sent->method);
        mcr_buf_putc(&c->text, ' ');
        mcr_buf_add(&c->text, sent->url);
        mcr_buf_putc(&c->text, '\n');
        mcr_buf_add(&c->text, sent->headers);
    }
    arrival->target = (mcr_span){ from, (uint32_t)(c->text.len - from) };
}

static void on_record(void *self, const mcr_rehearsal_place *at, const mcr_rehearsal_record *record)
{
    mcr_course *c = self;
    mcr_turn *turn = turn_of(c, at);
    c->arrivals = room(c->arrivals, c->arrival_n, &c->arrival_cap, sizeof *c->arrivals);
    mcr_arrival *arrival = &c->arrivals[c->arrival_n++];
    *arrival = (mcr_arrival){ .what = record->what,
                              .sink = record->sink,
                              .direct = record->direct,
                              .ev = mcr_event_ref(record->ev) };
    if (record->why.len)
        arrival->why = keep(c, record->why);
    if (record->sent)
        keep_sent(c, arrival, record->sent);
    turn->arrival_n++;
}

mcr_rehearsal_observer mcr_course_observer(mcr_course *course)
{
    return (mcr_rehearsal_observer){ .self = course,
                                     .began = on_began,
                                     .hook = on_hook,
                                     .correlated = on_correlated,
                                     .record = on_record };
}

void mcr_course_clear(mcr_course *c)
{
    for (size_t i = 0; i < c->turn_n; i++) {
        mcr_event_unref(c->turns[i].recorded);
        if (c->turns[i].by_n)
            mcr_event_unref(c->turns[i].came);
    }
    for (size_t i = 0; i < c->answer_n; i++)
        mcr_event_unref(c->answers[i].after);
    for (size_t i = 0; i < c->arrival_n; i++)
        mcr_event_unref(c->arrivals[i].ev);
    c->turn_n = c->answer_n = c->arrival_n = 0;
    c->text.len = 0;
}

void mcr_course_fini(mcr_course *c)
{
    mcr_course_clear(c);
    free(c->turns);
    free(c->answers);
    free(c->arrivals);
    mcr_buf_fini(&c->text);
    *c = (mcr_course){ 0 };
}
