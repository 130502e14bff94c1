#include "net/http_request.h"

#include <string.h>
#include <strings.h>

void mcr_http_easy_init(mcr_http_easy *e, CURL *easy, const char *server_name)
{
    *e = (mcr_http_easy){ .easy = easy, .server_name = server_name, .stale = true };
}

void mcr_http_easy_fini(mcr_http_easy *e)
{
    curl_easy_cleanup(e->easy);
    curl_slist_free_all(e->headers);
    curl_slist_free_all(e->connect_to);
    if (e->given.ptr)
        explicit_bzero(e->given.ptr, e->given.len); // tokens
    mcr_buf_fini(&e->url);
    mcr_buf_fini(&e->method);
    mcr_buf_fini(&e->given);
    *e = (mcr_http_easy){ .easy = NULL };
}

static bool is_token(const char *text, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr(marks, c))))
            return false;
    }
    return len > 0;
}

static size_t name_len(const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    return colon ? (size_t)(colon - line) : 0;
}

static bool is_named(const char *line, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

static bool is_credential(const char *line, size_t len)
{
    return is_named(line, len, "Authorization") || is_named(line, len, "Proxy-Authorization") ||
           is_named(line, len, "Cookie") || is_named(line, len, "Host");
}

static mcr_err check_header(mcr_str header, mcr_errbuf *err)
{
    size_t name = name_len(header.ptr, header.len);
    int shown = (int)(name < 64 ? name : 64);
    if (!is_token(header.ptr, name))
        return mcr_errf(err, MCR_EINVAL, "a header is no \"Name: value\" (its name has %zu bytes)",
                        name);
    // The value may be a secret: it is not shown.
    if (memchr(header.ptr, '\n', header.len) || memchr(header.ptr, '\r', header.len) ||
        memchr(header.ptr, '\0', header.len))
        return mcr_errf(err, MCR_EINVAL, "the header %.*s has a line break or NUL in it", shown,
                        header.ptr);
    if (is_named(header.ptr, name, "Content-Length") ||
        is_named(header.ptr, name, "Transfer-Encoding"))
        return mcr_errf(err, MCR_EINVAL,
                        "the header %.*s is not to be given: it follows from the body", shown,
                        header.ptr);
    return MCR_OK;
}

static bool same_headers(const mcr_buf *given, const mcr_str *headers, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (given->len - at < (size_t)headers[i].len + 1 ||
            memcmp(given->ptr + at, headers[i].ptr, headers[i].len) != 0 ||
            given->ptr[at + headers[i].len] != '\n')
            return false;
        at += headers[i].len + 1;
    }
    return at == given->len;
}

static void append_header(mcr_http_easy *e, mcr_buf *line, const char *text, size_t len)
{
    size_t name = name_len(text, len), value = name + 1;
    while (value < len && (text[value] == ' ' || text[value] == '\t'))
        value++;
    line->len = 0;
    mcr_buf_append(line, text, name);
    // "Name:" would tell curl to leave the header out.
    mcr_buf_puts(line, value == len ? ";" : ": ");
    mcr_buf_append(line, text + value, len - value);
    e->headers = curl_slist_append(e->headers, mcr_buf_cstr(line));
}

static void set_host_header(mcr_http_easy *e, CURLU *url, mcr_buf *line)
{
    char *host = NULL, *port = NULL;
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    line->len = 0;
    mcr_buf_printf(line, "Host: %s%s%s", host ? host : "", port ? ":" : "", port ? port : "");
    e->headers = curl_slist_append(e->headers, mcr_buf_cstr(line));
    curl_free(host);
    curl_free(port);
}

// Makes `headers` of `given`.
static void set_headers(mcr_http_easy *e, bool credentials)
{
    mcr_buf line = { 0 };
    bool accept = false, type = false, host = false;
    curl_slist_free_all(e->headers);
    e->headers = NULL;
    for (size_t at = 0; at < e->given.len;) {
        const char *text = e->given.ptr + at;
        size_t len = (size_t)((char *)memchr(text, '\n', e->given.len - at) - text);
        size_t name = name_len(text, len);
        at += len + 1;
        if (!credentials && is_credential(text, name))
            continue;
        accept |= is_named(text, name, "Accept");
        type |= is_named(text, name, "Content-Type");
        host |= is_named(text, name, "Host");
        append_header(e, &line, text, len);
    }
    // What curl would send unasked.
    if (!accept)
        e->headers = curl_slist_append(e->headers, "Accept:");
    if (!type)
        e->headers = curl_slist_append(e->headers, "Content-Type:");
    e->headers = curl_slist_append(e->headers, "Expect:");
    if (e->connect_to && !host) {
        CURLU *url = curl_url();
        curl_url_set(url, CURLUPART_URL, mcr_buf_cstr(&e->url), 0);
        set_host_header(e, url, &line);
        curl_url_cleanup(url);
    }
    mcr_buf_fini(&line);
    e->stale = e->without_credentials = !credentials;
    curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, e->headers);
}

