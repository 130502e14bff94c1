#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/units.h"
#include "build.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/recording.h"
#include "config/generation.h"
#include "repl/line_editor.h"
#include "repl/repl_attach.h"
#include "repl/repl_explain.h"
#include "repl/repl_words.h"
#include "store/store_path.h"

enum {
    MAX_EVENTS = 100000, // that are looked at in one session
    MAX_FILES = 256,     // in one :load
    MAX_INPUT = 1 << 20, // bytes of one input over all its lines
    EVENT_LIMIT = 4 << 20,
    SAMPLE = 20, // events, when nobody says how many
    MAX_SAMPLE = 10000,
    MEMORY = 256 << 20
};

typedef struct session {
    mcr_console *console;
    mcr_line_editor *editor; // NULL: standard input is no terminal
    mcr_buf input;           // the lines of what is not complete yet
    mcr_buf out, why;
    mcr_attachment attachment;
    char *config, *script; // what :explain goes by: the last of :config and :script; NULL: none
    bool attached;
    bool failed; // something was wrong, and nobody sat before it
    bool ended;
} session;

// For the handler of SIGINT, and by it.
static session *running;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    mcr_console_interrupt(running->console);
    if (running->editor)
        mcr_line_editor_wake(running->editor);
}

// Prints what the last call has left.
static void print(session *s, mcr_console_result result)
{
    fwrite(s->out.ptr ? s->out.ptr : "", 1, s->out.len, stdout);
    fflush(stdout);
    fwrite(s->why.ptr ? s->why.ptr : "", 1, s->why.len, stderr);
    s->out.len = s->why.len = 0;
    s->failed |= result == MCR_CONSOLE_FAILED;
}

// The events of files, as they are read.
typedef struct event_list {
    mcr_event **at;
    size_t n, cap;
    bool full;
} event_list;

static bool keep(void *self, mcr_event *const *events, uint32_t n)
{
    event_list *list = self;
    for (uint32_t i = 0; i < n; i++) {
        list->full = list->n == MAX_EVENTS;
        if (list->full)
            return false;
        if (list->n == list->cap) {
            list->cap = list->cap ? list->cap * 2 : 256;
            list->at = mcr_realloc(list->at, list->cap * sizeof(mcr_event *));
        }
        list->at[list->n++] = mcr_event_ref(events[i]);
    }
    return true;
}

static void watch_interrupts(const session *s)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    if (s->editor)
        sigaction(SIGINT, &action, NULL);
}

// Reads the files into `list`; whether all went well.
static bool read_files(session *s, char **paths, int n, event_list *list)
{
    const mcr_recording what = {
        .paths = paths, .n = n, .event_limit = EVENT_LIMIT, .take = keep, .self = list
    };
    mcr_recording_end end = mcr_recording_read(&what);
    watch_interrupts(s); // reading had its own
    if (end.stopped_by)
        mcr_buf_puts(&s->why, "interrupted: only what was read so far is there\n");
    if (list->full)
        mcr_buf_printf(&s->why, "there are more: the first %d were taken\n", MAX_EVENTS);
    return mcr_recording_whole(&end);
}

// "~/events.jsonl" is in the home directory.
static char *path_of(const char *name)
{
    const char *home = strncmp(name, "~/", 2) == 0 ? getenv("HOME") : NULL;
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s%s", home ? home : "", home ? name + 1 : name);
    mcr_buf_putc(&path, '\0');
    return path.ptr;
}

