// The commands that ask a running program: status, reload, rollback.
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/control_client.h"

typedef struct asking {
    const char *config, *socket, *timeout, *output;
    int verbose, quiet;
} asking;

#define FLAG_SOCKET(to)                                                                            \
    {                                                                                              \
        "socket", 's', "PATH", MCR_FLAG_TEXT, (to),                                                \
            "the control socket (default: that of the program that runs the configuration)"        \
    }
#define FLAG_TIMEOUT(to)                                                                           \
    {                                                                                              \
        "timeout", 0, "DURATION", MCR_FLAG_TEXT, (to), "how long to wait for the answer (30s)"     \
    }

static bool print(const char *text)
{
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0;
}

// Prints what was answered; whether it is what was asked for.
static bool show(const cJSON *answer, const char *name, const char *part)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(answer, name);
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"))) {
        mcr_log(MCR_LOG_ERROR, "%s", cJSON_IsString(error) ? error->valuestring : "refused");
        return false;
    }
    if (part)
        value = cJSON_GetObjectItemCaseSensitive(value, part);
    if (cJSON_IsString(value))
        return print(value->valuestring) && (!part || print("\n"));
    char *json = cJSON_PrintUnformatted(value);
    bool printed = json && print(json) && print("\n");
    cJSON_free(json);
    return printed;
}

static int ask(const mcr_usage *usage, asking *a, int argc, char **argv)
{
    mcr_args args;
    if (mcr_args_parse(usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n)
        return mcr_args_usage_error(usage, "unexpected argument '%s'", args.operands[0]);
    int64_t timeout = 30 * INT64_C(1000000000);
    if (a->timeout && (!mcr_parse_duration(mcr_str_of(a->timeout), &timeout) || timeout <= 0))
        return mcr_args_usage_error(usage, "--timeout must be a duration such as 30s, not '%s'",
                                    a->timeout);
    bool json = a->output && strcmp(a->output, "json") == 0;
    if (a->output && !json && strcmp(a->output, "text") != 0)
        return mcr_args_usage_error(usage, "-o must be text or json, not '%s'", a->output);
    mcr_args_log_level(a->verbose, a->quiet);

    mcr_errbuf err;
    bool is_status = strcmp(usage->command, "status") == 0;
    int fd = mcr_control_find(a->config, a->socket, &err);
    cJSON *answer =
        fd < 0 ? NULL : mcr_control_ask(fd, usage->command, is_status && !json, timeout, &err);
    if (!answer) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        return MCR_EXIT_FAILED;
    }
    bool done = is_status ? show(answer, json ? "status" : "text", NULL)
                          : show(answer, "outcome", json ? NULL : "message");
    cJSON_Delete(answer);
    return done ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

static int ask_for(const char *command, const char *about, const char *examples, int argc,
                   char **argv)
{
    asking a = { 0 };
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&a.config),
        FLAG_SOCKET(&a.socket),
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &a.output, "text (default) or json" },
        FLAG_TIMEOUT(&a.timeout),
        MCR_FLAG_VERBOSE(&a.verbose),
        MCR_FLAG_QUIET(&a.quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = command,
        .synopsis = "[flags]",
        .about = about,
        .examples = examples,
        .flags = flags,
    };
    return ask(&usage, &a, argc, argv);
}

int mcr_cmd_status(int argc, char **argv)
{
    return ask_for("status",
                   "Prints what the program that runs the configuration is doing: its generation,\n"
                   "reloads, watchers, and where every event is. Exit code 1 when none runs.",
                   "  # which generation runs, and since when\n"
                   "  mooncrier status -o json | jq .generation",
                   argc, argv);
}

int mcr_cmd_reload(int argc, char **argv)
{
    return ask_for("reload",
                   "Has the program that runs the configuration read it and its scripts anew, and\n"
                   "waits for the outcome. Exit code 0: the new ones run. 1: they do not, the old\n"
                   "ones go on, and the message says why, with file and line.",
                   "  mooncrier reload -c /etc/mooncrier/mooncrier.lua", argc, argv);
}

int mcr_cmd_rollback(int argc, char **argv)
{
    return ask_for("rollback",
                   "Has the program that runs the configuration go back to the files of the\n"
                   "generation before, as they were, and waits for the outcome. Files are not\n"
                   "written: the next change of one, or `mooncrier reload`, reads the disk again.",
                   "  mooncrier rollback", argc, argv);
}
