#include "api/api_discovery.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/err.h"

#define VERBS                                                                                      \
    "\"verbs\":[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\","            \
    "\"update\",\"watch\"]"

#define NEWLINE "\n"

static const char versions[] = "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
                               "\"serverAddressByClientCIDRs\":[]}" NEWLINE;

// What there is to know of one kind.
typedef struct resource {
    const char *plural;
    const char *singular;
    const char *kind;
    const char *short_name; // NULL: none
    bool is_cluster;        // of no namespace
} resource;

// The kinds that events are mostly about, so that `kubectl events --for pod/web-1` knows what to
// ask for. They have no verbs: nothing can be done with them here, and `kubectl api-resources` does
// not list them.
static const resource core[] = {
    { "pods", "pod", "Pod", "po", false },
    { "nodes", "node", "Node", "no", true },
    { "namespaces", "namespace", "Namespace", "ns", true },
    { "services", "service", "Service", "svc", false },
    { "endpoints", "endpoints", "Endpoints", "ep", false },
    { "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", "pvc", false },
    { "persistentvolumes", "persistentvolume", "PersistentVolume", "pv", true },
    { "replicationcontrollers", "replicationcontroller", "ReplicationController", "rc", false },
    { "resourcequotas", "resourcequota", "ResourceQuota", "quota", false },
    { "serviceaccounts", "serviceaccount", "ServiceAccount", "sa", false },
    { "configmaps", "configmap", "ConfigMap", "cm", false },
    { "secrets", "secret", "Secret", NULL, false },
    { NULL, NULL, NULL, NULL, false },
};

static const resource apps[] = {
    { "deployments", "deployment", "Deployment", "deploy", false },
    { "replicasets", "replicaset", "ReplicaSet", "rs", false },
    { "statefulsets", "statefulset", "StatefulSet", "sts", false },
    { "daemonsets", "daemonset", "DaemonSet", "ds", false },
    { NULL, NULL, NULL, NULL, false },
};

static const resource autoscaling[] = {
    { "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler", "hpa",
      false },
    { NULL, NULL, NULL, NULL, false },
};

static const resource batch[] = {
    { "jobs", "job", "Job", NULL, false },
    { "cronjobs", "cronjob", "CronJob", "cj", false },
    { NULL, NULL, NULL, NULL, false },
};

static const resource none[] = { { NULL, NULL, NULL, NULL, false } };

typedef struct api_group {
    const char *name; // "": the one at /api
    const char *version;
    bool has_events;
    const resource *others;
} api_group;

static const api_group groups[] = {
    { "", "v1", true, core },        { "events.k8s.io", "v1", true, none },
    { "apps", "v1", false, apps },   { "autoscaling", "v2", false, autoscaling },
    { "batch", "v1", false, batch },
};

enum {
    GROUPS = sizeof groups / sizeof *groups
};

static void write_group(mcr_buf *out, const api_group *g)
{
    mcr_buf_printf(out,
                   "\"name\":\"%s\",\"versions\":[{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}],"
                   "\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}",
                   g->name, g->name, g->version, g->version, g->name, g->version, g->version);
}

