// Events into the store as an API server would leave them.

#include "event/decode.h"
#include "event/event.h"
#include "event/time.h"
#include "store/fixture.h"
#include "store/upsert.h"

// Random numbers that count, so that uids are known.
static uint64_t count_up(void *self)
{
    return ++*(uint64_t *)self;
}

static mcr_event *parse(const char *json)
{
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_event *ev = NULL;
    mcr_decode_error err;
    if (mcr_decode(decoder, mcr_str_of(json), 0, &ev, &err) != MCR_DECODED_EVENT)
        fail_msg("%s", err.text);
    mcr_decoder_free(decoder);
    return ev;
}

typedef struct step {
    const char *event;
    bool counted;
    mcr_upserted result;
    const char *stored; // NULL: it is not there
} step;

typedef struct upserting {
    mcr_upserter *upserter;
    const step *step;
    mcr_upserted result;
    mcr_event *answer;
    bool is_there;
    uint64_t version;
    mcr_buf stored;
} upserting;

static bool do_step(void *self, mcr_store_tx *tx)
{
    upserting *u = self;
    mcr_event *ev = parse(u->step->event);
    ev->counted = u->step->counted;
    u->result = mcr_upsert(u->upserter, tx, ev, &u->answer);
    mcr_str namespace = MCR_STR("default"), name = ev->metadata.name;
    if (ev->metadata.namespace.len)
    namespace.ptr = ev->metadata.namespace.ptr, namespace.len = ev->metadata.namespace.len;
    if (u->answer)
        name = u->answer->metadata.name;
    mcr_stored stored;
    u->is_there = mcr_store_get(tx, namespace, name, &stored);
    if (u->is_there) {
        u->version = stored.version;
        u->stored.len = 0;
        mcr_buf_add(&u->stored, stored.json);
    }
    mcr_event_unref(ev);
    return true;
}

static void assert_step(upserting *u)
{
    assert_int_equal(u->result, u->step->result);
    assert_int_equal(u->is_there, u->step->stored != NULL);
    assert_int_equal(u->answer != NULL, u->is_there);
    if (!u->is_there)
        return;
    assert_string_equal(mcr_buf_cstr(&u->stored), u->step->stored);
    mcr_buf version = { 0 };
    mcr_buf_i64(&version, (int64_t)u->version);
    assert_true(mcr_str_eq(u->answer->metadata.resourceVersion, mcr_buf_str(&version)));
    mcr_buf_fini(&version);
    mcr_event_unref(u->answer);
}

static void run_steps(const step *steps, size_t n)
{
    int64_t now = NOW; // 2023-11-14T22:13:20Z
    uint64_t random_state = 0;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_random random = { count_up, &random_state };
    mcr_store *s = open_store(&(mcr_store_options){ .path = ":memory:", .clock = &clock });
    upserting u = { .upserter = mcr_upserter_new(&random) };
    for (size_t i = 0; i < n; i++) {
        u.step = &steps[i];
        assert_int_equal(perform(s, do_step, &u), MCR_OK);
        assert_step(&u);
        __atomic_store_n(&now, now + SECOND, __ATOMIC_RELEASE); // creation shows only the first
    }
    mcr_buf_fini(&u.stored);
    mcr_upserter_free(u.upserter);
    mcr_store_close(s);
}

#define UID "00000000-0000-4001-8000-000000000002"
#define META(version)                                                                              \
    "\"namespace\":\"prod\",\"uid\":\"" UID "\",\"resourceVersion\":\"" version                    \
    "\",\"creationTimestamp\":\"2023-11-14T22:13:20Z\""
#define TIMES(last)                                                                                \
    "\"source\":{},\"firstTimestamp\":\"2023-11-14T22:00:00Z\",\"lastTimestamp\":" last
#define END "\"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\"}"

