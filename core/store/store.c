#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/park.h"
#include "store/schema.h"
#include "store/store_path.h"
#include "store/store_tx.h"

enum {
    WORK_AT_ONCE = 256, // pieces of work in a transaction
    EXPIRED_AT_ONCE = 500
};

static const int64_t MS = 1000000;
#define TRANSACTION_NS (10 * MS)   // no more work is begun in a transaction after that
#define LISTEN_NS      (250 * MS)  // between two looks at what other processes did
#define IDLE_NS        (5000 * MS) // the longest sleep while events may expire

struct mcr_store {
    // Immutable after open.
    char *path;
    mcr_store_options options; // but for `path`
    mcr_clock clock;
    int64_t max_queue;
    pthread_t thread; // none: read_only

    // The store's thread.
    mcr_store_tx tx;
    int64_t next_expiry;  // Unix ns; 0: nothing is known to expire
    int64_t data_version; // of the file, as this connection saw it last
    bool others;          // what another process has committed was not told yet

    // Under listener_lock.
    pthread_mutex_t listener_lock;
    void (*call)(void *self);
    void *call_self;

    // Under lock.
    pthread_mutex_t lock;
    pthread_cond_t change;
    mcr_store_work *first;
    mcr_store_work **last;
    int64_t waiting;
    bool sleeps;
    bool listens; // there is a listener
    bool roused;  // the sleep shall end
    bool closing;
    mcr_store_counts counts; // but for `waiting`
};

const char *mcr_store_path(const mcr_store *s)
{
    return s->path;
}

bool mcr_store_do(mcr_store *s, mcr_store_work *work)
{
    if (s->options.read_only)
        return false;
    pthread_mutex_lock(&s->lock);
    bool taken = !s->closing && s->waiting < s->max_queue;
    if (taken) {
        work->next = NULL;
        *s->last = work;
        s->last = &work->next;
        s->waiting++;
        if (s->sleeps)
            pthread_cond_signal(&s->change);
    }
    pthread_mutex_unlock(&s->lock);
    return taken;
}

// wait_for_work takes what waits. NULL: it is time to look around, or (*end) to go.
static mcr_store_work *wait_for_work(mcr_store *s, int64_t deadline, bool *end)
{
    pthread_mutex_lock(&s->lock);
    bool in_time = true;
    s->sleeps = true;
    while (!s->first && !s->closing && !s->roused && in_time)
        in_time = mcr_cond_wait(&s->change, &s->lock, deadline);
    s->sleeps = false;
    s->roused = false;
    mcr_store_work *first = s->first;
    s->first = NULL;
    s->last = &s->first;
    *end = !first && s->closing;
    pthread_mutex_unlock(&s->lock);
    return first;
}

// put_back puts what was not done yet before what has come since.
static void put_back(mcr_store *s, mcr_store_work *rest)
{
    mcr_store_work **last = &rest;
    while (*last)
        last = &(*last)->next;
    pthread_mutex_lock(&s->lock);
    *last = s->first;
    if (!s->first)
        s->last = last == &rest ? &s->first : last;
    s->first = rest;
    pthread_mutex_unlock(&s->lock);
}

static void note_transaction(mcr_store *s, int64_t works)
{
    const mcr_store_tx *tx = &s->tx;
    pthread_mutex_lock(&s->lock);
    mcr_store_counts *counts = &s->counts;
    s->waiting -= works;
    counts->events = tx->state.events;
    counts->bytes = tx->state.bytes;
    counts->written += tx->done.written;
    counts->removed += tx->done.removed;
    counts->expired += tx->done.expired;
    counts->evicted += tx->done.evicted;
    counts->commits += tx->failed == MCR_OK;
    counts->failed += tx->failed != MCR_OK;
    pthread_mutex_unlock(&s->lock);
}

static void tell_listener(mcr_store *s)
{
    pthread_mutex_lock(&s->listener_lock);
    if (s->call)
        s->call(s->call_self);
    pthread_mutex_unlock(&s->listener_lock);
    s->others = false;
}

// run_works does pieces of work until there is no more, or it has taken long enough. Returns their
// number; *works is what is left of them.
static int64_t run_works(mcr_store *s, mcr_store_work **works)
{
    int64_t n = 0;
    int64_t stop = mcr_clock_monotonic() + TRANSACTION_NS;
    while (*works && n < WORK_AT_ONCE && (n == 0 || mcr_clock_monotonic() < stop)) {
        mcr_store_work *work = *works;
        *works = work->next;
        n++;
        if (!mcr_tx_run(&s->tx, work))
            break;
    }
    return n;
}

