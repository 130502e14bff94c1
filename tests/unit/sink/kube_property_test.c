// What must hold of the default policy of the sink "kube" whatever comes: random events over few
// keys, and a server that answers each request late, wrong or not at all, all out of a seeded
// generator; time is the test's. After every step: the ledger's sum; one request of a key at a
// time; a POST before any PATCH; counts that never go back; what may be sent is under way, however
// badly other keys fare. In the end: the last count of each key at the server, or its events
// counted as given up.
//
//     sink_kube_property_test SEED         runs this one only

#include "kube_world.h"

enum {
    KEYS = 8,
    STEPS = 150,
    SEEDS = 400,
    DRAIN_S = 30 // limits.drain_timeout
};

#define MS (SECOND / 1000)

typedef struct key_state {
    char name[24];
    bool bad;      // the server has something against it
    int last;      // count that was written last
    int stored;    // at the server; 0: it is not there
    int highest;   // that it ever had, also if it is deleted since
    int asked;     // requests
    int rejected;  // events
    int given_up;  // the same
    int64_t again; // when its next try must have begun, if there is room
} key_state;

typedef struct under_way {
    mcr_kube_call *call;
    int key;
    int64_t ends;
} under_way;

typedef struct run {
    world w;
    uint64_t seed;
    key_state keys[KEYS];
    under_way calls[MOST];
    int n;
    bool draining;
} run;

static run *now_running;
static uint64_t seed_of_failure;

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %d, line %d: %s", (int)seed_of_failure, __LINE__, #condition);          \
    } while (0)

// splitmix64
static uint64_t next_random(void *self)
{
    uint64_t z = *(uint64_t *)self += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int below(run *r, int n)
{
    return (int)(next_random(&r->seed) % (uint64_t)n);
}

static key_state *key_of(run *r, const mcr_event *ev)
{
    for (int i = 0; i < KEYS; i++)
        if (mcr_str_is(ev->metadata.name, r->keys[i].name))
            return &r->keys[i];
    fail_msg("an event of no key");
    return NULL;
}

void __real_mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason);
void __wrap_mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason);
void __real_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);
void __wrap_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason);

void __wrap_mcr_sink_refuse(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    key_of(now_running, ev)->rejected++;
    __real_mcr_sink_refuse(sink, ev, reason);
}

void __wrap_mcr_sink_give_up(mcr_sink *sink, const mcr_event *ev, const char *reason)
{
    key_of(now_running, ev)->given_up++;
    __real_mcr_sink_give_up(sink, ev, reason);
}

// Looks at the requests that have been begun since the last time, and at those that were cancelled.
static void see_calls(run *r)
{
    int kept = 0;
    for (int i = 0; i < r->n; i++)
        for (int j = 0; j < n_calls; j++)
            if (calls[j] == r->calls[i].call) {
                r->calls[kept++] = r->calls[i];
                break;
            }
    r->n = kept;
    bool busy[KEYS] = { false };
    for (int j = 0; j < n_calls; j++) {
        key_state *key = key_of(r, calls[j]->ev);
        int k = (int)(key - r->keys), i = 0;
        HOLDS(!busy[k]);
        busy[k] = true;
        while (i < r->n && r->calls[i].call != calls[j])
            i++;
        if (i < r->n)
            continue;
        HOLDS(key->asked++ > 0 || calls[j]->create);
        int64_t takes = below(r, 10) ? below(r, 200) * MS : below(r, 40) * SECOND;
        if (key->bad && below(r, 2))
            takes = 3000 * SECOND;
        r->calls[r->n++] = (under_way){ calls[j], k, r->w.now + takes };
    }
    HOLDS(n_calls <= r->w.options.max_in_flight);
    HOLDS(r->n == n_calls);
}

static void check(run *r)
{
    const mcr_sink_counts *c = &r->w.kube.sink.counts;
    HOLDS(c->assigned == c->delivered + c->merged + c->rejected + c->gave_up + c->in_flight);
    see_calls(r);
    // Nobody waits for others where there is room.
    if (n_calls == r->w.options.max_in_flight)
        return;
    for (int k = 0; k < KEYS; k++) {
        const key_state *key = &r->keys[k];
        bool is_under_way = false;
        for (int i = 0; i < r->n; i++)
            is_under_way |= r->calls[i].key == k;
        bool is_settled = key->highest == key->last || key->rejected || key->given_up;
        HOLDS(is_settled || is_under_way || key->again > r->w.now);
    }
}

static void store(key_state *key, const mcr_kube_call *call)
{
    int count = call->ev->count;
    HOLDS(count >= key->highest);
    HOLDS(count <= key->last);
    key->stored = key->highest = count;
}

// What a server says that does what it is asked.
static ending proper_answer(const key_state *key, const mcr_kube_call *call)
{
    if (call->create && key->stored)
        return already_exists;
    if (!call->create && !key->stored)
        return (ending){ .status = 404, .reason = "NotFound", .text = "not found" };
    return (ending){ .status = call->create ? 201 : 200 };
}

