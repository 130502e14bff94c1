#include "api/api_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes up to `end` to `*to`, NUL-terminated; `*to` moves behind the NUL.
static char *decode(const char *at, const char *end, bool plus, char **to)
{
    char *start = *to, *out = start;
    while (at < end) {
        if (*at == '%' && end - at > 2 && hex(at[1]) >= 0 && hex(at[2]) >= 0) {
            *out++ = (char)(hex(at[1]) * 16 + hex(at[2]));
            at += 3;
        } else {
            *out++ = plus && *at == '+' ? ' ' : *at;
            at++;
        }
    }
    *out = '\0';
    *to = out + 1;
    return start;
}

static void parse_query(mcr_api_request *r, const char *at, const char *end, char **to)
{
    while (at < end && r->n_params < MCR_API_PARAMS) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop)
            stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (stop > at) {
            mcr_api_param *param = &r->params[r->n_params++];
            param->name = decode(at, equals ? equals : stop, true, to);
            param->value = decode(equals ? equals + 1 : stop, stop, true, to);
        }
        at = stop + 1;
    }
}

// The next segment of a raw path, decoded; "" at its end.
static const char *segment(const char **at, const char *end, char **to)
{
    while (*at < end && **at == '/')
        ++*at;
    const char *stop = *at < end ? memchr(*at, '/', (size_t)(end - *at)) : NULL;
    if (!stop)
        stop = end;
    char *text = decode(*at, stop, false, to);
    *at = stop;
    return text;
}

// What follows /api/v1 or /apis/events.k8s.io/v1.
static mcr_api_place parse_resource(mcr_api_request *r, const char *at, const char *end, char **to)
{
    const char *first = segment(&at, end, to);
    if (!*first)
        return MCR_API_PLACE_DISCOVERY;
    if (strcmp(first, "watch") == 0) {
        r->watch = true;
        first = segment(&at, end, to);
    }
    if (strcmp(first, "namespaces") == 0) {
        r->namespace = segment(&at, end, to);
        first = segment(&at, end, to);
        if (!*r->namespace || !*first)
            return MCR_API_PLACE_NO_RESOURCE;
    }
    r->name = segment(&at, end, to);
    if (*r->name && !*r->namespace)
        return MCR_API_PLACE_NO_RESOURCE;
    if (*segment(&at, end, to)) // a subresource
        return MCR_API_PLACE_NO_RESOURCE;
    return strcmp(first, "events") == 0 ? MCR_API_PLACE_EVENTS : MCR_API_PLACE_NO_RESOURCE;
}

static mcr_api_place parse_path(mcr_api_request *r, const char *at, const char *end, char **to)
{
    const char *first = segment(&at, end, to);
    if (strcmp(first, "-") == 0 && strcmp(segment(&at, end, to), "faults") == 0)
        return MCR_API_PLACE_FAULTS;
    if (strcmp(first, "apis") == 0) {
        if (strcmp(segment(&at, end, to), "events.k8s.io") != 0)
            return MCR_API_PLACE_DISCOVERY;
        r->events_api = true;
    } else if (strcmp(first, "api") != 0) {
        return MCR_API_PLACE_DISCOVERY;
    }
    const char *version = segment(&at, end, to);
    if (!*version)
        return MCR_API_PLACE_DISCOVERY;
    return strcmp(version, "v1") == 0 ? parse_resource(r, at, end, to) : MCR_API_PLACE_NO_RESOURCE;
}

//
// Accept
//

