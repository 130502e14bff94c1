#include "daemon/first.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "config/config_live.h"
#include "daemon/last_good.h"

static mcr_err load(mcr_first *f, mcr_app *app, const char *path, const mcr_file_set *earlier,
                    mcr_errbuf *err)
{
    f->generation = mcr_generation_new(earlier);
    mcr_err code = mcr_generation_read(f->generation, path, err);
    if (!code)
        code = mcr_app_open_dead_letters(app, f->generation->config, &mcr_clock_wall, err);
    return code ? code : mcr_app_load(app, f->generation, &mcr_clock_wall, err);
}

static void unload(mcr_first *f, mcr_app *app)
{
    mcr_app_close(app);
    *app = (mcr_app){ 0 };
    mcr_generation_free(f->generation);
    f->generation = NULL;
}

static mcr_err load_last_good(mcr_first *f, mcr_app *app, const char *path, const char *state_dir,
                              mcr_errbuf *err)
{
    char hash[17];
    mcr_file_set *set = mcr_last_good_load(state_dir, path, hash, err);
    if (!set)
        return MCR_EIO;
    mcr_err code = load(f, app, path, set, err);
    mcr_file_set_free(set);
    if (!code && strcmp(f->generation->hash, hash) != 0)
        code = mcr_errf(err, MCR_EIO, "%s/last_good is damaged", state_dir);
    if (!code && !f->generation->config->reload.last_good)
        code = mcr_errf(err, MCR_ECONFIG, "its reload.last_good is false");
    if (code)
        unload(f, app);
    return code;
}

// Where the last good set may be; NULL: nowhere. The caller frees it.
static char *state_dir_of(const mcr_first *f, const char *path)
{
    mcr_errbuf ignored;
    mcr_config *config = mcr_config_load_live(path, f->generation->files, &ignored);
    const char *given = getenv(MCR_STATE_DIR_VARIABLE);
    char *state_dir = NULL;
    if (config && config->state_dir && config->reload.last_good)
        state_dir = mcr_strdup(config->state_dir);
    else if (!config && given && *given)
        state_dir = mcr_strdup(given);
    mcr_config_unref(config);
    return state_dir;
}

mcr_err mcr_first_load(mcr_first *f, mcr_app *app, const char *path, mcr_errbuf *err)
{
    path = mcr_config_place(path);
    mcr_err code = load(f, app, path, NULL, err);
    if (code != MCR_ECONFIG && code != MCR_ESCRIPT)
        return code;
    char *state_dir = state_dir_of(f, path);
    if (!state_dir)
        return code;
    f->broken = mcr_strdup(err->text);
    f->tried = mcr_file_set_new();
    mcr_file_set_add(f->tried, f->generation->files);
    unload(f, app);
    mcr_errbuf why;
    if (load_last_good(f, app, path, state_dir, &why)) {
        mcr_log(MCR_LOG_WARN, "there is no last good set to run instead: %s", why.text);
        free(f->broken);
        f->broken = NULL;
    } else {
        mcr_log(MCR_LOG_ERROR, "%s", f->broken);
        mcr_log(MCR_LOG_ERROR,
                "running on the last good set instead, from %s/last_good, until a reload succeeds",
                state_dir);
        code = MCR_OK;
    }
    free(state_dir);
    return code;
}

void mcr_first_fini(mcr_first *f)
{
    mcr_generation_free(f->generation);
    mcr_file_set_free(f->tried);
    free(f->broken);
    *f = (mcr_first){ 0 };
}
