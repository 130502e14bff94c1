#include "correlate/correlator.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "correlate/event_log.h"
#include "correlate/spam_filter.h"

const mcr_correlator_options mcr_correlator_default_options = {
    .key_separator = 0x1f,
    .key_limit = 1024,
};

// Bytes of a key, and of the shorter one when it was cut.
typedef struct key_room {
    mcr_buf whole;
    mcr_buf cut;
} key_room;

struct mcr_correlator {
    mcr_correlator_options options;
    mcr_aggregator *aggregator;
    mcr_event_log *log;
    mcr_spam_filter *filter;
    key_room aggregate_room;
    key_room local_room;
    key_room event_room;
    key_room spam_room;
    mcr_key aggregate, local, spam; // of the last run
    int64_t ran_at;                 // … Unix ns
    bool own_aggregate, own_local, own_spam;
    uint32_t spam_len; // how much of the default aggregate key is the spam key; 0: it was not made
    mcr_buf name;
    mcr_buf message;
};

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value ? value : otherwise;
}

mcr_correlator *mcr_correlator_new(const mcr_correlator_options *options)
{
    mcr_correlator *c = mcr_zalloc(sizeof *c);
    c->options = *options;
    mcr_correlator_options *o = &c->options;
    if (o->key_limit && o->key_limit < MCR_KEY_LIMIT_MIN)
        o->key_limit = MCR_KEY_LIMIT_MIN;
    int64_t size = or_default(o->lru_cache_size, 4096);
    c->aggregator = mcr_aggregator_new(size, or_default(o->max_events, 10),
                                       or_default(o->max_interval_s, 600), o->pop);
    c->log = mcr_event_log_new(size);
    c->filter = mcr_spam_filter_new(size, or_default(o->burst_size, 25),
                                    o->qps != 0 ? o->qps : 1.0f / 300.0f);
    return c;
}

void mcr_correlator_set_text_hooks(mcr_correlator *c, const mcr_correlator_options *options)
{
    c->options.aggregate_key = options->aggregate_key;
    c->options.local_key = options->local_key;
    c->options.spam_key = options->spam_key;
    c->options.aggregate_message = options->aggregate_message;
}

static void fini_room(key_room *room)
{
    mcr_buf_fini(&room->whole);
    mcr_buf_fini(&room->cut);
}

void mcr_correlator_free(mcr_correlator *c)
{
    if (!c)
        return;
    mcr_aggregator_free(c->aggregator);
    mcr_event_log_free(c->log);
    mcr_spam_filter_free(c->filter);
    fini_room(&c->aggregate_room);
    fini_room(&c->local_room);
    fini_room(&c->event_room);
    fini_room(&c->spam_room);
    mcr_buf_fini(&c->name);
    mcr_buf_fini(&c->message);
    free(c);
}

// Empties `out` and has the hook fill it; false leaves it empty.
static bool call(const mcr_text_hook *hook, mcr_event *ev, mcr_buf *out)
{
    out->len = 0;
    if (hook->call && hook->call(hook->self, ev, out))
        return true;
    out->len = 0;
    return false;
}

static mcr_key key_of(const mcr_correlator *c, mcr_str bytes, key_room *room)
{
    return mcr_key_of(bytes, c->options.key_limit, &room->cut);
}

static mcr_key aggregate_key(mcr_correlator *c, mcr_event *ev)
{
    key_room *room = &c->aggregate_room;
    c->spam_len = 0;
    c->own_aggregate = call(&c->options.aggregate_key, ev, &room->whole);
    if (!c->own_aggregate) {
        mcr_key_spam(&room->whole, ev, c->options.key_separator);
        c->spam_len = (uint32_t)room->whole.len;
        mcr_key_aggregate_rest(&room->whole, ev, c->options.key_separator);
    }
    return key_of(c, mcr_buf_str(&room->whole), room);
}

static mcr_key local_key(mcr_correlator *c, mcr_event *ev)
{
    key_room *room = &c->local_room;
    c->own_local = call(&c->options.local_key, ev, &room->whole);
    return key_of(c, c->own_local ? mcr_buf_str(&room->whole) : ev->message, room);
}

