#pragma once
// Clients that are plain sockets, in the thread of the loop that serves them.

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"

#define SECONDS ((int64_t)1000000000)

enum {
    PATIENCE_S = 60
};

static inline void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

// Lets the loop turn for a moment.
static inline void turn(struct ev_loop *loop)
{
    ev_timer tick;
    ev_timer_init(&tick, on_tick, 0.002, 0);
    ev_timer_start(loop, &tick);
    ev_run(loop, 0);
    ev_timer_stop(loop, &tick);
}

#define until(loop, condition)                                                                     \
    do {                                                                                           \
        int64_t end_ = mcr_clock_monotonic() + PATIENCE_S * SECONDS;                               \
        while (!(condition)) {                                                                     \
            if (mcr_clock_monotonic() > end_)                                                      \
                fail_msg("waited in vain for: %s", #condition);                                    \
            turn(loop);                                                                            \
        }                                                                                          \
    } while (0)

//
// Clients
//

typedef struct client {
    int fd;
    mcr_buf in;
    bool ended;
    bool reset;
} client;

// Connects to "127.0.0.1:PORT"; -1: it is refused.
static inline int try_connect(const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1)) };
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline client connected(const char *address)
{
    client c = { .fd = try_connect(address) };
    assert_true(c.fd >= 0);
    return c;
}

static inline void say(const client *c, const char *text)
{
    assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

// Takes what has come.
static inline void hear(client *c)
{
    char bytes[65536];
    while (!c->ended) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            mcr_buf_append(&c->in, bytes, (size_t)n);
        else if (n == 0)
            c->ended = true;
        else if (errno == EAGAIN)
            return;
        else
            c->ended = c->reset = true;
    }
}

static inline bool heard(client *c, const char *part)
{
    hear(c);
    return strstr(mcr_buf_cstr(&c->in), part) != NULL;
}

static inline bool heard_end(client *c)
{
    hear(c);
    return c->ended;
}

static inline void hang_up(client *c)
{
    close(c->fd);
    mcr_buf_fini(&c->in);
}

static inline size_t times_in(client *c, const char *part)
{
    size_t n = 0;
    for (const char *at = mcr_buf_cstr(&c->in); (at = strstr(at, part)); at++)
        n++;
    return n;
}

#define GET        "GET /a/b%2Fc?q=%20+x HTTP/1.1\r\nHost: h\r\nUser-Agent: me/1\r\n\r\n"
#define POST(body) "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " body
