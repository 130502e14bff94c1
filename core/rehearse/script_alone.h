#pragma once
// A script alone, without a configuration: to be rehearsed with whatever sinks it names.

#include "config/generation.h"

// mcr_script_alone reads a generation of one watcher, called "script", that has the script at
// `path` and nothing else, for a rehearsal with open_sinks (rehearsal.h): any name is a sink, and
// an event that route says nothing of goes to the sink "default". They are webhooks, so that a
// render hook is asked. `params` are the script's parameters, as the Lua source of a table; NULL:
// it has none. NULL with a sentence.
mcr_generation *mcr_script_alone(const char *path, const char *params, mcr_errbuf *err);
