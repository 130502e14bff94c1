#include "store/store_tx.h"

#include <string.h>

#include "store/schema.h"

static const char *const texts[] = {
    [MCR_SQL_BEGIN] = "BEGIN",
    [MCR_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [MCR_SQL_COMMIT] = "COMMIT",
    [MCR_SQL_ROLLBACK] = "ROLLBACK",
    [MCR_SQL_SAVE] = "SAVEPOINT work",
    [MCR_SQL_RELEASE] = "RELEASE work",
    [MCR_SQL_BACK] = "ROLLBACK TO work",
    [MCR_SQL_STATE] = "SELECT version, oldest, events, bytes, deletions, deleted_bytes"
                      " FROM state WHERE id = 1",
    [MCR_SQL_SET_STATE] = "UPDATE state SET version = ?1, oldest = ?2, events = ?3, bytes = ?4,"
                          " deletions = ?5, deleted_bytes = ?6 WHERE id = 1",
    [MCR_SQL_GET] = "SELECT version, namespace, name, created, json, expires FROM events"
                    " WHERE namespace = ?1 AND name = ?2",
    [MCR_SQL_INSERT] = "INSERT INTO events (version, namespace, name, created, json, expires)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [MCR_SQL_DELETE] = "DELETE FROM events WHERE version = ?1",
    [MCR_SQL_INSERT_DELETION] = "INSERT INTO deletions (version, namespace, name, created, json)"
                                " VALUES (?1, ?2, ?3, ?4, ?5)",
    [MCR_SQL_FIRST_DELETION] = "SELECT version, json FROM deletions ORDER BY version LIMIT 1",
    [MCR_SQL_DELETE_DELETION] = "DELETE FROM deletions WHERE version = ?1",
    [MCR_SQL_FIRST_EXPIRED] = "SELECT version, namespace, name, created, json FROM events"
                              " WHERE expires > 0 AND expires <= ?1 ORDER BY expires LIMIT 1",
    [MCR_SQL_FIRST] = "SELECT version, namespace, name, created, json FROM events"
                      " ORDER BY version LIMIT 1",
    [MCR_SQL_NEXT_EXPIRY] = "SELECT expires FROM events WHERE expires > 0 ORDER BY expires LIMIT 1",
    [MCR_SQL_LIST_ALL] = "SELECT version, namespace, name, created, json, expires FROM events"
                         " WHERE (namespace, name) > (?1, ?2) AND (+expires = 0 OR +expires > ?3)"
                         " ORDER BY namespace, name",
    [MCR_SQL_LIST] = "SELECT version, namespace, name, created, json, expires FROM events"
                     " WHERE namespace = ?1 AND name > ?2 AND (+expires = 0 OR +expires > ?3)"
                     " ORDER BY name",
    // Expiring takes nothing away from a deletion.
    [MCR_SQL_CHANGES] = "SELECT version, namespace, name, created, json, expires, 0 FROM events"
                        " WHERE version > ?1 AND (+expires = 0 OR +expires > ?2)"
                        " UNION ALL "
                        "SELECT version, namespace, name, created, json, 0, 1 FROM deletions"
                        " WHERE version > ?1 ORDER BY 1",
    [MCR_SQL_DATA_VERSION] = "PRAGMA data_version",
};

_Static_assert((int)MCR_SQL_N <= (int)MCR_STORE_STATEMENTS, "room for all statements");

// The first failure is the one to tell: what follows it in a transaction fails because of it.
static void fail(mcr_store_tx *tx, int code)
{
    if (tx->failed == MCR_OK)
        tx->failed = mcr_schema_err(tx->db, code, tx->writes ? "write to" : "read", &tx->err);
}

sqlite3_stmt *mcr_tx_statement(mcr_store_tx *tx, mcr_store_statement which)
{
    sqlite3_stmt **statement = &tx->statements[which];
    if (!*statement) {
        int code = sqlite3_prepare_v3(tx->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                      statement, NULL);
        if (code != SQLITE_OK)
            fail(tx, code);
    }
    return *statement;
}

bool mcr_tx_step(mcr_store_tx *tx, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        fail(tx, code);
    sqlite3_reset(statement);
    return false;
}

// run does a statement that has no rows. False: it has failed.
static bool run(mcr_store_tx *tx, mcr_store_statement which)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, which);
    if (!statement)
        return false;
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        fail(tx, code);
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

static void bind(sqlite3_stmt *statement, int at, mcr_str text)
{
    sqlite3_bind_text(statement, at, text.ptr ? text.ptr : "", (int)text.len, SQLITE_STATIC);
}

