#include "net/http_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_exchange.h"
#include "net/listen.h"

enum {
    BODY_LIMIT = 3 << 20,     // kube-apiserver's
    SWALLOW_MAX = 64 << 20,   // of a body that is too long anyway, read so that its sender hears
    SWALLOW_KEEP = 256 << 10, // with more of it the connection is not kept: kube-apiserver's
    ANSWER_TIMES = 10,        // an answer may take so many times as long as a request
    CONNECTION_MEMORY = 32768 // a head that is longer is 431
};

//
// The loop
//

static void run_daemon(mcr_http_server *s)
{
    s->dirty = false;
    MHD_run(s->daemon);
}

static void on_epoll(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    run_daemon(io->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    run_daemon(timer->data);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)events;
    mcr_http_server *s = prepare->data;
    if (s->dirty)
        run_daemon(s);
    MHD_UNSIGNED_LONG_LONG ms;
    ev_timer_stop(loop, &s->timeout);
    if (s->dirty || MHD_get_timeout(s->daemon, &ms) == MHD_YES) {
        ev_timer_set(&s->timeout, s->dirty ? 0 : (double)ms / 1000, 0);
        ev_timer_start(loop, &s->timeout);
    }
}

// Whether the client of a quiet stream has ended its side behind bytes that nobody reads.
static bool has_left(const mcr_connection *c)
{
    struct pollfd fd = { .fd = c->fd, .events = POLLRDHUP };
    return c->exchange && c->exchange->early && c->exchange->suspended && poll(&fd, 1, 0) > 0;
}

// What is overdue is shut down; MHD then sees its end.
static void on_deadlines(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_http_server *s = timer->data;
    int64_t now = mcr_clock_monotonic();
    for (mcr_connection *c = s->connections; c; c = c->next) {
        if (has_left(c)) {
            c->exchange->departed = true;
            mcr_exchange_resume(c->exchange);
            continue;
        }
        int64_t age = now - c->since;
        bool late =
            (c->phase == MCR_CONNECTION_IDLE && age > s->options.idle_ns + s->options.request_ns) ||
            (c->phase == MCR_CONNECTION_READING && age > s->options.request_ns) ||
            (c->phase == MCR_CONNECTION_ANSWERING && age > ANSWER_TIMES * s->options.request_ns);
        if (!late)
            continue;
        s->counts.cut += c->phase == MCR_CONNECTION_READING;
        shutdown(c->fd, SHUT_RDWR);
        mcr_connection_enter(c, c->phase);
    }
}

//
// Connections
//

static void on_connection(void *self, struct MHD_Connection *mhd, void **data,
                          enum MHD_ConnectionNotificationCode code)
{
    mcr_http_server *s = self;
    mcr_connection *c = *data;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = mcr_zalloc(sizeof *c);
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->next = s->connections;
        if (c->next)
            c->next->prev = c;
        s->connections = c;
        s->counts.connections++;
        mcr_connection_enter(c, MCR_CONNECTION_IDLE);
        *data = c;
    } else if (c) {
        if (c->next)
            c->next->prev = c->prev;
        if (c->prev)
            c->prev->next = c->next;
        else
            s->connections = c->next;
        s->counts.connections--;
        free(c);
        *data = NULL;
    }
}