// note_expiry keeps next_expiry true after a transaction; `swept`: everything that had expired is
// gone.
static void note_expiry(mcr_store *s, bool swept)
{
    if (swept)
        s->next_expiry = mcr_tx_next_expiry(&s->tx);
    else if (!s->next_expiry || (s->tx.first_expiry && s->tx.first_expiry < s->next_expiry))
        s->next_expiry = s->tx.first_expiry;
}

// transaction does one with what can be done of `works`, and puts the rest back.
static void transaction(mcr_store *s, mcr_store_work *works)
{
    mcr_store_tx *tx = &s->tx;
    mcr_store_work *rest = works;
    int64_t n = 0, now = mcr_clock_now(&s->clock);
    bool expires = s->next_expiry && s->next_expiry <= now, more = false;
    if (mcr_tx_begin(tx, true, now) == MCR_OK) {
        more = expires && mcr_tx_expire(tx, EXPIRED_AT_ONCE);
        n = run_works(s, &rest);
        mcr_tx_commit(tx);
    } else { // whatever comes first in the next one would wait as long again
        for (; rest && n < WORK_AT_ONCE; n++)
            rest = rest->next;
    }
    bool changed = tx->failed == MCR_OK && tx->state.version != tx->before.version;
    if (tx->failed == MCR_OK)
        note_expiry(s, expires && !more);
    else if (n == 0) // else whoever wants the work done is told
        mcr_log_once_a_minute(MCR_LOG_ERROR, "%s", tx->err.text);
    if (rest)
        put_back(s, rest);
    note_transaction(s, n);
    while (works && works != rest) {
        mcr_store_work *work = works;
        works = work->next;
        if (work->done)
            work->done(work, tx->failed, &tx->err);
    }
    if (changed || s->others)
        tell_listener(s);
}

// A writer that never rests would hardly ever let another process in, which asks every 0.1 ms.
static void let_others_in(mcr_store *s)
{
    pthread_mutex_lock(&s->lock);
    bool more = s->first;
    pthread_mutex_unlock(&s->lock);
    struct timespec pause = { .tv_nsec = 150000 };
    if (more)
        nanosleep(&pause, NULL);
}

static void look_at_others(mcr_store *s)
{
    s->tx.failed = MCR_OK;
    int64_t version = mcr_tx_data_version(&s->tx);
    s->others = s->others || version != s->data_version;
    s->data_version = version;
}

// When to look around if no work comes.
static int64_t next_look(mcr_store *s)
{
    int64_t pause = IDLE_NS;
    if (s->next_expiry) {
        int64_t left = s->next_expiry - mcr_clock_now(&s->clock);
        pause = left < 0 ? 0 : left < pause ? left : pause;
    }
    pthread_mutex_lock(&s->lock);
    if (s->listens && pause > LISTEN_NS)
        pause = LISTEN_NS;
    pthread_mutex_unlock(&s->lock);
    return mcr_clock_monotonic() + pause;
}

static void look_around(mcr_store *s)
{
    look_at_others(s);
    if (s->others)
        s->next_expiry = mcr_tx_next_expiry(&s->tx);
    if (s->tx.failed != MCR_OK)
        mcr_log_once_a_minute(MCR_LOG_ERROR, "%s", s->tx.err.text);
    if (s->next_expiry && s->next_expiry <= mcr_clock_now(&s->clock)) {
        transaction(s, NULL);
        if (s->tx.failed != MCR_OK) // not at once again
            s->next_expiry = mcr_clock_now(&s->clock) + IDLE_NS;
    } else if (s->others) {
        tell_listener(s);
    }
}

static void *work_thread(void *arg)
{
    mcr_store *s = arg;
    s->next_expiry = mcr_tx_next_expiry(&s->tx);
    s->data_version = mcr_tx_data_version(&s->tx);
    for (bool end = false; !end;) {
        mcr_store_work *works = wait_for_work(s, next_look(s), &end);
        if (works) {
            look_at_others(s);
            transaction(s, works);
            let_others_in(s);
        } else if (!end) {
            look_around(s);
        }
    }
    return NULL;
}

static bool open_file(mcr_store *s, mcr_errbuf *err)
{
    if (s->options.path) {
        s->path = mcr_strdup(s->options.path);
    } else {
        mcr_buf path = { 0 };
        if (mcr_store_default_path(&path, err)) {
            mcr_buf_cstr(&path);
            s->path = path.ptr;
        } else {
            mcr_buf_fini(&path);
        }
    }
    if (!s->path)
        return false;
    s->options.path = s->path;
    return true;
}