static mcr_str column(sqlite3_stmt *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement, at);
    return mcr_str_n((const char *)text, (size_t)sqlite3_column_bytes(statement, at));
}

// The columns version, namespace, name, created, json.
static mcr_stored row(sqlite3_stmt *statement)
{
    return (mcr_stored){
        .namespace = column(statement, 1),
        .name = column(statement, 2),
        .json = column(statement, 4),
        .version = (uint64_t)sqlite3_column_int64(statement, 0),
        .created = (uint64_t)sqlite3_column_int64(statement, 3),
    };
}

void mcr_tx_init_take(mcr_store_tx *tx, sqlite3 *db, const mcr_store_options *options)
{
    enum {
        HISTORY = 10000
    };
    tx->db = db;
    tx->ttl = options->ttl_ns < 0 ? 0 : options->ttl_ns ? options->ttl_ns : MCR_STORE_TTL;
    tx->max_bytes = options->max_bytes > 0 ? (uint64_t)options->max_bytes : MCR_STORE_MAX_BYTES;
    tx->history = options->history > 0 ? (uint64_t)options->history : HISTORY;
    tx->history_bytes = tx->max_bytes / 8;
}

void mcr_tx_fini(mcr_store_tx *tx)
{
    if (!sqlite3_get_autocommit(tx->db))
        mcr_tx_rollback(tx);
    for (int i = 0; i < MCR_STORE_STATEMENTS; i++)
        sqlite3_finalize(tx->statements[i]);
    sqlite3_close(tx->db);
    mcr_buf_fini(&tx->found);
    mcr_buf_fini(&tx->json);
}

static void read_state(mcr_store_tx *tx)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_STATE);
    if (!statement || !mcr_tx_step(tx, statement)) {
        if (tx->failed == MCR_OK)
            fail(tx, SQLITE_CORRUPT);
        return;
    }
    uint64_t *const fields[] = {
        &tx->state.version, &tx->state.oldest,    &tx->state.events,
        &tx->state.bytes,   &tx->state.deletions, &tx->state.deleted_bytes
    };
    for (int i = 0; i < 6; i++)
        *fields[i] = (uint64_t)sqlite3_column_int64(statement, i);
    sqlite3_reset(statement);
}

static void write_state(mcr_store_tx *tx)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_SET_STATE);
    if (!statement)
        return;
    const uint64_t fields[] = { tx->state.version, tx->state.oldest,    tx->state.events,
                                tx->state.bytes,   tx->state.deletions, tx->state.deleted_bytes };
    for (int i = 0; i < 6; i++)
        sqlite3_bind_int64(statement, i + 1, (sqlite3_int64)fields[i]);
    run(tx, MCR_SQL_SET_STATE);
}

mcr_err mcr_tx_begin(mcr_store_tx *tx, bool writes, int64_t now)
{
    tx->now = now;
    tx->writes = writes;
    tx->done = (mcr_store_done){ 0 };
    tx->first_expiry = 0;
    tx->failed = MCR_OK;
    tx->saved = false;
    tx->unsafe = false;
    tx->known = false;
    if (run(tx, writes ? MCR_SQL_BEGIN_WRITE : MCR_SQL_BEGIN))
        read_state(tx);
    tx->before = tx->state;
    if (tx->failed != MCR_OK)
        mcr_tx_rollback(tx);
    return tx->failed;
}

void mcr_tx_rollback(mcr_store_tx *tx)
{
    // After some errors SQLite has rolled back already.
    if (!sqlite3_get_autocommit(tx->db))
        run(tx, MCR_SQL_ROLLBACK);
    tx->state = tx->before;
    tx->done = (mcr_store_done){ 0 };
    tx->known = false;
    tx->saved = false;
}

mcr_err mcr_tx_commit(mcr_store_tx *tx)
{
    if (tx->failed == MCR_OK && tx->writes)
        mcr_tx_keep_limits(tx);
    if (tx->failed == MCR_OK && memcmp(&tx->state, &tx->before, sizeof tx->state) != 0)
        write_state(tx);
    if (tx->failed == MCR_OK)
        run(tx, MCR_SQL_COMMIT);
    if (tx->failed != MCR_OK)
        mcr_tx_rollback(tx);
    return tx->failed;
}

void mcr_tx_save(mcr_store_tx *tx)
{
    if (tx->unsafe && !tx->saved)
        tx->saved = run(tx, MCR_SQL_SAVE);
}

