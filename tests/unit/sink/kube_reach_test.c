// How the sink "kube" reaches a server, from a kubeconfig or a pod's files to the request that
// comes in: authorities, certificates, tokens, plugins, proxies, what is said of it, and its
// limiter.

#include "sample.h"

#include <ev.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/base64.h"
#include "sink/kinds.h"
#include "sink/kube.h"
#include "support/scripted_server.h"

#define TLS_FILE(name) MCR_TEST_DATA "/tls/" name

static const scripted_tls plain_tls = { .cert_file = TLS_FILE("server.pem"),
                                        .key_file = TLS_FILE("server-key.pem") };
static const scripted_tls strict_tls = { .cert_file = TLS_FILE("server.pem"),
                                         .key_file = TLS_FILE("server-key.pem"),
                                         .client_ca_file = TLS_FILE("ca.pem") };

typedef struct world {
    scripted_server *server;
    struct ev_loop *loop;
    char *config; // a scratch directory's file
    mcr_kube_options options;
    mcr_sink *sink;
    mcr_errbuf err;
    mcr_buf said; // on stderr while it was opened
} world;

static void begin_world(world *w, const scripted_tls *tls)
{
    memset(w, 0, sizeof *w);
    w->server = scripted_server_new(tls);
    scripted_server_answer(w->server, (scripted_reply){ .mode = SCRIPTED_ECHO,
                                                        .headers = "Content-Type: "
                                                                   "application/json\n" });
    w->loop = ev_loop_new(EVFLAG_AUTO);
    w->config = scratch_path("config");
    mcr_sink_kind_kube.defaults(&w->options);
    // The first try is the last one: the wait for the next would end past the deadline.
    w->options.wait = w->options.max_wait = 100 * SECOND;
    w->options.deadline = 50 * SECOND;
}

static void append_file_as_base64(mcr_buf *out, const char *path)
{
    mcr_buf text = read_file(path);
    mcr_base64_encode(out, mcr_buf_str(&text));
    mcr_buf_fini(&text);
}

// Writes the kubeconfig: in the texts, "%" is the server's URL, "$ca", "$cert" and "$key" the
// base64 of these files, "@" the folder of the kubeconfig.
static void write_kubeconfig(world *w, const char *cluster, const char *user)
{
    mcr_buf text = { 0 };
    mcr_buf_printf(&text,
                   "current-context: wrong\n"
                   "contexts: [{name: c, context: {cluster: k, user: u}},\n"
                   "  {name: wrong, context: {cluster: none, user: none}}]\n"
                   "clusters:\n- name: k\n  cluster: {%s}\nusers:\n- name: u\n  user: {%s}\n",
                   cluster, user);
    FILE *file = fopen(w->config, "we");
    assert_non_null(file);
    mcr_buf out = { 0 };
    for (const char *at = mcr_buf_cstr(&text); *at; at++) {
        static const struct {
            const char *word;
            const char *path;
        } words[] = { { "$ca", TLS_FILE("ca.pem") },
                      { "$cert", TLS_FILE("client.pem") },
                      { "$key", TLS_FILE("client-key.pem") } };
        size_t i = 0;
        while (i < 3 && strncmp(at, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i < 3) {
            append_file_as_base64(&out, words[i].path);
            at += strlen(words[i].word) - 1;
        } else if (*at == '%') {
            mcr_buf_puts(&out, scripted_server_url(w->server));
        } else if (*at == '@') {
            mcr_buf_append(&out, w->config, (size_t)(strrchr(w->config, '/') - w->config));
        } else {
            mcr_buf_putc(&out, *at);
        }
    }
    assert_int_equal(fwrite(out.ptr, 1, out.len, file), out.len);
    fclose(file);
    mcr_buf_fini(&text);
    mcr_buf_fini(&out);
    w->options.access.kubeconfig = w->config;
    w->options.access.context = "c";
}

static void write_file(const world *w, const char *name, const char *text, mode_t mode)
{
    mcr_buf path = { 0 };
    mcr_buf_append(&path, w->config, (size_t)(strrchr(w->config, '/') + 1 - w->config));
    mcr_buf_puts(&path, name);
    FILE *file = fopen(mcr_buf_cstr(&path), "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path.ptr, mode), 0);
    mcr_buf_fini(&path);
}

// Opens the sink, with standard error into w->said. False: it was refused.
static bool open_sink(world *w)
{
    FILE *catch = tmpfile();
    assert_non_null(catch);
    int old = dup(STDERR_FILENO);
    dup2(fileno(catch), STDERR_FILENO);
    w->sink = mcr_sink_kind_kube.open(&w->options, &w->err);
    dup2(old, STDERR_FILENO);
    close(old);
    rewind(catch);
    char said[2048];
    mcr_buf_append(&w->said, said, fread(said, 1, sizeof said, catch));
    mcr_buf_cstr(&w->said);
    fclose(catch);
    if (!w->sink)
        return false;
    w->sink->name = "cluster";
    w->sink->watcher = "w";
    mcr_sink_kind_kube.start(w->sink, w->loop);
    return true;
}

static void on_too_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
    fail_msg("a minute, and nothing is decided");
}

static void write_events(world *w, int n)
{
    ev_timer timer;
    ev_timer_init(&timer, on_too_late, 60, 0);
    ev_timer_start(w->loop, &timer);
    for (int i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        mcr_event fields = sample_fields();
        fields.metadata.name = mcr_str_of(name);
        fields.count = 1;
        mcr_event *ev = mcr_event_new(&fields);
        mcr_sink_kind_kube.write(w->sink, &ev, 1, 0);
        mcr_event_unref(ev);
    }
    while (w->sink->counts.in_flight)
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &timer);
}

