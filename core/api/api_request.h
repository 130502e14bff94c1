#pragma once
// What a request asks for: its path, query and headers, read once. Pure; any thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef enum mcr_api_place {
    MCR_API_PLACE_EVENTS,      // …/events, …/namespaces/NS/events, …/events/NAME
    MCR_API_PLACE_DISCOVERY,   // a path of api_discovery.h, or none that there is
    MCR_API_PLACE_NO_RESOURCE, // a group that there is, but no such version or resource: 404
    MCR_API_PLACE_FAULTS       // /-/faults
} mcr_api_place;

// The form of the answer that is asked for.
typedef enum mcr_api_form {
    MCR_API_FORM_JSON,
    MCR_API_FORM_TABLE,          // meta.k8s.io/v1 Table; its rows bring metadata along
    MCR_API_FORM_TABLE_OBJECTS,  // the same with whole objects: ?includeObject=Object
    MCR_API_FORM_TABLE_ALONE,    // without any: ?includeObject=None
    MCR_API_FORM_TABLE_UNKNOWN,  // another includeObject: 400
    MCR_API_FORM_PARTIAL,        // meta.k8s.io/v1 PartialObjectMetadata
    MCR_API_FORM_DISCOVERY,      // apidiscovery.k8s.io/v2
    MCR_API_FORM_DISCOVERY_BETA, // apidiscovery.k8s.io/v2beta1
    MCR_API_FORM_NONE            // none that there is: 406
} mcr_api_form;

enum {
    MCR_API_PARAMS = 32 // of a query; those beyond are not seen
};

typedef struct mcr_api_param {
    const char *name;
    const char *value;
} mcr_api_param;

typedef struct mcr_api_request {
    const char *method; // borrowed
    char *path;         // decoded, without the query
    mcr_api_place place;
    bool events_api;       // events.k8s.io/v1, else core/v1
    bool watch;            // ?watch=1, or the deprecated /watch/ path
    const char *namespace; // "": all
    const char *name;      // "": the collection
    mcr_api_param params[MCR_API_PARAMS];
    size_t n_params;
    mcr_api_form form;
    bool pretty; // for people: indented
    char *text;  // what the pointers above point into
} mcr_api_request;

// mcr_api_request_parse reads a request; `accept` and `user_agent` may be NULL. Whatever it is,
// something comes out. `method` must live as long as `out`.
void mcr_api_request_parse(mcr_api_request *out, const char *method, mcr_str target,
                           const char *accept, const char *user_agent);
void mcr_api_request_fini(mcr_api_request *r);

// mcr_api_param_get is the first parameter called `name`, NULL when there is none.
const char *mcr_api_param_get(const mcr_api_request *r, const char *name);

// mcr_api_param_true tells whether a parameter is there and means yes, as Kubernetes reads booleans
// in a query: anything but "false" and "0".
bool mcr_api_param_true(const mcr_api_request *r, const char *name);
