#pragma once
// What the file and stdout sinks share: events become lines (sink/format.h) in a buffer, whole
// lines are appended to a file (sink/appender.h), and each event is counted when its line is out,
// or is known not to come out.

#include "base/option.h"
#include "sink/sink.h"

typedef struct mcr_lines_options {
    const char *path;   // NULL: the descriptor below
    int fd;             // of a kind without path; no option
    const char *format; // NULL: "json"
    const char *fsync;  // NULL: "never"; "flush"; or a duration
    int64_t buffer;     // bytes; written out when there are as many
    int64_t timeout;    // ns that a pipe or terminal which does not block is waited for
} mcr_lines_options;

// The rows of the option table that both kinds have.
// clang-format off
#define MCR_LINES_OPTIONS                                                                          \
    { "format", MCR_OPTION_STRING, offsetof(mcr_lines_options, format), NULL,                      \
      "json (default), structured, plain, json-log, table, wide or custom-columns=TITLE:path,…" }, \
    { "fsync", MCR_OPTION_STRING, offsetof(mcr_lines_options, fsync), NULL,                        \
      "\"never\" (default), \"flush\" (with every flush) or at most once per duration: \"1s\"" },  \
    { "buffer", MCR_OPTION_SIZE, offsetof(mcr_lines_options, buffer), NULL,                        \
      "written out when it holds as much, or when there is nothing more to do (64KiB)" },          \
    { "timeout", MCR_OPTION_DURATION, offsetof(mcr_lines_options, timeout), NULL,                  \
      "how long a full pipe that does not block is waited for (10s)" }
// clang-format on

// The functions of a sink kind.
void mcr_lines_defaults(void *options);
const char *mcr_lines_check(const void *options, mcr_errbuf *err);
mcr_sink *mcr_lines_open(const mcr_sink_kind *kind, const mcr_lines_options *options,
                         mcr_errbuf *err);
void mcr_lines_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now);
void mcr_lines_flush(mcr_sink *sink, int64_t now);
int64_t mcr_lines_tick(mcr_sink *sink, int64_t now);
void mcr_lines_reopen(mcr_sink *sink);
void mcr_lines_close(mcr_sink *sink);
