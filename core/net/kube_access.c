#include "net/kube_access.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/shown.h"
#include "net/kubeconfig.h"
#include "net/small_file.h"

static const char pod_folder[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static char *joined(const char *folder, const char *name)
{
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/%s", folder, name);
    mcr_buf_cstr(&path);
    return path.ptr;
}

static bool in_a_pod(void)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    return host && *host && port && *port;
}

static mcr_err check_readable(const char *path, mcr_errbuf *err)
{
    if (access(path, R_OK) == 0)
        return MCR_OK;
    return mcr_errf(err, MCR_ECONFIG, "the pod's service account: '%s': %s", path,
                    mcr_small_file_error(errno));
}

static mcr_err load_pod(const char *folder, mcr_kube_access *out, mcr_errbuf *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    if (!host || !in_a_pod())
        return mcr_errf(err, MCR_ECONFIG,
                        "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and "
                        "KUBERNETES_SERVICE_PORT are not set");
    bool v6 = strchr(host, ':') && *host != '[';
    mcr_buf text = { 0 };
    mcr_buf_printf(&text, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
                   getenv("KUBERNETES_SERVICE_PORT"));
    out->server = mcr_strdup(mcr_buf_cstr(&text));
    out->origin = mcr_strdup("pod");
    out->token_file = joined(folder, "token");
    out->tls.ca_file = joined(folder, "ca.crt");
    char *path = joined(folder, "namespace");
    text.len = 0;
    if (mcr_small_file_read(path, 4096, &text) == 0) {
        while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' '))
            text.len--;
        if (text.len)
            out->namespace = mcr_strdup(mcr_buf_cstr(&text));
    }
    free(path);
    mcr_buf_fini(&text);
    mcr_err code = check_readable(out->token_file, err);
    return code ? code : check_readable(out->tls.ca_file, err);
}

static char *home_kubeconfig(void)
{
    const char *home = getenv("HOME");
    const struct passwd *user = home && *home ? NULL : getpwuid(getuid());
    if (user)
        home = user->pw_dir;
    return home && *home ? joined(home, ".kube/config") : NULL;
}

// The files that may say how to reach the server, the strongest first; `list` is cut into them.
static size_t list_files(char *list, const char **paths, size_t max)
{
    size_t n = 0;
    char *rest;
    for (char *path = strtok_r(list, ":", &rest); path && n < max;
         path = strtok_r(NULL, ":", &rest))
        paths[n++] = path;
    return n;
}

static mcr_err load_files(const mcr_kube_access_options *options, const char *const *paths,
                          size_t n, bool listed, mcr_kube_access *out, mcr_errbuf *err)
{
    mcr_kubeconfig *k = mcr_kubeconfig_read(paths, n, !options->kubeconfig, err);
    if (!k)
        return MCR_ECONFIG;
    mcr_err code = MCR_OK;
    const char *context = options->context ? options->context : mcr_kubeconfig_context(k);
    bool pod = !options->kubeconfig && !listed && in_a_pod();
    if (mcr_kubeconfig_files(k) == 0 && listed)
        code = mcr_errf(err, MCR_ECONFIG, "none of the files in $KUBECONFIG exists: '%s'%s",
                        n ? paths[0] : "", n > 1 ? ", …" : "");
    else if (mcr_kubeconfig_files(k) > 0 && context)
        code = mcr_kubeconfig_access(k, context, out, err);
    else if (options->context)
        code = mcr_errf(err, MCR_ECONFIG, "there is no kubeconfig with a context '%s'",
                        options->context);
    else if (options->server)
        out->origin = mcr_strdup("the given server");
    else if (mcr_kubeconfig_files(k) > 0)
        code =
            mcr_errf(err, MCR_ECONFIG, "kubeconfig %s has no current-context; name one", paths[0]);
    else if (pod)
        code = load_pod(options->service_account ? options->service_account : pod_folder, out, err);
    else
        code = mcr_errf(err, MCR_ECONFIG,
                        "there is no kubeconfig ($KUBECONFIG, ~/.kube/config), and this is no pod "
                        "of a cluster: say which server");
    mcr_kubeconfig_free(k);
    return code;
}

enum {
    FILES_MAX = 64 // in $KUBECONFIG
};

