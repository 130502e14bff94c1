#include "api/api_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_call.h"
#include "api/api_discovery.h"
#include "api/api_reply.h"
#include "base/alloc.h"
#include "base/log.h"

#define NO_SUCH_RESOURCE "the server could not find the requested resource"
#define NO_SUCH_METHOD   "the server does not allow this method on the requested resource"
#define TOO_MANY         "Too many requests, please try again later."

//
// Calls
//

static mcr_api_call *new_call(mcr_api_server *s, mcr_exchange *x)
{
    mcr_api_call *call = mcr_zalloc(sizeof *call);
    mcr_str accept = { 0 }, agent = { 0 }, type = { 0 };
    mcr_exchange_header(x, "Accept", &accept);
    if (mcr_exchange_header(x, "User-Agent", &agent))
        call->user_agent = agent.ptr;
    if (mcr_exchange_header(x, "Content-Type", &type))
        call->content_type = type.ptr;
    call->server = s;
    call->exchange = x;
    call->body = mcr_exchange_body(x);
    mcr_api_request_parse(&call->request, mcr_exchange_method(x).ptr, mcr_exchange_target(x),
                          accept.ptr, agent.ptr);
    s->calls++;
    return call;
}

void mcr_api_call_drop(mcr_api_call *call)
{
    call->server->calls--;
    mcr_api_request_fini(&call->request);
    mcr_buf_fini(&call->reply.body);
    mcr_buf_fini(&call->headers);
    if (call->free_state)
        call->free_state(call->state);
    free(call);
}

void mcr_api_call_answer(mcr_api_call *call)
{
    static const mcr_answer_damage damages[] = {
        [MCR_API_FAULT_LOST] = MCR_DAMAGE_RESET,
        [MCR_API_FAULT_HALF] = MCR_DAMAGE_HALF,
        [MCR_API_FAULT_RESET] = MCR_DAMAGE_RESET,
        [MCR_API_FAULT_CLOSE] = MCR_DAMAGE_CLOSE,
    };
    if (call->fault.kind && call->fault.kind != MCR_API_FAULT_STATUS)
        call->reply.damage = damages[call->fault.kind];
    mcr_api_reply_header(call, "Cache-Control", "no-cache, private");
    call->reply.headers = mcr_buf_cstr(&call->headers);
    mcr_exchange_answer(call->exchange, &call->reply);
    mcr_api_call_drop(call);
}

static bool run_work(mcr_store_work *work, mcr_store_tx *tx)
{
    mcr_api_call *call = (mcr_api_call *)work;
    call->ran = true;
    return call->run(call, tx);
}

static void work_done(mcr_store_work *work, mcr_err result, const mcr_errbuf *err)
{
    mcr_api_call *call = (mcr_api_call *)work;
    mcr_api_server *s = call->server;
    if (result) {
        call->finish = NULL;
        mcr_buf_fini(&call->headers);
        mcr_api_reply_status(call, 500, "InternalError", NULL, "Internal error occurred: %s",
                             err->text);
    }
    pthread_mutex_lock(&s->lock);
    call->next = s->done;
    s->done = call;
    pthread_mutex_unlock(&s->lock);
    ev_async_send(s->loop, &s->wake);
}

void mcr_api_call_store(mcr_api_call *call)
{
    call->work.run = run_work;
    call->work.done = work_done;
    if (mcr_store_do(call->server->store, &call->work))
        return;
    mcr_api_reply_text(call, 429, TOO_MANY);
    mcr_api_reply_header(call, "Retry-After", "1");
    mcr_api_call_answer(call);
}

//
// What other threads bring
//

void mcr_api_server_hand_back(mcr_api_server *s, mcr_api_handback *h)
{
    pthread_mutex_lock(&s->lock);
    h->next = s->back;
    s->back = h;
    pthread_mutex_unlock(&s->lock);
    ev_async_send(s->loop, &s->wake);
}

static void on_change(void *self)
{
    mcr_api_server *s = self;
    pthread_mutex_lock(&s->lock);
    s->changed = true;
    pthread_mutex_unlock(&s->lock);
    ev_async_send(s->loop, &s->wake);
}

static mcr_api_call *reverse_calls(mcr_api_call *call)
{
    mcr_api_call *first = NULL;
    while (call) {
        mcr_api_call *next = call->next;
        call->next = first;
        first = call;
        call = next;
    }
    return first;
}