bool mcr_tx_run(mcr_store_tx *tx, mcr_store_work *work)
{
    tx->saved = false;
    tx->state_at_start = tx->state;
    tx->done_at_start = tx->done;
    tx->unsafe = !work->never_fails;
    bool keep = work->run(work, tx) || work->never_fails;
    tx->unsafe = false;
    if (tx->failed == MCR_OK && tx->saved && !keep) {
        run(tx, MCR_SQL_BACK);
        tx->state = tx->state_at_start;
        tx->done = tx->done_at_start;
        tx->known = false;
    }
    if (tx->failed == MCR_OK && tx->saved)
        run(tx, MCR_SQL_RELEASE);
    else if (!keep)
        tx->state = tx->state_at_start; // a version that was asked for and not used
    tx->saved = false;
    return tx->failed == MCR_OK;
}

static mcr_str found_namespace(const mcr_store_tx *tx)
{
    return mcr_str_n(tx->found.ptr, tx->known_namespace);
}

static mcr_str found_name(const mcr_store_tx *tx)
{
    return mcr_str_n(tx->found.ptr + tx->known_namespace, tx->known_name);
}

// look_up finds the row at a place, expired or not, and remembers where it is.
static sqlite3_stmt *look_up(mcr_store_tx *tx, mcr_str namespace, mcr_str name)
{
    tx->known = false;
    tx->found.len = 0;
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_GET);
    if (!statement || tx->failed != MCR_OK)
        return NULL;
    bind(statement, 1, namespace);
    bind(statement, 2, name);
    bool is_there = mcr_tx_step(tx, statement);
    tx->known = tx->failed == MCR_OK;
    mcr_buf_add(&tx->found, namespace);
    mcr_buf_add(&tx->found, name);
    tx->known_namespace = namespace.len;
    tx->known_name = name.len;
    tx->known_version = is_there ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    tx->known_bytes = is_there ? column(statement, 4).len : 0;
    return is_there ? statement : NULL;
}

bool mcr_store_get(mcr_store_tx *tx, mcr_str namespace, mcr_str name, mcr_stored *out)
{
    sqlite3_stmt *statement = look_up(tx, namespace, name);
    if (!statement)
        return false;
    mcr_stored event = row(statement);
    event.expires = sqlite3_column_int64(statement, 5);
    if (event.expires && event.expires <= tx->now) {
        if (tx->writes) { // now, so that its removal has a version before that of the next one here
            mcr_tx_take_away_row(tx, statement);
            tx->done.expired++;
            tx->known = tx->failed == MCR_OK;
            tx->known_version = 0;
        } else {
            sqlite3_reset(statement);
        }
        return false;
    }
    mcr_buf_add(&tx->found, event.json);
    event.namespace = found_namespace(tx);
    event.name = found_name(tx);
    event.json = mcr_str_n(event.name.ptr + event.name.len, event.json.len);
    sqlite3_reset(statement);
    *out = event;
    return true;
}

uint64_t mcr_store_next_version(mcr_store_tx *tx)
{
    return ++tx->state.version;
}

// is_known makes known_version true for a place; false when that fails.
static bool is_known(mcr_store_tx *tx, mcr_str namespace, mcr_str name)
{
    if (tx->known && mcr_str_eq(namespace, found_namespace(tx)) && mcr_str_eq(name, found_name(tx)))
        return true;
    sqlite3_stmt *statement = look_up(tx, namespace, name);
    if (statement)
        sqlite3_reset(statement);
    return tx->known;
}

static void delete_version(mcr_store_tx *tx, uint64_t version, uint64_t bytes)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_DELETE);
    if (!statement)
        return;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)version);
    run(tx, MCR_SQL_DELETE);
    tx->state.events--;
    tx->state.bytes -= bytes;
}

void mcr_store_put(mcr_store_tx *tx, const mcr_stored *event)
{
    mcr_tx_save(tx);
    if (tx->failed != MCR_OK || !is_known(tx, event->namespace, event->name))
        return;
    if (tx->known_version)
        delete_version(tx, tx->known_version, tx->known_bytes);
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_INSERT);
    if (!statement)
        return;
    int64_t expires = tx->ttl ? tx->now + tx->ttl : 0;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)event->version);
    bind(statement, 2, event->namespace);
    bind(statement, 3, event->name);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)event->created);
    bind(statement, 5, event->json);
    sqlite3_bind_int64(statement, 6, expires);
    run(tx, MCR_SQL_INSERT);
    tx->known_version = event->version;
    tx->known_bytes = event->json.len;
    tx->state.events++;
    tx->state.bytes += event->json.len;
    tx->done.written++;
    if (!tx->first_expiry)
        tx->first_expiry = expires;
}

