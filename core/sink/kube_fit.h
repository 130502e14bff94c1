#pragma once
// Events as the API server takes them: a name and a namespace that it does not refuse, a message
// that is not too long.

#include "event/event.h"

typedef struct mcr_kube_fitted {
    bool name;      // became a UUID
    bool namespace; // was missing
    bool message;   // was cut
} mcr_kube_fitted;

// mcr_kube_fit returns the event to send, which the caller holds: `ev` itself when nothing is wrong
// with it.
//
// A name that is no DNS-1123 subdomain becomes a UUID (version 8) made from namespace and name, so
// that all repeats have the same one; an event without a name gets one from its content, so that
// trying again cannot make two. A missing namespace is that of the involved object, or "default",
// as the server demands. With eventTime, a message of more than 1024 bytes is cut at the end of a
// character.
mcr_event *mcr_kube_fit(mcr_event *ev, mcr_kube_fitted *what);