static mcr_key event_key(mcr_correlator *c, const mcr_event *ev)
{
    key_room *room = &c->event_room;
    room->whole.len = 0;
    mcr_key_event(&room->whole, ev, c->options.key_separator);
    return key_of(c, mcr_buf_str(&room->whole), room);
}

static mcr_key spam_key(mcr_correlator *c, mcr_event *ev)
{
    key_room *room = &c->spam_room;
    c->own_spam = call(&c->options.spam_key, ev, &room->whole);
    if (!c->own_spam && c->spam_len)
        return key_of(c, mcr_str_n(c->aggregate_room.whole.ptr, c->spam_len), room);
    if (!c->own_spam)
        mcr_key_spam(&room->whole, ev, c->options.key_separator);
    return key_of(c, mcr_buf_str(&room->whole), room);
}

static void combine(mcr_correlator *c, mcr_event *ev, int64_t now, mcr_event *fields)
{
    if (!call(&c->options.aggregate_message, ev, &c->message))
        mcr_aggregate_message(&c->message, ev);
    mcr_aggregate_event(fields, ev, mcr_buf_str(&c->message), now, &c->name);
}

// The event to record, with one hold: `ev` itself when nothing changed. `fields` has the combined
// event's fields, if it is one.
static mcr_event *make(mcr_event *ev, mcr_event *fields, const mcr_counted *counted,
                       const mcr_correlated *out)
{
    if (!out->aggregated && !out->counted && !ev->counted)
        return mcr_event_ref(ev);
    if (!out->aggregated)
        mcr_event_copy_fields(fields, ev);
    fields->counted = out->counted;
    if (out->counted) {
        fields->metadata.name = counted->name;
        fields->metadata.resourceVersion = counted->resourceVersion;
        fields->firstTimestamp = counted->firstTimestamp;
        fields->count = counted->count;
    }
    return mcr_event_derive(ev, fields);
}

void mcr_correlator_run(mcr_correlator *c, mcr_event *ev, const mcr_clock *clock,
                        mcr_correlated *out)
{
    *out = (mcr_correlated){ 0 };
    mcr_event fields;
    mcr_counted counted;
    int64_t now = mcr_clock_now(clock);
    c->aggregate = aggregate_key(c, ev);
    c->local = local_key(c, ev);
    out->aggregated = mcr_aggregator_add(c->aggregator, &c->aggregate, &c->local, now);
    if (out->aggregated)
        combine(c, ev, now, &fields);
    mcr_key key = out->aggregated ? c->aggregate : event_key(c, ev);
    out->counted = mcr_event_log_observe(c->log, &key, out->aggregated ? &fields : ev, &counted);

    // What is dropped need not be made, unless a hook wants to see it first.
    mcr_event *made = c->options.spam_key.call ? make(ev, &fields, &counted, out) : NULL;
    c->spam = spam_key(c, made ? made : ev);
    c->ran_at = mcr_clock_now(clock);
    if (mcr_spam_filter_pass(c->filter, &c->spam, c->ran_at))
        out->ev = made ? made : make(ev, &fields, &counted, out);
    else
        mcr_event_unref(made);
}

void mcr_correlator_last(const mcr_correlator *c, mcr_correlation *out)
{
    const mcr_correlator_options *o = &c->options;
    *out = (mcr_correlation){
        .aggregate_key = c->aggregate.bytes,
        .local_key = c->local.bytes,
        .spam_key = c->spam.bytes,
        .own_aggregate_key = c->own_aggregate,
        .own_local_key = c->own_local,
        .own_spam_key = c->own_spam,
        .similar = mcr_aggregator_group(c->aggregator, &c->aggregate),
        .max_events = or_default(o->max_events, 10),
        .max_interval_s = or_default(o->max_interval_s, 600),
        .tokens = mcr_spam_filter_level(c->filter, &c->spam, c->ran_at),
        .burst = or_default(o->burst_size, 25),
        .qps = o->qps != 0 ? (double)o->qps : (double)(1.0f / 300.0f),
    };
}

void mcr_correlator_update(mcr_correlator *c, const mcr_event *ev)
{
    mcr_key key = event_key(c, ev);
    mcr_event_log_set(c->log, &key, ev);
}
