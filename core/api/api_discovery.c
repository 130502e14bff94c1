#include "api/api_discovery.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/err.h"

#define VERBS                                                                                      \
    "\"verbs\":[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\",\"patch\","            \
    "\"update\",\"watch\"]"

#define GROUP                                                                                      \
    "\"name\":\"events.k8s.io\",\"versions\":[{\"groupVersion\":\"events.k8s.io/v1\","             \
    "\"version\":\"v1\"}],\"preferredVersion\":{\"groupVersion\":\"events.k8s.io/v1\","            \
    "\"version\":\"v1\"}"

#define NEWLINE "\n"

static const char versions[] = "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
                               "\"serverAddressByClientCIDRs\":[]}" NEWLINE;

static const char groups[] = "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\","
                             "\"groups\":[{" GROUP "}]}" NEWLINE;

static const char group[] = "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," GROUP "}" NEWLINE;

static void write_resources(mcr_buf *out, bool events_api)
{
    mcr_buf_printf(out,
                   "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s\","
                   "\"resources\":[{\"name\":\"events\",\"singularName\":\"event\","
                   "\"namespaced\":true,\"kind\":\"Event\"," VERBS ",\"shortNames\":[\"ev\"]}]}\n",
                   events_api ? "events.k8s.io/v1" : "v1");
}

// Aggregated discovery: all of a prefix in one answer.
static void write_aggregated(mcr_buf *out, bool events_api, bool beta)
{
    const char *name = events_api ? "events.k8s.io" : "";
    mcr_buf_printf(out,
                   "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\","
                   "\"metadata\":{},\"items\":[{\"metadata\":{%s%s%s\"creationTimestamp\":null},"
                   "\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"events\","
                   "\"responseKind\":{\"group\":\"%s\",\"version\":\"v1\",\"kind\":\"Event\"},"
                   "\"scope\":\"Namespaced\",\"singularResource\":\"event\"," VERBS
                   ",\"shortNames\":[\"ev\"]}],\"freshness\":\"Current\"}]}]}\n",
                   beta ? "v2beta1" : "v2", events_api ? "\"name\":\"" : "", name,
                   events_api ? "\"," : "", name);
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
    "{\"paths\":[\"/-/faults\",\"/api\",\"/api/v1\",\"/apis\",\"/apis/events.k8s.io\","
    "\"/apis/events.k8s.io/v1\",\"/healthz\",\"/livez\",\"/openapi/v2\",\"/openapi/v3\","
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
        mcr_buf_puts(body, groups);
    } else if (is(path, "/apis/events.k8s.io")) {
        mcr_buf_puts(body, group);
    } else if (is(path, "/api/v1") || is(path, "/apis/events.k8s.io/v1")) {
        write_resources(body, r->events_api);
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
