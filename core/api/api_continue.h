#pragma once
// Continue tokens of lists: from which version the list is, and where its next page begins. Opaque
// to clients, the same bytes as kube-apiserver's. Pure.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct mcr_api_continue {
    int64_t version;   // -1: whatever is there now
    mcr_buf namespace; // the last item of the page before
    mcr_buf name;
} mcr_api_continue;

// mcr_api_continue_write appends the token of a list of one namespace, or, `all`, of all.
void mcr_api_continue_write(mcr_buf *out, bool all, int64_t version, mcr_str namespace,
                            mcr_str name);

// mcr_api_continue_parse reads a token of a list of `namespace` ("": all) into a zeroed `out`.
// False with kube-apiserver's words in `err`.
bool mcr_api_continue_parse(mcr_api_continue *out, const char *token, const char *namespace,
                            mcr_errbuf *err);
void mcr_api_continue_fini(mcr_api_continue *c);
