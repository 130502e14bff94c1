#pragma once
// How an event is written for people and machines: the formats of the stdout and file sinks, of
// logging watchers and of `eval -o`.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

// mcr_klog_plain appends what client-go's StartLogging gives its function (RECORD §5.3, vectors
// log_cases `plain`): Event(v1.ObjectReference{…}): type: '…' reason: '…' message. No newline.
void mcr_klog_plain(mcr_buf *out, const mcr_event *ev);

// mcr_klog_structured appends the klog text of StartStructuredLogging after the header (vectors
// log_cases `structured`): "Event occurred" object="ns/name" …, final newline included.
void mcr_klog_structured(mcr_buf *out, const mcr_event *ev);

// mcr_go_quote appends `s` as Go's strconv.Quote does.
void mcr_go_quote(mcr_buf *out, mcr_str s);

// A formatter turns a stream of events into lines; tables align their columns. One thread.
typedef struct mcr_formatter mcr_formatter;

// mcr_formatter_new makes a formatter for `spec`:
//   "json"        one JSON line per event, untouched events byte for byte
//   "structured"  klog line of StartStructuredLogging with header (local time, pid, file:line)
//   "plain"       klog line of StartLogging with header
//   "json-log"    one JSON object per line as Kubernetes' JSON logging format has it
//   "wide"        the columns of `kubectl get events -o wide`
//   "table"       the columns of `kubectl get events`
//   "custom-columns=NAME:.json.path,…"  as kubectl; absent fields print <none>
// NULL with a sentence in `err` for anything else.
mcr_formatter *mcr_formatter_new(const char *spec, mcr_errbuf *err);
void mcr_formatter_free(mcr_formatter *f);

// mcr_formatter_add appends the event's line to `out`; tables may hold rows back to align them.
// `now` is Unix nanoseconds, for headers and ages.
void mcr_formatter_add(mcr_formatter *f, mcr_buf *out, const mcr_event *ev, int64_t now);

// mcr_formatter_flush appends rows that were held back.
void mcr_formatter_flush(mcr_formatter *f, mcr_buf *out);
