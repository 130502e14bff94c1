// mooncrier tap: the events that pass a running program.
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/suggest.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/tap_lines.h"
#include "daemon/control.h"
#include "daemon/control_client.h"
#include "event/encode.h"
#include "event/tapping.h"

#define ANSWER_NS   (30 * INT64_C(1000000000))
#define FAREWELL_NS (2 * INT64_C(1000000000)) // for the last counts

typedef struct tap_flags {
    const char *config, *socket, *output, *where, *watcher, *sink, *count, *duration, *sample;
    mcr_flag_texts at;
    int verbose, quiet;
    // By check().
    uint32_t stages;
    uint64_t most;       // 0: any number
    int64_t duration_ns; // 0: for ever
    int64_t sample_n;    // -1: as it comes
} tap_flags;

typedef struct tapping {
    int fd;
    mcr_tap_lines *lines;
    mcr_buf in, out;
    bool answered;   // the program has said what it shows
    bool leaving;    // nothing more is printed
    bool refused;    // … or that it does not
    bool incomplete; // it has sent something else
    bool gone;       // it has hung up
    bool ended;      // … of its own accord
    bool unread;     // nobody reads what is printed
} tapping;

static volatile sig_atomic_t stopped;

static const char about[] =
    "Prints the events that pass the program that runs the configuration, as they do, until\n"
    "Ctrl-C or until that program ends. It is not held up: of more events than --sample, or than\n"
    "can be sent, some are shown and the others counted; at the end a line says how many.\n"
    "\n"
    "--at source: as they were decoded; filtered: dropped by a filter or handle hook, with its\n"
    "reason; recorded: what the correlator has let on, with the write it leads to and the count;\n"
    "delivered: a sink has decided (delivered, merged, suppressed, rejected, gave_up,\n"
    "dead_lettered), or a watcher without sinks has had it; dropped: ring_full, refused,\n"
    "spam_filtered, routed_nowhere, rejected, gave_up, dead_lettered, with why. Without --at:\n"
    "filtered, delivered and dropped, where events end.\n"
    "\n"
    "--where is evaluated here, not in the running program, and sees the events that are shown.";

static const char examples[] =
    "  # what is dropped, and why\n"
    "  mooncrier tap --at filtered --at dropped -o wide\n"
    "  # the next ten warnings that reach the sink slack\n"
    "  mooncrier tap --at delivered --sink slack --where 'event.type == \"Warning\"' -n 10\n"
    "  # ten seconds of everything that comes in, for a replay\n"
    "  mooncrier tap --at source --sample 0 --for 10s | jq -c .event >events.jsonl";

static int bad_stage(const mcr_usage *usage, const char *name)
{
    static const char *const names[] = { "source", "filtered", "recorded", "delivered", "dropped" };
    const char *meant = mcr_suggest(name, names, sizeof names / sizeof *names);
    if (meant)
        return mcr_args_usage_error(usage, "there is no stage '%s', did you mean '%s'?", name,
                                    meant);
    return mcr_args_usage_error(
        usage, "--at is source, filtered, recorded, delivered or dropped, not '%s'", name);
}

static int check_stages(const mcr_usage *usage, tap_flags *opt)
{
    for (size_t i = 0; i < opt->at.n; i++) {
        for (const char *name = opt->at.at[i]; name;) {
            const char *comma = strchr(name, ',');
            mcr_str text = comma ? mcr_str_n(name, (size_t)(comma - name)) : mcr_str_of(name);
            uint32_t stage = mcr_tap_stage_of(text);
            if (!stage)
                return bad_stage(usage, name);
            opt->stages |= stage;
            name = comma ? comma + 1 : NULL;
        }
    }
    return 0;
}

// False: it is no whole number of at least `least`.
static bool read_number(const char *text, int64_t least, int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    *out = n;
    return !errno && end != text && !*end && n >= least;
}

static int check(const mcr_usage *usage, tap_flags *opt)
{
    int64_t most = 0;
    opt->sample_n = -1;
    int code = check_stages(usage, opt);
    if (code)
        return code;
    if (opt->output && strcmp(opt->output, "json") != 0 && strcmp(opt->output, "wide") != 0)
        return mcr_args_usage_error(usage, "-o must be json or wide, not '%s'", opt->output);
    if (opt->count && !read_number(opt->count, 1, &most))
        return mcr_args_usage_error(usage, "-n must be a number of events, not '%s'", opt->count);
    if (opt->sample && (!read_number(opt->sample, 0, &opt->sample_n) || opt->sample_n > 1000000))
        return mcr_args_usage_error(
            usage, "--sample must be a number of events a second (0: all), not '%s'", opt->sample);
    if (opt->duration && (!mcr_parse_duration(mcr_str_of(opt->duration), &opt->duration_ns) ||
                          opt->duration_ns <= 0))
        return mcr_args_usage_error(usage, "--for must be a duration such as 10s, not '%s'",
                                    opt->duration);
    opt->most = (uint64_t)most;
    return 0;
}

