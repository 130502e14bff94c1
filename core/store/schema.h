#pragma once
// The SQLite file of the event store: its tables, opening it, and what its errors mean to a user.
// Internal to core/store.
//
// Tables:
//     events     every event there is, by the version of its last change: `version` is the rowid,
//     so
//                that changes are written and read in order; (namespace, name) is unique
//     deletions  removals that watches may still ask for, by version
//     state      one row: the counters that all processes share

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

// mcr_schema_open opens the file at `path`, making it (0600) and its tables when they are missing
// and `read_only` is false. NULL with a sentence.
sqlite3 *mcr_schema_open(const char *path, bool read_only, bool sync, mcr_errbuf *err);

// mcr_schema_err fills `err` with why `doing` ("write to") failed, from the result code `code` that
// a call on `db` returned just now.
mcr_err mcr_schema_err(sqlite3 *db, int code, const char *doing, mcr_errbuf *err);