static void end_world(world *w)
{
    if (w->sink)
        mcr_sink_kind_kube.close(w->sink);
    ev_loop_destroy(w->loop);
    scripted_server_free(w->server);
    mcr_buf_fini(&w->said);
    char command[256];
    snprintf(command, sizeof command, "rm -r '%.*s'", (int)(strrchr(w->config, '/') - w->config),
             w->config);
    assert_int_equal(system(command), 0);
    free(w->config);
}

static const char plugin[] =
    "#!/bin/sh\n"
    "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",'\n"
    "echo '\"status\":{\"token\":\"'$1-$WHO'\"}}'\n";

typedef struct way {
    const scripted_tls *tls;
    const char *cluster;
    const char *user;
    const char *authorization; // "": none
    bool refused;              // no request may come in
    bool client_cert;
    const char *says; // a warning; NULL: nothing
} way;

static const way ways[] = {
    { NULL, "server: '%'", "token: sesame", .authorization = "Bearer sesame" },
    { NULL, "server: '%'", "tokenFile: token", .authorization = "Bearer from-a-file" },
    { NULL, "server: '%'", "username: me, password: pw", .authorization = "Basic bWU6cHc=" },
    { NULL, "server: '%'",
      "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [arg],"
      " env: [{name: WHO, value: me}], interactiveMode: Never}",
      .authorization = "Bearer arg-me" },
    // The server is known by an authority, as a file or in the kubeconfig, or not at all.
    { &plain_tls, "server: '%', certificate-authority: '" TLS_FILE("ca.pem") "'", "token: t",
      .authorization = "Bearer t" },
    { &plain_tls, "server: '%', certificate-authority-data: $ca", "token: t",
      .authorization = "Bearer t" },
    { &plain_tls, "server: '%', certificate-authority: '" TLS_FILE("other-ca.pem") "'", "token: t",
      .refused = true },
    { &plain_tls, "server: '%'", "token: t", .refused = true },
    { &plain_tls, "server: '%', certificate-authority-data: $ca, tls-server-name: wrong.test",
      "token: t", .refused = true },
    { &plain_tls, "server: '%', certificate-authority-data: $ca, tls-server-name: kubernetes.test",
      "token: t", .authorization = "Bearer t" },
    { &plain_tls, "server: '%', insecure-skip-tls-verify: true", "token: t",
      .authorization = "Bearer t",
      .says = ", context c: insecure-skip-tls-verify: anybody may answer as https://127.0.0.1:" },
    // The client's certificate.
    { &strict_tls, "server: '%', certificate-authority-data: $ca",
      "client-certificate: '" TLS_FILE("client.pem") "', client-key: '" TLS_FILE(
          "client-key.pem") "'",
      .authorization = "", .client_cert = true },
    { &strict_tls, "server: '%', certificate-authority-data: $ca",
      "client-certificate-data: $cert, client-key-data: $key", .authorization = "",
      .client_cert = true },
    { &strict_tls, "server: '%', certificate-authority-data: $ca", "token: t", .refused = true },
};

static void each_way_that_a_kubeconfig_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const way *row = &ways[i];
        world w;
        begin_world(&w, row->tls);
        write_file(&w, "token", "from-a-file\n", 0600);
        write_file(&w, "plugin", plugin, 0700);
        write_kubeconfig(&w, row->cluster, row->user);
        if (!open_sink(&w))
            fail_msg("row %zu: %s", i, w.err.text);
        if (row->says ? !strstr(w.said.ptr, row->says) : w.said.len > 0)
            fail_msg("row %zu says: %s", i, w.said.ptr);
        write_events(&w, 1);
        if (w.sink->counts.delivered != !row->refused ||
            scripted_server_requests(w.server) != !row->refused)
            fail_msg("row %zu: %d delivered, %d requests", i, (int)w.sink->counts.delivered,
                     (int)scripted_server_requests(w.server));
        if (!row->refused) {
            const scripted_request *asked = scripted_server_request(w.server, 0);
            char value[128] = "";
            scripted_request_header(asked, "Authorization", value, sizeof value);
            assert_string_equal(value, row->authorization);
            assert_int_equal(asked->client_cert, row->client_cert);
        }
        end_world(&w);
    }
}

