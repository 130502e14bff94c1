// store: events of the input under names of their own into a new store, in pieces of work of 64,
// not synced at commits; then the same names again, with another count. Wall clock, since it is two
// threads and the disk's cache, and CPU time of the process. The baseline is SQLite alone: INSERT
// OR REPLACE of the same JSON by namespace and name, in one transaction per 64 and per 1000.

#include "bench_store.h"

#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "event/decode.h"
#include "event/encode.h"
#include "store/upsert.h"

enum {
    EVENTS = 60000,
    AT_ONCE = 64,
    WORKS = 128 // under way at most
};

typedef struct work {
    mcr_store_work work;
    mcr_upserter *upserter;
    mcr_event **events;
    size_t n;
    sem_t *room;
} work;

typedef struct figures {
    double wall; // ns
    double cpu;
} figures;

static figures now(void)
{
    return (figures){ (double)mcr_clock_monotonic(), bench_process_cpu_ns() };
}

static void remove_files(const char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[600];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static bool run_work(mcr_store_work *w, mcr_store_tx *tx)
{
    work *self = (work *)(void *)w;
    for (size_t i = 0; i < self->n; i++)
        mcr_upsert(self->upserter, tx, self->events[i], NULL);
    return true;
}

static void work_done(mcr_store_work *w, mcr_err result, const mcr_errbuf *err)
{
    work *self = (work *)(void *)w;
    if (result != MCR_OK) {
        fprintf(stderr, "bench: %s\n", err->text);
        exit(1);
    }
    sem_post(self->room);
}

static mcr_event **decode_events(const bench_input *input)
{
    mcr_event **events = mcr_alloc(EVENTS * sizeof(mcr_event *));
    mcr_decoder *decoder = mcr_decoder_new();
    size_t line = 0;
    for (size_t n = 0; n < EVENTS; line = (line + 1) % input->n) {
        mcr_event *ev;
        mcr_decode_error err;
        if (mcr_decode(decoder, input->lines[line], 0, &ev, &err) != MCR_DECODED_EVENT)
            continue;
        mcr_event fields = *ev;
        char name[300];
        snprintf(name, sizeof name, "%.*s.%zx", (int)ev->involvedObject.name.len,
                 ev->involvedObject.name.ptr, n * 2654435761u + 0x17979cfe3600000u);
        fields.metadata.name = mcr_str_of(name);
        fields.change = MCR_CHANGE_NEW;
        events[n++] = mcr_event_new(&fields);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(decoder);
    return events;
}

static figures since(figures before)
{
    figures after = now();
    return (figures){ (after.wall - before.wall) / EVENTS, (after.cpu - before.cpu) / EVENTS };
}

static figures store_all(mcr_store *store, mcr_event **events)
{
    static const size_t n = (EVENTS + AT_ONCE - 1) / AT_ONCE;
    mcr_upserter *upserter = mcr_upserter_new(&mcr_random_system);
    work *works = mcr_zalloc(n * sizeof *works);
    sem_t room;
    sem_init(&room, 0, WORKS);
    figures before = now();
    for (size_t i = 0; i < n; i++) {
        size_t from = i * AT_ONCE;
        works[i] = (work){ { run_work, work_done, .never_fails = true },
                           upserter,
                           events + from,
                           EVENTS - from < AT_ONCE ? EVENTS - from : AT_ONCE,
                           &room };
        sem_wait(&room);
        mcr_store_do(store, &works[i].work);
    }
    for (int i = 0; i < WORKS; i++)
        sem_wait(&room);
    figures took = since(before);
    mcr_upserter_free(upserter);
    sem_destroy(&room);
    free(works);
    return took;
}

static void must(sqlite3 *db, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return;
    fprintf(stderr, "bench: SQLite: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static figures bare(const char *path, mcr_event **events, mcr_str *json, size_t at_once)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    remove_files(path);
    must(NULL, sqlite3_open(path, &db));
    must(db, sqlite3_exec(db,
                          "PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
                          "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;"
                          "CREATE TABLE events (namespace TEXT, name TEXT, json TEXT,"
                          " UNIQUE (namespace, name))",
                          NULL, NULL, NULL));
    must(db, sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)", -1,
                                &insert, NULL));
    figures before = now();
    for (size_t i = 0; i < EVENTS; i++) {
        if (i % at_once == 0)
            must(db, sqlite3_exec(db, i ? "COMMIT; BEGIN" : "BEGIN", NULL, NULL, NULL));
        const mcr_object_meta *meta = &events[i]->metadata;
        sqlite3_bind_text(insert, 1, meta->namespace.ptr, (int)meta->namespace.len, SQLITE_STATIC);
        sqlite3_bind_text(insert, 2, meta->name.ptr, (int)meta->name.len, SQLITE_STATIC);
        sqlite3_bind_text(insert, 3, json[i].ptr, (int)json[i].len, SQLITE_STATIC);
        must(db, sqlite3_step(insert));
        sqlite3_reset(insert);
    }
    must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
    figures took = since(before);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    remove_files(path);
    return took;
}

static mcr_str *encode_events(mcr_event **events, mcr_buf *bytes)
{
    mcr_str *json = mcr_alloc(EVENTS * sizeof *json);
    for (size_t i = 0; i < EVENTS; i++) {
        size_t before = bytes->len;
        mcr_event_encode(bytes, events[i], false);
        json[i] = mcr_str_n(NULL, bytes->len - before);
    }
    const char *at = bytes->ptr;
    for (size_t i = 0; i < EVENTS; at += json[i++].len)
        json[i].ptr = at;
    return json;
}

static void print(const mcr_bench *self, const char *what, int runs, const figures *ours,
                  const figures *bare_64, const figures *bare_1000)
{
    double *values = mcr_alloc((size_t)runs * 6 * sizeof *values);
    double *wall = values, *cpu = wall + runs, *wall_64 = cpu + runs, *cpu_64 = wall_64 + runs;
    double *wall_1000 = cpu_64 + runs, *ratio = wall_1000 + runs;
    for (int i = 0; i < runs; i++) {
        wall[i] = ours[i].wall;
        cpu[i] = ours[i].cpu;
        wall_64[i] = bare_64[i].wall;
        cpu_64[i] = bare_64[i].cpu;
        wall_1000[i] = bare_1000[i].wall;
        ratio[i] = bare_64[i].cpu / ours[i].cpu;
    }
    size_t n = (size_t)runs;
    printf("{\"bench\":\"%s\",\"what\":\"%s\",\"events\":%d,\"runs\":%d,\"events_per_s\":%.0f,"
           "\"events_per_cpu_s\":%.0f,\"baseline\":\"bare SQLite, INSERT OR REPLACE of the same "
           "JSON\",\"baseline_64_per_s\":%.0f,\"baseline_64_per_cpu_s\":%.0f,"
           "\"baseline_1000_per_s\":%.0f,\"ratio\":%.2f}\n",
           self->name, what, EVENTS, runs, 1e9 / bench_median(wall, n), 1e9 / bench_median(cpu, n),
           1e9 / bench_median(wall_64, n), 1e9 / bench_median(cpu_64, n),
           1e9 / bench_median(wall_1000, n), bench_median(ratio, n));
    free(values);
}

int bench_store(const mcr_bench *self, int runs)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/mcr-bench-store-%ld.db", folder ? folder : "/tmp",
             (long)getpid());
    bench_input input = bench_input_load();
    mcr_event **events = decode_events(&input), **counted = mcr_alloc(EVENTS * sizeof *counted);
    for (size_t i = 0; i < EVENTS; i++) {
        counted[i] = mcr_event_copy(events[i]);
        counted[i]->counted = 1;
        counted[i]->count = events[i]->count + 1;
    }
    mcr_buf bytes = { 0 };
    mcr_str *json = encode_events(events, &bytes);
    figures *results = mcr_alloc((size_t)runs * 4 * sizeof *results);
    figures *created = results, *patched = created + runs, *bare_64 = patched + runs;
    figures *bare_1000 = bare_64 + runs;
    for (int i = 0; i < runs; i++) {
        mcr_errbuf err;
        remove_files(path);
        mcr_store *store = mcr_store_open(&(mcr_store_options){ .path = path }, &err);
        if (!store) {
            fprintf(stderr, "bench: %s\n", err.text);
            return 1;
        }
        created[i] = store_all(store, events);
        patched[i] = store_all(store, counted);
        mcr_store_close(store);
        bare_64[i] = bare(path, events, json, 64);
        bare_1000[i] = bare(path, events, json, 1000);
    }
    print(self, "created", runs, created, bare_64, bare_1000);
    print(self, "patched", runs, patched, bare_64, bare_1000);
    for (size_t i = 0; i < EVENTS; i++) {
        mcr_event_unref(events[i]);
        mcr_event_unref(counted[i]);
    }
    free(events);
    free(counted);
    free(json);
    free(results);
    mcr_buf_fini(&bytes);
    bench_input_free(&input);
    return 0;
}
