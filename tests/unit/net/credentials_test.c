// net/credentials.h, with token files and plugins written in sh.

#include "scratch.h"

#include <cjson/cJSON.h>
#include <ev.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "net/credentials.h"
#include "net/small_file.h"
#include "support/scripted_server.h"

#define SECOND INT64_C(1000000000)
#define START  (1700000000 * SECOND)

typedef struct fixture {
    struct ev_loop *loop;
    int64_t now;
    mcr_clock clock;
    mcr_kube_access access;
    mcr_kube_exec exec;
    mcr_credentials *c;
    mcr_buf header;
    mcr_errbuf err;
    int ready; // calls
    int want;  // after as many the loop ends
    bool ask_again;
    bool free_at_ready;
} fixture;

static fixture f;

static int setup(void **state)
{
    (void)state;
    f = (fixture){ .loop = ev_loop_new(0), .now = START, .want = 1 };
    f.clock = mcr_clock_fixed(&f.now);
    f.access.origin = (char *)"kubeconfig k, context c";
    f.access.server = (char *)"https://h";
    mcr_log_set_level(MCR_LOG_ERROR);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mcr_credentials_free(f.c);
    mcr_buf_fini(&f.header);
    ev_loop_destroy(f.loop);
    mcr_log_set_level(MCR_LOG_INFO);
    return 0;
}

static void begin(void)
{
    f.c = mcr_credentials_new(&f.access, f.loop, &f.clock, NULL);
}

static void on_ready(void *self)
{
    (void)self;
    f.ready++;
    if (f.free_at_ready) {
        mcr_credentials_free(f.c);
        f.c = NULL;
    }
    if (f.ready == f.want)
        ev_break(f.loop, EVBREAK_ALL);
}

static mcr_credentials_state get(void *self)
{
    f.header.len = 0;
    f.err.text[0] = '\0';
    return mcr_credentials_get(f.c, &f.header, on_ready, self, &f.err);
}

static void assert_header(const char *expected)
{
    mcr_credentials_state state = get(&f);
    if (state != MCR_CREDENTIALS_READY)
        fail_msg("state %d: %s", (int)state, f.err.text);
    assert_string_equal(mcr_buf_cstr(&f.header), expected);
}

static void assert_fails(const char *expected)
{
    assert_int_equal(get(&f), MCR_CREDENTIALS_FAILED);
    assert_string_equal(f.err.text, expected);
    assert_int_equal(f.header.len, 0);
}

// What is there once the plugin has run.
static void assert_after_run(const char *expected)
{
    f.ready = 0;
    assert_int_equal(get(&f), MCR_CREDENTIALS_WAIT);
    ev_run(f.loop, 0);
    assert_int_equal(f.ready, 1);
    if (expected)
        assert_header(expected);
}

static void what_stays(void **state)
{
    (void)state;
    begin();
    assert_header("");
    f.access.token = (char *)"abc";
    assert_header("Authorization: Bearer abc");
    f.access.token = (char *)"a\r\nX: y";
    assert_fails("kubeconfig k, context c: the token has control characters in it");
    f.access.token = NULL;
    f.access.user = (char *)"jane";
    assert_header("Authorization: Basic amFuZTo=");
    f.access.password = (char *)"p:w";
    assert_header("Authorization: Basic amFuZTpwOnc=");
}

