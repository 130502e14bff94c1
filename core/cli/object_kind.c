#include "cli/object_kind.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/suggest.h"

typedef struct row {
    const char *kind;
    const char *plural;
    const char *brief; // NULL: there is no short name
    const char *group; // "": core
    const char *version;
    bool cluster;
} row;

static const row rows[] = {
    { "ConfigMap", "configmaps", "cm", "", "v1", false },
    { "Endpoints", "endpoints", "ep", "", "v1", false },
    { "LimitRange", "limitranges", "limits", "", "v1", false },
    { "Namespace", "namespaces", "ns", "", "v1", true },
    { "Node", "nodes", "no", "", "v1", true },
    { "PersistentVolume", "persistentvolumes", "pv", "", "v1", true },
    { "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "", "v1", false },
    { "Pod", "pods", "po", "", "v1", false },
    { "PodTemplate", "podtemplates", NULL, "", "v1", false },
    { "ReplicationController", "replicationcontrollers", "rc", "", "v1", false },
    { "ResourceQuota", "resourcequotas", "quota", "", "v1", false },
    { "Secret", "secrets", NULL, "", "v1", false },
    { "Service", "services", "svc", "", "v1", false },
    { "ServiceAccount", "serviceaccounts", "sa", "", "v1", false },
    { "ControllerRevision", "controllerrevisions", NULL, "apps", "v1", false },
    { "DaemonSet", "daemonsets", "ds", "apps", "v1", false },
    { "Deployment", "deployments", "deploy", "apps", "v1", false },
    { "ReplicaSet", "replicasets", "rs", "apps", "v1", false },
    { "StatefulSet", "statefulsets", "sts", "apps", "v1", false },
    { "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "autoscaling", "v2", false },
    { "CronJob", "cronjobs", "cj", "batch", "v1", false },
    { "Job", "jobs", NULL, "batch", "v1", false },
    { "CertificateSigningRequest", "certificatesigningrequests", "csr", "certificates.k8s.io", "v1",
      true },
    { "Lease", "leases", NULL, "coordination.k8s.io", "v1", false },
    { "EndpointSlice", "endpointslices", NULL, "discovery.k8s.io", "v1", false },
    { "Ingress", "ingresses", "ing", "networking.k8s.io", "v1", false },
    { "IngressClass", "ingressclasses", NULL, "networking.k8s.io", "v1", true },
    { "NetworkPolicy", "networkpolicies", "netpol", "networking.k8s.io", "v1", false },
    { "PodDisruptionBudget", "poddisruptionbudgets", "pdb", "policy", "v1", false },
    { "ClusterRole", "clusterroles", NULL, "rbac.authorization.k8s.io", "v1", true },
    { "ClusterRoleBinding", "clusterrolebindings", NULL, "rbac.authorization.k8s.io", "v1", true },
    { "Role", "roles", NULL, "rbac.authorization.k8s.io", "v1", false },
    { "RoleBinding", "rolebindings", NULL, "rbac.authorization.k8s.io", "v1", false },
    { "PriorityClass", "priorityclasses", "pc", "scheduling.k8s.io", "v1", true },
    { "CSIDriver", "csidrivers", NULL, "storage.k8s.io", "v1", true },
    { "CSINode", "csinodes", NULL, "storage.k8s.io", "v1", true },
    { "StorageClass", "storageclasses", "sc", "storage.k8s.io", "v1", true },
    { "VolumeAttachment", "volumeattachments", NULL, "storage.k8s.io", "v1", true },
    { "CustomResourceDefinition", "customresourcedefinitions", "crd", "apiextensions.k8s.io", "v1",
      true },
    { "APIService", "apiservices", NULL, "apiregistration.k8s.io", "v1", true },
    { "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", NULL,
      "admissionregistration.k8s.io", "v1", true },
    { "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", NULL,
      "admissionregistration.k8s.io", "v1", true },
};

enum {
    ROWS = sizeof rows / sizeof *rows
};

// The word in its parts: "deployments.v1.apps" is { "deployments", "v1", "apps" }.
typedef struct parts {
    mcr_str name;
    mcr_str version; // empty: none was said
    mcr_str group;   // the same
} parts;

static bool same(mcr_str a, const char *b)
{
    return b && a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

// Cuts the first label off `rest`.
static mcr_str label(mcr_str *rest)
{
    const char *dot = rest->len ? memchr(rest->ptr, '.', rest->len) : NULL;
    mcr_str first = mcr_str_n(rest->ptr, dot ? (size_t)(dot - rest->ptr) : rest->len);
    uint32_t cut = first.len + (dot != NULL);
    *rest = mcr_str_n(rest->ptr + cut, rest->len - cut);
    return first;
}

// v1, v2beta1
static bool is_version(mcr_str text)
{
    return text.len > 1 && text.ptr[0] == 'v' && isdigit((unsigned char)text.ptr[1]);
}

static parts split(mcr_str word)
{
    parts p = { .group = word };
    p.name = label(&p.group);
    mcr_str rest = p.group, first = label(&rest);
    if (is_version(first)) {
        p.version = first;
        p.group = rest;
    }
    return p;
}

static const row *find(const parts *p)
{
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        bool named = same(p->name, r->kind) || same(p->name, r->plural) || same(p->name, r->brief);
        // "pods.v1" is the core group's; a bare "deploy" is any group's.
        bool grouped =
            p->group.len ? mcr_str_is(p->group, r->group) : !p->version.len || !*r->group;
        if (named && grouped)
            return r;
    }
    return NULL;
}

static mcr_err no_such_kind(mcr_str word, const parts *p, mcr_errbuf *err)
{
    const char *names[2 * ROWS];
    char typed[64];
    for (size_t i = 0; i < ROWS; i++) {
        names[2 * i] = rows[i].kind;
        names[2 * i + 1] = rows[i].plural;
    }
    snprintf(typed, sizeof typed, "%.*s", (int)p->name.len, p->name.ptr);
    const char *meant = mcr_suggest(typed, names, 2 * (size_t)ROWS);
    return mcr_errf(err, MCR_EINVAL,
                    "no kind is called '%.*s'%s%s%s; kinds that are not Kubernetes' own are "
                    "written as the API does: Kind.v1.example.com",
                    (int)word.len, word.ptr, meant ? ", did you mean '" : "", meant ? meant : "",
                    meant ? "'?" : "");
}

mcr_err mcr_object_kind_read(mcr_object_kind *out, mcr_str word, mcr_errbuf *err)
{
    parts p = split(word);
    const row *r = find(&p);
    *out = (mcr_object_kind){ .known = r != NULL, .cluster = r && r->cluster };
    if (!r && (!p.name.len || !isupper((unsigned char)p.name.ptr[0])))
        return no_such_kind(word, &p, err);
    mcr_str kind = r ? mcr_str_of(r->kind) : p.name;
    mcr_str group = r ? mcr_str_of(r->group) : p.group;
    mcr_str version = p.version;
    if (!version.len && (r || group.len))
        version = r ? mcr_str_of(r->version) : MCR_STR("v1");
    int kind_len = snprintf(out->kind, sizeof out->kind, "%.*s", (int)kind.len, kind.ptr);
    int version_len =
        snprintf(out->api_version, sizeof out->api_version, "%.*s%s%.*s", (int)group.len, group.ptr,
                 group.len ? "/" : "", (int)version.len, version.len ? version.ptr : "");
    if ((size_t)kind_len >= sizeof out->kind || (size_t)version_len >= sizeof out->api_version)
        return mcr_errf(err, MCR_EINVAL, "the kind '%.64s…' is too long", word.ptr);
    return MCR_OK;
}

bool mcr_object_kind_is_cluster(mcr_str kind, mcr_str api_version)
{
    const char *slash = api_version.len ? memchr(api_version.ptr, '/', api_version.len) : NULL;
    mcr_str group = mcr_str_n(api_version.ptr, slash ? (size_t)(slash - api_version.ptr) : 0);
    for (size_t i = 0; i < ROWS; i++)
        if (mcr_str_is(kind, rows[i].kind) && mcr_str_is(group, rows[i].group))
            return rows[i].cluster;
    return false;
}
