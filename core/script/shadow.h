#pragma once
// Shadow: candidate scripts that run beside the live ones of a watcher, on the same events. What
// they answer is compared and never used; what they emit or write to `shared` is left out and
// counted.
//
// A shadow stands between a watcher and its live scripts: the watcher calls mcr_shadow_hooks. It is
// used on the thread that drives the watcher.

#include "script/script.h"

typedef struct mcr_shadow mcr_shadow;

// mcr_shadow_new puts `candidate` (taken over) beside `live`, which stays the caller's and must
// outlive the shadow. `sinks` are the names of the watcher's sinks (copied).
mcr_shadow *mcr_shadow_new(mcr_scripts *live, mcr_scripts *candidate, const char *const *sinks,
                           uint32_t sink_n);

// mcr_shadow_free ends it, with the candidate. NULL is fine.
void mcr_shadow_free(mcr_shadow *s);

// mcr_shadow_promote ends it and gives the candidate to the caller, to be used from now on: what it
// causes happens.
mcr_scripts *mcr_shadow_promote(mcr_shadow *s);

// mcr_shadow_hooks is the table for the watcher, valid as long as `s`.
const mcr_hooks *mcr_shadow_hooks(const mcr_shadow *s);

// mcr_shadow_correlator_hooks is mcr_scripts_correlator_hooks of both: the live scripts' answers
// hold.
void mcr_shadow_correlator_hooks(mcr_shadow *s, mcr_correlator_options *options);

// mcr_shadow_report appends what was compared as a JSON object:
//     {"emits":3,"shared_writes":0,"script_errors":0,"deadlines":0,
//      "hooks":[{"hook":"route","compared":1200,"differ":4,
//                "examples":[{"event":"prod/web-1.17c","live":"archive","shadow":"slack"}]}]}
// "handle" stands for filter and handle together. Hooks that neither side has are left out.
void mcr_shadow_report(const mcr_shadow *s, mcr_buf *json);
