#include "broadcast/reference.h"

#include "event/scan.h"
#include "event/walk.h"

// A string member, and where it goes in a reference.
typedef struct member {
    const char *key;
    size_t offset;
} member;

#define MEMBER(key)                                                                                \
    {                                                                                              \
#key, offsetof(mcr_object_reference, key)                                                  \
    }

static const member type_members[] = { MEMBER(kind), MEMBER(apiVersion) };
static const member metadata_members[] = { MEMBER(name), MEMBER(namespace), MEMBER(uid),
                                           MEMBER(resourceVersion) };

typedef struct reader {
    mcr_object_reference *out;
    mcr_buf *strings; // has room for all strings of the object, so that it never moves
    bool has_metadata;
    mcr_errbuf *err;
} reader;

// The text of a JSON string that is known to be valid, quotes and all.
static mcr_str unquoted(mcr_buf *strings, mcr_str quoted)
{
    mcr_scan scan;
    mcr_str text = MCR_STR("");
    mcr_scan_init(&scan, quoted, false);
    mcr_scan_string(&scan, strings, &text);
    return text;
}

static mcr_str key_of(reader *r, mcr_str written)
{
    if (!written.len || !memchr(written.ptr, '\\', written.len))
        return written;
    return unquoted(r->strings, mcr_str_n(written.ptr - 1, written.len + 2));
}

static bool wrong_type(reader *r, const char *path, mcr_str key, const char *expected)
{
    mcr_errf(r->err, MCR_EINVAL, "the object is wrong: %s%.*s: expected %s", path, (int)key.len,
             key.ptr, expected);
    return false;
}

// Reads `value` if its key is one of `members`. False: it is no string.
static bool take(reader *r, const char *path, const member *members, size_t n, mcr_str key,
                 mcr_str value)
{
    for (size_t i = 0; i < n; i++) {
        if (!mcr_str_is(key, members[i].key))
            continue;
        if (mcr_str_is(value, "null"))
            return true;
        if (*value.ptr != '"')
            return wrong_type(r, path, key, "a string");
        mcr_str *to = (mcr_str *)(void *)((char *)r->out + members[i].offset);
        *to = unquoted(r->strings, value);
    }
    return true;
}

static bool read_metadata(reader *r, mcr_str metadata)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, metadata);
    while (mcr_walk_member(&walk, &key, &value))
        if (!take(r, "metadata.", metadata_members,
                  sizeof metadata_members / sizeof *metadata_members, key_of(r, key), value))
            return false;
    return true;
}

static bool read_object(reader *r, mcr_str object)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_walk_begin(&walk, object);
    while (mcr_walk_member(&walk, &key, &value)) {
        key = key_of(r, key);
        if (mcr_str_is(key, "metadata")) {
            r->has_metadata = true;
            if (*value.ptr != '{' && !mcr_str_is(value, "null"))
                return wrong_type(r, "", key, "an object");
            if (*value.ptr == '{' && !read_metadata(r, value))
                return false;
        } else if (!take(r, "", type_members, sizeof type_members / sizeof *type_members, key,
                         value)) {
            return false;
        }
    }
    return true;
}

// Go's schema.ParseGroupVersion and back: a group without a name is none, and more than one slash
// is no version at all.
static void normalize_version(mcr_str *version)
{
    const char *slash = version->len ? memchr(version->ptr, '/', version->len) : NULL;
    if (!slash)
        return;
    size_t after = version->len - (size_t)(slash + 1 - version->ptr);
    if (memchr(slash + 1, '/', after))
        *version = MCR_STR("");
    else if (slash == version->ptr)
        *version = mcr_str_n(slash + 1, after);
}

static mcr_err look_up(reader *r, const mcr_regarding *object, const mcr_scheme *scheme)
{
    if (!object->type.len)
        return mcr_errf(r->err, MCR_EINVAL,
                        "Object 'Kind' is missing in 'unstructured object has no kind'");
    for (size_t i = 0; scheme && i < scheme->n; i++) {
        if (!mcr_str_is(object->type, scheme->types[i].type))
            continue;
        r->out->kind = mcr_str_of(scheme->types[i].kind);
        r->out->apiVersion = mcr_str_of(scheme->types[i].apiVersion);
        return MCR_OK;
    }
    return mcr_errf(r->err, MCR_EINVAL, "no kind is registered for the type %.*s in scheme \"%s\"",
                    (int)object->type.len, object->type.ptr, scheme ? scheme->name : "");
}

// Copies the JSON, with what the scanner wants behind it and room for its strings, and checks it.
static mcr_err check(mcr_str *json, mcr_buf *room, mcr_buf *strings, mcr_errbuf *err)
{
    room->len = 0;
    mcr_buf_reserve(room, 2 * (size_t)json->len + MCR_SCAN_PAD);
    mcr_buf_add(room, *json);
    memset(room->ptr + room->len, 0, MCR_SCAN_PAD);
    room->len += MCR_SCAN_PAD;
    *strings = (mcr_buf){ .ptr = room->ptr + room->len, .cap = room->cap - room->len };
    mcr_scan scan;
    mcr_scan_init(&scan, mcr_str_n(room->ptr, json->len), false);
    if (mcr_scan_value(&scan, json) && mcr_scan_space(&scan) != 0)
        mcr_scan_fail(&scan, "text behind the object");
    if (scan.why)
        return mcr_errf(err, MCR_EINVAL, "the object is no JSON: %s (byte %zu)", scan.why,
                        (size_t)(scan.at - scan.begin));
    return MCR_OK;
}

mcr_err mcr_reference_get(mcr_object_reference *out, const mcr_regarding *object,
                          const mcr_scheme *scheme, mcr_buf *room, mcr_errbuf *err)
{
    *out = (mcr_object_reference){ 0 };
    if (object->reference) {
        *out = *object->reference;
        return MCR_OK;
    }
    mcr_str json = object->json;
    mcr_buf strings;
    mcr_err code = json.len ? check(&json, room, &strings, err) : MCR_OK;
    if (code)
        return code;
    if (!json.len || mcr_str_is(json, "null"))
        return mcr_errf(err, MCR_EINVAL, "can't reference a nil object");
    if (*json.ptr != '{')
        return mcr_errf(err, MCR_EINVAL, "the object is wrong: expected a JSON object");
    reader r = { .out = out, .strings = &strings, .err = err };
    if (!read_object(&r, json))
        return MCR_EINVAL;
    // A type of the program's without metadata; other JSON just has no name.
    if (object->type.len && !r.has_metadata)
        return mcr_errf(err, MCR_EINVAL,
                        "object does not implement the common interface for accessing the "
                        "SelfLink");
    normalize_version(&out->apiVersion);
    if (!out->kind.len && !out->apiVersion.len)
        return look_up(&r, object, scheme);
    return MCR_OK;
}
