#include "daemon/control_path.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "daemon/own_folder.h"

void mcr_control_absolute(const char *config_path, mcr_buf *out)
{
    char *first = mcr_strdup(config_path), *second = mcr_strdup(config_path);
    char real[PATH_MAX];
    const char *folder = dirname(first);
    const char *known = realpath(folder, real) ? real : folder;
    mcr_buf_printf(out, "%s/%s", strcmp(known, "/") == 0 ? "" : known, basename(second));
    mcr_buf_cstr(out);
    free(first);
    free(second);
}

void mcr_control_usual_path(const char *config_path, bool anyway, mcr_buf *out)
{
    mcr_buf path = { 0 };
    mcr_control_absolute(config_path, &path);
    const char *runtime = anyway ? NULL : getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime)
        mcr_buf_printf(out, "%s/mooncrier", runtime);
    else
        mcr_buf_printf(out, "/tmp/mooncrier-%lu", (unsigned long)geteuid());
    mcr_buf_printf(out, "/%016llx.sock", (unsigned long long)XXH3_64bits(path.ptr, path.len));
    mcr_buf_cstr(out);
    mcr_buf_fini(&path);
}

bool mcr_control_path(const mcr_config *config, mcr_buf *out)
{
    if (config->control && strcmp(config->control, "none") == 0)
        return false;
    if (config->control)
        mcr_buf_puts(out, config->control);
    else if (config->state_dir)
        mcr_buf_printf(out, "%s/control.sock", config->state_dir);
    else
        mcr_control_usual_path(config->path, false, out);
    mcr_buf_cstr(out);
    return true;
}

mcr_err mcr_control_make_folder(const char *path, mcr_errbuf *err)
{
    char *copy = mcr_strdup(path);
    mcr_err code = mcr_own_folder_make(dirname(copy), err);
    free(copy);
    return code;
}