static void add_text(mcr_buf *line, const char *key, const char *text)
{
    if (!text)
        return;
    mcr_buf_printf(line, ",\"%s\":", key);
    mcr_json_string(line, mcr_str_of(text));
}

static void write_request(const tap_flags *opt, mcr_buf *line)
{
    mcr_buf_printf(line, "{\"mooncrier\":%d,\"request\":\"tap\"", MCR_CONTROL_VERSION);
    const char *between = ",\"at\":[";
    for (uint32_t left = opt->stages; left; left &= left - 1) {
        mcr_buf_printf(line, "%s\"%s\"", between, mcr_tap_stage_name(left));
        between = ",";
    }
    mcr_buf_puts(line, opt->stages ? "]" : "");
    add_text(line, "watcher", opt->watcher);
    add_text(line, "sink", opt->sink);
    if (opt->sample_n >= 0)
        mcr_buf_printf(line, ",\"sample\":%" PRId64, opt->sample_n);
    mcr_buf_puts(line, "}\n");
}

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

// Ctrl-C and SIGTERM come only while we wait; `*waiting` is the mask for that.
static void take_signals(sigset_t *waiting)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction action;
        sigaction(numbers[i], NULL, &action);
        if (action.sa_handler == SIG_IGN)
            continue; // started in the background
        action = (struct sigaction){ .sa_handler = on_signal };
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, waiting);
}

static void say_what_it_shows(const cJSON *answer)
{
    mcr_buf stages = { 0 };
    const cJSON *stage, *tap = cJSON_GetObjectItemCaseSensitive(answer, "tap");
    cJSON_ArrayForEach(stage, cJSON_GetObjectItemCaseSensitive(tap, "at"))
        mcr_buf_printf(&stages, "%s%s", stages.len ? ", " : "", cJSON_GetStringValue(stage));
    mcr_log(MCR_LOG_INFO, "events at %s; Ctrl-C ends it", mcr_buf_cstr(&stages));
    mcr_buf_fini(&stages);
}

// Takes the program's answer to the request.
static void take_answer(tapping *t, mcr_str line)
{
    cJSON *json = cJSON_ParseWithLength(line.ptr, line.len);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
    t->answered = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok"));
    t->refused = !t->answered;
    if (t->refused)
        mcr_log(MCR_LOG_ERROR, "%s", error ? error : "what listens there is no mooncrier");
    else
        say_what_it_shows(json);
    cJSON_Delete(json);
}

static void print_out(tapping *t)
{
    if (t->out.len && (fwrite(t->out.ptr, 1, t->out.len, stdout) != t->out.len || fflush(stdout)))
        t->unread = true;
    t->out.len = 0;
}

static void take_lines(tapping *t)
{
    size_t done = 0;
    const char *end;
    while (!t->refused && !t->incomplete &&
           (end = memchr(t->in.ptr + done, '\n', t->in.len - done))) {
        mcr_str line = mcr_str_n(t->in.ptr + done, (size_t)(end - t->in.ptr) - done);
        done += line.len + 1;
        size_t before = t->out.len;
        if (!t->answered)
            take_answer(t, line);
        else if (!mcr_tap_lines_add(t->lines, line, &t->out))
            t->incomplete = true;
        if (t->leaving)
            t->out.len = before;
    }
    memmove(t->in.ptr, t->in.ptr + done, t->in.len - done);
    t->in.len -= done;
    if (!t->leaving)
        mcr_tap_lines_flush(t->lines, &t->out);
    print_out(t);
}

// Waits for more of the program's lines and takes them. False: `deadline` has come, or a signal.
static bool take_more(tapping *t, int64_t deadline, const sigset_t *waiting)
{
    struct pollfd fds[] = { { .fd = t->fd, .events = POLLIN }, { .fd = STDOUT_FILENO } };
    int64_t left = deadline - mcr_clock_monotonic();
    if (left <= 0)
        return false;
    struct timespec wait = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
    int n = ppoll(fds, 2, &wait, waiting);
    if (n < 0 || !fds[0].revents) {
        t->unread |= n > 0; // nobody reads it any more
        return !t->unread && n >= 0 && mcr_clock_monotonic() < deadline;
    }
    ssize_t got = recv(t->fd, mcr_buf_reserve(&t->in, 1 << 18), 1 << 18, MSG_DONTWAIT);
    if (got > 0) {
        t->in.len += (size_t)got;
        take_lines(t);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        t->gone = true;
    }
    return true;
}

static bool is_over(const tapping *t)
{
    return t->gone || t->refused || t->incomplete || t->unread || mcr_tap_lines_full(t->lines);
}

