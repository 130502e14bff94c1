#pragma once
// What a reload changes of the running parts: which watchers get other scripts, sinks or another
// correlator, which watchers and sources come and go. What did not change is not touched:
// connections, queues, what correlators know, how far files were read.

#include "daemon/app.h"
#include "daemon/change.h"

// mcr_plan_new compares what runs with `g` and opens what is new; nothing runs yet. The scripts of
// `g` become the plan's. The change prepares by save() of the old scripts and restore() of the new.
// A change without `self`, with a sentence in `err`: something does not open, and nothing was
// changed.
mcr_change mcr_plan_new(mcr_app *app, mcr_generation *g, mcr_errbuf *err);
