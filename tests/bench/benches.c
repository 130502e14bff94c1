#include "bench.h"

#include "bench_correlate.h"
#include "bench_correlate_lua.h"
#include "bench_decode.h"
#include "bench_deliver.h"
#include "bench_encode.h"
#include "bench_fanout.h"
#include "bench_guard.h"
#include "bench_handler.h"
#include "bench_kube.h"
#include "bench_log.h"
#include "bench_pipeline.h"
#include "bench_reload.h"
#include "bench_run.h"
#include "bench_store.h"
#include "bench_tools.h"
#include "bench_webhook.h"

const mcr_bench mcr_benches[] = {
    { "decode", "line to event, all fields, against cJSON", bench_decode },
    { "encode", "event to JSON, against cJSON", bench_encode },
    { "merge", "a new message and one more field, without decoding the result", bench_merge },
    { "fanout", "1, 4 and 16 watches that wait, nothing lost", bench_fanout },
    { "handler", "one Lua filter, single events and batches", bench_handler },
    { "guard", "the same with scripts under guard and without", bench_guard },
    { "guard-stop", "from the deadline of a hook that runs away to its end", bench_guard_stop },
    { "handlers-200", "200 Lua filters in one state", bench_handlers_200 },
    { "correlate-same", "one event again and again through the correlator", bench_correlate },
    { "correlate-distinct", "20,000 objects through the correlator", bench_correlate },
    { "correlate-zipf", "1000 objects by Zipf's law through the correlator", bench_correlate },
    { "correlate-lua", "the three with all keys written in Lua", bench_correlate_lua },
    { "log", "structured klog lines to /dev/null", bench_log },
    { "run-filter", "the whole program: few events pass", bench_run },
    { "run-enrich", "the whole program: Warnings get a field and a prefix", bench_run },
    { "run-route", "the whole program: three files by reason", bench_run },
    { "run-null", "the whole program: a handler that does nothing", bench_run },
    { "replay", "replay --speed max against run-null, which must not be much faster",
      bench_replay },
    { "diff", "two scripts that write a field and a prefix, in runs of one of them", bench_diff },
    { "eval", "one line of Lua over a million events, against jq's select", bench_eval },
    { "tap", "run-null with a tap that shows all stages, and without", bench_tap },
    { "memory", "resident size, idle and at work", bench_memory },
    { "start", "time until `version` has ended, and until the first event is out", bench_start },
    { "reload", "8 watchers of 300 lines: pause, edit to live, throughput afterwards",
      bench_reload },
    { "store", "events into the event store, new ones and counts", bench_store },
    { "deliver-http", "1 KB POSTs, 32 in flight, against bare curl on libev", bench_deliver },
    { "deliver-http-h2", "the same by HTTP/2 to nghttpd", bench_deliver },
    { "deliver", "distinct events through the kube sink, 32 in flight, against bare curl",
      bench_deliver_kube },
    { "deliver-h2", "the same by HTTP/2 to nghttpd", bench_deliver_kube },
    { "pipeline", "recorder, correlator and kube sink, 1000 objects by Zipf's law",
      bench_pipeline },
    { "outage", "resident size while 10,000 events wait for a server that refuses", bench_outage },
    { "webhook-batch", "events to an HTTP server in arrays of 64 KB, against bare curl",
      bench_webhook },
    { NULL, NULL, NULL },
};