// curl checks and announces the name of the URL's host: so the URL gets the server name, and the
// connection is led to the host it had.
static bool set_renamed_url(mcr_http_easy *e, const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *renamed = NULL;
    bool done = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                strcmp(scheme, "https") == 0 &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_HOST, e->server_name, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_URL, &renamed, 0) == CURLUE_OK;
    if (done) {
        mcr_buf line = { 0 };
        mcr_buf_printf(&line, "::%s:%s", host, port);
        e->connect_to = curl_slist_append(NULL, mcr_buf_cstr(&line));
        mcr_buf_fini(&line);
        curl_easy_setopt(e->easy, CURLOPT_URL, renamed);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(renamed);
    curl_url_cleanup(url);
    return done;
}

static bool set_text(mcr_buf *kept, const char *text)
{
    if (kept->ptr && strcmp(kept->ptr, text) == 0)
        return false;
    kept->len = 0;
    mcr_buf_append(kept, text, strlen(text) + 1);
    kept->len--;
    return true;
}

static bool set_url(mcr_http_easy *e, const char *url)
{
    if (!set_text(&e->url, url))
        return false;
    curl_slist_free_all(e->connect_to);
    e->connect_to = NULL;
    if (!e->server_name || !set_renamed_url(e, url))
        curl_easy_setopt(e->easy, CURLOPT_URL, url);
    if (e->server_name)
        curl_easy_setopt(e->easy, CURLOPT_CONNECT_TO, e->connect_to);
    return true;
}

// Whether the request has a body, maybe an empty one whose length is said.
static bool has_body(const char *method, mcr_str body)
{
    return body.len || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static void set_method(mcr_http_easy *e, const char *method, mcr_str body)
{
    int shape = has_body(method, body)        ? MCR_HTTP_SHAPE_BODY
                : strcmp(method, "HEAD") == 0 ? MCR_HTTP_SHAPE_HEAD
                                              : MCR_HTTP_SHAPE_GET;
    if (set_text(&e->method, method) || shape != (int)e->shape) {
        bool own_name = strcmp(method, "HEAD") == 0 ||
                        (shape == MCR_HTTP_SHAPE_GET && strcmp(method, "GET") == 0) ||
                        (shape == MCR_HTTP_SHAPE_BODY && strcmp(method, "POST") == 0);
        if (shape == MCR_HTTP_SHAPE_BODY)
            curl_easy_setopt(e->easy, CURLOPT_POST, 1L);
        else if (shape == MCR_HTTP_SHAPE_HEAD)
            curl_easy_setopt(e->easy, CURLOPT_NOBODY, 1L);
        else
            curl_easy_setopt(e->easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(e->easy, CURLOPT_CUSTOMREQUEST, own_name ? NULL : method);
        e->shape = shape;
    }
    if (shape == MCR_HTTP_SHAPE_BODY) {
        curl_easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(e->easy, CURLOPT_POSTFIELDS, body.len ? body.ptr : "");
    }
}

// Takes over the headers of the request, if they are good and not the ones there are.
static mcr_err take_headers(mcr_http_easy *e, const mcr_http_request *request, mcr_errbuf *err)
{
    if (same_headers(&e->given, request->headers, request->n_headers))
        return MCR_OK;
    for (size_t i = 0; i < request->n_headers; i++) {
        mcr_err code = check_header(request->headers[i], err);
        if (code != MCR_OK)
            return code;
    }
    e->given.len = 0;
    for (size_t i = 0; i < request->n_headers; i++) {
        mcr_buf_add(&e->given, request->headers[i]);
        mcr_buf_putc(&e->given, '\n');
    }
    e->stale = true;
    return MCR_OK;
}

mcr_err mcr_http_easy_ask(mcr_http_easy *e, const mcr_http_request *request, mcr_errbuf *err)
{
    // The Host header of a renamed URL is the one that it had.
    if (set_url(e, request->url) && e->server_name)
        e->stale = true;
    if (!is_token(request->method, strlen(request->method)))
        return mcr_errf(err, MCR_EINVAL, "'%.32s' is no HTTP method", request->method);
    mcr_err code = take_headers(e, request, err);
    if (code != MCR_OK)
        return code;
    set_method(e, request->method, request->body);
    if (e->stale)
        set_headers(e, true);
    return MCR_OK;
}

void mcr_http_easy_redirect(mcr_http_easy *e, const char *url, bool get, bool credentials)
{
    set_url(e, url);
    if (get && strcmp(e->method.ptr, "HEAD") != 0)
        set_method(e, "GET", (mcr_str){ 0 });
    if (e->server_name || !credentials)
        set_headers(e, credentials && !e->without_credentials);
}
