#include "net/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/base64.h"
#include "net/small_file.h"
#include "net/yaml.h"

typedef struct config_file {
    char *path;
    mcr_yaml *yaml;
} config_file;

struct mcr_kubeconfig {
    config_file *files;
    size_t n;
};

// One cluster, user or context, with what messages about it say.
typedef struct entry {
    const config_file *file;
    const mcr_yaml_node *node; // NULL: there, but empty
    const char *what;          // "cluster"
    const char *name;
    mcr_errbuf *err;
} entry;

static mcr_err fail(const entry *e, const mcr_yaml_node *where, const char *key,
                    const char *message)
{
    char place[16] = "";
    if (where || e->node)
        snprintf(place, sizeof place, ":%d", mcr_yaml_line(where ? where : e->node));
    return mcr_errf(e->err, MCR_ECONFIG, "%s%s: %s '%s': %s%s%s", e->file->path, place, e->what,
                    e->name, key, *key ? " " : "", message);
}

mcr_kubeconfig *mcr_kubeconfig_read(const char *const *paths, size_t n, bool may_miss,
                                    mcr_errbuf *err)
{
    mcr_kubeconfig *k = mcr_zalloc(sizeof *k);
    k->files = mcr_zalloc((n + 1) * sizeof *k->files);
    for (size_t i = 0; i < n; i++) {
        mcr_buf text = { 0 };
        mcr_errbuf why;
        int errnum = mcr_small_file_read(paths[i], MCR_YAML_SIZE_MAX, &text);
        if (errnum == ENOENT && may_miss)
            continue;
        mcr_yaml *yaml = NULL;
        if (errnum)
            mcr_errf(err, MCR_ECONFIG, "kubeconfig %s: %s", paths[i], mcr_small_file_error(errnum));
        else if (!(yaml = mcr_yaml_read(mcr_buf_str(&text), &why)))
            mcr_errf(err, MCR_ECONFIG, "kubeconfig %s: %s", paths[i], why.text);
        else if (mcr_yaml_root(yaml) && !mcr_yaml_is_map(mcr_yaml_root(yaml)))
            mcr_errf(err, MCR_ECONFIG, "kubeconfig %s: is no map with clusters, users and contexts",
                     paths[i]);
        else
            errnum = -1;
        mcr_buf_fini(&text);
        if (errnum != -1) {
            mcr_yaml_free(yaml);
            mcr_kubeconfig_free(k);
            return NULL;
        }
        k->files[k->n++] = (config_file){ mcr_strdup(paths[i]), yaml };
    }
    return k;
}

void mcr_kubeconfig_free(mcr_kubeconfig *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n; i++) {
        free(k->files[i].path);
        mcr_yaml_free(k->files[i].yaml);
    }
    free(k->files);
    free(k);
}

size_t mcr_kubeconfig_files(const mcr_kubeconfig *k)
{
    return k->n;
}

const char *mcr_kubeconfig_context(const mcr_kubeconfig *k)
{
    for (size_t i = 0; i < k->n; i++) {
        const mcr_yaml *y = k->files[i].yaml;
        const mcr_yaml_node *node = mcr_yaml_get(y, mcr_yaml_root(y), "current-context");
        const char *text = node ? mcr_yaml_text(node, NULL) : NULL;
        if (text && *text)
            return text;
    }
    return NULL;
}

// Finds the entry called e->name in the list `section` of the files.
static mcr_err find(const mcr_kubeconfig *k, const char *section, entry *e)
{
    for (size_t f = 0; f < k->n; f++) {
        const mcr_yaml *y = k->files[f].yaml;
        const mcr_yaml_node *list = mcr_yaml_get(y, mcr_yaml_root(y), section), *item;
        e->file = &k->files[f];
        if (list && !mcr_yaml_is_list(list))
            return mcr_errf(e->err, MCR_ECONFIG, "%s:%d: %s must be a list", e->file->path,
                            mcr_yaml_line(list), section);
        bool found = false;
        for (size_t i = 0; (item = mcr_yaml_item(y, list, i)); i++) {
            const mcr_yaml_node *name = mcr_yaml_get(y, item, "name");
            const char *text = name ? mcr_yaml_text(name, NULL) : NULL;
            if (!text || strcmp(text, e->name) != 0)
                continue;
            if (found)
                return fail(e, item, "", "is there twice");
            found = true;
            e->node = mcr_yaml_get(y, item, e->what);
            if (e->node && !mcr_yaml_is_map(e->node))
                return fail(e, NULL, "", "must be a map");
        }
        if (found)
            return MCR_OK;
    }
    mcr_buf paths = { 0 };
    for (size_t f = 0; f < k->n; f++)
        mcr_buf_printf(&paths, "%s%s", f ? ", " : "", k->files[f].path);
    mcr_errf(e->err, MCR_ECONFIG, "there is no %s '%s' in kubeconfig %s", e->what, e->name,
             mcr_buf_cstr(&paths));
    mcr_buf_fini(&paths);
    return MCR_ECONFIG;
}