// proxy-url wins over the environment's proxy and its exceptions.
static void a_kubeconfig_s_proxy(void **state)
{
    (void)state;
    world w;
    begin_world(&w, NULL);
    setenv("no_proxy", "*", 1);
    write_kubeconfig(&w, "server: 'http://kube.invalid:6443', proxy-url: '%'", "token: t");
    assert_true(open_sink(&w));
    write_events(&w, 1);
    unsetenv("no_proxy");
    assert_int_equal(w.sink->counts.delivered, 1);
    assert_string_equal(scripted_server_request(w.server, 0)->uri,
                        "http://kube.invalid:6443/api/v1/namespaces/default/events");
    end_world(&w);
}

static void a_proxy_of_the_environment(void **state)
{
    (void)state;
    static const char *const exceptions[] = { "", "kube.invalid" };
    for (size_t i = 0; i < 2; i++) {
        world w;
        begin_world(&w, NULL);
        scripted_server_clear(w.server);
        scripted_server_answer(w.server, (scripted_reply){ .status = 403 });
        setenv("HTTPS_PROXY", scripted_server_url(w.server), 1);
        setenv("NO_PROXY", exceptions[i], 1);
        write_kubeconfig(&w, "server: 'https://kube.invalid:6443'", "token: t");
        assert_true(open_sink(&w));
        write_events(&w, 1);
        unsetenv("HTTPS_PROXY");
        unsetenv("NO_PROXY");
        assert_int_equal(w.sink->counts.delivered, 0); // no tunnel, no such host
        assert_int_equal(scripted_server_requests(w.server), i == 0);
        if (i == 0)
            assert_string_equal(scripted_server_request(w.server, 0)->method, "CONNECT");
        end_world(&w);
    }
}

static void a_pod_s_service_account(void **state)
{
    (void)state;
    world w;
    begin_world(&w, &plain_tls);
    char port[16], *folder = strndup(w.config, (size_t)(strrchr(w.config, '/') - w.config));
    snprintf(port, sizeof port, "%d", scripted_server_port(w.server));
    w.options.access = (mcr_kube_access_options){ .in_cluster = true, .service_account = folder };
    assert_false(open_sink(&w));
    assert_string_equal(w.err.text, "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and "
                                    "KUBERNETES_SERVICE_PORT are not set");
    setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", port, 1);
    assert_false(open_sink(&w));
    assert_non_null(strstr(w.err.text, "/token': No such file or directory"));
    mcr_buf ca = read_file(TLS_FILE("ca.pem"));
    write_file(&w, "token", "of-the-pod", 0600);
    write_file(&w, "ca.crt", mcr_buf_cstr(&ca), 0600);
    mcr_buf_fini(&ca);
    assert_true(open_sink(&w));
    write_events(&w, 1);
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    assert_int_equal(w.sink->counts.delivered, 1);
    char value[64];
    assert_true(scripted_request_header(scripted_server_request(w.server, 0), "Authorization",
                                        value, sizeof value));
    assert_string_equal(value, "Bearer of-the-pod");
    free(folder);
    end_world(&w);
}

// It is off unless asked for. That requests are not early is all that can be said of a machine of
// which others have their share.
static void requests_a_second(void **state)
{
    (void)state;
    for (int policy = MCR_KUBE_DEFAULT; policy <= MCR_KUBE_CLIENT_GO; policy++) {
        mcr_kube_options defaults;
        mcr_sink_kind_kube.defaults(&defaults);
        assert_true(defaults.rate == 0);
        world w;
        begin_world(&w, NULL);
        w.options.policy = policy;
        if (policy == MCR_KUBE_CLIENT_GO) // which has no such options
            w.options.max_wait = w.options.deadline = -1;
        w.options.access.server = scripted_server_url(w.server);
        w.options.rate = 20;
        w.options.burst = 2;
        assert_true(open_sink(&w));
        int64_t begin = mcr_clock_monotonic();
        write_events(&w, 5); // two at once, three with 50 ms each
        assert_int_equal(w.sink->counts.delivered, 5);
        assert_true(mcr_clock_monotonic() - begin >= 149 * SECOND / 1000);
        end_world(&w);
    }
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_WARN);
    setenv("HOME", "/nonexistent", 1);
    static const char *const variables[] = { "KUBECONFIG",  "KUBERNETES_SERVICE_HOST",
                                             "http_proxy",  "https_proxy",
                                             "HTTPS_PROXY", "all_proxy",
                                             "ALL_PROXY",   "no_proxy",
                                             "NO_PROXY" };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_that_a_kubeconfig_says),
        cmocka_unit_test(a_kubeconfig_s_proxy),
        cmocka_unit_test(a_proxy_of_the_environment),
        cmocka_unit_test(a_pod_s_service_account),
        cmocka_unit_test(requests_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
