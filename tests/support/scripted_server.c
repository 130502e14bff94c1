#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/scripted_http.h"
#include "support/scripted_wire.h"

enum {
    WAIT_S = 30,
    PLACES = SCRIPTED_IN_REQUEST + 1
};

// What is to happen to the next connections.
typedef struct spoil {
    scripted_mode how;
    unsigned times;
} spoil;

typedef struct connection {
    scripted_server *server;
    struct connection *next;
    int fd; // -1: its thread has closed it
    unsigned number;
    pthread_t thread;
} connection;

struct scripted_server {
    char url[48];
    uint16_t port;
    scripted_identity *identity;
    pthread_mutex_t lock;     // of all below
    pthread_mutex_t handling; // held while the handler runs, one at a time
    pthread_cond_t changed;   // a request came, or the server stops
    int listener;             // -1: stopped
    pthread_t acceptor;
    connection *connections; // of this life, those that ended included
    unsigned accepted, open;
    scripted_request **requests;
    size_t n_requests;
    scripted_reply *replies;
    size_t n_replies, next_reply;
    scripted_handler *handler;
    void *handler_self;
    spoil spoils[PLACES];
};

static void die(const char *what)
{
    fprintf(stderr, "scripted server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void sleep_ms(int ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep(&time, NULL);
}

static scripted_reply copy_reply(scripted_reply reply)
{
    char *body = mcr_alloc(reply.body.len + 1);
    if (reply.body.len)
        memcpy(body, reply.body.ptr, reply.body.len);
    reply.body.ptr = body;
    reply.headers = mcr_strdup(reply.headers);
    return reply;
}

static void free_reply(scripted_reply *reply)
{
    free((char *)reply->headers);
    free((char *)reply->body.ptr);
}

// Notes the request and chooses its reply, a copy.
static scripted_reply choose(scripted_server *server, scripted_request *request)
{
    pthread_mutex_lock(&server->lock);
    server->requests =
        mcr_realloc(server->requests, (server->n_requests + 1) * sizeof *server->requests);
    server->requests[server->n_requests++] = request;
    scripted_reply reply = { 0 };
    if (server->next_reply < server->n_replies)
        reply = server->replies[server->next_reply++];
    else if (server->n_replies)
        reply = server->replies[server->n_replies - 1];
    reply = copy_reply(reply);
    scripted_handler *handler = server->handler;
    void *self = server->handler_self;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    if (handler) {
        free_reply(&reply);
        reply = (scripted_reply){ 0 };
        pthread_mutex_lock(&server->handling);
        handler(self, request, &reply);
        reply = copy_reply(reply);
        pthread_mutex_unlock(&server->handling);
    }
    return reply;
}

typedef enum after {
    GO_ON,
    CLOSE,
    RESET
} after;

static after hang(scripted_wire *wire)
{
    char ignored[4096];
    while (scripted_wire_read(wire, ignored, sizeof ignored) > 0)
        ;
    return CLOSE;
}

static after answer(scripted_wire *wire, const scripted_request *request,
                    const scripted_reply *reply)
{
    if (reply->delay_ms)
        sleep_ms(reply->delay_ms);
    switch (reply->mode) {
    case SCRIPTED_CLOSE:
        return CLOSE;
    case SCRIPTED_RESET:
        return RESET;
    case SCRIPTED_HANG:
        return hang(wire);
    case SCRIPTED_GARBAGE:
        scripted_wire_write(wire, reply->body.ptr, reply->body.len);
        return CLOSE;
    case SCRIPTED_TRUNCATE:
        scripted_answer_write(wire, request, reply);
        return CLOSE;
    case SCRIPTED_HALF_HEAD:
    case SCRIPTED_HALF_BODY:
        scripted_answer_write(wire, request, reply);
        return reply->then == SCRIPTED_HANG    ? hang(wire)
               : reply->then == SCRIPTED_RESET ? RESET
                                               : CLOSE;
    case SCRIPTED_ANSWER:
    case SCRIPTED_ECHO:
        break;
    }
    return scripted_answer_write(wire, request, reply) && !reply->close ? GO_ON : CLOSE;
}

// Whether something is to go wrong here, and what.
static bool is_spoilt(scripted_server *server, scripted_place place, scripted_mode *how)
{
    pthread_mutex_lock(&server->lock);
    spoil *s = &server->spoils[place];
    bool spoilt = s->times > 0;
    s->times -= spoilt;
    *how = s->how;
    pthread_mutex_unlock(&server->lock);
    return spoilt;
}

static after spoil_wire(scripted_wire *wire, scripted_mode how)
{
    static const char noise[] = "SSH-2.0-nonsense\r\n";
    if (how == SCRIPTED_HANG)
        return hang(wire);
    if (how == SCRIPTED_GARBAGE)
        scripted_wire_write(wire, noise, sizeof noise - 1);
    return how == SCRIPTED_RESET ? RESET : CLOSE;
}

static after serve(connection *c, scripted_wire *wire)
{
    mcr_buf in = { 0 };
    after then = GO_ON;
    scripted_mode how;
    while (then == GO_ON) {
        if (!scripted_request_begins(wire, &in))
            break;
        if (is_spoilt(c->server, SCRIPTED_IN_REQUEST, &how)) {
            then = spoil_wire(wire, how);
            break;
        }
        scripted_request *request = scripted_request_read(wire, &in);
        if (!request)
            break;
        request->connection = c->number;
        request->client_cert = scripted_wire_client_cert(wire);
        snprintf(request->server_name, sizeof request->server_name, "%s",
                 scripted_wire_server_name(wire));
        scripted_reply reply = choose(c->server, request);
        then = answer(wire, request, &reply);
        free_reply(&reply);
    }
    mcr_buf_fini(&in);
    return then;
}

static void *connection_main(void *arg)
{
    connection *c = arg;
    scripted_mode how;
    bool spoilt = is_spoilt(c->server, SCRIPTED_AT_ACCEPT, &how);
    // Without the handshake.
    scripted_wire *wire = scripted_wire_new(c->fd, spoilt ? NULL : c->server->identity);
    after then = !wire ? CLOSE : spoilt ? spoil_wire(wire, how) : serve(c, wire);
    // Under the lock, so that stop never shuts down a descriptor that is someone else's by now.
    pthread_mutex_lock(&c->server->lock);
    if (!wire)
        close(c->fd);
    else if (then == RESET)
        scripted_wire_reset(wire);
    else
        scripted_wire_free(wire);
    c->fd = -1;
    c->server->open--;
    pthread_mutex_unlock(&c->server->lock);
    return NULL;
}

static void *acceptor_main(void *arg)
{
    scripted_server *server = arg;
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return NULL; // shut down
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = mcr_zalloc(sizeof *c);
        c->server = server;
        c->fd = fd;
        pthread_mutex_lock(&server->lock);
        c->number = server->accepted++;
        server->open++;
        c->next = server->connections;
        server->connections = c;
        if (pthread_create(&c->thread, NULL, connection_main, c) != 0)
            die("thread");
        pthread_mutex_unlock(&server->lock);
    }
}

