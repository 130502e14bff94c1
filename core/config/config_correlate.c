#include "config/config_correlate.h"

#include <inttypes.h>
#include <string.h>

#include "sink/kinds.h"
#include "sink/kube.h"

const mcr_correlate_numbers mcr_correlate_nothing_said = { .spam_filter = true, .aggregate = true };

#define AT(member) offsetof(mcr_correlate_numbers, member)

const mcr_option mcr_correlate_options[] = {
    { "lru_cache_size", MCR_OPTION_INT, AT(lru_cache_size), NULL,
      "events, groups and objects remembered, each (4096)" },
    { "burst_size", MCR_OPTION_INT, AT(burst_size), NULL,
      "events of an object that pass at once (25)" },
    { "burst", MCR_OPTION_ALIAS, 0, "burst_size", "" },
    { "qps", MCR_OPTION_RATE, AT(qps), NULL,
      "events of an object that pass later on (12/h: one in 300 s)" },
    { "max_events", MCR_OPTION_INT, AT(max_events), NULL,
      "from so many similar events on they are combined (10)" },
    { "max_interval", MCR_OPTION_DURATION, AT(max_interval), NULL,
      "the longest gap between similar events (10m)" },
    { "spam_filter", MCR_OPTION_BOOL, AT(spam_filter), NULL,
      "false: all events pass, however many an object has" },
    { "aggregate", MCR_OPTION_BOOL, AT(aggregate), NULL, "false: similar events are not combined" },
    { 0 },
};

const char *mcr_correlate_check(const mcr_correlate_numbers *n, mcr_errbuf *err)
{
    const char *wrong = NULL;
    if (n->max_interval % INT64_C(1000000000)) {
        mcr_errf(err, MCR_ECONFIG, "'max_interval' is in whole seconds");
        wrong = "max_interval";
    } else if (!n->spam_filter && (n->burst_size || n->qps != 0)) {
        mcr_errf(err, MCR_ECONFIG, "'burst_size' and 'qps' are of the spam filter, which is off");
        wrong = "spam_filter";
    } else if (!n->aggregate && (n->max_events || n->max_interval)) {
        mcr_errf(err, MCR_ECONFIG,
                 "'max_events' and 'max_interval' are of the aggregator, which is off");
        wrong = "aggregate";
    }
    return wrong;
}

void mcr_correlate_apply(const mcr_correlate_numbers *n, mcr_correlator_options *to)
{
    to->lru_cache_size = n->lru_cache_size;
    to->burst_size = n->spam_filter ? n->burst_size : INT32_MAX;
    to->qps = n->spam_filter ? (float)n->qps : (float)INT32_MAX;
    to->max_events = n->aggregate ? n->max_events : -1;
    to->max_interval_s = n->max_interval / INT64_C(1000000000);
}

mcr_correlate_numbers mcr_correlate_said(const mcr_correlator_options *options)
{
    bool spam_filter = options->burst_size != INT32_MAX;
    bool aggregate = options->max_events >= 0;
    return (mcr_correlate_numbers){
        .lru_cache_size = options->lru_cache_size,
        .burst_size = spam_filter ? options->burst_size : 0,
        .qps = spam_filter ? (double)options->qps : 0,
        .max_events = aggregate ? options->max_events : 0,
        .max_interval = options->max_interval_s * INT64_C(1000000000),
        .spam_filter = spam_filter,
        .aggregate = aggregate,
    };
}

static mcr_err read_numbers(mcr_config_reader *r, const char *where, mcr_correlator_options *to)
{
    static const char *const none[] = { NULL };
    mcr_correlate_numbers n = mcr_correlate_nothing_said;
    mcr_err code = mcr_config_options(r, where, mcr_correlate_options, none, &n);
    if (code)
        return code;
    mcr_errbuf why;
    const char *wrong = mcr_correlate_check(&n, &why);
    if (wrong)
        return mcr_config_fail(r, where, wrong, "%s", why.text);
    mcr_correlate_apply(&n, to);
    return MCR_OK;
}

