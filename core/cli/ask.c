// The commands that ask a running program: status, reload, rollback.
#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "daemon/control_client.h"

int mcr_asking_check(const mcr_usage *usage, mcr_asking *a)
{
    a->timeout_ns = 30 * INT64_C(1000000000);
    if (a->timeout &&
        (!mcr_parse_duration(mcr_str_of(a->timeout), &a->timeout_ns) || a->timeout_ns <= 0))
        return mcr_args_usage_error(usage, "--timeout must be a duration such as 30s, not '%s'",
                                    a->timeout);
    a->json = a->output && strcmp(a->output, "json") == 0;
    if (a->output && !a->json && strcmp(a->output, "text") != 0)
        return mcr_args_usage_error(usage, "-o must be text or json, not '%s'", a->output);
    mcr_args_log_level(a->verbose, a->quiet);
    return 0;
}

cJSON *mcr_asking_send(const mcr_asking *a, const char *request, const char *folder, bool text)
{
    mcr_errbuf err;
    int fd = mcr_control_find(a->config, a->socket, &err);
    cJSON *answer = fd < 0 ? NULL : mcr_control_ask(fd, request, folder, text, a->timeout_ns, &err);
    if (!answer)
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    return answer;
}

const cJSON *mcr_asking_value(const cJSON *answer, const char *name, const char *part)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(answer, name);
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"))) {
        mcr_log(MCR_LOG_ERROR, "%s", cJSON_IsString(error) ? error->valuestring : "refused");
        return NULL;
    }
    if (part)
        value = cJSON_GetObjectItemCaseSensitive(value, part);
    if (!value)
        mcr_log(MCR_LOG_ERROR, "the answer lacks '%s'", part ? part : name);
    return value;
}

bool mcr_asking_print(const cJSON *value)
{
    char *json = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    const char *text = json ? json : cJSON_GetStringValue(value);
    size_t len = text ? strlen(text) : 0;
    bool ends = len && text[len - 1] == '\n';
    printf("%s%s", text ? text : "", ends ? "" : "\n");
    bool printed = mcr_printed();
    cJSON_free(json);
    return printed;
}

static int ask_for(const char *command, const char *about, const char *examples, int argc,
                   char **argv)
{
    mcr_asking a = { 0 };
    const mcr_flag flags[] = { MCR_ASKING_FLAGS(a), { 0 } };
    const mcr_usage usage = {
        .command = command,
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
    int code = mcr_asking_check(&usage, &a);
    if (code)
        return code;
    bool is_status = strcmp(command, "status") == 0;
    cJSON *answer = mcr_asking_send(&a, command, NULL, is_status && !a.json);
    if (!answer)
        return MCR_EXIT_FAILED;
    const cJSON *value = is_status ? mcr_asking_value(answer, a.json ? "status" : "text", NULL)
                                   : mcr_asking_value(answer, "outcome", a.json ? NULL : "message");
    bool done = value && mcr_asking_print(value);
    cJSON_Delete(answer);
    return done ? MCR_EXIT_OK : MCR_EXIT_FAILED;
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
