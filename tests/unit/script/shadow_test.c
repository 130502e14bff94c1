// script/shadow.h: candidates beside the live scripts.

#include "harness.h"

#include <cjson/cJSON.h>

#include "script/shadow.h"
#include "script/shared.h"

static const char *const sinks[] = { "one", "two" };

typedef struct pair {
    mcr_shared *shared;
    mcr_scripts *live;
    mcr_shadow *shadow;
} pair;

static mcr_scripts *scripts_of(const char *text, mcr_shared *shared)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w", .shared = shared });
    load_text(s, text, "s.lua");
    mcr_scripts_set_sinks(s, sinks, 2, 3);
    run_init(s);
    return s;
}

static pair pair_of(const char *live, const char *candidate)
{
    pair p = { .shared = mcr_shared_new() };
    p.live = scripts_of(live, p.shared);
    p.shadow = mcr_shadow_new(p.live, scripts_of(candidate, p.shared), sinks, 2);
    return p;
}

static void pair_end(pair *p)
{
    mcr_shadow_free(p->shadow);
    mcr_scripts_free(p->live);
    mcr_shared_free(p->shared);
}

// The report of one hook; its examples as "event: live / shadow".
static void assert_report(const pair *p, const char *hook, int compared, int differ,
                          const char *first)
{
    mcr_buf json = { 0 };
    mcr_shadow_report(p->shadow, &json);
    cJSON *report = cJSON_Parse(mcr_buf_cstr(&json));
    assert_non_null(report);
    bool found = false;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItem(report, "hooks"))
    {
        if (strcmp(cJSON_GetObjectItem(entry, "hook")->valuestring, hook) != 0)
            continue;
        found = true;
        assert_int_equal(cJSON_GetObjectItem(entry, "compared")->valueint, compared);
        assert_int_equal(cJSON_GetObjectItem(entry, "differ")->valueint, differ);
        const cJSON *example = cJSON_GetArrayItem(cJSON_GetObjectItem(entry, "examples"), 0);
        char text[2048] = "";
        if (example)
            snprintf(text, sizeof text, "%s: %s / %s",
                     cJSON_GetObjectItem(example, "event")->valuestring,
                     cJSON_GetObjectItem(example, "live")->valuestring,
                     cJSON_GetObjectItem(example, "shadow")->valuestring);
        assert_string_equal(text, first);
    }
    if (!found)
        fail_msg("no '%s' in %s", hook, json.ptr);
    cJSON_Delete(report);
    mcr_buf_fini(&json);
}

static int reported(const pair *p, const char *key)
{
    mcr_buf json = { 0 };
    mcr_shadow_report(p->shadow, &json);
    cJSON *report = cJSON_Parse(mcr_buf_cstr(&json));
    int n = cJSON_GetObjectItem(report, key)->valueint;
    cJSON_Delete(report);
    mcr_buf_fini(&json);
    return n;
}

// What the watcher sees of three events.
static const char *handled(const pair *p, batch *b)
{
    const mcr_hooks *hooks = mcr_shadow_hooks(p->shadow);
    batch_fill(b, 3);
    hooks->handle(hooks->self, b->v, b->n, 1);
    const char *text = batch_text(b);
    batch_release(b);
    return text;
}