static void a_count_changes_what_a_patch_would(void **state)
{
    (void)state;
    static const step steps[] = {
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\",\"uid\":\"theirs\","
          "\"resourceVersion\":\"99\",\"selfLink\":\"/x\",\"annotations\":{\"a\":\"1\"},"
          "\"managedFields\":[{\"manager\":\"m\"}]},\"reason\":\"R\",\"message\":\"first\","
          "\"firstTimestamp\":\"2023-11-14T22:00:00Z\",\"lastTimestamp\":\"2023-11-14T22:00:00Z\","
          "\"count\":1,\"type\":\"Normal\",\"odd\":true}",
          false, MCR_UPSERT_CREATED,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "1") ",\"annotations\":{\"a\":\"1\"}},\"involvedObject\":{},\"reason\":\"R\","
                   "\"message\":\"first\"," TIMES(
                       "\"2023-11-14T22:00:00Z\"") ",\"count\":1,\"type\":\"Normal\"," END },
        // The annotation and the reason stay those of the creation.
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\",\"annotations\":{\"a\":\"2\"}},"
          "\"reason\":\"Other\",\"message\":\"second\",\"lastTimestamp\":\"2023-11-14T22:05:00Z\","
          "\"count\":2,\"type\":\"Warning\"}",
          true, MCR_UPSERT_CHANGED,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "2") ",\"annotations\":{\"a\":\"1\"}},\"involvedObject\":{},\"reason\":\"R\","
                   "\"message\":\"second\"," TIMES(
                       "\"2023-11-14T22:05:00Z\"") ",\"count\":2,\"type\":\"Normal\"," END },
        // Without a message, the patch has none.
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\"},"
          "\"lastTimestamp\":\"2023-11-14T22:05:00Z\",\"count\":2}",
          true, MCR_UPSERT_SAME,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "2") ",\"annotations\":{\"a\":\"1\"}},\"involvedObject\":{},\"reason\":\"R\","
                   "\"message\":\"second\"," TIMES(
                       "\"2023-11-14T22:05:00Z\"") ",\"count\":2,\"type\":\"Normal\"," END },
        // What is no count takes the place of all but the identity.
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\"},\"reason\":\"New\","
          "\"firstTimestamp\":\"2023-11-14T22:00:00Z\"}",
          false, MCR_UPSERT_CHANGED,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "3") "},\"involvedObject\":{},\"reason\":\"New\"," TIMES("null") "," END },
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\"},\"reason\":\"New\","
          "\"firstTimestamp\":\"2023-11-14T22:00:00Z\"}",
          false, MCR_UPSERT_SAME,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "3") "},\"involvedObject\":{},\"reason\":\"New\"," TIMES("null") "," END },
        { "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":"
          "{\"name\":\"e\",\"namespace\":\"prod\"}}}",
          false, MCR_UPSERT_REMOVED, NULL },
        { "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":"
          "{\"name\":\"e\",\"namespace\":\"prod\"}}}",
          false, MCR_UPSERT_ABSENT, NULL },
    };
    run_steps(steps, sizeof steps / sizeof *steps);
}

static void a_count_of_what_is_gone_creates_it_with_its_count(void **state)
{
    (void)state;
    static const step steps[] = {
        { "{\"metadata\":{\"name\":\"e\",\"namespace\":\"prod\"},\"message\":\"m\",\"count\":7,"
          "\"firstTimestamp\":\"2023-11-14T22:00:00Z\"}",
          true, MCR_UPSERT_CREATED,
          "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"e\"," META(
              "1") "},\"involvedObject\":{},\"message\":\"m\"," TIMES("null") ",\"count\":7," END },
    };
    run_steps(steps, 1);
}

#define NAMED(name)                                                                                \
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{" name                                \
    "\"creationTimestamp\":\"2023-11-14T22:13:20Z\"},\"involvedObject\":{\"name\":\"web-1\"},"     \
    "\"source\":{},\"firstTimestamp\":null,\"lastTimestamp\":null," END

static void names_are_made_where_there_are_none(void **state)
{
    (void)state;
    static const step by_object[] = {
        { "{\"metadata\":{},\"involvedObject\":{\"name\":\"web-1\"}}", false, MCR_UPSERT_CREATED,
          NAMED("\"name\":\"web-1.17979cfe362a0000\",\"namespace\":\"default\",\"uid\":\"" UID
                "\",\"resourceVersion\":\"1\",") },
    };
    static const step generated[] = {
        { "{\"metadata\":{\"generateName\":\"web-\"},\"involvedObject\":{\"name\":\"web-1\"}}",
          false, MCR_UPSERT_CREATED,
          NAMED("\"name\":\"web-cdfgh\",\"generateName\":\"web-\",\"namespace\":\"default\","
                "\"uid\":\"00000000-0000-4006-8000-000000000007\",\"resourceVersion\":\"1\",") },
    };
    run_steps(by_object, 1);
    run_steps(generated, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_changes_what_a_patch_would),
        cmocka_unit_test(a_count_of_what_is_gone_creates_it_with_its_count),
        cmocka_unit_test(names_are_made_where_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
