#pragma once
// An event read by way of cJSON: what the decoder is compared with, in the unit tests, the fuzz
// target and the bench, and how test vectors become events.
//
//     cjson_event read;
//     if (cjson_event_read(&read, json))
//         … read.fields, good as long as `json` …
//     cjson_event_clear(&read);

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "event/event.h"

typedef struct cjson_event {
    mcr_event fields;   // strings point into the cJSON; finalizers and so on stay empty
    mcr_pair *pairs[2]; // labels, annotations
    const cJSON *finalizers;
    const cJSON *ownerReferences;
    const cJSON *managedFields;
} cjson_event;

// cjson_event_read reads an Event object of either API; false when a field has the wrong type or
// the kind is another. Strings end at their first NUL, as cJSON's do.
bool cjson_event_read(cjson_event *to, const cJSON *event);
void cjson_event_clear(cjson_event *event);

// cjson_event_differs compares all fields of `ev` with what cJSON read: NULL when they agree, else
// the name of one that does not. A string of `ev` is compared as far as its first NUL.
const char *cjson_event_differs(const cjson_event *want, const mcr_event *ev);