static const mcr_yaml_node *get(const entry *e, const mcr_yaml_node *map, const char *key)
{
    return mcr_yaml_get(e->file->yaml, map, key);
}

// Copies the text at `key`; absent and empty leave *out as it is, as with kubectl.
static mcr_err read_text(const entry *e, const mcr_yaml_node *map, const char *key, char **out)
{
    const mcr_yaml_node *node = get(e, map, key);
    size_t len = 0;
    const char *text = node ? mcr_yaml_text(node, &len) : NULL;
    if (node && !text)
        return fail(e, node, key, "must be a text");
    if (text && strlen(text) != len)
        return fail(e, node, key, "has a zero byte in it");
    if (text && *text) {
        free(*out);
        *out = mcr_strdup(text);
    }
    return MCR_OK;
}

static mcr_err read_bool(const entry *e, const mcr_yaml_node *map, const char *key, bool *out)
{
    const mcr_yaml_node *node = get(e, map, key);
    return !node || mcr_yaml_bool(node, out) ? MCR_OK : fail(e, node, key, "must be true or false");
}

// Makes a path that is relative to the folder of the file one that is not.
static void resolve(const entry *e, char **path)
{
    const char *slash = strrchr(e->file->path, '/');
    if (!*path || **path == '/' || !slash)
        return;
    mcr_buf joined = { 0 };
    mcr_buf_append(&joined, e->file->path, (size_t)(slash + 1 - e->file->path));
    mcr_buf_puts(&joined, *path);
    free(*path);
    mcr_buf_cstr(&joined);
    *path = joined.ptr;
}

static mcr_err read_path(const entry *e, const char *key, char **out)
{
    mcr_err code = read_text(e, e->node, key, out);
    if (code || !*out)
        return code;
    resolve(e, out);
    int fd = open(*out, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        mcr_buf message = { 0 };
        mcr_buf_printf(&message, "'%s': %s", *out, strerror(errno));
        code = fail(e, get(e, e->node, key), key, mcr_buf_cstr(&message));
        mcr_buf_fini(&message);
        return code;
    }
    close(fd);
    return MCR_OK;
}

// What a certificate or key is: the base64 text at `data_key`, else the file at `key`.
static mcr_err read_pem(const entry *e, const char *key, const char *data_key, char **file,
                        char **pem)
{
    char *data = NULL;
    mcr_err code = read_text(e, e->node, data_key, &data);
    if (code || !data)
        return code ? code : read_path(e, key, file);
    mcr_buf bytes = { 0 };
    if (!mcr_base64_decode(&bytes, mcr_str_of(data)))
        code = fail(e, get(e, e->node, data_key), data_key, "is not base64");
    else if (!memmem(bytes.ptr, bytes.len, "-----BEGIN ", 11) || memchr(bytes.ptr, 0, bytes.len))
        code = fail(e, get(e, e->node, data_key), data_key, "is not PEM in base64");
    else
        *pem = mcr_strdup(mcr_buf_cstr(&bytes));
    explicit_bzero(data, strlen(data));
    free(data);
    if (bytes.ptr)
        explicit_bzero(bytes.ptr, bytes.cap);
    mcr_buf_fini(&bytes);
    return code;
}

static mcr_err read_cluster(const entry *e, mcr_kube_access *out)
{
    char *ca_file = NULL, *ca_pem = NULL, *name = NULL;
    mcr_err code = read_text(e, e->node, "server", &out->server);
    if (!code)
        code =
            read_pem(e, "certificate-authority", "certificate-authority-data", &ca_file, &ca_pem);
    if (!code)
        code = read_text(e, e->node, "tls-server-name", &name);
    if (!code)
        code = read_text(e, e->node, "proxy-url", &out->proxy);
    if (!code)
        code = read_bool(e, e->node, "insecure-skip-tls-verify", &out->tls.insecure);
    if (!code)
        code = read_bool(e, e->node, "disable-compression", &out->compression_off);
    out->tls.ca_file = ca_file;
    out->tls.ca_pem = ca_pem;
    out->tls.server_name = name;
    if (!code && out->tls.insecure && (ca_file || ca_pem))
        code = fail(e, NULL, "",
                    "has both insecure-skip-tls-verify and a certificate-authority; take one out");
    return code;
}

