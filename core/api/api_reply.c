#include "api/api_reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "event/encode.h"

enum {
    MESSAGE_MAX = 8192
};

static void start(mcr_api_call *call, int code, const char *content_type)
{
    call->reply.status = code;
    call->reply.content_type = content_type;
}

void mcr_api_status_write(mcr_buf *out, int code, const char *reason, const char *details,
                          const char *metadata, mcr_str message)
{
    mcr_buf_printf(out,
                   "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":%s,"
                   "\"status\":\"Failure\",\"message\":",
                   metadata);
    mcr_json_string(out, message);
    if (reason)
        mcr_buf_printf(out, ",\"reason\":\"%s\"", reason);
    if (details) {
        mcr_buf_puts(out, ",\"details\":");
        mcr_buf_puts(out, details);
    }
    mcr_buf_printf(out, ",\"code\":%d}", code);
}

void mcr_api_reply_status(mcr_api_call *call, int code, const char *reason, const char *details,
                          const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    call->reply.body.len = 0;
    mcr_api_status_write(&call->reply.body, code, reason, details, "{}", mcr_str_of(message));
    mcr_buf_putc(&call->reply.body, '\n');
    mcr_api_reply_json(call, code);
}

void mcr_api_reply_text(mcr_api_call *call, int code, const char *text)
{
    start(call, code, "text/plain; charset=utf-8");
    call->reply.body.len = 0;
    mcr_buf_puts(&call->reply.body, text);
}

void mcr_api_reply_json(mcr_api_call *call, int code)
{
    start(call, code, "application/json");
    if (!call->request.pretty)
        return;
    mcr_buf plain = call->reply.body;
    call->reply.body = (mcr_buf){ 0 };
    mcr_api_indent(&call->reply.body, mcr_buf_str(&plain));
    mcr_buf_fini(&plain);
}

void mcr_api_reply_header(mcr_api_call *call, const char *name, const char *value)
{
    mcr_buf_printf(&call->headers, "%s: %s\n", name, value);
}

static void new_line(mcr_buf *out, int depth)
{
    mcr_buf_putc(out, '\n');
    for (int i = 0; i < depth; i++)
        mcr_buf_puts(out, "  ");
}

static size_t string_end(mcr_str json, size_t at)
{
    for (at++; at < json.len && json.ptr[at] != '"'; at++)
        at += json.ptr[at] == '\\';
    return at < json.len ? at + 1 : json.len;
}

void mcr_api_indent(mcr_buf *out, mcr_str json)
{
    int depth = 0;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        switch (c) {
        case '"': {
            size_t end = string_end(json, i);
            mcr_buf_append(out, json.ptr + i, end - i);
            i = end - 1;
            break;
        }
        case '{':
        case '[':
            mcr_buf_putc(out, c);
            if (i + 1 < json.len && json.ptr[i + 1] == c + 2) { // {} and []: empty
                mcr_buf_putc(out, json.ptr[++i]);
            } else {
                new_line(out, ++depth);
            }
            break;
        case '}':
        case ']':
            new_line(out, --depth);
            mcr_buf_putc(out, c);
            break;
        case ',':
            mcr_buf_putc(out, c);
            new_line(out, depth);
            break;
        case ':':
            mcr_buf_puts(out, ": ");
            break;
        case ' ':
        case '\n':
        case '\r':
        case '\t':
            break;
        default:
            mcr_buf_putc(out, c);
        }
    }
}
