#pragma once
// Where a redirect leads, and what of the request goes along.

#include "base/buf.h"
#include "net/http_client.h"

enum {
    MCR_HTTP_MAX_REQUESTS = 10 // in a row, the first one counted, as Go
};

typedef enum mcr_http_follow {
    MCR_HTTP_FOLLOW_NOT,  // an answer as any other
    MCR_HTTP_FOLLOW_SAME, // with method and body
    MCR_HTTP_FOLLOW_GET   // with GET (HEAD stays HEAD) and without the body
} mcr_http_follow;

// mcr_http_follow_of tells what an answer with `status` and a Location asks for.
mcr_http_follow mcr_http_follow_of(mcr_http_redirects redirects, int status);

// mcr_http_redirect_url appends the URL that `location` means, seen from `base`. False: it is none.
bool mcr_http_redirect_url(const char *base, const char *location, mcr_buf *out);

// mcr_http_same_host: `to` is at the host of `from` or one below it, whatever the port, and not
// less protected. Only then do credentials go along (as Go does it; Go also sends them from https
// to http).
bool mcr_http_same_host(const char *from, const char *to);
