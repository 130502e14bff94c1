#include "sink/kube.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sink/kinds.h"
#include "sink/record_to_sink.h"
#include "sink/statuses.h"

enum {
    MOST_IN_FLIGHT = 1000,
    MOST_STREAMS = 100, // what the API server allows on one connection
    CONFLICTS = 3,
    NOT_SAID = -1 // the policy's
};

static const int64_t SECOND = INT64_C(1000000000);

static const mcr_kube_policy *const policies[] = {
    [MCR_KUBE_DEFAULT] = &mcr_kube_policy_default,
    [MCR_KUBE_CLIENT_GO] = &mcr_kube_policy_client_go,
};
#define POLICIES "default|client-go"
#define ANSWERS  "accept|refuse"

#define OPTION(field) offsetof(mcr_kube_options, field)

static const mcr_option options[] = {
    { "kubeconfig", MCR_OPTION_STRING, OPTION(access.kubeconfig), NULL,
      "a kubeconfig file ($KUBECONFIG, ~/.kube/config, or the pod's service account)" },
    { "context", MCR_OPTION_STRING, OPTION(access.context), NULL,
      "a context of the kubeconfig (its current-context)" },
    { "server", MCR_OPTION_STRING, OPTION(access.server), NULL,
      "the API server's URL, in place of the kubeconfig's" },
    { "token_file", MCR_OPTION_STRING, OPTION(access.token_file), NULL,
      "a file with a bearer token, in place of the kubeconfig's credentials" },
    { "in_cluster", MCR_OPTION_BOOL, OPTION(access.in_cluster), NULL,
      "the pod's service account and nothing else" },
    { "policy", MCR_OPTION_CHOICE, OPTION(policy), POLICIES,
      "\"default\", or \"client-go\": its decisions, one event at a time" },
    { "max_in_flight", MCR_OPTION_INT, OPTION(max_in_flight), NULL,
      "how many requests are under way at once (64)" },
    { "queue", MCR_OPTION_INT, OPTION(queue), NULL,
      "how many events wait before no more are taken (10000)" },
    { "retry.attempts", MCR_OPTION_INT, OPTION(attempts), NULL,
      "how often an event is tried where a server is there, 0: until the deadline (12)" },
    { "retry.wait", MCR_OPTION_DURATION, OPTION(wait), NULL,
      "before the second try; doubles with each (1s; client-go: always 10s)" },
    { "retry.max_wait", MCR_OPTION_DURATION, OPTION(max_wait), NULL,
      "the longest wait, Retry-After as well (60s)" },
    { "retry.deadline", MCR_OPTION_DURATION, OPTION(deadline), NULL,
      "after which an event is given up, 0: never (1h)" },
    { "retry.jitter", MCR_OPTION_NUMBER, OPTION(jitter), NULL,
      "how much of a wait is random, 0 to 1 (0.5)" },
    { "retry.statuses", MCR_OPTION_LIST, OPTION(statuses), NULL,
      "answers worth another try ({ \"3xx\", 401, 408, 425, 429, \"5xx\" })" },
    { "retry.conflicts", MCR_OPTION_INT, OPTION(conflicts), NULL,
      "how often an event answered 409 Conflict is tried again (3)" },
    { "already_exists", MCR_OPTION_CHOICE, OPTION(already_exists), ANSWERS,
      "\"accept\": a new event that is there counts as delivered, a repeat is patched" },
    { "fit", MCR_OPTION_BOOL, OPTION(fit), NULL,
      "names, namespaces and messages that the server would refuse are changed (true)" },
    { "merge", MCR_OPTION_BOOL, OPTION(merge), NULL,
      "repeats that wait become one request (true)" },
    { "timeout", MCR_OPTION_DURATION, OPTION(timeout), NULL,
      "of one request (30s; client-go: none)" },
    { "rate", MCR_OPTION_RATE, OPTION(rate), NULL, "requests a second, 0: no limit (0)" },
    { "qps", MCR_OPTION_ALIAS, 0, "rate", "client-go's name of rate" },
    { "burst", MCR_OPTION_INT, OPTION(burst), NULL, "requests at once before rate counts (10)" },
    { "http2", MCR_OPTION_BOOL, OPTION(http2), NULL, "HTTP/2 if the server offers it (false)" },
    { 0 },
};