static mcr_err load(const mcr_kube_access_options *options, mcr_kube_access *out, mcr_errbuf *err)
{
    if (options->in_cluster)
        return load_pod(options->service_account ? options->service_account : pod_folder, out, err);
    const char *paths[FILES_MAX], *variable = getenv("KUBECONFIG");
    bool listed = !options->kubeconfig && variable && *variable;
    char *list = listed ? mcr_strdup(variable) : options->kubeconfig ? NULL : home_kubeconfig();
    size_t n = 0;
    if (listed)
        n = list_files(list, paths, FILES_MAX);
    else if (options->kubeconfig || list)
        paths[n++] = options->kubeconfig ? options->kubeconfig : list;
    mcr_err code = load_files(options, paths, n, listed, out, err);
    free(list);
    return code;
}

static void forget(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static void free_strings(char **strings)
{
    for (char **text = strings; text && *text; text++)
        forget(text);
    free((void *)strings);
}

static void exec_free(mcr_kube_exec *exec)
{
    if (!exec)
        return;
    free(exec->api_version);
    free(exec->command);
    free_strings(exec->args);
    free_strings(exec->env);
    free(exec->install_hint);
    free(exec->cluster_config);
    free(exec);
}

static void forget_user(mcr_kube_access *a)
{
    forget(&a->token);
    forget(&a->token_file);
    forget(&a->user);
    forget(&a->password);
    forget(&a->impersonate);
    forget((char **)&a->tls.cert_file);
    forget((char **)&a->tls.cert_pem);
    forget((char **)&a->tls.key_file);
    forget((char **)&a->tls.key_pem);
    exec_free(a->exec);
    a->exec = NULL;
}

// The server as a URL without "/" at its end; without a scheme it is https where there is anything
// about TLS, as with kubectl.
static mcr_err finish_server(mcr_kube_access *a, mcr_errbuf *err)
{
    if (!a->server || !*a->server)
        return mcr_errf(err, MCR_ECONFIG, "%s: the cluster has no server", a->origin);
    bool tls =
        a->tls.ca_file || a->tls.ca_pem || a->tls.cert_file || a->tls.cert_pem || a->tls.insecure;
    mcr_buf url = { 0 };
    if (!strstr(a->server, "://"))
        mcr_buf_puts(&url, tls ? "https://" : "http://");
    mcr_buf_puts(&url, a->server);
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    free(a->server);
    mcr_buf_cstr(&url);
    a->server = url.ptr;
    if (strncasecmp(a->server, "https://", 8) != 0 && strncasecmp(a->server, "http://", 7) != 0)
        return mcr_errf(err, MCR_ECONFIG, "%s: server '%s' is no http or https URL", a->origin,
                        a->server);
    return MCR_OK;
}

static void warn_if_insecure(const mcr_kube_access *a)
{
    if (!a->tls.insecure)
        return;
    mcr_buf shown = { 0 };
    mcr_url_shown(&shown, a->server);
    mcr_log(MCR_LOG_WARN,
            "%s: insecure-skip-tls-verify: anybody may answer as %s and read what is sent",
            a->origin, mcr_buf_cstr(&shown));
    mcr_buf_fini(&shown);
}

mcr_kube_access *mcr_kube_access_load(const mcr_kube_access_options *options, mcr_errbuf *err)
{
    mcr_kube_access *a = mcr_zalloc(sizeof *a);
    mcr_err code = load(options, a, err);
    if (!code && options->server) {
        free(a->server);
        a->server = mcr_strdup(options->server);
    }
    if (!code && options->token_file) {
        forget_user(a);
        a->token_file = mcr_strdup(options->token_file);
    }
    if (!code)
        code = finish_server(a, err);
    if (code) {
        mcr_kube_access_free(a);
        return NULL;
    }
    warn_if_insecure(a);
    return a;
}

void mcr_kube_access_free(mcr_kube_access *a)
{
    if (!a)
        return;
    forget_user(a);
    free(a->server);
    free(a->namespace);
    free((char *)a->tls.ca_file);
    free((char *)a->tls.ca_pem);
    free((char *)a->tls.server_name);
    free(a->proxy);
    free(a->origin);
    free(a);
}
