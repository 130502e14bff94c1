// script/script.h: the hooks of the correlator.

#include "harness.h"

#include "correlate/correlator.h"

static mcr_event *pod_event(void)
{
    return event_from("{\"metadata\":{\"name\":\"e\",\"namespace\":\"n\"},"
                      "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"web-7d4b9c6f5-x2x7p\","
                      "\"uid\":\"u-1\"},\"reason\":\"R\",\"message\":\"failed 3 times\","
                      "\"type\":\"Warning\",\"count\":1}");
}

// The text that `hook` makes, or "default".
static const char *text_of(const mcr_text_hook *hook, mcr_event *ev)
{
    static char text[256];
    mcr_buf out = { 0 };
    mcr_buf_puts(&out, "<");
    bool own = hook->call && hook->call(hook->self, ev, &out);
    snprintf(text, sizeof text, "%s", own ? mcr_buf_cstr(&out) : "default");
    mcr_buf_fini(&out);
    return text;
}

static void makes_keys(void **state)
{
    (void)state;
    static const struct {
        const char *hook; // what aggregate_key is
        const char *key;
        unsigned errors;
    } cases[] = {
        { "function(e) return e.reason end", "<R", 0 },
        { "function(e) return '' end", "<", 0 },
        { "function(e) return 'a\\0b' end", "<a", 0 }, // what C prints of it
        { "function(e) end", "default", 0 },
        { "function(e) return nil end", "default", 0 },
        { "function(e) return e.involvedObject.name .. '/' .. e.type end",
          "<web-7d4b9c6f5-x2x7p/Warning", 0 },
        { "function(e) return e:with{ reason = 'X' }.reason end", "<X", 0 },
        { "function(e) return 5 end", "default", 1 },
        { "function(e) return true end", "default", 1 },
        { "function(e) return false end", "default", 1 },
        { "function(e) return {} end", "default", 1 },
        { "function(e) return e end", "default", 1 },
        { "function(e) error('no') end", "default", 1 },
        { "function(e) error({}) end", "default", 1 },
        { "function(e) return e.resaon end", "default", 1 },
        { "function(e) emit(e) return 'x' end", "default", 1 },
        { "function(e) emit(e, 'sink') return 'x' end", "default", 1 },
        { "function(e) pcall(emit, e) return 'x' end", "<x", 0 },
        { "{ 'reason' }", "<R", 0 },
        { "{ 'involvedObject.uid', 'reason', normalize = true }", "<u-1\x1fR", 0 },
        { "{ 'involvedObject.name', 'message', normalize = true }",
          "<web-*\x1f"
          "failed # times",
          0 },
        { "{ 'message', normalize = false }", "<failed 3 times", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text, "return { aggregate_key = %s }", cases[i].hook);
        load_text(s, text, "k");
        run_init(s);
        mcr_correlator_options options = { 0 };
        assert_true(mcr_scripts_correlator_hooks(s, &options));
        assert_null(options.local_key.call);
        assert_null(options.spam_key.call);
        assert_null(options.aggregate_message.call);
        mcr_event *ev = pod_event();
        for (int round = 0; round < 2; round++)
            if (strcmp(text_of(&options.aggregate_key, ev), cases[i].key) != 0)
                fail_msg("%s: %s", cases[i].hook, text_of(&options.aggregate_key, ev));
        assert_int_equal(mcr_scripts_counts_now(s).script_errors, 2 * cases[i].errors);
        mcr_event_unref(ev);
        mcr_scripts_free(s);
    }
}

static void refuses_what_is_no_key(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        const char *message;
    } cases[] = {
        { "{ agregate_key = function() end }",
          "k:1: unknown hook 'agregate_key'; did you mean 'aggregate_key'?" },
        { "{ local_key = 'reason' }",
          "k: hook 'local_key' must be a function or table, not a string" },
        { "{ aggregate_message = {} }",
          "k: hook 'aggregate_message' must be a function, not a table" },
        { "{ spam_key = {} }", "k: spam_key: a key needs at least one field" },
        { "{ spam_key = { normalize = true } }", "k: spam_key: a key needs at least one field" },
        { "{ spam_key = { 'mesage' } }",
          "k: spam_key: no field 'mesage' for a key; did you mean 'message'?" },
        { "{ spam_key = { 'message', 5 } }",
          "k: spam_key: a key is declared by names of fields, not by a number" },
        { "{ spam_key = { 'message', normalise = true } }",
          "k: spam_key: unknown option 'normalise' of a key; did you mean 'normalize'?" },
        { "{ spam_key = { 'message', normalize = 1 } }",
          "k: spam_key: normalize is true or false, not a number" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        mcr_errbuf err = { "" };
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text, "return %s", cases[i].script);
        assert_int_equal(mcr_scripts_load_text(s, mcr_str_of(text), "k", &err), MCR_ECONFIG);
        assert_string_equal(err.text, cases[i].message);
        mcr_correlator_options options = { 0 };
        assert_false(mcr_scripts_correlator_hooks(s, &options));
        mcr_scripts_free(s);
    }
}

