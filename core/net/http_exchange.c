#include "net/http_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    GZIP_FROM = 128 << 10, // kube-apiserver's
    STREAM_BLOCK = 16384
};

void mcr_connection_enter(mcr_connection *c, mcr_connection_phase phase)
{
    c->phase = phase;
    c->since = mcr_clock_monotonic();
}

void mcr_exchange_suspend(mcr_exchange *x)
{
    x->suspended = true;
    MHD_suspend_connection(x->mhd);
}

void mcr_exchange_resume(mcr_exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    ev_io_stop(x->server->loop, &x->departure);
    MHD_resume_connection(x->mhd);
    x->server->dirty = true;
}

const char *mcr_exchange_find_header(const mcr_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

mcr_str mcr_exchange_method(const mcr_exchange *x)
{
    return mcr_str_of(x->method);
}

mcr_str mcr_exchange_target(const mcr_exchange *x)
{
    return mcr_str_of(x->target);
}

mcr_str mcr_exchange_body(const mcr_exchange *x)
{
    return mcr_buf_str(&x->body);
}

bool mcr_exchange_header(const mcr_exchange *x, const char *name, mcr_str *value)
{
    const char *text = mcr_exchange_find_header(x, name);
    if (text)
        *value = mcr_str_of(text);
    return text != NULL;
}

bool mcr_exchange_decided(const mcr_exchange *x)
{
    return x->response || x->damage;
}

enum MHD_Result mcr_exchange_send(mcr_exchange *x)
{
    if (x->damage == MCR_DAMAGE_CLOSE)
        return MHD_NO;
    if (x->damage == MCR_DAMAGE_RESET) {
        // Linux: a connected socket that is connected to nothing sends RST.
        struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
        if (connect(x->connection->fd, &nowhere, sizeof nowhere) != 0)
            mcr_log(MCR_LOG_WARN, "cannot reset a connection: %s", strerror(errno));
        return MHD_NO;
    }
    struct MHD_Response *response = x->response;
    x->response = NULL;
    if (x->close || x->server->quiet)
        MHD_add_response_header(response, "Connection", "close");
    mcr_connection_enter(x->connection,
                         x->streaming ? MCR_CONNECTION_STREAMING : MCR_CONNECTION_ANSWERING);
    enum MHD_Result result = MHD_queue_response(x->mhd, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return result;
}

//
// Answers
//

static void add_headers(struct MHD_Response *response, const char *content_type,
                        const char *headers)
{
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    while (headers && *headers) {
        const char *colon = strchr(headers, ':'), *end = strchr(headers, '\n');
        if (colon && end && colon < end) {
            char *name = mcr_strdup(headers);
            name[colon - headers] = '\0';
            name[end - headers] = '\0';
            char *value = name + (colon - headers) + 1;
            MHD_add_response_header(response, name, value + strspn(value, " "));
            free(name);
        }
        headers = end ? end + 1 : NULL;
    }
}

static bool wants_gzip(const mcr_exchange *x)
{
    const char *accepted = mcr_exchange_find_header(x, "Accept-Encoding");
    return accepted && strstr(accepted, "gzip") && !strstr(accepted, "gzip;q=0");
}

static bool compress_body(mcr_buf *body)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    mcr_buf out = { 0 };
    size_t room = deflateBound(&z, body->len);
    z.next_in = (unsigned char *)body->ptr;
    z.avail_in = (unsigned)body->len;
    z.next_out = (unsigned char *)mcr_buf_reserve(&out, room);
    z.avail_out = (unsigned)room;
    bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    out.len = z.total_out;
    deflateEnd(&z);
    if (done) {
        mcr_buf_fini(body);
        *body = out;
    } else {
        mcr_buf_fini(&out);
    }
    return done;
}

typedef struct half_body {
    mcr_buf body;
} half_body;

static ssize_t read_half(void *self, uint64_t pos, char *to, size_t max)
{
    half_body *half = self;
    size_t end = half->body.len / 2;
    if (pos >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = end - (size_t)pos < max ? end - (size_t)pos : max;
    memcpy(to, half->body.ptr + pos, n);
    return (ssize_t)n;
}

static void free_half(void *self)
{
    half_body *half = self;
    mcr_buf_fini(&half->body);
    free(half);
}

static struct MHD_Response *half_response(mcr_buf *body)
{
    half_body *half = mcr_zalloc(sizeof *half);
    half->body = *body;
    *body = (mcr_buf){ 0 };
    return MHD_create_response_from_callback(half->body.len, STREAM_BLOCK, read_half, half,
                                             free_half);
}

static struct MHD_Response *whole_response(mcr_buf *body)
{
    char *bytes = body->ptr;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(body->len, bytes, free);
    if (response)
        *body = (mcr_buf){ 0 };
    return response;
}

void mcr_exchange_answer(mcr_exchange *x, mcr_exchange_reply *reply)
{
    bool packed = reply->body.len > GZIP_FROM && wants_gzip(x) && compress_body(&reply->body);
    bool half = reply->damage == MCR_DAMAGE_HALF && reply->body.len > 0;
    x->damage = reply->damage == MCR_DAMAGE_HALF ? MCR_DAMAGE_NONE : reply->damage;
    x->status = reply->status;
    x->close |= reply->close;
    x->response = half ? half_response(&reply->body) : whole_response(&reply->body);
    mcr_buf_fini(&reply->body);
    if (!x->response)
        x->damage = MCR_DAMAGE_CLOSE; // no memory for it
    else
        add_headers(x->response, reply->content_type, reply->headers);
    if (packed && x->response)
        MHD_add_response_header(x->response, "Content-Encoding", "gzip");
    mcr_exchange_resume(x);
}

//
// Streams
//

static ssize_t read_stream(void *self, uint64_t pos, char *to, size_t max)
{
    (void)pos;
    mcr_exchange *x = self;
    if (x->departed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (x->taken == x->out.len && !x->ended) {
        x->taken = x->out.len = 0;
        x->hooks.drained(x->hooks.self, x);
    }
    size_t n = x->out.len - x->taken;
    if (n > max)
        n = max;
    if (n) {
        memcpy(to, x->out.ptr + x->taken, n);
        x->taken += n;
        return (ssize_t)n;
    }
    if (x->ended)
        return x->damaged ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    mcr_exchange_suspend(x);
    ev_io_start(x->server->loop, &x->departure);
    return 0;
}

void mcr_exchange_stream(mcr_exchange *x, int status, const char *content_type, const char *headers,
                         const mcr_stream_hooks *hooks)
{
    x->streaming = true;
    x->hooks = *hooks;
    x->status = status;
    x->response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, x, NULL);
    if (!x->response)
        x->damage = MCR_DAMAGE_CLOSE;
    else
        add_headers(x->response, content_type, headers);
    mcr_exchange_resume(x);
}

void mcr_stream_write(mcr_exchange *x, mcr_str bytes)
{
    if (x->taken > 0 && x->taken == x->out.len)
        x->taken = x->out.len = 0;
    mcr_buf_add(&x->out, bytes);
    mcr_exchange_resume(x);
}

size_t mcr_stream_waiting(const mcr_exchange *x)
{
    return x->out.len - x->taken;
}

void mcr_stream_end(mcr_exchange *x, bool damaged)
{
    x->ended = true;
    x->damaged = damaged;
    mcr_exchange_resume(x);
}
