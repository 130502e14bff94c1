#pragma once
// Dead letters: the file that keeps events which a script error, a guard or a sink refused. One
// JSON line each:
//
//     {"time":"2026-11-23T05:01:40.123456Z","watcher":"crashes","stage":"filter",
//      "script":"handlers/crashloop.lua","sink":"","reason":"…","traceback":"…","event":{…}}
//
// "script", "sink" and "traceback" are left out when empty. `event` holds the original bytes.
// Shared by all watchers: any thread, one write(2) a line.

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "event/event.h"

typedef struct mcr_dead_letters mcr_dead_letters;

typedef struct mcr_dead_letter {
    const char *watcher;
    const char *stage;  // "filter", "handle", "route", "sink", …
    const char *script; // NULL or ""
    const char *sink;   // NULL or ""
    mcr_str reason;
    mcr_str traceback;
    const mcr_event *ev;
} mcr_dead_letter;

// mcr_dead_letters_open appends to `path`, made when missing. NULL with a sentence in `err`.
mcr_dead_letters *mcr_dead_letters_open(const char *path, const mcr_clock *clock, mcr_errbuf *err);

// mcr_dead_letters_add writes one letter. False when it could not be written (logged): the event
// then must be counted as lost by the caller.
bool mcr_dead_letters_add(mcr_dead_letters *dead, const mcr_dead_letter *letter);

// mcr_dead_letters_reopen opens the path anew (SIGUSR1).
void mcr_dead_letters_reopen(mcr_dead_letters *dead);

// mcr_dead_letters_count is how many letters were written.
uint64_t mcr_dead_letters_count(mcr_dead_letters *dead);

void mcr_dead_letters_close(mcr_dead_letters *dead);
