#pragma once
// A listening Unix socket for its owner alone.

#include <sys/types.h>

#include "base/err.h"

typedef struct mcr_control_listener {
    int fd;
    dev_t device; // of the socket's file, so that only this one is removed
    ino_t file;
} mcr_control_listener;

// mcr_control_listen listens at `path` with mode 0600, whatever the umask. A socket that nobody
// listens at is replaced. MCR_ESTOPPED: somebody does, whose process the sentence names. MCR_EIO
// with a sentence otherwise. The descriptor does not block.
mcr_err mcr_control_listen(const char *path, mcr_control_listener *out, mcr_errbuf *err);

// mcr_control_unlisten closes it and removes the file, unless another one has taken its place.
void mcr_control_unlisten(const char *path, const mcr_control_listener *l);

// mcr_control_connect connects to `path`; the descriptor does not block. -1: not possible; errno.
int mcr_control_connect(const char *path);
