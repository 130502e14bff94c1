#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    APPLICATION_ID = 0x6d637245, // "mcrE"
    VERSION = 1,
    LOCKED_S = 10
};

static const char tables[] =
    "CREATE TABLE events ("
    " version INTEGER PRIMARY KEY,"
    " namespace TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL," // Unix ns; 0: never
    " json TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX events_by_place ON events (namespace, name);"
    "CREATE INDEX events_by_expiry ON events (expires) WHERE expires > 0;"
    "CREATE TABLE deletions ("
    " version INTEGER PRIMARY KEY,"
    " namespace TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " json TEXT NOT NULL) STRICT;"
    "CREATE TABLE state ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " version INTEGER NOT NULL,"   // of the latest change
    " oldest INTEGER NOT NULL,"    // of the latest deletion that was forgotten
    " events INTEGER NOT NULL,"    // their number
    " bytes INTEGER NOT NULL,"     // of their JSON
    " deletions INTEGER NOT NULL," // their number
    " deleted_bytes INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0, 0, 0, 0, 0, 0);";

static int last_errno(sqlite3_file *file)
{
    int error = 0;
    if (file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

// Why the system did not do it. Of failed statements SQLite does not tell by itself.
static int system_errno(sqlite3 *db)
{
    int error = sqlite3_system_errno(db);
    sqlite3_file *file = NULL;
    if (!error &&
        sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK)
        error = last_errno(file);
    if (!error && sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK)
        error = last_errno(file);
    return error;
}

mcr_err mcr_schema_err(sqlite3 *db, int code, const char *doing, mcr_errbuf *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    path = path && *path ? path : ":memory:";
    int why = system_errno(db);
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        return mcr_errf(err, MCR_EIO, "'%s' is not an event store: it is no SQLite file", path);
    case SQLITE_CORRUPT:
        return mcr_errf(err, MCR_EIO,
                        "the event store '%s' is damaged (%s): move it away, and a new one is made",
                        path, sqlite3_errmsg(db));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return mcr_errf(err, MCR_EIO,
                        "cannot %s the event store '%s': another program has kept it locked for "
                        "%d s",
                        doing, path, LOCKED_S);
    case SQLITE_FULL:
        return mcr_errf(err, MCR_EIO, "cannot %s the event store '%s': the disk is full", doing,
                        path);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (why)
            return mcr_errf(err, MCR_EIO, "cannot %s the event store '%s': %s", doing, path,
                            strerror(why));
        break;
    default:
        break;
    }
    return mcr_errf(err, MCR_EIO, "cannot %s the event store '%s': %s", doing, path,
                    sqlite3_errmsg(db));
}

// SQLite's own waits get longer up to 0.1 s, and a writer that is never idle would lock out all
// others: this asks often.
static int on_busy(void *self, int tries)
{
    (void)self;
    static const int64_t NS = 1000000000;
    static _Thread_local int64_t deadline;
    int64_t now = mcr_clock_monotonic();
    if (tries == 0)
        deadline = now + LOCKED_S * NS;
    if (now >= deadline)
        return 0;
    struct timespec pause = { .tv_nsec = tries < 50 ? 100000 : 1000000 };
    nanosleep(&pause, NULL);
    return 1;
}

static int number(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *value = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static mcr_err check(sqlite3 *db, int64_t id, int64_t version, mcr_errbuf *err)
{
    const char *path = sqlite3_db_filename(db, "main");
    if (id != APPLICATION_ID)
        return mcr_errf(err, MCR_EIO,
                        "'%s' is not an event store: it is another program's SQLite file", path);
    if (version > VERSION)
        return mcr_errf(err, MCR_EIO,
                        "the event store '%s' was made by a newer mooncrier (its format is %lld, "
                        "this one knows %d): use that one, or another file",
                        path, (long long)version, VERSION);
    return MCR_OK;
}

static int is_empty(sqlite3 *db, bool *empty)
{
    int64_t objects = 0;
    int code = number(db, "SELECT count(*) FROM sqlite_schema", &objects);
    *empty = objects == 0;
    return code;
}

// Makes the tables, unless another process was faster.
static int make(sqlite3 *db)
{
    char settings[96];
    sqlite3_snprintf(sizeof settings, settings, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     APPLICATION_ID, VERSION);
    bool empty;
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = is_empty(db, &empty);
    if (code == SQLITE_OK && empty)
        code = sqlite3_exec(db, tables, NULL, NULL, NULL);
    if (code == SQLITE_OK && empty)
        code = sqlite3_exec(db, settings, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

typedef struct marks {
    int64_t id;
    int64_t version;
} marks;

// try_to_prepare makes what is missing, unless the file is another program's, and reads its marks.
static int try_to_prepare(sqlite3 *db, bool read_only, bool sync, marks *m)
{
    static const char settings[] = "PRAGMA journal_mode=WAL;"
                                   "PRAGMA wal_autocheckpoint=4000;"     // pages
                                   "PRAGMA journal_size_limit=67108864;" // bytes
                                   "PRAGMA temp_store=MEMORY;"
                                   "PRAGMA cache_size=-8192;"; // KiB
    const char *level = sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL";
    bool empty = false;
    int code = is_empty(db, &empty); // first: another process may be making it
    if (code == SQLITE_OK)
        code = number(db, "PRAGMA application_id", &m->id);
    bool fresh = empty && m->id == 0 && !read_only;
    // These are kept in the file, so only a file of ours may get them.
    if (code == SQLITE_OK && fresh)
        code = sqlite3_exec(db, "PRAGMA page_size=8192", NULL, NULL, NULL);
    if (code == SQLITE_OK && !read_only && (fresh || m->id == APPLICATION_ID))
        code = sqlite3_exec(db, settings, NULL, NULL, NULL);
    if (code == SQLITE_OK && !read_only)
        code = sqlite3_exec(db, level, NULL, NULL, NULL);
    if (code == SQLITE_OK && fresh)
        code = make(db);
    if (code == SQLITE_OK)
        code = number(db, "PRAGMA application_id", &m->id);
    if (code == SQLITE_OK)
        code = number(db, "PRAGMA user_version", &m->version);
    return code;
}

// Two processes that make the same file at once may each be told that it is locked, without having
// waited: SQLite does not wait while it goes over to WAL.
static mcr_err prepare(sqlite3 *db, bool read_only, bool sync, mcr_errbuf *err)
{
    static const int64_t NS = 1000000000;
    int64_t deadline = mcr_clock_monotonic() + LOCKED_S * NS;
    struct timespec pause = { .tv_nsec = 2000000 };
    marks m = { 0 };
    int code;
    while (((code = try_to_prepare(db, read_only, sync, &m)) & 0xff) == SQLITE_BUSY &&
           mcr_clock_monotonic() < deadline)
        nanosleep(&pause, NULL);
    return code == SQLITE_OK ? check(db, m.id, m.version, err)
                             : mcr_schema_err(db, code, "open", err);
}

// A new file is made here, for its mode. One that is there must not be opened but by SQLite:
// closing it would drop the locks that another connection of this process has on it.
static mcr_err make_file(const char *path, mcr_errbuf *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return mcr_errf(err, MCR_EIO, "cannot make the event store '%s': %s", path,
                        strerror(errno));
    return MCR_OK;
}

static mcr_err look_at_file(const char *path, bool read_only, mcr_errbuf *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && read_only)
            return mcr_errf(err, MCR_EIO,
                            "there is no event store '%s': `mooncrier serve` or a sink of kind "
                            "store makes one",
                            path);
        if (errno == ENOENT)
            return make_file(path, err);
    } else if (S_ISREG(st.st_mode) && access(path, read_only ? R_OK : R_OK | W_OK) == 0) {
        return MCR_OK;
    } else if (!S_ISREG(st.st_mode)) {
        return mcr_errf(err, MCR_EIO, "cannot open the event store '%s': it is no regular file",
                        path);
    }
    return mcr_errf(err, MCR_EIO, "cannot open the event store '%s': %s", path, strerror(errno));
}

sqlite3 *mcr_schema_open(const char *path, bool read_only, bool sync, mcr_errbuf *err)
{
    bool memory = strcmp(path, ":memory:") == 0;
    if (!memory && look_at_file(path, read_only, err) != MCR_OK)
        return NULL;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags, NULL);
    if (!db) {
        mcr_errf(err, MCR_EIO, "cannot open the event store '%s': out of memory", path);
        return NULL;
    }
    if (code == SQLITE_OK)
        code = sqlite3_busy_handler(db, on_busy, NULL);
    if (code != SQLITE_OK)
        mcr_schema_err(db, code, "open", err);
    if (code == SQLITE_OK && prepare(db, read_only, sync, err) == MCR_OK)
        return db;
    sqlite3_close(db);
    return NULL;
}
