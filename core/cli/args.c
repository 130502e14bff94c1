#include "cli/args.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/suggest.h"
#include "cli/print.h"

enum {
    FLAGS_MAX = 32
};

static const mcr_flag help_flag = { "help", 'h', NULL, MCR_FLAG_HELP, NULL, "print this help" };

static const mcr_flag *find_name(const mcr_usage *usage, const char *name, size_t len)
{
    for (const mcr_flag *flag = usage->flags; flag->name; flag++)
        if (strlen(flag->name) == len && memcmp(flag->name, name, len) == 0)
            return flag;
    bool is_help = len == 4 && memcmp(name, "help", 4) == 0;
    return is_help ? &help_flag : NULL;
}

static const mcr_flag *find_letter(const mcr_usage *usage, char letter)
{
    for (const mcr_flag *flag = usage->flags; flag->name; flag++)
        if (flag->letter == letter)
            return flag;
    return letter == help_flag.letter ? &help_flag : NULL;
}

static const char *closest(const mcr_usage *usage, const char *typed)
{
    const char *names[FLAGS_MAX];
    size_t n = 0;
    for (const mcr_flag *flag = usage->flags; flag->name && n < FLAGS_MAX - 1; flag++)
        names[n++] = flag->name;
    names[n++] = help_flag.name;
    return mcr_suggest(typed, names, n);
}

int mcr_args_usage_error(const mcr_usage *usage, const char *format, ...)
{
    va_list list;
    fprintf(stderr, "mooncrier %s: ", usage->command);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\nUsage: mooncrier %s %s\nSee 'mooncrier %s --help'.\n", usage->command,
            usage->synopsis, usage->command);
    return MCR_EXIT_USAGE;
}

static int unknown_flag(const mcr_usage *usage, const char *typed, size_t len)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)len, typed);
    const char *meant = closest(usage, name);
    if (meant)
        return mcr_args_usage_error(usage, "unknown flag --%.*s, did you mean --%s?", (int)len,
                                    typed, meant);
    return mcr_args_usage_error(usage, "unknown flag --%.*s", (int)len, typed);
}

void mcr_args_help(mcr_buf *out, const mcr_usage *usage)
{
    mcr_buf_puts(out, usage->about);
    mcr_buf_puts(out, "\n\n");
    if (usage->examples)
        mcr_buf_printf(out, "Examples:\n%s\n\n", usage->examples);
    mcr_buf_puts(out, "Flags:\n");
    int width = (int)strlen(help_flag.name);
    for (const mcr_flag *flag = usage->flags; flag->name; flag++) {
        int len = (int)strlen(flag->name) + (flag->arg ? (int)strlen(flag->arg) + 1 : 0);
        width = len > width ? len : width;
    }
    for (const mcr_flag *flag = usage->flags;; flag++) {
        bool is_last = !flag->name;
        if (is_last)
            flag = &help_flag;
        char letter[] = { '-', flag->letter, ',', '\0' };
        const char *arg = flag->arg ? flag->arg : "";
        mcr_buf_printf(out, "  %3s --%s%s%-*s  %s\n", flag->letter ? letter : "", flag->name,
                       flag->arg ? " " : "", width - (int)strlen(flag->name) - (flag->arg ? 1 : 0),
                       arg, flag->doc);
        if (is_last)
            break;
    }
    mcr_buf_printf(out, "\nUsage:\n  mooncrier %s %s\n", usage->command, usage->synopsis);
}

static mcr_args_result leave(mcr_args *args, int exit_code)
{
    args->exit_code = exit_code;
    return MCR_ARGS_EXIT;
}

static mcr_args_result print_help(const mcr_usage *usage, mcr_args *args)
{
    mcr_buf text = { 0 };
    mcr_args_help(&text, usage);
    bool written = mcr_print(&text);
    mcr_buf_fini(&text);
    return leave(args, written ? MCR_EXIT_OK : MCR_EXIT_FAILED);
}

