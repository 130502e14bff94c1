#include "correlate/key_spec.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/suggest.h"

typedef enum field_kind {
    EXACT,
    FOLDED, // with `normalize`
    PAIRS   // the path goes on with a key
} field_kind;

typedef struct field {
    const char *path;
    size_t offset; // in mcr_event
    field_kind kind;
} field;

#define FIELD(path, kind)                                                                          \
    {                                                                                              \
#path, offsetof(mcr_event, path), kind                                                     \
    }

static const field fields[] = {
    FIELD(reason, EXACT),
    FIELD(message, FOLDED),
    FIELD(type, EXACT),
    FIELD(action, EXACT),
    FIELD(reportingComponent, EXACT),
    { "reportingController", offsetof(mcr_event, reportingComponent), EXACT }, // events.k8s.io/v1
    FIELD(reportingInstance, FOLDED),
    FIELD(source.component, EXACT),
    FIELD(source.host, FOLDED),
    FIELD(involvedObject.kind, EXACT),
    FIELD(involvedObject.namespace, EXACT),
    FIELD(involvedObject.name, FOLDED),
    FIELD(involvedObject.uid, EXACT),
    FIELD(involvedObject.apiVersion, EXACT),
    FIELD(involvedObject.resourceVersion, EXACT),
    FIELD(involvedObject.fieldPath, FOLDED),
    FIELD(related.kind, EXACT),
    FIELD(related.namespace, EXACT),
    FIELD(related.name, FOLDED),
    FIELD(related.uid, EXACT),
    FIELD(related.apiVersion, EXACT),
    FIELD(related.resourceVersion, EXACT),
    FIELD(related.fieldPath, FOLDED),
    FIELD(metadata.name, FOLDED),
    FIELD(metadata.generateName, FOLDED),
    FIELD(metadata.namespace, EXACT),
    FIELD(metadata.uid, EXACT),
    FIELD(metadata.resourceVersion, EXACT),
    { "metadata.labels.", offsetof(mcr_event, metadata.labels), PAIRS },
    { "metadata.annotations.", offsetof(mcr_event, metadata.annotations), PAIRS },
};

enum {
    FIELDS = sizeof fields / sizeof *fields,
    SEPARATOR = 0x1f
};

typedef struct part {
    const field *field;
    char *key; // of a label or annotation, else NULL
    uint32_t key_len;
} part;

struct mcr_key_spec {
    size_t n;
    bool normalize;
    part parts[];
};

static const field *find(mcr_str path)
{
    for (size_t i = 0; i < FIELDS; i++) {
        size_t len = strlen(fields[i].path);
        bool longer = fields[i].kind == PAIRS && path.len > len;
        if ((path.len == len || longer) && memcmp(path.ptr, fields[i].path, len) == 0)
            return fields[i].kind == PAIRS && !longer ? NULL : &fields[i];
    }
    return NULL;
}

static void fail(mcr_str path, mcr_errbuf *err)
{
    char typed[64] = "";
    const char *names[FIELDS];
    size_t n = 0;
    memcpy(typed, path.ptr ? path.ptr : "", path.len < sizeof typed ? path.len : sizeof typed - 1);
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].kind != PAIRS) {
            names[n++] = fields[i].path;
            continue;
        }
        size_t len = strlen(fields[i].path) - 1;
        if (strncmp(typed, fields[i].path, len) == 0 && (!typed[len] || typed[len] == '.')) {
            mcr_errf(err, MCR_ECONFIG, "'%.*s' is a map; a key names one of it: '%.*s.app'",
                     (int)len, typed, (int)len, typed);
            return;
        }
    }
    const char *meant = mcr_suggest(typed, names, n);
    mcr_errf(err, MCR_ECONFIG, "no field '%s' for a key%s%s%s", typed,
             meant ? "; did you mean '" : " (those are the strings of an event, by their path)",
             meant ? meant : "", meant ? "'?" : "");
}

mcr_key_spec *mcr_key_spec_new(const mcr_str *paths, size_t n, bool normalize, mcr_errbuf *err)
{
    if (!n) {
        mcr_errf(err, MCR_ECONFIG, "a key needs at least one field");
        return NULL;
    }
    mcr_key_spec *spec = mcr_zalloc(sizeof *spec + n * sizeof *spec->parts);
    spec->normalize = normalize;
    for (; spec->n < n; spec->n++) {
        part *p = &spec->parts[spec->n];
        p->field = find(paths[spec->n]);
        if (!p->field) {
            fail(paths[spec->n], err);
            mcr_key_spec_free(spec);
            return NULL;
        }
        if (p->field->kind == PAIRS) {
            size_t prefix = strlen(p->field->path);
            p->key_len = paths[spec->n].len - (uint32_t)prefix;
            p->key = mcr_alloc(p->key_len);
            memcpy(p->key, paths[spec->n].ptr + prefix, p->key_len);
        }
    }
    return spec;
}

void mcr_key_spec_free(mcr_key_spec *spec)
{
    if (!spec)
        return;
    for (size_t i = 0; i < spec->n; i++)
        free(spec->parts[i].key);
    free(spec);
}

void mcr_key_spec_write(const mcr_key_spec *spec, mcr_buf *out, const mcr_event *ev)
{
    for (size_t i = 0; i < spec->n; i++) {
        const part *p = &spec->parts[i];
        const void *at = (const char *)ev + p->field->offset;
        mcr_str value = { 0 };
        if (p->field->kind == PAIRS) {
            const mcr_str *found = mcr_pairs_get(at, mcr_str_n(p->key, p->key_len));
            if (found)
                value = *found;
        } else {
            value = *(const mcr_str *)at;
        }
        if (i)
            mcr_buf_putc(out, SEPARATOR);
        if (spec->normalize && p->field->kind != EXACT)
            mcr_key_normalize(out, value);
        else
            mcr_buf_add(out, value);
    }
}
