// mooncrier shadow: other scripts beside the live ones of a running program.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/suggest.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"

static double number(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static const char *string(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static void print_hook(const cJSON *hook)
{
    double compared = number(hook, "compared"), differ = number(hook, "differ");
    printf("  %-17s %.0f of %.0f differ (%.2f %%)\n", string(hook, "hook"), differ, compared,
           compared > 0 ? differ * 100 / compared : 0);
    const cJSON *example;
    cJSON_ArrayForEach(example, cJSON_GetObjectItemCaseSensitive(hook, "examples"))
        printf("    %s\n      live    %s\n      shadow  %s\n", string(example, "event"),
               string(example, "live"), string(example, "shadow"));
}

static void print_watcher(const cJSON *watcher)
{
    printf("watcher %s\n", string(watcher, "watcher"));
    const cJSON *report = cJSON_GetObjectItemCaseSensitive(watcher, "report");
    if (!report) {
        puts("  did not answer in time");
        return;
    }
    const cJSON *hook, *hooks = cJSON_GetObjectItemCaseSensitive(report, "hooks");
    cJSON_ArrayForEach(hook, hooks) print_hook(hook);
    if (cJSON_GetArraySize(hooks) == 0)
        puts("  nothing compared yet");
    printf("  left out: %.0f emits, %.0f writes to shared; failed: %.0f errors, %.0f deadlines\n",
           number(report, "emits"), number(report, "shared_writes"),
           number(report, "script_errors"), number(report, "deadlines"));
}

static bool print_report(const cJSON *report)
{
    printf("shadow of %s\n", string(report, "folder"));
    const cJSON *watcher;
    cJSON_ArrayForEach(watcher, cJSON_GetObjectItemCaseSensitive(report, "watchers"))
        print_watcher(watcher);
    return mcr_printed();
}

static int send(const mcr_asking *a, const char *request, const char *folder)
{
    bool is_report = strcmp(request, "shadow-report") == 0;
    cJSON *answer = mcr_asking_send(a, request, folder, false);
    if (!answer)
        return MCR_EXIT_FAILED;
    const char *name = is_report ? "report" : "outcome";
    const char *part = is_report || a->json ? NULL : "message";
    const cJSON *value = mcr_asking_value(answer, name, part);
    bool done = value && (is_report && !a->json ? print_report(value) : mcr_asking_print(value));
    cJSON_Delete(answer);
    return done ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

int mcr_cmd_shadow(int argc, char **argv)
{
    static const char *const words[] = { "start", "report", "promote", "drop" };
    static const char *const requests[] = { "shadow-start", "shadow-report", "shadow-promote",
                                            "shadow-drop" };
    mcr_asking a = { 0 };
    const mcr_flag flags[] = { MCR_ASKING_FLAGS(a), { 0 } };
    const mcr_usage usage = {
        .command = "shadow",
        .synopsis = "start FOLDER | report | promote | drop",
        .about =
            "Runs other scripts beside those of the program that runs the configuration, on the\n"
            "same events. What they answer is compared and never used; what they emit or write\n"
            "to `shared` is left out. They begin with what save() of the live ones gives.\n"
            "\n"
            "start takes from FOLDER every file of the configuration and of the scripts folder\n"
            "that stands there under the same name, the others as they are. report says how many\n"
            "decisions differ, hook by hook, with examples. promote makes the shadow live, as it\n"
            "is now, without writing files. drop ends it, as does a reload.",
        .examples = "  mooncrier shadow start new-scripts\n"
                    "  mooncrier shadow report\n"
                    "  mooncrier shadow promote && cp -R new-scripts/. scripts/",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    int code = mcr_asking_check(&usage, &a);
    if (code)
        return code;
    size_t i = 0;
    while (args.n && i < 4 && strcmp(args.operands[0], words[i]) != 0)
        i++;
    if (!args.n || i == 4) {
        const char *meant = args.n ? mcr_suggest(args.operands[0], words, 4) : NULL;
        return mcr_args_usage_error(&usage, "start, report, promote or drop?%s%s%s",
                                    meant ? " Did you mean " : "", meant ? meant : "",
                                    meant ? "?" : "");
    }
    bool is_start = i == 0;
    if (args.n != (is_start ? 2 : 1))
        return mcr_args_usage_error(
            &usage, is_start ? "start takes one folder" : "unexpected argument behind '%s'",
            words[i]);
    char folder[PATH_MAX];
    if (is_start && !realpath(args.operands[1], folder)) {
        mcr_log(MCR_LOG_ERROR, "there is no folder '%s'", args.operands[1]);
        return MCR_EXIT_FAILED;
    }
    return send(&a, requests[i], is_start ? folder : NULL);
}