static const ending faults[] = {
    { .outcome = MCR_HTTP_UNREACHED, .text = "refused" },
    { .outcome = MCR_HTTP_BROKEN, .unsure = true, .text = "reset" },
    { .outcome = MCR_HTTP_TIMED_OUT, .unsure = true, .text = "timeout" },
    { .status = 201, .outcome = MCR_HTTP_CUT, .unsure = true, .text = "cut" },
    { .status = 401, .reason = "Unauthorized", .text = "who?" },
    { .status = 429, .text = "busy" },
    { .status = 429, .text = "busy", .retry_after = 2 * SECOND },
    { .status = 429, .text = "busy", .retry_after = 3600 * SECOND },
    { .status = 500, .text = "x" },
    { .status = 503, .text = "x", .retry_after = 5 * SECOND },
    { .status = 504, .reason = "Timeout", .text = "x" },
};

static void answer(run *r, int i)
{
    under_way at = r->calls[i];
    key_state *key = &r->keys[at.key];
    int j = 0;
    while (calls[j] != at.call)
        j++;
    r->calls[i] = r->calls[--r->n];
    int chance = below(r, 100);
    ending how = proper_answer(key, at.call);
    if (key->bad && chance < 90)
        how = chance < 10 ? (ending){ .status = 422, .reason = "Invalid", .text = "no" }
                          : faults[below(r, (int)(sizeof faults / sizeof *faults))];
    else if (chance < 30)
        how = faults[below(r, (int)(sizeof faults / sizeof *faults))];
    // Of requests whose end nobody knows half are done.
    bool is_done = !how.text;
    if (!is_done && !proper_answer(key, at.call).text &&
        (how.unsure || how.status == 500 || how.status == 504))
        is_done = below(r, 2);
    if (is_done)
        store(key, at.call);
    // The longest that a try may be put off; exactly how long is the matter of other tests.
    key->again = how.text ? r->w.now + r->w.options.max_wait + 1 : 0;
    end_call(j, &how);
}

static void write_next(run *r)
{
    key_state *key = &r->keys[below(r, KEYS)];
    key->last++;
    // A count that is new; of what failed for good, the last word was not the last.
    key->rejected = key->given_up = 0;
    write_event(&r->w, key->name, key->last);
}

// Time goes to the next end of a request, or a little.
static void let_time_pass(run *r)
{
    pass(&r->w, below(r, 4) ? below(r, 100) * MS : below(r, 3000) * MS);
    check(r);
    for (int i = 0; i < r->n;) {
        if (r->calls[i].ends <= r->w.now) {
            answer(r, i);
            check(r);
            i = 0;
        } else {
            i++;
        }
    }
}

static void step(run *r)
{
    switch (below(r, 8)) {
    case 0:
    case 1:
    case 2:
    case 3:
        write_next(r);
        break;
    case 4: // its hour is over, or somebody deletes it
        if (below(r, 4) == 0)
            r->keys[below(r, KEYS)].stored = 0;
        break;
    default:
        let_time_pass(r);
    }
    check(r);
}

static void begin(run *r, uint64_t seed)
{
    r->seed = seed;
    begin_world(&r->w);
    r->w.random = (mcr_random){ next_random, &r->seed };
    r->w.options.max_in_flight = below(r, 4) ? 1 + below(r, 64) : 1;
    r->w.options.attempts = 0;
    r->w.options.deadline = below(r, 2) ? 0 : 3600 * SECOND;
    if (!r->w.options.deadline)
        r->w.options.attempts = 1000;
    for (int k = 0; k < KEYS; k++)
        snprintf(r->keys[k].name, sizeof r->keys[k].name, "web-%d.1", k);
    r->keys[0].bad = below(r, 2);
    // With one place for all, a server that never answers one of them is everybody's trouble.
    if (r->w.options.max_in_flight == 1)
        r->keys[0].bad = false;
    start_world(&r->w);
}

static void end(run *r)
{
    bool in_the_middle = below(r, 2);
    if (in_the_middle) {
        mcr_sink_kind_kube.drain(&r->w.kube.sink, r->w.now);
        int64_t until = r->w.now + DRAIN_S * SECOND;
        while (r->w.now < until && r->w.kube.sink.counts.in_flight)
            let_time_pass(r);
    } else {
        // All but the bad one come through, however long it takes.
        for (int steps = 0, open = 1; open; steps++) {
            HOLDS(steps < 100000);
            let_time_pass(r);
            open = 0;
            for (int k = 0; k < KEYS; k++) {
                const key_state *key = &r->keys[k];
                open += !key->bad && key->highest != key->last && !key->given_up;
            }
        }
    }
    end_world(&r->w);
    const mcr_sink_counts *c = &r->w.kube.sink.counts;
    HOLDS(c->assigned == c->delivered + c->merged + c->rejected + c->gave_up);
    for (int k = 0; k < KEYS; k++) {
        const key_state *key = &r->keys[k];
        HOLDS(key->highest == key->last || key->given_up || key->rejected);
        HOLDS(key->bad || !key->rejected);
    }
}

static void run_seed(uint64_t seed)
{
    run *r = mcr_zalloc(sizeof *r);
    seed_of_failure = seed;
    now_running = r;
    begin(r, seed);
    for (int i = 0; i < STEPS; i++)
        step(r);
    end(r);
    free(r);
}

static uint64_t first_seed = 1, last_seed = SEEDS;

static void order_and_counts_hold_and_nothing_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++)
        run_seed(seed);
}

int main(int argc, char **argv)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    if (argc > 1)
        first_seed = last_seed = strtoull(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_counts_hold_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