static void token_files_are_read_again(void **state)
{
    (void)state;
    const char *path = scratch_write("token", "one\n");
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    f.access.token_file = copy;
    f.access.token = (char *)"not this one";
    begin();
    assert_header("Authorization: Bearer one");
    scratch_write("token", "second");
    assert_header("Authorization: Bearer one"); // not looked at yet
    f.now += 2 * SECOND;
    assert_header("Authorization: Bearer second");
    scratch_write("token", "third, longer");
    mcr_credentials_refused(f.c);
    assert_header("Authorization: Bearer third, longer");
    f.now -= SECOND; // a clock set back
    scratch_write("token", "fourth");
    assert_header("Authorization: Bearer fourth");

    unlink(copy);
    f.now += 2 * SECOND;
    assert_header("Authorization: Bearer fourth"); // with a warning
    mcr_credentials_refused(f.c);
    char expected[300];
    snprintf(expected, sizeof expected, "token file '%s': No such file or directory", copy);
    assert_fails(expected);
    scratch_write("token", " \n");
    snprintf(expected, sizeof expected, "token file '%s': is empty", copy);
    assert_fails(expected);
    scratch_write("token", "a\nb");
    snprintf(expected, sizeof expected, "token file '%s': has control characters in it", copy);
    assert_fails(expected);
    scratch_write("token", "well");
    assert_header("Authorization: Bearer well");
}

// As the kubelet exchanges the files of a mounted secret: ..data is a symlink to a folder.
static void mounted_tokens_are_swapped(void **state)
{
    (void)state;
    mkdir(scratch_path("v1"), 0700);
    mkdir(scratch_path("v2"), 0700);
    scratch_write("v1/token", "old");
    scratch_write("v2/token", "new");
    const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } }; // as long, as old
    assert_int_equal(utimensat(AT_FDCWD, scratch_path("v1/token"), times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, scratch_path("v2/token"), times, 0), 0);
    assert_int_equal(symlink("v1", scratch_path("..data")), 0);
    assert_int_equal(symlink("..data/token", scratch_path("mounted")), 0);
    char copy[256];
    snprintf(copy, sizeof copy, "%s", scratch_path("mounted"));
    f.access.token_file = copy;
    begin();
    assert_header("Authorization: Bearer old");
    assert_int_equal(symlink("v2", scratch_path("..tmp")), 0);
    assert_int_equal(rename(scratch_path("..tmp"), scratch_path("..data")), 0);
    f.now += 2 * SECOND;
    assert_header("Authorization: Bearer new");
}

#define STATUS(fields)                                                                             \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"$V\",\"status\":{" fields "}}\nEOF\n"

// A plugin that counts its runs in the file "runs" and says what `rest` says, $n being the run.
static char *plugin(const char *rest)
{
    static char path[256];
    char text[2048];
    snprintf(text, sizeof text,
             "#!/bin/sh\nV=client.authentication.k8s.io/v1\necho run >> @/runs\n"
             "n=$(wc -l < @/runs | tr -d ' ')\n%s",
             rest);
    snprintf(path, sizeof path, "%s", scratch_write("plugin", text));
    chmod(path, 0700);
    unlink(scratch_path("runs"));
    f.exec = (mcr_kube_exec){ .api_version = (char *)"client.authentication.k8s.io/v1",
                              .command = path };
    f.access.exec = &f.exec;
    begin();
    return path;
}

