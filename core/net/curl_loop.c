#include "net/curl_loop.h"

#include <ev.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

// A socket keeps its handle between two transfers: one that is stopped and started again before the
// loop sleeps costs no system call.
typedef struct socket_io {
    ev_io io;
    bool fresh; // the kernel does not know this descriptor, or a former one of the same number
} socket_io;

struct mcr_curl_loop {
    CURLM *multi;
    struct ev_loop *loop;
    mcr_curl_loop_done *done;
    ev_check after_io; // both run while a transfer is under way
    ev_prepare before_sleep;
    ev_timer timer;
    ev_timer no_sleep;   // a transfer ended after the loop had its turn: it is to take another one
    bool due;            // curl wants to be called as if its timer had run out
    socket_io **sockets; // by descriptor
    size_t n_sockets;
    size_t under_way;
    size_t ended; // so far
    bool retired;
    bool reaping; // `done` may be on the stack: freeing waits
};

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    mcr_curl_loop *l = io->data;
    int running;
    curl_multi_socket_action(l->multi, io->fd,
                             (events & EV_READ ? CURL_CSELECT_IN : 0) |
                                 (events & EV_WRITE ? CURL_CSELECT_OUT : 0),
                             &running);
}

static socket_io *socket_of(mcr_curl_loop *l, curl_socket_t fd)
{
    size_t at = (size_t)fd;
    if (at >= l->n_sockets) {
        size_t n = 2 * at + 16;
        l->sockets = mcr_realloc(l->sockets, n * sizeof(socket_io *));
        memset(l->sockets + l->n_sockets, 0, (n - l->n_sockets) * sizeof(socket_io *));
        l->n_sockets = n;
    }
    if (!l->sockets[at]) {
        socket_io *s = mcr_zalloc(sizeof *s);
        ev_io_init(&s->io, on_io, fd, 0);
        s->io.data = l;
        s->fresh = true;
        l->sockets[at] = s;
    }
    return l->sockets[at];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *ignored)
{
    (void)easy;
    (void)ignored;
    mcr_curl_loop *l = self;
    socket_io *s = socket_of(l, fd);
    if (what == CURL_POLL_REMOVE) {
        ev_io_stop(l->loop, &s->io);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    if (s->fresh || s->io.events != events) {
        ev_io_stop(l->loop, &s->io);
        ev_io_set(&s->io, fd, events);
        s->fresh = false;
    }
    ev_io_start(l->loop, &s->io);
    return 0;
}

static int on_close(void *self, curl_socket_t fd)
{
    mcr_curl_loop *l = self;
    if ((size_t)fd < l->n_sockets && l->sockets[fd]) {
        ev_io_stop(l->loop, &l->sockets[fd]->io);
        l->sockets[fd]->fresh = true;
    }
    return close(fd);
}

static int on_timeout_set(CURLM *multi, long ms, void *self)
{
    (void)multi;
    mcr_curl_loop *l = self;
    ev_timer_stop(l->loop, &l->timer);
    l->due = ms == 0;
    if (ms >= 0) {
        // With 0, too: whoever began the transfer may run after before_sleep.
        ev_timer_set(&l->timer, (double)ms / 1000, 0);
        ev_timer_start(l->loop, &l->timer);
    }
    return 0;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_curl_loop *l = timer->data;
    l->due = true;
}

static void start_reaping(mcr_curl_loop *l)
{
    ev_check_start(l->loop, &l->after_io);
    ev_prepare_start(l->loop, &l->before_sleep);
}

static void stop_reaping(mcr_curl_loop *l)
{
    ev_check_stop(l->loop, &l->after_io);
    ev_prepare_stop(l->loop, &l->before_sleep);
}

static void free_loop(mcr_curl_loop *l)
{
    curl_multi_cleanup(l->multi);
    stop_reaping(l);
    ev_timer_stop(l->loop, &l->timer);
    ev_timer_stop(l->loop, &l->no_sleep);
    for (size_t i = 0; i < l->n_sockets; i++) {
        if (l->sockets[i])
            ev_io_stop(l->loop, &l->sockets[i]->io);
        free(l->sockets[i]);
    }
    free(l->sockets);
    free(l);
}

static void ended(mcr_curl_loop *l, CURL *easy)
{
    curl_multi_remove_handle(l->multi, easy);
    l->ended++;
    if (--l->under_way == 0)
        stop_reaping(l);
}

// Ends what is over; false when `l` is gone after that.
static bool reap(mcr_curl_loop *l)
{
    l->reaping = true;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(l->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        char *self = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
        ended(l, easy);
        l->done(self, easy, code);
    }
    l->reaping = false;
    if (l->retired && l->under_way == 0) {
        free_loop(l);
        return false;
    }
    return true;
}

// After all io of this turn of the loop, so that who runs it turn by turn (EVRUN_ONCE) sees what
// has ended before the next one sleeps.
static void after_io(struct ev_loop *loop, ev_check *check, int events)
{
    (void)loop;
    (void)events;
    reap(check->data);
}

static void on_no_sleep(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
}

static void before_sleep(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)loop;
    (void)events;
    mcr_curl_loop *l = prepare->data;
    if (!l->due)
        return;
    int running;
    l->due = false;
    ev_timer_stop(l->loop, &l->timer);
    curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    // What failed at once would wait for other io, and its user for the next turn.
    size_t before = l->ended;
    if (reap(l) && l->ended != before) {
        ev_timer_set(&l->no_sleep, 0, 0);
        ev_timer_start(l->loop, &l->no_sleep);
    }
}

mcr_curl_loop *mcr_curl_loop_new(struct ev_loop *loop, uint32_t connections,
                                 mcr_curl_loop_done *done)
{
    mcr_curl_loop *l = mcr_zalloc(sizeof *l);
    l->multi = curl_multi_init();
    if (!l->multi)
        abort(); // out of memory
    l->loop = loop;
    l->done = done;
    ev_check_init(&l->after_io, after_io);
    ev_set_priority(&l->after_io, EV_MINPRI);
    ev_prepare_init(&l->before_sleep, before_sleep);
    ev_timer_init(&l->timer, on_timer, 0, 0);
    ev_timer_init(&l->no_sleep, on_no_sleep, 0, 0);
    l->after_io.data = l->before_sleep.data = l->timer.data = l;
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    // With fewer connections kept than are in use, each request would make one of its own.
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
    return l;
}

void mcr_curl_loop_add(mcr_curl_loop *l, CURL *easy, void *self)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, self);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
    if (l->under_way++ == 0)
        start_reaping(l);
    curl_multi_add_handle(l->multi, easy);
}

void mcr_curl_loop_remove(mcr_curl_loop *l, CURL *easy)
{
    ended(l, easy);
    if (l->retired && l->under_way == 0 && !l->reaping)
        free_loop(l);
}

void mcr_curl_loop_retire(mcr_curl_loop *l)
{
    l->retired = true;
    if (l->under_way == 0 && !l->reaping)
        free_loop(l);
}
