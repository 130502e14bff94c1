#pragma once
// The generation that `run` starts with: what is on the disk, or, when that does not load, the last
// good set (daemon/last_good.h).

#include "daemon/app.h"

typedef struct mcr_first {
    mcr_generation *generation;
    char *broken;        // why it is the last good set; NULL: it is what is on the disk
    mcr_file_set *tried; // what was read from the disk then; NULL otherwise
} mcr_first;

// mcr_first_load reads the configuration at `path` (as mcr_config_load) and loads it into `app`,
// which is empty; scripts, init and self_test have run then. With a `state_dir`, of the
// configuration or of MOONCRIER_STATE_DIR, and unless `reload.last_good` is false, the last good
// set takes the place of what does not load. MCR_ECONFIG or MCR_ESCRIPT with the error of the disk.
mcr_err mcr_first_load(mcr_first *f, mcr_app *app, const char *path, mcr_errbuf *err);

// mcr_first_fini frees what it still has; the generation is only freed when it was not taken (set
// to NULL).
void mcr_first_fini(mcr_first *f);
