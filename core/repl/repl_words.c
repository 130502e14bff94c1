#include "repl/repl_words.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/suggest.h"

static const mcr_repl_command commands[] = {
    { "load", "FILE…", "the events of files: `events[1]`, `event` is the current one",
      MCR_REPL_LOAD, MCR_REPL_TAKES_FILE },
    { "next", "[N]", "`event` becomes the next one, or the N-th", MCR_REPL_ASKS_LUA,
      MCR_REPL_TAKES_NOTHING },
    { "filter", "[EXPR]", "how many events are such; :next goes through them", MCR_REPL_ASKS_LUA,
      MCR_REPL_TAKES_LUA },
    { "script", "FILE [PARAMS]", "load a script: script:filter(event), script:route(event)…",
      MCR_REPL_SCRIPT, MCR_REPL_TAKES_FILE },
    { "config", "[FILE]", "the configuration that :explain goes by", MCR_REPL_CONFIG,
      MCR_REPL_TAKES_FILE },
    { "explain", "", "what the script or configuration does with `event`, and why",
      MCR_REPL_EXPLAIN, MCR_REPL_TAKES_NOTHING },
    { "time", "EXPR", "what EXPR costs for each of the events, in time and memory",
      MCR_REPL_ASKS_LUA, MCR_REPL_TAKES_LUA },
    { "bytecode", "FUNC", "a function, or a hook of the script, as LuaJIT sees it",
      MCR_REPL_ASKS_LUA, MCR_REPL_TAKES_LUA },
    { "status", "", "what the running program does; `status` is that as a table", MCR_REPL_STATUS,
      MCR_REPL_TAKES_NOTHING },
    { "shared", "[GLOB]", "the values that its scripts share, now and for shared.get",
      MCR_REPL_SHARED, MCR_REPL_TAKES_NOTHING },
    { "sample", "[N]", "the next N events (20) that it reads are `events`", MCR_REPL_SAMPLE,
      MCR_REPL_TAKES_NOTHING },
    { "help", "", "this", MCR_REPL_HELP, MCR_REPL_TAKES_NOTHING },
    { "quit", "", "ends the session, as Ctrl-D does", MCR_REPL_QUIT, MCR_REPL_TAKES_NOTHING },
};

enum {
    COMMANDS = sizeof commands / sizeof *commands
};

static bool is_there(const mcr_repl_command *command, bool attached)
{
    return attached || command->kind < MCR_REPL_STATUS;
}

const mcr_repl_command *mcr_repl_command_find(mcr_str name, bool attached, mcr_buf *why)
{
    const mcr_repl_command *found = NULL;
    const char *names[COMMANDS];
    size_t n = 0, fitting = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        const mcr_repl_command *command = &commands[i];
        if (!is_there(command, attached))
            continue;
        names[n++] = command->name;
        if (mcr_str_is(name, command->name))
            return command;
        if (name.len && strncmp(command->name, name.ptr, name.len) == 0) {
            found = command;
            fitting++;
        }
    }
    if (fitting == 1)
        return found;
    char *typed = mcr_strndup(name.ptr, name.len);
    const char *meant = mcr_suggest(typed, names, n);
    mcr_buf_printf(why, "there is no command :%s", typed);
    if (fitting > 1)
        mcr_buf_puts(why, ", and more than one begins so");
    else if (meant)
        mcr_buf_printf(why, ", did you mean :%s?", meant);
    mcr_buf_puts(why, " (:help lists them)\n");
    free(typed);
    return NULL;
}

void mcr_repl_help(mcr_buf *out, bool attached)
{
    mcr_buf_puts(
        out,
        "Lua is run as scripts run it, with the same globals: event, events, match, window,\n"
        "template, json, time, shared, emit, new_event… What it gives is printed; `_` is the last\n"
        "value. A `local` at the prompt lives on, as if it were a global. Tab completes.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        const mcr_repl_command *command = &commands[i];
        if (!is_there(command, attached))
            continue;
        mcr_buf left = { 0 };
        mcr_buf_printf(&left, ":%s %s", command->name, command->arg);
        mcr_buf_putc(&left, '\0');
        // The … is three bytes wide and one column.
        int wide = strstr(left.ptr, "…") ? 24 : 22;
        mcr_buf_printf(out, "  %-*s %s\n", wide, left.ptr, command->doc);
        mcr_buf_fini(&left);
    }
}

