#pragma once
// The certificates of a client, read and held for its transfers.

#include <curl/curl.h>

#include "net/http_client.h"

typedef struct mcr_http_keys mcr_http_keys;

// mcr_http_keys_new reads what `tls` names. NULL with a sentence that names the file: it cannot be
// read, is no PEM, a certificate comes without its key, a key is encrypted.
mcr_http_keys *mcr_http_keys_new(const mcr_http_tls *tls, mcr_errbuf *err);

// Shared by the client and the easy handles they were applied to, on one thread.
mcr_http_keys *mcr_http_keys_ref(mcr_http_keys *keys);
void mcr_http_keys_unref(mcr_http_keys *keys); // NULL is fine

// mcr_http_keys_apply makes `easy` use them; it must hold a reference.
void mcr_http_keys_apply(const mcr_http_keys *keys, CURL *easy);

// mcr_http_keys_server_name is the name to check instead of the URL's host; NULL: none.
const char *mcr_http_keys_server_name(const mcr_http_keys *keys);
