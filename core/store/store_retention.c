// What the store forgets by itself: expired events, the oldest ones past max_bytes, and deletions
// past the history that watches may ask for.

#include "base/buf.h"
#include "event/walk.h"
#include "store/store_tx.h"

bool mcr_tx_expire(mcr_store_tx *tx, int most)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_FIRST_EXPIRED);
    if (!statement)
        return false;
    int n = 0;
    for (; n < most && tx->failed == MCR_OK; n++) {
        sqlite3_bind_int64(statement, 1, tx->now);
        if (!mcr_tx_step(tx, statement))
            break;
        mcr_tx_take_away_row(tx, statement);
        tx->done.expired++;
    }
    return n == most;
}

static void evict(mcr_store_tx *tx)
{
    sqlite3_stmt *statement = mcr_tx_statement(tx, MCR_SQL_FIRST);
    while (statement && tx->state.bytes > tx->max_bytes && tx->failed == MCR_OK &&
           mcr_tx_step(tx, statement)) {
        mcr_tx_take_away_row(tx, statement);
        tx->done.evicted++;
    }
}

static void forget_deletions(mcr_store_tx *tx)
{
    sqlite3_stmt *first = mcr_tx_statement(tx, MCR_SQL_FIRST_DELETION);
    sqlite3_stmt *delete = mcr_tx_statement(tx, MCR_SQL_DELETE_DELETION);
    while (first && delete &&tx->failed == MCR_OK &&
           (tx->state.deletions > tx->history || tx->state.deleted_bytes > tx->history_bytes) &&
           mcr_tx_step(tx, first)) {
        sqlite3_int64 version = sqlite3_column_int64(first, 0);
        tx->state.deleted_bytes -= (uint64_t)sqlite3_column_bytes(first, 1);
        tx->state.deletions--;
        tx->state.oldest = (uint64_t)version;
        sqlite3_reset(first);
        sqlite3_bind_int64(delete, 1, version);
        mcr_tx_step(tx, delete);
    }
}

void mcr_tx_keep_limits(mcr_store_tx *tx)
{
    evict(tx);
    forget_deletions(tx);
}

static int64_t number(mcr_store_tx *tx, mcr_store_statement which)
{
    int64_t value = 0;
    sqlite3_stmt *statement = mcr_tx_statement(tx, which);
    if (statement && mcr_tx_step(tx, statement)) {
        value = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return value;
}

int64_t mcr_tx_next_expiry(mcr_store_tx *tx)
{
    return number(tx, MCR_SQL_NEXT_EXPIRY);
}

int64_t mcr_tx_data_version(mcr_store_tx *tx)
{
    return number(tx, MCR_SQL_DATA_VERSION);
}

static bool member(mcr_str object, const char *name, mcr_str *value)
{
    mcr_walk walk;
    mcr_str key;
    mcr_walk_begin(&walk, object);
    while (mcr_walk_member(&walk, &key, value))
        if (mcr_str_is(key, name))
            return true;
    return false;
}

void mcr_store_json_version(mcr_buf *out, mcr_str json, uint64_t version)
{
    mcr_str metadata, old;
    if (!member(json, "metadata", &metadata) || !member(metadata, "resourceVersion", &old)) {
        mcr_buf_add(out, json);
        return;
    }
    mcr_buf_append(out, json.ptr, (size_t)(old.ptr - json.ptr));
    mcr_buf_putc(out, '"');
    mcr_buf_i64(out, (int64_t)version);
    mcr_buf_putc(out, '"');
    const char *rest = old.ptr + old.len;
    mcr_buf_append(out, rest, (size_t)(json.ptr + json.len - rest));
}
