// config/config_same.h: what a reload leaves alone. Each case is two configurations and what
// differs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "base/buf.h"
#include "config/config_same.h"

static char folder[] = "/tmp/mooncrier-same-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static mcr_config *load(const char *text)
{
    char path[128];
    mcr_errbuf err;
    write_file("mooncrier.lua", text);
    snprintf(path, sizeof path, "%s/mooncrier.lua", folder);
    mcr_config *config = mcr_config_load(path, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}

// A configuration of one source, one sink and one watcher.
#define CONFIG(source, sink, watcher, rest)                                                        \
    "return { sources = { { " source " } }, sinks = { s = { " sink " } },\n"                       \
    "watchers = { { name = 'w', " watcher " } }, " rest " }"
#define SOURCE "kind = 'jsonl', path = 'in.jsonl'"
#define SINK   "kind = 'file', path = 'out.jsonl'"
#define KUBE   "kind = 'kube', server = 'http://127.0.0.1:1'"

#define SOURCES(text)  CONFIG(text, SINK, "sinks = { 's' }", "")
#define SINKS(text)    CONFIG(SOURCE, text, "sinks = { 's' }", "")
#define WATCHERS(text) CONFIG(SOURCE, SINK, text, "")
#define RECORDER(text) CONFIG(SOURCE, KUBE, "sinks = { 's' }, " text, "")
#define REST(text)     CONFIG(SOURCE, SINK, "sinks = { 's' }", text)

typedef struct same_case {
    const char *a, *b;
    const char *differs; // of "source sink log queue correlator", then what is fixed
} same_case;

static const same_case cases[] = {
    { SOURCES(SOURCE), SOURCES(SOURCE), "" },
    { SOURCES(SOURCE), SOURCES("path = 'in.jsonl', kind = 'jsonl'"), "" },
    { SOURCES(SOURCE), SOURCES("kind = 'jsonl', path = 'in2.jsonl'"), "source " },
    { SOURCES(SOURCE), SOURCES(SOURCE ", follow = true"), "source " },
    { SOURCES(SOURCE), SOURCES(SOURCE ", name = 'n'"), "source " },
    { SOURCES(SOURCE ", name = 'n'"), SOURCES(SOURCE ", name = 'm'"), "source " },
    { SINKS(SINK), SINKS("path = 'out.jsonl', kind = 'file'"), "" },
    { SINKS(SINK), SINKS("kind = 'file', path = 'other.jsonl'"), "sink " },
    { SINKS(SINK), SINKS("kind = 'stdout'"), "sink " },
    { SINKS(SINK), SINKS(SINK ", updates = 'first'"), "" },
    { SINKS("kind = 'webhook', url = 'http://127.0.0.1:1', headers = { a = 'b', c = 'd' }"),
      SINKS("kind = 'webhook', headers = { c = 'd', a = 'b' }, url = 'http://127.0.0.1:1'"), "" },
    { SINKS("kind = 'webhook', url = 'http://127.0.0.1:1', headers = { a = 'b' }"),
      SINKS("kind = 'webhook', url = 'http://127.0.0.1:1', headers = { a = 'c' }"), "sink " },
    { SINKS("kind = 'webhook', url = 'http://127.0.0.1:1/a'"),
      SINKS("kind = 'webhook', url = 'http://127.0.0.1:1/b'"), "sink " },
    { SINKS("kind = 'script', script = 'sink.lua'"), SINKS("kind = 'script', script = 'sink.lua'"),
      "" },
    { SINKS("kind = 'script', script = 'sink.lua'"), SINKS("kind = 'script', script = 'sink2.lua'"),
      "sink " },
    { SINKS("kind = 'script', script = { 'sink.lua', params = { a = 1 } }"),
      SINKS("kind = 'script', script = { 'sink.lua', params = { a = 2 } }"), "sink " },
    { WATCHERS("sinks = { 's' }"), WATCHERS("sinks = { 's' }, log = 'plain'"), "log " },
    { WATCHERS("sinks = { 's' }, log = 'plain'"), WATCHERS("sinks = { 's' }, log = 'plain'"), "" },
    { WATCHERS("sinks = { 's' }, log = 'plain'"), WATCHERS("sinks = { 's' }, log = 'json'"),
      "log " },
    { WATCHERS("sinks = { 's' }"), WATCHERS("sinks = { 's' }, queue = 77"), "queue " },
    { WATCHERS("sinks = { 's' }"), WATCHERS("sinks = { 's' }, group = 'g'"), "queue " },
    { WATCHERS("group = 'g'"), WATCHERS("group = 'h'"), "queue " },
    { WATCHERS("group = 'g'"), WATCHERS("group = 'g', on_error = 'drop', deadline = '2s'"), "" },
    { RECORDER(""), RECORDER(""), "" },
    { RECORDER(""), RECORDER("correlate = true"), "" },
    { RECORDER(""), RECORDER("correlate = false"), "correlator " },
    { RECORDER(""), RECORDER("correlate = 'client-go'"), "correlator " },
    { RECORDER(""), RECORDER("correlate = { max_events = 3 }"), "correlator " },
    { RECORDER("correlate = false"), RECORDER("correlate = false"), "" },
    { RECORDER("correlate = false"),
      CONFIG(SOURCE, KUBE ", policy = 'client-go'", "sinks = { 's' }, correlate = false", ""),
      "sink " },
    { REST(""), REST("dead_letters = 'd'"), "dead_letters" },
    { REST(""), REST("limits = { emit = 77, drain_timeout = '7s' }"),
      "limits.emit, limits.drain_timeout" },
    { REST(""), REST("reload = { debounce = '7s' }"), "reload" },
    { REST(""), REST("state_dir = 'x', control = 'y'"), "state_dir, control" },
};

static void add(mcr_buf *out, const char *word, bool same)
{
    if (!same)
        mcr_buf_printf(out, "%s ", word);
}

// Whether the logs of the two watchers are the same; of none and one: no.
static bool same_log(const mcr_config *a, const mcr_config *b)
{
    const mcr_config_watcher *v = &a->watchers[0], *w = &b->watchers[0];
    if (!v->log_format || !w->log_format)
        return !v->log_format && !w->log_format;
    return mcr_config_same_sink(a, v, v->sink_n, b, w, w->sink_n);
}

static void differ(mcr_buf *out, const mcr_config *a, const mcr_config *b)
{
    const mcr_config_watcher *v = &a->watchers[0], *w = &b->watchers[0];
    add(out, "source", mcr_config_same_source(&a->sources[0], &b->sources[0]));
    if (v->sink_n && w->sink_n)
        add(out, "sink", mcr_config_same_sink(a, v, 0, b, w, 0));
    add(out, "log", same_log(a, b));
    add(out, "queue", mcr_config_same_queue(v, w));
    add(out, "correlator", mcr_config_same_correlator(v, w));
    mcr_config_note_fixed(out, a, b);
    mcr_buf_cstr(out);
}

static void finds_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_config *a = load(cases[i].a), *b = load(cases[i].b);
        mcr_buf there = { 0 }, back = { 0 };
        differ(&there, a, b);
        differ(&back, b, a);
        if (strcmp(there.ptr, cases[i].differs) != 0 || strcmp(back.ptr, cases[i].differs) != 0)
            fail_msg("%s\n%s\n: '%s' and '%s', not '%s'", cases[i].a, cases[i].b, there.ptr,
                     back.ptr, cases[i].differs);
        mcr_buf_fini(&there);
        mcr_buf_fini(&back);
        mcr_config_unref(a);
        mcr_config_unref(b);
    }
}

// A name decides, not the place; the log is none of the named ones.
static void sinks_are_told_apart(void **state)
{
    (void)state;
    static const char text[] =
        "return { sources = { { " SOURCE " } }, sinks = { a = { " SINK " }, b = { " SINK " } },\n"
        "watchers = { { name = 'w', sinks = { 'a', 'b' }, log = 'plain' } } }";
    mcr_config *a = load(text), *b = load(text);
    const mcr_config_watcher *v = &a->watchers[0], *w = &b->watchers[0];
    assert_int_equal(mcr_config_watcher_sinks(v), 3);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < 3; k++)
            assert_int_equal(mcr_config_same_sink(a, v, i, b, w, k), i == k);
    mcr_config_unref(a);
    mcr_config_unref(b);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file("sink.lua", "return { write = function() end }");
    write_file("sink2.lua", "return { write = function() end }");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); // NOLINT(cert-env33-c)
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_differs),
        cmocka_unit_test(sinks_are_told_apart),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
