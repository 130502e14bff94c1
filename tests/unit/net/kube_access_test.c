// net/kube_access.h: what kubeconfigs say, and every message for what they may not.

#include "scratch.h"

#include "base/log.h"
#include "net/kube_access.h"

static const char *shown(const char *text)
{
    return text ? text : "-";
}

static void show_list(mcr_buf *out, const char *name, char **list)
{
    mcr_buf_printf(out, " %s=", name);
    for (; *list; list++)
        mcr_buf_printf(out, "%s,", *list);
}

// What was read as one line; the folder's path is "@" again.
static void show(mcr_buf *out, const mcr_kube_access *a)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {
        { "ns", a->namespace },        { "ca", a->tls.ca_file },        { "ca-pem", a->tls.ca_pem },
        { "cert", a->tls.cert_file },  { "cert-pem", a->tls.cert_pem }, { "key", a->tls.key_file },
        { "key-pem", a->tls.key_pem }, { "name", a->tls.server_name },  { "proxy", a->proxy },
        { "token", a->token },         { "tokenFile", a->token_file },  { "user", a->user },
        { "password", a->password },   { "as", a->impersonate },
    };
    mcr_buf_puts(out, shown(a->server));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value)
            mcr_buf_printf(out, " %s=%s", texts[i].name, texts[i].value);
    if (a->tls.insecure)
        mcr_buf_puts(out, " insecure");
    if (a->compression_off)
        mcr_buf_puts(out, " compression-off");
    if (a->exec) {
        mcr_buf_printf(out, " exec=%s %s", a->exec->api_version, a->exec->command);
        show_list(out, "args", a->exec->args);
        show_list(out, "env", a->exec->env);
        if (a->exec->provide_cluster_info)
            mcr_buf_puts(out, " cluster-info");
        if (a->exec->install_hint)
            mcr_buf_printf(out, " hint=%s", a->exec->install_hint);
        if (a->exec->cluster_config)
            mcr_buf_printf(out, " config=%s", a->exec->cluster_config);
    }
}

static void fold_folder(mcr_buf *text)
{
    char *at;
    mcr_buf_cstr(text);
    while ((at = strstr(text->ptr, scratch))) {
        size_t len = strlen(scratch);
        *at = '@';
        memmove(at + 1, at + len, strlen(at + len) + 1);
        text->len -= len - 1;
    }
}

static void assert_loads(const mcr_kube_access_options *options, const char *expected)
{
    mcr_errbuf err = { "" };
    mcr_kube_access *a = mcr_kube_access_load(options, &err);
    mcr_buf out = { 0 };
    if (a)
        show(&out, a);
    else
        mcr_buf_printf(&out, "error: %s", err.text);
    mcr_kube_access_free(a);
    fold_folder(&out);
    if (strcmp(out.ptr, expected) != 0)
        fail_msg("\n  got  %s\n  want %s", out.ptr, expected);
    mcr_buf_fini(&out);
}

static int environment(void **state)
{
    (void)state;
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
    setenv("HOME", scratch, 1);
    mkdir(scratch_path(".kube"), 0700);
    mkdir(scratch_path("pod"), 0700);
    remove(scratch_path(".kube/config"));
    scratch_write("ca.crt", "-----BEGIN CERTIFICATE-----\n");
    scratch_write("cert.pem", "x");
    scratch_write("key.pem", "x");
    scratch_write("token", "t");
    return 0;
}

// A kubeconfig whose cluster and user have these lines.
#define CONFIG(cluster, user)                                                                      \
    "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: n}}]\n"    \
    "clusters:\n- name: k\n  cluster:\n    server: https://h:6443/\n" cluster                      \
    "users:\n- name: u\n  user:\n    ignored: {}\n" user

