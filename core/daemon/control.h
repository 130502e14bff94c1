#pragma once
// The control socket of a running program: a Unix socket, mode 0600, that takes requests as lines
// of JSON and answers each with one:
//
//     {"mooncrier":1,"request":"status"}     → {"mooncrier":1,"ok":true,"status":{…}}
//     {"mooncrier":1,"request":"reload"}     → {"mooncrier":1,"ok":true,"outcome":{…}}
//     {"mooncrier":1,"request":"rollback"}   → {"mooncrier":1,"ok":false,"error":"…","outcome":{…}}
//     {"mooncrier":1,"request":"ping"}       → {"mooncrier":1,"ok":true}
//     {"mooncrier":1,"request":"shared"}     → {"mooncrier":1,"ok":true,"shared":{"values":{…},…}}
//     {"mooncrier":1,"request":"profile"}    → {"mooncrier":1,"ok":true,"profile":{…}}
//     {"mooncrier":1,"request":"tap"}        → {"mooncrier":1,"ok":true,"tap":{…}}, and more lines
//
// and "shadow-start" with "folder":"/an/absolute/path", "shadow-promote", "shadow-drop" (an outcome
// each) and "shadow-report" (a "report").
//
// A profile takes "seconds":10 and may have a "watcher":"NAME" and "jit":true (daemon/profiling.h);
// it is answered when they are over.
//
// "format":"text" asks for a status for people (as "text"). Answers come in the order of the
// requests; a client that has ended its side gets its answers all the same.
//
// A tap shows events that pass the program (event/tapping.h). What it asks for, all of which may be
// left out:
//
//     "at":["source","filtered","recorded","delivered","dropped"]   by default where events end:
//                                                                   filtered, delivered, dropped
//     "watcher":"NAME"   its events alone; those of "source" have no watcher yet
//     "sink":"NAME"      what is about this sink alone
//     "sample":1000      at most so many a second at each stage; 0: all that there is room for
//
// The answer says what holds ("tap":{"at":[…],"sample":1000}), then each event is a line, and once
// a second, when anything has passed, and at the end there is a line of counts: how many events
// there were, how many of them it was shown, and how many did not fit into the queue
// (MCR_TAP_QUEUE):
//
//     {"at":"dropped","time":"…","outcome":"rejected","watcher":"w","sink":"s","reason":"…","event":{…}}
//     {"counts":{"passed":12000,"shown":1000,"full":0}}
//
// "outcome" is the ledger's word; "source", "watcher", "sink" and "reason" are there where they
// make sense. A tap goes on over reloads. It ends with the program, or when the client has ended
// its side or gone; other requests on its connection are not read any more. MCR_TAPS at a time.
//
// Nothing here blocks the loop. A line is MCR_CONTROL_LINE bytes at most, MCR_CONTROL_CLIENTS are
// served at a time; one that sends no whole request for a minute, or does not read its answer for
// half a minute, is cut. At the end of the program its taps are given MCR_CONTROL_FAREWELL_MS to
// take what they have not read. Main thread.

#include <ev.h>

#include "base/err.h"
#include "daemon/live.h"

enum {
    MCR_CONTROL_VERSION = 1,
    MCR_CONTROL_LINE = 64 << 10,
    MCR_CONTROL_CLIENTS = 32,
    MCR_CONTROL_FAREWELL_MS = 500
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
