#include "rehearse/simulation.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "broadcast/watcher.h"
#include "correlate/keys.h"

// What is followed of one distinct event: the key's hash (64 bits tell a million apart), when it
// occurred first, and which settings have written it. A slot whose `first` is FREE is free.
typedef struct slot {
    uint64_t hash;
    int64_t first;
    uint64_t seen[]; // bit i: setting i
} slot;

#define FREE INT64_MIN

typedef struct table {
    char *slots;
    size_t stride;
    size_t cap; // a power of two
    size_t n;
} table;

typedef struct setting {
    mcr_simulation *of;
    mcr_watcher *watcher;
    uint64_t creates;
    uint64_t patches;
    uint64_t delayed;
    int64_t longest;
    int64_t *latencies;
    size_t kept, cap;
} setting;

// The answer of a hook for the event that is being worked on, for the settings after the first.
typedef struct memo {
    mcr_simulation *of;
    mcr_text_hook hook;
    uint64_t event; // whose answer it is
    bool answer;
    mcr_buf text;
} memo;

struct mcr_simulation {
    setting *settings;
    size_t n;
    memo memos[3];
    uint64_t event; // 1, 2, …: the one being worked on
    int64_t now;
    bool wrote; // the setting that is being worked on wrote it
    table table;
    uint64_t not_followed;
    size_t latencies_most; // of one setting
    uint64_t chance;
    mcr_buf key_room;
    mcr_buf cut_room;
};

//
// The sink of a setting: it counts what an API server would be sent.
//

typedef struct counting_sink {
    mcr_sink head;
    setting *of;
} counting_sink;

static void count_writes(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    setting *to = ((counting_sink *)sink)->of;
    sink->counts.assigned += n;
    sink->counts.delivered += n;
    for (size_t i = 0; i < n; i++) {
        to->creates += !events[i]->counted;
        to->patches += events[i]->counted;
    }
    to->of->wrote = n > 0;
}

static void flush_nothing(mcr_sink *sink, int64_t now)
{
    (void)sink, (void)now;
}

static void close_counting(mcr_sink *sink)
{
    free(sink);
}

static const mcr_sink_kind counting_kind = {
    .name = "counting",
    .doc = "what an API server would be sent",
    .records = true,
    .write = count_writes,
    .flush = flush_nothing,
    .close = close_counting,
};

static mcr_sink *new_counting_sink(setting *of)
{
    counting_sink *sink = mcr_zalloc(sizeof *sink);
    sink->head.kind = &counting_kind;
    sink->head.name = "api";
    sink->of = of;
    return &sink->head;
}

//
// Hooks
//

static bool ask_once(void *self, mcr_event *ev, mcr_buf *out)
{
    memo *m = self;
    if (m->event != m->of->event) {
        m->event = m->of->event;
        m->text.len = 0;
        m->answer = m->hook.call(m->hook.self, ev, &m->text);
    }
    if (m->answer)
        mcr_buf_add(out, mcr_buf_str(&m->text));
    return m->answer;
}

// The spam key is not among them: it is made of what the setting has made of the event.
static void remember_answers(mcr_simulation *s, mcr_correlator_options *o)
{
    mcr_text_hook *hooks[] = { &o->aggregate_key, &o->local_key, &o->aggregate_message };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        if (!hooks[i]->call)
            continue;
        s->memos[i].of = s;
        s->memos[i].hook = *hooks[i];
        *hooks[i] = (mcr_text_hook){ ask_once, &s->memos[i] };
    }
}

mcr_simulation *mcr_simulation_new(const mcr_correlator_options *settings, size_t n)
{
    mcr_simulation *s = mcr_zalloc(sizeof *s);
    s->n = n;
    s->settings = mcr_zalloc(n * sizeof *s->settings);
    s->table.stride = sizeof(slot) + (n + 63) / 64 * sizeof(uint64_t);
    s->latencies_most = MCR_SIMULATION_LATENCIES / n;
    if (s->latencies_most < MCR_SIMULATION_LATENCIES_LEAST)
        s->latencies_most = MCR_SIMULATION_LATENCIES_LEAST;
    for (size_t i = 0; i < n; i++) {
        setting *to = &s->settings[i];
        mcr_correlator_options options = settings[i];
        remember_answers(s, &options);
        to->of = s;
        to->watcher = mcr_watcher_new("simulate");
        mcr_watcher_add_sink_take(to->watcher, new_counting_sink(to));
        mcr_watcher_correlate(to->watcher, &options, false);
    }
    return s;
}

void mcr_simulation_free(mcr_simulation *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        mcr_watcher_free(s->settings[i].watcher);
        free(s->settings[i].latencies);
    }
    for (size_t i = 0; i < sizeof s->memos / sizeof *s->memos; i++)
        mcr_buf_fini(&s->memos[i].text);
    mcr_buf_fini(&s->key_room);
    mcr_buf_fini(&s->cut_room);
    free(s->table.slots);
    free(s->settings);
    free(s);
}

//
// Distinct events
//

static slot *slot_at(const table *t, size_t i)
{
    return (slot *)(t->slots + i * t->stride);
}