static size_t complete_command(mcr_str before, bool attached, mcr_buf *words)
{
    const char *colon = memchr(before.ptr, ':', before.len);
    size_t stays = (size_t)(colon + 1 - before.ptr);
    for (size_t i = 0; i < COMMANDS; i++)
        if (is_there(&commands[i], attached) &&
            strncmp(commands[i].name, colon + 1, before.len - stays) == 0)
            mcr_buf_printf(words, "%s\n", commands[i].name);
    return stays;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The files that begin as the last word of `before`; a folder ends with a slash.
static size_t complete_file(mcr_str before, mcr_buf *words, bool *closed)
{
    size_t word = before.len, stays;
    while (word && before.ptr[word - 1] != ' ')
        word--;
    for (stays = before.len; stays > word && before.ptr[stays - 1] != '/'; stays--)
        continue;
    char *folder =
        stays > word ? mcr_strndup(before.ptr + word, stays - word) : mcr_strndup("./", 2);
    char *names[256];
    size_t n = 0, len = before.len - stays;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && n < 256 && (entry = readdir(dir));) {
        bool hidden = entry->d_name[0] == '.' && (len == 0 || before.ptr[stays] != '.');
        if (!hidden && strncmp(entry->d_name, before.ptr + stays, len) == 0)
            names[n++] = mcr_strdup(entry->d_name);
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        bool is_folder = dir && fstatat(dirfd(dir), names[i], &st, 0) == 0 && S_ISDIR(st.st_mode);
        *closed = !is_folder;
        mcr_buf_printf(words, "%s%s\n", names[i], is_folder ? "/" : "");
        free(names[i]);
    }
    if (dir)
        closedir(dir);
    free(folder);
    return stays;
}

// What the Lua half says: a number, then the words, each in a line.
static size_t complete_lua(mcr_console *console, mcr_str before, size_t from, mcr_buf *words)
{
    mcr_buf out = { 0 }, why = { 0 };
    mcr_str code = mcr_str_n(before.ptr + from, before.len - from);
    size_t stays = before.len;
    if (mcr_console_call(console, "complete", code, &out, &why) == MCR_CONSOLE_DONE && out.len) {
        const char *first = memchr(out.ptr, '\n', out.len);
        stays = from + strtoul(out.ptr, NULL, 10);
        mcr_buf_append(words, first + 1, out.len - (size_t)(first + 1 - out.ptr));
    }
    mcr_buf_fini(&out);
    mcr_buf_fini(&why);
    return stays;
}

size_t mcr_repl_complete(mcr_console *console, bool attached, mcr_str before, mcr_buf *words,
                         bool *closed)
{
    size_t start = 0;
    while (start < before.len && before.ptr[start] == ' ')
        start++;
    if (start == before.len || before.ptr[start] != ':')
        return complete_lua(console, before, 0, words);
    const char *blank = memchr(before.ptr + start, ' ', before.len - start);
    if (!blank) {
        *closed = true;
        return complete_command(before, attached, words);
    }
    mcr_buf why = { 0 };
    mcr_str name = mcr_str_n(before.ptr + start + 1, (size_t)(blank - (before.ptr + start + 1)));
    const mcr_repl_command *command = mcr_repl_command_find(name, attached, &why);
    mcr_buf_fini(&why);
    if (command && command->takes == MCR_REPL_TAKES_FILE)
        return complete_file(before, words, closed);
    if (command && command->takes == MCR_REPL_TAKES_LUA)
        return complete_lua(console, before, (size_t)(blank + 1 - before.ptr), words);
    return before.len;
}
