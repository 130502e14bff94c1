#pragma once
// The credentials of one kube_access at work: the Authorization header of the next request. Token
// files are read again when they change (a pod's token is exchanged every hour), exec plugins are
// run again when what they gave expires or the server said 401.
//
// Once a credential has expired or was refused, one plugin run serves all who wait. A credential
// that is seconds old is not dropped by mcr_credentials_refused: those are answers to requests that
// went out with the one before. What failed is told to everybody who asks within a second, and then
// tried again.
//
// On its loop's thread. A plugin runs as a child process, asynchronously, with a deadline; it is
// never waited for by blocking, and its standard error goes to ours.

#include "base/buf.h"
#include "base/clock.h"
#include "net/kube_access.h"

struct ev_loop;

typedef struct mcr_credentials mcr_credentials;

// mcr_credentials_new borrows `access` and `clock`, which must outlive it. `http` (borrowed) gets a
// plugin's client certificate by mcr_http_set_tls; NULL: such a certificate is an error.
mcr_credentials *mcr_credentials_new(const mcr_kube_access *access, struct ev_loop *loop,
                                     const mcr_clock *clock, mcr_http *http);

// mcr_credentials_free stops a plugin under way; no callback comes after.
void mcr_credentials_free(mcr_credentials *c);

typedef enum mcr_credentials_state {
    MCR_CREDENTIALS_READY, // `header` has the whole line, or nothing when none is needed
    MCR_CREDENTIALS_WAIT,  // a plugin is at work: `ready` will be called, once
    MCR_CREDENTIALS_FAILED // a file or plugin failed: a sentence in `err`; may be asked again
} mcr_credentials_state;

// mcr_credentials_get appends "Authorization: Bearer …" (or Basic) to `header`. With
// MCR_CREDENTIALS_WAIT, `ready(self)` is called from the loop when asking again is of use; asking
// twice for one `self` is one call.
mcr_credentials_state mcr_credentials_get(mcr_credentials *c, mcr_buf *header,
                                          void (*ready)(void *self), void *self, mcr_errbuf *err);

// mcr_credentials_refused: the server answered 401. What was cached is dropped, so that the next
// get reads the file or runs the plugin again.
void mcr_credentials_refused(mcr_credentials *c);

// mcr_credentials_forget: `self` wants no `ready` call any more.
void mcr_credentials_forget(mcr_credentials *c, void *self);
