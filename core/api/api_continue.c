#include "api/api_continue.h"

#include <math.h>

#include <cjson/cJSON.h>

#include "event/encode.h"
#include "net/base64.h"

// Beyond it doubles are no longer exact; no store comes so far.
#define VERSION_MAX 9007199254740992.0

// base64url without padding, from and to the standard alphabet.
static void to_url(mcr_buf *text, size_t from)
{
    while (text->len > from && text->ptr[text->len - 1] == '=')
        text->len--;
    for (size_t i = from; i < text->len; i++)
        text->ptr[i] = text->ptr[i] == '+' ? '-' : text->ptr[i] == '/' ? '_' : text->ptr[i];
}

static bool from_url(mcr_buf *out, const char *token)
{
    mcr_buf text = { 0 };
    mcr_buf_puts(&text, token);
    for (size_t i = 0; i < text.len; i++)
        text.ptr[i] = text.ptr[i] == '-' ? '+' : text.ptr[i] == '_' ? '/' : text.ptr[i];
    while (text.len % 4)
        mcr_buf_putc(&text, '=');
    bool good = mcr_base64_decode(out, mcr_buf_str(&text));
    mcr_buf_fini(&text);
    return good;
}

void mcr_api_continue_write(mcr_buf *out, bool all, int64_t version, mcr_str namespace,
                            mcr_str name)
{
    mcr_buf start = { 0 }, json = { 0 };
    if (all) {
        mcr_buf_add(&start, namespace);
        mcr_buf_putc(&start, '/');
    }
    mcr_buf_add(&start, name);
    mcr_buf_putc(&start, '\0');
    mcr_buf_printf(&json, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%lld,\"start\":", (long long)version);
    mcr_json_string(&json, mcr_buf_str(&start));
    mcr_buf_putc(&json, '}');
    size_t from = out->len;
    mcr_base64_encode(out, mcr_buf_str(&json));
    to_url(out, from);
    mcr_buf_fini(&start);
    mcr_buf_fini(&json);
}

// `start` ends in \u0000, which is where cJSON's string ends, too.
static bool take_start(mcr_api_continue *out, const char *start, const char *namespace,
                       mcr_errbuf *err)
{
    const char *slash = strchr(start, '/');
    if (!*namespace && !slash) {
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: no namespace");
        return false;
    }
    if (*namespace) {
        mcr_buf_puts(&out->namespace, namespace);
        mcr_buf_puts(&out->name, start);
    } else {
        mcr_buf_append(&out->namespace, start, (size_t)(slash - start));
        mcr_buf_puts(&out->name, slash + 1);
    }
    return true;
}

static bool take_json(mcr_api_continue *out, mcr_buf *json, const char *namespace, mcr_errbuf *err)
{
    cJSON *token = cJSON_ParseWithLength(json->ptr, json->len);
    const char *version = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(token, "v"));
    const cJSON *rv = cJSON_GetObjectItemCaseSensitive(token, "rv");
    const char *start = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(token, "start"));
    bool good = false;
    if (!token && json->len && json->ptr[0] != '{')
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: invalid character '%c' "
                 "looking for beginning of value",
                 json->ptr[0]);
    else if (!token)
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: unexpected end of JSON input");
    else if (!version || strcmp(version, "meta.k8s.io/v1") != 0)
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: server does not recognize "
                 "this encoded version \"%s\"",
                 version ? version : "");
    else if (!cJSON_IsNumber(rv) || rv->valuedouble == 0 || fabs(rv->valuedouble) > VERSION_MAX ||
             !start || !*start)
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: incorrect encoded start "
                 "resourceVersion (version meta.k8s.io/v1)");
    else
        good = take_start(out, start, namespace, err);
    if (good)
        out->version = (int64_t)rv->valuedouble;
    cJSON_Delete(token);
    return good;
}

bool mcr_api_continue_parse(mcr_api_continue *out, const char *token, const char *namespace,
                            mcr_errbuf *err)
{
    mcr_buf json = { 0 };
    bool good = from_url(&json, token);
    if (good) {
        good = take_json(out, &json, namespace, err);
    } else {
        mcr_errf(err, MCR_EINVAL,
                 "invalid continue token: continue key is not valid: illegal base64 data");
    }
    mcr_buf_fini(&json);
    return good;
}

void mcr_api_continue_fini(mcr_api_continue *c)
{
    mcr_buf_fini(&c->namespace);
    mcr_buf_fini(&c->name);
}