static void take_brought(mcr_api_server *s)
{
    pthread_mutex_lock(&s->lock);
    mcr_api_call *done = reverse_calls(s->done);
    mcr_api_handback *back = s->back;
    bool changed = s->changed;
    s->done = NULL;
    s->back = NULL;
    s->changed = false;
    pthread_mutex_unlock(&s->lock);
    while (done) {
        mcr_api_call *call = done;
        done = call->next;
        if (call->finish)
            call->finish(call);
        else
            mcr_api_call_answer(call);
    }
    while (back) {
        mcr_api_handback *h = back;
        back = h->next;
        h->back(h);
    }
    if (changed)
        mcr_api_watches_poke(s);
}

static void on_wake(struct ev_loop *loop, ev_async *async, int events)
{
    (void)loop;
    (void)events;
    take_brought(async->data);
}

//
// Requests
//

static void answer_faults(mcr_api_call *call)
{
    mcr_api_server *s = call->server;
    mcr_errbuf err;
    if (strcmp(call->request.method, "PUT") == 0 &&
        mcr_api_faults_parse(&s->faults, call->body, &err) != MCR_OK) {
        mcr_api_reply_status(call, 400, "BadRequest", NULL, "%s", err.text);
    } else {
        mcr_api_reply_text(call, 200, "");
        mcr_api_faults_write(&call->reply.body, &s->faults);
        mcr_buf_putc(&call->reply.body, '\n');
    }
    mcr_api_call_answer(call);
}

static void answer_discovery(mcr_api_call *call)
{
    int status = 404;
    const char *type = NULL;
    bool reading =
        strcmp(call->request.method, "GET") == 0 || strcmp(call->request.method, "HEAD") == 0;
    if (!reading || !mcr_api_discovery(&call->request, !call->server->stopping, &status, &type,
                                       &call->reply.body)) {
        mcr_api_reply_text(call, 404, "404 page not found\n");
    } else {
        call->reply.status = status;
        call->reply.content_type = type;
    }
    mcr_api_call_answer(call);
}

static bool is_duration(const char *text)
{
    // Go's: "1m30s", "1.5h", "0"; parts of a number and a unit each.
    static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
    if (strcmp(text, "0") == 0)
        return true;
    text += strspn(text, "+-") == 1;
    do {
        size_t digits = strspn(text, "0123456789."), unit = 0, found = 0;
        text += digits;
        for (; unit < sizeof units / sizeof *units && !found; unit++)
            if (strncmp(text, units[unit], strlen(units[unit])) == 0)
                found = strlen(units[unit]);
        if (!digits || !found)
            return false;
        text += found;
    } while (*text);
    return true;
}

typedef void handler(mcr_api_call *call);

static handler *find_handler(const mcr_api_request *r)
{
    static const struct {
        const char *method;
        handler *collection;
        handler *item;
    } handlers[] = {
        { "GET", mcr_api_list, mcr_api_get },
        { "HEAD", mcr_api_list, mcr_api_get },
        { "POST", mcr_api_create, NULL },
        { "PUT", NULL, mcr_api_update },
        { "PATCH", NULL, mcr_api_patch },
        { "DELETE", mcr_api_delete_collection, mcr_api_delete },
    };
    if (r->watch)
        return strcmp(r->method, "GET") == 0 ? mcr_api_watch_begin : NULL;
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (strcmp(r->method, handlers[i].method) != 0)
            continue;
        if (!*r->namespace && strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
            return NULL; // of all namespaces there is only the list
        return *r->name ? handlers[i].item : handlers[i].collection;
    }
    return NULL;
}

static void dispatch(mcr_api_call *call)
{
    switch (call->request.place) {
    case MCR_API_PLACE_FAULTS:
        answer_faults(call);
        return;
    case MCR_API_PLACE_DISCOVERY:
        answer_discovery(call);
        return;
    case MCR_API_PLACE_NO_RESOURCE:
        mcr_api_reply_status(call, 404, "NotFound", "{}", NO_SUCH_RESOURCE);
        mcr_api_call_answer(call);
        return;
    case MCR_API_PLACE_EVENTS:
        break;
    }
    handler *handle = find_handler(&call->request);
    const char *timeout = mcr_api_param_get(&call->request, "timeout");
    if (timeout && *timeout && !is_duration(timeout))
        mcr_api_reply_status(call, 400, "BadRequest", NULL,
                             "invalid timeout specified in the request URL - time: invalid "
                             "duration \"%s\"",
                             timeout);
    else if (!handle)
        mcr_api_reply_status(call, 405, "MethodNotAllowed", "{}", NO_SUCH_METHOD);
    else if (call->request.form == MCR_API_FORM_NONE)
        mcr_api_reply_status(call, 406, "NotAcceptable", "{}",
                             "406: Not Acceptable\n\nAvailable representations: application/json");
    else if (call->request.form == MCR_API_FORM_TABLE_UNKNOWN)
        mcr_api_reply_status(call, 400, "BadRequest", NULL,
                             "Unable to convert to Table as requested: includeObject: Invalid "
                             "value: \"%s\": must be 'Metadata', 'Object', 'None', or empty",
                             mcr_api_param_get(&call->request, "includeObject"));
    if (call->reply.status || !handle)
        mcr_api_call_answer(call);
    else
        handle(call);
}

