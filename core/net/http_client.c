#include "net/http_client.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "net/curl_loop.h"
#include "net/http_keys.h"
#include "net/http_outcome.h"
#include "net/http_redirect.h"
#include "net/http_request.h"

enum {
    CONNECTIONS = 64,
    CONNECT_TIMEOUT_MS = 30 * 1000,
    ANSWER_LIMIT = 4 << 20,
    ANSWER_KEPT = 64 * 1024, // larger room is not kept for the next answer
    TCP_IDLE_S = 30
};

struct mcr_http {
    struct ev_loop *loop;
    mcr_curl_loop *curl;
    mcr_http_keys *keys;
    char *proxy; // NULL: the environment's
    char *no_proxy;
    char *user_agent;
    bool http2;
    bool compression_off;
    uint32_t connections;
    long connect_timeout_ms;
    size_t answer_limit;
    mcr_http_call *under_way;
    mcr_http_call *pool; // by `next`
    uint32_t n_pool;
    unsigned refs; // its owner's, and one for each callback on the stack
    bool freed;    // by its owner
};

struct mcr_http_call {
    mcr_http *http;
    mcr_http_call *next, *prev;
    mcr_curl_loop *curl; // where the transfer is; NULL: there is none
    mcr_http_keys *keys;
    mcr_http_easy ask;
    ev_timer deadline;
    mcr_buf answer;
    mcr_buf error; // of a request that cannot be made, until its callback
    char said[CURL_ERROR_SIZE];
    mcr_http_redirects redirects;
    unsigned redirected;
    unsigned begun; // how often curl was about to send this request
    bool too_large;
    bool ending; // its callback is on the stack
    int64_t timeout_ns;
    int64_t started;
    int status;
    void (*done)(void *self, const mcr_http_answer *answer);
    void *self;
};

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void mcr_http_global_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *self)
{
    mcr_http_call *call = self;
    size_t len = one * n;
    if (len > call->http->answer_limit - call->answer.len) {
        call->too_large = true;
        return 0;
    }
    mcr_buf_append(&call->answer, bytes, len);
    return len;
}

// When a kept connection turns out to be closed, curl sends the request once more on a new one,
// also if the server may have done it already. We are to send it once.
// NOLINTNEXTLINE(readability-non-const-parameter): the type is curl's
static int on_begin(void *self, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    mcr_http_call *call = self;
    return call->begun++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static CURL *new_easy(mcr_http_call *call)
{
    const mcr_http *http = call->http;
    CURL *easy = curl_easy_init();
    if (!easy)
        abort(); // out of memory
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A request that ends while its name is looked up must not wait for the resolver.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->said);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, http->compression_off ? NULL : "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, http->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)TCP_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)TCP_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(http->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    // One connection for many requests, rather than one for each that comes before the first is up.
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, http->http2 ? 1L : 0L);
    if (http->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, http->no_proxy);
    mcr_http_keys_apply(call->keys, easy);
    return easy;
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events);

static mcr_http_call *new_call(mcr_http *http)
{
    mcr_http_call *call = mcr_zalloc(sizeof *call);
    call->http = http;
    call->keys = mcr_http_keys_ref(http->keys);
    ev_timer_init(&call->deadline, on_deadline, 0, 0);
    call->deadline.data = call;
    mcr_http_easy_init(&call->ask, new_easy(call), mcr_http_keys_server_name(call->keys));
    return call;
}

static void free_call(mcr_http_call *call)
{
    mcr_http_easy_fini(&call->ask);
    mcr_http_keys_unref(call->keys);
    mcr_buf_fini(&call->answer);
    mcr_buf_fini(&call->error);
    free(call);
}

static void empty_pool(mcr_http *http)
{
    while (http->pool) {
        mcr_http_call *call = http->pool;
        http->pool = call->next;
        free_call(call);
    }
    http->n_pool = 0;
}

// Puts a call that is over back, for the next one.
static void release(mcr_http *http, mcr_http_call *call)
{
    if (call->keys != http->keys || http->n_pool >= http->connections) {
        free_call(call);
        return;
    }
    if (call->answer.cap > ANSWER_KEPT)
        mcr_buf_fini(&call->answer);
    call->ending = false;
    call->next = http->pool;
    http->pool = call;
    http->n_pool++;
}

static void unref(mcr_http *http)
{
    if (--http->refs)
        return;
    free(http->proxy);
    free(http->no_proxy);
    free(http->user_agent);
    free(http);
}

