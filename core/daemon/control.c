#include "daemon/control.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/control_listen.h"
#include "daemon/control_tap.h"
#include "event/encode.h"

#define REQUEST_S 60. // for a whole request
#define ANSWER_S  30. // without a byte being read
#define REST_S    1.  // before the next try when there are no descriptors

enum {
    TAP_BYTES = 256 << 10 // sent of a tap at a time
};

typedef struct client {
    struct client *next;
    struct client *prev;
    mcr_control *control;
    int fd; // -1: gone
    ev_io in, out;
    ev_timer deadline;
    mcr_buf asked;
    mcr_buf answer;
    size_t sent;          // of `answer`
    bool waiting;         // for what it has asked last
    bool serving;         // serve() goes on after an answer
    bool ended;           // it sends nothing more
    bool closing;         // after its answer
    mcr_control_tap *tap; // NULL: it taps nothing
    ev_timer look;        // at the tap
} client;

struct mcr_control {
    struct ev_loop *loop;
    mcr_live *live;
    char *path;
    mcr_control_listener listener;
    ev_io accepting;
    ev_timer rest;
    client *clients;
    uint32_t n;
};

static void discard(client *cl)
{
    mcr_buf_fini(&cl->asked);
    mcr_buf_fini(&cl->answer);
    free(cl);
}

static void hang_up(client *cl)
{
    mcr_control *c = cl->control;
    if (cl->fd >= 0) {
        ev_io_stop(c->loop, &cl->in);
        ev_io_stop(c->loop, &cl->out);
        ev_timer_stop(c->loop, &cl->deadline);
        ev_timer_stop(c->loop, &cl->look);
        mcr_control_tap_free(cl->tap);
        cl->tap = NULL;
        close(cl->fd);
        cl->fd = -1;
        c->n--;
        if (cl->next)
            cl->next->prev = cl->prev;
        *(cl->prev ? &cl->prev->next : &c->clients) = cl->next;
    }
    if (!cl->waiting) // else its answer will still come
        discard(cl);
}

static void expect(client *cl, ev_tstamp within)
{
    ev_timer_stop(cl->control->loop, &cl->deadline);
    if (within > 0) {
        ev_timer_set(&cl->deadline, within, 0);
        ev_timer_start(cl->control->loop, &cl->deadline);
    }
}

// Sends what there is to send. False: the client is gone.
static bool send_answer(client *cl)
{
    while (cl->sent < cl->answer.len) {
        ssize_t n = send(cl->fd, cl->answer.ptr + cl->sent, cl->answer.len - cl->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            cl->sent += (size_t)n;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            hang_up(cl);
            return false;
        }
        ev_io_start(cl->control->loop, &cl->out);
        expect(cl, ANSWER_S);
        return true;
    }
    ev_io_stop(cl->control->loop, &cl->out);
    cl->answer.len = cl->sent = 0;
    return true;
}

static void add_answer(client *cl, const mcr_live_answer *a)
{
    mcr_buf *out = &cl->answer;
    mcr_buf_printf(out, "{\"mooncrier\":%d,\"ok\":%s", MCR_CONTROL_VERSION,
                   a->ok ? "true" : "false");
    if (a->error) {
        mcr_buf_puts(out, ",\"error\":");
        mcr_json_string(out, mcr_str_of(a->error));
    }
    if (a->name) {
        mcr_buf_printf(out, ",\"%s\":", a->name);
        mcr_buf_add(out, a->value);
    }
    mcr_buf_puts(out, "}\n");
}

static void refuse(client *cl, const char *why)
{
    add_answer(cl, &(mcr_live_answer){ .error = why });
}

static void serve(client *cl);

static void on_answer(void *arg, const mcr_live_answer *answer)
{
    client *cl = arg;
    cl->waiting = false;
    if (cl->fd < 0) {
        discard(cl);
        return;
    }
    add_answer(cl, answer);
    if (!cl->serving)
        serve(cl);
}

static void start_tap(client *cl, const cJSON *json)
{
    mcr_errbuf err;
    mcr_buf described = { 0 };
    cl->tap = mcr_control_tap_new(cl->control->live->app, json, &err);
    if (!cl->tap) {
        refuse(cl, err.text);
        return;
    }
    mcr_control_tap_describe(cl->tap, &described);
    add_answer(cl,
               &(mcr_live_answer){ .ok = true, .name = "tap", .value = mcr_buf_str(&described) });
    mcr_buf_fini(&described);
    expect(cl, 0);
    double pause = mcr_control_tap_pause(cl->tap);
    ev_timer_set(&cl->look, pause, pause);
    ev_timer_start(cl->control->loop, &cl->look);
}

