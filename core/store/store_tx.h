#pragma once
// One connection's transactions: what is behind the reading and writing calls of store.h. Internal
// to core/store. One thread at a time.

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

// The row of the table `state`.
typedef struct mcr_store_state {
    uint64_t version;
    uint64_t oldest;
    uint64_t events;
    uint64_t bytes;
    uint64_t deletions;
    uint64_t deleted_bytes;
} mcr_store_state;

// What a transaction did, for the counters.
typedef struct mcr_store_done {
    uint64_t written;
    uint64_t removed;
    uint64_t expired;
    uint64_t evicted;
} mcr_store_done;

enum {
    MCR_STORE_STATEMENTS = 24
};

struct mcr_store_tx {
    sqlite3 *db;
    sqlite3_stmt *statements[MCR_STORE_STATEMENTS]; // prepared when first needed
    int64_t ttl;                                    // ns; 0: for ever
    uint64_t max_bytes;
    uint64_t history;       // deletions that are kept
    uint64_t history_bytes; // of their JSON

    // The transaction.
    int64_t now;           // Unix ns
    bool writes;           // it was begun for changes
    mcr_store_state state; // with its changes
    mcr_store_state before;
    mcr_store_done done;
    int64_t first_expiry; // of what it has put; 0: nothing that expires
    mcr_err failed;       // MCR_OK: nothing has failed
    mcr_errbuf err;

    // The piece of work.
    bool unsafe; // it may have to be taken back: its first change makes a savepoint
    bool saved;  // there is one
    mcr_store_state state_at_start;
    mcr_store_done done_at_start;

    // What mcr_store_get found last, while it is true.
    mcr_buf found;
    bool known;
    uint32_t known_namespace; // lengths: `found` begins with namespace and name
    uint32_t known_name;
    uint64_t known_version; // 0: there is none
    uint64_t known_bytes;
    mcr_buf json; // of a removal
};

// mcr_tx_init: `tx` is zeroed; `db` (mcr_schema_open) becomes the transaction's. Limits come from
// `options`.
void mcr_tx_init_take(mcr_store_tx *tx, sqlite3 *db, const mcr_store_options *options);

// mcr_tx_fini rolls back if need be and closes the connection.
void mcr_tx_fini(mcr_store_tx *tx);

// mcr_tx_begin begins; `writes`: with the file's one lock for writers.
mcr_err mcr_tx_begin(mcr_store_tx *tx, bool writes, int64_t now);

// mcr_tx_run does a piece of work. False when the transaction has failed.
bool mcr_tx_run(mcr_store_tx *tx, mcr_store_work *work);

// mcr_tx_commit keeps to the limits and commits. When it fails, nothing was changed, and tx->err
// says why.
mcr_err mcr_tx_commit(mcr_store_tx *tx);

// mcr_tx_rollback forgets all that was done since mcr_tx_begin.
void mcr_tx_rollback(mcr_store_tx *tx);

// mcr_tx_expire removes up to `most` events that have expired. True: there may be more.
bool mcr_tx_expire(mcr_store_tx *tx, int most);

// mcr_tx_next_expiry is when the next event expires; 0: none does. Outside transactions as well.
int64_t mcr_tx_next_expiry(mcr_store_tx *tx);

// mcr_tx_data_version changes when another connection has committed. Outside transactions.
int64_t mcr_tx_data_version(mcr_store_tx *tx);

// For store_retention.c:

// The statements there are; store_tx.c has their texts.
typedef enum mcr_store_statement {
    MCR_SQL_BEGIN,
    MCR_SQL_BEGIN_WRITE,
    MCR_SQL_COMMIT,
    MCR_SQL_ROLLBACK,
    MCR_SQL_SAVE,
    MCR_SQL_RELEASE,
    MCR_SQL_BACK,
    MCR_SQL_STATE,
    MCR_SQL_SET_STATE,
    MCR_SQL_GET,
    MCR_SQL_INSERT,
    MCR_SQL_DELETE,
    MCR_SQL_INSERT_DELETION,
    MCR_SQL_FIRST_DELETION,
    MCR_SQL_DELETE_DELETION,
    MCR_SQL_FIRST_EXPIRED,
    MCR_SQL_FIRST,
    MCR_SQL_NEXT_EXPIRY,
    MCR_SQL_LIST_ALL,
    MCR_SQL_LIST,
    MCR_SQL_CHANGES,
    MCR_SQL_DATA_VERSION,
    MCR_SQL_N
} mcr_store_statement;

// mcr_tx_statement gives a prepared statement without bindings; NULL when that fails (noted).
sqlite3_stmt *mcr_tx_statement(mcr_store_tx *tx, mcr_store_statement which);

// mcr_tx_step steps once. True: there is a row. A failure is noted in tx->failed.
bool mcr_tx_step(mcr_store_tx *tx, sqlite3_stmt *statement);

// mcr_tx_save makes the savepoint of the piece of work that runs, if it has none yet: before each
// first change.
void mcr_tx_save(mcr_store_tx *tx);

// mcr_tx_take_away removes the event of that version and size, which watches are told by `json`.
void mcr_tx_take_away(mcr_store_tx *tx, const mcr_stored *event, uint64_t version, mcr_str json);

// mcr_tx_take_away_row does so for the row of the event that `statement` stands on (version,
// namespace, name, created, json), with a version of its own, and resets it.
void mcr_tx_take_away_row(mcr_store_tx *tx, sqlite3_stmt *statement);

// mcr_tx_keep_limits evicts past max_bytes and forgets deletions past history. (store_retention.c)
void mcr_tx_keep_limits(mcr_store_tx *tx);