static void one_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        { CONFIG("", ""), "https://h:6443 ns=n" },
        { CONFIG("    certificate-authority: ca.crt\n    tls-server-name: other\n",
                 "    client-certificate: @/cert.pem\n    client-key: ./key.pem\n    as: jane\n"),
          "https://h:6443 ns=n ca=@/ca.crt cert=@/cert.pem key=@/./key.pem name=other as=jane" },
        { CONFIG("    certificate-authority: gone\n"
                 "    certificate-authority-data: LS0tLS1CRUdJTiBY\n",
                 "    client-certificate-data: LS0tLS1CRUdJTiBD\n"
                 "    client-key-data: LS0tLS1CRUdJTiBL\n"),
          "https://h:6443 ns=n ca-pem=-----BEGIN X cert-pem=-----BEGIN C key-pem=-----BEGIN K" },
        { CONFIG("    insecure-skip-tls-verify: true\n    disable-compression: true\n"
                 "    proxy-url: socks5://p:1\n",
                 "    token: abc\n    tokenFile: token\n"),
          "https://h:6443 ns=n proxy=socks5://p:1 token=abc tokenFile=@/token insecure "
          "compression-off" },
        { CONFIG("", "    username: 12\n    password: 'p w'\n"),
          "https://h:6443 ns=n user=12 password=p w" },
        { CONFIG(
              "    extensions:\n    - name: other\n      extension: 1\n"
              "    - {name: client.authentication.k8s.io/exec, extension: {a: [1, yes]}}\n",
              "    exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/get-token,\n"
              "      args: [a, b c], env: [{name: N, value: v=1}, {name: E, value: ''}],\n"
              "      interactiveMode: IfAvailable, provideClusterInfo: true, installHint: do}\n"),
          "https://h:6443 ns=n exec=client.authentication.k8s.io/v1 @/bin/get-token args=a,b c, "
          "env=N=v=1,E=, cluster-info hint=do config={\"a\":[1,true]}" },
        { CONFIG("",
                 "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}\n"),
          "https://h:6443 ns=n exec=client.authentication.k8s.io/v1beta1 aws args= env=" },
        { "{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\", \"context\": "
          "{\"cluster\": "
          "\"k\"}}], \"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": \"h:80\"}}]}",
          "http://h:80" },
        { "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
          "clusters: [{name: k, cluster: {server: h, insecure-skip-tls-verify: true}}]\n",
          "https://h insecure" },
    };
    mcr_log_set_level(MCR_LOG_ERROR);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_write("config", cases[i].text);
        assert_loads(&(mcr_kube_access_options){ .kubeconfig = path }, cases[i].expected);
    }
    mcr_log_set_level(MCR_LOG_INFO);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected; // behind "error: "
    } cases[] = {
        { "a: [", "kubeconfig @/config: line 2: did not find expected node content while parsing a "
                  "flow node" },
        { "- a\n", "kubeconfig @/config: is no map with clusters, users and contexts" },
        { "", "kubeconfig @/config has no current-context; name one" },
        { "current-context: c\n", "there is no context 'c' in kubeconfig @/config" },
        { "current-context: c\ncontexts: {}\n", "@/config:2: contexts must be a list" },
        { "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
          "there is no cluster 'k' in kubeconfig @/config" },
        { "current-context: c\ncontexts:\n- {name: c, context: {user: k}}\n",
          "@/config:3: context 'c': names no cluster" },
        { "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
          "clusters: [{name: k}]\n",
          "kubeconfig @/config, context c: the cluster has no server" },
        { "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
          "clusters: [{name: k, cluster: {server: 'ftp://h'}}]\n",
          "kubeconfig @/config, context c: server 'ftp://h' is no http or https URL" },
        { "current-context: c\ncontexts:\n- {name: c, context: {cluster: k}}\n"
          "- {name: c, context: {cluster: k}}\n",
          "@/config:4: context 'c': is there twice" },
        { CONFIG("    certificate-authority: gone\n", ""),
          "@/config:7: cluster 'k': certificate-authority '@/gone': No such file or directory" },
        { CONFIG("    certificate-authority-data: '-'\n", ""),
          "@/config:7: cluster 'k': certificate-authority-data is not base64" },
        { CONFIG("    certificate-authority-data: c2VjcmV0\n", ""),
          "@/config:7: cluster 'k': certificate-authority-data is not PEM in base64" },
        { CONFIG("    certificate-authority: ca.crt\n    insecure-skip-tls-verify: true\n", ""),
          "@/config:6: cluster 'k': has both insecure-skip-tls-verify and a "
          "certificate-authority; take one out" },
        { CONFIG("    insecure-skip-tls-verify: maybe\n", ""),
          "@/config:7: cluster 'k': insecure-skip-tls-verify must be true or false" },
        { CONFIG("", "    client-certificate: cert.pem\n"),
          "@/config:10: user 'u': has a client-certificate, but no client-key" },
        { CONFIG("", "    client-key: key.pem\n"),
          "@/config:10: user 'u': has a client-key, but no client-certificate" },
        { CONFIG("", "    token: [a]\n"), "@/config:11: user 'u': token must be a text" },
        { CONFIG("", "    tokenFile: gone\n"),
          "@/config:11: user 'u': tokenFile '@/gone': No such file or directory" },
        { CONFIG("", "    token: a\n    username: b\n"),
          "@/config:10: user 'u': has more than one of token, username and exec; take all but one "
          "out" },
        { CONFIG("", "    auth-provider: {name: gcp}\n"),
          "@/config:11: user 'u': auth-provider is gone from Kubernetes; use an exec plugin" },
        { CONFIG("", "    as: a\n    as-groups: [g]\n"),
          "@/config:12: user 'u': as-groups is not supported; only 'as' is" },
        { CONFIG("", "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}\n"),
          "@/config:11: user 'u': exec apiVersion must be client.authentication.k8s.io/v1 or "
          "…/v1beta1" },
        { CONFIG("", "    exec: {apiVersion: client.authentication.k8s.io/v1, command: x}\n"),
          "@/config:11: user 'u': exec has no interactiveMode, which v1 must have" },
        { CONFIG("", "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, "
                     "interactiveMode: Always}\n"),
          "@/config:11: user 'u': exec interactiveMode is Always, but there is nobody to ask; use "
          "a "
          "plugin that needs no terminal" },
        { CONFIG("", "    exec: {}\n"), "@/config:11: user 'u': exec has no command" },
        { CONFIG("", "    exec: {command: x, args: {}}\n"),
          "@/config:11: user 'u': exec args must be a list" },
        { CONFIG("", "    exec: {command: x, env: [{value: x}]}\n"),
          "@/config:11: user 'u': exec env has an item without a name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_write("config", cases[i].text);
        mcr_buf expected = { 0 };
        mcr_buf_printf(&expected, "error: %s", cases[i].expected);
        assert_loads(&(mcr_kube_access_options){ .kubeconfig = path }, mcr_buf_cstr(&expected));
        mcr_buf_fini(&expected);
    }
    assert_loads(&(mcr_kube_access_options){ .kubeconfig = scratch_path("gone") },
                 "error: kubeconfig @/gone: No such file or directory");
    assert_loads(&(mcr_kube_access_options){ .kubeconfig = scratch },
                 "error: kubeconfig @: Is a directory");
}