static void take_request(client *cl, const cJSON *json)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "mooncrier");
    const cJSON *request = cJSON_GetObjectItemCaseSensitive(json, "request");
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(json, "format");
    if (!cJSON_IsNumber(version) || !cJSON_IsString(request)) {
        refuse(cl, "a request is a line such as {\"mooncrier\":1,\"request\":\"status\"}");
        return;
    }
    if (version->valuedouble != MCR_CONTROL_VERSION) {
        refuse(cl, "this mooncrier speaks version 1 of the control protocol");
        return;
    }
    if (strcmp(request->valuestring, "tap") == 0) {
        start_tap(cl, json);
        return;
    }
    bool text = cJSON_IsString(format) && strcmp(format->valuestring, "text") == 0;
    cl->waiting = true;
    const cJSON *folder = cJSON_GetObjectItemCaseSensitive(json, "folder");
    const cJSON *watcher = cJSON_GetObjectItemCaseSensitive(json, "watcher");
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(json, "seconds");
    const mcr_live_request asked = {
        .name = request->valuestring,
        .who = "the control socket",
        .folder = cJSON_IsString(folder) ? folder->valuestring : NULL,
        .text = text,
        .watcher = cJSON_IsString(watcher) ? watcher->valuestring : NULL,
        .seconds = cJSON_IsNumber(seconds) ? seconds->valuedouble : 0,
        .jit = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "jit")),
    };
    mcr_live_ask(cl->control->live, &asked, on_answer, cl);
}

// Takes the next request out of what came; what is wrong with it is answered. False: there is no
// whole one yet.
static bool take_line(client *cl)
{
    const char *newline = cl->asked.len ? memchr(cl->asked.ptr, '\n', cl->asked.len) : NULL;
    size_t len = newline ? (size_t)(newline - cl->asked.ptr) : cl->asked.len;
    if (len > MCR_CONTROL_LINE) {
        refuse(cl, "a request is at most 65536 bytes long");
        cl->closing = true;
        return true;
    }
    if (!newline && !(cl->ended && len))
        return false;
    cJSON *json = cJSON_ParseWithLength(cl->asked.ptr, len);
    size_t taken = newline ? len + 1 : len;
    memmove(cl->asked.ptr, cl->asked.ptr + taken, cl->asked.len - taken);
    cl->asked.len -= taken;
    take_request(cl, json);
    cJSON_Delete(json);
    return true;
}

// Sends what a tap has noted, as far as the client takes it. What it sends itself is not read, but
// its end is.
static void serve_tap(client *cl)
{
    cl->asked.len = 0;
    if (cl->ended)
        ev_io_stop(cl->control->loop, &cl->in);
    if (!cl->answer.len && !cl->closing) {
        mcr_control_tap_write(cl->tap, &cl->answer, TAP_BYTES);
        if (cl->ended) {
            mcr_control_tap_write_counts(cl->tap, &cl->answer);
            cl->closing = true;
        }
    }
    bool was_late = ev_is_active(&cl->out);
    if (!send_answer(cl) || cl->answer.len)
        return;
    if (was_late)
        expect(cl, 0);
    if (cl->closing)
        hang_up(cl);
}

static void on_look(struct ev_loop *loop, ev_timer *look, int revents)
{
    (void)loop, (void)revents;
    client *cl = look->data;
    if (!cl->answer.len)
        serve_tap(cl);
}

