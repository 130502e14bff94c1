#pragma once
// Lines as klog writes them, header included. The texts after the header are in sink/format.h.

#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

// Where a line says it was logged.
#define MCR_KLOG_CALLER "mooncrier:1"

// The header of the last line, whose part down to the second is used again while the second lasts.
// Zero-initialised is ready.
typedef struct mcr_klog_header {
    int64_t second; // Unix time the text is for
    uint32_t len;   // 0: nothing yet
    char text[64];
} mcr_klog_header;

// mcr_klog_header_write appends "I1123 05:01:45.679721   24213 mooncrier:1] ": the severity ('I',
// 'E'), local time of `now` (Unix ns), the process id padded to 7, who logged it.
void mcr_klog_header_write(mcr_buf *out, mcr_klog_header *h, char severity, int64_t now);

// mcr_klog_value appends a value as it stands behind "key=": quoted, or as a block of lines behind
// tabs when it has line breaks.
void mcr_klog_value(mcr_buf *out, mcr_str value);
