#pragma once
// `:explain` at the prompt: what a configuration, or a script alone, does with an event and why, as
// `mooncrier explain` tells it (rehearse/explanation.h).

#include <signal.h>

#include "script/console.h"

typedef struct mcr_repl_subject {
    const char *config;                  // a configuration's path; NULL: `script` alone
    const char *script;                  // the one that the console has, with the same parameters
    const volatile sig_atomic_t *enough; // set by a signal: given up
} mcr_repl_subject;

// mcr_repl_explain explains the console's `event`, after the events that come before it among those
// that are looked at. `out` gets the text, in colour for a terminal.
mcr_console_result mcr_repl_explain(const mcr_repl_subject *subject, mcr_console *c, bool colour,
                                    mcr_buf *out, mcr_buf *why);