// Answers as the fault says, before anything is done. False: it is done all the same.
static bool spoil(mcr_api_call *call)
{
    char seconds[16];
    switch (call->fault.kind) {
    case MCR_API_FAULT_RESET:
    case MCR_API_FAULT_CLOSE:
        break;
    case MCR_API_FAULT_STATUS:
        mcr_api_reply_status(call, call->fault.status,
                             call->fault.status == 429 ? "TooManyRequests" : "InternalError", NULL,
                             "this request was spoilt by the fault switch");
        if (call->fault.retry_after >= 0) {
            snprintf(seconds, sizeof seconds, "%d", call->fault.retry_after);
            mcr_api_reply_header(call, "Retry-After", seconds);
        }
        break;
    default:
        return false;
    }
    mcr_api_call_answer(call);
    return true;
}

static void release(mcr_api_call *call)
{
    ev_timer_stop(call->server->loop, &call->delay);
    *call->held = call->next;
    if (call->next)
        call->next->held = call->held;
    call->held = NULL;
    call->next = NULL;
}

static void on_delay_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_api_call *call = timer->data;
    release(call);
    if (!spoil(call))
        dispatch(call);
}

static void hold(mcr_api_call *call)
{
    mcr_api_server *s = call->server;
    call->held = &s->held;
    call->next = s->held;
    if (call->next)
        call->next->held = &call->next;
    s->held = call;
    ev_timer_init(&call->delay, on_delay_over, (double)call->fault.delay_ns / 1e9, 0);
    call->delay.data = call;
    ev_now_update(s->loop);
    ev_timer_start(s->loop, &call->delay);
}

// At the end: there is no store any more to do what they ask for.
static void cut_held(mcr_api_server *s)
{
    mcr_api_call *call = s->held;
    s->held = NULL;
    while (call) {
        mcr_api_call *next = call->next;
        ev_timer_stop(s->loop, &call->delay);
        call->fault.kind = MCR_API_FAULT_CLOSE;
        mcr_api_call_answer(call);
        call = next;
    }
}

static void on_request(void *self, mcr_exchange *x)
{
    mcr_api_server *s = self;
    mcr_api_call *call = new_call(s, x);
    if (call->request.place != MCR_API_PLACE_FAULTS)
        call->fault = mcr_api_faults_decide(&s->faults, call->request.method, &s->random);
    if (call->fault.delay_ns)
        hold(call);
    else if (!spoil(call))
        dispatch(call);
}

static void on_too_large(void *self, mcr_exchange *x)
{
    mcr_api_call *call = new_call(self, x);
    mcr_api_reply_status(call, 413, "RequestEntityTooLarge", NULL,
                         "Request entity too large: limit is 3145728");
    mcr_api_call_answer(call);
}

//
// Life
//

mcr_api_server *mcr_api_server_new(struct ev_loop *loop, mcr_store *store,
                                   const mcr_api_server_options *options, mcr_errbuf *err)
{
    mcr_api_server *s = mcr_zalloc(sizeof *s);
    s->loop = loop;
    s->store = store;
    s->random = mcr_random_system;
    pthread_mutex_init(&s->lock, NULL);
    ev_async_init(&s->wake, on_wake);
    s->wake.data = s;
    if (mcr_api_faults_parse(&s->faults, mcr_str_of(options->faults), err) == MCR_OK) {
        const mcr_http_server_options http = {
            .listen = options->listen,
            .connections = options->connections,
            .request = on_request,
            .too_large = on_too_large,
            .self = s,
        };
        s->http = mcr_http_server_new(loop, &http, err);
    }
    if (!s->http) {
        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
    }
    ev_async_start(loop, &s->wake);
    mcr_store_on_change(store, on_change, s);
    return s;
}

const char *mcr_api_server_address(const mcr_api_server *s)
{
    return mcr_http_server_address(s->http);
}

void mcr_api_server_stop(mcr_api_server *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    mcr_http_server_quiesce(s->http);
    mcr_api_watches_end(s);
}

bool mcr_api_server_idle(const mcr_api_server *s)
{
    return s->calls == 0 && mcr_http_server_counts_now(s->http).exchanges == 0;
}

void mcr_api_server_free(mcr_api_server *s)
{
    if (!s)
        return;
    mcr_api_server_stop(s);
    cut_held(s);
    take_brought(s);
    mcr_http_server_free(s->http);
    take_brought(s);
    ev_async_stop(s->loop, &s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