static void takes_each_once(void **state)
{
    (void)state;
    static const char *const hooks[] = { "aggregate_key",     "local_key", "spam_key",
                                         "aggregate_message", "render",    "route" };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        char text[128], message[128];
        mcr_errbuf err = { "" };
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text, "return { %s = function() end }", hooks[i]);
        load_text(s, text, "one");
        assert_int_equal(mcr_scripts_load_text(s, mcr_str_of(text), "two", &err), MCR_ECONFIG);
        snprintf(message, sizeof message,
                 "two:1: a second %s hook in one watcher; the first is in one", hooks[i]);
        assert_string_equal(err.text, message);
        mcr_scripts_free(s);
    }
}

// Hooks of several scripts come together, and what they keep of an event is stale afterwards.
static void serves_the_correlator(void **state)
{
    (void)state;
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s, "return { aggregate_key = function(e) return e.type end, spam_key = { 'type' } }",
              "keys");
    load_text(s,
              "local kept\n"
              "return { aggregate_message = function(e) return e.reason .. ' many' end,\n"
              "local_key = function(e)\n"
              "  if kept then\n"
              "    local ok, why = pcall(function() return kept.reason end)\n"
              "    assert(not ok and why:find('used after its hook returned'), why)\n"
              "  end\n"
              "  kept = e\n"
              "  return e.reason\n"
              "end }",
              "messages");
    run_init(s);
    mcr_correlator_options options = { .max_events = 2 };
    assert_true(mcr_scripts_correlator_hooks(s, &options));
    mcr_correlator *c = mcr_correlator_new(&options);
    static const char *const messages[] = { "m", "R2 many", "R3 many" };
    for (int i = 0; i < 3; i++) {
        mcr_event *ev = numbered_event(i + 1);
        int64_t now = i;
        mcr_clock clock = mcr_clock_fixed(&now);
        mcr_correlated out;
        mcr_correlator_run(c, ev, &clock, &out);
        assert_int_equal(out.aggregated, i > 0);
        assert_true(mcr_str_is(out.ev->message, messages[i]));
        mcr_event_unref(out.ev);
        mcr_event_unref(ev);
    }
    assert_int_equal(mcr_scripts_counts_now(s).script_errors, 0);
    mcr_correlator_free(c);
    mcr_buf lines = { 0 };
    mcr_scripts_describe(s, &lines);
    assert_string_equal(mcr_buf_cstr(&lines), "keys (aggregate_key, spam_key = type)\n"
                                              "messages (local_key, aggregate_message)");
    mcr_buf_fini(&lines);
    mcr_scripts_free(s);
}

// Only the hooks that make a text cannot emit, and all hooks of a batch see one time.
static void leaves_the_state_as_it_was(void **state)
{
    (void)state;
    static const char *const sinks[] = { "s" };
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_text(s,
              "return { handle = function(e) assert(emit(e, 's')) end,\n"
              "local_key = function(e) emit(e, 's') end,\n"
              "render = function(e) emit(e, 's') end,\n"
              "spam_key = function(e) return tostring(time.now()) end }",
              "k");
    mcr_scripts_set_sinks(s, sinks, 1, 1);
    run_init(s);
    mcr_correlator_options options = { 0 };
    assert_true(mcr_scripts_correlator_hooks(s, &options));
    const mcr_hooks *hooks = mcr_scripts_hooks(s);
    for (unsigned round = 1; round <= 3; round++) {
        batch b;
        batch_fill(&b, 1);
        hooks->handle(hooks->self, b.v, 1, round * 1500000000LL);
        assert_string_equal(batch_text(&b), "R1");
        assert_string_equal(text_of(&options.local_key, b.v[0].ev), "default");
        mcr_rendered out = { 0 };
        mcr_errbuf err;
        assert_int_equal(hooks->render(hooks->self, b.v[0].ev, "s", &out, &err), MCR_RENDER_FAILED);
        assert_non_null(strstr(err.text, "emit: not from a hook that makes"));
        char now[16];
        snprintf(now, sizeof now, "<%g", round * 1.5);
        assert_string_equal(text_of(&options.spam_key, b.v[0].ev), now);
        unsigned direct = 0;
        for (mcr_direct d; hooks->next_direct(hooks->self, &d); direct++)
            mcr_event_unref(d.ev);
        assert_int_equal(direct, 1);
        assert_int_equal(mcr_scripts_counts_now(s).script_errors, 2 * round);
        batch_release(&b);
    }
    mcr_scripts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_keys),
        cmocka_unit_test(refuses_what_is_no_key),
        cmocka_unit_test(takes_each_once),
        cmocka_unit_test(serves_the_correlator),
        cmocka_unit_test(leaves_the_state_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
