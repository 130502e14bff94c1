#include "base/shown.h"

void mcr_url_shown(mcr_buf *out, const char *url)
{
    const char *host = strstr(url, "://");
    if (!host || host != url + strspn(url, "abcdefghijklmnopqrstuvwxyz"
                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")) {
        mcr_buf_puts(out, "(a URL)");
        return;
    }
    mcr_buf_append(out, url, (size_t)(host + 3 - url));
    host += 3;
    size_t len = strcspn(host, "/?#\\");
    const char *at = memrchr(host, '@', len);
    size_t user = at ? (size_t)(at + 1 - host) : 0;
    // A password with an unescaped '/' in it must not pass for host and port.
    const char *colon = memrchr(host + user, ':', len - user);
    if (colon && host[user] != '[' &&
        strspn(colon + 1, "0123456789") != (size_t)(host + len - colon - 1)) {
        mcr_buf_puts(out, "…");
        return;
    }
    mcr_buf_append(out, host + user, len - user);
    if (host[len] && (host[len] != '/' || host[len + 1]))
        mcr_buf_puts(out, "/…");
}
