#include "sink/webhook_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/shown.h"
#include "net/base64.h"

enum {
    HEADERS_MAX = 64,
    EXCERPT_MAX = 1000, // bytes of an answer's body in a message
    SECRET_MIN = 4      // shorter ones would cross out half of the text
};

typedef struct header_lines {
    mcr_str at[HEADERS_MAX];
    size_t n;
} header_lines;

static size_t name_length(mcr_str line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    return colon ? (size_t)(colon - line.ptr) : 0;
}

static bool same_name(mcr_str a, mcr_str b)
{
    size_t len = name_length(a);
    return len == name_length(b) && strncasecmp(a.ptr, b.ptr, len) == 0;
}

// Puts the line in place of one with its name, or at the end.
static bool set_line(header_lines *lines, mcr_str line)
{
    size_t at = 0;
    while (at < lines->n && !same_name(lines->at[at], line))
        at++;
    if (at == HEADERS_MAX)
        return false;
    lines->at[at] = line;
    lines->n += at == lines->n;
    return true;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static mcr_err check_line(mcr_str line, mcr_errbuf *err)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const ours[] = { "Content-Length", "Transfer-Encoding", "Connection",
                                        "Content-Encoding" };
    size_t len = name_length(line);
    for (size_t i = 0; i < len; i++)
        if (!line.ptr[i] || !strchr(token, line.ptr[i]))
            len = 0;
    if (!len)
        return mcr_errf(err, MCR_EINVAL, "a header has no name that HTTP allows");
    for (size_t i = len; i < line.len; i++)
        if (is_control(line.ptr[i]))
            return mcr_errf(err, MCR_EINVAL, "header '%.*s' has control characters in it", (int)len,
                            line.ptr);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == len && strncasecmp(line.ptr, ours[i], len) == 0)
            return mcr_errf(err, MCR_EINVAL, "header '%s' is not yours to set", ours[i]);
    return MCR_OK;
}

mcr_err mcr_webhook_check_headers(const mcr_option_map *headers, mcr_errbuf *err)
{
    mcr_err code = MCR_OK;
    if (headers->n > HEADERS_MAX / 2)
        return mcr_errf(err, MCR_EINVAL, "more than %d headers", HEADERS_MAX / 2);
    for (size_t i = 0; i < headers->n && !code; i++) {
        mcr_buf line = { 0 };
        mcr_buf_printf(&line, "%s: %s", headers->entries[i].name, headers->entries[i].value);
        code = strchr(headers->entries[i].name, ':')
                   ? mcr_errf(err, MCR_EINVAL, "a header has no name that HTTP allows")
                   : check_line(mcr_buf_str(&line), err);
        mcr_buf_fini(&line);
    }
    return code;
}

static const char *content_type(const mcr_webhook_options *o)
{
    return o->batch_events > 1 && o->batch_format == MCR_WEBHOOK_NDJSON
               ? "Content-Type: application/x-ndjson"
               : "Content-Type: application/json";
}

// The lines of a rendered text, each checked.
static mcr_err add_rendered(header_lines *lines, mcr_str text, mcr_errbuf *err)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        mcr_str line = mcr_str_n(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
        size_t step = line.len + (end != NULL);
        text.ptr += step;
        text.len -= (uint32_t)step;
        mcr_err code = check_line(line, err);
        if (code)
            return code;
        if (!set_line(lines, line))
            return mcr_errf(err, MCR_EINVAL, "more than %d headers", HEADERS_MAX);
    }
    return MCR_OK;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);
    return c && at ? (int)(at - digits) : -1;
}

// "user:password" of a URL without its escapes, as a header.
static void add_userinfo(mcr_buf *out, mcr_str userinfo)
{
    mcr_buf plain = { 0 };
    for (size_t i = 0; i < userinfo.len; i++) {
        int high =
            userinfo.ptr[i] == '%' && i + 2 < userinfo.len ? hex_digit(userinfo.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(userinfo.ptr[i + 2]) : -1;
        mcr_buf_putc(&plain, low >= 0 ? (char)(high << 4 | low) : userinfo.ptr[i]);
        i += low >= 0 ? 2 : 0;
    }
    if (!strchr(mcr_buf_cstr(&plain), ':'))
        mcr_buf_putc(&plain, ':');
    mcr_buf_puts(out, "Authorization: Basic ");
    mcr_base64_encode(out, mcr_buf_str(&plain));
    mcr_buf_fini(&plain);
}

static mcr_err check_words(mcr_str method, mcr_str url, mcr_errbuf *err)
{
    for (size_t i = 0; i < method.len; i++)
        if (method.ptr[i] < 'A' || method.ptr[i] > 'Z')
            return mcr_errf(err, MCR_EINVAL, "the method must be capital letters, such as POST");
    if (!url.len)
        return mcr_errf(err, MCR_EINVAL, "there is no 'url', and the render hook gave none");
    if (!(url.len > 8 && strncasecmp(url.ptr, "https://", 8) == 0) &&
        !(url.len > 7 && strncasecmp(url.ptr, "http://", 7) == 0))
        return mcr_errf(err, MCR_EINVAL, "the URL must begin with http:// or https://");
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f)
            return mcr_errf(err, MCR_EINVAL, "the URL has white space or control characters in it");
    return MCR_OK;
}

