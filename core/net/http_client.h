#pragma once
// HTTP requests on a libev loop: libcurl's multi interface, connections kept and reused. How many
// requests are under way at once is its user's affair. It sends each request once, also where curl
// would try again (when a connection, kept from an earlier request, is closed), and knows no API.
//
// One client for one server or one kind of server: TLS, proxy and protocol are the client's. All
// calls and all callbacks on the loop's thread; callbacks come from the loop, never from within
// mcr_http_send.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ev_loop;

typedef struct mcr_http mcr_http;
typedef struct mcr_http_call mcr_http_call;

// PEM, each as a file or as its text (the text wins). All zero: the system's authorities, no
// certificate of one's own.
typedef struct mcr_http_tls {
    const char *ca_file;
    const char *ca_pem;
    const char *cert_file;
    const char *cert_pem;
    const char *key_file;
    const char *key_pem;
    const char *server_name; // checked instead of the URL's host, and sent as SNI; the Host header
                             // stays the URL's
    bool insecure;           // neither the chain nor the name is checked
} mcr_http_tls;

typedef struct mcr_http_options {
    mcr_http_tls tls;
    // "http://…", "https://…", "socks5://…"; "": none. NULL: the environment's http_proxy (in small
    // letters only, as with curl) or https_proxy or HTTPS_PROXY, except for what no_proxy or
    // NO_PROXY names and for this machine itself.
    const char *proxy;
    const char *user_agent;     // NULL: mooncrier/<version>
    bool http2;                 // offered by ALPN on https; else HTTP/1.1 (cheaper: LIMITS §5)
    bool compression_off;       // no Accept-Encoding is sent, and no answer is unpacked
    uint32_t connections;       // idle ones kept, and the most per host; 0: 64
    int64_t connect_timeout_ns; // 0: 30 s, as client-go dials
    size_t answer_limit;        // longest body read, bytes; 0: 4 MiB
} mcr_http_options;

// mcr_http_new copies `options` (all strings). Certificates and keys are read here: NULL with a
// sentence that names the file when one cannot be read, is no PEM or is encrypted. A ca_file is
// read again for new connections. mcr_http_global_init must have been called.
mcr_http *mcr_http_new(struct ev_loop *loop, const mcr_http_options *options, mcr_errbuf *err);

// mcr_http_free cancels every call (no callback) and closes all connections. May be called from
// within a callback. NULL is fine.
void mcr_http_free(mcr_http *http);

// mcr_http_set_tls changes certificates from the next connection on, and lets no old connection be
// used again by calls to come; those under way go on. MCR_EINVAL when something cannot be read:
// then nothing changed.
mcr_err mcr_http_set_tls(mcr_http *http, const mcr_http_tls *tls, mcr_errbuf *err);

// mcr_http_global_init prepares libcurl, once, before any thread is started.
void mcr_http_global_init(void);

typedef enum mcr_http_redirects {
    MCR_HTTP_REDIRECTS_NONE, // 3xx is an answer as any other
    MCR_HTTP_REDIRECTS_KEEP, // 307 and 308 are followed with method and body, others are answers
    MCR_HTTP_REDIRECTS_GO    // as Go's net/http: also 301, 302, 303, which become a GET without a
                             // body (HEAD stays HEAD)
} mcr_http_redirects; // At most 9, so 10 requests: one more is MCR_HTTP_BROKEN. Without a Location
                      // it is an answer. Authorization, Cookie and Host are not sent on to a host
                      // that is neither the same nor below it, nor from https to http.

typedef enum mcr_http_outcome {
    MCR_HTTP_ANSWERED,   // status, headers and body are there, whole
    MCR_HTTP_BAD_URL,    // no request could be made of URL, method and headers: it will never work
    MCR_HTTP_UNREACHED,  // no connection: refused, no such host, TLS refused, not in time; nothing
                         // was sent
    MCR_HTTP_TIMED_OUT,  // may have been done by the server all the same; `status` is there if an
                         // answer had begun
    MCR_HTTP_BROKEN,     // the connection ended or went wrong first; may have been done
    MCR_HTTP_CUT,        // the body did not come whole or cannot be unpacked; `status` is there
    MCR_HTTP_TOO_LARGE,  // the body is longer than answer_limit; `status` is there
    MCR_HTTP_NOT_TRUSTED // the server's certificate, or one's own, is not good: needs a human
} mcr_http_outcome;

// An answer, borrowed for the callback.
typedef struct mcr_http_answer {
    mcr_http_outcome outcome;
    const char *error; // what went wrong, a phrase with host and port; "" when answered
    int status;        // 0: none came
    mcr_str body;      // content-encoding (gzip) is undone
    mcr_str url;       // the last one asked, after redirects
    int64_t took_ns;
    const mcr_http_call *call; // for mcr_http_answer_header
} mcr_http_answer;

// mcr_http_answer_header is the value of the `n`-th header (0: first) called `name` (case does not
// matter) in the last answer, without white space around it. False: there is none.
bool mcr_http_answer_header(const mcr_http_answer *answer, const char *name, size_t n,
                            mcr_str *value);

typedef struct mcr_http_request {
    const char *method; // "POST"
    const char *url;
    const mcr_str *headers; // "Name: value" each; copied. Content-Length and Transfer-Encoding are
                            // not to be given
    size_t n_headers;
    mcr_str body;       // borrowed until the callback or the cancel; its len 0 is no body (POST and
                        // PUT then send Content-Length: 0)
    int64_t timeout_ns; // for all of it, waiting for a free connection too; 0: none
    mcr_http_redirects redirects;
    void (*done)(void *self, const mcr_http_answer *answer);
    void *self;
} mcr_http_request;

// mcr_http_send begins a request; `done` is called exactly once unless it is cancelled. The call is
// the client's and gone after `done`. Nothing is sent but the given headers, Host, Content-Length,
// User-Agent, and Accept-Encoding: gzip (unless compression_off); no Expect.
mcr_http_call *mcr_http_send(mcr_http *http, const mcr_http_request *request);

// mcr_http_cancel ends a call without its callback. Within its own callback it does nothing.
void mcr_http_cancel(mcr_http_call *call);
