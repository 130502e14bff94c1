// vectors DIR… runs every scenario of the golden vectors in the directories (FORMAT.md): all files
// that end in .jsonl or .jsonl.gz, not those of folders below, one scenario a line, dispatched by
// its `kind`. Prints what failed or was not compared, a line per file and one for all; exits 1 if
// anything failed, 2 if there is nothing to run.

#include "vectors/vectors.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"

enum {
    SHOWN = 20, // failures of one file that are printed
    KINDS_SKIPPED = 32,
    PARTS = 8 // of scenarios that are not compared
};

static const struct {
    const char *kind;
    int (*run)(const cJSON *scenario, char *why, size_t why_size);
} kinds[] = {
    { "correlator", vectors_correlator },
    { "decode", vectors_codec },
    { "encode", vectors_codec_encode },
    { "http", vectors_http },
    { "log", vectors_log },
    { "mux", vectors_mux },
    { "mux_backpressure", vectors_mux },
    { "name", vectors_name },
    { "recorder", vectors_recorder },
    { "sink", vectors_sink },
};

typedef struct tally {
    size_t passed;
    size_t failed;
    size_t skipped;
    struct {
        char kind[32];
        size_t n;
    } skipped_kinds[KINDS_SKIPPED]; // the first free one has n = 0; the last takes all the rest
} tally;

static void skip(tally *t, const char *kind, size_t n)
{
    t->skipped += n;
    size_t i = 0;
    while (i < KINDS_SKIPPED - 1 && t->skipped_kinds[i].n &&
           strcmp(t->skipped_kinds[i].kind, kind) != 0)
        i++;
    if (!t->skipped_kinds[i].n)
        snprintf(t->skipped_kinds[i].kind, sizeof t->skipped_kinds[i].kind, "%s", kind);
    t->skipped_kinds[i].n += n;
}

static void add(tally *t, const tally *more)
{
    t->passed += more->passed;
    t->failed += more->failed;
    for (size_t i = 0; i < KINDS_SKIPPED && more->skipped_kinds[i].n; i++)
        skip(t, more->skipped_kinds[i].kind, more->skipped_kinds[i].n);
}

// What was left out of the comparison, in this file and in all.
static struct {
    const char *what; // NULL: the list ends
    size_t here;
    size_t all;
} left_out[PARTS + 1];

void vectors_not_compared(const char *what)
{
    size_t i = 0;
    while (i < PARTS && left_out[i].what && strcmp(left_out[i].what, what) != 0)
        i++;
    if (i == PARTS)
        return;
    left_out[i].what = what;
    left_out[i].here++;
    left_out[i].all++;
}

static void print_left_out(const char *name, bool all)
{
    for (size_t i = 0; left_out[i].what; i++) {
        size_t n = all ? left_out[i].all : left_out[i].here;
        if (n)
            printf("%s: not compared: %s, in %zu scenarios\n", name, left_out[i].what, n);
        left_out[i].here = 0;
    }
}

static void print(const char *name, const tally *t)
{
    printf("%s: %zu passed, %zu failed, %zu skipped", name, t->passed, t->failed, t->skipped);
    for (size_t i = 0; i < KINDS_SKIPPED && t->skipped_kinds[i].n; i++)
        printf("%s%s %zu", i ? ", " : " (not built yet: ", t->skipped_kinds[i].kind,
               t->skipped_kinds[i].n);
    printf("%s\n", t->skipped ? ")" : "");
}

static void fail(tally *t, const char *path, size_t line, const char *id, const char *why)
{
    if (t->failed++ < SHOWN)
        printf("FAILED %s:%zu: %s: %s\n", path, line, id, why);
    else if (t->failed == SHOWN + 1)
        printf("FAILED %s: and more\n", path);
}

static void run_line(tally *t, const char *path, size_t number, const char *line, size_t len)
{
    cJSON *scenario = vectors_parse(line, len);
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(scenario, "kind"));
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(scenario, "id"));
    if (!kind) {
        fail(t, path, number, "?", scenario ? "there is no kind" : "no JSON");
        cJSON_Delete(scenario);
        return;
    }
    int result = -1;
    char why[2048] = "no reason was given";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            result = kinds[i].run(scenario, why, sizeof why);
    if (result < 0)
        skip(t, kind, 1);
    else if (result == 0)
        fail(t, path, number, id ? id : "?", why);
    else
        t->passed++;
    cJSON_Delete(scenario);
}

// Reads one line without its end; false at the end of the file.
static bool read_line(gzFile file, mcr_buf *line)
{
    line->len = 0;
    do {
        char *room = mcr_buf_reserve(line, 65536);
        if (!gzgets(file, room, 65536))
            return line->len > 0;
        line->len += strlen(room);
    } while (line->ptr[line->len - 1] != '\n');
    line->len--;
    return true;
}

static bool run_file(const char *path, tally *all)
{
    gzFile file = gzopen(path, "rb");
    if (!file) {
        fprintf(stderr, "vectors: %s: %s\n", path, strerror(errno));
        return false;
    }
    tally t = { 0 };
    mcr_buf line = { 0 };
    for (size_t number = 1; read_line(file, &line); number++)
        if (line.len)
            run_line(&t, path, number, line.ptr, line.len);
    int code;
    const char *problem = gzerror(file, &code);
    if (code != Z_OK && code != Z_STREAM_END)
        fail(&t, path, 0, "reading", problem);
    gzclose(file);
    mcr_buf_fini(&line);
    print_left_out(path, false);
    print(path, &t);
    add(all, &t);
    return true;
}

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static int is_vectors(const struct dirent *entry)
{
    return ends_in(entry->d_name, ".jsonl") || ends_in(entry->d_name, ".jsonl.gz");
}

static bool run_directory(const char *path, tally *all)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_vectors, alphasort);
    if (n < 0) {
        fprintf(stderr, "vectors: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = n > 0;
    if (!good)
        fprintf(stderr, "vectors: %s: there are no .jsonl or .jsonl.gz files\n", path);
    for (int i = 0; i < n; i++) {
        mcr_buf name = { 0 };
        mcr_buf_printf(&name, "%s/%s", path, entries[i]->d_name);
        good &= run_file(mcr_buf_cstr(&name), all);
        mcr_buf_fini(&name);
        free(entries[i]);
    }
    free(entries);
    return good;
}

int main(int argc, char **argv)
{
    int first = argc > 2 && strcmp(argv[1], "--keys") == 0 ? 3 : 1;
    if (argc <= first) {
        fprintf(stderr, "usage: vectors [--keys SCRIPT] DIR...\n"
                        "Runs the .jsonl and .jsonl.gz files of each DIR, not those of folders in "
                        "it.\n");
        return 2;
    }
    if (first > 1 && !vectors_use_scripts(argv[2]))
        return 2;
    tally all = { 0 };
    bool good = true;
    for (int i = first; i < argc; i++)
        good &= run_directory(argv[i], &all);
    print_left_out("total", true);
    print("total", &all);
    if (!vectors_end_scripts())
        return 1;
    return all.failed ? 1 : good ? 0 : 2;
}
