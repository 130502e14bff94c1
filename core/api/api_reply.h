#pragma once
// Filling the reply of a call.

#include "api/api_call.h"

// mcr_api_reply_status makes it a Status: `reason` and `details` (JSON) may be NULL: absent.
void mcr_api_reply_status(mcr_api_call *call, int code, const char *reason, const char *details,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

// mcr_api_reply_text makes it plain text.
void mcr_api_reply_text(mcr_api_call *call, int code, const char *text);

// mcr_api_reply_json makes it what is in `reply.body` already.
void mcr_api_reply_json(mcr_api_call *call, int code);

// mcr_api_reply_header adds a header.
void mcr_api_reply_header(mcr_api_call *call, const char *name, const char *value);

// mcr_api_status_write appends a Status object, without newline.
void mcr_api_status_write(mcr_buf *out, int code, const char *reason, const char *details,
                          const char *metadata, mcr_str message);

// mcr_api_indent appends valid JSON with two spaces a level.
void mcr_api_indent(mcr_buf *out, mcr_str json);
