#pragma once
// The sink kinds there are, for the list in sink.c.

#include "sink/sink.h"

extern const mcr_sink_kind mcr_sink_kind_file;    // file.c
extern const mcr_sink_kind mcr_sink_kind_kube;    // kube.c
extern const mcr_sink_kind mcr_sink_kind_stdout;  // stdout.c
extern const mcr_sink_kind mcr_sink_kind_stderr;  // stderr.c
extern const mcr_sink_kind mcr_sink_kind_store;   // store.c
extern const mcr_sink_kind mcr_sink_kind_webhook; // webhook.c
