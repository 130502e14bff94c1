#pragma once
// The vote of all hosts on a reload: each comes to it between two batches, prepares, says yes or
// no, and waits until it is decided for all of them. Nothing flows through a host meanwhile; its
// rings buffer.
//
// A ballot is shared by the hosts and who called it; the last of them to leave frees it, so that a
// host that comes too late finds one that is decided.

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "broadcast/host.h"

typedef enum mcr_verdict_of_all {
    MCR_BALLOT_OPEN,
    MCR_BALLOT_SWITCH, // every host carries it out before it works on
    MCR_BALLOT_RESUME  // everything stays as it was
} mcr_verdict_of_all;

typedef struct mcr_ballot mcr_ballot;

// What one host does, on its thread. `prepare` may refuse with a sentence; then or otherwise
// `conclude` is called once all is decided.
typedef struct mcr_ballot_hooks {
    mcr_err (*prepare)(void *self, mcr_host *host, mcr_errbuf *err);
    void (*conclude)(void *self, mcr_host *host, bool switched);
    // The last vote came, or a refusal, or the last host has left. Any thread; it may only wake
    // somebody who looks.
    mcr_wake *changed;
    void *self;
} mcr_ballot_hooks;

// mcr_ballot_call asks the hosts. `hooks` is copied; `hooks->self` must live until
// mcr_ballot_is_over. A host that has ended votes for nothing.
mcr_ballot *mcr_ballot_call(const mcr_ballot_hooks *hooks, mcr_host *const *hosts, uint32_t n);

// mcr_ballot_is_complete says whether every host has voted; *refused whether one of them said no,
// and then `why` is what it said.
bool mcr_ballot_is_complete(mcr_ballot *b, bool *refused, mcr_errbuf *why);

// mcr_ballot_decide ends the wait of all hosts. False: it is decided, since a host has waited for
// MCR_BALLOT_PATIENCE_S; everything stays as it was.
bool mcr_ballot_decide(mcr_ballot *b, mcr_verdict_of_all verdict);

enum {
    MCR_BALLOT_PATIENCE_S = 10 // more than the caller's own
};

// mcr_ballot_is_over says whether no host is in it any more, and none will call a hook.
bool mcr_ballot_is_over(mcr_ballot *b);

// mcr_ballot_leave is the caller's good-bye, after it was decided.
void mcr_ballot_leave(mcr_ballot *b);
