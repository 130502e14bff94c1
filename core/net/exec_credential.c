#include "net/exec_credential.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "net/base64.h"
#include "net/small_file.h"
#include "net/token_file.h"

enum {
    AUTHORITY_MAX = 4 * 1024 * 1024
};

static mcr_err add_authority(const mcr_kube_access *a, cJSON *cluster, mcr_errbuf *err)
{
    mcr_buf pem = { 0 }, text = { 0 };
    if (a->tls.ca_pem) {
        mcr_buf_puts(&pem, a->tls.ca_pem);
    } else if (a->tls.ca_file) {
        int errnum = mcr_small_file_read(a->tls.ca_file, AUTHORITY_MAX, &pem);
        if (errnum)
            return mcr_errf(err, MCR_EIO, "%s: '%s': %s", a->origin, a->tls.ca_file,
                            mcr_small_file_error(errnum));
    }
    mcr_base64_encode(&text, mcr_buf_str(&pem));
    if (text.len)
        cJSON_AddStringToObject(cluster, "certificate-authority-data", mcr_buf_cstr(&text));
    mcr_buf_fini(&pem);
    mcr_buf_fini(&text);
    return MCR_OK;
}

mcr_err mcr_exec_credential_ask(const mcr_kube_access *a, mcr_buf *out, mcr_errbuf *err)
{
    mcr_err code = MCR_OK;
    cJSON *info = cJSON_CreateObject();
    cJSON_AddStringToObject(info, "kind", "ExecCredential");
    cJSON_AddStringToObject(info, "apiVersion", a->exec->api_version);
    cJSON *spec = cJSON_AddObjectToObject(info, "spec");
    cJSON_AddBoolToObject(spec, "interactive", false);
    if (a->exec->provide_cluster_info) {
        cJSON *cluster = cJSON_AddObjectToObject(spec, "cluster");
        cJSON_AddStringToObject(cluster, "server", a->server);
        if (a->tls.server_name)
            cJSON_AddStringToObject(cluster, "tls-server-name", a->tls.server_name);
        if (a->tls.insecure)
            cJSON_AddBoolToObject(cluster, "insecure-skip-tls-verify", true);
        code = add_authority(a, cluster, err);
        if (a->proxy)
            cJSON_AddStringToObject(cluster, "proxy-url", a->proxy);
        if (a->compression_off)
            cJSON_AddBoolToObject(cluster, "disable-compression", true);
        if (a->exec->cluster_config)
            cJSON_AddRawToObject(cluster, "config", a->exec->cluster_config);
    }
    char *text = code ? NULL : cJSON_PrintUnformatted(info);
    if (text)
        mcr_buf_puts(out, text);
    cJSON_free(text);
    cJSON_Delete(info);
    return code;
}

// RFC 3339 as Go's metav1.Time writes and reads it.
static bool parse_time(const char *text, int64_t *ns)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return false;
    int64_t seconds = timegm(&tm);
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789"); // a second more or less is nothing here
    if (strcmp(rest, "Z") != 0) {
        struct tm offset = { 0 };
        if ((*rest != '+' && *rest != '-') || !strptime(rest + 1, "%H:%M", &offset) ||
            strlen(rest) != 6)
            return false;
        seconds -= (*rest == '-' ? -60 : 60) * (offset.tm_hour * 60 + offset.tm_min);
    }
    if (seconds <= 0 || seconds > INT64_MAX / 1000000000)
        return false;
    *ns = seconds * 1000000000;
    return true;
}

// The text at `key`, NULL when it is not there or empty.
static const char *text_at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) && *item->valuestring ? item->valuestring : NULL;
}

static mcr_err read_status(const cJSON *status, mcr_exec_credential *out, mcr_errbuf *err)
{
    const char *token = text_at(status, "token"), *cert = text_at(status, "clientCertificateData"),
               *key = text_at(status, "clientKeyData"),
               *expires = text_at(status, "expirationTimestamp");
    mcr_str trimmed = mcr_str_of(token);
    if (!token && !cert && !key)
        return mcr_errf(err, MCR_EINVAL,
                        "gave neither a token nor a clientCertificateData in its status");
    if (!cert != !key)
        return mcr_errf(err, MCR_EINVAL, "gave %s",
                        cert ? "a certificate without a key" : "a key without a certificate");
    if (token && !mcr_token_trim(&trimmed))
        return mcr_errf(err, MCR_EINVAL, "gave a token with control characters in it");
    if (expires && !parse_time(expires, &out->expires))
        return mcr_errf(err, MCR_EINVAL, "gave an expirationTimestamp that is no RFC 3339 time");
    out->token = token ? strndup(trimmed.ptr, trimmed.len) : NULL;
    out->cert_pem = mcr_strdup(cert);
    out->key_pem = mcr_strdup(key);
    return MCR_OK;
}

mcr_err mcr_exec_credential_read(mcr_str answer, const char *api_version, mcr_exec_credential *out,
                                 mcr_errbuf *err)
{
    *out = (mcr_exec_credential){ 0 };
    cJSON *root = cJSON_ParseWithLength(answer.ptr, answer.len);
    const char *kind = text_at(root, "kind"), *version = text_at(root, "apiVersion");
    mcr_err code;
    if (!cJSON_IsObject(root))
        code = mcr_errf(err, MCR_EINVAL, answer.len ? "gave no JSON" : "gave nothing");
    else if (!kind || strcmp(kind, "ExecCredential") != 0)
        code = mcr_errf(err, MCR_EINVAL, "gave no ExecCredential");
    else if (!version || strcmp(version, api_version) != 0)
        code =
            mcr_errf(err, MCR_EINVAL, "was asked as %s, but did not answer as that", api_version);
    else
        code = read_status(cJSON_GetObjectItemCaseSensitive(root, "status"), out, err);
    cJSON_Delete(root);
    return code;
}

static void forget(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void mcr_exec_credential_fini(mcr_exec_credential *c)
{
    forget(&c->token);
    forget(&c->cert_pem);
    forget(&c->key_pem);
    c->expires = 0;
}
