#include "cli/replay_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/shown.h"
#include "event/encode.h"
#include "event/time.h"

// One place that lines go to.
typedef struct target {
    FILE *file; // NULL: nowhere
    char *path; // NULL: standard output
} target;

// A watcher of the configuration.
typedef struct watcher {
    const char *name;
    target none;         // for what reaches no sink
    target *sinks;       // those of the watcher; without a folder all the same
    mcr_buf *sink_words; // `"watcher":"w","sink":"s"`
    mcr_buf word;        // `"watcher":"w"`
    uint32_t sink_n;
} watcher;

struct mcr_replay_output {
    mcr_replay_output_options options;
    mcr_config *config; // held
    watcher *watchers;
    target out;           // standard output, or the file that is blessed
    bool files;           // each sink has its own
    FILE *expected;       // NULL: nothing is compared (any more)
    char *expected_line;  // by getline
    size_t expected_size; // … its room
    uint64_t lines;
    bool differs;
    bool failed;
    mcr_buf line;
    int64_t time; // the one in time_text
    mcr_buf time_text;
};

static const char *target_name(const target *t)
{
    return t->path ? t->path : "standard output";
}

static void fail(mcr_replay_output *o, const target *t)
{
    if (!o->failed)
        mcr_log(MCR_LOG_ERROR, "%s: %s", target_name(t), strerror(errno));
    o->failed = true;
}

static bool is_open(const mcr_replay_output *o, const char *path)
{
    for (uint32_t i = 0; i < o->config->watcher_n; i++) {
        const watcher *w = &o->watchers[i];
        for (uint32_t k = 0; k < w->sink_n && w->sinks; k++)
            if (w->sinks[k].path && strcmp(w->sinks[k].path, path) == 0)
                return true;
        if (w->none.path && strcmp(w->none.path, path) == 0)
            return true;
    }
    return false;
}

static bool open_target(mcr_replay_output *o, target *t, char *path_taken, mcr_errbuf *err)
{
    bool taken = is_open(o, path_taken);
    t->path = path_taken;
    if (taken) {
        mcr_errf(err, MCR_EINVAL, "%s: the names of two sinks lead to this file", t->path);
        return false;
    }
    t->file = fopen(t->path, "we");
    if (!t->file)
        mcr_errf(err, MCR_EIO, "%s: %s", t->path, strerror(errno));
    return t->file != NULL;
}

static char *text_of(mcr_buf *b)
{
    char *text = mcr_strdup(mcr_buf_cstr(b));
    mcr_buf_fini(b);
    return text;
}

// "DIR/WATCHER.SINK.jsonl"; a name with a slash must not lead out of the folder.
static char *file_path(const char *dir, const char *name, const char *sink)
{
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/", dir);
    size_t from = path.len;
    mcr_buf_printf(&path, "%s%s%s.jsonl", name, sink ? "." : "", sink ? sink : "");
    for (size_t i = from; i < path.len; i++)
        if (path.ptr[i] == '/')
            path.ptr[i] = '_';
    return text_of(&path);
}

static const char *sink_name(const mcr_config *config, const mcr_config_watcher *w, uint32_t i)
{
    return i < w->sink_n ? config->sinks[w->sinks[i]].name : MCR_LOG_SINK;
}

static bool open_watcher(mcr_replay_output *o, uint32_t index, mcr_errbuf *err)
{
    const mcr_config_watcher *config = &o->config->watchers[index];
    watcher *w = &o->watchers[index];
    w->name = config->name;
    w->sink_n = mcr_config_watcher_sinks(config);
    w->sinks = mcr_zalloc((w->sink_n + 1) * sizeof *w->sinks);
    w->sink_words = mcr_zalloc((w->sink_n + 1) * sizeof *w->sink_words);
    mcr_buf_puts(&w->word, "\"watcher\":");
    mcr_json_string(&w->word, mcr_str_of(w->name));
    const char *dir = o->options.dir;
    for (uint32_t i = 0; i < w->sink_n; i++) {
        const char *name = sink_name(o->config, config, i);
        mcr_buf_add(&w->sink_words[i], mcr_buf_str(&w->word));
        mcr_buf_puts(&w->sink_words[i], ",\"sink\":");
        mcr_json_string(&w->sink_words[i], mcr_str_of(name));
        if (dir && !open_target(o, &w->sinks[i], file_path(dir, w->name, name), err))
            return false;
    }
    return !dir || !o->options.all || open_target(o, &w->none, file_path(dir, w->name, NULL), err);
}

