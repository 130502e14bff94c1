#pragma once
// What the server says about itself: which APIs there are (plain and aggregated discovery), its
// version, its health, and small OpenAPI documents. Pure; any thread.

#include <stdbool.h>

#include "api/api_request.h"
#include "base/buf.h"

// mcr_api_discovery answers a GET of `r->path` with a body and its content type. False: there is no
// such path. `ready` is what /readyz says.
bool mcr_api_discovery(const mcr_api_request *r, bool ready, int *status, const char **content_type,
                       mcr_buf *body);

// mcr_api_openapi appends the OpenAPI v3 document of core/v1 or events.k8s.io/v1: the paths of
// events and the schema of Event.
void mcr_api_openapi(mcr_buf *out, bool events_api);

// mcr_api_openapi_v2 appends the OpenAPI v2 document of both.
void mcr_api_openapi_v2(mcr_buf *out);
