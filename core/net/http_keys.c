#include "net/http_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "net/small_file.h"

enum {
    PEM_LIMIT = 16 << 20
};

struct mcr_http_keys {
    size_t refs;
    char *ca_file; // curl reads it again for new connections, and keeps what it made of it
    mcr_buf ca;
    mcr_buf cert;
    mcr_buf key;
    char *server_name;
    bool insecure;
};

static bool has(const mcr_buf *pem, const char *what)
{
    return pem->len && memmem(pem->ptr, pem->len, what, strlen(what));
}

// Reads one of them; `name` is what to call it, `holds` what a PEM of this kind has in it.
static bool read_pem(mcr_buf *out, const char *file, const char *text, const char *name,
                     const char *holds, mcr_errbuf *err)
{
    const char *from = text ? "the text given" : file;
    if (text) {
        mcr_buf_puts(out, text);
    } else if (file) {
        int errnum = mcr_small_file_read(file, PEM_LIMIT, out);
        if (errnum) {
            mcr_errf(err, MCR_EINVAL, "cannot read the %s %s: %s", name, file,
                     mcr_small_file_error(errnum));
            return false;
        }
    } else {
        return true;
    }
    if (!has(out, holds)) {
        mcr_errf(err, MCR_EINVAL, "%s is no PEM %s: there is no \"%s\" in it", from, name, holds);
        return false;
    }
    return true;
}

static bool read_all(mcr_http_keys *keys, const mcr_http_tls *tls, mcr_errbuf *err)
{
    static const char certificate[] = "-----BEGIN CERTIFICATE-----";
    if (!read_pem(&keys->ca, tls->ca_file, tls->ca_pem, "certificate authority", certificate,
                  err) ||
        !read_pem(&keys->cert, tls->cert_file, tls->cert_pem, "client certificate", certificate,
                  err) ||
        !read_pem(&keys->key, tls->key_file, tls->key_pem, "client key", "PRIVATE KEY-----", err))
        return false;
    const char *key = tls->key_pem ? "the client key given" : tls->key_file;
    // OpenSSL would ask the terminal for the passphrase.
    if (has(&keys->key, "-----BEGIN ENCRYPTED") || has(&keys->key, "Proc-Type: 4,ENCRYPTED")) {
        mcr_errf(err, MCR_EINVAL, "%s is encrypted: take the passphrase off (openssl pkey)", key);
        return false;
    }
    if (keys->cert.len && !keys->key.len) {
        mcr_errf(err, MCR_EINVAL, "the client certificate %s comes without a key",
                 tls->cert_pem ? "given" : tls->cert_file);
        return false;
    }
    if (keys->key.len && !keys->cert.len) {
        mcr_errf(err, MCR_EINVAL, "%s comes without a client certificate", key);
        return false;
    }
    return true;
}

mcr_http_keys *mcr_http_keys_new(const mcr_http_tls *tls, mcr_errbuf *err)
{
    mcr_http_keys *keys = mcr_zalloc(sizeof *keys);
    keys->refs = 1;
    if (!read_all(keys, tls, err)) {
        mcr_http_keys_unref(keys);
        return NULL;
    }
    if (tls->ca_file && !tls->ca_pem)
        keys->ca_file = mcr_strdup(tls->ca_file);
    if (tls->server_name && tls->server_name[0])
        keys->server_name = mcr_strdup(tls->server_name);
    keys->insecure = tls->insecure;
    return keys;
}

mcr_http_keys *mcr_http_keys_ref(mcr_http_keys *keys)
{
    keys->refs++;
    return keys;
}

void mcr_http_keys_unref(mcr_http_keys *keys)
{
    if (!keys || --keys->refs)
        return;
    if (keys->key.ptr)
        explicit_bzero(keys->key.ptr, keys->key.len);
    mcr_buf_fini(&keys->ca);
    mcr_buf_fini(&keys->cert);
    mcr_buf_fini(&keys->key);
    free(keys->ca_file);
    free(keys->server_name);
    free(keys);
}

static void set_blob(CURL *easy, CURLoption option, const mcr_buf *pem)
{
    struct curl_blob blob = { .data = pem->ptr, .len = pem->len, .flags = CURL_BLOB_NOCOPY };
    curl_easy_setopt(easy, option, pem->len ? &blob : NULL);
}

void mcr_http_keys_apply(const mcr_http_keys *keys, CURL *easy)
{
    if (keys->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, keys->ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, keys->ca_file);
    } else if (keys->ca.len) {
        set_blob(easy, CURLOPT_CAINFO_BLOB, &keys->ca);
        set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, &keys->ca);
    }
    // The system's directory of authorities is not for those who name their own.
    if (keys->ca.len) {
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    }
    if (keys->cert.len) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, &keys->cert);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, &keys->key);
    }
    if (keys->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    }
}

const char *mcr_http_keys_server_name(const mcr_http_keys *keys)
{
    return keys->server_name;
}