static mcr_console_result load(session *s, char *const *names, int n)
{
    event_list list = { 0 };
    mcr_buf all = { 0 };
    char **paths = mcr_alloc((size_t)n * sizeof *paths);
    for (int i = 0; i < n; i++) {
        paths[i] = path_of(names[i]);
        mcr_buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    bool ok = read_files(s, paths, n, &list);
    mcr_console_result result = MCR_CONSOLE_FAILED;
    if (ok || list.n) {
        mcr_console_take_events(s->console, list.at, list.n);
        result = mcr_console_call(s->console, "loaded", mcr_buf_str(&all), &s->out, &s->why);
    }
    for (int i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
    free(list.at);
    mcr_buf_fini(&all);
    return ok ? result : MCR_CONSOLE_FAILED;
}

// :load, with names apart by blanks.
static mcr_console_result load_words(session *s, char *words)
{
    char *names[MAX_FILES];
    int n = 0;
    char *rest = NULL;
    for (char *name = strtok_r(words, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        if (n == MAX_FILES) {
            mcr_buf_printf(&s->why, "at most %d files at once\n", MAX_FILES);
            return MCR_CONSOLE_FAILED;
        }
        names[n++] = name;
    }
    if (n)
        return load(s, names, n);
    mcr_buf_puts(&s->why, "which ones? :load FILE…\n");
    return MCR_CONSOLE_FAILED;
}

// :sample, with how many.
static mcr_console_result take_sample(session *s, const char *number)
{
    char *end;
    errno = 0;
    unsigned long n = *number ? strtoul(number, &end, 10) : SAMPLE;
    if (*number && (errno || *end || n < 1 || n > MAX_SAMPLE)) {
        mcr_buf_printf(&s->why, "a sample is of 1 to %d events\n", MAX_SAMPLE);
        return MCR_CONSOLE_FAILED;
    }
    return mcr_attachment_sample(&s->attachment, s->console, n, &s->out, &s->why);
}

// :config FILE
static mcr_console_result use_config(session *s, const char *path)
{
    mcr_errbuf err;
    mcr_generation *g = mcr_generation_new(NULL);
    mcr_err code = mcr_generation_read(g, *path ? path : NULL, &err);
    if (code) {
        mcr_buf_printf(&s->why, "%s\n", err.text);
    } else {
        free(s->config);
        s->config = mcr_strdup(g->config->path);
        mcr_buf_printf(&s->out, "%s: %u watcher%s; :explain goes by it\n", s->config,
                       g->config->watcher_n, g->config->watcher_n == 1 ? "" : "s");
    }
    mcr_generation_free(g);
    return code ? MCR_CONSOLE_FAILED : MCR_CONSOLE_DONE;
}

// :script FILE [PARAMS]. What is loaded last is what :explain goes by.
static mcr_console_result use_script(session *s, const char *text)
{
    mcr_console_result result =
        mcr_console_call(s->console, "script", mcr_str_of(text), &s->out, &s->why);
    if (result == MCR_CONSOLE_DONE) {
        free(s->script);
        free(s->config);
        s->script = mcr_strndup(text, strcspn(text, " \t"));
        s->config = NULL;
    }
    return result;
}

static mcr_console_result explain(session *s)
{
    if (!s->config && !s->script) {
        mcr_buf_puts(&s->why, "by what? :script FILE or :config FILE says so\n");
        return MCR_CONSOLE_FAILED;
    }
    bool colour = s->editor && !getenv("NO_COLOR");
    const mcr_repl_subject subject = { s->config, s->script, &interrupted };
    return mcr_repl_explain(&subject, s->console, colour, &s->out, &s->why);
}

// A line that begins with a colon.
static mcr_console_result obey(session *s, mcr_str line)
{
    size_t len = strcspn(line.ptr, " \t");
    const mcr_repl_command *command =
        mcr_repl_command_find(mcr_str_n(line.ptr, len), s->attached, &s->why);
    if (!command)
        return MCR_CONSOLE_FAILED;
    const char *text = line.ptr + len + strspn(line.ptr + len, " \t");
    size_t text_len = strlen(text);
    while (text_len && strchr(" \t\r", text[text_len - 1]))
        text_len--;
    char *arg = mcr_strndup(text, text_len);
    mcr_console_result result = MCR_CONSOLE_DONE;
    interrupted = 0;
    switch (command->kind) {
    case MCR_REPL_ASKS_LUA:
        result = mcr_console_call(s->console, command->name, mcr_str_of(arg), &s->out, &s->why);
        break;
    case MCR_REPL_CONFIG:
        result = use_config(s, arg);
        break;
    case MCR_REPL_SCRIPT:
        result = use_script(s, arg);
        break;
    case MCR_REPL_EXPLAIN:
        result = explain(s);
        break;
    case MCR_REPL_LOAD:
        result = load_words(s, arg);
        break;
    case MCR_REPL_HELP:
        mcr_repl_help(&s->out, s->attached);
        break;
    case MCR_REPL_QUIT:
        s->ended = true;
        break;
    case MCR_REPL_STATUS:
        result = mcr_attachment_status(&s->attachment, s->console, &s->out, &s->why);
        break;
    case MCR_REPL_SHARED:
        result =
            mcr_attachment_shared(&s->attachment, s->console, mcr_str_of(arg), &s->out, &s->why);
        break;
    case MCR_REPL_SAMPLE:
        result = take_sample(s, arg);
        break;
    }
    free(arg);
    return result;
}

// Takes one more line.
static void take(session *s, const mcr_buf *line)
{
    mcr_console_result result;
    size_t blanks = 0;
    while (blanks < line->len && (line->ptr[blanks] == ' ' || line->ptr[blanks] == '\t'))
        blanks++;
    if (!s->input.len && blanks < line->len && line->ptr[blanks] == ':') {
        char *text = mcr_strndup(line->ptr + blanks + 1, line->len - blanks - 1);
        result = obey(s, mcr_str_of(text));
        free(text);
        print(s, result);
        return;
    }
    if (s->input.len)
        mcr_buf_putc(&s->input, '\n');
    mcr_buf_append(&s->input, line->ptr, line->len);
    result = s->input.len > MAX_INPUT
                 ? MCR_CONSOLE_FAILED
                 : mcr_console_call(s->console, "enter", mcr_buf_str(&s->input), &s->out, &s->why);
    if (s->input.len > MAX_INPUT)
        mcr_buf_puts(&s->why, "that is more than a megabyte: a script does it better\n");
    if (result == MCR_CONSOLE_MORE && s->input.len == 0)
        result = MCR_CONSOLE_DONE;
    if (result != MCR_CONSOLE_MORE)
        s->input.len = 0;
    print(s, result);
}

static size_t complete(void *arg, mcr_str before, mcr_buf *words, bool *closed)
{
    session *s = arg;
    return mcr_repl_complete(s->console, s->attached, before, words, closed);
}

// "3/346> " where there are events.
static void make_prompt(session *s, mcr_buf *prompt)
{
    prompt->len = 0;
    if (s->input.len) {
        mcr_buf_puts(prompt, "  > ");
    } else {
        mcr_console_call(s->console, "where", (mcr_str){ 0 }, prompt, &s->why);
        if (prompt->len)
            prompt->len--; // its newline
        mcr_buf_puts(prompt, "> ");
    }
    mcr_buf_putc(prompt, '\0');
}

static void converse(session *s)
{
    mcr_buf line = { 0 }, prompt = { 0 };
    printf("mooncrier %s: Lua over Kubernetes events. :help says what there is, Ctrl-D ends.\n",
           MCR_VERSION);
    while (!s->ended) {
        make_prompt(s, &prompt);
        switch (mcr_line_editor_read(s->editor, prompt.ptr, &line)) {
        case MCR_LINE_TYPED:
            take(s, &line);
            break;
        case MCR_LINE_GIVEN_UP:
            puts("^C");
            s->input.len = 0;
            break;
        case MCR_LINE_END:
            putchar('\n');
            s->ended = true;
            break;
        }
    }
    mcr_buf_fini(&line);
    mcr_buf_fini(&prompt);
}

static void read_input(session *s)
{
    char *text = NULL;
    size_t cap = 0;
    while (!s->ended) {
        ssize_t len = getline(&text, &cap, stdin);
        if (len < 0)
            break;
        while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
            len--;
        const mcr_buf line = { text, (size_t)len, cap };
        take(s, &line);
    }
    free(text);
    if (s->input.len) {
        fprintf(stderr, "the end came in the middle of: %.*s\n",
                (int)(s->input.len < 200 ? s->input.len : 200), s->input.ptr);
        s->failed = true;
    }
    if (ferror(stdin)) {
        mcr_log(MCR_LOG_ERROR, "stdin: %s", strerror(errno));
        s->failed = true;
    }
}

// Where what is typed is remembered: beside the event store of a user. Empty: nowhere.
static void find_history(mcr_buf *path)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    mcr_errbuf err;
    if (state && state[0] == '/')
        mcr_buf_printf(path, "%s/mooncrier/history", state);
    else if (home && home[0] == '/')
        mcr_buf_printf(path, "%s/.local/state/mooncrier/history", home);
    else
        return;
    mcr_buf_putc(path, '\0');
    if (mcr_store_make_folders(path->ptr, &err)) {
        mcr_log(MCR_LOG_WARN, "what is typed is not remembered: %s", err.text);
        path->len = 0;
    }
}

static int hold(session *s, const mcr_args *args, const char *script)
{
    running = s;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        mcr_buf path = { 0 };
        find_history(&path);
        s->editor = mcr_line_editor_new(path.len ? path.ptr : NULL, complete, s);
        mcr_buf_fini(&path);
        watch_interrupts(s);
    }
    if (s->attached) {
        mcr_console_result there =
            mcr_attachment_status(&s->attachment, s->console, &s->out, &s->why);
        print(s, there);
        if (there != MCR_CONSOLE_DONE) {
            mcr_line_editor_free(s->editor);
            return MCR_EXIT_FAILED;
        }
    }
    if (args->n)
        print(s, load(s, args->operands, args->n));
    if (script)
        print(s, use_script(s, script));
    if (!s->attached && s->attachment.config)
        print(s, use_config(s, s->attachment.config));
    if (s->editor)
        converse(s);
    else
        read_input(s);
    signal(SIGINT, SIG_DFL);
    bool failed = fflush(stdout) != 0 || (s->failed && !s->editor);
    mcr_line_editor_free(s->editor);
    return failed ? MCR_EXIT_FAILED : MCR_EXIT_OK;
}

int mcr_cmd_repl(int argc, char **argv)
{
    const char *script = NULL, *deadline_text = "10s";
    int verbose = 0, quiet = 0, attach = 0;
    session s = { .attachment.enough = &interrupted };
    const mcr_flag flags[] = {
        { "attach", 'a', NULL, MCR_FLAG_COUNT, &attach,
          "read from the program that runs the configuration: status, shared, live events" },
        { "config", 'c', "FILE", MCR_FLAG_TEXT, &s.attachment.config,
          "the configuration that :explain goes by, or that of the program to --attach to" },
        MCR_FLAG_SOCKET(&s.attachment.socket),
        { "script", 0, "FILE", MCR_FLAG_TEXT, &script, "load this script first, as :script does" },
        { "deadline", 0, "DURATION", MCR_FLAG_TEXT, &deadline_text,
          "how long one input may run (default 10s)" },
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "repl",
        .synopsis = "[flags] [FILE…]",
        .about =
            "Lua over events at a prompt: what scripts can do, tried line by line. The events of\n"
            "the FILEs are `events`. Tab completes names, fields, commands and files; what is "
            "typed\n"
            "is remembered. :help says what there is. Without a terminal, lines are read from\n"
            "standard input, and the exit code is 1 when one of them failed.",
        .examples = "  # what is in a recording\n"
                    "  mooncrier repl events.jsonl\n"
                    "  # how a script decides about it\n"
                    "  mooncrier repl --script handlers/mine.lua events.jsonl\n"
                    "  # beside the program that runs: :status, :shared, :sample\n"
                    "  mooncrier repl --attach\n"
                    "  # without a terminal\n"
                    "  echo ':filter event.type == \"Warning\"' | mooncrier repl events.jsonl",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(verbose, quiet);
    int64_t deadline;
    if (!mcr_parse_duration(mcr_str_of(deadline_text), &deadline) || deadline < MCR_DEADLINE_MIN_NS)
        return mcr_args_usage_error(
            &usage, "--deadline must be a duration of at least 1ms such as 10s, not '%s'",
            deadline_text);
    if (!attach && s.attachment.socket)
        return mcr_args_usage_error(&usage, "-s says what to --attach to, which is missing");
    s.attached = attach != 0;
    s.console = mcr_console_new(&(mcr_console_options){ .deadline = deadline, .memory = MEMORY });
    int exit_code = hold(&s, &args, script);
    mcr_console_free(s.console);
    free(s.config);
    free(s.script);
    mcr_buf_fini(&s.input);
    mcr_buf_fini(&s.out);
    mcr_buf_fini(&s.why);
    return exit_code;
}
