#pragma once
// The control socket of a running program: a Unix socket, mode 0600, that takes requests as lines
// of JSON and answers each with one:
//
//     {"mooncrier":1,"request":"status"}     → {"mooncrier":1,"ok":true,"status":{…}}
//     {"mooncrier":1,"request":"reload"}     → {"mooncrier":1,"ok":true,"outcome":{…}}
//     {"mooncrier":1,"request":"rollback"}   → {"mooncrier":1,"ok":false,"error":"…","outcome":{…}}
//     {"mooncrier":1,"request":"ping"}       → {"mooncrier":1,"ok":true}
//
// "format":"text" asks for a status for people (as "text"). Answers come in the order of the
// requests; a client that has ended its side gets its answers all the same.
//
// Nothing here blocks the loop. A line is MCR_CONTROL_LINE bytes at most, MCR_CONTROL_CLIENTS are
// served at a time; one that sends no whole request for a minute, or does not read its answer for
// half a minute, is cut. Main thread.

#include <ev.h>

#include "base/err.h"
#include "daemon/live.h"

enum {
    MCR_CONTROL_VERSION = 1,
    MCR_CONTROL_LINE = 64 << 10,
    MCR_CONTROL_CLIENTS = 32
};

typedef struct mcr_control mcr_control;

// mcr_control_new listens at `path` (copied). A socket there that nobody listens at any more is
// replaced; MCR_ESTOPPED in *code: a living process has it, which the sentence names. `live` is
// borrowed. NULL with a sentence.
mcr_control *mcr_control_new(struct ev_loop *loop, mcr_live *live, const char *path, mcr_err *code,
                             mcr_errbuf *err);

// mcr_control_free removes the socket and cuts all clients; all that was asked for must have been
// answered (daemon/live.h). NULL is fine.
void mcr_control_free(mcr_control *c);
