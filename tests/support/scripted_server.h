#pragma once
// A real HTTP/1.1 server on 127.0.0.1 that answers as a test tells it to: wrong, late, cut or well.
// A thread for each connection, connections are kept. It notes every request.
//
//     scripted_server *server = scripted_server_new(NULL);
//     scripted_server_answer(server, (scripted_reply){ .status = 503 });
//     scripted_server_answer(server, (scripted_reply){ .status = 201, .body = MCR_STR("{}") });
//     … ask scripted_server_url(server); the first request gets 503, all others 201 …
//     const scripted_request *asked = scripted_server_request(server, 0);
//     assert_string_equal(asked->uri, "/api/v1/events");
//     scripted_server_free(server);
//
// All functions from the test's thread, at any time. What fails inside exits with a message: a test
// has no use for it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct scripted_server scripted_server;

typedef enum scripted_mode {
    SCRIPTED_ANSWER,    // status, headers, body, as they are in the reply
    SCRIPTED_ECHO,      // the request's body as JSON; 201 for a POST, else 200 (or `status`)
    SCRIPTED_CLOSE,     // the connection is closed without a byte
    SCRIPTED_RESET,     // the connection is reset (TCP RST) without a byte
    SCRIPTED_TRUNCATE,  // as ANSWER, but Content-Length is 100 too long; then closed
    SCRIPTED_GARBAGE,   // the body's bytes and nothing else; then closed
    SCRIPTED_HANG,      // no answer; the connection stays until the client or the server ends
    SCRIPTED_HALF_HEAD, // half of the head's bytes, then what `then` says
    SCRIPTED_HALF_BODY  // the head and half of the body, then what `then` says
} scripted_mode;

// Where a connection goes wrong before there is a whole request.
typedef enum scripted_place {
    SCRIPTED_AT_ACCEPT, // before a byte is read or written: with TLS in place of the handshake
    SCRIPTED_IN_REQUEST // after the first bytes of a request, up to 16 KiB
} scripted_place;

typedef struct scripted_reply {
    scripted_mode mode;
    int status;          // 0: 200
    const char *headers; // "Name: value\n" each; NULL: none. Content-Length is added, and nothing
                         // else; it is left out for 1xx, 204, 304 and if `headers` has one or
                         // Transfer-Encoding
    mcr_str body;
    int delay_ms;       // before the first byte of the answer
    bool close;         // with "Connection: close", and closed
    scripted_mode then; // of SCRIPTED_HALF_…: SCRIPTED_RESET, SCRIPTED_HANG, else closed
} scripted_reply;

// A request as it came. It does not change, and stays until scripted_server_forget (for which no
// handler may be at work on it) or _free.
typedef struct scripted_request {
    char *method;
    char *uri;     // as in the request line: "/path?query", or with scheme and host for a proxy
    char *headers; // "Name: value\n" each, as sent
    char *body;    // NUL-terminated
    size_t body_len;
    unsigned connection;   // 0 for the first one accepted, 1 …
    bool client_cert;      // TLS: the client showed a good certificate
    char server_name[128]; // TLS: the SNI; "" when none
} scripted_request;

typedef struct scripted_tls {
    const char *cert_file; // PEM, the server's
    const char *key_file;
    const char *client_ca_file; // NULL: no client certificate is asked for; else one is required
} scripted_tls;

// scripted_server_new listens on a free port of 127.0.0.1. `tls` (borrowed): NULL for plain HTTP.
// Until told otherwise it answers 200 without a body.
scripted_server *scripted_server_new(const scripted_tls *tls);

// scripted_server_free stops and frees. NULL is fine.
void scripted_server_free(scripted_server *server);

// scripted_server_stop dies: no longer listens (connecting is refused) and closes all connections.
// Returns when all its threads are gone.
void scripted_server_stop(scripted_server *server);

// scripted_server_start comes back on the same port after a stop.
void scripted_server_start(scripted_server *server);

// scripted_server_answer adds a reply to the list; its strings are copied. The n-th request gets
// the n-th reply, the last one is repeated for ever.
void scripted_server_answer(scripted_server *server, scripted_reply reply);

// scripted_server_clear forgets the list: 200 without a body until a reply is added, which is then
// for the next request.
void scripted_server_clear(scripted_server *server);

// A handler wins over the list. It is called on the connection's thread, one call at a time; what
// `reply` points at is copied when it returns.
typedef void scripted_handler(void *self, const scripted_request *request, scripted_reply *reply);
void scripted_server_handle(scripted_server *server, scripted_handler *handler, void *self);

// scripted_server_spoil: the next `times` connections that come to `place` end there, by
// SCRIPTED_CLOSE, _RESET, _HANG or _GARBAGE (some bytes that are neither HTTP nor TLS, then
// closed). Their requests are not noted.
void scripted_server_spoil(scripted_server *server, scripted_place place, scripted_mode how,
                           unsigned times);

// "http://127.0.0.1:PORT" ("https://…" with TLS), good until free.
const char *scripted_server_url(const scripted_server *server);
uint16_t scripted_server_port(const scripted_server *server);

// How many requests have come; a request counts as soon as it was read whole.
size_t scripted_server_requests(scripted_server *server);

// The n-th request; exits if there are not so many.
const scripted_request *scripted_server_request(scripted_server *server, size_t n);

// The value of the first header `name` (case does not matter), copied to `value`; false: none.
bool scripted_request_header(const scripted_request *request, const char *name, char *value,
                             size_t size);

// How many connections have been accepted since it was made.
unsigned scripted_server_connections(scripted_server *server);

// How many of them are open now.
unsigned scripted_server_open(scripted_server *server);

// scripted_server_wait waits until `n` requests have come; false after 30 seconds.
bool scripted_server_wait(scripted_server *server, size_t n);

// scripted_server_forget forgets the requests noted so far (counting starts anew at 0).
void scripted_server_forget(scripted_server *server);