// Takes the call off the loop and out of the list.
static void detach(mcr_http_call *call)
{
    mcr_http *http = call->http;
    ev_timer_stop(http->loop, &call->deadline);
    if (call->curl)
        mcr_curl_loop_remove(call->curl, call->ask.easy);
    call->curl = NULL;
    if (call->prev)
        call->prev->next = call->next;
    else
        http->under_way = call->next;
    if (call->next)
        call->next->prev = call->prev;
}

// The error, if any, is in call->error.
static void finish(mcr_http_call *call, mcr_http_outcome outcome)
{
    mcr_http *http = call->http;
    detach(call);
    call->ending = true;
    const mcr_http_answer answer = {
        .outcome = outcome,
        .error = mcr_buf_cstr(&call->error),
        .status = call->status,
        .body = mcr_buf_str(&call->answer),
        .url = mcr_buf_str(&call->ask.url),
        .took_ns = mcr_clock_monotonic() - call->started,
        .call = call,
    };
    http->refs++;
    call->done(call->self, &answer);
    if (http->freed)
        free_call(call);
    else
        release(http, call);
    unref(http);
}

static mcr_http_ending ending_of(const mcr_http_call *call)
{
    return (mcr_http_ending){ .easy = call->ask.easy,
                              .url = call->ask.url.ptr,
                              .said = call->said,
                              .begun = call->begun,
                              .redirects = call->redirected,
                              .status = call->status,
                              .too_large = call->too_large,
                              .answer_limit = call->http->answer_limit };
}

// The status of the answer, of which more may be to come. What goes before it (1xx) is none.
static int status_so_far(const mcr_http_call *call)
{
    long status = 0;
    if (call->begun)
        curl_easy_getinfo(call->ask.easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 ? (int)status : 0;
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    mcr_http_call *call = timer->data;
    if (!call->curl) {
        finish(call, MCR_HTTP_BAD_URL);
        return;
    }
    call->status = status_so_far(call);
    const mcr_http_ending ending = ending_of(call);
    finish(call, mcr_http_outcome_late(&ending, call->timeout_ns, &call->error));
}

static void begin(mcr_http_call *call)
{
    call->answer.len = 0;
    call->said[0] = '\0';
    call->begun = 0;
    call->too_large = false;
    call->status = 0;
    call->curl = call->http->curl;
    mcr_curl_loop_add(call->curl, call->ask.easy, call);
}

// Follows a redirect, if the answer is one to follow. False with *outcome changed and a phrase if
// it cannot be followed.
static bool follow(mcr_http_call *call, mcr_http_outcome *outcome)
{
    mcr_http_follow how = mcr_http_follow_of(call->redirects, call->status);
    struct curl_header *location;
    if (how == MCR_HTTP_FOLLOW_NOT ||
        curl_easy_header(call->ask.easy, "Location", 0, CURLH_HEADER, -1, &location) != CURLHE_OK)
        return false;
    mcr_buf url = { 0 };
    bool on = false;
    const char *from = call->ask.url.ptr;
    if (call->redirected + 1 == MCR_HTTP_MAX_REQUESTS) {
        mcr_http_put_peer(&call->error, from);
        mcr_buf_printf(&call->error, ": stopped after %d redirects", MCR_HTTP_MAX_REQUESTS);
    } else if (!mcr_http_redirect_url(from, location->value, &url)) {
        mcr_http_put_peer(&call->error, from);
        mcr_buf_printf(&call->error, ": redirects to what is no URL: %.200s", location->value);
    } else {
        on = true;
    }
    if (on) {
        const char *to = mcr_buf_cstr(&url);
        call->redirected++;
        mcr_http_easy_redirect(&call->ask, to, how == MCR_HTTP_FOLLOW_GET,
                               mcr_http_same_host(from, to));
        begin(call);
    } else {
        *outcome = MCR_HTTP_BROKEN;
    }
    mcr_buf_fini(&url);
    return on;
}

static void on_done(void *self, CURL *easy, CURLcode code)
{
    mcr_http_call *call = self;
    (void)easy;
    call->curl = NULL;
    call->status = status_so_far(call);
    const mcr_http_ending ending = ending_of(call);
    mcr_http_outcome outcome = mcr_http_outcome_of(code, &ending, &call->error);
    if (outcome == MCR_HTTP_ANSWERED && follow(call, &outcome))
        return;
    finish(call, outcome);
}

// Asking the environment for each request is not for nothing: do it once.
static bool environment_has_proxy(void)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return true;
    }
    return false;
}