mcr_err mcr_webhook_target(const mcr_webhook_options *o, mcr_str url, const mcr_rendered *rendered,
                           mcr_buf *out, mcr_errbuf *err)
{
    mcr_str method = mcr_str_of(o->method ? o->method : "POST");
    if (rendered && rendered->method.len)
        method = mcr_buf_str(&rendered->method);
    if (rendered && rendered->url.len)
        url = mcr_buf_str(&rendered->url);
    mcr_err code = check_words(method, url, err);
    if (code)
        return code;
    header_lines lines = { .n = 0 };
    mcr_buf given = { 0 }, authorization = { 0 };
    for (size_t i = 0; i < o->headers.n; i++)
        mcr_buf_printf(&given, "%s: %s\n", o->headers.entries[i].name, o->headers.entries[i].value);
    set_line(&lines, mcr_str_of(content_type(o)));
    const char *host = (const char *)memmem(url.ptr, url.len, "://", 3) + 3; // check_words saw it
    size_t rest = (size_t)(url.ptr + url.len - host), authority = 0;
    while (authority < rest && !strchr("/?#", host[authority]))
        authority++;
    const char *at = memrchr(host, '@', authority);
    if (at) {
        add_userinfo(&authorization, mcr_str_n(host, (size_t)(at - host)));
        set_line(&lines, mcr_buf_str(&authorization));
    }
    code = add_rendered(&lines, mcr_buf_str(&given), err);
    if (!code && rendered)
        code = add_rendered(&lines, mcr_buf_str(&rendered->headers), err);
    if (!code) {
        mcr_buf_add(out, method);
        mcr_buf_putc(out, ' ');
        mcr_buf_append(out, url.ptr, (size_t)(host - url.ptr));
        const char *from = at ? at + 1 : host;
        mcr_buf_append(out, from, (size_t)(url.ptr + url.len - from));
        mcr_buf_putc(out, '\n');
        for (size_t i = 0; i < lines.n; i++) {
            mcr_buf_add(out, lines.at[i]);
            mcr_buf_putc(out, '\n');
        }
    }
    mcr_buf_fini(&given);
    mcr_buf_fini(&authorization);
    return code;
}

// The URL of a target.
static mcr_str url_of(mcr_str target)
{
    const char *from = memchr(target.ptr, ' ', target.len);
    const char *end = memchr(target.ptr, '\n', target.len);
    return mcr_str_n(from + 1, (size_t)(end - from - 1));
}

// "https://host:port" of a URL; who is in front of it does not count.
static void origin_of(mcr_str url, mcr_buf *out)
{
    const char *end = url.ptr + url.len, *host = memmem(url.ptr, url.len, "://", 3);
    if (!host)
        return;
    host += 3;
    size_t len = 0;
    while (host + len < end && !strchr("/?#", host[len]))
        len++;
    const char *at = memrchr(host, '@', len);
    mcr_buf_append(out, url.ptr, (size_t)(host - url.ptr));
    const char *from = at ? at + 1 : host;
    mcr_buf_append(out, from, (size_t)(host + len - from));
}

bool mcr_webhook_own_server(const mcr_webhook_options *o, mcr_str target)
{
    if (!o->url)
        return true; // there is no other
    mcr_buf own = { 0 }, asked = { 0 };
    origin_of(mcr_str_of(o->url), &own);
    origin_of(url_of(target), &asked);
    bool same = own.len == asked.len && strcasecmp(mcr_buf_cstr(&own), mcr_buf_cstr(&asked)) == 0;
    mcr_buf_fini(&own);
    mcr_buf_fini(&asked);
    return same;
}

