#pragma once
// Lines from somebody at a terminal, by libedit: editing, history, completion. Ctrl-C gives up the
// line that is being typed; the caller handles SIGINT and says so (mcr_line_editor_wake).

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct mcr_line_editor mcr_line_editor;

// What could stand in the place of the end of `before`, the line up to the cursor: `words` gets
// them, each with a '\n' behind it, and the result is how many bytes of `before` stay. A word that
// is the only one is followed by a blank when `*closed` is set.
typedef size_t mcr_completer(void *arg, mcr_str before, mcr_buf *words, bool *closed);

typedef enum mcr_line {
    MCR_LINE_TYPED,
    MCR_LINE_GIVEN_UP, // Ctrl-C
    MCR_LINE_END       // Ctrl-D, or the terminal is gone
} mcr_line;

// mcr_line_editor_new takes over standard input and output, which must be a terminal. `history` is
// the file that what is typed is remembered in (0600; made when it is missing), NULL: it is not.
mcr_line_editor *mcr_line_editor_new(const char *history, mcr_completer *complete, void *arg);

// mcr_line_editor_free gives the terminal back as it was.
void mcr_line_editor_free(mcr_line_editor *e);

// mcr_line_editor_read waits for a line; `line` gets it without its newline, and it is remembered.
mcr_line mcr_line_editor_read(mcr_line_editor *e, const char *prompt, mcr_buf *line);

// mcr_line_editor_wake has the line that is being read given up. From a signal handler.
void mcr_line_editor_wake(mcr_line_editor *e);
