// net/exec_credential.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/exec_credential.h"

#define V1 "client.authentication.k8s.io/v1"

static void questions(void **state)
{
    (void)state;
    mcr_kube_exec exec = { .api_version = (char *)V1 };
    mcr_kube_access access = { .server = (char *)"https://h", .exec = &exec };
    mcr_buf out = { 0 };
    mcr_errbuf err;
    assert_int_equal(mcr_exec_credential_ask(&access, &out, &err), MCR_OK);
    assert_string_equal(mcr_buf_cstr(&out), "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                                            "\",\"spec\":{\"interactive\":false}}");
    exec.provide_cluster_info = true;
    exec.cluster_config = (char *)"{\"a\":[1]}";
    access.tls = (mcr_http_tls){ .ca_pem = "foo", .server_name = "n", .insecure = true };
    access.proxy = (char *)"http://p";
    access.compression_off = true;
    out.len = 0;
    assert_int_equal(mcr_exec_credential_ask(&access, &out, &err), MCR_OK);
    assert_string_equal(
        mcr_buf_cstr(&out),
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{\"interactive\":false,"
        "\"cluster\":{\"server\":\"https://h\",\"tls-server-name\":\"n\",\"insecure-skip-tls-"
        "verify\":true,\"certificate-authority-data\":\"Zm9v\",\"proxy-url\":\"http://p\","
        "\"disable-compression\":true,\"config\":{\"a\":[1]}}}}");
    access.tls = (mcr_http_tls){ .ca_file = "/nonexistent/ca" };
    access.origin = (char *)"kubeconfig k, context c";
    assert_int_equal(mcr_exec_credential_ask(&access, &out, &err), MCR_EIO);
    assert_string_equal(err.text,
                        "kubeconfig k, context c: '/nonexistent/ca': No such file or directory");
    mcr_buf_fini(&out);
}

#define ANSWER(status)                                                                             \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}"

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        const char *token;
        const char *cert;
        int64_t expires; // seconds
    } good[] = {
        { ANSWER("\"token\":\" abc\\n\""), "abc", NULL, 0 },
        { ANSWER("\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\",\"token\":\"\""), NULL,
          "c", 0 },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"2023-11-14T22:13:20Z\""), "t", NULL,
          1700000000 },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"2023-11-15T00:13:20.5+02:00\""), "t",
          NULL, 1700000000 },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"2023-11-14T20:43:20-01:30\""), "t",
          NULL, 1700000000 },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":null"), "t", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        mcr_exec_credential c;
        mcr_errbuf err = { "" };
        mcr_exec_credential_read(mcr_str_of(good[i].answer), V1, &c, &err);
        assert_string_equal(err.text, "");
        assert_string_equal(c.token ? c.token : "-", good[i].token ? good[i].token : "-");
        assert_string_equal(c.cert_pem ? c.cert_pem : "-", good[i].cert ? good[i].cert : "-");
        assert_int_equal(c.expires, good[i].expires * 1000000000);
        mcr_exec_credential_fini(&c);
    }
    static const struct {
        const char *answer;
        const char *says;
    } bad[] = {
        { "", "gave nothing" },
        { "secret", "gave no JSON" },
        { "[]", "gave no JSON" },
        { "{}", "gave no ExecCredential" },
        { "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
          "was asked as " V1 ", but did not answer as that" },
        { ANSWER(""), "gave neither a token nor a clientCertificateData in its status" },
        { ANSWER("\"clientCertificateData\":\"c\""), "gave a certificate without a key" },
        { ANSWER("\"clientKeyData\":\"c\""), "gave a key without a certificate" },
        { ANSWER("\"token\":\"a\\nb\""), "gave a token with control characters in it" },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"tomorrow\""),
          "gave an expirationTimestamp that is no RFC 3339 time" },
        { ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"2023-11-14T22:13:20\""),
          "gave an expirationTimestamp that is no RFC 3339 time" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mcr_exec_credential c;
        mcr_errbuf err = { "" };
        assert_int_equal(mcr_exec_credential_read(mcr_str_of(bad[i].answer), V1, &c, &err),
                         MCR_EINVAL);
        assert_string_equal(err.text, bad[i].says);
        mcr_exec_credential_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions),
        cmocka_unit_test(answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
