#include "correlate/event_log.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/lru.h"

enum {
    TEXT_KEEP = 1024 // memory that stays with an entry that is used again
};

typedef struct entry {
    int64_t first_sec;
    int32_t first_nsec;
    int32_t first_set;
    int32_t count;
    uint32_t name_len;
    uint32_t version_len;
    uint32_t text_cap;
    char *text; // name, then resourceVersion
} entry;

struct mcr_event_log {
    mcr_lru *entries;
};

static void fini_entry(void *value)
{
    free(((entry *)value)->text);
}

mcr_event_log *mcr_event_log_new(int64_t size)
{
    mcr_event_log *log = mcr_zalloc(sizeof *log);
    log->entries = mcr_lru_new(size, sizeof(entry), fini_entry);
    return log;
}

void mcr_event_log_free(mcr_event_log *log)
{
    if (!log)
        return;
    mcr_lru_free(log->entries);
    free(log);
}

static void set(entry *e, const mcr_event *ev)
{
    const mcr_str name = ev->metadata.name, version = ev->metadata.resourceVersion;
    uint32_t len = name.len + version.len;
    if (len >= e->text_cap || (e->text_cap > TEXT_KEEP && len < e->text_cap / 4)) {
        free(e->text);
        e->text_cap = len + 16; // a resourceVersion comes with the server's answer
        e->text = mcr_alloc(e->text_cap);
    }
    if (name.len)
        memcpy(e->text, name.ptr, name.len);
    if (version.len)
        memcpy(e->text + name.len, version.ptr, version.len);
    e->name_len = name.len;
    e->version_len = version.len;
    e->first_sec = ev->firstTimestamp.sec;
    e->first_nsec = ev->firstTimestamp.nsec;
    e->first_set = ev->firstTimestamp.set;
    e->count = ev->count;
}

bool mcr_event_log_observe(mcr_event_log *log, const mcr_key *key, const mcr_event *ev,
                           mcr_counted *counted)
{
    bool is_new;
    entry *e = mcr_lru_put(log->entries, key->bytes, key->hash, &is_new);
    if (is_new || e->count == 0) {
        set(e, ev);
        return false;
    }
    e->count = (int32_t)((uint32_t)e->count + 1);
    *counted = (mcr_counted){
        .name = mcr_str_n(e->text, e->name_len),
        .resourceVersion = mcr_str_n(e->text + e->name_len, e->version_len),
        .firstTimestamp = { .sec = e->first_sec, .nsec = e->first_nsec, .set = e->first_set },
        .count = e->count,
    };
    return true;
}

void mcr_event_log_set(mcr_event_log *log, const mcr_key *key, const mcr_event *ev)
{
    bool is_new;
    set(mcr_lru_put(log->entries, key->bytes, key->hash, &is_new), ev);
}
