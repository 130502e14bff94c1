#pragma once
// What one easy handle asks for. Handles are used again and again, mostly for the same with another
// body: only what differs is told to curl.

#include <curl/curl.h>

#include "base/buf.h"
#include "net/http_client.h"

typedef struct mcr_http_easy {
    CURL *easy;
    mcr_buf url;                // NUL-terminated
    mcr_buf method;             // NUL-terminated
    mcr_buf given;              // the headers of the request, "Name: value\n" each
    struct curl_slist *headers; // those that are sent, and those that curl is not to send
    struct curl_slist *connect_to;
    const char *server_name; // borrowed; NULL: the URL's host
    enum {
        MCR_HTTP_SHAPE_NEW,
        MCR_HTTP_SHAPE_GET,
        MCR_HTTP_SHAPE_HEAD,
        MCR_HTTP_SHAPE_BODY
    } shape;
    bool stale;               // `headers` is not what `given` makes
    bool without_credentials; // `headers` has less than `given`
} mcr_http_easy;

// mcr_http_easy_init takes `easy` over. With `server_name` every https request goes to its URL's
// host as if that were its name.
void mcr_http_easy_init(mcr_http_easy *e, CURL *easy, const char *server_name);
void mcr_http_easy_fini(mcr_http_easy *e);

// mcr_http_easy_ask sets method, URL, headers and body (borrowed until the transfer is over).
// MCR_EINVAL when no request can be made of them, or when a header is curl's to write.
mcr_err mcr_http_easy_ask(mcr_http_easy *e, const mcr_http_request *request, mcr_errbuf *err);

// mcr_http_easy_redirect asks at `url` instead: as a GET without the body, or as before.
// Authorization, cookies and Host are left out unless `credentials`.
void mcr_http_easy_redirect(mcr_http_easy *e, const char *url, bool get, bool credentials);