static void many_files(void **state)
{
    (void)state;
    scratch_write("one", "contexts: [{name: a, context: {cluster: k, user: u}}]\n"
                         "clusters: [{name: k, cluster: {server: 'https://one'}}]\n");
    mkdir(scratch_path("two"), 0700);
    scratch_write("two/config", "current-context: a\n"
                                "contexts: [{name: a, context: {cluster: x}},\n"
                                "  {name: b, context: {cluster: k2, user: u}}]\n"
                                "clusters: [{name: k, cluster: {server: 'https://two'}},\n"
                                "  {name: k2, cluster: {server: 'https://two-2'}}]\n"
                                "users: [{name: u, user: {tokenFile: t}}]\n");
    scratch_write("two/t", "t");
    char list[256];
    snprintf(list, sizeof list, "%s/missing::%s/one:%s/two/config", scratch, scratch, scratch);
    setenv("KUBECONFIG", list, 1);
    assert_loads(&(mcr_kube_access_options){ 0 }, "https://one tokenFile=@/two/t");
    assert_loads(&(mcr_kube_access_options){ .context = "b" }, "https://two-2 tokenFile=@/two/t");
    assert_loads(&(mcr_kube_access_options){ .context = "z" },
                 "error: there is no context 'z' in kubeconfig @/one, @/two/config");
    assert_loads(&(mcr_kube_access_options){ .server = "http://s", .token_file = "/t" },
                 "http://s tokenFile=/t");
    snprintf(list, sizeof list, "%s/missing", scratch);
    setenv("KUBECONFIG", list, 1);
    assert_loads(&(mcr_kube_access_options){ 0 },
                 "error: none of the files in $KUBECONFIG exists: '@/missing'");
}

static void without_a_kubeconfig(void **state)
{
    (void)state;
    assert_loads(
        &(mcr_kube_access_options){ 0 },
        "error: there is no kubeconfig ($KUBECONFIG, ~/.kube/config), and this is no pod of "
        "a cluster: say which server");
    assert_loads(&(mcr_kube_access_options){ .server = "http://127.0.0.1:8901/" },
                 "http://127.0.0.1:8901");
    assert_loads(&(mcr_kube_access_options){ .context = "c" },
                 "error: there is no kubeconfig with a context 'c'");
    scratch_write(".kube/config", CONFIG("", "    token: home\n"));
    assert_loads(&(mcr_kube_access_options){ 0 }, "https://h:6443 ns=n token=home");
}

static void in_a_pod(void **state)
{
    (void)state;
    const char *folder = scratch_path("pod");
    char folder_copy[256];
    snprintf(folder_copy, sizeof folder_copy, "%s", folder);
    mcr_kube_access_options options = { .service_account = folder_copy };
    options.in_cluster = true;
    assert_loads(&options, "error: this is no pod of a cluster: KUBERNETES_SERVICE_HOST and "
                           "KUBERNETES_SERVICE_PORT are not set");
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    assert_loads(&options, "error: the pod's service account: '@/pod/token': No such file or "
                           "directory");
    scratch_write("pod/token", "t");
    scratch_write("pod/ca.crt", "c");
    assert_loads(&options, "https://10.0.0.1:443 ca=@/pod/ca.crt tokenFile=@/pod/token");
    scratch_write("pod/namespace", "apps\n");
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    assert_loads(&options, "https://[fd00::1]:443 ns=apps ca=@/pod/ca.crt tokenFile=@/pod/token");
    options.in_cluster = false; // nothing else is there
    assert_loads(&options, "https://[fd00::1]:443 ns=apps ca=@/pod/ca.crt tokenFile=@/pod/token");
    scratch_write(".kube/config", CONFIG("", ""));
    assert_loads(&options, "https://h:6443 ns=n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_file, environment),
        cmocka_unit_test_setup(mistakes, environment),
        cmocka_unit_test_setup(many_files, environment),
        cmocka_unit_test_setup(without_a_kubeconfig, environment),
        cmocka_unit_test_setup(in_a_pod, environment),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
