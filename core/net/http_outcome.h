#pragma once
// What libcurl says of a transfer that has ended, as one of the outcomes and a phrase.

#include <curl/curl.h>

#include "base/buf.h"
#include "net/http_client.h"

// What is known of the transfer besides.
typedef struct mcr_http_ending {
    CURL *easy;
    const char *url;
    const char *said;   // CURLOPT_ERRORBUFFER's
    unsigned begun;     // how often the request was about to be sent: more than once is curl trying
                        // again on a new connection, which was refused
    int status;         // 0: no answer has begun
    unsigned redirects; // followed so far: then the request has been sent for certain
    bool too_large;
    size_t answer_limit;
} mcr_http_ending;

// mcr_http_outcome_of appends the phrase ("host:port: what went wrong") to `error`, nothing when
// the outcome is MCR_HTTP_ANSWERED.
mcr_http_outcome mcr_http_outcome_of(CURLcode code, const mcr_http_ending *ending, mcr_buf *error);

// mcr_http_outcome_late is that of a request whose time is over.
mcr_http_outcome mcr_http_outcome_late(const mcr_http_ending *ending, int64_t timeout_ns,
                                       mcr_buf *error);

// mcr_http_put_peer appends "host:port" of a URL; of one that cannot be read, nothing.
void mcr_http_put_peer(mcr_buf *out, const char *url);
