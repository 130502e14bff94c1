// script/script.h: what scripts make of an event for a sink.

#include "harness.h"

#include <lua.h>

// What `hooks` render for `sink`: "result|body|url|method|headers".
static const char *rendering(const mcr_hooks *hooks, const char *sink)
{
    static char text[4096];
    static const char *const results[] = { "none", "done", "suppress", "failed" };
    mcr_event *ev = numbered_event(1);
    mcr_rendered out = { 0 };
    mcr_errbuf err = { "" };
    mcr_render_result result = hooks->render(hooks->self, ev, sink, &out, &err);
    if (result == MCR_RENDER_FAILED)
        snprintf(text, sizeof text, "failed: %s", err.text);
    else
        snprintf(text, sizeof text, "%s|%s|%s|%s|%s", results[result], mcr_buf_cstr(&out.body),
                 mcr_buf_cstr(&out.url), mcr_buf_cstr(&out.method), mcr_buf_cstr(&out.headers));
    mcr_buf_fini(&out.body);
    mcr_buf_fini(&out.url);
    mcr_buf_fini(&out.method);
    mcr_buf_fini(&out.headers);
    mcr_event_unref(ev);
    return text;
}

static void renders(void **state)
{
    (void)state;
    static const struct {
        const char *body; // of render(e, sink)
        const char *rendering;
    } cases[] = {
        { "", "none||||" },
        { "return nil", "none||||" },
        { "return false", "suppress||||" },
        { "return e.reason .. ' to ' .. sink", "done|R1 to s|||" },
        { "return { text = e.reason }", "done|{\"text\":\"R1\"}|||" },
        { "return {}", "done|{}|||" },
        { "return json.array{}", "done|[]|||" },
        { "return e:with{ reason = 'X' }:get()", NULL },
        { "return 'b', { url = 'http://x/', method = 'PUT' }", "done|b|http://x/|PUT|" },
        { "return 'b', { headers = { ['X-B'] = 2, ['X-A'] = 'one two' } }",
          "done|b|||X-A: one two\nX-B: 2\n" },
        { "return 'b', {}", "done|b|||" },
        { "return nil, { url = 'http://y/' }", "done||http://y/||" },
        { "return 5",
          "failed: r:1: render must return nil, false, a string or a table, not a number" },
        { "return true",
          "failed: r:1: render must return nil, false, a string or a table, not a boolean" },
        { "return 'b', 'c'", "failed: r:1: render: the second result must be a table of headers, "
                             "url and method, not a "
                             "string" },
        { "return 'b', { ulr = 'x' }",
          "failed: r:1: render: unknown option 'ulr'; did you mean 'url'?" },
        { "return 'b', { url = 5 }", "failed: r:1: render: url must be a string, not a number" },
        { "return 'b', { headers = 'x' }",
          "failed: r:1: render: headers must be a table, name = value, not a string" },
        { "return 'b', { headers = { ['a b'] = 'x' } }",
          "failed: r:1: render: 'a b' is no name of a header" },
        { "return 'b', { headers = { a = 'x\\r\\nEvil: 1' } }",
          "failed: r:1: render: header a has a line break or another control character" },
        { "return 'b', { headers = { a = true } }",
          "failed: r:1: render: header a must be a string, not a boolean" },
        { "return { f = function() end }", "failed: r:1: JSON has no function" },
        { "error('no')", "failed: r:1: no" },
        { "return e.resaon", "failed: r:1: no field 'resaon'; did you mean 'reason'?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        snprintf(text, sizeof text, "return { render = function(e, sink) %s end }", cases[i].body);
        load_text(s, text, "r");
        run_init(s);
        const char *found = rendering(mcr_scripts_hooks(s), "s");
        if (cases[i].rendering && strcmp(found, cases[i].rendering) != 0)
            fail_msg("%s: %s", cases[i].body, found);
        assert_int_equal(mcr_scripts_counts_now(s).script_errors, strncmp(found, "failed", 6) == 0);
        mcr_scripts_free(s);
    }
}

static void load_renderer(mcr_scripts *s, const char *sink, const char *path, const char *name)
{
    mcr_errbuf err = { "" };
    lua_State *L = mcr_scripts_state(s);
    lua_newtable(L);
    lua_pushstring(L, sink);
    lua_setfield(L, -2, "prefix");
    if (mcr_scripts_load_renderer(s, sink, path, name, &err))
        fail_msg("%s", err.text);
}

static void prefers_the_sinks_own(void **state)
{
    (void)state;
    const char *path =
        write_scratch("own.lua", "local prefix\n"
                                 "return {\n"
                                 "  init = function(p) prefix = p.prefix end,\n"
                                 "  render = function(e) return prefix .. e.reason end,\n"
                                 "}");
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_renderer(s, "a", path, "own.lua");
    run_init(s);
    assert_string_equal(rendering(mcr_scripts_hooks(s), "a"), "done|aR1|||");
    assert_string_equal(rendering(mcr_scripts_hooks(s), "z"), "none||||");
    mcr_scripts_free(s);

    s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
    load_renderer(s, "a", path, "own.lua");
    load_text(s, "return { render = function(e, sink) return sink end }", "usual");
    load_renderer(s, "b", path, "own.lua");
    run_init(s);
    assert_string_equal(rendering(mcr_scripts_hooks(s), "a"), "done|aR1|||");
    assert_string_equal(rendering(mcr_scripts_hooks(s), "b"), "done|bR1|||");
    assert_string_equal(rendering(mcr_scripts_hooks(s), "c"), "done|c|||");
    mcr_buf lines = { 0 };
    mcr_scripts_describe(s, &lines);
    assert_string_equal(mcr_buf_cstr(&lines), "own.lua (render, init; for sink 'a')\n"
                                              "usual (render)\n"
                                              "own.lua (render, init; for sink 'b')");
    mcr_buf_fini(&lines);
    mcr_scripts_free(s);
    assert_int_equal(remove(path), 0);
}

static void refuses_what_is_no_renderer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        { "return {}", "r.lua: a renderer has a render hook; this script has none" },
        { "return { render = function() end, filter = function() end }",
          "%s:1: a renderer has render and init, not 'filter'" },
        { "return { render = 5 }", "%s:1: hook 'render' must be a function, not a number" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_scratch("r.lua", cases[i].text);
        char message[256];
        mcr_errbuf err = { "" };
        mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "w" });
        lua_pushnil(mcr_scripts_state(s));
        assert_int_equal(mcr_scripts_load_renderer(s, "a", path, "r.lua", &err), MCR_ECONFIG);
        snprintf(message, sizeof message, cases[i].message, path);
        assert_string_equal(err.text, message);
        assert_null(mcr_scripts_hooks(s)->render);
        mcr_scripts_free(s);
        assert_int_equal(remove(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders),
        cmocka_unit_test(prefers_the_sinks_own),
        cmocka_unit_test(refuses_what_is_no_renderer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
