#pragma once
// client-go's EventSinkImpl over its REST client (RECORD §6): events created and patched at a
// Kubernetes API server, one HTTP call after another for each event. What is asked for is what
// client-go asks for, byte for byte (JSON); what comes back is what it makes of the answer.
//
// On its loop's thread. Callbacks come from the loop, never from within create or patch.

#include "base/clock.h"
#include "event/event.h"
#include "net/credentials.h"
#include "net/http_client.h"
#include "net/kube_access.h"
#include "sink/write_error.h"

typedef struct mcr_kube_rest mcr_kube_rest;
typedef struct mcr_kube_call mcr_kube_call;

typedef struct mcr_kube_rest_options {
    const char *server;           // base URL; copied
    const char *namespace;        // the only one that is written to, as a client made for one;
                                  // borrowed; NULL: any
    mcr_http *http;               // borrowed
    mcr_credentials *credentials; // borrowed; NULL: no Authorization
    const char *impersonate;      // as whom to act (Impersonate-User); borrowed; NULL: as oneself
    const mcr_clock *clock;       // of the limiter; borrowed
    struct ev_loop *loop;
    double qps;         // requests a second, all tries counted; 0: no limit (client-go: 5)
    int burst;          // (client-go: 10)
    int retry_after;    // how often an answer with Retry-After is waited for and asked again inside
                        // a call (client-go: 10); 0: it is handed up at once
    int64_t timeout_ns; // of one request; 0: none, as client-go
    int64_t told_timeout_ns; // what the server is told of it ("?timeout=1s"), as client-go does
                             // with its configuration's Timeout; 0: nothing
    mcr_http_redirects redirects; // client-go: MCR_HTTP_REDIRECTS_GO
    // Hears of each wait for Retry-After and says how long to sleep instead (tests: 0). NULL: as
    // long as the server said.
    int64_t (*sleep)(void *self, int64_t ns);
    void *sleep_self;
} mcr_kube_rest_options;

mcr_kube_rest *mcr_kube_rest_new(const mcr_kube_rest_options *options);

// mcr_kube_rest_free cancels all calls (no callback).
void mcr_kube_rest_free(mcr_kube_rest *rest);

// What came of a call, borrowed for the callback.
typedef struct mcr_kube_result {
    bool ok;
    const mcr_event *answer;  // when ok: the event as the server has it; may be an empty one
    mcr_write_error error;    // when not: as client-go would see it
    int http_status;          // 0: no answer
    int64_t retry_after_ns;   // the server's Retry-After, whatever the status; -1: none
    mcr_http_outcome outcome; // how the last request ended
    // The request may have reached the server although no answer says so: what it asked for may be
    // done.
    bool unsure;
} mcr_kube_result;

typedef void mcr_kube_done(void *self, const mcr_kube_result *result);

// mcr_kube_create posts `ev` (held until done) as client-go encodes it, without resourceVersion.
mcr_kube_call *mcr_kube_create(mcr_kube_rest *rest, mcr_event *ev, mcr_kube_done *done, void *self);

// mcr_kube_patch sends a strategic merge patch of `ev`'s name and namespace; `patch` is copied.
mcr_kube_call *mcr_kube_patch(mcr_kube_rest *rest, mcr_event *ev, mcr_str patch,
                              mcr_kube_done *done, void *self);

// mcr_kube_cancel ends a call without its callback; the request may have been done.
void mcr_kube_cancel(mcr_kube_call *call);