static void defaults(void *o)
{
    mcr_delivery_options d;
    mcr_delivery_defaults(&d);
    *(mcr_kube_options *)o = (mcr_kube_options){
        .max_in_flight = NOT_SAID,
        .queue = d.queue,
        .attempts = d.attempts,
        .wait = NOT_SAID,
        .max_wait = NOT_SAID,
        .deadline = NOT_SAID,
        .jitter = NOT_SAID,
        .conflicts = NOT_SAID,
        .already_exists = NOT_SAID,
        .fit = true,
        .merge = true,
        .timeout = NOT_SAID,
        .burst = d.burst,
    };
}

static void set_unless_said(int64_t *option, int64_t value)
{
    if (*option < 0)
        *option = value;
}

static void settle_default(mcr_kube_options *kube)
{
    mcr_delivery_options d;
    mcr_delivery_defaults(&d);
    set_unless_said(&kube->max_in_flight, d.in_flight);
    set_unless_said(&kube->wait, d.wait);
    set_unless_said(&kube->max_wait, d.max_wait);
    set_unless_said(&kube->deadline, d.deadline);
    set_unless_said(&kube->conflicts, CONFLICTS);
    set_unless_said(&kube->timeout, 30 * SECOND);
    if (kube->jitter < 0)
        kube->jitter = d.jitter;
    if (kube->already_exists < 0)
        kube->already_exists = MCR_KUBE_ACCEPT;
}

// What client-go does, which `check` let nobody say otherwise.
static void settle_client_go(mcr_kube_options *kube)
{
    set_unless_said(&kube->wait, MCR_RECORDING_SLEEP_NS);
    set_unless_said(&kube->timeout, 0);
    kube->max_in_flight = 1;
    kube->max_wait = kube->deadline = kube->conflicts = 0;
    kube->jitter = 0;
    kube->already_exists = MCR_KUBE_REFUSE;
    kube->fit = kube->merge = false;
}

static void settle(void *o)
{
    mcr_kube_options *kube = o;
    if (kube->settled)
        return;
    if (kube->policy == MCR_KUBE_CLIENT_GO)
        settle_client_go(kube);
    else
        settle_default(kube);
    kube->settled = true;
}

// What was said and means nothing under "client-go".
static const char *check_client_go(const mcr_kube_options *kube, mcr_errbuf *err)
{
    const struct {
        const char *name;
        bool said;
    } rows[] = {
        { "max_in_flight", kube->max_in_flight >= 0 && kube->max_in_flight != 1 },
        { "retry.max_wait", kube->max_wait >= 0 },
        { "retry.deadline", kube->deadline >= 0 },
        { "retry.jitter", kube->jitter >= 0 },
        { "retry.statuses", kube->statuses.n > 0 },
        { "retry.conflicts", kube->conflicts >= 0 },
        { "already_exists", kube->already_exists >= 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].said) {
            mcr_errf(err, MCR_ECONFIG,
                     "'%s' is not for policy = \"client-go\", which decides that itself",
                     rows[i].name);
            return rows[i].name;
        }
    if (kube->attempts >= 1)
        return NULL;
    mcr_errf(err, MCR_ECONFIG,
             "'retry.attempts' must be 1 or more with policy = \"client-go\", which has no "
             "deadline");
    return "retry.attempts";
}

static const char *check_retry(const mcr_kube_options *kube, mcr_errbuf *err)
{
    mcr_statuses statuses;
    if (mcr_statuses_read(&statuses, &kube->statuses, MCR_KUBE_AGAIN, err))
        return "retry.statuses";
    if (kube->jitter > 1) {
        mcr_errf(err, MCR_ECONFIG, "'retry.jitter' must be from 0 to 1");
        return "retry.jitter";
    }
    if (kube->attempts == 0 && kube->deadline == 0) {
        mcr_errf(err, MCR_ECONFIG,
                 "'retry.attempts' and 'retry.deadline' cannot both be 0: one must end the tries");
        return "retry.attempts";
    }
    return NULL;
}