void mcr_tx_take_away(mcr_store_tx *tx, const mcr_stored *event, uint64_t version, mcr_str json)
{
    mcr_tx_save(tx);
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_INSERT_DELETION);
    if (tx->failed != MCR_OK || !statement)
        return;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)version);
    bind(statement, 2, event->namespace);
    bind(statement, 3, event->name);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)event->created);
    bind(statement, 5, json);
    if (!run(tx, MCR_SQL_INSERT_DELETION))
        return;
    tx->state.deletions++;
    tx->state.deleted_bytes += json.len;
    delete_version(tx, event->version, event->json.len);
}

void mcr_tx_take_away_row(mcr_store_tx *tx, sqlite3_stmt *statement)
{
    mcr_stored event = row(statement);
    uint64_t version = mcr_store_next_version(tx);
    // The statement must not stand on the row that is deleted: all of it is copied.
    mcr_buf *copy = &tx->json;
    copy->len = 0;
    mcr_buf_add(copy, event.namespace);
    mcr_buf_add(copy, event.name);
    mcr_store_json_version(copy, event.json, version);
    sqlite3_reset(statement);
    event.namespace.ptr = copy->ptr;
    event.name.ptr = copy->ptr + event.namespace.len;
    size_t places = event.namespace.len + event.name.len;
    mcr_tx_take_away(tx, &event, version, mcr_str_n(copy->ptr + places, copy->len - places));
    tx->known = false;
}

bool mcr_store_remove(mcr_store_tx *tx, mcr_str namespace, mcr_str name, uint64_t version,
                      mcr_str json)
{
    sqlite3_stmt *statement = look_up(tx, namespace, name);
    if (!statement)
        return false;
    int64_t expires = sqlite3_column_int64(statement, 5);
    mcr_stored event = { .namespace = namespace,
                         .name = name,
                         .json = { .len = (uint32_t)tx->known_bytes },
                         .version = tx->known_version,
                         .created = (uint64_t)sqlite3_column_int64(statement, 3) };
    sqlite3_reset(statement);
    if (expires && expires <= tx->now)
        return false;
    mcr_tx_take_away(tx, &event, version, json);
    tx->known = false;
    tx->done.removed++;
    return tx->failed == MCR_OK;
}

uint64_t mcr_store_now(mcr_store_tx *tx)
{
    return tx->state.version;
}

uint64_t mcr_store_oldest(mcr_store_tx *tx)
{
    return tx->state.oldest;
}

int64_t mcr_store_time(mcr_store_tx *tx)
{
    return tx->now;
}

uint64_t mcr_store_total(mcr_store_tx *tx)
{
    return tx->state.events;
}

void mcr_store_list(mcr_store_tx *tx, mcr_str namespace, const mcr_str *after_namespace,
                    const mcr_str *after_name, bool (*each)(void *self, const mcr_stored *event),
                    void *self)
{
    mcr_str from_namespace = after_namespace ? *after_namespace : MCR_STR("");
    mcr_str from_name = after_namespace && after_name ? *after_name : MCR_STR("");
    if (namespace.len) {
        // Of one namespace, a place in another one is before or behind all of it.
        if (!mcr_str_eq(namespace, from_namespace))
            from_name = MCR_STR("");
        from_namespace = namespace;
    }
    sqlite3_stmt *statement = mcr_tx_statement(tx, namespace.len ? MCR_SQL_LIST : MCR_SQL_LIST_ALL);
    if (!statement || tx->failed != MCR_OK)
        return;
    bind(statement, 1, from_namespace);
    bind(statement, 2, from_name);
    sqlite3_bind_int64(statement, 3, tx->now);
    while (mcr_tx_step(tx, statement)) {
        mcr_stored event = row(statement);
        event.expires = sqlite3_column_int64(statement, 5);
        if (!each(self, &event))
            break;
    }
    sqlite3_reset(statement);
}

void mcr_store_changes(mcr_store_tx *tx, uint64_t since,
                       bool (*each)(void *self, mcr_store_change change, const mcr_stored *event),
                       void *self)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_CHANGES);
    if (!statement || tx->failed != MCR_OK)
        return;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)since);
    sqlite3_bind_int64(statement, 2, tx->now);
    while (mcr_tx_step(tx, statement)) {
        mcr_stored event = row(statement);
        event.expires = sqlite3_column_int64(statement, 5);
        mcr_store_change change = event.created > since ? MCR_STORE_ADDED : MCR_STORE_MODIFIED;
        if (sqlite3_column_int(statement, 6))
            change = MCR_STORE_DELETED;
        if (!each(self, change, &event))
            break;
    }
    sqlite3_reset(statement);
}
