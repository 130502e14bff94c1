// mooncrier profile: where the scripts of a running program spend their time.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/flame.h"
#include "cli/print.h"
#include "daemon/control.h"
#include "daemon/control_client.h"
#include "daemon/profiling.h"
#include "event/encode.h"

enum {
    ROWS = 20, // of the list
    PATIENCE_S = 90
};

typedef struct profile_flags {
    const char *config, *socket, *duration, *watcher, *output, *svg;
    int jit, verbose, quiet;
    int64_t ns;
} profile_flags;

static const char about[] =
    "Looks at what the scripts of the program that runs the configuration do, for --for, and says\n"
    "where their time goes: which lines of which functions of which hook, and what the machine\n"
    "did there (jit: compiled code; interpreter; c: functions in C; gc: collecting garbage;\n"
    "compiler). Of each watcher its scripts are looked at, then those of its sinks that are\n"
    "scripts, one after the other; they share the time: --watcher chooses one.\n"
    "\n"
    "--jit lists instead what LuaJIT does not compile, with the reason and what to write in its\n"
    "place: loops and functions that it has given up, and calls that interrupt compiled code.\n"
    "\n"
    "The scripts go on meanwhile, somewhat slower, and deadlines hold.";

static const char examples[] = "  # where the time goes, as a list and as a drawing\n"
                               "  mooncrier profile --for 30s --svg profile.svg\n"
                               "  # for other flame graph programs\n"
                               "  mooncrier profile --watcher alerts -o folded >stacks.txt\n"
                               "  # why a handler is slow although it is short\n"
                               "  mooncrier profile --jit";

static int check(const mcr_usage *usage, profile_flags *opt)
{
    static const char *const formats[] = { "text", "folded", "svg", "json" };
    opt->ns = 10 * INT64_C(1000000000);
    if (opt->duration && (!mcr_parse_duration(mcr_str_of(opt->duration), &opt->ns) ||
                          opt->ns <= 0 || opt->ns > MCR_PROFILING_MAX_S * INT64_C(1000000000)))
        return mcr_args_usage_error(usage,
                                    "--for must be a duration up to 1h, such as 10s, not "
                                    "'%s'",
                                    opt->duration);
    bool known = !opt->output;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && !known; i++)
        known = strcmp(opt->output, formats[i]) == 0;
    if (!known)
        return mcr_args_usage_error(usage, "-o must be text, folded, svg or json, not '%s'",
                                    opt->output);
    bool needs_stacks =
        opt->output && strcmp(opt->output, "text") != 0 && strcmp(opt->output, "json") != 0;
    if (opt->jit && (needs_stacks || opt->svg))
        return mcr_args_usage_error(usage, "--jit has no stacks: -o text or json");
    mcr_args_log_level(opt->verbose, opt->quiet);
    return 0;
}

static cJSON *ask(const profile_flags *opt)
{
    mcr_errbuf err;
    cJSON *answer = NULL;
    int fd = mcr_control_find(opt->config, opt->socket, &err);
    if (fd >= 0) {
        mcr_buf line = { 0 };
        mcr_buf_printf(&line, "{\"mooncrier\":%d,\"request\":\"profile\",\"seconds\":%.9g%s",
                       MCR_CONTROL_VERSION, (double)opt->ns / 1e9, opt->jit ? ",\"jit\":true" : "");
        if (opt->watcher) {
            mcr_buf_puts(&line, ",\"watcher\":");
            mcr_json_string(&line, mcr_str_of(opt->watcher));
        }
        mcr_buf_puts(&line, "}\n");
        answer = mcr_control_ask_line(fd, mcr_buf_str(&line),
                                      opt->ns + PATIENCE_S * INT64_C(1000000000), &err);
        mcr_buf_fini(&line);
    }
    if (!answer)
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    return answer;
}

