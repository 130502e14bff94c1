// The manual has every option of every kind of sink, in the section of its kind; the README's table
// of differences from client-go names options that there are, and leaves none out.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "script/script_sink.h"
#include "sink/kinds.h"

static mcr_buf read_whole(const char *path)
{
    mcr_buf text = { 0 };
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot read %s", path);
    size_t n;
    do {
        n = fread(mcr_buf_reserve(&text, 65536), 1, 65536, file);
        text.len += n;
    } while (n > 0);
    fclose(file);
    mcr_buf_cstr(&text);
    return text;
}

// Cuts `text` to what stands between `begin` and the next `end`.
static char *section(char *text, const char *begin, const char *end)
{
    char *from = strstr(text, begin);
    if (!from)
        fail_msg("there is no \"%s\"", begin);
    from += strlen(begin);
    char *to = strstr(from, end);
    if (to)
        *to = '\0';
    return from;
}

static bool has_word(const char *text, const char *before, const char *word, const char *after)
{
    size_t len = strlen(word);
    for (const char *at = text; (at = strstr(at, before)); at++) {
        const char *found = at + strlen(before);
        if (strncmp(found, word, len) == 0 && strchr(after, found[len]))
            return true;
    }
    return false;
}

static void has_options(const mcr_sink_kind *kind, const char *title)
{
    mcr_buf manual = read_whole("core/cli/mooncrier.1");
    const char *text = section(manual.ptr, title, "\n.S");
    for (const mcr_option *o = kind->options; o->name; o++)
        if (!has_word(text, "Va ", o->name, " \n"))
            fail_msg("the manual has no '%s' of sinks of kind %s", o->name, kind->name);
    mcr_buf_fini(&manual);
}

static void the_manual_has_every_option_of_every_sink(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        const char *title;
    } titles[] = {
        { "file", ".Ss Sinks of kind file, stdout and stderr\n" },
        { "stdout", ".Ss Sinks of kind file, stdout and stderr\n" },
        { "stderr", ".Ss Sinks of kind file, stdout and stderr\n" },
        { "kube", ".Ss Sinks of kind kube\n" },
        { "webhook", ".Ss Sinks of kind webhook\n" },
        { "store", ".Ss Sinks of kind store\n" },
    };
    for (const mcr_sink_kind *const *kind = mcr_sink_kinds; *kind; kind++) {
        const char *title = NULL;
        for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
            if (strcmp(titles[i].kind, (*kind)->name) == 0)
                title = titles[i].title;
        if (!title)
            fail_msg("the manual has no section for sinks of kind %s", (*kind)->name);
        has_options(*kind, title);
    }
    has_options(&mcr_sink_kind_script, ".Ss Sinks of kind script\n");
}

// How the server is reached says nothing of what is done.
static bool is_access(const char *name)
{
    static const char *const names[] = { "kubeconfig", "context", "server", "token_file",
                                         "in_cluster" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_elsewhere(const char *name)
{
    static const char *const names[] = { "correlate", "dead_letters", "limits.drain_timeout" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void the_table_of_differences_is_that_of_the_options(void **state)
{
    (void)state;
    mcr_buf readme = read_whole("README.md");
    char *text = section(readme.ptr, "## What differs from client-go\n", "\n## ");
    for (const mcr_option *o = mcr_sink_kind_kube.options; o->name; o++)
        if (o->type != MCR_OPTION_ALIAS && !is_access(o->name) &&
            !has_word(text, "`", o->name, "`"))
            fail_msg("the table has no `%s`", o->name);
    int rows = 0;
    char *rest;
    for (char *line = strtok_r(strstr(text, "|---"), "\n", &rest);
         (line = strtok_r(NULL, "\n", &rest)); rows++) {
        assert_int_equal(line[strlen(line) - 1], '|');
        line[strlen(line) - 1] = '\0';
        char *inner;
        char *name = strtok_r(strrchr(line, '|') + 1, " `,", &inner);
        if (!name)
            fail_msg("no option in the row %s", line);
        for (; name; name = strtok_r(NULL, " `,", &inner))
            if (!mcr_option_find(mcr_sink_kind_kube.options, name) && !is_elsewhere(name))
                fail_msg("there is no option `%s`", name);
    }
    assert_true(rows > 20);
    mcr_buf_fini(&readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_has_every_option_of_every_sink),
        cmocka_unit_test(the_table_of_differences_is_that_of_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
