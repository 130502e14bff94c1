#pragma once
// Folders that are ours alone.

#include <stdbool.h>

#include "base/err.h"

// mcr_own_folder_make makes the folder at `path` with mode 0700 unless it is there. MCR_EIO with a
// sentence when it cannot, or when what is there is no folder, belongs to somebody else, or may be
// written by others. What is above it must be there.
mcr_err mcr_own_folder_make(const char *path, mcr_errbuf *err);

// mcr_own_folder_is says whether mcr_own_folder_make would take the one that is there.
bool mcr_own_folder_is(const char *path, mcr_errbuf *err);
