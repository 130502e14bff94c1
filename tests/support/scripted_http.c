#include "support/scripted_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

enum {
    MAX_REQUEST = 64 << 20
};

bool scripted_request_header(const scripted_request *request, const char *name, char *value,
                             size_t size)
{
    size_t len = strlen(name);
    for (const char *at = request->headers; *at; at = strchr(at, '\n') + 1) {
        if (strncasecmp(at, name, len) != 0 || at[len] != ':')
            continue;
        const char *from = at + len + 1;
        from += strspn(from, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(from, "\n"), from);
        return true;
    }
    return false;
}

void scripted_request_free(scripted_request *request)
{
    free(request->method);
    free(request->uri);
    free(request->headers);
    free(request->body);
    free(request);
}

// The request line and the headers, without the empty line; NULL when it is not HTTP.
static scripted_request *parse_head(char *head)
{
    char *line_end = strstr(head, "\r\n");
    char *uri = strchr(head, ' ');
    char *version = uri ? strchr(uri + 1, ' ') : NULL;
    if (!line_end || !version || version > line_end)
        return NULL;
    scripted_request *request = mcr_zalloc(sizeof *request);
    request->method = strndup(head, (size_t)(uri - head));
    request->uri = strndup(uri + 1, (size_t)(version - uri - 1));
    mcr_buf headers = { 0 };
    for (char *at = line_end + 2; *at;) {
        size_t len = strcspn(at, "\r\n");
        mcr_buf_append(&headers, at, len);
        mcr_buf_putc(&headers, '\n');
        at += len;
        at += strspn(at, "\r\n");
    }
    request->headers = mcr_strdup(mcr_buf_cstr(&headers));
    mcr_buf_fini(&headers);
    return request;
}

static bool more(scripted_wire *wire, mcr_buf *in)
{
    size_t n =
        in->len < MAX_REQUEST ? scripted_wire_read(wire, mcr_buf_reserve(in, 16384), 16384) : 0;
    in->len += n;
    return n > 0;
}

static void drop_front(mcr_buf *in, size_t n)
{
    memmove(in->ptr, in->ptr + n, in->len - n);
    in->len -= n;
}

// Undoes chunked transfer coding; false when the connection ends first.
static bool read_chunks(scripted_wire *wire, mcr_buf *in, mcr_buf *body)
{
    for (;;) {
        char *end;
        while (!(end = memmem(in->ptr, in->len, "\r\n", 2)))
            if (!more(wire, in))
                return false;
        size_t size = strtoul(mcr_buf_cstr(in), NULL, 16);
        drop_front(in, (size_t)(end - in->ptr) + 2);
        while (in->len < size + 2)
            if (!more(wire, in))
                return false;
        mcr_buf_append(body, in->ptr, size);
        drop_front(in, size + 2);
        if (size == 0)
            return true;
    }
}

bool scripted_request_begins(scripted_wire *wire, mcr_buf *in)
{
    return in->len || more(wire, in);
}

scripted_request *scripted_request_read(scripted_wire *wire, mcr_buf *in)
{
    char *end;
    while (!in->len || !(end = memmem(in->ptr, in->len, "\r\n\r\n", 4)))
        if (!more(wire, in))
            return NULL;
    *end = '\0';
    scripted_request *request = parse_head(in->ptr);
    drop_front(in, (size_t)(end - in->ptr) + 4);
    if (!request)
        return NULL;

    char value[32];
    mcr_buf body = { 0 };
    bool whole = true;
    if (scripted_request_header(request, "Transfer-Encoding", value, sizeof value)) {
        whole = read_chunks(wire, in, &body);
    } else if (scripted_request_header(request, "Content-Length", value, sizeof value)) {
        size_t size = strtoul(value, NULL, 10);
        while (whole && in->len < size)
            whole = more(wire, in);
        if (whole) {
            mcr_buf_append(&body, in->ptr, size);
            drop_front(in, size);
        }
    }
    request->body_len = body.len;
    mcr_buf_cstr(&body);
    request->body = body.ptr;
    if (!whole) {
        scripted_request_free(request);
        return NULL;
    }
    return request;
}

static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 404:
        return "Not Found";
    default:
        return "Scripted";
    }
}

static bool has_header(const char *headers, const char *name)
{
    const scripted_request as_request = { .headers = (char *)headers };
    char ignored[1];
    return scripted_request_header(&as_request, name, ignored, sizeof ignored);
}

bool scripted_answer_write(scripted_wire *wire, const scripted_request *request,
                           const scripted_reply *reply)
{
    int status = reply->status ? reply->status : 200;
    const char *headers = reply->headers ? reply->headers : "";
    mcr_str body = reply->body;
    mcr_buf out = { 0 };
    if (reply->mode == SCRIPTED_ECHO) {
        body = mcr_str_n(request->body, request->body_len);
        status = reply->status ? status : strcmp(request->method, "POST") == 0 ? 201 : 200;
    }
    mcr_buf_printf(&out, "HTTP/1.1 %d %s\r\n", status, phrase(status));
    for (const char *at = headers; *at;) {
        size_t len = strcspn(at, "\n");
        mcr_buf_printf(&out, "%.*s\r\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
    if (reply->mode == SCRIPTED_ECHO && !has_header(headers, "Content-Type"))
        mcr_buf_puts(&out, "Content-Type: application/json\r\n");
    if (reply->close)
        mcr_buf_puts(&out, "Connection: close\r\n");
    size_t extra = reply->mode == SCRIPTED_TRUNCATE ? 100 : 0;
    bool bodiless = status < 200 || status == 204 || status == 304;
    if (!bodiless && !has_header(headers, "Content-Length") &&
        !has_header(headers, "Transfer-Encoding"))
        mcr_buf_printf(&out, "Content-Length: %zu\r\n", body.len + extra);
    mcr_buf_puts(&out, "\r\n");
    size_t head = out.len;
    if (!bodiless && strcmp(request->method, "HEAD") != 0)
        mcr_buf_add(&out, body);
    size_t sent = out.len;
    if (reply->mode == SCRIPTED_HALF_HEAD)
        sent = head / 2;
    else if (reply->mode == SCRIPTED_HALF_BODY)
        sent = head + (out.len - head) / 2;
    bool written = scripted_wire_write(wire, out.ptr, sent);
    mcr_buf_fini(&out);
    return written;
}
