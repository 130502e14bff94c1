#include "sink/json_path.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

typedef struct step {
    enum {
        STEP_KEY,
        STEP_INDEX, // from the end when negative
        STEP_ALL
    } kind;
    char *key;
    long index;
} step;

struct mcr_json_path {
    step *steps;
    size_t size;
};

struct reader {
    mcr_str text; // what the user wrote, for messages
    const char *at;
    const char *end;
    mcr_errbuf *err;
};

static bool fail(struct reader *r, const char *why)
{
    mcr_errf(r->err, MCR_EINVAL, "path '%.*s': %s", (int)r->text.len, r->text.ptr, why);
    return false;
}

static void add(mcr_json_path *path, step s)
{
    path->steps = mcr_realloc(path->steps, (path->size + 1) * sizeof *path->steps);
    path->steps[path->size++] = s;
}

static void add_key(mcr_json_path *path, mcr_buf *key)
{
    add(path, (step){ .kind = STEP_KEY, .key = mcr_strdup(mcr_buf_cstr(key)) });
}

// A name up to the next dot or bracket; a backslash takes the meaning from what follows it.
static bool read_name(struct reader *r, mcr_json_path *path)
{
    if (r->at < r->end && *r->at == '*') {
        r->at++;
        add(path, (step){ .kind = STEP_ALL });
        return true;
    }
    mcr_buf key = { 0 };
    while (r->at < r->end && *r->at != '.' && *r->at != '[') {
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        mcr_buf_putc(&key, *r->at++);
    }
    bool ok = key.len > 0;
    if (ok)
        add_key(path, &key);
    mcr_buf_fini(&key);
    if (!ok && r->at < r->end && *r->at == '.')
        return fail(r, "'..' is not supported, name every field on the way");
    return ok || fail(r, "a field name is missing");
}

static bool read_quoted(struct reader *r, mcr_json_path *path)
{
    char quote = *r->at++;
    mcr_buf key = { 0 };
    while (r->at < r->end && *r->at != quote) {
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        mcr_buf_putc(&key, *r->at++);
    }
    bool ok = r->at < r->end;
    if (ok) {
        r->at++;
        add_key(path, &key);
    }
    mcr_buf_fini(&key);
    return ok || fail(r, "a quote is not closed");
}

static bool read_index(struct reader *r, mcr_json_path *path)
{
    long sign = 1, index = 0;
    if (r->at < r->end && *r->at == '-') {
        sign = -1;
        r->at++;
    }
    const char *digits = r->at;
    for (; r->at < r->end && isdigit((unsigned char)*r->at) && index < 100000000; r->at++)
        index = index * 10 + (*r->at - '0');
    if (r->at == digits)
        return fail(r, "expected a number, '*' or a quoted name in brackets (filters and slices "
                       "are not supported)");
    add(path, (step){ .kind = STEP_INDEX, .index = sign * index });
    return true;
}

static bool read_brackets(struct reader *r, mcr_json_path *path)
{
    r->at++;
    bool ok;
    if (r->at < r->end && (*r->at == '\'' || *r->at == '"')) {
        ok = read_quoted(r, path);
    } else if (r->at < r->end && *r->at == '*') {
        r->at++;
        add(path, (step){ .kind = STEP_ALL });
        ok = true;
    } else {
        ok = read_index(r, path);
    }
    if (!ok)
        return false;
    if (r->at == r->end || *r->at != ']')
        return fail(r, "expected ']'");
    r->at++;
    return true;
}

static bool read_path(struct reader *r, mcr_json_path *path)
{
    bool first = true;
    while (r->at < r->end) {
        bool ok;
        if (*r->at == '[') {
            ok = read_brackets(r, path);
        } else if (*r->at == '.') {
            r->at++;
            // ".['a']" is what people write who know JSONPath from elsewhere.
            ok = (first && r->at < r->end && *r->at == '[') || read_name(r, path);
        } else if (first) {
            ok = read_name(r, path);
        } else {
            ok = fail(r, "expected '.' or '['");
        }
        if (!ok)
            return false;
        first = false;
    }
    return path->size > 0 || fail(r, "it is empty");
}

mcr_json_path *mcr_json_path_parse(mcr_str text, mcr_errbuf *err)
{
    struct reader r = { text, text.ptr, text.ptr + text.len, err };
    if (text.len >= 2 && r.at[0] == '{' && r.end[-1] == '}') {
        r.at++;
        r.end--;
    }
    if (r.at < r.end && *r.at == '$')
        r.at++;
    mcr_json_path *path = mcr_zalloc(sizeof *path);
    if (!read_path(&r, path)) {
        mcr_json_path_free(path);
        return NULL;
    }
    return path;
}

void mcr_json_path_free(mcr_json_path *path)
{
    if (!path)
        return;
    for (size_t i = 0; i < path->size; i++)
        free(path->steps[i].key);
    free(path->steps);
    free(path);
}

// The values reached so far.
typedef struct nodes {
    const cJSON **at;
    size_t size;
    size_t cap;
} nodes;

static void push(nodes *list, const cJSON *value)
{
    if (list->size == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->at = mcr_realloc(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->size++] = value;
}

// The last of several equal keys counts, as in Go.
static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *last = NULL, *item;
    cJSON_ArrayForEach(item, object)
    {
        if (strcmp(item->string, key) == 0)
            last = item;
    }
    return last;
}

static void advance(const step *s, const cJSON *from, nodes *to)
{
    const cJSON *value = NULL;
    if (s->kind == STEP_ALL && (cJSON_IsArray(from) || cJSON_IsObject(from))) {
        cJSON_ArrayForEach(value, from)
        {
            push(to, value);
        }
        return;
    }
    if (s->kind == STEP_KEY && cJSON_IsObject(from))
        value = member(from, s->key);
    if (s->kind == STEP_INDEX && cJSON_IsArray(from)) {
        long index = s->index < 0 ? cJSON_GetArraySize(from) + s->index : s->index;
        value = index < 0 ? NULL : cJSON_GetArrayItem(from, (int)index);
    }
    if (value)
        push(to, value);
}

void mcr_json_path_find(const mcr_json_path *path, const cJSON *root, mcr_json_path_found *found,
                        void *arg)
{
    nodes now = { 0 }, next = { 0 };
    push(&now, root);
    for (size_t i = 0; i < path->size; i++) {
        next.size = 0;
        for (size_t n = 0; n < now.size; n++)
            advance(&path->steps[i], now.at[n], &next);
        nodes swap = now;
        now = next;
        next = swap;
    }
    for (size_t n = 0; n < now.size; n++)
        found(arg, now.at[n]);
    free(now.at);
    free(next.at);
}
