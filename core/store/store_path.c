#include "store/store_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool root_can(void)
{
    static const char folder[] = "/var/lib/mooncrier";
    if (geteuid() != 0)
        return false;
    return access(folder, W_OK) == 0 || (errno == ENOENT && access("/var/lib", W_OK) == 0);
}

bool mcr_store_default_path(mcr_buf *out, mcr_errbuf *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (root_can()) {
        mcr_buf_puts(out, "/var/lib");
    } else if (state && *state == '/') {
        mcr_buf_puts(out, state);
    } else if (home && *home == '/') {
        mcr_buf_puts(out, home);
        mcr_buf_puts(out, "/.local/state");
    } else {
        mcr_errf(err, MCR_ECONFIG,
                 "there is no place for the event store: HOME is not set; give its path");
        return false;
    }
    mcr_buf_puts(out, "/mooncrier/events.db");
    return true;
}

mcr_err mcr_store_make_folders(const char *path, mcr_errbuf *err)
{
    mcr_buf folder = { 0 };
    mcr_err code = MCR_OK;
    for (const char *slash = strchr(path, '/'); slash && code == MCR_OK;
         slash = strchr(slash + 1, '/')) {
        if (slash == path)
            continue;
        folder.len = 0;
        mcr_buf_append(&folder, path, (size_t)(slash - path));
        if (mkdir(mcr_buf_cstr(&folder), 0700) != 0 && errno != EEXIST)
            code = mcr_errf(err, MCR_EIO, "cannot make the folder '%s' for the event store: %s",
                            mcr_buf_cstr(&folder), strerror(errno));
    }
    mcr_buf_fini(&folder);
    return code;
}
