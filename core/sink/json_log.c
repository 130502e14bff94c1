#include "sink/json_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "event/encode.h"
#include "sink/klog.h"

// The shortest decimals that give the same double again, as Go prints it.
static void milliseconds(mcr_buf *out, int64_t ns)
{
    double ms = (double)ns / 1e6;
    char text[40];
    for (int decimals = 0; decimals <= 6; decimals++) {
        snprintf(text, sizeof text, "%.*f", decimals, ms);
        if (strtod(text, NULL) == ms)
            break;
    }
    mcr_buf_puts(out, text);
}

static void pair(mcr_buf *out, const char *key, mcr_str value)
{
    mcr_buf_puts(out, key);
    mcr_json_string(out, value);
}

void mcr_json_log(mcr_buf *out, const mcr_event *ev, int64_t now)
{
    const mcr_object_reference *object = &ev->involvedObject;
    mcr_buf_puts(out, "{\"ts\":");
    milliseconds(out, now);
    mcr_buf_puts(out, ",\"caller\":\"" MCR_KLOG_CALLER "\",\"msg\":\"Event occurred\",\"v\":0");
    pair(out, ",\"object\":{\"name\":", object->name);
    if (object->namespace.len)
        pair(out, ",\"namespace\":", object->namespace);
    pair(out, "},\"fieldPath\":", object->fieldPath);
    pair(out, ",\"kind\":", object->kind);
    pair(out, ",\"apiVersion\":", object->apiVersion);
    pair(out, ",\"type\":", ev->type);
    pair(out, ",\"reason\":", ev->reason);
    pair(out, ",\"message\":", ev->message);
    mcr_buf_puts(out, "}\n");
}
