#pragma once
// An HTTP/1.1 server on a libev loop (libmicrohttpd). It reads whole requests, bodies up to a limit
// included, and hands each to one function, which answers at once or later, or begins a stream that
// goes on until either side ends it. It knows no API.
//
// Everything happens on the loop's thread: all calls here and all callbacks. Users with answers
// from other threads bring them over themselves (ev_async).
//
// Deadlines: a connection on which nothing moves for `idle_ns` is closed, whether it waits for a
// request, in the middle of one, or for a client that does not read its answer. A request that is
// not whole after `request_ns`, however it trickles, is cut. A stream may be quiet for ever; that
// its client has gone away is noticed all the same.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct ev_loop;

typedef struct mcr_http_server mcr_http_server;

// One request and its answer. It lives until it is answered with mcr_exchange_answer or, for a
// stream, until `gone`.
typedef struct mcr_exchange mcr_exchange;

typedef struct mcr_http_server_options {
    const char *listen; // "127.0.0.1:8901", "[::1]:0", "localhost:80"; port 0: the system's choice
    size_t body_limit;  // a longer body is answered by `too_large`; 0: 3 MiB
    uint32_t connections; // more wait in the kernel's queue; 0: 1000
    int64_t idle_ns;      // 0: 90 s, as kube-apiserver; counted in whole seconds
    int64_t request_ns;   // 0: 60 s
    // A whole request. Calls mcr_exchange_answer or mcr_exchange_stream on it, now or later.
    void (*request)(void *self, mcr_exchange *x);
    // A request whose body is too long; its body is empty. NULL: 413 with a line of text.
    void (*too_large)(void *self, mcr_exchange *x);
    void *self;
} mcr_http_server_options;

// mcr_http_server_new listens and serves as soon as the loop runs. `options` is copied. NULL with a
// sentence: the address is none, or taken, or not ours.
mcr_http_server *mcr_http_server_new(struct ev_loop *loop, const mcr_http_server_options *options,
                                     mcr_errbuf *err);

// mcr_http_server_free closes every connection (streams get their `gone`). All exchanges that are
// no streams must have been answered. NULL is fine.
void mcr_http_server_free(mcr_http_server *s);

// mcr_http_server_address is where it listens, with the real port: "127.0.0.1:8901".
const char *mcr_http_server_address(const mcr_http_server *s);

// mcr_http_server_quiesce takes no more connections. Answers from now on close theirs.
void mcr_http_server_quiesce(mcr_http_server *s);

typedef struct mcr_http_server_counts {
    uint64_t connections; // open now
    uint64_t exchanges;   // under way now, streams included
    uint64_t requests;    // whole ones, ever
    uint64_t cut;         // requests that were not whole in time
    uint64_t too_large;   // bodies over the limit
} mcr_http_server_counts;

mcr_http_server_counts mcr_http_server_counts_now(const mcr_http_server *s);

// What was asked; the strings live as long as the exchange.

// mcr_exchange_method: "GET".
mcr_str mcr_exchange_method(const mcr_exchange *x);

// mcr_exchange_target is the path and query as they came, percent signs and all.
mcr_str mcr_exchange_target(const mcr_exchange *x);

mcr_str mcr_exchange_body(const mcr_exchange *x);

// mcr_exchange_header finds a header (case does not matter). False: there is none.
bool mcr_exchange_header(const mcr_exchange *x, const char *name, mcr_str *value);

// The answer.

// How an answer is damaged on its way; for tests of clients.
typedef enum mcr_answer_damage {
    MCR_DAMAGE_NONE,
    MCR_DAMAGE_RESET, // the connection is reset; nothing is sent
    MCR_DAMAGE_CLOSE, // the connection is closed; nothing is sent
    MCR_DAMAGE_HALF   // the head, half the body, then the connection is closed
} mcr_answer_damage;

typedef struct mcr_exchange_reply {
    int status;
    const char *content_type; // NULL: none
    const char *headers;      // "Name: value\n" each; NULL: none
    mcr_buf body;             // taken
    bool close;               // the connection ends after it
    mcr_answer_damage damage;
} mcr_exchange_reply;

// mcr_exchange_answer sends an answer and ends the exchange; `reply->body` is emptied. A client
// that asked for gzip gets bodies over 128 KiB compressed.
void mcr_exchange_answer(mcr_exchange *x, mcr_exchange_reply *reply);

// Who feeds a stream. Neither is called from within the calls below.
typedef struct mcr_stream_hooks {
    // All that was written has been handed on: there is room for more.
    void (*drained)(void *self, mcr_exchange *x);
    // The client went away, or all was sent after mcr_stream_end. `x` is gone after the call.
    void (*gone)(void *self, mcr_exchange *x);
    void *self;
} mcr_stream_hooks;

// mcr_exchange_stream sends the head of an answer without an end in sight (chunked).
void mcr_exchange_stream(mcr_exchange *x, int status, const char *content_type, const char *headers,
                         const mcr_stream_hooks *hooks);

// mcr_stream_write sends more. Never blocks: the bytes wait until the client takes them, so write
// more only when little is waiting.
void mcr_stream_write(mcr_exchange *x, mcr_str bytes);

// mcr_stream_waiting is how many bytes the client has not taken yet.
size_t mcr_stream_waiting(const mcr_exchange *x);

// mcr_stream_end ends it after what waits: with the last chunk, or, `damaged`, by closing the
// connection without one. `gone` follows.
void mcr_stream_end(mcr_exchange *x, bool damaged);
