#include "net/http_redirect.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

mcr_http_follow mcr_http_follow_of(mcr_http_redirects redirects, int status)
{
    if (redirects == MCR_HTTP_REDIRECTS_NONE)
        return MCR_HTTP_FOLLOW_NOT;
    switch (status) {
    case 307:
    case 308:
        return MCR_HTTP_FOLLOW_SAME;
    case 301:
    case 302:
    case 303:
        return redirects == MCR_HTTP_REDIRECTS_GO ? MCR_HTTP_FOLLOW_GET : MCR_HTTP_FOLLOW_NOT;
    default:
        return MCR_HTTP_FOLLOW_NOT;
    }
}

bool mcr_http_redirect_url(const char *base, const char *location, mcr_buf *out)
{
    CURLU *url = curl_url();
    char *text = NULL;
    bool good = curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
    if (good)
        mcr_buf_puts(out, text);
    curl_free(text);
    curl_url_cleanup(url);
    return good;
}

// The scheme and the host of a URL, to be freed by curl_free; NULL when it has none.
static char *part(const char *text, CURLUPart which)
{
    CURLU *url = curl_url();
    char *value = NULL;
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, which, &value, 0) != CURLUE_OK)
        value = NULL;
    curl_url_cleanup(url);
    return value;
}

static bool at_or_below(const char *host, const char *parent)
{
    size_t len = strlen(host), parent_len = strlen(parent);
    if (len == parent_len)
        return strcasecmp(host, parent) == 0;
    // Addresses have no hosts below them.
    if (len < parent_len || strchr(host, ':') || strspn(parent, "0123456789.") == parent_len)
        return false;
    const char *tail = host + (len - parent_len);
    return tail[-1] == '.' && strcasecmp(tail, parent) == 0;
}

bool mcr_http_same_host(const char *from, const char *to)
{
    char *from_host = part(from, CURLUPART_HOST), *to_host = part(to, CURLUPART_HOST);
    char *from_scheme = part(from, CURLUPART_SCHEME), *to_scheme = part(to, CURLUPART_SCHEME);
    bool same = from_host && to_host && from_scheme && to_scheme &&
                at_or_below(to_host, from_host) &&
                !(strcmp(from_scheme, "https") == 0 && strcmp(to_scheme, "http") == 0);
    curl_free(from_host);
    curl_free(to_host);
    curl_free(from_scheme);
    curl_free(to_scheme);
    return same;
}
