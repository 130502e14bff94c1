#include "cli/object_file.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "net/yaml.h"

enum {
    LONGEST = 64 << 20
};

typedef struct reading {
    mcr_objects *out;
    const char *name; // of the file, for messages
    mcr_errbuf *err;
} reading;

static mcr_err read_all(const char *path, mcr_buf *text, mcr_errbuf *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int errnum = fd < 0 ? errno : 0;
    for (ssize_t n = 1; !errnum && n != 0;) {
        n = read(fd, mcr_buf_reserve(text, 65536), 65536);
        if (n > 0)
            text->len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            errnum = errno;
        if (text->len > LONGEST)
            errnum = EFBIG;
    }
    if (!standard && fd >= 0)
        close(fd);
    mcr_buf_cstr(text);
    return errnum ? mcr_errf(err, MCR_EIO, "%s: %s", standard ? "standard input" : path,
                             strerrordesc_np(errnum))
                  : MCR_OK;
}

static mcr_str text_of(const cJSON *map, const char *key)
{
    return mcr_str_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(map, key)));
}

static bool ends_in_list(mcr_str kind)
{
    return kind.len >= 4 && memcmp(kind.ptr + kind.len - 4, "List", 4) == 0;
}

// One object; `kind` and `version` are what its list says of its items.
static mcr_err add_object(reading *r, const cJSON *object, mcr_str kind, mcr_str version)
{
    mcr_objects *out = r->out;
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    mcr_object_reference reference = {
        .kind = text_of(object, "kind"),
        .apiVersion = text_of(object, "apiVersion"),
        .name = text_of(meta, "name"),
        .namespace = text_of(meta, "namespace"),
        .uid = text_of(meta, "uid"),
        .resourceVersion = text_of(meta, "resourceVersion"),
    };
    if (!reference.kind.len) {
        reference.kind = kind;
        reference.apiVersion = version;
    }
    if (!reference.kind.len || !reference.name.len)
        return mcr_errf(r->err, MCR_EINVAL, "%s: object %zu has no %s", r->name, out->n + 1,
                        reference.kind.len ? "metadata.name" : "kind");
    out->at = mcr_realloc(out->at, (out->n + 1) * sizeof *out->at);
    out->at[out->n++] = reference;
    return MCR_OK;
}

static mcr_err add_items(reading *r, const cJSON *items, mcr_str kind, mcr_str version)
{
    const cJSON *item;
    mcr_err code = MCR_OK;
    cJSON_ArrayForEach(item, items)
    {
        if (!code)
            code = add_object(r, item, kind, version);
    }
    return code;
}

// A document: an object, a list of them, or a watch line around one.
static mcr_err add_tree_take(reading *r, cJSON *tree)
{
    mcr_objects *out = r->out;
    out->trees = mcr_realloc(out->trees, (out->n_trees + 1) * sizeof *out->trees);
    out->trees[out->n_trees++] = tree;
    if (cJSON_IsArray(tree))
        return add_items(r, tree, MCR_STR(""), MCR_STR(""));
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(tree, "items");
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(tree, "object");
    mcr_str kind = text_of(tree, "kind");
    if (cJSON_IsArray(items) && ends_in_list(kind))
        return add_items(r, items, mcr_str_n(kind.ptr, kind.len - 4), text_of(tree, "apiVersion"));
    return add_object(r, !kind.len && cJSON_IsObject(object) ? object : tree, MCR_STR(""),
                      MCR_STR(""));
}

static size_t space(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && strchr(" \t\r\n", at[n]) && at[n])
        n++;
    return n;
}

static mcr_err read_json(reading *r, const char *at, const char *end)
{
    mcr_err code = MCR_OK;
    for (at += space(at, end); !code && at < end; at += space(at, end)) {
        const char *stop = NULL;
        cJSON *tree = cJSON_ParseWithLengthOpts(at, (size_t)(end - at), &stop, false);
        if (!tree)
            return mcr_errf(r->err, MCR_EINVAL, "%s: no JSON behind object %zu: %.32s", r->name,
                            r->out->n, stop ? stop : "");
        code = add_tree_take(r, tree);
        at = stop;
    }
    return code;
}

// The "---" that ends the document at `at`, or the end of the text.
static const char *end_of_document(const char *at, const char *end)
{
    for (const char *line = at; line < end;) {
        if (end - line >= 3 && memcmp(line, "---", 3) == 0 && (line + 3 == end || line[3] <= ' '))
            return line;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline ? newline + 1 : end;
    }
    return end;
}

static mcr_err read_document(reading *r, mcr_str text, int number)
{
    mcr_errbuf why;
    mcr_yaml *y = mcr_yaml_read(text, &why);
    if (!y)
        return mcr_errf(r->err, MCR_EINVAL, "%s: document %d: %s", r->name, number, why.text);
    mcr_buf json = { 0 };
    const mcr_yaml_node *root = mcr_yaml_root(y);
    mcr_err code = MCR_OK;
    if (root && !mcr_yaml_json(y, root, &json))
        code = mcr_errf(r->err, MCR_EINVAL, "%s: document %d is too deep or too long", r->name,
                        number);
    else if (root)
        code = read_json(r, json.ptr, json.ptr + json.len);
    mcr_buf_fini(&json);
    mcr_yaml_free(y);
    return code;
}

static mcr_err read_yaml(reading *r, const char *at, const char *end)
{
    mcr_err code = MCR_OK;
    for (int number = 1; !code && at < end; number++) {
        if (end - at >= 3 && memcmp(at, "---", 3) == 0)
            at += 3;
        const char *stop = end_of_document(at, end);
        code = read_document(r, mcr_str_n(at, (size_t)(stop - at)), number);
        at = stop;
    }
    return code;
}

mcr_err mcr_objects_read(mcr_objects *out, const char *path, mcr_errbuf *err)
{
    *out = (mcr_objects){ 0 };
    reading r = { out, strcmp(path, "-") == 0 ? "standard input" : path, err };
    mcr_buf text = { 0 };
    mcr_err code = read_all(path, &text, err);
    if (!code) {
        const char *end = text.ptr + text.len, *first = text.ptr + space(text.ptr, end);
        bool json = first < end && (*first == '{' || *first == '[');
        code = json ? read_json(&r, first, end) : read_yaml(&r, text.ptr, end);
    }
    mcr_buf_fini(&text);
    if (!code && !out->n)
        code = mcr_errf(err, MCR_EINVAL, "%s: there is no object in it", r.name);
    return code;
}

void mcr_objects_fini(mcr_objects *objects)
{
    for (size_t i = 0; i < objects->n_trees; i++)
        cJSON_Delete(objects->trees[i]);
    free((void *)objects->trees);
    free(objects->at);
}
