#include "net/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/base64.h"
#include "net/child.h"
#include "net/exec_credential.h"
#include "net/token_file.h"

#define SECOND ((int64_t)1000000000)

enum {
    ANSWER_MAX = 1024 * 1024 // bytes that a plugin may write
};

static const int64_t PLUGIN_TIMEOUT = 60 * SECOND;
static const int64_t EARLY = 10 * SECOND;       // at most so long before it expires it is exchanged
static const int64_t STALE_ANSWER = 2 * SECOND; // a 401 to what was sent before the exchange
static const int64_t FAILURE_HOLDS = SECOND;

typedef struct waiter {
    void (*ready)(void *self);
    void *self;
} waiter;

struct mcr_credentials {
    const mcr_kube_access *access;
    struct ev_loop *loop;
    const mcr_clock *clock;
    mcr_http *http;
    mcr_token_file token_file;
    mcr_child *plugin; // NULL: none is at work
    mcr_exec_credential given;
    int64_t given_at; // Unix ns; 0: nothing is given
    int64_t failed_at;
    mcr_errbuf failure;
    waiter *waiters;
    size_t waiting;
    size_t waiters_cap;
    bool *freed; // set when it is freed from within a `ready`
};

mcr_credentials *mcr_credentials_new(const mcr_kube_access *access, struct ev_loop *loop,
                                     const mcr_clock *clock, mcr_http *http)
{
    mcr_credentials *c = mcr_zalloc(sizeof *c);
    c->access = access;
    c->loop = loop;
    c->clock = clock;
    c->http = http;
    mcr_token_file_init(&c->token_file, access->token_file);
    return c;
}

void mcr_credentials_free(mcr_credentials *c)
{
    if (!c)
        return;
    mcr_child_stop(c->plugin);
    mcr_token_file_fini(&c->token_file);
    mcr_exec_credential_fini(&c->given);
    free(c->waiters);
    if (c->freed)
        *c->freed = true;
    free(c);
}

static mcr_credentials_state bearer(mcr_buf *header, mcr_str token)
{
    mcr_buf_puts(header, "Authorization: Bearer ");
    mcr_buf_add(header, token);
    return MCR_CREDENTIALS_READY;
}

static void wait_for(mcr_credentials *c, void (*ready)(void *self), void *self)
{
    for (size_t i = 0; i < c->waiting; i++)
        if (c->waiters[i].self == self)
            return;
    if (c->waiting == c->waiters_cap) {
        c->waiters_cap = c->waiters_cap ? c->waiters_cap * 2 : 8;
        c->waiters = mcr_realloc(c->waiters, c->waiters_cap * sizeof *c->waiters);
    }
    c->waiters[c->waiting++] = (waiter){ ready, self };
}

void mcr_credentials_forget(mcr_credentials *c, void *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->waiting; i++)
        if (c->waiters[i].self != self)
            c->waiters[kept++] = c->waiters[i];
    c->waiting = kept;
}

// Those who ask again while they are told find an answer, so this ends.
static void tell_waiters(mcr_credentials *c)
{
    bool freed = false;
    c->freed = &freed;
    while (c->waiting > 0) {
        waiter first = c->waiters[0];
        memmove(c->waiters, c->waiters + 1, --c->waiting * sizeof *c->waiters);
        first.ready(first.self);
        if (freed)
            return;
    }
    c->freed = NULL;
}

static void fail(mcr_credentials *c, const char *what, const char *why)
{
    mcr_errf(&c->failure, MCR_EIO, "%s: credential plugin '%s' %s%s", c->access->origin,
             c->access->exec->command, what, why);
    c->failed_at = mcr_clock_now(c->clock);
    mcr_log_once_a_minute(MCR_LOG_ERROR, "%s", c->failure.text);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// The client certificate of a new credential goes to the HTTP client, if it is another.
static mcr_err use_certificate(mcr_credentials *c, const mcr_exec_credential *given,
                               mcr_errbuf *err)
{
    if (same_text(given->cert_pem, c->given.cert_pem) &&
        same_text(given->key_pem, c->given.key_pem))
        return MCR_OK;
    if (!c->http)
        return mcr_errf(err, MCR_EINVAL, "gave a certificate, which cannot be used here");
    mcr_http_tls tls = c->access->tls;
    if (given->cert_pem) {
        tls.cert_file = tls.key_file = NULL;
        tls.cert_pem = given->cert_pem;
        tls.key_pem = given->key_pem;
    }
    mcr_errbuf why;
    if (mcr_http_set_tls(c->http, &tls, &why))
        return mcr_errf(err, MCR_EINVAL, "gave a certificate that cannot be used: %s", why.text);
    return MCR_OK;
}

static void on_plugin(void *self, const mcr_child_result *result)
{
    mcr_credentials *c = self;
    mcr_errbuf why;
    mcr_exec_credential given = { 0 };
    c->plugin = NULL;
    if (result->error)
        fail(c, result->error, "");
    else if (mcr_exec_credential_read(result->output, c->access->exec->api_version, &given, &why) ||
             use_certificate(c, &given, &why))
        fail(c, why.text, "");
    else {
        mcr_exec_credential old = c->given;
        c->given = given;
        given = old;
        c->given_at = mcr_clock_now(c->clock);
        c->failed_at = 0;
    }
    mcr_exec_credential_fini(&given);
    tell_waiters(c);
}

static bool names(const char *pair, const char *other)
{
    size_t len = strcspn(pair, "=");
    return strncmp(pair, other, len) == 0 && other[len] == '=';
}

// Our environment with that of the plugin on top. The array is the caller's, its strings are not.
static char **make_environment(char *const *added, char *info)
{
    size_t n = 0, m = 0;
    while (environ[n])
        n++;
    while (added && added[m])
        m++;
    char **all = mcr_alloc((n + m + 2) * sizeof *all);
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        bool hidden = names(info, environ[i]);
        for (size_t j = 0; j < m; j++)
            hidden = hidden || names(added[j], environ[i]);
        if (!hidden)
            all[size++] = environ[i];
    }
    for (size_t j = 0; j < m; j++)
        all[size++] = added[j];
    all[size++] = info;
    all[size] = NULL;
    return all;
}