static bool start(mcr_store *s, bool default_path, mcr_errbuf *err)
{
    bool read_only = s->options.read_only;
    if (default_path && !read_only && mcr_store_make_folders(s->path, err) != MCR_OK)
        return false;
    sqlite3 *db = mcr_schema_open(s->path, read_only, s->options.sync, err);
    if (!db)
        return false;
    if (read_only) {
        sqlite3_close(db);
        return true;
    }
    mcr_tx_init_take(&s->tx, db, &s->options);
    if (mcr_tx_begin(&s->tx, false, mcr_clock_now(&s->clock)) != MCR_OK) {
        if (err)
            *err = s->tx.err;
    } else {
        mcr_tx_rollback(&s->tx);
        s->counts.events = s->tx.state.events;
        s->counts.bytes = s->tx.state.bytes;
        if (pthread_create(&s->thread, NULL, work_thread, s) == 0)
            return true;
        mcr_errf(err, MCR_EIO, "cannot start a thread for the event store '%s'", s->path);
    }
    mcr_tx_fini(&s->tx);
    return false;
}

static void free_store(mcr_store *s)
{
    pthread_mutex_destroy(&s->listener_lock);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->change);
    free(s->path);
    free(s);
}

mcr_store *mcr_store_open(const mcr_store_options *options, mcr_errbuf *err)
{
    enum {
        MAX_QUEUE = 10000
    };
    mcr_store *s = mcr_zalloc(sizeof *s);
    s->options = *options;
    s->clock = options->clock ? *options->clock : mcr_clock_wall;
    s->max_queue = options->max_queue > 0 ? options->max_queue : MAX_QUEUE;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->listener_lock, NULL);
    mcr_cond_init(&s->change);
    if (open_file(s, err) && start(s, !options->path, err))
        return s;
    free_store(s);
    return NULL;
}

void mcr_store_close(mcr_store *s)
{
    if (!s)
        return;
    if (!s->options.read_only) {
        pthread_mutex_lock(&s->lock);
        s->closing = true;
        pthread_cond_signal(&s->change);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
        mcr_tx_fini(&s->tx);
    }
    free_store(s);
}

void mcr_store_on_change(mcr_store *s, void (*call)(void *self), void *self)
{
    pthread_mutex_lock(&s->listener_lock);
    s->call = call;
    s->call_self = self;
    pthread_mutex_unlock(&s->listener_lock);
    pthread_mutex_lock(&s->lock);
    s->listens = call;
    s->roused = true; // from a sleep that may be long
    pthread_cond_signal(&s->change);
    pthread_mutex_unlock(&s->lock);
}

mcr_store_counts mcr_store_counts_now(mcr_store *s)
{
    pthread_mutex_lock(&s->lock);
    mcr_store_counts counts = s->counts;
    counts.waiting = (uint64_t)s->waiting;
    pthread_mutex_unlock(&s->lock);
    return counts;
}

// Reading ":memory:", which has only the one connection.
struct read_work {
    mcr_store_work work;
    void (*read)(void *self, mcr_store_tx *tx);
    void *self;
    mcr_parker done;
    mcr_err result;
    mcr_errbuf *err;
};

static bool run_read(mcr_store_work *work, mcr_store_tx *tx)
{
    struct read_work *r = (struct read_work *)(void *)work;
    r->read(r->self, tx);
    return true;
}

static void end_read(mcr_store_work *work, mcr_err result, const mcr_errbuf *err)
{
    struct read_work *r = (struct read_work *)(void *)work;
    r->result = result;
    if (result != MCR_OK && r->err)
        *r->err = *err;
    mcr_unpark(&r->done);
}

static mcr_err read_memory(mcr_store *s, void (*read)(void *self, mcr_store_tx *tx), void *self,
                           mcr_errbuf *err)
{
    struct read_work r = {
        .work = { .run = run_read, .done = end_read }, .read = read, .self = self, .err = err
    };
    mcr_parker_init(&r.done);
    if (mcr_store_do(s, &r.work))
        mcr_park(&r.done, -1);
    else
        r.result = mcr_errf(err, MCR_ESTOPPED, "the event store is busy or about to close");
    mcr_parker_fini(&r.done);
    return r.result;
}

mcr_err mcr_store_read(mcr_store *s, void (*read)(void *self, mcr_store_tx *tx), void *self,
                       mcr_errbuf *err)
{
    if (strcmp(s->path, ":memory:") == 0)
        return read_memory(s, read, self, err);
    sqlite3 *db = mcr_schema_open(s->path, true, false, err);
    if (!db)
        return MCR_EIO;
    mcr_store_tx *tx = mcr_zalloc(sizeof *tx);
    mcr_tx_init_take(tx, db, &s->options);
    if (mcr_tx_begin(tx, false, mcr_clock_now(&s->clock)) == MCR_OK)
        read(self, tx);
    mcr_err code = tx->failed;
    if (code != MCR_OK && err)
        *err = tx->err;
    mcr_tx_fini(tx);
    free(tx);
    return code;
}