static bool follows_client_go(const mcr_config_sink *sink)
{
    return sink->kind == &mcr_sink_kind_kube &&
           ((const mcr_kube_options *)sink->options)->policy == MCR_KUBE_CLIENT_GO;
}

// How many of the watcher's sinks are what.
typedef struct census {
    uint32_t records;   // kube, store
    uint32_t client_go; // kube with policy = "client-go"
    uint32_t kube;
} census;

static census count_sinks(const mcr_config *c, const mcr_config_watcher *w)
{
    census n = { 0 };
    for (uint32_t i = 0; i < w->sink_n; i++) {
        const mcr_config_sink *sink = &c->sinks[w->sinks[i]];
        n.records += sink->kind->records;
        n.client_go += follows_client_go(sink);
        n.kube += sink->kind == &mcr_sink_kind_kube;
    }
    return n;
}

static mcr_err choose(mcr_config_reader *r, mcr_config_watcher *w, const char *where,
                      const census *n)
{
    if (n->records && n->records < w->sink_n)
        return mcr_config_fail(r, where, "sinks",
                               "'correlate' is missing: some of its sinks record (kube, store), "
                               "some do not; say true, \"client-go\" or false");
    w->correlates = n->records > 0;
    w->correlate = n->client_go ? (mcr_correlator_options){ 0 } : mcr_correlator_default_options;
    return MCR_OK;
}

static mcr_err read_value(mcr_config_reader *r, mcr_config_watcher *w, const char *where,
                          const census *n)
{
    lua_State *L = r->L;
    w->correlates = true;
    w->correlate = mcr_correlator_default_options;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        return choose(r, w, where, n);
    case LUA_TBOOLEAN:
        w->correlates = lua_toboolean(L, -1);
        return MCR_OK;
    case LUA_TTABLE:
        if (n->client_go)
            w->correlate = (mcr_correlator_options){ 0 };
        return read_numbers(r, where, &w->correlate);
    case LUA_TSTRING:
        if (strcmp(lua_tostring(L, -1), "client-go") == 0) {
            w->correlate = (mcr_correlator_options){ 0 };
            return MCR_OK;
        }
    }
    return mcr_config_fail(r, where, "correlate",
                           "'correlate' is true, false, \"client-go\" or a table of options");
}

mcr_err mcr_config_read_correlate(mcr_config *c, mcr_config_reader *r, mcr_config_watcher *w,
                                  const char *where)
{
    census n = count_sinks(c, w);
    lua_getfield(r->L, -1, "correlate"); // watcher correlate
    mcr_err code = read_value(r, w, where, &n);
    lua_pop(r->L, 1); // watcher
    if (!code && n.client_go && n.client_go < n.kube)
        code = mcr_config_fail(r, where, "sinks",
                               "its kube sinks have different policies: one event at a time is "
                               "for all of them or for none");
    w->learns = n.client_go > 0;
    return code;
}

void mcr_config_correlate_describe(mcr_buf *out, const mcr_config_watcher *w)
{
    const mcr_correlator_options *o = &w->correlate;
    if (!w->correlates) {
        mcr_buf_puts(out, "no");
        return;
    }
    mcr_buf_puts(out, o->key_separator ? "yes" : "client-go");
    if (o->max_events < 0)
        mcr_buf_puts(out, ", nothing combined");
    else
        mcr_buf_printf(out, ", %" PRId64 " similar in %" PRId64 " s combined",
                       o->max_events ? o->max_events : 10,
                       o->max_interval_s ? o->max_interval_s : 600);
    if (o->burst_size == INT32_MAX)
        mcr_buf_puts(out, ", no spam filter");
    else
        mcr_buf_printf(out, ", spam filter %" PRId64 " an object, then one in %.0f s",
                       o->burst_size ? o->burst_size : 25, o->qps != 0 ? 1 / (double)o->qps : 300.);
}
