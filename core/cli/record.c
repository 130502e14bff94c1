#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/units.h"
#include "broadcast/recorder.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/object_file.h"
#include "cli/object_kind.h"
#include "cli/print.h"
#include "cli/record_sink.h"
#include "event/encode.h"

typedef struct record_options {
    const char *file, *namespace, *type, *reason, *api, *uid, *field, *component, *host, *timeout;
    mcr_record_sink_options to;
    mcr_flag_texts annotations;
    int dry;
} record_options;

typedef struct recording {
    mcr_record_sink *to; // NULL: dry run
    char *namespace;     // of objects that say none; NULL: default
    int64_t timeout;     // ns
    int code;
} recording;

static void say(recording *r, const mcr_buf *line)
{
    if (!mcr_print(line))
        r->code = MCR_EXIT_FAILED;
}

static mcr_err deliver(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    (void)err;
    recording *r = self;
    mcr_str name = ev->metadata.name;
    mcr_buf out = { 0 };
    *accepted = true;
    if (!r->to) {
        mcr_event_encode(&out, ev, false);
        mcr_buf_putc(&out, '\n');
        say(r, &out);
        mcr_buf_fini(&out);
        return MCR_OK;
    }
    switch (mcr_record_sink_send(r->to, ev, r->timeout, &out)) {
    case MCR_RECORD_DONE:
        mcr_buf_printf(&out, "event/%.*s recorded\n", (int)name.len, name.ptr);
        say(r, &out);
        break;
    case MCR_RECORD_REFUSED:
        mcr_log(MCR_LOG_ERROR, "event/%.*s is not recorded: %s", (int)name.len, name.ptr,
                mcr_buf_cstr(&out));
        r->code = MCR_EXIT_FAILED;
        break;
    case MCR_RECORD_UNKNOWN:
        mcr_log(MCR_LOG_ERROR,
                "1 event is left: event/%.*s could not be recorded in time (--timeout)",
                (int)name.len, name.ptr);
        r->code = MCR_EXIT_EVENTS_LEFT;
        break;
    }
    mcr_buf_fini(&out);
    return MCR_OK;
}

// Makes the flags' "key=value" into pairs. False: one is none.
static bool read_annotations(const mcr_flag_texts *texts, mcr_pair *pairs, mcr_errbuf *err)
{
    for (size_t i = 0; i < texts->n; i++) {
        const char *equals = strchr(texts->at[i], '=');
        if (!equals || equals == texts->at[i]) {
            mcr_errf(err, MCR_EINVAL, "--annotation must be KEY=VALUE, not '%s'", texts->at[i]);
            return false;
        }
        pairs[i] = (mcr_pair){ mcr_str_n(texts->at[i], (size_t)(equals - texts->at[i])),
                               mcr_str_of(equals + 1) };
    }
    return true;
}

// The object KIND/NAME of the command line; `kind` has the strings.
static mcr_err read_operand(const record_options *o, const char *operand, mcr_object_kind *kind,
                            mcr_object_reference *object, mcr_errbuf *err)
{
    const char *slash = strchr(operand, '/');
    if (!slash || !slash[1])
        return mcr_errf(err, MCR_EINVAL, "'%s' is no KIND/NAME", operand);
    mcr_err code = mcr_object_kind_read(kind, mcr_str_n(operand, (size_t)(slash - operand)), err);
    *object = (mcr_object_reference){
        .kind = mcr_str_of(kind->kind),
        .apiVersion = mcr_str_of(o->api ? o->api : kind->api_version),
        .name = mcr_str_of(slash + 1),
        .uid = mcr_str_of(o->uid),
    };
    return code;
}

static void record_each(const record_options *o, recording *r, const mcr_object_reference *objects,
                        size_t n, const mcr_recorded *what)
{
    const mcr_recorder recorder = { .source = { mcr_str_of(o->component), mcr_str_of(o->host) },
                                    .clock = mcr_clock_wall,
                                    .uuids = &mcr_random_system,
                                    .publish = { deliver, r } };
    for (size_t i = 0; i < n && r->code != MCR_EXIT_EVENTS_LEFT; i++) {
        mcr_object_reference object = objects[i];
        if (!object.namespace.len && !mcr_object_kind_is_cluster(object.kind, object.apiVersion))
            object.namespace = mcr_str_of(r->namespace ? r->namespace : "default");
        object.fieldPath = mcr_str_of(o->field);
        if (mcr_recorder_event(&recorder, &(mcr_regarding){ .reference = &object }, what))
            r->code = MCR_EXIT_FAILED;
    }
}

// Opens what is recorded to, and sets the namespace of objects that say none.
static mcr_err open_sink(const record_options *o, recording *r, mcr_errbuf *err)
{
    if (!o->dry && !(r->to = mcr_record_sink_open(&o->to, err)))
        return MCR_EIO;
    if (o->namespace || r->to) {
        r->namespace = mcr_strdup(o->namespace ? o->namespace : mcr_record_sink_namespace(r->to));
        return MCR_OK;
    }
    return mcr_record_sink_would_be_namespace(&o->to, &r->namespace, err);
}

static int record(const record_options *o, recording *r, const mcr_object_reference *objects,
                  size_t n, const mcr_recorded *what)
{
    mcr_errbuf err;
    if (open_sink(o, r, &err)) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        return MCR_EXIT_FAILED;
    }
    record_each(o, r, objects, n, what);
    mcr_record_sink_free(r->to);
    free(r->namespace);
    return r->code;
}

