#pragma once
// A prompt beside a running program: what `mooncrier repl --attach` reads of it over the control
// socket. Nothing here changes anything there.

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "script/console.h"

// Which program, and until when it is waited for.
typedef struct mcr_attachment {
    const char *config, *socket;         // as mcr_control_find takes them
    const volatile sig_atomic_t *enough; // set by a signal: nothing is waited for any more
} mcr_attachment;

// mcr_attachment_status asks for everything that is known of the program: the console's `status`
// and `shared` become that, and `out` gets the text for people. MCR_CONSOLE_FAILED with a sentence
// in `why`.
mcr_console_result mcr_attachment_status(const mcr_attachment *a, mcr_console *c, mcr_buf *out,
                                         mcr_buf *why);

// mcr_attachment_shared asks for what scripts share and prints the values whose names match `glob`
// ("": all).
mcr_console_result mcr_attachment_shared(const mcr_attachment *a, mcr_console *c, mcr_str glob,
                                         mcr_buf *out, mcr_buf *why);

// mcr_attachment_sample makes the next `n` events that the program reads the console's, or as many
// as come within five seconds.
mcr_console_result mcr_attachment_sample(const mcr_attachment *a, mcr_console *c, size_t n,
                                         mcr_buf *out, mcr_buf *why);
