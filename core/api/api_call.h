#pragma once
// One request on its way through the server: loop's thread, store's thread, loop's thread, answer.
// The inside of api/; nobody else includes this.

#include <ev.h>
#include <pthread.h>

#include "api/api_faults.h"
#include "api/api_request.h"
#include "api/api_server.h"
#include "net/http_server.h"
#include "store/store.h"

typedef struct mcr_api_call mcr_api_call;

struct mcr_api_call {
    mcr_store_work work; // first: the store hands it back
    mcr_api_server *server;
    mcr_exchange *exchange;
    mcr_api_request request;
    const char *content_type; // of the request; NULL: none
    const char *user_agent;
    mcr_str body;
    mcr_api_fault fault;
    ev_timer delay;
    mcr_api_call **held; // while it waits for `delay`: what points to it in the server's list
    mcr_exchange_reply reply;
    mcr_buf headers; // of the reply, "Name: value\n" each
    bool ran;        // the store has called `run`
    // Inside the transaction; false takes its changes back. Fills the reply or `state`.
    bool (*run)(mcr_api_call *call, mcr_store_tx *tx);
    void (*finish)(mcr_api_call *call); // then, on the loop's thread; NULL: the reply is there
    void *state;                        // of whoever handles it
    void (*free_state)(void *state);
    mcr_api_call *next; // in the server's list of done or held ones
};

// A watch's work comes back to the loop the same way.
typedef struct mcr_api_handback {
    void (*back)(struct mcr_api_handback *h); // on the loop's thread
    struct mcr_api_handback *next;
} mcr_api_handback;

typedef struct mcr_api_watch mcr_api_watch;

struct mcr_api_server {
    struct ev_loop *loop;
    mcr_store *store;
    mcr_http_server *http;
    mcr_api_faults faults;
    mcr_random random;
    ev_async wake;
    pthread_mutex_t lock;   // of what other threads bring
    mcr_api_call *done;     // newest first
    mcr_api_handback *back; // newest first
    bool changed;           // the store
    mcr_api_watch *watches;
    mcr_api_call *held; // by the latency fault
    uint64_t calls;     // under way
    bool stopping;
};

// mcr_api_call_store sends a call to the store; its `run` is set. When the store takes no more, the
// call is answered 429.
void mcr_api_call_store(mcr_api_call *call);

// mcr_api_call_answer sends the reply and frees the call.
void mcr_api_call_answer(mcr_api_call *call);

// mcr_api_call_drop frees a call whose exchange is somebody else's now (a watch's).
void mcr_api_call_drop(mcr_api_call *call);

// mcr_api_server_hand_back brings `h` to the loop's thread; any thread.
void mcr_api_server_hand_back(mcr_api_server *s, mcr_api_handback *h);

// Handlers, each ends in mcr_api_call_answer, now or later.
void mcr_api_list(mcr_api_call *call);              // api_list.c
void mcr_api_get(mcr_api_call *call);               // api_list.c
void mcr_api_create(mcr_api_call *call);            // api_write.c
void mcr_api_update(mcr_api_call *call);            // api_write.c
void mcr_api_patch(mcr_api_call *call);             // api_write.c
void mcr_api_delete(mcr_api_call *call);            // api_remove.c
void mcr_api_delete_collection(mcr_api_call *call); // api_remove.c
void mcr_api_watch_begin(mcr_api_call *call);       // api_watch.c

// mcr_api_watches_poke: the store has changed.
void mcr_api_watches_poke(mcr_api_server *s);

// mcr_api_watches_end ends all, after what they have.
void mcr_api_watches_end(mcr_api_server *s);
