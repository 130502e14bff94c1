// What must hold of deliveries whatever comes: random keys, outcomes and delays out of a seeded
// generator, up to 64 under way. After every step: the ledger's sum; each event in one place only;
// the order within a key; never more under way than may be. And an outage that is shorter than the
// deadline costs nothing.

#include "sample.h"

#include <string.h>

#include "base/log.h"
#include "sink/deliveries.h"

enum {
    EVENTS = 2000,
    KEYS = 40,
    SEEDS = 20,
    IN_FLIGHT = 64
};

typedef enum fate {
    UNKNOWN,
    MERGED,
    DELIVERED,
    REFUSED,
    GIVEN_UP
} fate;

typedef struct world {
    int64_t now;
    mcr_clock clock;
    uint64_t seed;
    mcr_random random;
    mcr_sink sink;
    mcr_deliveries *d;
    mcr_job *under_way[IN_FLIGHT];
    int n;
    bool key_busy[KEYS];
    int last_begun[KEYS]; // number of the event that was sent last, by key
    int added;
    int key_of[EVENTS];
    mcr_event *events[EVENTS];
    fate fates[EVENTS];
    int settled;
    int cancelled;
} world;

// splitmix64
static uint64_t next_random(void *self)
{
    uint64_t z = *(uint64_t *)self += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int below(world *w, int n)
{
    return (int)(next_random(&w->seed) % (uint64_t)n);
}

// The number of the event: its place in `events`.
static int number_of(const mcr_event *ev)
{
    return (int)ev->record;
}

static int number_of_job(const mcr_job *job)
{
    size_t n;
    mcr_event *const *events = mcr_job_events(job, &n);
    assert_int_equal(n, 1);
    return number_of(events[0]);
}

static void on_send(void *self, mcr_job *job)
{
    world *w = self;
    assert_true(w->n < IN_FLIGHT);
    int number = number_of_job(job), key = w->key_of[number];
    assert_int_equal(w->fates[number], UNKNOWN);
    if (key) { // key 0 has no order
        assert_false(w->key_busy[key]);
        w->key_busy[key] = true;
        assert_true(number >= w->last_begun[key]);
        w->last_begun[key] = number;
    }
    w->under_way[w->n++] = job;
}

static void settle(world *w, int number, fate how)
{
    assert_int_equal(w->fates[number], UNKNOWN);
    w->fates[number] = how;
    w->settled++;
}

static void leave(world *w, int i)
{
    w->key_busy[w->key_of[number_of_job(w->under_way[i])]] = false;
    w->under_way[i] = w->under_way[--w->n];
}

static void on_cancel(void *self, mcr_job *job)
{
    world *w = self;
    for (int i = 0; i < w->n; i++)
        if (w->under_way[i] == job) {
            leave(w, i);
            w->cancelled++;
            return;
        }
    fail_msg("cancelled what is not under way");
}

// Half of them, as events decide: those of even number repeat what came before.
static mcr_event *on_merge(void *self, mcr_job *waiting, mcr_event *newer)
{
    world *w = self;
    int older = number_of_job(waiting);
    assert_int_equal(mcr_job_attempt(waiting), 0);
    assert_int_equal(w->key_of[older], w->key_of[number_of(newer)]);
    assert_true(older < number_of(newer));
    if (number_of(newer) % 2)
        return NULL;
    settle(w, older, MERGED);
    return mcr_event_ref(newer);
}

static void check(world *w)
{
    const mcr_sink_counts *c = &w->sink.counts;
    assert_int_equal(c->assigned, w->added);
    assert_int_equal(c->assigned, c->delivered + c->merged + c->rejected + c->gave_up +
                                      c->dead_lettered + c->in_flight);
    mcr_delivery_counts counts = mcr_deliveries_counts(w->d);
    assert_int_equal(counts.sending, w->n);
    assert_int_equal(counts.sending + counts.waiting, c->in_flight);
}

static void add(world *w)
{
    int number = w->added++, key = below(w, KEYS);
    mcr_event fields = sample_fields();
    fields.record = (uint64_t)number;
    mcr_event *ev = w->events[number] = mcr_event_new(&fields);
    w->key_of[number] = key;
    w->sink.counts.assigned++;
    w->sink.counts.in_flight++;
    char text[16];
    snprintf(text, sizeof text, "ns/%d", key);
    mcr_deliveries_add(w->d, key ? mcr_str_of(text) : MCR_STR(""), &ev, 1, NULL);
}

static void finish_one(world *w)
{
    int i = below(w, w->n);
    mcr_job *job = w->under_way[i];
    int number = number_of_job(job), key = w->key_of[number];
    uint64_t gave_up = w->sink.counts.gave_up;
    switch (below(w, 8)) {
    case 0:
    case 1:
    case 2:
        leave(w, i);
        settle(w, number, DELIVERED);
        mcr_job_delivered(job);
        break;
    case 3:
        leave(w, i);
        settle(w, number, REFUSED);
        mcr_job_failed(job, "no");
        break;
    case 4:
        // The same try goes on, perhaps at once.
        w->key_busy[key] = false;
        w->under_way[i] = w->under_way[--w->n];
        mcr_job_more(job);
        break;
    default:
        leave(w, i);
        mcr_job_again(job, below(w, 4) ? -1 : below(w, 30) * SECOND, "later");
        if (w->sink.counts.gave_up > gave_up)
            settle(w, number, GIVEN_UP);
    }
}

// Those whose deadline came are known by their hold: the engine has let go of them.
static void find_given_up(world *w)
{
    for (int i = 0; i < w->added; i++)
        if (w->fates[i] == UNKNOWN && holders(w->events[i]) == 1)
            settle(w, i, GIVEN_UP);
}

static void step(world *w)
{
    switch (below(w, 8)) {
    case 0:
    case 1:
    case 2:
        if (w->added < EVENTS)
            add(w);
        break;
    case 3:
        w->now += below(w, 2000) * (SECOND / 1000);
        mcr_deliveries_tick(w->d);
        find_given_up(w);
        break;
    default:
        if (w->n)
            finish_one(w);
    }
}

static void run(uint64_t seed)
{
    world *w = mcr_zalloc(sizeof *w);
    w->seed = seed;
    w->clock = mcr_clock_fixed(&w->now);
    w->random = (mcr_random){ next_random, &w->seed };
    w->sink.name = "test";
    mcr_delivery_options options;
    mcr_delivery_defaults(&options);
    options.in_flight = 1 + below(w, IN_FLIGHT);
    options.attempts = 5;
    options.deadline = below(w, 2) ? 60 * SECOND : 0;
    options.rate = below(w, 2) ? 20 : 0;
    mcr_deliveries_hooks hooks = { w, on_send, on_cancel, NULL, on_merge };
    w->d = mcr_deliveries_new(&w->sink, NULL, &options, &hooks, &w->clock, &w->random);

    while (w->added < EVENTS) {
        step(w);
        assert_true(w->n <= options.in_flight);
        check(w);
    }
    // Half of the runs end in the middle, the others when all has been settled.
    if (below(w, 2)) {
        mcr_deliveries_drain(w->d);
        for (int steps = 0; w->sink.counts.in_flight; steps++) {
            assert_true(steps < 100 * EVENTS);
            step(w);
            check(w);
        }
    }
    mcr_deliveries_free(w->d);
    find_given_up(w);

    uint64_t by_fate[GIVEN_UP + 1] = { 0 };
    for (int i = 0; i < EVENTS; i++) {
        by_fate[w->fates[i]]++;
        assert_int_equal(holders(w->events[i]), 1);
        mcr_event_unref(w->events[i]);
    }
    const mcr_sink_counts *c = &w->sink.counts;
    assert_int_equal(by_fate[UNKNOWN], 0);
    assert_int_equal(by_fate[MERGED], c->merged);
    assert_int_equal(by_fate[DELIVERED], c->delivered);
    assert_int_equal(by_fate[REFUSED], c->rejected);
    assert_int_equal(by_fate[GIVEN_UP], c->gave_up);
    assert_int_equal(c->in_flight, 0);
    assert_int_equal(c->assigned, EVENTS);
    assert_int_equal(w->n, 0);
    assert_true(c->merged > 0 && c->delivered > 0 && c->rejected > 0);
    free(w);
}

static void nothing_is_lost_and_order_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

// A server that is away for a while, which tells at once or after up to 30 s.
typedef struct outage {
    int64_t now;
    mcr_clock clock;
    uint64_t seed;
    mcr_random random;
    mcr_sink sink;
    mcr_deliveries *d;
    mcr_job *under_way[IN_FLIGHT];
    int64_t answers[IN_FLIGHT]; // when
    int n;
    int64_t from, until;
} outage;

static int64_t up_to(outage *o, int64_t most)
{
    return (int64_t)(next_random(&o->seed) % (uint64_t)most);
}

static bool is_away(const outage *o, int64_t at)
{
    return at >= o->from && at < o->until;
}

static void send_in_outage(void *self, mcr_job *job)
{
    outage *o = self;
    assert_true(o->n < IN_FLIGHT);
    o->under_way[o->n] = job;
    o->answers[o->n++] = o->now + 1 + up_to(o, is_away(o, o->now) ? 30 * SECOND : SECOND / 10);
}

static void cancel_in_outage(void *self, mcr_job *job)
{
    (void)self, (void)job;
    fail_msg("a deadline came");
}

static int first_to_answer(const outage *o)
{
    int first = -1;
    for (int i = 0; i < o->n; i++)
        if (first < 0 || o->answers[i] < o->answers[first])
            first = i;
    return first;
}

static void answer(outage *o, int i)
{
    mcr_job *job = o->under_way[i];
    bool away = is_away(o, o->answers[i]);
    o->n--;
    o->under_way[i] = o->under_way[o->n];
    o->answers[i] = o->answers[o->n];
    if (away)
        mcr_job_no_server(job, up_to(o, 3) ? -1 : up_to(o, 200) * SECOND, "nobody is there");
    else
        mcr_job_delivered(job);
}

static void run_outage(uint64_t seed)
{
    outage o = { .now = SECOND, .seed = seed, .sink = { .name = "test", .watcher = "w" } };
    o.clock = mcr_clock_fixed(&o.now);
    o.random = (mcr_random){ next_random, &o.seed };
    mcr_delivery_options options;
    mcr_delivery_defaults(&options);
    options.queue = 300;
    o.from = o.now + up_to(&o, 60 * SECOND);
    // The last try that failed may have been begun 30 s before the server came back, and the next
    // one comes after the longest wait.
    o.until = o.from + up_to(&o, options.deadline - options.max_wait - 31 * SECOND);
    mcr_deliveries_hooks hooks = { &o, send_in_outage, cancel_in_outage, NULL, NULL };
    o.d = mcr_deliveries_new(&o.sink, NULL, &options, &hooks, &o.clock, &o.random);
    mcr_event fields = sample_fields();
    mcr_event *ev = mcr_event_new(&fields);
    int64_t arrives = o.now, due = INT64_MAX, end = o.until + 120 * SECOND;
    while (o.now < end || o.sink.counts.in_flight) {
        assert_true(o.now < end + options.deadline);
        int first = first_to_answer(&o);
        int64_t answers = first < 0 ? INT64_MAX : o.answers[first];
        o.now = arrives < due ? arrives : due;
        o.now = answers < o.now ? answers : o.now;
        if (o.now == answers)
            answer(&o, first);
        if (o.now == arrives) {
            if (mcr_deliveries_room(o.d)) {
                char key[8];
                snprintf(key, sizeof key, "%d", (int)up_to(&o, KEYS));
                o.sink.counts.assigned++;
                o.sink.counts.in_flight++;
                mcr_deliveries_add(o.d, mcr_str_of(key), &ev, 1, NULL);
            }
            arrives = o.now < end ? o.now + 1 + up_to(&o, 5 * SECOND) : INT64_MAX;
        }
        due = mcr_deliveries_tick(o.d);
    }
    assert_true(o.sink.counts.delivered > 0);
    assert_int_equal(o.sink.counts.delivered, o.sink.counts.assigned);
    mcr_deliveries_free(o.d);
    mcr_event_unref(ev);
}

static void an_outage_shorter_than_the_deadline_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_outage(seed);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_order_holds),
        cmocka_unit_test(an_outage_shorter_than_the_deadline_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
