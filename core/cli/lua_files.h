#pragma once
// Lua files beneath folders, in the order of their names: scripts, or the specs of scripts (files
// that end with _spec.lua). What begins with a dot is passed over.

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

// Zero-initialised is empty and valid.
typedef struct mcr_lua_files {
    char **at; // paths that begin with the folder's own, but for a leading "./"
    size_t n;
} mcr_lua_files;

typedef enum mcr_lua_files_kind {
    MCR_LUA_FILES_SCRIPTS,
    MCR_LUA_FILES_SPECS
} mcr_lua_files_kind;

// mcr_lua_files_find adds those of the kind beneath the folder `path`; when it is a file, that one,
// whatever it is called. MCR_EIO when something cannot be read; what was found before is there.
mcr_err mcr_lua_files_find(mcr_lua_files *files, const char *path, mcr_lua_files_kind kind,
                           mcr_errbuf *err);

// mcr_lua_files_below is what `path`, one of those found beneath `folder`, is called in it: the
// rest of `path`.
const char *mcr_lua_files_below(const char *folder, const char *path);

void mcr_lua_files_fini(mcr_lua_files *files);
