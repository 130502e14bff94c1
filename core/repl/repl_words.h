#pragma once
// The commands of the prompt: their names, what :help says, and completion.

#include "base/buf.h"
#include "script/console.h"

typedef enum mcr_repl_kind {
    MCR_REPL_ASKS_LUA, // mcr_console_call of the same name
    MCR_REPL_LOAD,
    MCR_REPL_SCRIPT,
    MCR_REPL_CONFIG,
    MCR_REPL_EXPLAIN,
    MCR_REPL_HELP,
    MCR_REPL_QUIT,
    MCR_REPL_STATUS, // these only in a session that is attached to a running program
    MCR_REPL_SHARED,
    MCR_REPL_SAMPLE
} mcr_repl_kind;

typedef struct mcr_repl_command {
    const char *name; // without its colon
    const char *arg;  // what follows it; "": nothing
    const char *doc;  // a phrase
    mcr_repl_kind kind;
    enum {
        MCR_REPL_TAKES_NOTHING,
        MCR_REPL_TAKES_FILE,
        MCR_REPL_TAKES_LUA
    } takes;
} mcr_repl_command;

// mcr_repl_command_find finds the command by its name or by the beginning of only one; NULL with a
// sentence in `why`.
const mcr_repl_command *mcr_repl_command_find(mcr_str name, bool attached, mcr_buf *why);

// mcr_repl_help appends what :help prints.
void mcr_repl_help(mcr_buf *out, bool attached);

// mcr_repl_complete is a mcr_completer (repl/line_editor.h) over commands, files and Lua.
size_t mcr_repl_complete(mcr_console *console, bool attached, mcr_str before, mcr_buf *words,
                         bool *closed);