static const char *check(const void *o, mcr_errbuf *err)
{
    const mcr_kube_options *kube = o;
    if (kube->max_in_flight == 0 || kube->max_in_flight > MOST_IN_FLIGHT) {
        mcr_errf(err, MCR_ECONFIG, "'max_in_flight' must be from 1 to %d", MOST_IN_FLIGHT);
        return "max_in_flight";
    }
    if (kube->http2 && kube->max_in_flight > MOST_STREAMS) {
        mcr_errf(err, MCR_ECONFIG,
                 "'max_in_flight' must be at most %d with 'http2': API servers allow no more",
                 MOST_STREAMS);
        return "max_in_flight";
    }
    if (kube->queue < 1) {
        mcr_errf(err, MCR_ECONFIG, "'queue' must be at least 1");
        return "queue";
    }
    const char *wrong = check_retry(kube, err);
    if (!wrong && kube->policy == MCR_KUBE_CLIENT_GO && !kube->settled)
        wrong = check_client_go(kube, err);
    if (wrong)
        return wrong;
    if (kube->rate > 0 && kube->burst < 1) {
        mcr_errf(err, MCR_ECONFIG, "'burst' must be at least 1 with 'rate'");
        return "burst";
    }
    if (kube->access.in_cluster && (kube->access.kubeconfig || kube->access.context)) {
        mcr_errf(err, MCR_ECONFIG, "'in_cluster' leaves no choice of kubeconfig and context");
        return "in_cluster";
    }
    return NULL;
}

static mcr_err probe(const void *o, mcr_errbuf *err)
{
    const mcr_kube_options *kube = o;
    mcr_kube_access *access = mcr_kube_access_load(&kube->access, err);
    mcr_err code = access ? MCR_OK : MCR_ECONFIG;
    mcr_kube_access_free(access);
    return code;
}

static int64_t steady_now(void *self)
{
    (void)self;
    return mcr_clock_monotonic();
}

static const mcr_clock steady = { steady_now, NULL };

static mcr_http *new_http(const mcr_kube_access *access, const mcr_kube_options *o,
                          struct ev_loop *loop, mcr_errbuf *err)
{
    mcr_http_options http = {
        .tls = access->tls,
        .proxy = access->proxy,
        .http2 = o->http2,
        .compression_off = access->compression_off,
        .connections = (uint32_t)o->max_in_flight,
    };
    return mcr_http_new(loop, &http, err);
}

// Certificates that cannot be read are told before anything is started.
static bool can_speak(const mcr_kube_access *access, const mcr_kube_options *o, mcr_errbuf *err)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    mcr_http *http = loop ? new_http(access, o, loop, err) : NULL;
    if (!loop)
        mcr_errf(err, MCR_EIO, "no event loop could be made");
    mcr_http_free(http);
    if (loop)
        ev_loop_destroy(loop);
    return http != NULL;
}

static mcr_sink *open_kube(const void *o, mcr_errbuf *err)
{
    if (check(o, err))
        return NULL;
    const mcr_kube_options *given = o;
    mcr_kube_access *access = mcr_kube_access_load(&given->access, err);
    if (!access)
        return NULL;
    mcr_http_global_init();
    mcr_kube_options settled = *given;
    settle(&settled);
    if (!can_speak(access, &settled, err)) {
        mcr_kube_access_free(access);
        return NULL;
    }
    mcr_kube *kube = mcr_zalloc(sizeof *kube);
    kube->sink.kind = &mcr_sink_kind_kube;
    kube->settled = settled;
    kube->options = &kube->settled;
    kube->access = access;
    kube->policy = policies[given->policy];
    kube->clock = given->clock ? given->clock : &steady;
    kube->random = given->random ? given->random : &mcr_random_system;
    mcr_errf(&kube->broken, MCR_ESTOPPED, "it was not started: there is no loop");
    return &kube->sink;
}