// The exceptions of the environment, and this machine itself: as with Go, the environment's proxy
// is not for who reaches a cluster through a tunnel or runs one here.
static char *environment_exceptions(void)
{
    const char *said = getenv("no_proxy");
    if (!said)
        said = getenv("NO_PROXY");
    if (said && strcmp(said, "*") == 0)
        return mcr_strdup(said);
    mcr_buf all = { 0 };
    mcr_buf_printf(&all, "%s%slocalhost,127.0.0.0/8,::1", said ? said : "",
                   said && *said ? "," : "");
    mcr_buf_cstr(&all);
    return all.ptr;
}

mcr_http *mcr_http_new(struct ev_loop *loop, const mcr_http_options *options, mcr_errbuf *err)
{
    mcr_http_keys *keys = mcr_http_keys_new(&options->tls, err);
    if (!keys)
        return NULL;
    mcr_http *http = mcr_zalloc(sizeof *http);
    http->loop = loop;
    http->keys = keys;
    http->refs = 1;
    http->http2 = options->http2;
    http->compression_off = options->compression_off;
    http->connections = options->connections ? options->connections : CONNECTIONS;
    http->connect_timeout_ms = options->connect_timeout_ns
                                   ? (long)((options->connect_timeout_ns + 999999) / 1000000)
                                   : CONNECT_TIMEOUT_MS;
    http->answer_limit = options->answer_limit ? options->answer_limit : ANSWER_LIMIT;
    http->user_agent =
        mcr_strdup(options->user_agent ? options->user_agent : "mooncrier/" MCR_VERSION);
    http->proxy = mcr_strdup(options->proxy ? options->proxy : environment_has_proxy() ? NULL : "");
    http->no_proxy = http->proxy ? mcr_strdup("") : environment_exceptions();
    http->curl = mcr_curl_loop_new(loop, http->connections, on_done);
    return http;
}

void mcr_http_free(mcr_http *http)
{
    if (!http)
        return;
    http->freed = true;
    for (mcr_http_call *call = http->under_way, *next; call; call = next) {
        next = call->next;
        detach(call);
        free_call(call);
    }
    empty_pool(http);
    mcr_curl_loop_retire(http->curl);
    mcr_http_keys_unref(http->keys);
    unref(http);
}

mcr_err mcr_http_set_tls(mcr_http *http, const mcr_http_tls *tls, mcr_errbuf *err)
{
    mcr_http_keys *keys = mcr_http_keys_new(tls, err);
    if (!keys)
        return MCR_EINVAL;
    mcr_http_keys_unref(http->keys);
    http->keys = keys;
    empty_pool(http);
    // Another multi handle: connections and TLS sessions of the old one are out of reach.
    mcr_curl_loop_retire(http->curl);
    http->curl = mcr_curl_loop_new(http->loop, http->connections, on_done);
    return MCR_OK;
}

static mcr_http_call *take_call(mcr_http *http)
{
    mcr_http_call *call = http->pool;
    if (!call)
        return new_call(http);
    http->pool = call->next;
    http->n_pool--;
    return call;
}

mcr_http_call *mcr_http_send(mcr_http *http, const mcr_http_request *request)
{
    mcr_http_call *call = take_call(http);
    call->prev = NULL;
    call->next = http->under_way;
    if (call->next)
        call->next->prev = call;
    http->under_way = call;
    call->done = request->done;
    call->self = request->self;
    call->redirects = request->redirects;
    call->redirected = 0;
    call->timeout_ns = request->timeout_ns;
    call->started = mcr_clock_monotonic();
    call->error.len = 0;

    mcr_errbuf err;
    bool good = mcr_http_easy_ask(&call->ask, request, &err) == MCR_OK;
    if (good) {
        begin(call);
    } else {
        call->status = 0;
        call->answer.len = 0;
        mcr_buf_puts(&call->error, err.text);
    }
    if (!good || call->timeout_ns > 0) {
        ev_now_update(http->loop);
        ev_timer_set(&call->deadline, good ? (double)call->timeout_ns / 1e9 : 0, 0);
        ev_timer_start(http->loop, &call->deadline);
    }
    return call;
}

void mcr_http_cancel(mcr_http_call *call)
{
    if (call->ending)
        return;
    detach(call);
    release(call->http, call);
}

bool mcr_http_answer_header(const mcr_http_answer *answer, const char *name, size_t n,
                            mcr_str *value)
{
    struct curl_header *header;
    if (!answer->status ||
        curl_easy_header(answer->call->ask.easy, name, n, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return false;
    *value = mcr_str_of(header->value);
    // libcurl 7.88 leaves the line's end in a value that is empty.
    while (value->len && strchr(" \t\r\n", value->ptr[value->len - 1]))
        value->len--;
    return true;
}
