#pragma once
// Somebody at a prompt, in the sandbox of scripts: what is typed runs as scripts run (same globals,
// same limits, under the guard), and its outcome is text. `mooncrier repl` is a console with a line
// editor before it; lua/mooncrier/repl.lua is the half of it that is Lua.
//
//     mcr_console *c = mcr_console_new(&(mcr_console_options){ .deadline = 10e9 });
//     switch (mcr_console_call(c, "enter", mcr_str_of("1 + 1"), &out, &why)) …   // out: "2\n"
//
// One thread at a time, but for mcr_console_interrupt.

#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"
#include "script/script.h"

typedef struct mcr_console mcr_console;

typedef struct mcr_console_options {
    const mcr_clock *clock;  // NULL: mcr_clock_wall
    const char *scripts_dir; // as in mcr_script_options
    int64_t deadline;        // ns that one input may take; 0: MCR_DEADLINE_NS
    size_t memory;           // bytes; 0: MCR_SCRIPT_MEMORY
} mcr_console_options;

typedef enum mcr_console_result {
    MCR_CONSOLE_DONE,
    MCR_CONSOLE_MORE,   // it is the beginning of something: to be called again with the next line
    MCR_CONSOLE_FAILED, // `why` says why
} mcr_console_result;

mcr_console *mcr_console_new(const mcr_console_options *options);
void mcr_console_free(mcr_console *c);

// mcr_console_call does what `name` is with `text`: "enter" runs Lua; "next", "filter", "script",
// "time" and "bytecode" are the commands of those names; "current" prints the place of `event`, or
// its JSON, and "parameters" those of the script as Lua. `out` gets what is printed and `why` what
// went wrong, both whole lines. What runs past the deadline is stopped. A state that had to be
// thrown away for that (script/cut_off.h) is made anew, with the events and the script, which `why`
// says; variables are lost.
mcr_console_result mcr_console_call(mcr_console *c, const char *name, mcr_str text, mcr_buf *out,
                                    mcr_buf *why);

// mcr_console_take_events makes the `n` events at `events`, whose references it takes, those that
// are looked at, in place of all before; the array stays the caller's.
void mcr_console_take_events(mcr_console *c, mcr_event *const *events, size_t n);

// mcr_console_events is the events that are looked at, valid until they are others.
mcr_event *const *mcr_console_events(const mcr_console *c, size_t *n);

// mcr_console_interrupt stops what runs now, which fails as "interrupted"; nothing happens when
// nothing runs. From a signal handler or any thread.
void mcr_console_interrupt(mcr_console *c);
