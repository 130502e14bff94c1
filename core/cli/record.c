#include <ctype.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/units.h"
#include "broadcast/recorder.h"
#include "broadcast/watcher.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "event/encode.h"
#include "net/kube_access.h"

typedef struct recording {
    struct ev_loop *loop;
    mcr_watcher *watcher; // NULL: dry run
    mcr_sink *sink;
    int64_t timeout; // ns
    int code;
} recording;

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
}

static mcr_err deliver(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    (void)err;
    recording *r = self;
    mcr_buf out = { 0 };
    *accepted = true;
    if (!r->watcher) {
        mcr_event_encode(&out, ev, false);
        mcr_buf_putc(&out, '\n');
    } else {
        int64_t end = mcr_clock_monotonic() + r->timeout;
        ev_timer timer;
        ev_timer_init(&timer, on_time, (double)r->timeout / 1e9, 0);
        ev_now_update(r->loop);
        ev_timer_start(r->loop, &timer);
        mcr_event_ref(ev);
        mcr_watcher_step(r->watcher, &ev, 1, mcr_clock_now(&mcr_clock_wall));
        mcr_watcher_flush(r->watcher, mcr_clock_now(&mcr_clock_wall));
        while (mcr_watcher_in_flight(r->watcher) && mcr_clock_monotonic() < end)
            ev_run(r->loop, EVRUN_ONCE);
        ev_timer_stop(r->loop, &timer);
        if (r->sink->counts.delivered)
            mcr_buf_printf(&out, "event/%.*s recorded\n", (int)ev->metadata.name.len,
                           ev->metadata.name.ptr);
        else if (mcr_watcher_in_flight(r->watcher))
            r->code = MCR_EXIT_EVENTS_LEFT;
        else
            r->code = MCR_EXIT_FAILED;
        if (r->code == MCR_EXIT_EVENTS_LEFT)
            mcr_log(MCR_LOG_ERROR, "1 event is left: no answer within the timeout");
        else if (r->code)
            mcr_log(MCR_LOG_ERROR, "the event was not recorded");
    }
    if (out.len && (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        r->code = MCR_EXIT_FAILED;
    mcr_buf_fini(&out);
    return MCR_OK;
}

static bool set(void *options, const mcr_sink_kind *kind, const char *name, const char *value,
                mcr_errbuf *err)
{
    const mcr_option_value v = { .kind = MCR_VALUE_STRING, .string = value };
    return !value || mcr_option_set(options, kind->options, name, &v, err) == MCR_OK;
}

// "deployments.apps" or "pod" as a kind: plural and case are kubectl's, the API's are "Deployment".
static void name_kind(mcr_buf *kind, const char *word, size_t len)
{
    static const char *const two_words[] = { "ReplicaSet", "StatefulSet", "DaemonSet", "CronJob",
                                             "ConfigMap" };
    if (len > 1 && word[len - 1] == 's')
        len--;
    for (size_t i = 0; i < sizeof two_words / sizeof *two_words; i++)
        if (strlen(two_words[i]) == len && strncasecmp(two_words[i], word, len) == 0)
            word = two_words[i];
    mcr_buf_append(kind, word, len);
    kind->ptr[0] = (char)toupper((unsigned char)kind->ptr[0]);
}

int mcr_cmd_record(int argc, char **argv)
{
    const char *namespace = NULL, *type = "Normal", *reason = NULL, *api = NULL, *uid = NULL;
    const char *field = NULL, *component = "mooncrier", *host = NULL, *server = NULL;
    const char *kubeconfig = NULL, *context = NULL, *timeout = "30s", *store = NULL;
    int dry = 0;
    const mcr_flag flags[] = {
        { "namespace", 'n', "NAME", MCR_FLAG_TEXT, &namespace, "of the object (context's)" },
        { "type", 0, "TYPE", MCR_FLAG_TEXT, &type, "Normal (default) or Warning" },
        { "reason", 0, "REASON", MCR_FLAG_TEXT, &reason, "such as BackOff; required" },
        { "api-version", 0, "VERSION", MCR_FLAG_TEXT, &api, "of the object (v1, GROUP/v1)" },
        { "uid", 0, "UID", MCR_FLAG_TEXT, &uid, "of the object" },
        { "field-path", 0, "PATH", MCR_FLAG_TEXT, &field, "the part of the object" },
        { "component", 0, "NAME", MCR_FLAG_TEXT, &component, "who reports (mooncrier)" },
        { "host", 0, "NAME", MCR_FLAG_TEXT, &host, "from where" },
        { "server", 0, "URL", MCR_FLAG_TEXT, &server, "the API server" },
        { "kubeconfig", 0, "FILE", MCR_FLAG_TEXT, &kubeconfig, "how it is reached" },
        { "context", 0, "NAME", MCR_FLAG_TEXT, &context, "of the kubeconfig" },
        { "store", 's', "FILE", MCR_FLAG_TEXT, &store, "into this event store, not to a server" },
        { "timeout", 0, "DURATION", MCR_FLAG_TEXT, &timeout, "how long to try (30s)" },
        { "dry-run", 0, NULL, MCR_FLAG_COUNT, &dry, "print the event only" },
        { 0 },
    };
    const mcr_usage usage = {
        .command = "record",
        .synopsis = "KIND/NAME --reason REASON [flags] MESSAGE",
        .about = "Records one event for an object, at an API server or in an event store.",
        .examples = "  mooncrier record pod/web-1 -n prod --type Warning --reason BackOff "
                    "\"back-off\"",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    const char *slash = args.n == 2 ? strchr(args.operands[0], '/') : NULL;
    if (!slash || slash == args.operands[0] || !slash[1])
        return mcr_args_usage_error(&usage, "say KIND/NAME and a message");
    if (!reason)
        return mcr_args_usage_error(&usage, "--reason is missing");
    if (strcmp(type, "Normal") != 0 && strcmp(type, "Warning") != 0)
        return mcr_args_usage_error(&usage, "--type must be Normal or Warning, not '%s'", type);
    recording r = { 0 };
    if (!mcr_parse_duration(mcr_str_of(timeout), &r.timeout))
        return mcr_args_usage_error(&usage, "--timeout must be a duration, not '%s'", timeout);

    const char *word = args.operands[0];
    const char *dot = memchr(word, '.', (size_t)(slash - word));
    mcr_buf kind_name = { 0 }, version = { 0 };
    name_kind(&kind_name, word, (size_t)((dot ? dot : slash) - word));
    if (dot)
        mcr_buf_printf(&version, "%.*s/v1", (int)(slash - dot - 1), dot + 1);
    else
        mcr_buf_puts(&version, "v1");

    mcr_errbuf err = { "" };
    mcr_kube_access *access = NULL;
    bool good = true;
    if (!namespace && !dry && !store) {
        const mcr_kube_access_options o = { .kubeconfig = kubeconfig,
                                            .context = context,
                                            .server = server };
        good = (access = mcr_kube_access_load(&o, &err)) != NULL;
        namespace = good ? access->namespace : NULL;
    }
    const mcr_sink_kind *kind = mcr_sink_kind_find(store ? "store" : "kube");
    void *options = mcr_zalloc(kind->options_size);
    kind->defaults(options);
    if (good && !dry) {
        good = store ? set(options, kind, "path", store, &err)
                     : set(options, kind, "server", server, &err) &&
                           set(options, kind, "kubeconfig", kubeconfig, &err) &&
                           set(options, kind, "context", context, &err);
        good = good && (r.sink = kind->open(options, &err)) != NULL;
    }
    if (r.sink) {
        r.sink->name = kind->name;
        r.sink->watcher = "record";
        r.loop = ev_loop_new(EVFLAG_AUTO);
        r.watcher = mcr_watcher_new("record");
        mcr_watcher_add_sink_take(r.watcher, r.sink);
        mcr_watcher_start(r.watcher, r.loop);
    }
    if (good) {
        const mcr_object_reference object = {
            .kind = mcr_buf_str(&kind_name),
            .namespace = mcr_str_of(namespace ? namespace : "default"),
            .name = mcr_str_of(slash + 1),
            .uid = mcr_str_of(uid),
            .apiVersion = api ? mcr_str_of(api) : mcr_buf_str(&version),
            .fieldPath = mcr_str_of(field),
        };
        const mcr_recorder recorder = { .source = { mcr_str_of(component), mcr_str_of(host) },
                                        .clock = mcr_clock_wall,
                                        .uuids = &mcr_random_system,
                                        .publish = { deliver, &r } };
        const mcr_recorded what = { .type = mcr_str_of(type),
                                    .reason = mcr_str_of(reason),
                                    .message = mcr_str_of(args.operands[1]) };
        if (mcr_recorder_event(&recorder, &(mcr_regarding){ .reference = &object }, &what))
            r.code = MCR_EXIT_FAILED;
    } else {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        r.code = MCR_EXIT_FAILED;
    }
    if (r.watcher) {
        mcr_watcher_fini(r.watcher, mcr_clock_now(&mcr_clock_wall));
        mcr_watcher_stop(r.watcher);
        mcr_watcher_free(r.watcher);
        ev_loop_destroy(r.loop);
    }
    mcr_options_fini(options, kind->options);
    free(options);
    mcr_kube_access_free(access);
    mcr_buf_fini(&kind_name);
    mcr_buf_fini(&version);
    return r.code;
}
