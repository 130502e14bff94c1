#pragma once
// One change of the running parts that all hosts carry out, or none: what a reload (daemon/plan.h)
// or a shadow (daemon/shadowing.h) hands to the transaction (daemon/reload.h).

#include "broadcast/host.h"

typedef struct mcr_change {
    void *self; // NULL: there is none
    // Fills `hosts` with those that have a part in it (room for all of the app's) and returns how
    // many. Main thread.
    uint32_t (*hosts)(const void *self, mcr_host **hosts);
    // May refuse with a sentence; nothing is changed yet. Each host's thread, while all wait.
    mcr_err (*prepare)(void *self, const mcr_host *host, mcr_errbuf *err);
    // Each host's thread, when nobody has refused.
    void (*carry_out)(void *self, mcr_host *host);
    // The rest, once all hosts have carried it out. An error says what of it did not happen. Main
    // thread, as those below.
    mcr_err (*finish)(void *self, mcr_errbuf *err);
    // Appends what it changes, as a phrase or nothing.
    void (*describe)(const void *self, mcr_buf *out);
    // Frees what was not taken into use, or what was replaced.
    void (*free)(void *self);
} mcr_change;
