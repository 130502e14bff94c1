#include "daemon/own_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool mcr_own_folder_is(const char *path, mcr_errbuf *err)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        mcr_errf(err, MCR_EIO, "%s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISLNK(st.st_mode) && st.st_uid == geteuid() && stat(path, &st) < 0) {
        mcr_errf(err, MCR_EIO, "%s: %s", path, strerror(errno));
        return false;
    }
    const char *why = NULL;
    if (!S_ISDIR(st.st_mode))
        why = "is no folder";
    else if (st.st_uid != geteuid())
        why = "belongs to another user";
    else if (st.st_mode & (S_IWGRP | S_IWOTH))
        why = "may be written by other users (chmod 700 it)";
    if (why)
        mcr_errf(err, MCR_EIO, "%s %s", path, why);
    return !why;
}

mcr_err mcr_own_folder_make(const char *path, mcr_errbuf *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return mcr_errf(err, MCR_EIO, "cannot make the folder %s: %s", path, strerror(errno));
    return mcr_own_folder_is(path, err) ? MCR_OK : MCR_EIO;
}