void scripted_server_start(scripted_server *server)
{
    if (server->listener >= 0)
        return;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(server->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    const int on = 1;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 512) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    server->port = ntohs(address.sin_port);
    // Signals are for the test's own thread.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&server->acceptor, NULL, acceptor_main, server) != 0)
        die("thread");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void scripted_server_stop(scripted_server *server)
{
    if (server->listener < 0)
        return;
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    server->listener = -1;
    pthread_mutex_lock(&server->lock);
    for (connection *c = server->connections; c; c = c->next)
        if (c->fd >= 0)
            shutdown(c->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    while (server->connections) {
        connection *c = server->connections;
        server->connections = c->next;
        pthread_join(c->thread, NULL);
        free(c);
    }
}

scripted_server *scripted_server_new(const scripted_tls *tls)
{
    // GnuTLS writes without MSG_NOSIGNAL.
    if (tls)
        signal(SIGPIPE, SIG_IGN);
    scripted_server *server = mcr_zalloc(sizeof *server);
    server->listener = -1;
    server->identity = tls ? scripted_identity_new(tls) : NULL;
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->handling, NULL);
    pthread_cond_init(&server->changed, NULL);
    scripted_server_start(server);
    snprintf(server->url, sizeof server->url, "http%s://127.0.0.1:%u", tls ? "s" : "",
             server->port);
    return server;
}

void scripted_server_free(scripted_server *server)
{
    if (!server)
        return;
    scripted_server_stop(server);
    scripted_server_forget(server);
    scripted_server_clear(server);
    scripted_identity_free(server->identity);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->handling);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

void scripted_server_answer(scripted_server *server, scripted_reply reply)
{
    reply = copy_reply(reply);
    pthread_mutex_lock(&server->lock);
    server->replies =
        mcr_realloc(server->replies, (server->n_replies + 1) * sizeof *server->replies);
    server->replies[server->n_replies++] = reply;
    pthread_mutex_unlock(&server->lock);
}

void scripted_server_clear(scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->n_replies; i++)
        free_reply(&server->replies[i]);
    free(server->replies);
    server->replies = NULL;
    server->n_replies = server->next_reply = 0;
    pthread_mutex_unlock(&server->lock);
}

void scripted_server_handle(scripted_server *server, scripted_handler *handler, void *self)
{
    pthread_mutex_lock(&server->lock);
    server->handler = handler;
    server->handler_self = self;
    pthread_mutex_unlock(&server->lock);
}

void scripted_server_spoil(scripted_server *server, scripted_place place, scripted_mode how,
                           unsigned times)
{
    pthread_mutex_lock(&server->lock);
    server->spoils[place] = (spoil){ how, times };
    pthread_mutex_unlock(&server->lock);
}

const char *scripted_server_url(const scripted_server *server)
{
    return server->url;
}

uint16_t scripted_server_port(const scripted_server *server)
{
    return server->port;
}

size_t scripted_server_requests(scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->n_requests;
    pthread_mutex_unlock(&server->lock);
    return n;
}

const scripted_request *scripted_server_request(scripted_server *server, size_t n)
{
    pthread_mutex_lock(&server->lock);
    if (n >= server->n_requests) {
        fprintf(stderr, "scripted server: there is no request %zu, only %zu came\n", n,
                server->n_requests);
        exit(1);
    }
    const scripted_request *request = server->requests[n];
    pthread_mutex_unlock(&server->lock);
    return request;
}

unsigned scripted_server_connections(scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned n = server->accepted;
    pthread_mutex_unlock(&server->lock);
    return n;
}

unsigned scripted_server_open(scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned n = server->open;
    pthread_mutex_unlock(&server->lock);
    return n;
}

bool scripted_server_wait(scripted_server *server, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    int code = 0;
    pthread_mutex_lock(&server->lock);
    while (server->n_requests < n && code == 0)
        code = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    bool came = server->n_requests >= n;
    pthread_mutex_unlock(&server->lock);
    return came;
}

void scripted_server_forget(scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->n_requests; i++)
        scripted_request_free(server->requests[i]);
    free(server->requests);
    server->requests = NULL;
    server->n_requests = 0;
    pthread_mutex_unlock(&server->lock);
}