static double number(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const char *string(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

// "watcher alerts", "watcher alerts, sink csv"
static void write_name(mcr_buf *out, const cJSON *profile)
{
    const char *sink = string(profile, "sink");
    mcr_buf_printf(out, "watcher %s%s%s", string(profile, "watcher"), *sink ? ", sink " : "", sink);
}

// "watcher alerts: 5.0 s, 4100 samples in its scripts, 880 outside of them (82 % of its time in
// scripts)"
static void write_head(mcr_buf *out, const cJSON *profile)
{
    double samples = number(profile, "samples"), outside = number(profile, "outside");
    write_name(out, profile);
    mcr_buf_printf(out, ": %.1f s, %.0f samples in its scripts, %.0f outside of them",
                   number(profile, "seconds"), samples, outside);
    if (samples + outside > 0)
        mcr_buf_printf(out, " (%.0f %% in scripts)", 100 * samples / (samples + outside));
}

static void write_text(mcr_buf *out, const cJSON *profile)
{
    mcr_flame *flame = mcr_flame_new();
    mcr_flame_add(flame, NULL, string(profile, "stacks"));
    write_head(out, profile);
    mcr_buf_putc(out, '\n');
    mcr_flame_write_text(out, flame, ROWS);
    mcr_flame_free(flame);
}

static void write_place(mcr_buf *out, const cJSON *place)
{
    double times = number(place, "times");
    const char *hint = string(place, "hint");
    mcr_buf_printf(out, "  %s: %s", string(place, "place"), string(place, "why"));
    if (times > 1)
        mcr_buf_printf(out, " (%.0f times)", times);
    mcr_buf_printf(out, "\n%s%s%s", *hint ? "      instead: " : "", hint, *hint ? "\n" : "");
}

static void write_jit(mcr_buf *out, const cJSON *profile, bool all)
{
    const cJSON *jit = cJSON_GetObjectItemCaseSensitive(profile, "jit"), *place;
    write_name(out, profile);
    mcr_buf_printf(out, ": %.1f s, %.0f pieces of code compiled\n", number(profile, "seconds"),
                   jit ? number(jit, "compiled") : 0);
    if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(jit, "names")))
        mcr_buf_puts(out,
                     "  (LuaJIT's own names of reasons are missing: install its jit/vmdef.lua)\n");
    uint32_t shown = 0, passing = 0;
    cJSON_ArrayForEach(place, cJSON_GetObjectItemCaseSensitive(jit, "places"))
    {
        bool passes = strcmp(string(place, "kind"), "passing") == 0;
        passing += passes;
        shown += !passes;
        if (!passes || all)
            write_place(out, place);
    }
    if (!shown)
        mcr_buf_puts(out, "  nothing stands in the way of compiled code\n");
    if (passing && !all)
        mcr_buf_printf(out, "  (%u more that LuaJIT gets over by itself; -v shows them)\n",
                       passing);
}

// Each line of the stacks below the watcher, when there are several.
static void write_folded(mcr_buf *out, const cJSON *profile, bool named)
{
    const char *stacks = string(profile, "stacks");
    for (const char *line = stacks; *line;) {
        size_t len = strcspn(line, "\n");
        if (named) {
            write_name(out, profile);
            mcr_buf_putc(out, ';');
        }
        mcr_buf_append(out, line, len);
        mcr_buf_putc(out, '\n');
        line += len + (line[len] == '\n');
    }
}

static void write_svg(mcr_buf *out, const cJSON *profiles)
{
    mcr_flame *flame = mcr_flame_new();
    mcr_buf below = { 0 }, root = { 0 };
    bool several = cJSON_GetArraySize(profiles) > 1;
    const cJSON *profile;
    cJSON_ArrayForEach(profile, profiles)
    {
        if (below.len)
            mcr_buf_puts(&below, "; ");
        root.len = 0;
        write_name(&root, profile);
        mcr_flame_add(flame, several ? mcr_buf_cstr(&root) : NULL, string(profile, "stacks"));
        write_head(&below, profile);
    }
    mcr_flame_write_svg(out, flame, "mooncrier profile", mcr_buf_cstr(&below));
    mcr_buf_fini(&below);
    mcr_buf_fini(&root);
    mcr_flame_free(flame);
}

