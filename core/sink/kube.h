#pragma once
// The sink "kube": events go to a Kubernetes API server, new ones by POST, repeats by PATCH, as
// client-go's recorder writes them. What is asked of the server is the same under both policies:
// names, bodies, patches, and the POST that follows a PATCH answered 404. They differ in when.
//
// All that the default policy does otherwise than client-go, and the option that says how much, is
// listed in README.md, "What differs from client-go"; tests/unit/cli/manual_test.c compares that
// table with the options.

#include "base/clock.h"
#include "base/random.h"
#include "net/credentials.h"
#include "net/http_client.h"
#include "net/kube_access.h"
#include "sink/deliveries.h"
#include "sink/kube_rest.h"
#include "sink/sink.h"

// The statuses that are tried again when the configuration says nothing.
#define MCR_KUBE_AGAIN "3xx 401 408 425 429 5xx"

// What is not said is below 0 until the kind's settle sets it as the policy has it.
typedef struct mcr_kube_options {
    mcr_kube_access_options access;
    int policy;               // MCR_KUBE_DEFAULT …
    int64_t max_in_flight;    // requests under way at once
    int64_t queue;            // events
    int64_t attempts;         // of an event
    int64_t wait;             // ns
    int64_t max_wait;         // ns
    int64_t deadline;         // ns; 0: none
    double jitter;            // how much of a wait is random
    int64_t conflicts;        // tries of an event that may end in a Conflict
    int already_exists;       // MCR_KUBE_ACCEPT …
    bool fit;                 // what the server would refuse is changed (sink/kube_fit.h)
    bool merge;               // repeats that wait become one
    mcr_option_list statuses; // of answers that are tried again; empty: MCR_KUBE_AGAIN
    int64_t timeout;          // ns of one request; 0: none
    double rate;              // requests a second; 0: no limit
    int64_t burst;
    bool http2;
    bool settled; // no option: nothing is left to the policy
    // No options: tests say what time it is and what chance brings. NULL: the machine's.
    const mcr_clock *clock; // only differences count
    const mcr_random *random;
} mcr_kube_options;

typedef struct mcr_kube mcr_kube;

// What one policy is: when and how often the requests are made. All on the loop's thread.
typedef struct mcr_kube_policy {
    // Sets what is the policy's of how requests are made: limits, waits, redirects.
    void (*set_rest)(const mcr_kube_options *options, mcr_kube_rest_options *rest);
    // Makes kube->state; kube->rest and the sink's hooks are there.
    void (*start)(mcr_kube *kube);
    size_t (*room)(const mcr_kube *kube);
    // The events have been counted assigned and in_flight.
    void (*write)(mcr_kube *kube, mcr_event *const *events, size_t n);
    void (*drain)(mcr_kube *kube);
    // Does what is due by kube->clock; for tests: at work, the policy's own timer does it. NULL: it
    // goes by the loop alone.
    void (*tick)(mcr_kube *kube);
    // Settles what is left (gave_up), cancels, frees kube->state.
    void (*stop)(mcr_kube *kube);
    // Side counters (sink.h). NULL: none.
    void (*each_note)(const mcr_kube *kube, mcr_sink_note *note, void *arg);
} mcr_kube_policy;

extern const mcr_kube_policy mcr_kube_policy_default;   // kube_default.c
extern const mcr_kube_policy mcr_kube_policy_client_go; // kube_client_go.c

// The choices of the option `policy`.
enum {
    MCR_KUBE_DEFAULT,
    MCR_KUBE_CLIENT_GO
};

// Those of `already_exists`.
enum {
    MCR_KUBE_ACCEPT,
    MCR_KUBE_REFUSE
};

typedef struct mcr_kube_note {
    const char *name;
    uint64_t n;
} mcr_kube_note;

// One sink. Made by open; what comes below `policy` by start.
struct mcr_kube {
    mcr_sink sink;
    mcr_kube_options settled;        // the owner's, with what follows from the policy
    const mcr_kube_options *options; // settled
    mcr_kube_access *access;
    const mcr_kube_policy *policy;
    struct ev_loop *loop; // NULL: not started
    const mcr_clock *clock;
    const mcr_random *random;
    mcr_http *http; // NULL: could not be made, see `broken`
    mcr_credentials *credentials;
    mcr_kube_rest *rest;
    void *state;
    mcr_errbuf broken;         // why nothing can be sent
    mcr_kube_note *last_notes; // the side counters as they were at stop
    uint32_t last_note_n;
};
