#include "config/install_dirs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

char *mcr_install_dir(const char *name)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len <= 0)
        return NULL;
    exe[len] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(exe, '/');
        if (!slash)
            return NULL;
        *slash = '\0';
    }
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/share/mooncrier/%s", exe, name);
    return access(path, R_OK | X_OK) == 0 ? mcr_strdup(path) : NULL;
}