// The client of a quiet stream sends nothing more: what can be read is its end, or a request that
// it sent too early, which is none of our business now.
static void on_departure(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    mcr_exchange *x = io->data;
    char byte;
    ssize_t n = recv(io->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    ev_io_stop(loop, io);
    x->early = n > 0;
    if (n <= 0) {
        x->departed = true;
        mcr_exchange_resume(x);
    }
}

// The first line of a request is there.
static void *on_target(void *self, const char *target, struct MHD_Connection *mhd)
{
    mcr_exchange *x = mcr_zalloc(sizeof *x);
    x->server = self;
    x->mhd = mhd;
    x->target = mcr_strdup(target);
    x->connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    ev_io_init(&x->departure, on_departure, x->connection->fd, EV_READ);
    x->departure.data = x;
    x->connection->exchange = x;
    mcr_connection_enter(x->connection, MCR_CONNECTION_READING);
    x->server->counts.exchanges++;
    return x;
}

static void on_completed(void *self, struct MHD_Connection *mhd, void **data,
                         enum MHD_RequestTerminationCode code)
{
    (void)mhd;
    (void)code;
    mcr_http_server *s = self;
    mcr_exchange *x = *data;
    if (!x)
        return;
    *data = NULL;
    ev_io_stop(s->loop, &x->departure);
    if (x->streaming)
        x->hooks.gone(x->hooks.self, x);
    mcr_connection_enter(x->connection, MCR_CONNECTION_IDLE);
    x->connection->exchange = NULL;
    s->counts.exchanges--;
    if (x->response)
        MHD_destroy_response(x->response);
    mcr_buf_fini(&x->body);
    mcr_buf_fini(&x->out);
    free(x->method);
    free(x->target);
    free(x);
}

//
// Requests
//

static void receive(mcr_exchange *x, const char *bytes, size_t len)
{
    x->received += len;
    if (x->received > x->server->options.body_limit) {
        x->over = true;
        mcr_buf_fini(&x->body);
    } else {
        mcr_buf_append(&x->body, bytes, len);
    }
}

static void answer_too_large(mcr_exchange *x)
{
    x->server->counts.too_large++;
    x->close = x->received == 0 || x->received > x->server->options.body_limit + SWALLOW_KEEP;
    if (x->server->options.too_large) {
        x->server->options.too_large(x->server->options.self, x);
        return;
    }
    mcr_exchange_reply reply = { .status = 413, .content_type = "text/plain" };
    mcr_buf_puts(&reply.body, "the request is too large\n");
    mcr_exchange_answer(x, &reply);
}

// Called with the head, with each part of the body, at its end, and after each resume.
static enum MHD_Result on_access(void *self, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *len, void **data)
{
    (void)self;
    (void)mhd;
    (void)url;
    (void)version;
    mcr_exchange *x = *data;
    if (mcr_exchange_decided(x))
        return mcr_exchange_send(x);
    if (!x->begun) {
        x->begun = true;
        x->method = mcr_strdup(method);
        const char *expect = mcr_exchange_find_header(x, "Expect"),
                   *length = mcr_exchange_find_header(x, "Content-Length");
        if (expect && length && strtoull(length, NULL, 10) > x->server->options.body_limit) {
            answer_too_large(x); // nothing was sent yet, and now it will not be
            return mcr_exchange_decided(x) ? mcr_exchange_send(x) : MHD_NO;
        }
        return MHD_YES;
    }
    if (*len) {
        receive(x, bytes, *len);
        *len = 0;
        return x->received > x->server->options.body_limit + SWALLOW_MAX ? MHD_NO : MHD_YES;
    }
    mcr_connection_enter(x->connection, MCR_CONNECTION_DECIDING);
    x->server->counts.requests++;
    if (x->over)
        answer_too_large(x);
    else
        x->server->options.request(x->server->options.self, x);
    if (mcr_exchange_decided(x))
        return mcr_exchange_send(x);
    mcr_exchange_suspend(x);
    return MHD_YES;
}

//
// Life
//

static void say(void *self, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void say(void *self, const char *format, va_list args)
{
    (void)self;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    size_t len = strlen(text);
    if (len && text[len - 1] == '\n')
        text[len - 1] = '\0';
    mcr_log(MCR_LOG_DEBUG, "libmicrohttpd: %s", text);
}

static struct MHD_Daemon *start_daemon(mcr_http_server *s, int fd)
{
    const mcr_http_server_options *o = &s->options;
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access, s,
        MHD_OPTION_EXTERNAL_LOGGER, say, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((o->idle_ns + 999999999) / 1000000000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        s, MHD_OPTION_END);
}

static void start_loop(mcr_http_server *s)
{
    int epoll_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    ev_io_init(&s->epoll, on_epoll, epoll_fd, EV_READ);
    ev_init(&s->timeout, on_timeout);
    ev_timer_init(&s->deadlines, on_deadlines, 1, 1);
    ev_prepare_init(&s->prepare, on_prepare);
    s->epoll.data = s->timeout.data = s->deadlines.data = s->prepare.data = s;
    ev_io_start(s->loop, &s->epoll);
    ev_timer_start(s->loop, &s->deadlines);
    ev_prepare_start(s->loop, &s->prepare);
}

mcr_http_server *mcr_http_server_new(struct ev_loop *loop, const mcr_http_server_options *options,
                                     mcr_errbuf *err)
{
    char *address;
    int fd = mcr_listen(options->listen, &address, err);
    if (fd < 0)
        return NULL;
    mcr_http_server *s = mcr_zalloc(sizeof *s);
    s->loop = loop;
    s->options = *options;
    s->options.listen = s->address = address;
    if (!s->options.body_limit)
        s->options.body_limit = BODY_LIMIT;
    if (!s->options.connections)
        s->options.connections = 1000;
    if (!s->options.idle_ns)
        s->options.idle_ns = INT64_C(90000000000);
    if (!s->options.request_ns)
        s->options.request_ns = INT64_C(60000000000);
    s->daemon = start_daemon(s, fd);
    if (!s->daemon) {
        mcr_errf(err, MCR_EIO, "cannot serve on %s: %s", address, strerror(errno));
        mcr_listen_close(fd);
        free(address);
        free(s);
        return NULL;
    }
    start_loop(s);
    return s;
}

const char *mcr_http_server_address(const mcr_http_server *s)
{
    return s->address;
}

void mcr_http_server_quiesce(mcr_http_server *s)
{
    if (s->quiet)
        return;
    s->quiet = true;
    int fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET)
        mcr_listen_close(fd);
}

mcr_http_server_counts mcr_http_server_counts_now(const mcr_http_server *s)
{
    return s->counts;
}

void mcr_http_server_free(mcr_http_server *s)
{
    if (!s)
        return;
    mcr_http_server_quiesce(s);
    ev_io_stop(s->loop, &s->epoll);
    ev_timer_stop(s->loop, &s->timeout);
    ev_timer_stop(s->loop, &s->deadlines);
    ev_prepare_stop(s->loop, &s->prepare);
    for (mcr_connection *c = s->connections; c; c = c->next) {
        if (c->exchange && c->exchange->suspended) { // which MHD could not end
            c->exchange->departed = true;
            c->exchange->damage = MCR_DAMAGE_CLOSE;
            mcr_exchange_resume(c->exchange);
        }
        shutdown(c->fd, SHUT_RDWR);
    }
    MHD_run(s->daemon);
    MHD_stop_daemon(s->daemon);
    free(s->address);
    free(s);
}
