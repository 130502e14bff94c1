#pragma once
// An explanation: what a rehearsal makes of one event and why, stage by stage, as a JSON document
// and as text. What `explain` prints.
//
//     mcr_explanation *x = mcr_explanation_new(false);
//     options.observer = mcr_explanation_observer(x);
//     options.sent = true;
//     mcr_rehearsal *r = mcr_rehearsal_new_take(g, &options, &err);
//     … mcr_rehearsal_step for what came before …
//     cJSON *explained = mcr_explanation_step(x, r, ev);
//     mcr_explanation_write(&text, explained, false);
//
// One thread.

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/buf.h"
#include "rehearse/rehearsal.h"

typedef struct mcr_explanation mcr_explanation;

// mcr_explanation_new; `open_sinks` as the rehearsal has it: nobody knows what kinds they are of.
mcr_explanation *mcr_explanation_new(bool open_sinks);
void mcr_explanation_free(mcr_explanation *x);

// mcr_explanation_observer is what the rehearsal must be made with; valid as long as `x`.
mcr_rehearsal_observer mcr_explanation_observer(mcr_explanation *x);

// mcr_explanation_step has the rehearsal take its next step, by `ev` (borrowed), and returns what
// became of it, the caller's:
//
//     event     namespace, name, kind (of its object), object, reason, type, message
//     decode    api, bytes, unknownFields, time, timeFrom, change, delta, occurrences
//     watchers  one for each watcher that it came to, and for each that something emitted of it
//               came to, in their order:
//       watcher, event; emittedBy: the watchers that emitted it, if it is not the event itself
//       stages  hooks (stage, script, where, did, and what belongs to that) and "correlate"
//       sinks   sink, kind, outcome, direct; why; form, method, url, path, headers, body;
//               unchanged: the body is the event as it came in
//       outcome how it ended in this watcher, as the ledger calls it; why; deadLetters: where it
//               would be kept
//
// Of URLs and headers only what may be shown is there (base/shown.h).
cJSON *mcr_explanation_step(mcr_explanation *x, mcr_rehearsal *r, mcr_event *ev);

// mcr_explanation_write appends it as text for people; `colour`: for a terminal.
void mcr_explanation_write(mcr_buf *out, const cJSON *explained, bool colour);