static void only_live_answers_hold(void **state)
{
    (void)state;
    static const struct {
        const char *live, *candidate;
        const char *seen; // by the watcher
        int differ;
        const char *first;
    } cases[] = {
        { "return { filter = function(e) return e.count > 1 end }",
          "return { filter = function(e) return e.count > 1 end }", "drop R2 R3", 0, "" },
        { "return { filter = function(e) return e.count > 1 end }",
          "return { filter = function(e) return e.count > 2 end }", "drop R2 R3", 1,
          "/e2: passes it / drops it" },
        { "return {}", "return { handle = function(e) error('no') end }", "R1 R2 R3", 3,
          "/e1: passes it / fails" },
        { "return { handle = function(e) return e:with{ reason = 'X' } end }",
          "return { handle = function(e) return e:with{ reason = 'X' } end }", "X X X", 0, "" },
        { "return { filter = function(e) return false end }", "return {}", "drop drop drop", 3,
          "/e1: drops it / passes it" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pair p = pair_of(cases[i].live, cases[i].candidate);
        batch b;
        assert_string_equal(handled(&p, &b), cases[i].seen);
        assert_report(&p, "handle", 3, cases[i].differ, cases[i].first);
        assert_int_equal(mcr_scripts_counts_now(p.live).script_errors, 0);
        pair_end(&p);
    }
}

static void compares_routes(void **state)
{
    (void)state;
    pair p = pair_of("return { route = function(e) return e.count == 1 and 'one' or "
                     "{ two = e:with{ reason = 'T' } } end }",
                     "return { route = function(e) return e.count < 3 and 'one' or "
                     "{ two = e:with{ reason = 'T' } } end }");
    const mcr_hooks *hooks = mcr_shadow_hooks(p.shadow);
    batch b;
    batch_fill(&b, 3);
    hooks->route(hooks->self, b.v, b.n, 1);
    assert_int_equal(b.v[0].sinks, 1);
    assert_int_equal(b.v[1].sinks, 0);
    mcr_direct d;
    for (uint32_t place = 2; place <= 3; place++) {
        assert_true(hooks->next_direct(hooks->self, &d));
        assert_int_equal(d.place, place);
        assert_int_equal(d.sink, 1);
        mcr_event_unref(d.ev);
    }
    assert_false(hooks->next_direct(hooks->self, &d));
    batch_release(&b);
    mcr_buf json = { 0 };
    mcr_shadow_report(p.shadow, &json);
    assert_non_null(strstr(mcr_buf_cstr(&json), "\"compared\":3,\"differ\":1"));
    assert_non_null(strstr(json.ptr, "\"event\":\"/e2\",\"live\":\"two with {"));
    assert_non_null(strstr(json.ptr, "\"shadow\":\"one\""));
    mcr_buf_fini(&json);
    pair_end(&p);
}

static void compares_keys(void **state)
{
    (void)state;
    pair p = pair_of("return { aggregate_key = function(e) return e.reason end }",
                     "return { aggregate_key = { 'reason' }, local_key = function(e) "
                     "return e.count == 2 and 'l' or nil end }");
    mcr_correlator_options options = { 0 };
    mcr_shadow_correlator_hooks(p.shadow, &options);
    mcr_buf out = { 0 };
    for (int i = 1; i <= 3; i++) {
        mcr_event *ev = numbered_event(i);
        char reason[16];
        snprintf(reason, sizeof reason, "R%d", i);
        out.len = 0;
        assert_true(options.aggregate_key.call(options.aggregate_key.self, ev, &out));
        assert_string_equal(mcr_buf_cstr(&out), reason);
        out.len = 0;
        assert_false(options.local_key.call(options.local_key.self, ev, &out));
        assert_int_equal(out.len, 0);
        mcr_event_unref(ev);
    }
    assert_null(options.spam_key.call);
    assert_report(&p, "aggregate_key", 3, 0, "");
    assert_report(&p, "local_key", 3, 1, "/e2: client-go's / l");
    mcr_buf_fini(&out);
    pair_end(&p);
}

static void causes_nothing(void **state)
{
    (void)state;
    pair p = pair_of("return {}", "return { handle = function(e)\n"
                                  "  assert(emit(e, 'one') == true)\n"
                                  "  shared.set('seen', true)\n"
                                  "  assert(shared.get('seen') == nil)\n"
                                  "  assert(shared.add('n') == 1)\n"
                                  "  shared.delete('seen')\n"
                                  "end }");
    batch b;
    assert_string_equal(handled(&p, &b), "R1 R2 R3");
    assert_report(&p, "handle", 3, 0, "");
    mcr_direct d;
    const mcr_hooks *hooks = mcr_shadow_hooks(p.shadow);
    assert_false(hooks->next_direct(hooks->self, &d));
    assert_int_equal(reported(&p, "script_errors"), 0);
    assert_int_equal(reported(&p, "emits"), 3);
    assert_int_equal(reported(&p, "shared_writes"), 9);
    pair_end(&p);
}

static void promoted_causes_all(void **state)
{
    (void)state;
    pair p = pair_of("return {}", "local n = 0\n"
                                  "return { handle = function(e)\n"
                                  "  n = n + 1\n"
                                  "  shared.set('n', n)\n"
                                  "end }");
    batch b;
    handled(&p, &b);
    mcr_scripts *now = mcr_shadow_promote(p.shadow);
    const mcr_hooks *hooks = mcr_scripts_hooks(now);
    batch_fill(&b, 1);
    hooks->handle(hooks->self, b.v, b.n, 1);
    batch_release(&b);
    // It has counted the three that it saw as a shadow, too.
    mcr_shared_value n = mcr_shared_get(p.shared, MCR_STR("n"), 1);
    assert_int_equal(n.kind, MCR_SHARED_NUMBER);
    assert_int_equal(n.number, 4);
    mcr_scripts_free(now);
    mcr_scripts_free(p.live);
    mcr_shared_free(p.shared);
}

// Of long answers the part is shown in which they differ, in whole characters.
static void shows_what_differs(void **state)
{
    (void)state;
    pair p =
        pair_of("return { handle = function(e)\n"
                "  return e:with{ message = ('ä'):rep(1000) .. 'one' .. ('ö'):rep(1000) } end }",
                "return { handle = function(e)\n"
                "  return e:with{ message = ('ä'):rep(1000) .. 'two' .. ('ö'):rep(1000) } end }");
    batch b;
    handled(&p, &b);
    mcr_buf json = { 0 };
    mcr_shadow_report(p.shadow, &json);
    cJSON *report = cJSON_Parse(mcr_buf_cstr(&json));
    const cJSON *hook = cJSON_GetArrayItem(cJSON_GetObjectItem(report, "hooks"), 0);
    const cJSON *example = cJSON_GetArrayItem(cJSON_GetObjectItem(hook, "examples"), 0);
    const char *live = cJSON_GetObjectItem(example, "live")->valuestring;
    const char *shadow = cJSON_GetObjectItem(example, "shadow")->valuestring;
    assert_memory_equal(live, "…ää", strlen("…ää"));
    assert_non_null(strstr(live, "äoneö"));
    assert_non_null(strstr(shadow, "ätwoö"));
    assert_string_equal(live + strlen(live) - strlen("öö…"), "öö…");
    assert_in_range(strlen(live), 390, 410);
    cJSON_Delete(report);
    mcr_buf_fini(&json);
    pair_end(&p);
}

static void keeps_the_first_examples(void **state)
{
    (void)state;
    pair p = pair_of("return {}", "return { filter = function(e) return false end }");
    batch b;
    handled(&p, &b);
    handled(&p, &b);
    assert_report(&p, "handle", 6, 6, "/e1: passes it / drops it");
    mcr_buf json = { 0 };
    mcr_shadow_report(p.shadow, &json);
    int examples = 0;
    for (const char *at = mcr_buf_cstr(&json); (at = strstr(at, "\"event\"")); at++)
        examples++;
    assert_int_equal(examples, 5);
    mcr_buf_fini(&json);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_live_answers_hold), cmocka_unit_test(compares_routes),
        cmocka_unit_test(compares_keys),          cmocka_unit_test(causes_nothing),
        cmocka_unit_test(promoted_causes_all),    cmocka_unit_test(keeps_the_first_examples),
        cmocka_unit_test(shows_what_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
