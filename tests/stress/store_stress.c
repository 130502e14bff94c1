// The event store under several threads: writers of one shared store that put, count and remove the
// same few names, a listener that reads changes, a reader on connections of its own, a second
// handle on the same file, and closing while work still comes. At the end every version was given
// once, and the counters agree with what is there.

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/store_share.h"
#include "watchdog.h"

enum {
    WRITERS = 3,
    WORKS = 300, // of each writer
    EACH = 8,    // puts in one
    NAMES = 40
};

static char path[64];
static atomic_ulong changes_told, versions_given, over;

typedef struct work {
    mcr_store_work work;
    unsigned seed;
    bool fails;
} work;

static void put(mcr_store_tx *tx, unsigned number)
{
    char name[16], json[128];
    snprintf(name, sizeof name, "e%u", number % NAMES);
    mcr_str namespace = MCR_STR("prod"), place = mcr_str_of(name);
    mcr_stored old = { 0 };
    bool is_there = mcr_store_get(tx, namespace, place, &old);
    uint64_t created = old.created, version = mcr_store_next_version(tx);
    snprintf(json, sizeof json, "{\"metadata\":{\"resourceVersion\":\"%llu\"},\"n\":%u}",
             (unsigned long long)version, number);
    if (is_there && number % 7 == 0)
        mcr_store_remove(tx, namespace, place, version, mcr_str_of(json));
    else
        mcr_store_put(tx, &(mcr_stored){ namespace, place, mcr_str_of(json), version,
                                         is_there ? created : version, 0 });
}

static bool run(mcr_store_work *w, mcr_store_tx *tx)
{
    work *self = (work *)(void *)w;
    for (int i = 0; i < EACH; i++)
        put(tx, self->seed = self->seed * 1103515245u + 12345u);
    self->fails = !w->never_fails && self->seed % 5 == 0;
    return !self->fails;
}

static void done(mcr_store_work *w, mcr_err result, const mcr_errbuf *err)
{
    work *self = (work *)(void *)w;
    if (result != MCR_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
    if (!self->fails)
        atomic_fetch_add(&versions_given, EACH);
    atomic_fetch_add(&over, 1);
    watchdog_alive();
    free(self);
}

static void submit(mcr_store *s, unsigned seed)
{
    work *w = mcr_zalloc(sizeof *w);
    *w = (work){ { .run = run, .done = done, .never_fails = seed % 2 }, seed, false };
    while (!mcr_store_do(s, &w->work))
        usleep(1000);
}

static void *write_shared(void *arg)
{
    mcr_store *s = mcr_store_share(&(mcr_store_options){ .path = path, .max_queue = 20 }, NULL);
    for (unsigned i = 0; i < WORKS; i++)
        submit(s, *(unsigned *)arg * 7919 + i);
    mcr_store_unshare(s);
    return NULL;
}

static bool check_change(void *self, mcr_store_change change, const mcr_stored *event)
{
    uint64_t *last = self;
    (void)change;
    if (event->version <= *last) {
        fprintf(stderr, "version %llu after %llu\n", (unsigned long long)event->version,
                (unsigned long long)*last);
        exit(1);
    }
    *last = event->version;
    return true;
}

static void read_changes(void *self, mcr_store_tx *tx)
{
    uint64_t last = 0;
    mcr_store_changes(tx, 0, check_change, &last);
    *(uint64_t *)self = mcr_store_now(tx);
}

static void told(void *self)
{
    (void)self;
    atomic_fetch_add(&changes_told, 1);
}

static void remove_files(void)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (int i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

int main(void)
{
    watchdog_start("store");
    snprintf(path, sizeof path, "/tmp/mcr-store-stress-%ld.db", (long)getpid());
    mcr_store *other = mcr_store_open(&(mcr_store_options){ .path = path }, NULL);
    mcr_store_on_change(other, told, NULL);
    pthread_t writers[WRITERS];
    unsigned numbers[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        pthread_create(&writers[i], NULL, write_shared, &numbers[i]);
    }
    uint64_t now = 0;
    for (unsigned i = 0; atomic_load(&over) < (WRITERS + 1) * WORKS; i++) {
        if (i < WORKS)
            submit(other, 31 * i + 5);
        if (i % 8 == 0 && mcr_store_read(other, read_changes, &now, NULL) != MCR_OK)
            return 1;
        if (i >= WORKS)
            usleep(1000);
        mcr_store_counts_now(other);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    mcr_store_on_change(other, NULL, NULL);
    if (mcr_store_read(other, read_changes, &now, NULL) != MCR_OK)
        return 1;
    mcr_store_close(other);
    remove_files();
    printf("%llu versions, %lu given, %lu changes told\n", (unsigned long long)now,
           atomic_load(&versions_given), atomic_load(&changes_told));
    return now == atomic_load(&versions_given) && atomic_load(&changes_told) > 0 ? 0 : 1;
}
