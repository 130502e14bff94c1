#pragma once
// Lines in Kubernetes' JSON logging format (component-base/logs), with the keys of
// StartStructuredLogging in its order:
//
//     {"ts":1700000000123.4567,"caller":"mooncrier:1","msg":"Event occurred","v":0,
//      "object":{"name":"web-1","namespace":"default"},"fieldPath":"",…,"message":"…"}

#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

// mcr_json_log appends the event's line, newline included. `now` (Unix ns) is its `ts`, there in
// milliseconds as a double.
void mcr_json_log(mcr_buf *out, const mcr_event *ev, int64_t now);
