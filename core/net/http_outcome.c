#include "net/http_outcome.h"

#include <string.h>

void mcr_http_put_peer(mcr_buf *out, const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL, *port = NULL;
    if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        mcr_buf_printf(out, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
}

static void put_phrase(mcr_buf *error, const char *url, const char *what)
{
    size_t before = error->len;
    mcr_http_put_peer(error, url);
    if (error->len > before)
        mcr_buf_puts(error, ": ");
    mcr_buf_puts(error, what);
}

// The part of the table that the code alone decides. Of all others: the connection went wrong.
static mcr_http_outcome by_code(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return MCR_HTTP_ANSWERED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return MCR_HTTP_BAD_URL;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return MCR_HTTP_NOT_TRUSTED;
    case CURLE_OPERATION_TIMEDOUT:
        return MCR_HTTP_TIMED_OUT;
    default:
        return MCR_HTTP_BROKEN;
    }
}

static mcr_http_outcome refine(mcr_http_outcome outcome, const mcr_http_ending *e)
{
    if (outcome == MCR_HTTP_NOT_TRUSTED)
        return outcome;
    if (e->begun == 0) {
        if (e->redirects)
            return outcome == MCR_HTTP_TIMED_OUT ? MCR_HTTP_TIMED_OUT : MCR_HTTP_BROKEN;
        return outcome == MCR_HTTP_BAD_URL ? MCR_HTTP_BAD_URL : MCR_HTTP_UNREACHED;
    }
    if (outcome == MCR_HTTP_TIMED_OUT)
        return outcome;
    return e->status ? MCR_HTTP_CUT : MCR_HTTP_BROKEN;
}

mcr_http_outcome mcr_http_outcome_of(CURLcode code, const mcr_http_ending *e, mcr_buf *error)
{
    if (code == CURLE_OK)
        return MCR_HTTP_ANSWERED;
    long os_errno = 0;
    curl_easy_getinfo(e->easy, CURLINFO_OS_ERRNO, &os_errno);
    if (e->too_large) {
        put_phrase(error, e->url, "");
        mcr_buf_printf(error, "the answer is longer than %zu bytes", e->answer_limit);
        return MCR_HTTP_TOO_LARGE;
    }
    const char *said = e->said[0] ? e->said : curl_easy_strerror(code);
    const char *os_error = os_errno ? strerrordesc_np((int)os_errno) : NULL;
    if (e->begun > 1)
        said = "the connection, kept from an earlier request, was closed before an answer came";
    else if (code == CURLE_GOT_NOTHING)
        said = "the connection was closed before an answer came";
    else if (code == CURLE_COULDNT_CONNECT && os_error)
        said = os_error;
    else if (code == CURLE_OPERATION_TIMEDOUT && e->begun == 0)
        said = "no connection came about in time";
    put_phrase(error, e->url, said);
    return refine(by_code(code), e);
}

mcr_http_outcome mcr_http_outcome_late(const mcr_http_ending *e, int64_t timeout_ns, mcr_buf *error)
{
    bool sent = e->begun || e->redirects;
    put_phrase(error, e->url, e->status ? "no whole answer" : sent ? "no answer" : "no connection");
    mcr_buf_printf(error, " within %g seconds", (double)timeout_ns / 1e9);
    return sent ? MCR_HTTP_TIMED_OUT : MCR_HTTP_UNREACHED;
}