// Prints until it is over, then lets the program say what it has counted.
static void print_events(tapping *t, int64_t duration_ns)
{
    sigset_t waiting;
    take_signals(&waiting);
    int64_t begun = mcr_clock_monotonic();
    int64_t deadline = duration_ns ? begun + duration_ns : INT64_MAX;
    while (!stopped && !is_over(t)) {
        // Until the program has answered, it is waited for so long and no longer.
        int64_t until = t->answered || begun + ANSWER_NS > deadline ? deadline : begun + ANSWER_NS;
        if (!take_more(t, until, &waiting))
            break;
    }
    t->leaving = true;
    t->ended = t->gone;
    shutdown(t->fd, SHUT_WR);
    deadline = mcr_clock_monotonic() + FAREWELL_NS;
    while (t->answered && !t->gone && !t->incomplete && take_more(t, deadline, &waiting))
        ;
}

static int account(const tapping *t, bool has_where)
{
    mcr_tap_totals n = mcr_tap_lines_totals(t->lines);
    uint64_t passed = n.passed > n.received ? n.passed : n.received;
    if (t->refused)
        return MCR_EXIT_FAILED;
    if (!t->answered) {
        mcr_log(MCR_LOG_ERROR, "the program has not answered");
        return MCR_EXIT_FAILED;
    }
    if (t->incomplete)
        mcr_log(MCR_LOG_ERROR, "the program has sent a line that is no event");
    if (t->ended)
        mcr_log(MCR_LOG_INFO, "%s",
                n.counted ? "the program has ended"
                          : "the program has hung up: it was killed, or what it sent was not read "
                            "for half a minute");
    const char *hint = passed > n.received ? " (--sample)" : "";
    if (has_where)
        mcr_log(MCR_LOG_INFO,
                "%" PRIu64 " of the %" PRIu64 " events looked at shown; %" PRIu64 " have passed%s",
                n.printed, n.received, passed, hint);
    else
        mcr_log(MCR_LOG_INFO, "%" PRIu64 " of %" PRIu64 " events shown%s", n.printed, passed, hint);
    if (n.full)
        mcr_log(MCR_LOG_INFO,
                "%" PRIu64 " of the others came faster than they could be sent: --at, --watcher "
                "and --sink narrow it down",
                n.full);
    if (n.failed)
        mcr_log(MCR_LOG_ERROR, "--where failed on %" PRIu64 " events", n.failed);
    return t->incomplete || n.failed ? MCR_EXIT_FAILED : MCR_EXIT_OK;
}

static int tap(const tap_flags *opt)
{
    mcr_errbuf err;
    mcr_buf request = { 0 };
    tapping t = { 0 };
    bool wide = opt->output && strcmp(opt->output, "wide") == 0;
    t.lines = mcr_tap_lines_new(opt->where, wide, opt->most, &err);
    if (!t.lines) {
        mcr_log(MCR_LOG_ERROR, "--where: %s", err.text);
        return MCR_EXIT_USAGE;
    }
    int code = MCR_EXIT_FAILED;
    t.fd = mcr_control_find(opt->config, opt->socket, &err);
    write_request(opt, &request);
    if (t.fd < 0 || mcr_control_send(t.fd, mcr_buf_str(&request), ANSWER_NS, &err)) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    } else {
        print_events(&t, opt->duration_ns);
        code = account(&t, opt->where != NULL);
    }
    if (t.fd >= 0)
        close(t.fd);
    mcr_tap_lines_free(t.lines);
    mcr_buf_fini(&request);
    mcr_buf_fini(&t.in);
    mcr_buf_fini(&t.out);
    return code;
}

int mcr_cmd_tap(int argc, char **argv)
{
    tap_flags opt = { 0 };
    const mcr_flag flags[] = {
        { "at", 0, "STAGE", MCR_FLAG_TEXTS, &opt.at,
          "source, filtered, recorded, delivered or dropped; may be repeated" },
        { "where", 0, "EXPRESSION", MCR_FLAG_TEXT, &opt.where,
          "print only events for which this, Lua over `event`, is neither false nor nil" },
        { "watcher", 0, "NAME", MCR_FLAG_TEXT, &opt.watcher,
          "events of this watcher alone; those at source have none yet" },
        { "sink", 0, "NAME", MCR_FLAG_TEXT, &opt.sink, "what is about this sink alone" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output, "json (default) or wide" },
        { "count", 'n', "COUNT", MCR_FLAG_TEXT, &opt.count, "end after so many events" },
        { "for", 0, "DURATION", MCR_FLAG_TEXT, &opt.duration, "end after so long" },
        { "sample", 0, "RATE", MCR_FLAG_TEXT, &opt.sample,
          "at most so many events a second at each stage (1000); 0: all that can be sent" },
        MCR_FLAG_CONFIG(&opt.config),
        MCR_FLAG_SOCKET(&opt.socket),
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = { "tap", "[flags]", about, examples, flags };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT) {
        free(opt.at.at);
        return args.exit_code;
    }
    int code = args.n ? mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[0])
                      : check(&usage, &opt);
    if (code == MCR_EXIT_OK) {
        mcr_args_log_level(opt.verbose, opt.quiet);
        signal(SIGPIPE, SIG_IGN); // a reader that has seen enough is no failure
        code = tap(&opt);
    }
    free(opt.at.at);
    return code;
}