static mcr_err read_strings(const entry *e, const mcr_yaml_node *list, const char *key, bool pairs,
                            char ***out)
{
    size_t n = 0;
    const mcr_yaml_node *item;
    *out = mcr_zalloc(sizeof **out);
    if (list && !mcr_yaml_is_list(list))
        return fail(e, list, key, "must be a list");
    for (; (item = mcr_yaml_item(e->file->yaml, list, n)); n++) {
        char *text = NULL, *value = NULL;
        mcr_err code = MCR_OK;
        if (pairs) {
            code = read_text(e, item, "name", &text);
            if (!code)
                code = read_text(e, item, "value", &value);
            if (!code && !text)
                code = fail(e, item, key, "has an item without a name");
        } else if (mcr_yaml_text(item, NULL)) {
            text = mcr_strdup(mcr_yaml_text(item, NULL));
        } else {
            code = fail(e, item, key, "must be a list of texts");
        }
        if (!code && pairs) {
            mcr_buf pair = { 0 };
            mcr_buf_printf(&pair, "%s=%s", text, value ? value : "");
            free(text);
            mcr_buf_cstr(&pair);
            text = pair.ptr;
        }
        free(value);
        if (code) {
            free(text);
            return code;
        }
        *out = mcr_realloc(*out, (n + 2) * sizeof **out);
        (*out)[n] = text;
        (*out)[n + 1] = NULL;
    }
    return MCR_OK;
}

static mcr_err check_exec(const entry *e, const mcr_yaml_node *node, const mcr_kube_exec *exec,
                          const char *mode)
{
    if (!exec->command)
        return fail(e, node, "exec", "has no command");
    if (!exec->api_version)
        return fail(e, node, "exec", "has no apiVersion");
    bool v1 = strcmp(exec->api_version, "client.authentication.k8s.io/v1") == 0;
    if (!v1 && strcmp(exec->api_version, "client.authentication.k8s.io/v1beta1") != 0)
        return fail(e, get(e, node, "apiVersion"), "exec apiVersion",
                    "must be client.authentication.k8s.io/v1 or …/v1beta1");
    if (!mode)
        return v1 ? fail(e, node, "exec", "has no interactiveMode, which v1 must have") : MCR_OK;
    if (strcmp(mode, "Always") == 0)
        return fail(e, get(e, node, "interactiveMode"), "exec interactiveMode",
                    "is Always, but there is nobody to ask; use a plugin that needs no terminal");
    if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0)
        return fail(e, get(e, node, "interactiveMode"), "exec interactiveMode",
                    "must be Never, IfAvailable or Always");
    return MCR_OK;
}

static mcr_err read_exec(const entry *e, const mcr_yaml_node *node, mcr_kube_exec *exec)
{
    char *mode = NULL;
    if (!mcr_yaml_is_map(node))
        return fail(e, node, "exec", "must be a map");
    mcr_err code = read_text(e, node, "apiVersion", &exec->api_version);
    if (!code)
        code = read_text(e, node, "command", &exec->command);
    if (!code)
        code = read_text(e, node, "installHint", &exec->install_hint);
    if (!code)
        code = read_text(e, node, "interactiveMode", &mode);
    if (!code)
        code = read_bool(e, node, "provideClusterInfo", &exec->provide_cluster_info);
    if (!code)
        code = read_strings(e, get(e, node, "args"), "exec args", false, &exec->args);
    if (!code)
        code = read_strings(e, get(e, node, "env"), "exec env", true, &exec->env);
    if (!code)
        code = check_exec(e, node, exec, mode);
    if (!code && strchr(exec->command, '/'))
        resolve(e, &exec->command);
    free(mode);
    return code;
}

