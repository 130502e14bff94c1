#pragma once
// What the commands share that ask a running program.

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/args.h"

typedef struct mcr_asking {
    const char *config, *socket, *timeout, *output; // as typed
    int verbose, quiet;
    int64_t timeout_ns; // these two by mcr_asking_check
    bool json;
} mcr_asking;

// The rows of a command's flags, for an mcr_asking `a`.
#define MCR_ASKING_FLAGS(a)                                                                        \
    MCR_FLAG_CONFIG(&(a).config), MCR_FLAG_SOCKET(&(a).socket),                                    \
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &(a).output, "text (default) or json" },         \
        { "timeout",    0,                                                                         \
          "DURATION",   MCR_FLAG_TEXT,                                                             \
          &(a).timeout, "how long to wait for the answer (30s)" },                                 \
        MCR_FLAG_VERBOSE(&(a).verbose), MCR_FLAG_QUIET(&(a).quiet)

// mcr_asking_check reads what was typed; 0, or the exit code of a usage error, which was printed.
int mcr_asking_check(const mcr_usage *usage, mcr_asking *a);

// mcr_asking_send asks and returns the answer, to be deleted; NULL: none came, and the reason was
// logged. `folder` and `text` as in mcr_control_ask.
cJSON *mcr_asking_send(const mcr_asking *a, const char *request, const char *folder, bool text);

// mcr_asking_value is what was asked for in the answer, `name` of it, and when `part` is not NULL
// that of it; NULL: it was refused, and the reason was logged.
const cJSON *mcr_asking_value(const cJSON *answer, const char *name, const char *part);

// mcr_asking_print prints a string with a newline, anything else as JSON. False: it could not.
bool mcr_asking_print(const cJSON *value);
