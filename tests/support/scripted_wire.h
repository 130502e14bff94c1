#pragma once
// One accepted connection of scripted_server: bytes in and out, plain or by TLS (GnuTLS, which
// Debian's libmicrohttpd-dev brings).

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "support/scripted_server.h"

typedef struct scripted_wire scripted_wire;
typedef struct scripted_identity scripted_identity;

// scripted_identity_new reads certificate and key; exits when it cannot.
scripted_identity *scripted_identity_new(const scripted_tls *tls);
void scripted_identity_free(scripted_identity *identity);

// scripted_wire_new takes the descriptor over; with an identity it does the handshake (NULL if that
// fails: the descriptor is still open).
scripted_wire *scripted_wire_new(int fd, const scripted_identity *identity);

// scripted_wire_free says goodbye (TLS) and closes.
void scripted_wire_free(scripted_wire *wire);

// scripted_wire_reset closes with a TCP RST.
void scripted_wire_reset(scripted_wire *wire);

// As recv and send of all bytes; 0 and false when the connection is over.
size_t scripted_wire_read(scripted_wire *wire, void *to, size_t size);
bool scripted_wire_write(scripted_wire *wire, const void *bytes, size_t len);

// What the client told of itself.
bool scripted_wire_client_cert(const scripted_wire *wire);
const char *scripted_wire_server_name(const scripted_wire *wire);
