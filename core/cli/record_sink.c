#include "cli/record_sink.h"

#include <ev.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "broadcast/watcher.h"
#include "sink/kinds.h"
#include "sink/kube.h"

struct mcr_record_sink {
    struct ev_loop *loop;
    mcr_watcher *watcher;
    const mcr_sink_kind *kind;
    void *options;
    mcr_sink *sink;
    mcr_buf lost; // why the last event is not recorded
};

static void on_lost(void *self, const mcr_event *ev, const char *reason)
{
    (void)ev;
    mcr_record_sink *to = self;
    to->lost.len = 0;
    mcr_buf_puts(&to->lost, reason);
}

static bool set(mcr_record_sink *to, const char *name, const char *value, mcr_errbuf *err)
{
    const mcr_option_value v = { .kind = MCR_VALUE_STRING, .string = value };
    return !value || mcr_option_set(to->options, to->kind->options, name, &v, err) == MCR_OK;
}

mcr_record_sink *mcr_record_sink_open(const mcr_record_sink_options *o, mcr_errbuf *err)
{
    mcr_record_sink *to = mcr_zalloc(sizeof *to);
    to->kind = mcr_sink_kind_find(o->store ? "store" : "kube");
    to->options = mcr_zalloc(to->kind->options_size);
    to->kind->defaults(to->options);
    bool good = o->store ? set(to, "path", o->store, err)
                         : set(to, "server", o->server, err) &&
                               set(to, "kubeconfig", o->kubeconfig, err) &&
                               set(to, "context", o->context, err);
    if (!good || !(to->sink = to->kind->open(to->options, err))) {
        mcr_record_sink_free(to);
        return NULL;
    }
    to->sink->name = to->kind->name;
    to->sink->lost = (mcr_lost_hook){ on_lost, to };
    to->loop = ev_loop_new(EVFLAG_AUTO);
    to->watcher = mcr_watcher_new("record");
    mcr_watcher_add_sink_take(to->watcher, to->sink);
    mcr_watcher_start(to->watcher, to->loop);
    return to;
}

void mcr_record_sink_free(mcr_record_sink *to)
{
    if (!to)
        return;
    if (to->watcher) {
        mcr_watcher_stop(to->watcher);
        mcr_watcher_free(to->watcher);
        ev_loop_destroy(to->loop);
    }
    mcr_options_fini(to->options, to->kind->options);
    free(to->options);
    mcr_buf_fini(&to->lost);
    free(to);
}

const char *mcr_record_sink_namespace(const mcr_record_sink *to)
{
    return to->kind == &mcr_sink_kind_kube ? ((const mcr_kube *)to->sink)->access->namespace : NULL;
}

mcr_err mcr_record_sink_would_be_namespace(const mcr_record_sink_options *o, char **namespace,
                                           mcr_errbuf *err)
{
    *namespace = NULL;
    if (o->store)
        return MCR_OK;
    const mcr_kube_access_options options = {
        .kubeconfig = o->kubeconfig,
        .context = o->context,
        .server = o->server,
    };
    mcr_kube_access *access = mcr_kube_access_load(&options, err);
    if (access) {
        *namespace = mcr_strdup(access->namespace);
        mcr_kube_access_free(access);
        return MCR_OK;
    }
    const char *variable = getenv("KUBECONFIG");
    bool named = o->kubeconfig || o->context || (variable && *variable);
    return named ? MCR_ECONFIG : MCR_OK;
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
}

mcr_record_outcome mcr_record_sink_send(mcr_record_sink *to, mcr_event *ev, int64_t timeout_ns,
                                        mcr_buf *why)
{
    uint64_t before = to->sink->counts.delivered;
    int64_t end = mcr_clock_monotonic() + timeout_ns;
    ev_timer timer;
    ev_timer_init(&timer, on_time, (double)timeout_ns / 1e9, 0);
    ev_now_update(to->loop);
    ev_timer_start(to->loop, &timer);
    mcr_event_ref(ev);
    mcr_watcher_step(to->watcher, &ev, 1, mcr_clock_now(&mcr_clock_wall));
    mcr_watcher_flush(to->watcher, mcr_clock_now(&mcr_clock_wall));
    while (mcr_watcher_in_flight(to->watcher) && mcr_clock_monotonic() < end)
        ev_run(to->loop, EVRUN_ONCE);
    ev_timer_stop(to->loop, &timer);
    if (to->sink->counts.delivered > before)
        return MCR_RECORD_DONE;
    if (mcr_watcher_in_flight(to->watcher))
        return MCR_RECORD_UNKNOWN;
    mcr_buf_add(why, mcr_buf_str(&to->lost));
    return MCR_RECORD_REFUSED;
}