// The slot of `hash`, or the free one where it belongs.
static slot *probe(const table *t, uint64_t hash)
{
    size_t i = (size_t)hash & (t->cap - 1);
    while (slot_at(t, i)->first != FREE && slot_at(t, i)->hash != hash)
        i = (i + 1) & (t->cap - 1);
    return slot_at(t, i);
}

static void grow(table *t)
{
    table bigger = { .stride = t->stride, .cap = t->cap ? t->cap * 2 : 1024, .n = t->n };
    bigger.slots = mcr_alloc(bigger.cap * bigger.stride);
    for (size_t i = 0; i < bigger.cap; i++)
        slot_at(&bigger, i)->first = FREE;
    for (size_t i = 0; i < t->cap; i++)
        if (slot_at(t, i)->first != FREE)
            memcpy(probe(&bigger, slot_at(t, i)->hash), slot_at(t, i), t->stride);
    free(t->slots);
    *t = bigger;
}

// What is followed of `ev`; NULL: it is one too many.
static slot *follow(mcr_simulation *s, const mcr_event *ev)
{
    table *t = &s->table;
    const mcr_correlator_options *own = &mcr_correlator_default_options;
    s->key_room.len = 0;
    mcr_key_event(&s->key_room, ev, own->key_separator);
    mcr_key key = mcr_key_of(mcr_buf_str(&s->key_room), own->key_limit, &s->cut_room);
    if (t->n * 4 >= t->cap * 3)
        grow(t);
    slot *at = probe(t, key.hash);
    if (at->first != FREE)
        return at;
    if (t->n == MCR_SIMULATION_DISTINCT)
        return NULL;
    t->n++;
    memset(at, 0, t->stride);
    at->hash = key.hash;
    at->first = s->now;
    return at;
}

static uint64_t next_chance(void *self)
{
    uint64_t *x = self; // xorshift64
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

// Keeps all latencies as long as there is room, then a fair sample of them.
static void note_latency(mcr_simulation *s, setting *to, int64_t latency)
{
    if (latency > to->longest)
        to->longest = latency;
    to->delayed++;
    size_t place = to->kept;
    if (to->kept == s->latencies_most) {
        const mcr_random random = { next_chance, &s->chance };
        if (!s->chance)
            s->chance = UINT64_C(0x9e3779b97f4a7c15);
        place = (size_t)(mcr_random_unit(&random) * (double)to->delayed);
        if (place >= to->kept)
            return;
    } else if (to->kept++ == to->cap) {
        to->cap = to->cap ? to->cap * 2 : 64;
        to->latencies = mcr_realloc(to->latencies, to->cap * sizeof *to->latencies);
    }
    to->latencies[place] = latency;
}

static void note_write(mcr_simulation *s, slot *at, size_t i)
{
    uint64_t bit = UINT64_C(1) << (i % 64);
    if (at->seen[i / 64] & bit)
        return;
    at->seen[i / 64] |= bit;
    if (s->now > at->first)
        note_latency(s, &s->settings[i], s->now - at->first);
}

void mcr_simulation_step(mcr_simulation *s, mcr_event *ev, int64_t now)
{
    s->event++;
    s->now = now > s->now ? now : s->now;
    slot *at = follow(s, ev);
    s->not_followed += !at;
    for (size_t i = 0; i < s->n; i++) {
        s->wrote = false;
        mcr_event_ref(ev);
        mcr_watcher_step(s->settings[i].watcher, &ev, 1, s->now);
        if (at && s->wrote)
            note_write(s, at, i);
    }
}

uint64_t mcr_simulation_distinct(const mcr_simulation *s)
{
    return s->table.n;
}

uint64_t mcr_simulation_not_followed(const mcr_simulation *s)
{
    return s->not_followed;
}

//
// Results
//

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The least of `n` sorted values that so many per cent of them do not exceed.
static int64_t percentile(const int64_t *sorted, size_t n, size_t percent)
{
    size_t rank = (n * percent + 99) / 100;
    return sorted[rank ? rank - 1 : 0];
}

static uint64_t count_unseen(const mcr_simulation *s, size_t i)
{
    uint64_t unseen = 0;
    for (size_t k = 0; k < s->table.cap; k++) {
        const slot *at = slot_at(&s->table, k);
        unseen += at->first != FREE && !(at->seen[i / 64] >> (i % 64) & 1);
    }
    return unseen;
}

mcr_simulated mcr_simulation_result(const mcr_simulation *s, size_t i)
{
    const setting *from = &s->settings[i];
    mcr_watcher_counts counts = mcr_watcher_counts_now(from->watcher);
    mcr_simulated out = {
        .events = counts.taken,
        .creates = from->creates,
        .patches = from->patches,
        .suppressed = counts.spam_filtered,
        .aggregated = counts.aggregated,
        .delayed = from->delayed,
        .unseen = count_unseen(s, i),
        .latency_max = from->longest,
    };
    if (from->kept) {
        int64_t *sorted = mcr_alloc(from->kept * sizeof *sorted);
        memcpy(sorted, from->latencies, from->kept * sizeof *sorted);
        qsort(sorted, from->kept, sizeof *sorted, ascending);
        out.latency_p50 = percentile(sorted, from->kept, 50);
        out.latency_p99 = percentile(sorted, from->kept, 99);
        free(sorted);
    }
    return out;
}