static bool open_files(mcr_replay_output *o, mcr_errbuf *err)
{
    const mcr_replay_output_options *options = &o->options;
    if (options->dir && mkdir(options->dir, 0777) < 0 && errno != EEXIST) {
        mcr_errf(err, MCR_EIO, "%s: %s", options->dir, strerror(errno));
        return false;
    }
    for (uint32_t i = 0; i < o->config->watcher_n; i++)
        if (!open_watcher(o, i, err))
            return false;
    if (options->bless) {
        mcr_buf path = { 0 };
        mcr_buf_printf(&path, "%s.part", options->expect);
        return open_target(o, &o->out, text_of(&path), err);
    }
    if (options->expect) {
        struct stat st;
        o->expected = fopen(options->expect, "re");
        if (!o->expected)
            mcr_errf(err, MCR_EIO, "%s: %s (--bless writes it)", options->expect, strerror(errno));
        else if (fstat(fileno(o->expected), &st) == 0 && S_ISDIR(st.st_mode))
            mcr_errf(err, MCR_EIO, "%s: %s", options->expect, strerror(EISDIR));
        else
            return true;
        return false;
    }
    if (!options->dir)
        o->out.file = stdout;
    return true;
}

mcr_replay_output *mcr_replay_output_new(const mcr_replay_output_options *options,
                                         mcr_config *config, mcr_errbuf *err)
{
    mcr_replay_output *o = mcr_zalloc(sizeof *o);
    o->options = *options;
    o->config = config;
    mcr_config_ref(config);
    o->files = options->dir != NULL;
    o->time = INT64_MIN;
    o->watchers = mcr_zalloc((config->watcher_n + 1) * sizeof *o->watchers);
    if (open_files(o, err))
        return o;
    mcr_replay_output_free(o);
    return NULL;
}

static void close_target(mcr_replay_output *o, target *t)
{
    if (t->file && (t->file == stdout ? fflush(stdout) : fclose(t->file)) != 0)
        fail(o, t);
    t->file = NULL;
}

static void each_target(mcr_replay_output *o, void (*call)(mcr_replay_output *o, target *t))
{
    for (uint32_t i = 0; i < o->config->watcher_n; i++) {
        watcher *w = &o->watchers[i];
        for (uint32_t k = 0; k < w->sink_n && w->sinks; k++)
            call(o, &w->sinks[k]);
        call(o, &w->none);
    }
    call(o, &o->out);
}

static void free_target(mcr_replay_output *o, target *t)
{
    close_target(o, t);
    free(t->path);
}

void mcr_replay_output_free(mcr_replay_output *o)
{
    if (!o)
        return;
    each_target(o, free_target);
    for (uint32_t i = 0; i < o->config->watcher_n; i++) {
        watcher *w = &o->watchers[i];
        for (uint32_t k = 0; k < w->sink_n && w->sink_words; k++)
            mcr_buf_fini(&w->sink_words[k]);
        free(w->sinks);
        free(w->sink_words);
        mcr_buf_fini(&w->word);
    }
    free(o->watchers);
    mcr_config_unref(o->config);
    if (o->expected)
        fclose(o->expected);
    free(o->expected_line);
    mcr_buf_fini(&o->line);
    mcr_buf_fini(&o->time_text);
    free(o);
}

static void flush_target(mcr_replay_output *o, target *t)
{
    if (t->file && fflush(t->file) != 0)
        fail(o, t);
}

void mcr_replay_output_flush(mcr_replay_output *o)
{
    each_target(o, flush_target);
}

// `,"key":"text"`
static void add_text(mcr_buf *line, const char *key, mcr_str text)
{
    mcr_buf_printf(line, ",\"%s\":", key);
    mcr_json_string(line, text);
}

static void add_time(mcr_replay_output *o, int64_t now)
{
    if (o->time != now) {
        mcr_time t = mcr_time_of(now);
        int decimals = t.nsec == 0 ? 0 : t.nsec % 1000 == 0 ? 6 : 9;
        o->time = now;
        o->time_text.len = 0;
        mcr_time_format(&o->time_text, t.sec, t.nsec, decimals);
    }
    mcr_buf_add(&o->line, mcr_buf_str(&o->time_text));
}

// JSON of the event, on one line: a line end in it can only be white space.
static void add_json(mcr_buf *line, const char *key, mcr_str json)
{
    mcr_buf_printf(line, ",\"%s\":", key);
    size_t before = line->len;
    mcr_buf_add(line, json);
    for (char *at = line->ptr + before, *end = line->ptr + line->len;
         (at = memchr(at, '\n', (size_t)(end - at)));)
        *at = ' ';
}

static void add_event(mcr_buf *line, const mcr_event *ev)
{
    if (ev->raw.len) {
        add_json(line, "event", ev->raw);
        return;
    }
    mcr_buf_puts(line, ",\"event\":");
    mcr_event_write(line, ev);
}

static void add_request(mcr_buf *line, const mcr_sent *sent)
{
    mcr_buf url = { 0 }, shown = { 0 };
    mcr_buf_add(&url, sent->url);
    mcr_url_shown(&shown, mcr_buf_cstr(&url));
    add_text(line, "method", sent->method);
    add_text(line, "url", mcr_buf_str(&shown));
    add_text(line, "body", sent->body);
    mcr_buf_fini(&url);
    mcr_buf_fini(&shown);
}