// What is wrong with the flags; 0: nothing.
static int check(const mcr_usage *usage, const record_options *o, const mcr_args *args,
                 int64_t *timeout)
{
    if (args->n != (o->file ? 1 : 2))
        return mcr_args_usage_error(usage,
                                    o->file ? "say a message" : "say KIND/NAME and a message");
    if (!o->reason)
        return mcr_args_usage_error(usage, "--reason is missing");
    if (strcmp(o->type, "Normal") != 0 && strcmp(o->type, "Warning") != 0)
        return mcr_args_usage_error(usage, "--type must be Normal or Warning, not '%s'", o->type);
    if (!mcr_parse_duration(mcr_str_of(o->timeout), timeout))
        return mcr_args_usage_error(usage, "--timeout must be a duration, not '%s'", o->timeout);
    if (o->to.store && (o->to.server || o->to.kubeconfig || o->to.context))
        return mcr_args_usage_error(usage, "--store leaves no choice of a server");
    if (o->file && (o->api || o->uid))
        return mcr_args_usage_error(usage, "the file says what --%s would say",
                                    o->api ? "api-version" : "uid");
    return 0;
}

// Records for the objects of the file.
static int record_file(const record_options *o, recording *r, const mcr_recorded *what)
{
    mcr_objects objects;
    mcr_errbuf err;
    int code = MCR_EXIT_FAILED;
    if (mcr_objects_read(&objects, o->file, &err))
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    else
        code = record(o, r, objects.at, objects.n, what);
    mcr_objects_fini(&objects);
    return code;
}

static int begin(const mcr_usage *usage, const record_options *o, const mcr_args *args)
{
    recording r = { 0 };
    int wrong = check(usage, o, args, &r.timeout);
    if (wrong)
        return wrong;
    mcr_pair *pairs = mcr_zalloc((o->annotations.n + 1) * sizeof *pairs);
    const mcr_recorded what = {
        .type = mcr_str_of(o->type),
        .reason = mcr_str_of(o->reason),
        .message = mcr_str_of(args->operands[args->n - 1]),
        .annotations = { pairs, (uint32_t)o->annotations.n },
    };
    mcr_object_kind kind;
    mcr_object_reference object;
    mcr_errbuf err;
    int code;
    if (!read_annotations(&o->annotations, pairs, &err) ||
        (!o->file && read_operand(o, args->operands[0], &kind, &object, &err)))
        code = mcr_args_usage_error(usage, "%s", err.text);
    else if (o->file)
        code = record_file(o, &r, &what);
    else
        code = record(o, &r, &object, 1, &what);
    free(pairs);
    return code;
}

int mcr_cmd_record(int argc, char **argv)
{
    record_options o = { .type = "Normal", .component = "mooncrier", .timeout = "30s" };
    int verbose = 0, quiet = 0;
    const mcr_flag flags[] = {
        { "filename", 'f', "FILE", MCR_FLAG_TEXT, &o.file,
          "an event for each object in FILE (JSON, YAML; -: stdin)" },
        { "namespace", 'n', "NAME", MCR_FLAG_TEXT, &o.namespace,
          "of objects that do not say theirs (the context's)" },
        { "type", 0, "TYPE", MCR_FLAG_TEXT, &o.type, "Normal (default) or Warning" },
        { "reason", 0, "REASON", MCR_FLAG_TEXT, &o.reason, "such as BackOff; required" },
        { "annotation", 0, "KEY=VALUE", MCR_FLAG_TEXTS, &o.annotations,
          "of the event; may be repeated" },
        { "api-version", 0, "VERSION", MCR_FLAG_TEXT, &o.api, "of the object (the kind's)" },
        { "uid", 0, "UID", MCR_FLAG_TEXT, &o.uid, "of the object" },
        { "field-path", 0, "PATH", MCR_FLAG_TEXT, &o.field, "the part of the object" },
        { "component", 0, "NAME", MCR_FLAG_TEXT, &o.component, "who reports (mooncrier)" },
        { "host", 0, "NAME", MCR_FLAG_TEXT, &o.host, "from where" },
        { "server", 0, "URL", MCR_FLAG_TEXT, &o.to.server, "the API server" },
        { "kubeconfig", 0, "FILE", MCR_FLAG_TEXT, &o.to.kubeconfig, "how it is reached" },
        { "context", 0, "NAME", MCR_FLAG_TEXT, &o.to.context, "of the kubeconfig" },
        { "store", 's', "FILE", MCR_FLAG_TEXT, &o.to.store,
          "into this event store, not to a server" },
        { "timeout", 0, "DURATION", MCR_FLAG_TEXT, &o.timeout, "how long to try each event (30s)" },
        { "dry-run", 0, NULL, MCR_FLAG_COUNT, &o.dry, "print the events only; asks no server" },
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "record",
        .synopsis = "(KIND/NAME | -f FILE) --reason REASON [flags] MESSAGE",
        .about =
            "Records an event for an object, or for each object of a file, at an API server or in\n"
            "an event store. Kinds are written as with kubectl: pod/web-1, deploy/api,\n"
            "deployments.apps/api, or as the API does: Certificate.v1.cert-manager.io/web.",
        .examples =
            "  mooncrier record pod/web-1 -n prod --type Warning --reason BackOff \"back-off\"\n"
            "  kubectl get nodes -o json | mooncrier record -f - --reason Drill \"a fire drill\"",
        .flags = flags,
    };
    mcr_args args;
    int code;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT) {
        code = args.exit_code;
    } else {
        mcr_args_log_level(verbose, quiet);
        code = begin(&usage, &o, &args);
    }
    free((void *)o.annotations.at);
    return code;
}