int64_t mcr_webhook_retry_after(const mcr_http_answer *answer, int64_t now)
{
    static const int64_t second = 1000000000;
    mcr_str value;
    char text[64];
    if (!mcr_http_answer_header(answer, "Retry-After", 0, &value) || !value.len ||
        value.len >= sizeof text)
        return -1;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    if (strspn(text, "0123456789") == value.len)
        return value.len > 9 ? INT64_MAX / 2 : strtoll(text, NULL, 10) * second;
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!rest || *rest)
        return -1;
    int64_t seconds = timegm(&tm);
    return seconds * second > now ? seconds * second - now : 0;
}

static void cross_out(mcr_buf *text, const char *secret)
{
    size_t len = secret ? strlen(secret) : 0;
    if (len < SECRET_MIN)
        return;
    for (char *at = text->ptr;
         at && (at = memmem(at, (size_t)(text->ptr + text->len - at), secret, len)); at++)
        memset(at, '*', len);
}

// The beginning of a body on one line, cut at the end of a character.
static void add_excerpt(mcr_buf *out, mcr_str body, const char *const *secrets)
{
    mcr_buf copy = { 0 };
    mcr_buf_append(&copy, body.ptr, body.len < 4 * EXCERPT_MAX ? body.len : 4 * EXCERPT_MAX);
    for (; *secrets; secrets++)
        cross_out(&copy, *secrets);
    size_t len = copy.len;
    if (len > EXCERPT_MAX)
        for (len = EXCERPT_MAX; len > 0 && (copy.ptr[len] & 0xC0) == 0x80;)
            len--;
    bool cut = len < body.len;
    while (len && strchr(" \t\r\n", copy.ptr[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        mcr_buf_putc(out, is_control(copy.ptr[i]) ? ' ' : copy.ptr[i]);
    if (cut)
        mcr_buf_puts(out, "…");
    mcr_buf_fini(&copy);
}

size_t mcr_webhook_reason(mcr_buf *out, mcr_str target, const mcr_http_answer *answer,
                          const char *const *secrets)
{
    mcr_buf url = { 0 };
    mcr_buf_add(&url, url_of(target));
    mcr_buf_append(out, target.ptr,
                   (size_t)((const char *)memchr(target.ptr, ' ', target.len) - target.ptr));
    mcr_buf_putc(out, ' ');
    mcr_url_shown(out, mcr_buf_cstr(&url));
    mcr_buf_fini(&url);
    if (answer->outcome != MCR_HTTP_ANSWERED) {
        mcr_buf_puts(out, ": ");
        mcr_buf_puts(out, answer->error);
        if (!answer->status)
            return out->len;
    }
    mcr_buf_printf(out, ": answered %d", answer->status);
    if (answer->status >= 300 && answer->status < 400)
        mcr_buf_puts(out, ", a redirect that is not followed");
    size_t len = out->len;
    if (answer->body.len) {
        mcr_buf_puts(out, ": ");
        add_excerpt(out, answer->body, secrets);
    }
    return len;
}

static bool is_authorization(mcr_str line)
{
    static const char name[] = "Authorization:";
    return line.len >= sizeof name - 1 && strncasecmp(line.ptr, name, sizeof name - 1) == 0;
}

size_t mcr_webhook_header_lines(mcr_str target, mcr_str authorization, bool gzip, mcr_str *lines)
{
    size_t n = 0;
    bool own = false;
    const char *at = memchr(target.ptr, '\n', target.len), *end = target.ptr + target.len;
    for (at++; at < end && n < MCR_WEBHOOK_HEADERS_MAX - 2;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        lines[n] = mcr_str_n(at, (size_t)(stop - at));
        own = own || is_authorization(lines[n]);
        n++;
        at = stop + 1;
    }
    if (authorization.len && !own)
        lines[n++] = authorization;
    if (gzip)
        lines[n++] = MCR_STR("Content-Encoding: gzip");
    return n;
}

mcr_batch_limits mcr_webhook_limits(const mcr_webhook_options *o)
{
    bool many = o->batch_events > 1, lines = o->batch_format == MCR_WEBHOOK_NDJSON;
    const char *prefix = many && !lines ? "[" : "", *separator = lines ? "\n" : ",",
               *suffix = !many   ? ""
                         : lines ? "\n"
                                 : "]";
    return (mcr_batch_limits){
        .events = (size_t)o->batch_events,
        .bytes = (size_t)o->batch_bytes,
        .wait = o->batch_wait,
        .prefix = mcr_str_of(o->batch_prefix ? o->batch_prefix : prefix),
        .separator = mcr_str_of(o->batch_separator ? o->batch_separator : separator),
        .suffix = mcr_str_of(o->batch_suffix ? o->batch_suffix : suffix),
    };
}

bool mcr_webhook_is_about_the_body(int status)
{
    return status == 400 || status == 409 || status == 413 || status == 422;
}
