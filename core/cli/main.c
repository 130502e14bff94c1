#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"

typedef enum group {
    WRITING,
    RUNNING,
    RECORDING,
    ITSELF
} group;

static const char *const group_titles[] = { "Writing and trying scripts", "Running",
                                            "Recording, and the store", "The program itself" };

typedef struct command {
    group group;
    const char *name;
    const char *doc;
    int (*run)(int argc, char **argv);
} command;

// In the order of --help, the README and the manual page.
static const command commands[] = {
    { WRITING, "init", "write a project to begin with: configuration, handler, spec, sample events",
      mcr_cmd_init },
    { WRITING, "scripts", "list the scripts that come with it, and what they do", mcr_cmd_scripts },
    { WRITING, "convert", "make a configuration of one of kubernetes-event-exporter",
      mcr_cmd_convert },
    { WRITING, "check", "load the configuration and every script, and say what would run",
      mcr_cmd_check },
    { WRITING, "eval", "run a one-line filter or transformation over events", mcr_cmd_eval },
    { WRITING, "repl", "try Lua over events at a prompt", mcr_cmd_repl },
    { WRITING, "test", "run the specs of scripts", mcr_cmd_test },
    { WRITING, "replay",
      "run the configuration over recorded events, and print what sinks would get",
      mcr_cmd_replay },
    { WRITING, "explain", "say what would happen to one event, and why", mcr_cmd_explain },
    { WRITING, "diff", "say what a change of scripts or settings does to recorded events",
      mcr_cmd_diff },
    { WRITING, "simulate", "try settings of the correlator on recorded events", mcr_cmd_simulate },
    { RUNNING, "run", "hand events from the configured sources to the configured watchers",
      mcr_cmd_run },
    { RUNNING, "status", "print what the running program is doing", mcr_cmd_status },
    { RUNNING, "reload", "have the running program read its configuration and scripts anew",
      mcr_cmd_reload },
    { RUNNING, "rollback", "have it go back to the generation before", mcr_cmd_rollback },
    { RUNNING, "shadow", "run other scripts beside the live ones, and compare", mcr_cmd_shadow },
    { RUNNING, "tap", "print the events that pass the running program", mcr_cmd_tap },
    { RUNNING, "profile", "say where the running program's scripts spend their time",
      mcr_cmd_profile },
    { RECORDING, "record", "record an event for an object", mcr_cmd_record },
    { RECORDING, "get", "print the events of the store as kubectl would", mcr_cmd_get },
    { RECORDING, "serve", "serve the event store as the Kubernetes events API", mcr_cmd_serve },
    { ITSELF, "version", "print the version and the libraries it runs with", mcr_cmd_version },
};

enum {
    COMMANDS = sizeof commands / sizeof *commands
};

static int print_help(FILE *to, int exit_code)
{
    fputs("mooncrier processes Kubernetes events with Lua scripts.\n", to);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (i == 0 || commands[i].group != commands[i - 1].group)
            fprintf(to, "\n%s:\n", group_titles[commands[i].group]);
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].doc);
    }
    fputs("\nUsage:\n  mooncrier COMMAND [flags]\n"
          "\nUse 'mooncrier COMMAND --help' for the flags of a command.\n",
          to);
    return to == stderr || mcr_printed() ? exit_code : MCR_EXIT_FAILED;
}

// Flags without a command.
static int no_command(int argc, char **argv)
{
    static const char *const names[] = { "help", "version" };
    if (argc == 1)
        return print_help(stderr, MCR_EXIT_USAGE);
    const char *typed = argv[1] + strspn(argv[1], "-");
    const char *meant = mcr_suggest(typed, names, sizeof names / sizeof *names);
    if (meant)
        fprintf(stderr, "mooncrier: unknown flag %s, did you mean --%s?\n", argv[1], meant);
    else
        fprintf(stderr, "mooncrier: the command is missing behind %s\n", argv[argc - 1]);
    fputs("See 'mooncrier --help'.\n", stderr);
    return MCR_EXIT_USAGE;
}

static int unknown_command(const char *typed)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *meant = mcr_suggest(typed, names, COMMANDS);
    fprintf(stderr, "mooncrier: unknown command '%s'", typed);
    if (meant)
        fprintf(stderr, ", did you mean '%s'?", meant);
    fputs("\nSee 'mooncrier --help'.\n", stderr);
    return MCR_EXIT_USAGE;
}

// Where the command's name stands: the first word that is no flag, nor the argument of --config,
// the one flag with an argument that may come before it. argc when there is none.
static int find_command(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        bool has_argument = strcmp(argv[at], "-c") == 0 || strcmp(argv[at], "--config") == 0;
        at += has_argument ? 2 : 1;
    }
    return at < argc ? at : argc;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

// A standard descriptor that was closed (`>&-`) would be given to the next file opened, and events
// would be written into whatever that is. What takes its place cannot be read or written.
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort(); // no /dev/null
}

int main(int argc, char **argv)
{
    keep_standard_descriptors();
    // A batch of events is freed as a whole: without these, its pages would go back to the kernel
    // and be asked for again with every batch (a fifth of all time in `eval`).
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
    int at = find_command(argc, argv);
    if (argc > 1 && is_one_of(argv[1], "--help", "-h"))
        return print_help(stdout, MCR_EXIT_OK);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return mcr_cmd_version(1, argv);
    if (at == argc)
        return no_command(argc, argv);
    static char help_flag[] = "--help";
    char *name = argv[at];
    if (strcmp(name, "help") == 0) {
        if (at + 1 == argc)
            return print_help(stdout, MCR_EXIT_OK);
        name = argv[at + 1];
        argv[at + 1] = help_flag;
    }
    // The name goes to the front and what stood before it moves one on.
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = name;
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown_command(name);
}