static bool save(const char *path, const mcr_buf *text)
{
    FILE *file = fopen(path, "w");
    bool written = file && fwrite(text->ptr, 1, text->len, file) == text->len;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        mcr_log(MCR_LOG_ERROR, "%s: %s", path, strerror(errno));
    return written;
}

// What went wrong with single watchers is logged. False: there is none of which all went well.
static bool check_profiles(const cJSON *profiles)
{
    bool any = false;
    const cJSON *profile;
    cJSON_ArrayForEach(profile, profiles)
    {
        const char *error = string(profile, "error"), *ended = string(profile, "ended");
        if (*error)
            mcr_log(MCR_LOG_ERROR, "watcher '%s': %s", string(profile, "watcher"), error);
        else if (*ended)
            mcr_log(MCR_LOG_WARN, "watcher '%s': the profile ended after %.1f s: %s",
                    string(profile, "watcher"), number(profile, "seconds"), ended);
        any |= !*error;
    }
    return any;
}

static void write_profiles(mcr_buf *out, const profile_flags *opt, const cJSON *value)
{
    const cJSON *profiles = cJSON_GetObjectItemCaseSensitive(value, "profiles"), *profile;
    if (opt->output && strcmp(opt->output, "json") == 0) {
        char *json = cJSON_PrintUnformatted(value);
        mcr_buf_printf(out, "%s\n", json);
        cJSON_free(json);
        return;
    }
    if (opt->output && strcmp(opt->output, "svg") == 0) {
        write_svg(out, profiles);
        return;
    }
    bool folded = opt->output && strcmp(opt->output, "folded") == 0;
    bool several = cJSON_GetArraySize(profiles) > 1;
    cJSON_ArrayForEach(profile, profiles)
    {
        if (*string(profile, "error"))
            continue;
        if (opt->jit)
            write_jit(out, profile, opt->verbose > 0);
        else if (folded)
            write_folded(out, profile, several);
        else
            write_text(out, profile);
    }
}

static int print_all(const profile_flags *opt, const cJSON *answer)
{
    const cJSON *value = mcr_asking_value(answer, "profile", NULL);
    const cJSON *profiles = cJSON_GetObjectItemCaseSensitive(value, "profiles");
    if (!value || !check_profiles(profiles))
        return MCR_EXIT_FAILED;
    mcr_buf out = { 0 };
    bool done = true;
    if (opt->svg) {
        write_svg(&out, profiles);
        done = save(opt->svg, &out);
        out.len = 0;
    }
    write_profiles(&out, opt, value);
    done &= mcr_print(&out);
    mcr_buf_fini(&out);
    return done ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

int mcr_cmd_profile(int argc, char **argv)
{
    profile_flags opt = { 0 };
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&opt.config),
        MCR_FLAG_SOCKET(&opt.socket),
        { "for", 0, "DURATION", MCR_FLAG_TEXT, &opt.duration, "how long to look (10s)" },
        { "watcher", 0, "NAME", MCR_FLAG_TEXT, &opt.watcher,
          "this watcher alone (default: all, one after the other)" },
        { "jit", 0, NULL, MCR_FLAG_COUNT, &opt.jit, "what LuaJIT does not compile, and why" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output,
          "text (default), folded stacks, svg or json" },
        { "svg", 0, "FILE", MCR_FLAG_TEXT, &opt.svg, "draw a flame graph into this file, too" },
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "profile",
        .synopsis = "[flags]",
        .about = about,
        .examples = examples,
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n)
        return mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[0]);
    int code = check(&usage, &opt);
    if (code)
        return code;
    cJSON *answer = ask(&opt);
    if (!answer)
        return MCR_EXIT_FAILED;
    code = print_all(&opt, answer);
    cJSON_Delete(answer);
    return code;
}
