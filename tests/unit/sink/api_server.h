#pragma once
// A scripted API server that keeps events, by name, and answers as one does: 201, 200, 404, 409. A
// test says which requests go wrong, and how.

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/scripted_server.h"

enum {
    KEPT_MOST = 16384
};

typedef struct kept {
    char *name;
    int count;
    int asked; // requests about it
} kept;

typedef struct api_server {
    scripted_server *server;
    pthread_mutex_t lock; // of all below
    kept *events;         // a table by hash of the name
    int n;
    int requests;
    int out_of_order; // requests that told of a lower count than is there
    char token[64];   // that is asked for; "": none
    // Says that this request goes wrong: `reply` is filled. `done`: it is done all the same, only
    // the answer is lost. NULL: all goes well. With the lock held.
    bool (*fault)(struct api_server *api, const scripted_request *request, int number,
                  scripted_reply *reply, bool *done);
    int fault_number;
    int fault_status; // 0: fault_reply
    const char *fault_reason;
    scripted_reply fault_reply;
    bool fault_done;
} api_server;

static inline kept *find_kept(api_server *api, const char *name)
{
    size_t at = 5381;
    for (const char *c = name; *c; c++)
        at = at * 33 + (unsigned char)*c;
    for (at %= KEPT_MOST; api->events[at].name; at = (at + 1) % KEPT_MOST)
        if (strcmp(api->events[at].name, name) == 0)
            break;
    return &api->events[at];
}

// Room for the body of a reply: handlers run one at a time, a request makes two replies at most
// (the one that is sent and the one that is lost), and what is sent is copied.
static inline char *reply_room(void)
{
    static char bodies[2][512];
    static int next;
    return bodies[next++ % 2];
}

static inline void reply_status(scripted_reply *reply, int code, const char *reason)
{
    char *body = reply_room();
    int len = snprintf(body, 512,
                       "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
                       "\"Failure\",\"message\":\"the test says %d\",\"reason\":\"%s\",\"code\":%d}"
                       "\n",
                       code, reason, code);
    *reply = (scripted_reply){ .status = code,
                               .headers = "Content-Type: application/json\n",
                               .body = mcr_str_n(body, (size_t)len) };
}

static inline void reply_event(scripted_reply *reply, int code, const char *name, int count)
{
    char *body = reply_room();
    int len = snprintf(body, 512,
                       "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\","
                       "\"namespace\":\"default\",\"resourceVersion\":\"7\"},\"count\":%d}\n",
                       name, count);
    *reply = (scripted_reply){ .status = code,
                               .headers = "Content-Type: application/json\n",
                               .body = mcr_str_n(body, (size_t)len) };
}

static inline void copy_until(const char *from, const char *ends, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)strcspn(from, ends), from);
}

// The value of "key": in the body, up to the next quote or comma; "" when it is not there.
static inline void body_value(const scripted_request *request, const char *key, char *out,
                              size_t size)
{
    out[0] = '\0';
    const char *at = strstr(request->body, key);
    if (!at)
        return;
    copy_until(at + strlen(key), "\",}", out, size);
}

static inline bool is_authorized(const api_server *api, const scripted_request *request)
{
    char expected[80], value[256];
    snprintf(expected, sizeof expected, "Bearer %s", api->token);
    return !api->token[0] ||
           (scripted_request_header(request, "Authorization", value, sizeof value) &&
            strcmp(value, expected) == 0);
}

static inline void do_request(api_server *api, const scripted_request *request,
                              scripted_reply *reply)
{
    char name[128], count_text[16];
    body_value(request, "\"count\":", count_text, sizeof count_text);
    int count = atoi(count_text);
    bool is_post = strcmp(request->method, "POST") == 0;
    if (is_post)
        body_value(request, "\"metadata\":{\"name\":\"", name, sizeof name);
    else
        copy_until(strrchr(request->uri, '/') + 1, "?", name, sizeof name);
    kept *k = find_kept(api, name);
    if (is_post && k->name) {
        reply_status(reply, 409, "AlreadyExists");
        return;
    }
    if (!is_post && !k->name) {
        reply_status(reply, 404, "NotFound");
        return;
    }
    if (!k->name) {
        k->name = mcr_strdup(name);
        api->n++;
    }
    api->out_of_order += count < k->count;
    k->count = count;
    k->asked++;
    reply_event(reply, is_post ? 201 : 200, name, count);
}

static inline void on_request(void *self, const scripted_request *request, scripted_reply *reply)
{
    api_server *api = self;
    pthread_mutex_lock(&api->lock);
    int number = api->requests++;
    bool done = false;
    if (!is_authorized(api, request)) {
        reply_status(reply, 401, "Unauthorized");
    } else if (api->fault && api->fault(api, request, number, reply, &done)) {
        scripted_reply unseen;
        if (done)
            do_request(api, request, &unseen);
    } else {
        do_request(api, request, reply);
    }
    pthread_mutex_unlock(&api->lock);
}

static inline void api_server_init(api_server *api, const scripted_tls *tls)
{
    *api = (api_server){ .events = mcr_zalloc(KEPT_MOST * sizeof(kept)) };
    pthread_mutex_init(&api->lock, NULL);
    api->server = scripted_server_new(tls);
    scripted_server_handle(api->server, on_request, api);
}

static inline void api_server_fini(api_server *api)
{
    scripted_server_free(api->server);
    for (int i = 0; i < KEPT_MOST; i++)
        free(api->events[i].name);
    free(api->events);
    pthread_mutex_destroy(&api->lock);
}

// What the server has of an event: its count; 0: it is not there.
static inline int api_server_count(api_server *api, const char *name)
{
    pthread_mutex_lock(&api->lock);
    int count = find_kept(api, name)->count;
    pthread_mutex_unlock(&api->lock);
    return count;
}

static inline int api_server_requests(api_server *api)
{
    pthread_mutex_lock(&api->lock);
    int n = api->requests;
    pthread_mutex_unlock(&api->lock);
    return n;
}
