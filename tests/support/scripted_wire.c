#include "support/scripted_wire.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

struct scripted_identity {
    gnutls_certificate_credentials_t credentials;
    bool client_cert;
};

struct scripted_wire {
    int fd;
    gnutls_session_t tls; // NULL: plain
    bool client_cert;
    char server_name[128];
};

static void need(int code, const char *what)
{
    if (code < 0) {
        fprintf(stderr, "scripted server: %s: %s\n", what, gnutls_strerror(code));
        exit(1);
    }
}

scripted_identity *scripted_identity_new(const scripted_tls *tls)
{
    scripted_identity *identity = mcr_zalloc(sizeof *identity);
    need(gnutls_certificate_allocate_credentials(&identity->credentials), "credentials");
    need(gnutls_certificate_set_x509_key_file(identity->credentials, tls->cert_file, tls->key_file,
                                              GNUTLS_X509_FMT_PEM),
         tls->cert_file);
    if (tls->client_ca_file) {
        need(gnutls_certificate_set_x509_trust_file(identity->credentials, tls->client_ca_file,
                                                    GNUTLS_X509_FMT_PEM),
             tls->client_ca_file);
        identity->client_cert = true;
    }
    return identity;
}

void scripted_identity_free(scripted_identity *identity)
{
    if (identity)
        gnutls_certificate_free_credentials(identity->credentials);
    free(identity);
}

static bool handshake(scripted_wire *wire, const scripted_identity *identity)
{
    need(gnutls_init(&wire->tls, GNUTLS_SERVER), "session");
    need(gnutls_set_default_priority(wire->tls), "priority");
    need(gnutls_credentials_set(wire->tls, GNUTLS_CRD_CERTIFICATE, identity->credentials),
         "credentials");
    gnutls_certificate_server_set_request(wire->tls, identity->client_cert ? GNUTLS_CERT_REQUIRE
                                                                           : GNUTLS_CERT_IGNORE);
    gnutls_transport_set_int(wire->tls, wire->fd);
    int code;
    do {
        code = gnutls_handshake(wire->tls);
    } while (code < 0 && !gnutls_error_is_fatal(code));
    if (code < 0)
        return false;
    unsigned status = 0;
    if (identity->client_cert) {
        if (gnutls_certificate_verify_peers2(wire->tls, &status) < 0 || status != 0) {
            gnutls_alert_send(wire->tls, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
            return false;
        }
        wire->client_cert = true;
    }
    size_t size = sizeof wire->server_name;
    unsigned type;
    if (gnutls_server_name_get(wire->tls, wire->server_name, &size, &type, 0) < 0)
        wire->server_name[0] = '\0';
    return true;
}

scripted_wire *scripted_wire_new(int fd, const scripted_identity *identity)
{
    scripted_wire *wire = mcr_zalloc(sizeof *wire);
    wire->fd = fd;
    if (identity && !handshake(wire, identity)) {
        gnutls_deinit(wire->tls);
        free(wire);
        return NULL;
    }
    return wire;
}

void scripted_wire_free(scripted_wire *wire)
{
    if (wire->tls) {
        gnutls_bye(wire->tls, GNUTLS_SHUT_WR);
        gnutls_deinit(wire->tls);
    }
    close(wire->fd);
    free(wire);
}

void scripted_wire_reset(scripted_wire *wire)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (wire->tls)
        gnutls_deinit(wire->tls);
    close(wire->fd);
    free(wire);
}

size_t scripted_wire_read(scripted_wire *wire, void *to, size_t size)
{
    for (;;) {
        ssize_t n =
            wire->tls ? gnutls_record_recv(wire->tls, to, size) : recv(wire->fd, to, size, 0);
        if (n >= 0)
            return (size_t)n;
        if (wire->tls ? gnutls_error_is_fatal((int)n) : errno != EINTR)
            return 0;
    }
}

bool scripted_wire_write(scripted_wire *wire, const void *bytes, size_t len)
{
    for (const char *at = bytes, *end = at + len; at < end;) {
        size_t left = (size_t)(end - at);
        ssize_t n = wire->tls ? gnutls_record_send(wire->tls, at, left)
                              : send(wire->fd, at, left, MSG_NOSIGNAL);
        if (n > 0)
            at += n;
        else if (wire->tls ? gnutls_error_is_fatal((int)n) : errno != EINTR)
            return false;
    }
    return true;
}

bool scripted_wire_client_cert(const scripted_wire *wire)
{
    return wire->client_cert;
}

const char *scripted_wire_server_name(const scripted_wire *wire)
{
    return wire->server_name;
}