static mcr_err start_plugin(mcr_credentials *c)
{
    const mcr_kube_exec *exec = c->access->exec;
    mcr_buf info = { 0 };
    mcr_errbuf why;
    mcr_buf_puts(&info, "KUBERNETES_EXEC_INFO=");
    if (mcr_exec_credential_ask(c->access, &info, &why)) {
        mcr_buf_fini(&info);
        fail(c, "cannot be asked: ", why.text);
        return MCR_EIO;
    }
    mcr_buf_cstr(&info);
    size_t n = 0;
    while (exec->args && exec->args[n])
        n++;
    char **argv = mcr_zalloc((n + 2) * sizeof *argv);
    argv[0] = exec->command;
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = exec->args[i];
    char **envp = make_environment(exec->env, info.ptr);
    int errnum;
    c->plugin =
        mcr_child_start(c->loop,
                        &(mcr_child_options){
                            .argv = argv,
                            .envp = envp,
                            .output_max = ANSWER_MAX,
                            .timeout_ns = exec->timeout_ns ? exec->timeout_ns : PLUGIN_TIMEOUT,
                            .done = on_plugin,
                            .self = c,
                        },
                        &errnum, &why);
    free((void *)argv);
    free((void *)envp);
    mcr_buf_fini(&info);
    if (c->plugin)
        return MCR_OK;
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, why.text);
    if (errnum == ENOENT && exec->install_hint)
        mcr_buf_printf(&text, ". %s", exec->install_hint);
    fail(c, "cannot be started: ", mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    return MCR_EIO;
}

// Whether what the plugin gave can still be used. It is exchanged a little before its end; what is
// at its end as it comes is used for a second, lest nothing ever were sent.
static bool is_fresh(const mcr_credentials *c, int64_t now)
{
    if (!c->given_at)
        return false;
    if (!c->given.expires)
        return true;
    int64_t life = c->given.expires - c->given_at;
    int64_t early = life / 10 < EARLY ? life / 10 : EARLY;
    int64_t until = life > 0 ? c->given.expires - early : c->given_at;
    if (until < c->given_at + SECOND)
        until = c->given_at + SECOND;
    return now < until;
}

static mcr_credentials_state from_plugin(mcr_credentials *c, mcr_buf *header,
                                         void (*ready)(void *self), void *self, mcr_errbuf *err)
{
    int64_t now = mcr_clock_now(c->clock);
    if (is_fresh(c, now))
        return c->given.token ? bearer(header, mcr_str_of(c->given.token)) : MCR_CREDENTIALS_READY;
    bool failed_lately = c->failed_at && now >= c->failed_at && now - c->failed_at < FAILURE_HOLDS;
    if (!c->plugin && (failed_lately || start_plugin(c))) {
        mcr_errf(err, MCR_EIO, "%s", c->failure.text);
        return MCR_CREDENTIALS_FAILED;
    }
    wait_for(c, ready, self);
    return MCR_CREDENTIALS_WAIT;
}

mcr_credentials_state mcr_credentials_get(mcr_credentials *c, mcr_buf *header,
                                          void (*ready)(void *self), void *self, mcr_errbuf *err)
{
    const mcr_kube_access *a = c->access;
    mcr_str token = mcr_str_of(a->token);
    if (a->exec)
        return from_plugin(c, header, ready, self, err);
    if (a->token_file) {
        if (mcr_token_file_get(&c->token_file, mcr_clock_now(c->clock), &token, err))
            return MCR_CREDENTIALS_FAILED;
        return bearer(header, token);
    }
    if (a->token) {
        if (mcr_token_trim(&token))
            return bearer(header, token);
        mcr_errf(err, MCR_EINVAL, "%s: the token has control characters in it", a->origin);
        return MCR_CREDENTIALS_FAILED;
    }
    if (a->user) {
        mcr_buf pair = { 0 };
        mcr_buf_printf(&pair, "%s:%s", a->user, a->password ? a->password : "");
        mcr_buf_puts(header, "Authorization: Basic ");
        mcr_base64_encode(header, mcr_buf_str(&pair));
        explicit_bzero(pair.ptr, pair.cap);
        mcr_buf_fini(&pair);
    }
    return MCR_CREDENTIALS_READY;
}

void mcr_credentials_refused(mcr_credentials *c)
{
    mcr_token_file_refused(&c->token_file);
    int64_t now = mcr_clock_now(c->clock);
    if (now < c->given_at || now - c->given_at >= STALE_ANSWER)
        c->given_at = 0;
}