static void add_text(mcr_flag_texts *texts, const char *text)
{
    texts->at = mcr_realloc((void *)texts->at, (texts->n + 1) * sizeof *texts->at);
    texts->at[texts->n++] = text;
}

static void store(const mcr_flag *flag, const char *argument)
{
    if (flag->type == MCR_FLAG_TEXT)
        *(const char **)flag->to = argument;
    else if (flag->type == MCR_FLAG_TEXTS)
        add_text(flag->to, argument);
    else if (flag->type == MCR_FLAG_COUNT)
        ++*(int *)flag->to;
}

// One pass over argv. `at` is the word being read, `kept` how many operands were moved to its
// front.
typedef struct reading {
    const mcr_usage *usage;
    int argc;
    char **argv;
    int at;
    int kept;
    mcr_args *args;
} reading;

// "--name", "--name=argument" or "--name argument".
static mcr_args_result read_long(reading *r)
{
    const char *name = r->argv[r->at] + 2;
    size_t len = strcspn(name, "=");
    const mcr_flag *flag = find_name(r->usage, name, len);
    if (!flag)
        return leave(r->args, unknown_flag(r->usage, name, len));
    if (flag->type == MCR_FLAG_HELP)
        return print_help(r->usage, r->args);
    const char *argument = name[len] ? name + len + 1 : NULL;
    if (!flag->arg && argument)
        return leave(r->args, mcr_args_usage_error(r->usage, "--%s takes no value", flag->name));
    if (flag->arg && !argument) {
        if (r->at + 1 == r->argc)
            return leave(r->args, mcr_args_usage_error(r->usage, "--%s needs a value: %s",
                                                       flag->name, flag->arg));
        argument = r->argv[++r->at];
    }
    store(flag, argument);
    return MCR_ARGS_RUN;
}

// "-v", "-vv", "-ojson", "-o=json", "-o json", "-vo json".
static mcr_args_result read_letters(reading *r)
{
    for (const char *letter = r->argv[r->at] + 1; *letter; letter++) {
        const mcr_flag *flag = find_letter(r->usage, *letter);
        if (!flag)
            return leave(r->args, mcr_args_usage_error(r->usage, "unknown flag -%c in '%s'",
                                                       *letter, r->argv[r->at]));
        if (flag->type == MCR_FLAG_HELP)
            return print_help(r->usage, r->args);
        if (!flag->arg) {
            store(flag, NULL);
            continue;
        }
        const char *argument = letter[1] == '=' ? letter + 2 : letter + 1;
        if (!letter[1]) {
            if (r->at + 1 == r->argc)
                return leave(r->args, mcr_args_usage_error(r->usage, "-%c needs a value: %s",
                                                           *letter, flag->arg));
            argument = r->argv[++r->at];
        }
        store(flag, argument);
        break;
    }
    return MCR_ARGS_RUN;
}

mcr_args_result mcr_args_parse(const mcr_usage *usage, int argc, char **argv, mcr_args *args)
{
    reading r = { .usage = usage, .argc = argc, .argv = argv, .at = 1, .args = args };
    bool only_operands = false;
    *args = (mcr_args){ .operands = argv };
    for (; r.at < argc; r.at++) {
        char *word = argv[r.at];
        mcr_args_result result = MCR_ARGS_RUN;
        if (only_operands || word[0] != '-' || !word[1])
            argv[r.kept++] = word;
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else
            result = word[1] == '-' ? read_long(&r) : read_letters(&r);
        if (result == MCR_ARGS_EXIT)
            return result;
    }
    args->n = r.kept;
    return MCR_ARGS_RUN;
}

void mcr_args_log_level(int verbose, int quiet)
{
    int level = MCR_LOG_INFO + verbose - quiet;
    if (level < MCR_LOG_ERROR)
        level = MCR_LOG_ERROR;
    if (level > MCR_LOG_DEBUG)
        level = MCR_LOG_DEBUG;
    mcr_log_set_level((mcr_log_level)level);
}
