#pragma once
// nghttpd (Debian's nghttp2-server) as a child: an HTTP/2 server by TLS on 127.0.0.1 that answers
// every POST with the body it was sent, and everything else with 404.

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct nghttpd {
    pid_t pid;
    uint16_t port;
    char url[48]; // "https://127.0.0.1:PORT"
} nghttpd;

// nghttpd_start starts it and waits until it listens. False with a line on stderr when it is not
// installed or does not come up: a test then skips, visibly. `cert_file` and `key_file` are PEM.
bool nghttpd_start(nghttpd *server, const char *cert_file, const char *key_file);

void nghttpd_stop(nghttpd *server);