// What is reserved for the plugin in the cluster's extensions.
static mcr_err read_exec_config(const entry *cluster, mcr_kube_exec *exec)
{
    const mcr_yaml *y = cluster->file->yaml;
    const mcr_yaml_node *list = get(cluster, cluster->node, "extensions"), *item;
    for (size_t i = 0; (item = mcr_yaml_item(y, list, i)); i++) {
        const mcr_yaml_node *name = get(cluster, item, "name");
        const mcr_yaml_node *extension = get(cluster, item, "extension");
        const char *text = name ? mcr_yaml_text(name, NULL) : NULL;
        if (!extension || !text || strcmp(text, "client.authentication.k8s.io/exec") != 0)
            continue;
        mcr_buf json = { 0 };
        if (!mcr_yaml_json(y, extension, &json)) {
            mcr_buf_fini(&json);
            return fail(cluster, extension, "extension client.authentication.k8s.io/exec",
                        "is too deep or too long");
        }
        free(exec->cluster_config);
        mcr_buf_cstr(&json);
        exec->cluster_config = json.ptr;
    }
    return MCR_OK;
}

static mcr_err read_user(const entry *e, const entry *cluster, mcr_kube_access *out)
{
    static const char *const unsupported[] = { "as-groups", "as-uid", "as-user-extra" };
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (get(e, e->node, unsupported[i]))
            return fail(e, get(e, e->node, unsupported[i]), unsupported[i],
                        "is not supported; only 'as' is");
    if (get(e, e->node, "auth-provider"))
        return fail(e, get(e, e->node, "auth-provider"), "auth-provider",
                    "is gone from Kubernetes; use an exec plugin");
    char *cert_file = NULL, *cert_pem = NULL, *key_file = NULL, *key_pem = NULL;
    mcr_err code =
        read_pem(e, "client-certificate", "client-certificate-data", &cert_file, &cert_pem);
    if (!code)
        code = read_pem(e, "client-key", "client-key-data", &key_file, &key_pem);
    out->tls.cert_file = cert_file;
    out->tls.cert_pem = cert_pem;
    out->tls.key_file = key_file;
    out->tls.key_pem = key_pem;
    if (!code && (cert_file || cert_pem) != (key_file || key_pem))
        code = fail(e, NULL, "",
                    cert_file || cert_pem ? "has a client-certificate, but no client-key"
                                          : "has a client-key, but no client-certificate");
    if (!code)
        code = read_text(e, e->node, "token", &out->token);
    if (!code)
        code = read_path(e, "tokenFile", &out->token_file);
    if (!code)
        code = read_text(e, e->node, "username", &out->user);
    if (!code)
        code = read_text(e, e->node, "password", &out->password);
    if (!code)
        code = read_text(e, e->node, "as", &out->impersonate);
    const mcr_yaml_node *exec = code ? NULL : get(e, e->node, "exec");
    if (exec) {
        out->exec = mcr_zalloc(sizeof *out->exec);
        code = read_exec(e, exec, out->exec);
        if (!code)
            code = read_exec_config(cluster, out->exec);
    }
    if (!code && (out->token || out->token_file) + (out->user != NULL) + (out->exec != NULL) > 1)
        code = fail(e, NULL, "",
                    "has more than one of token, username and exec; take all but one "
                    "out");
    return code;
}

mcr_err mcr_kubeconfig_access(const mcr_kubeconfig *k, const char *context, mcr_kube_access *out,
                              mcr_errbuf *err)
{
    entry c = { .what = "context", .name = context, .err = err };
    char *cluster_name = NULL, *user_name = NULL;
    mcr_err code = find(k, "contexts", &c);
    if (!code)
        code = read_text(&c, c.node, "namespace", &out->namespace);
    if (!code)
        code = read_text(&c, c.node, "cluster", &cluster_name);
    if (!code)
        code = read_text(&c, c.node, "user", &user_name);
    if (!code && !cluster_name)
        code = fail(&c, NULL, "", "names no cluster");
    entry cluster = { .what = "cluster", .name = cluster_name ? cluster_name : "", .err = err };
    if (!code)
        code = find(k, "clusters", &cluster);
    if (!code)
        code = read_cluster(&cluster, out);
    entry user = { .what = "user", .name = user_name ? user_name : "", .err = err };
    if (!code && user_name)
        code = find(k, "users", &user);
    if (!code && user_name)
        code = read_user(&user, &cluster, out);
    if (!code) {
        mcr_buf origin = { 0 };
        mcr_buf_printf(&origin, "kubeconfig %s, context %s", c.file->path, context);
        mcr_buf_cstr(&origin);
        out->origin = origin.ptr;
    }
    free(cluster_name);
    free(user_name);
    return code;
}