static void assert_runs(const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(scratch_path("runs"), "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file), runs = 0;
    fclose(file);
    for (size_t i = 0; i < n; i++)
        runs += text[i] == '\n';
    snprintf(text, sizeof text, "%zu", runs);
    assert_string_equal(text, expected);
}

static void plugins_give_tokens(void **state)
{
    (void)state;
    char *args[] = { (char *)"a b", (char *)"$c", NULL };
    char *env[] = { (char *)"NAME=value", (char *)"HOME=elsewhere", NULL };
    plugin("test \"$1\" = 'a b' -a \"$2\" = '$c' -a $# = 2 -a \"$NAME\" = value -a "
           "\"$HOME\" = elsewhere || exit 9\n"
           "test \"$KUBERNETES_EXEC_INFO\" = '{\"kind\":\"ExecCredential\",\"apiVersion\":\""
           "client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false}}' || exit 8\n"
           "cat <<EOF\n" STATUS("\"token\":\"t$n\""));
    f.exec.args = args;
    f.exec.env = env;
    setenv("KUBERNETES_EXEC_INFO", "not this", 1);
    assert_after_run("Authorization: Bearer t1");
    unsetenv("KUBERNETES_EXEC_INFO");
    f.now += 3600 * SECOND;
    assert_header("Authorization: Bearer t1"); // it did not say that it expires
    mcr_credentials_refused(f.c);
    assert_after_run("Authorization: Bearer t2");
    mcr_credentials_refused(f.c); // an answer to what was sent with t1
    assert_header("Authorization: Bearer t2");
    f.now += 2 * SECOND;
    mcr_credentials_refused(f.c);
    assert_after_run("Authorization: Bearer t3");
    assert_runs("3");
}

static void one_run_serves_all(void **state)
{
    (void)state;
    plugin("cat <<EOF\n" STATUS("\"token\":\"t$n\""));
    int one, two, three;
    f.want = 2;
    assert_int_equal(get(&one), MCR_CREDENTIALS_WAIT);
    assert_int_equal(get(&two), MCR_CREDENTIALS_WAIT);
    assert_int_equal(get(&two), MCR_CREDENTIALS_WAIT);
    assert_int_equal(get(&three), MCR_CREDENTIALS_WAIT);
    mcr_credentials_forget(f.c, &one);
    ev_run(f.loop, 0);
    assert_int_equal(f.ready, 2);
    assert_header("Authorization: Bearer t1");
    assert_runs("1");
}

static void plugins_run_again_before_the_end(void **state)
{
    (void)state;
    // START is 2023-11-14T22:13:20Z.
    plugin("cat <<EOF\n" STATUS(
        "\"token\":\"t$n\",\"expirationTimestamp\":\"2023-11-14T22:1$((n + 3)):20Z\""));
    assert_after_run("Authorization: Bearer t1"); // until :14:20
    f.now = START + 53 * SECOND;
    assert_header("Authorization: Bearer t1");
    f.now = START + 54 * SECOND;                  // a tenth of its life before the end
    assert_after_run("Authorization: Bearer t2"); // until :15:20
    assert_runs("2");
}

static void what_comes_expired_is_used_for_a_second(void **state)
{
    (void)state;
    plugin(
        "cat <<EOF\n" STATUS("\"token\":\"t$n\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\""));
    assert_after_run("Authorization: Bearer t1");
    f.now += SECOND;
    assert_after_run("Authorization: Bearer t2");
}

static void plugins_fail(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        const char *says;
    } cases[] = {
        { "exit 1\n", "ended with status 1" },
        { "echo secret\n", "gave no JSON" },
        { "cat <<EOF\n" STATUS("\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\""),
          "gave a certificate, which cannot be used here" },
        { "yes\n", "wrote too much" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = plugin(cases[i].script);
        char expected[512];
        snprintf(expected, sizeof expected, "kubeconfig k, context c: credential plugin '%s' %s",
                 path, cases[i].says);
        assert_after_run(NULL);
        assert_fails(expected);
        assert_runs("1");
        f.now += SECOND; // may be asked again
        assert_after_run(NULL);
        assert_fails(expected);
        assert_runs("2");
        mcr_credentials_free(f.c);
    }
    plugin("exit 1");
    f.exec.command = (char *)"mooncrier-no-such-plugin";
    f.exec.install_hint = (char *)"Install it.";
    assert_fails("kubeconfig k, context c: credential plugin 'mooncrier-no-such-plugin' cannot be "
                 "started: No such file or directory. Install it.");
}

#define TLS_FILE(name) MCR_TEST_DATA "/tls/" name

static int answered; // status; -1: none came

static void on_answer(void *self, const mcr_http_answer *answer)
{
    (void)self;
    answered = answer->outcome == MCR_HTTP_ANSWERED ? answer->status : -1;
    ev_break(f.loop, EVBREAK_ALL);
}

static int ask(mcr_http *http, const char *url)
{
    answered = 0;
    mcr_http_send(http,
                  &(mcr_http_request){
                      .method = "GET", .url = url, .timeout_ns = 30 * SECOND, .done = on_answer });
    ev_run(f.loop, 0);
    return answered;
}

static void write_answer(const char *name, const char *cert, const char *key)
{
    mcr_buf cert_text = { 0 }, key_text = { 0 };
    assert_int_equal(mcr_small_file_read(cert, 65536, &cert_text), 0);
    assert_int_equal(mcr_small_file_read(key, 65536, &key_text), 0);
    cJSON *answer = cJSON_Parse("{\"kind\":\"ExecCredential\",\"apiVersion\":"
                                "\"client.authentication.k8s.io/v1\"}");
    cJSON *status = cJSON_AddObjectToObject(answer, "status");
    cJSON_AddStringToObject(status, "clientCertificateData", mcr_buf_cstr(&cert_text));
    cJSON_AddStringToObject(status, "clientKeyData", mcr_buf_cstr(&key_text));
    char *text = cJSON_PrintUnformatted(answer);
    scratch_write(name, text);
    cJSON_free(text);
    cJSON_Delete(answer);
    mcr_buf_fini(&cert_text);
    mcr_buf_fini(&key_text);
}

static void plugins_give_certificates(void **state)
{
    (void)state;
    mcr_http_global_init();
    scripted_server *server =
        scripted_server_new(&(scripted_tls){ .cert_file = TLS_FILE("server.pem"),
                                             .key_file = TLS_FILE("server-key.pem"),
                                             .client_ca_file = TLS_FILE("ca.pem") });
    mcr_http_options options = { .proxy = "", .tls.ca_file = TLS_FILE("ca.pem") };
    mcr_errbuf err;
    mcr_http *http = mcr_http_new(f.loop, &options, &err);
    assert_non_null(http);
    f.access.tls = options.tls;
    write_answer("answer1", TLS_FILE("client.pem"), TLS_FILE("client-key.pem"));
    write_answer("answer2", TLS_FILE("make.sh"), TLS_FILE("client-key.pem"));
    plugin("cat @/answer$n\n");
    mcr_credentials_free(f.c);
    f.c = mcr_credentials_new(&f.access, f.loop, &f.clock, http);
    assert_int_equal(ask(http, scripted_server_url(server)), -1); // it wants one
    assert_after_run("");
    assert_int_equal(ask(http, scripted_server_url(server)), 200);
    assert_true(scripted_server_request(server, 0)->client_cert);
    f.now += 2 * SECOND;
    mcr_credentials_refused(f.c);
    assert_after_run(NULL); // what is no certificate changes nothing
    assert_int_equal(get(&f), MCR_CREDENTIALS_FAILED);
    assert_non_null(strstr(f.err.text, "gave a certificate that cannot be used: "));
    assert_int_equal(ask(http, scripted_server_url(server)), 200);
    mcr_credentials_free(f.c);
    f.c = NULL;
    mcr_http_free(http);
    scripted_server_free(server);
}

static void it_may_be_freed_at_any_time(void **state)
{
    (void)state;
    plugin("cat <<EOF\n" STATUS("\"token\":\"t$n\""));
    int one;
    f.free_at_ready = true;
    assert_int_equal(get(&f), MCR_CREDENTIALS_WAIT);
    assert_int_equal(get(&one), MCR_CREDENTIALS_WAIT);
    ev_run(f.loop, 0);
    assert_int_equal(f.ready, 1);
    plugin("sleep 60\n");
    assert_int_equal(get(&f), MCR_CREDENTIALS_WAIT);
    mcr_credentials_free(f.c);
    f.c = NULL;
    ev_run(f.loop, EVRUN_NOWAIT);
    assert_int_equal(f.ready, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_stays),
        CASE(token_files_are_read_again),
        CASE(mounted_tokens_are_swapped),
        CASE(plugins_give_tokens),
        CASE(one_run_serves_all),
        CASE(plugins_run_again_before_the_end),
        CASE(what_comes_expired_is_used_for_a_second),
        CASE(plugins_fail),
        CASE(plugins_give_certificates),
        CASE(it_may_be_freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
