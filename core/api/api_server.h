#pragma once
// The Kubernetes events API over an event store: core/v1 and events.k8s.io/v1 as two views of the
// same objects, for kubectl and client libraries. No authentication: it listens on loopback unless
// told otherwise, and whoever reaches it may do everything. Every namespace exists.
//
// All calls and callbacks on the loop's thread; work on the store runs on the store's.

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

struct ev_loop;

typedef struct mcr_api_server mcr_api_server;

typedef struct mcr_api_server_options {
    const char *listen;   // "127.0.0.1:8901"; port 0: the system's choice
    uint32_t connections; // at once; 0: 1000
    const char *faults;   // what it does wrong on purpose (api_faults.h); NULL: nothing
} mcr_api_server_options;

// mcr_api_server_new serves `store`, whose change listener it becomes, as soon as the loop runs.
// NULL with a sentence.
mcr_api_server *mcr_api_server_new(struct ev_loop *loop, mcr_store *store,
                                   const mcr_api_server_options *options, mcr_errbuf *err);

// mcr_api_server_address is where it listens: "127.0.0.1:8901".
const char *mcr_api_server_address(const mcr_api_server *s);

// mcr_api_server_stop takes no more connections and ends all watches cleanly; requests under way
// are answered. Run the loop until mcr_api_server_idle, or until patience ends.
void mcr_api_server_stop(mcr_api_server *s);

// mcr_api_server_idle: nothing is under way any more.
bool mcr_api_server_idle(const mcr_api_server *s);

// mcr_api_server_free closes all connections and frees. The store must have been closed before:
// work of the server may wait in it. NULL is fine.
void mcr_api_server_free(mcr_api_server *s);
