#pragma once
// What of two configurations is the same, so that a reload leaves what runs alone.

#include "config/config.h"

// mcr_config_same_source: kind, name and options.
bool mcr_config_same_source(const mcr_config_source *a, const mcr_config_source *b);

// mcr_config_same_sink: the sinks `i` of two watchers (the log comes last), by name, kind and
// options; what they are told of (`updates`) and renderers may differ. Of a sink that is a script
// all of the configuration must be the same, and its files are another question.
bool mcr_config_same_sink(const mcr_config *a, const mcr_config_watcher *v, uint32_t i,
                          const mcr_config *b, const mcr_config_watcher *w, uint32_t k);

// mcr_config_same_queue: the watchers' queue and group.
bool mcr_config_same_queue(const mcr_config_watcher *v, const mcr_config_watcher *w);

// mcr_config_same_correlator: whether and how they correlate, but for hooks.
bool mcr_config_same_correlator(const mcr_config_watcher *v, const mcr_config_watcher *w);

// mcr_config_note_fixed appends the names of what differs and only holds from the next start.
void mcr_config_note_fixed(mcr_buf *out, const mcr_config *a, const mcr_config *b);