static void write_groups(mcr_buf *out)
{
    mcr_buf_puts(out, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (size_t i = 1; i < GROUPS; i++) {
        mcr_buf_puts(out, i > 1 ? ",{" : "{");
        write_group(out, &groups[i]);
        mcr_buf_putc(out, '}');
    }
    mcr_buf_puts(out, "]}" NEWLINE);
}

static void write_short_name(mcr_buf *out, const resource *r)
{
    if (r->short_name)
        mcr_buf_printf(out, ",\"shortNames\":[\"%s\"]", r->short_name);
    mcr_buf_putc(out, '}');
}

static const resource events = { "events", "event", "Event", "ev", false };

static void write_resource(mcr_buf *out, const resource *r, const char *verbs)
{
    mcr_buf_printf(out,
                   "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",%s",
                   r->plural, r->singular, r->is_cluster ? "false" : "true", r->kind, verbs);
    write_short_name(out, r);
}

static void write_aggregated_resource(mcr_buf *out, const api_group *g, const resource *r,
                                      const char *verbs)
{
    mcr_buf_printf(out,
                   "{\"resource\":\"%s\",\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\","
                   "\"kind\":\"%s\"},\"scope\":\"%s\",\"singularResource\":\"%s\",%s",
                   r->plural, g->name, g->version, r->kind,
                   r->is_cluster ? "Cluster" : "Namespaced", r->singular, verbs);
    write_short_name(out, r);
}

// All resources of a group, the events first.
static void write_each(mcr_buf *out, const api_group *g, bool aggregated)
{
    const resource *r = g->has_events ? &events : g->others;
    for (const resource *next = g->others; r->plural; r = next) {
        const char *verbs = r == &events ? VERBS : "\"verbs\":[]";
        if (r != &events)
            next = r + 1;
        if (aggregated)
            write_aggregated_resource(out, g, r, verbs);
        else
            write_resource(out, r, verbs);
        if (next->plural)
            mcr_buf_putc(out, ',');
    }
}

static void write_resources(mcr_buf *out, const api_group *g)
{
    mcr_buf_printf(
        out,
        "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\","
        "\"resources\":[",
        g->name, *g->name ? "/" : "", g->version);
    write_each(out, g, false);
    mcr_buf_puts(out, "]}" NEWLINE);
}

static void write_aggregated_group(mcr_buf *out, const api_group *g)
{
    mcr_buf_printf(
        out,
        "{\"metadata\":{%s%s%s\"creationTimestamp\":null},\"versions\":[{\"version\":\"%s\","
        "\"resources\":[",
        *g->name ? "\"name\":\"" : "", g->name, *g->name ? "\"," : "", g->version);
    write_each(out, g, true);
    mcr_buf_puts(out, "],\"freshness\":\"Current\"}]}");
}

// Aggregated discovery: all of a prefix in one answer.
static void write_aggregated(mcr_buf *out, bool named, bool beta)
{
    mcr_buf_printf(out,
                   "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\","
                   "\"metadata\":{},\"items\":[",
                   beta ? "v2beta1" : "v2");
    for (size_t i = named ? 1 : 0; i < (named ? GROUPS : 1); i++) {
        if (i > 1)
            mcr_buf_putc(out, ',');
        write_aggregated_group(out, &groups[i]);
    }
    mcr_buf_puts(out, "]}" NEWLINE);
}

static void write_version(mcr_buf *out)
{
    struct utsname machine = { 0 };
    uname(&machine);
    mcr_buf_printf(out,
                   "{\n  \"major\": \"1\",\n  \"minor\": \"32\",\n"
                   "  \"gitVersion\": \"v1.32.0+mooncrier-%s\",\n  \"gitCommit\": \"\",\n"
                   "  \"gitTreeState\": \"clean\",\n  \"buildDate\": \"1970-01-01T00:00:00Z\",\n"
                   "  \"goVersion\": \"none\",\n  \"compiler\": \"cc\",\n"
                   "  \"platform\": \"linux/%s\"\n}\n",
                   MCR_VERSION, machine.machine);
}

static const char paths[] =
    "{\"paths\":[\"/-/faults\",\"/api\",\"/api/v1\",\"/apis\",\"/apis/apps\",\"/apis/apps/v1\","
    "\"/apis/autoscaling\",\"/apis/autoscaling/v2\",\"/apis/batch\",\"/apis/batch/v1\","
    "\"/apis/events.k8s.io\",\"/apis/events.k8s.io/v1\",\"/healthz\",\"/livez\",\"/openapi/v2\",\"/"
    "openapi/v3\","
    "\"/openapi/v3/api/v1\",\"/openapi/v3/apis/events.k8s.io/v1\",\"/readyz\",\"/version\"]}\n";

// The hash changes with the documents: clients keep them for ever.
static const char openapi_index[] =
    "{\"paths\":{\"api/v1\":{\"serverRelativeURL\":\"/openapi/v3/api/v1?hash=" MCR_VERSION
    "-2\"},\"apis/events.k8s.io/v1\":{\"serverRelativeURL\":"
    "\"/openapi/v3/apis/events.k8s.io/v1?hash=" MCR_VERSION "-2\"}}}\n";

static bool is(const char *path, const char *wanted)
{
    size_t len = strlen(wanted);
    return strncmp(path, wanted, len) == 0 && (!path[len] || (path[len] == '/' && !path[len + 1]));
}

// What is asked of one group: which versions it has, or what there is in its version.
static bool write_of_group(const char *path, mcr_buf *body)
{
    for (size_t i = 0; i < GROUPS; i++) {
        const api_group *g = &groups[i];
        char group_path[64], version_path[96];
        snprintf(group_path, sizeof group_path, *g->name ? "/apis/%s" : "/api%s", g->name);
        snprintf(version_path, sizeof version_path, "%s/%s", group_path, g->version);
        if (is(path, version_path)) {
            write_resources(body, g);
            return true;
        }
        if (*g->name && is(path, group_path)) {
            mcr_buf_puts(body, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
            write_group(body, g);
            mcr_buf_puts(body, "}" NEWLINE);
            return true;
        }
    }
    return false;
}

static bool is_health(const char *path)
{
    return is(path, "/healthz") || is(path, "/livez");
}

// OpenAPI is there as JSON only; who asks for protobuf alone would take it for that.
static bool is_unreadable(const mcr_api_request *r)
{
    return r->form == MCR_API_FORM_NONE && strncmp(r->path, "/openapi/", 9) == 0;
}

bool mcr_api_discovery(const mcr_api_request *r, bool ready, int *status, const char **content_type,
                       mcr_buf *body)
{
    const char *path = r->path;
    bool beta = r->form == MCR_API_FORM_DISCOVERY_BETA;
    bool aggregated = beta || r->form == MCR_API_FORM_DISCOVERY;
    *status = 200;
    *content_type = "application/json";
    if (is_unreadable(r)) {
        *status = 406;
        *content_type = "text/plain; charset=utf-8";
        mcr_buf_puts(body, "406 not acceptable: there is application/json\n");
    } else if ((is(path, "/api") || is(path, "/apis")) && aggregated) {
        write_aggregated(body, is(path, "/apis"), beta);
        *content_type = beta ? "application/json;g=apidiscovery.k8s.io;v=v2beta1;"
                               "as=APIGroupDiscoveryList"
                             : "application/json;g=apidiscovery.k8s.io;v=v2;"
                               "as=APIGroupDiscoveryList";
    } else if (is(path, "/api")) {
        mcr_buf_puts(body, versions);
    } else if (is(path, "/apis")) {
        write_groups(body);
    } else if (write_of_group(path, body)) {
        return true;
    } else if (is(path, "/version")) {
        write_version(body);
    } else if (is(path, "/openapi/v3")) {
        mcr_buf_puts(body, openapi_index);
    } else if (is(path, "/openapi/v3/api/v1")) {
        mcr_api_openapi(body, false);
    } else if (is(path, "/openapi/v3/apis/events.k8s.io/v1")) {
        mcr_api_openapi(body, true);
    } else if (is(path, "/openapi/v2")) {
        mcr_api_openapi_v2(body);
    } else if (is(path, "/")) {
        mcr_buf_puts(body, paths);
    } else if (is_health(path) || (is(path, "/readyz") && ready)) {
        *content_type = "text/plain; charset=utf-8";
        mcr_buf_puts(body, "ok");
    } else if (is(path, "/readyz")) {
        *status = 500;
        *content_type = "text/plain; charset=utf-8";
        mcr_buf_puts(body, "[-]shutdown failed: the server is shutting down\n");
    } else {
        return false;
    }
    return true;
}
