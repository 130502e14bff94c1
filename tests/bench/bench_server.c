#include "bench_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

enum {
    EVENTS = 64,
    READ_SIZE = 16384
};

typedef struct client {
    int fd;
    mcr_buf in;
    struct client *next;
} client;

struct bench_server {
    char url[48];
    mcr_buf answer;
    int epoll, listener, stop;
    client *clients; // all there ever were
    uint64_t answered;
    pthread_t thread;
};

static void die(const char *what)
{
    fprintf(stderr, "bench: server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(bench_server *server, int fd, void *who)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = who };
    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll");
}

// Length of the first whole request in `in`; 0: there is none yet.
static size_t whole_request(const mcr_buf *in)
{
    static const char length[] = "\r\nContent-Length:";
    const char *end = in->len ? memmem(in->ptr, in->len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return 0;
    size_t head = (size_t)(end - in->ptr) + 4;
    const char *at = memmem(in->ptr, head, length, sizeof length - 1);
    size_t body = at ? strtoul(at + sizeof length - 1, NULL, 10) : 0;
    return in->len >= head + body ? head + body : 0;
}

static void serve(bench_server *server, client *c)
{
    ssize_t n = recv(c->fd, mcr_buf_reserve(&c->in, READ_SIZE), READ_SIZE, 0);
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        return;
    }
    c->in.len += (size_t)n;
    size_t len;
    while ((len = whole_request(&c->in)) > 0) {
        if (send(c->fd, server->answer.ptr, server->answer.len, MSG_NOSIGNAL) < 0)
            return; // it will be read as closed
        server->answered++;
        c->in.len -= len;
        memmove(c->in.ptr, c->in.ptr + len, c->in.len);
    }
}

static void accept_client(bench_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client *c = mcr_zalloc(sizeof *c);
    c->fd = fd;
    c->next = server->clients;
    server->clients = c;
    watch(server, fd, c);
}

static void *serve_all(void *arg)
{
    bench_server *server = arg;
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(server->epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &server->stop)
                return NULL;
            if (who == &server->listener)
                accept_client(server);
            else
                serve(server, who);
        }
    }
}

bench_server *bench_server_start(const char *status, const char *body)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    bench_server *server = mcr_zalloc(sizeof *server);
    mcr_buf_printf(&server->answer,
                   "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   status, strlen(body), body);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->epoll < 0 || server->stop < 0 || server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 512) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    watch(server, server->listener, &server->listener);
    watch(server, server->stop, &server->stop);
    if (pthread_create(&server->thread, NULL, serve_all, server) != 0)
        die("thread");
    pthread_setname_np(server->thread, "bench-server");
    return server;
}

double bench_server_cpu_ns(const bench_server *server)
{
    clockid_t clock;
    struct timespec now;
    if (pthread_getcpuclockid(server->thread, &clock) != 0 || clock_gettime(clock, &now) != 0)
        die("clock");
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

uint64_t bench_server_stop(bench_server *server)
{
    const uint64_t one = 1;
    if (write(server->stop, &one, sizeof one) != sizeof one)
        die("eventfd");
    pthread_join(server->thread, NULL);
    uint64_t answered = server->answered;
    while (server->clients) {
        client *c = server->clients;
        server->clients = c->next;
        if (c->fd >= 0)
            close(c->fd);
        mcr_buf_fini(&c->in);
        free(c);
    }
    close(server->listener);
    close(server->stop);
    close(server->epoll);
    mcr_buf_fini(&server->answer);
    free(server);
    return answered;
}

const char *bench_server_url(const bench_server *server)
{
    return server->url;
}