static void start(mcr_sink *sink, struct ev_loop *loop)
{
    mcr_kube *kube = (mcr_kube *)sink;
    const mcr_kube_options *o = kube->options;
    kube->http = new_http(kube->access, o, loop, &kube->broken);
    if (!kube->http) {
        mcr_log(MCR_LOG_ERROR, "sink '%s': %s", sink->name, kube->broken.text);
        return;
    }
    kube->loop = loop;
    kube->credentials = mcr_credentials_new(kube->access, loop, &mcr_clock_wall, kube->http);
    mcr_kube_rest_options rest = {
        .server = kube->access->server,
        .http = kube->http,
        .credentials = kube->credentials,
        .impersonate = kube->access->impersonate,
        .clock = kube->clock,
        .loop = loop,
    };
    kube->policy->set_rest(o, &rest);
    kube->rest = mcr_kube_rest_new(&rest);
    kube->policy->start(kube);
}

static size_t room(const mcr_sink *sink)
{
    const mcr_kube *kube = (const mcr_kube *)sink;
    return kube->rest ? kube->policy->room(kube) : SIZE_MAX;
}

static void write_events(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)now;
    mcr_kube *kube = (mcr_kube *)sink;
    if (kube->rest) {
        kube->policy->write(kube, events, mcr_sink_assign(sink, events, n, kube->options->queue));
        return;
    }
    sink->counts.assigned += n;
    sink->counts.in_flight += n;
    for (size_t i = 0; i < n; i++)
        mcr_sink_give_up(sink, events[i], kube->broken.text);
}

static void flush(mcr_sink *sink, int64_t now)
{
    (void)sink;
    (void)now;
}

static void drain(mcr_sink *sink, int64_t now)
{
    (void)now;
    mcr_kube *kube = (mcr_kube *)sink;
    if (kube->rest)
        kube->policy->drain(kube);
}

static void each_note(const mcr_sink *sink, mcr_sink_note *note, void *arg)
{
    const mcr_kube *kube = (const mcr_kube *)sink;
    note(arg, "turned_away", sink->turned_away);
    if (kube->rest && kube->policy->each_note)
        kube->policy->each_note(kube, note, arg);
    for (uint32_t i = 0; i < kube->last_note_n; i++)
        note(arg, kube->last_notes[i].name, kube->last_notes[i].n);
}

static void keep_note(void *arg, const char *name, uint64_t n)
{
    mcr_kube *kube = arg;
    kube->last_notes =
        mcr_realloc(kube->last_notes, (kube->last_note_n + 1) * sizeof *kube->last_notes);
    kube->last_notes[kube->last_note_n++] = (mcr_kube_note){ name, n };
}

static void stop(mcr_sink *sink)
{
    mcr_kube *kube = (mcr_kube *)sink;
    if (!kube->rest)
        return;
    if (kube->policy->each_note)
        kube->policy->each_note(kube, keep_note, kube);
    kube->policy->stop(kube);
    mcr_kube_rest_free(kube->rest);
    mcr_credentials_free(kube->credentials);
    mcr_http_free(kube->http);
    kube->rest = NULL;
    snprintf(kube->broken.text, sizeof kube->broken.text, "the sink was stopped");
}

static void close_kube(mcr_sink *sink)
{
    mcr_kube *kube = (mcr_kube *)sink;
    stop(sink);
    free(kube->last_notes);
    mcr_kube_access_free(kube->access);
    free(kube);
}

const mcr_sink_kind mcr_sink_kind_kube = {
    .name = "kube",
    .doc = "records events at a Kubernetes API server",
    .records = true,
    .options = options,
    .options_size = sizeof(mcr_kube_options),
    .defaults = defaults,
    .settle = settle,
    .check = check,
    .probe = probe,
    .open = open_kube,
    .start = start,
    .room = room,
    .write = write_events,
    .flush = flush,
    .drain = drain,
    .each_note = each_note,
    .stop = stop,
    .close = close_kube,
};