static void add_sent(mcr_buf *line, const mcr_rehearsal_record *record)
{
    const mcr_sent *sent = record->sent;
    if (sent && sent->form == MCR_SENDING_CREATE) {
        mcr_buf_puts(line, ",\"verb\":\"create\"");
        add_json(line, "event", sent->body);
        return;
    }
    if (sent && sent->form == MCR_SENDING_PATCH) {
        mcr_buf_puts(line, ",\"verb\":\"patch\"");
        add_json(line, "patch", sent->body);
    }
    if (sent && sent->form == MCR_SENDING_REQUEST)
        add_request(line, sent);
    add_event(line, record->ev);
}

static void write_line(mcr_replay_output *o, const mcr_rehearsal_place *at,
                       const mcr_rehearsal_record *record)
{
    const watcher *w = &o->watchers[at->watcher];
    mcr_buf *line = &o->line;
    line->len = 0;
    mcr_buf_puts(line, "{\"input\":");
    mcr_buf_i64(line, (int64_t)at->input);
    mcr_buf_puts(line, ",\"time\":\"");
    add_time(o, at->now);
    mcr_buf_puts(line, "\",");
    mcr_buf_add(line, mcr_buf_str(record->sink < 0 ? &w->word : &w->sink_words[record->sink]));
    for (uint32_t i = 0; i < at->by_n; i++) {
        mcr_buf_puts(line, i ? "," : ",\"by\":[");
        mcr_json_string(line, mcr_str_of(o->watchers[at->by[i]].name));
        mcr_buf_puts(line, i + 1 == at->by_n ? "]" : "");
    }
    if (record->direct)
        mcr_buf_puts(line, ",\"direct\":true");
    mcr_buf_puts(line, ",\"what\":\"");
    mcr_buf_puts(line, mcr_rehearsed_name(record->what));
    mcr_buf_puts(line, "\"");
    if (record->why.len) {
        const char *end = memchr(record->why.ptr, '\n', record->why.len);
        size_t len = end ? (size_t)(end - record->why.ptr) : record->why.len;
        add_text(line, "why", mcr_str_n(record->why.ptr, len)); // without the traceback
    }
    add_sent(line, record);
    mcr_buf_puts(line, "}\n");
}

// The first bytes that two lines do not share.
static size_t same_bytes(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static void say_difference(mcr_replay_output *o, const char *expected, const char *got)
{
    o->differs = true;
    mcr_log(MCR_LOG_ERROR, "%s:%" PRIu64 ": differs from byte %zu on", o->options.expect, o->lines,
            same_bytes(expected, got) + 1);
    fprintf(stderr, "expected: %s%s     got: %s%s", expected, strchr(expected, '\n') ? "" : "\n",
            got, strchr(got, '\n') ? "" : "\n");
    fclose(o->expected);
    o->expected = NULL;
}

static void compare(mcr_replay_output *o)
{
    ssize_t n = getline(&o->expected_line, &o->expected_size, o->expected);
    const char *got = mcr_buf_cstr(&o->line);
    if (n < 0)
        say_difference(o, "(nothing more)", got);
    else if (strcmp(o->expected_line, got) != 0)
        say_difference(o, o->expected_line, got);
}

void mcr_replay_output_record(void *self, const mcr_rehearsal_place *at,
                              const mcr_rehearsal_record *record)
{
    mcr_replay_output *o = self;
    if (record->sink < 0 && !o->options.all)
        return;
    const watcher *w = &o->watchers[at->watcher];
    const target *file = record->sink < 0 ? &w->none : &w->sinks[record->sink];
    const target *const to[] = { o->files ? file : NULL, &o->out };
    write_line(o, at, record);
    o->lines++;
    if (o->expected)
        compare(o);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (to[i] && to[i]->file && fwrite(o->line.ptr, 1, o->line.len, to[i]->file) != o->line.len)
            fail(o, to[i]);
}

// The lines that were expected must have come to an end, too.
static void compare_end(mcr_replay_output *o)
{
    o->lines++;
    if (getline(&o->expected_line, &o->expected_size, o->expected) >= 0) {
        say_difference(o, o->expected_line, "(nothing more)");
        return;
    }
    mcr_log(MCR_LOG_INFO, "as expected: %" PRIu64 " lines", o->lines - 1);
}

static void bless(mcr_replay_output *o)
{
    if (rename(o->out.path, o->options.expect) < 0) {
        fail(o, &o->out);
        return;
    }
    mcr_log(MCR_LOG_INFO, "%s: %" PRIu64 " lines written", o->options.expect, o->lines);
}

static void forget(mcr_replay_output *o)
{
    if (unlink(o->out.path) < 0)
        fail(o, &o->out);
}

bool mcr_replay_output_end(mcr_replay_output *o, bool whole)
{
    each_target(o, close_target);
    if (whole && o->expected)
        compare_end(o);
    if (whole && o->options.bless && !o->failed)
        bless(o);
    else if (o->options.bless)
        forget(o);
    if (!whole && o->options.expect)
        mcr_log(MCR_LOG_ERROR, "%s: not %s: the input could not be read whole", o->options.expect,
                o->options.bless ? "written" : "compared to its end");
    return !o->failed && !o->differs;
}