// The program ends: the last that a tap has noted, and its counts, if the client takes them.
static void say_farewell(client *cl)
{
    int64_t deadline = mcr_clock_monotonic() + MCR_CONTROL_FAREWELL_MS * INT64_C(1000000);
    struct pollfd room = { .fd = cl->fd, .events = POLLOUT };
    mcr_control_tap_write(cl->tap, &cl->answer, SIZE_MAX);
    mcr_control_tap_write_counts(cl->tap, &cl->answer);
    int64_t left;
    while (cl->sent < cl->answer.len && (left = deadline - mcr_clock_monotonic()) > 0) {
        ssize_t n = send(cl->fd, cl->answer.ptr + cl->sent, cl->answer.len - cl->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            cl->sent += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            poll(&room, 1, (int)(left / 1000000) + 1);
        else if (n < 0 && errno != EINTR)
            return;
    }
}

// Works on what was asked, one request after the other, as far as that goes now.
static void serve(client *cl)
{
    struct ev_loop *loop = cl->control->loop;
    bool fresh = false;
    if (cl->tap) {
        serve_tap(cl);
        return;
    }
    cl->serving = true;
    ev_io_stop(loop, &cl->in);
    for (;;) {
        if (cl->waiting) {
            expect(cl, 0);
            break;
        }
        if (!send_answer(cl))
            return;
        if (cl->tap) {
            ev_io_start(loop, &cl->in);
            break;
        }
        if (cl->answer.len)
            break; // it must read first
        if (cl->closing) {
            hang_up(cl);
            return;
        }
        if (!take_line(cl)) {
            if (cl->ended) {
                hang_up(cl);
                return;
            }
            if (fresh)
                expect(cl, REQUEST_S);
            ev_io_start(loop, &cl->in);
            break;
        }
        fresh = true;
    }
    cl->serving = false;
}

static void on_readable(struct ev_loop *loop, ev_io *in, int revents)
{
    (void)loop, (void)revents;
    client *cl = in->data;
    while (cl->asked.len <= MCR_CONTROL_LINE) {
        ssize_t n = recv(cl->fd, mcr_buf_reserve(&cl->asked, 4096), 4096, MSG_DONTWAIT);
        if (n > 0) {
            cl->asked.len += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            hang_up(cl);
            return;
        }
        cl->ended = n == 0;
        break;
    }
    serve(cl);
}

static void on_writable(struct ev_loop *loop, ev_io *out, int revents)
{
    (void)loop, (void)revents;
    client *cl = out->data;
    expect(cl, ANSWER_S);
    serve(cl);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)revents;
    hang_up(timer->data);
}

static void add_client(mcr_control *c, int fd)
{
    client *cl = mcr_zalloc(sizeof *cl);
    *cl = (client){ .control = c, .fd = fd, .next = c->clients };
    if (c->clients)
        c->clients->prev = cl;
    c->clients = cl;
    ev_io_init(&cl->in, on_readable, fd, EV_READ);
    ev_io_init(&cl->out, on_writable, fd, EV_WRITE);
    ev_timer_init(&cl->deadline, on_deadline, REQUEST_S, 0);
    ev_init(&cl->look, on_look);
    cl->in.data = cl->out.data = cl->deadline.data = cl->look.data = cl;
    expect(cl, REQUEST_S);
    if (c->n++ < MCR_CONTROL_CLIENTS) {
        ev_io_start(c->loop, &cl->in);
        return;
    }
    refuse(cl, "too many clients are served; try again later");
    cl->closing = true;
    serve(cl);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)revents;
    mcr_control *c = io->data;
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        add_client(c, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        mcr_log_once_a_minute(MCR_LOG_WARN, "the control socket takes nobody for a moment: %s",
                              strerror(errno));
        ev_io_stop(loop, io);
        ev_timer_set(&c->rest, REST_S, 0);
        ev_timer_start(loop, &c->rest);
    }
}

static void on_rested(struct ev_loop *loop, ev_timer *rest, int revents)
{
    (void)revents;
    mcr_control *c = rest->data;
    ev_io_start(loop, &c->accepting);
}

mcr_control *mcr_control_new(struct ev_loop *loop, mcr_live *live, const char *path, mcr_err *code,
                             mcr_errbuf *err)
{
    mcr_control_listener listener;
    if ((*code = mcr_control_listen(path, &listener, err)))
        return NULL;
    mcr_control *c = mcr_zalloc(sizeof *c);
    *c = (mcr_control){ .loop = loop, .live = live, .listener = listener };
    c->path = mcr_strdup(path);
    ev_io_init(&c->accepting, on_connection, listener.fd, EV_READ);
    ev_timer_init(&c->rest, on_rested, REST_S, 0);
    c->accepting.data = c->rest.data = c;
    ev_io_start(loop, &c->accepting);
    return c;
}

void mcr_control_free(mcr_control *c)
{
    if (!c)
        return;
    for (client *cl = c->clients, *next; cl; cl = next) {
        next = cl->next;
        if (cl->tap)
            say_farewell(cl);
        hang_up(cl);
    }
    ev_io_stop(c->loop, &c->accepting);
    ev_timer_stop(c->loop, &c->rest);
    mcr_control_unlisten(c->path, &c->listener);
    free(c->path);
    free(c);
}