static mcr_str trim(mcr_str s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

// Cuts what comes before `separator` off `*rest`.
static mcr_str cut(mcr_str *rest, char separator)
{
    const char *stop = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    mcr_str part = *rest;
    if (stop) {
        part = mcr_str_n(rest->ptr, (size_t)(stop - rest->ptr));
        *rest = mcr_str_n(stop + 1, rest->len - part.len - 1);
    } else {
        *rest = (mcr_str){ 0 };
    }
    return trim(part);
}

static bool is_group(mcr_str as, mcr_str group, mcr_str version, const char *kind,
                     const char *wanted_group, const char *wanted_version)
{
    return mcr_str_is(as, kind) && mcr_str_is(group, wanted_group) &&
           mcr_str_is(version, wanted_version);
}

// One media range: "application/json;as=Table;v=v1;g=meta.k8s.io".
static mcr_api_form range_form(mcr_str range)
{
    mcr_str type = cut(&range, ';'), as = { 0 }, group = { 0 }, version = { 0 };
    while (range.len) {
        mcr_str value = cut(&range, ';'), key = cut(&value, '=');
        if (mcr_str_is(key, "as"))
            as = value;
        else if (mcr_str_is(key, "g"))
            group = value;
        else if (mcr_str_is(key, "v"))
            version = value;
    }
    if (!mcr_str_is(type, "application/json") && !mcr_str_is(type, "*/*") &&
        !mcr_str_is(type, "application/*"))
        return MCR_API_FORM_NONE;
    if (!as.len)
        return MCR_API_FORM_JSON;
    if (is_group(as, group, version, "Table", "meta.k8s.io", "v1"))
        return MCR_API_FORM_TABLE;
    if (is_group(as, group, version, "PartialObjectMetadata", "meta.k8s.io", "v1") ||
        is_group(as, group, version, "PartialObjectMetadataList", "meta.k8s.io", "v1"))
        return MCR_API_FORM_PARTIAL;
    if (is_group(as, group, version, "APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"))
        return MCR_API_FORM_DISCOVERY;
    if (is_group(as, group, version, "APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1"))
        return MCR_API_FORM_DISCOVERY_BETA;
    return MCR_API_FORM_NONE;
}

// The first range that there is a form for.
static mcr_api_form accept_form(const char *accept)
{
    mcr_str rest = mcr_str_of(accept);
    if (!trim(rest).len)
        return MCR_API_FORM_JSON;
    while (rest.len) {
        mcr_api_form form = range_form(cut(&rest, ','));
        if (form != MCR_API_FORM_NONE)
            return form;
    }
    return MCR_API_FORM_NONE;
}

static mcr_api_form table_form(const mcr_api_request *r)
{
    const char *include = mcr_api_param_get(r, "includeObject");
    if (!include || !*include || strcmp(include, "Metadata") == 0)
        return MCR_API_FORM_TABLE;
    if (strcmp(include, "Object") == 0)
        return MCR_API_FORM_TABLE_OBJECTS;
    return strcmp(include, "None") == 0 ? MCR_API_FORM_TABLE_ALONE : MCR_API_FORM_TABLE_UNKNOWN;
}

// Programs through which people look.
static bool for_people(const char *user_agent)
{
    return user_agent &&
           (strncmp(user_agent, "curl", 4) == 0 || strncmp(user_agent, "Wget", 4) == 0 ||
            strncmp(user_agent, "Mozilla/5.0", 11) == 0);
}

void mcr_api_request_parse(mcr_api_request *out, const char *method, mcr_str target,
                           const char *accept, const char *user_agent)
{
    *out = (mcr_api_request){ .method = method, .namespace = "", .name = "" };
    // Every decoded piece is no longer than what it came from, and there is a byte of the original
    // (a slash, '&', '=') for nearly every NUL.
    char *to = out->text = mcr_alloc(2 * (size_t)target.len + 2 * MCR_API_PARAMS + 64);
    const char *end = target.ptr + target.len;
    const char *query = target.len ? memchr(target.ptr, '?', target.len) : NULL;
    const char *path_end = query ? query : end;
    out->path = decode(target.ptr, path_end, false, &to);
    out->place = parse_path(out, target.ptr, path_end, &to);
    if (query)
        parse_query(out, query + 1, end, &to);
    out->watch |= mcr_api_param_true(out, "watch");
    out->form = accept_form(accept);
    if (out->form == MCR_API_FORM_TABLE)
        out->form = table_form(out);
    const char *pretty = mcr_api_param_get(out, "pretty");
    out->pretty = pretty ? mcr_api_param_true(out, "pretty") : for_people(user_agent);
}

void mcr_api_request_fini(mcr_api_request *r)
{
    free(r->text);
    r->text = NULL;
}

const char *mcr_api_param_get(const mcr_api_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_params; i++)
        if (strcmp(r->params[i].name, name) == 0)
            return r->params[i].value;
    return NULL;
}

bool mcr_api_param_true(const mcr_api_request *r, const char *name)
{
    const char *value = mcr_api_param_get(r, name);
    return value && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}
