#include "daemon/admin.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "daemon/metrics.h"
#include "event/encode.h"
#include "net/http_server.h"

enum {
    BODY_MAX = 4096, // no request has one
    CONNECTIONS = 64,
    METRICS_PATIENCE_MS = 2000
};

struct mcr_admin {
    mcr_live *live;
    mcr_http_server *server;
    char *name; // the host of `listen`
};

// The host of "host:port", "[::1]:80" or "host".
static mcr_str host_of(mcr_str address)
{
    if (address.len && address.ptr[0] == '[') {
        const char *end = memchr(address.ptr, ']', address.len);
        return end ? mcr_str_n(address.ptr + 1, (size_t)(end - address.ptr) - 1) : address;
    }
    const char *colon = address.len ? memchr(address.ptr, ':', address.len) : NULL;
    return colon ? mcr_str_n(address.ptr, (size_t)(colon - address.ptr)) : address;
}

static bool is_host(mcr_str host, const char *name)
{
    return host.len == strlen(name) && strncasecmp(host.ptr, name, host.len) == 0;
}

// Whether a page cannot have made its own name lead here: such a request would name it.
static bool is_honest_host(const mcr_admin *a, mcr_str host)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];
    mcr_str name = host_of(host);
    if (is_host(name, "localhost") || (*a->name && is_host(name, a->name)))
        return true;
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_from_elsewhere(mcr_exchange *x, mcr_str host)
{
    mcr_str origin;
    if (!mcr_exchange_header(x, "Origin", &origin))
        return false;
    static const char scheme[] = "http://";
    size_t n = sizeof scheme - 1;
    return origin.len <= n || strncasecmp(origin.ptr, scheme, n) != 0 ||
           !mcr_str_eq(mcr_str_n(origin.ptr + n, origin.len - n), host);
}

static void reply(mcr_exchange *x, int status, const char *type, mcr_buf *body)
{
    mcr_exchange_answer(x, &(mcr_exchange_reply){ .status = status,
                                                  .content_type = type,
                                                  .headers = "Cache-Control: no-store\n"
                                                             "X-Content-Type-Options: nosniff\n",
                                                  .body = *body });
    *body = (mcr_buf){ 0 };
}

static void reply_text(mcr_exchange *x, int status, const char *text)
{
    mcr_buf body = { 0 };
    mcr_buf_printf(&body, "%s\n", text);
    reply(x, status, "text/plain; charset=utf-8", &body);
}

static void reply_json(void *arg, const mcr_live_answer *answer)
{
    mcr_exchange *x = arg;
    mcr_buf body = { 0 };
    if (answer->name) {
        mcr_buf_add(&body, answer->value);
    } else {
        mcr_buf_puts(&body, "{\"error\":");
        mcr_json_string(&body, mcr_str_of(answer->error));
        mcr_buf_putc(&body, '}');
    }
    mcr_buf_putc(&body, '\n');
    reply(x, answer->ok ? 200 : 422, "application/json", &body);
}

static void healthy(mcr_admin *a, mcr_exchange *x)
{
    (void)a;
    reply_text(x, 200, "ok");
}

static void ready(mcr_admin *a, mcr_exchange *x)
{
    const char *why;
    bool is_ready = mcr_live_is_ready(a->live, &why);
    reply_text(x, is_ready ? 200 : 503, is_ready ? "ok" : why);
}

static void ask(mcr_admin *a, const char *name, const char *who, mcr_exchange *x)
{
    mcr_live_ask(a->live, &(mcr_live_request){ .name = name, .who = who }, reply_json, x);
}

static void status(mcr_admin *a, mcr_exchange *x)
{
    ask(a, "status", "GET /-/status", x);
}

static void reload(mcr_admin *a, mcr_exchange *x)
{
    ask(a, "reload", "POST /-/reload", x);
}

static void rollback(mcr_admin *a, mcr_exchange *x)
{
    ask(a, "rollback", "POST /-/rollback", x);
}

typedef struct scrape {
    const mcr_live *live;
    mcr_exchange *x;
} scrape;

static void on_counted(void *arg, const mcr_census_result *result)
{
    scrape *s = arg;
    mcr_buf body = { 0 };
    mcr_metrics_write(&body, s->live, result);
    reply(s->x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    free(s);
}

static void metrics(mcr_admin *a, mcr_exchange *x)
{
    scrape *s = mcr_alloc(sizeof *s);
    *s = (scrape){ a->live, x };
    mcr_census_take(a->live->census, METRICS_PATIENCE_MS * INT64_C(1000000), on_counted, s);
}

static const struct {
    const char *method;
    const char *path;
    void (*serve)(mcr_admin *a, mcr_exchange *x);
} routes[] = {
    { "GET", "/-/healthy", healthy },    { "GET", "/-/ready", ready },
    { "GET", "/-/status", status },      { "POST", "/-/reload", reload },
    { "POST", "/-/rollback", rollback }, { "GET", "/metrics", metrics },
};

static void on_request(void *self, mcr_exchange *x)
{
    mcr_admin *a = self;
    mcr_str target = mcr_exchange_target(x), method = mcr_exchange_method(x), host;
    if (!mcr_exchange_header(x, "Host", &host) || !is_honest_host(a, host)) {
        reply_text(x, 403,
                   "the Host must be an address, localhost or the name that admin.listen has");
        return;
    }
    if (is_from_elsewhere(x, host)) {
        reply_text(x, 403, "pages of other sites may not ask mooncrier");
        return;
    }
    const char *query = target.len ? memchr(target.ptr, '?', target.len) : NULL;
    mcr_str path = query ? mcr_str_n(target.ptr, (size_t)(query - target.ptr)) : target;
    bool is_head = mcr_str_is(method, "HEAD"); // whose body is left out on the way
    const char *allowed = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!mcr_str_is(path, routes[i].path))
            continue;
        allowed = routes[i].method;
        if (mcr_str_is(method, allowed) || (is_head && allowed[0] == 'G')) {
            routes[i].serve(a, x);
            return;
        }
    }
    if (allowed)
        reply_text(x, 405, allowed[0] == 'G' ? "only GET here" : "only POST here");
    else
        reply_text(x, 404, "nothing here; see mooncrier(1), admin");
}

mcr_admin *mcr_admin_new(struct ev_loop *loop, mcr_live *live, const mcr_config_admin *config,
                         mcr_errbuf *err)
{
    mcr_admin *a = mcr_zalloc(sizeof *a);
    mcr_str name = host_of(mcr_str_of(config->listen));
    a->live = live;
    a->name = mcr_alloc(name.len + 1);
    memcpy(a->name, name.ptr, name.len);
    a->name[name.len] = '\0';
    a->server = mcr_http_server_new(loop,
                                    &(mcr_http_server_options){ .listen = config->listen,
                                                                .body_limit = BODY_MAX,
                                                                .connections = CONNECTIONS,
                                                                .request = on_request,
                                                                .self = a },
                                    err);
    if (a->server)
        return a;
    mcr_admin_free(a);
    return NULL;
}

const char *mcr_admin_address(const mcr_admin *a)
{
    return mcr_http_server_address(a->server);
}

void mcr_admin_free(mcr_admin *a)
{
    if (!a)
        return;
    mcr_http_server_free(a->server);
    free(a->name);
    free(a);
}
