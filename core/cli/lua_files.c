#include "cli/lua_files.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void mcr_lua_files_fini(mcr_lua_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->at[i]);
    free(files->at);
    *files = (mcr_lua_files){ 0 };
}

// Names stay as users know them: "./x_spec.lua" helps nobody.
static const char *plain(const char *path)
{
    return strncmp(path, "./", 2) == 0 ? path + 2 : path;
}

static void add(mcr_lua_files *files, const char *path)
{
    files->at = mcr_realloc(files->at, (files->n + 1) * sizeof *files->at);
    files->at[files->n++] = mcr_strdup(plain(path));
}

const char *mcr_lua_files_below(const char *folder, const char *path)
{
    folder = plain(folder);
    size_t len = strcmp(folder, ".") == 0 ? 0 : strlen(folder);
    return path + len + strspn(path + len, "/");
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

static bool is_of_kind(const char *name, mcr_lua_files_kind kind)
{
    bool is_spec = ends_with(name, "_spec.lua");
    return kind == MCR_LUA_FILES_SPECS ? is_spec : ends_with(name, ".lua") && !is_spec;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

mcr_err mcr_lua_files_find(mcr_lua_files *files, const char *path, mcr_lua_files_kind kind,
                           mcr_errbuf *err)
{
    char *root = mcr_strdup(path);
    char *const roots[] = { root, NULL };
    FTS *fts = fts_open(roots, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    mcr_err code = fts ? MCR_OK : mcr_errf(err, MCR_EIO, "%s: %s", path, strerror(errno));
    for (FTSENT *entry; !code && (entry = fts_read(fts));) {
        bool is_root = entry->fts_level == FTS_ROOTLEVEL;
        switch (entry->fts_info) {
        case FTS_NS:
        case FTS_ERR:
        case FTS_DNR:
            code = mcr_errf(err, MCR_EIO, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
            break;
        case FTS_D:
            if (!is_root && entry->fts_name[0] == '.')
                fts_set(fts, entry, FTS_SKIP);
            break;
        case FTS_F:
        case FTS_SL:
        case FTS_DEFAULT:
            if (is_root || (entry->fts_name[0] != '.' && is_of_kind(entry->fts_name, kind)))
                add(files, entry->fts_path);
            break;
        default:
            break;
        }
    }
    if (fts)
        fts_close(fts);
    free(root);
    return code;
}
