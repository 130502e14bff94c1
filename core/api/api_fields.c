#include "api/api_body.h"
#include "event/walk.h"

// Which members objects have. NULL ends a list; `inside`: the members of a member, NULL: any.
typedef struct member {
    const char *name;
    const struct member *inside;
} member;

static const member metadata[] = {
    { "name", NULL },
    { "generateName", NULL },
    { "namespace", NULL },
    { "selfLink", NULL },
    { "uid", NULL },
    { "resourceVersion", NULL },
    { "generation", NULL },
    { "creationTimestamp", NULL },
    { "deletionTimestamp", NULL },
    { "deletionGracePeriodSeconds", NULL },
    { "labels", NULL },
    { "annotations", NULL },
    { "ownerReferences", NULL },
    { "finalizers", NULL },
    { "managedFields", NULL },
    { NULL, NULL },
};

static const member reference[] = {
    { "kind", NULL },       { "namespace", NULL },       { "name", NULL },      { "uid", NULL },
    { "apiVersion", NULL }, { "resourceVersion", NULL }, { "fieldPath", NULL }, { NULL, NULL },
};

static const member source[] = { { "component", NULL }, { "host", NULL }, { NULL, NULL } };

static const member series[] = { { "count", NULL }, { "lastObservedTime", NULL }, { NULL, NULL } };

static const member core[] = {
    { "kind", NULL },
    { "apiVersion", NULL },
    { "metadata", metadata },
    { "involvedObject", reference },
    { "reason", NULL },
    { "message", NULL },
    { "source", source },
    { "firstTimestamp", NULL },
    { "lastTimestamp", NULL },
    { "count", NULL },
    { "type", NULL },
    { "eventTime", NULL },
    { "series", series },
    { "action", NULL },
    { "related", reference },
    { "reportingComponent", NULL },
    { "reportingInstance", NULL },
    { NULL, NULL },
};

static const member events[] = {
    { "kind", NULL },
    { "apiVersion", NULL },
    { "metadata", metadata },
    { "eventTime", NULL },
    { "series", series },
    { "reportingController", NULL },
    { "reportingInstance", NULL },
    { "action", NULL },
    { "reason", NULL },
    { "regarding", reference },
    { "related", reference },
    { "note", NULL },
    { "type", NULL },
    { "deprecatedSource", source },
    { "deprecatedFirstTimestamp", NULL },
    { "deprecatedLastTimestamp", NULL },
    { "deprecatedCount", NULL },
    { NULL, NULL },
};

enum {
    MEMBERS_MAX = 32,  // of one list
    UNKNOWN_MAX = 8192 // bytes of what is told
};

static void tell(mcr_buf *out, const char *what, const char *prefix, mcr_str key)
{
    if (out->len < UNKNOWN_MAX)
        mcr_buf_printf(out, "%s field \"%s%s%.*s\"\n", what, prefix, *prefix ? "." : "",
                       key.len < 256 ? (int)key.len : 256, key.ptr);
}

static void check(mcr_buf *out, const member *members, const char *prefix, mcr_str json)
{
    mcr_walk walk;
    mcr_str key, value;
    mcr_buf room = { 0 };
    bool seen[MEMBERS_MAX] = { 0 };
    if (!json.len || json.ptr[0] != '{')
        return;
    mcr_walk_begin(&walk, json);
    while (mcr_walk_member(&walk, &key, &value)) {
        mcr_str plain = mcr_walk_key(key, &room);
        size_t i = 0;
        while (members[i].name && !mcr_str_is(plain, members[i].name))
            i++;
        if (!members[i].name) {
            tell(out, "unknown", prefix, plain);
            continue;
        }
        if (seen[i])
            tell(out, "duplicate", prefix, plain);
        seen[i] = true;
        if (members[i].inside)
            check(out, members[i].inside, members[i].name, value);
    }
    mcr_buf_fini(&room);
}

void mcr_api_unknown_fields(mcr_buf *out, mcr_str text, bool events_api)
{
    check(out, events_api ? events : core, "", text);
}
