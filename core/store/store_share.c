#include "store/store_share.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

typedef struct shared {
    struct shared *next;
    mcr_store *store;
    char *path; // real
    mcr_store_options options;
    unsigned users;
} shared;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shared *all; // under lock, which is held while a store is opened and closed

static bool agree(const mcr_store_options *a, const mcr_store_options *b)
{
    return a->ttl_ns == b->ttl_ns && a->max_bytes == b->max_bytes && a->sync == b->sync;
}

static shared *find(const char *path)
{
    shared *at = all;
    while (at && strcmp(at->path, path) != 0)
        at = at->next;
    return at;
}

static mcr_store *use(shared *s, const mcr_store_options *options, mcr_errbuf *err)
{
    if (!agree(&s->options, options)) {
        mcr_errf(err, MCR_ECONFIG,
                 "the event store '%s' is used with other limits elsewhere: ttl, max_bytes and "
                 "fsync must be the same for all sinks of one file",
                 s->path);
        return NULL;
    }
    s->users++;
    return s->store;
}

static mcr_store *add(mcr_store *store, const mcr_store_options *options)
{
    shared *s = mcr_zalloc(sizeof *s);
    *s = (shared){ .next = all, .store = store, .options = *options, .users = 1 };
    s->path = realpath(mcr_store_path(store), NULL);
    if (!s->path) // ":memory:"
        s->path = mcr_strdup(mcr_store_path(store));
    all = s;
    return store;
}

// open_new opens a store; its file may turn out to be one that is open under another name.
static mcr_store *open_new(const mcr_store_options *options, mcr_errbuf *err)
{
    mcr_store *store = mcr_store_open(options, err);
    if (!store)
        return NULL;
    char *path = realpath(mcr_store_path(store), NULL);
    shared *other = path ? find(path) : NULL;
    free(path);
    if (!other)
        return add(store, options);
    mcr_store_close(store);
    return use(other, options, err);
}

mcr_store *mcr_store_share(const mcr_store_options *options, mcr_errbuf *err)
{
    pthread_mutex_lock(&lock);
    char *path = options->path ? realpath(options->path, NULL) : NULL;
    shared *open = path ? find(path) : NULL;
    mcr_store *store = open ? use(open, options, err) : open_new(options, err);
    free(path);
    pthread_mutex_unlock(&lock);
    return store;
}

void mcr_store_unshare(mcr_store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&lock);
    shared **at = &all;
    while ((*at)->store != s)
        at = &(*at)->next;
    shared *found = *at;
    if (--found->users == 0) {
        *at = found->next;
        mcr_store_close(s);
        free(found->path);
        free(found);
    }
    pthread_mutex_unlock(&lock);
}
