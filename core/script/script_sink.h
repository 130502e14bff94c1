#pragma once
// The sink "script": events to a script of the user's, which returns the hooks of a sink's life in
// place of those of a watcher. It runs in a Lua state of its own, on the thread of the host whose
// watcher it delivers for.
//
// | hook            | when                                                                  |
// |-----------------|-----------------------------------------------------------------------|
// | init(params)    | as in every script: when it is loaded, also by `check`                |
// | open()          | before the first event; `check` does not call it                      |
// | write(event)    | for every event, in order                                             |
// | flush()         | there is nothing more to do, or 256 events wait for it                |
// | tick(now)       | every `tick_every`                                                    |
// | reopen()        | SIGUSR1                                                               |
// | close()         | the end, after the last flush                                         |
//
// A write or flush that answers nothing or true is done. `false, "why"`, or an error, refuses the
// event to the dead letters; `"retry", "why"` asks to be called again: the sink waits, from `wait`
// on doubling to `max_wait`, takes no more events meanwhile and gives up after `attempts`. In a
// script with `flush`, written events count as delivered, or are refused together, when that
// answers; without it, at once.

#include "script/script.h"
#include "sink/sink.h"

typedef struct mcr_script_sink_options {
    int64_t attempts; // of one write or flush, the first one counted (12)
    int64_t wait;     // ns before the second one (1 s)
    int64_t max_wait; // ns (60 s)
    double rate;      // writes a second, all tries counted; 0: no limit
    int64_t burst;    // (10)
} mcr_script_sink_options;

// The kind, with no `open`: it needs more than options. Not in mcr_sink_kinds.
extern const mcr_sink_kind mcr_sink_kind_script;

// mcr_script_sink_open_take makes the sink of what mcr_scripts_load_sink loaded and
// mcr_scripts_init started, and runs the script's `open`. It owns `scripts` from here on, also when
// it fails: NULL, with a sentence in `err`. `script` is what messages call the script; `options`
// and it stay the caller's until close.
mcr_sink *mcr_script_sink_open_take(mcr_scripts *scripts, const char *script,
                                    const mcr_script_sink_options *options, mcr_errbuf *err);

// mcr_script_sink_scripts is the script that the sink is, valid as long as it; NULL: it is of
// another kind.
mcr_scripts *mcr_script_sink_scripts(const mcr_sink *sink);
