#pragma once
// What a reload changes of the running parts: which watchers get other scripts, sinks or another
// correlator, which watchers and sources come and go. What did not change is not touched:
// connections, queues, what correlators know, how far files were read.
//
//     plan = mcr_plan_new(app, generation, …);        opens what is new     main thread
//     mcr_plan_prepare(plan, host, …)                 save and restore      each host's thread
//     mcr_plan_carry_out(plan, host)                                        each host's thread
//     mcr_plan_finish(plan)                                                 main thread
//     mcr_plan_free(plan)                             closes what was not taken into use

#include "cli/app.h"

typedef struct mcr_plan mcr_plan;

// mcr_plan_new compares and opens; nothing runs yet. The scripts of `g` become the plan's. NULL
// with a sentence: something does not open, and nothing was changed.
mcr_plan *mcr_plan_new(mcr_app *app, mcr_generation *g, mcr_errbuf *err);

// mcr_plan_hosts fills `hosts` (room for app->host_n) with those that have a part in it, and
// returns how many.
uint32_t mcr_plan_hosts(const mcr_plan *p, mcr_host **hosts);

// mcr_plan_prepare has the scripts of the host's watchers save, and the new ones restore.
// MCR_ESCRIPT when one of them refuses.
mcr_err mcr_plan_prepare(mcr_plan *p, const mcr_host *host, mcr_errbuf *err);

// mcr_plan_carry_out changes the host's watchers.
void mcr_plan_carry_out(mcr_plan *p, mcr_host *host);

// mcr_plan_finish brings in and parts with watchers and sources, once all hosts have carried it
// out. MCR_EIO when the system gives no thread for a new watcher: then that one does not run.
mcr_err mcr_plan_finish(mcr_plan *p, mcr_errbuf *err);

// mcr_plan_describe appends what it changes besides scripts: "watcher new added"; nothing if there
// is nothing.
void mcr_plan_describe(const mcr_plan *p, mcr_buf *out);

void mcr_plan_free(mcr_plan *p);
