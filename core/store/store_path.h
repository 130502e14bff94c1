#pragma once
// Where the event store is when nobody says so: the same place for `run`, `serve` and `get`.

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

// mcr_store_default_path appends /var/lib/mooncrier/events.db for root (when that can be written),
// else $XDG_STATE_HOME/mooncrier/events.db, where XDG_STATE_HOME is ~/.local/state unless it is set
// to an absolute path. Makes nothing. False with a sentence in `err`: there is no home directory.
bool mcr_store_default_path(mcr_buf *out, mcr_errbuf *err);

// mcr_store_make_folders makes the folders above the file `path` that are missing, 0700.
mcr_err mcr_store_make_folders(const char *path, mcr_errbuf *err);
