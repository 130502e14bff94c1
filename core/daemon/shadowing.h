#pragma once
// Shadows of all watchers at once, as changes for the transaction of a reload: candidates are put
// beside the live scripts, take their place, or go.

#include "daemon/app.h"
#include "daemon/census.h"
#include "daemon/change.h"

// mcr_shadowing_start puts the scripts of `g`, which become the change's, beside those of the
// running watchers of the same names; they begin with what save() of the live ones gives. Refuses
// (no `self`, a sentence in `err`) when a watcher would have other sinks, or none has scripts.
mcr_change mcr_shadowing_start(mcr_app *app, mcr_generation *g, mcr_errbuf *err);

// mcr_shadowing_promote makes the candidates the live scripts, as they are now.
mcr_change mcr_shadowing_promote(mcr_app *app);

// mcr_shadowing_drop ends all shadows.
mcr_change mcr_shadowing_drop(mcr_app *app);

// mcr_shadowing_report appends what the shadow of `folder` has compared so far, as a JSON object:
// {"folder":…,"watchers":[{"watcher":"w","report":{…}}]} (script/shadow.h). A watcher that did not
// answer has "silent":true instead.
void mcr_shadowing_report(mcr_buf *json, const char *folder, const mcr_census_result *counted);
