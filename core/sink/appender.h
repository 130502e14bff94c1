#pragma once
// A file or descriptor that whole lines are appended to, by one write(2) for many lines where the
// system allows it. What failed half-way leaves no half line behind.
//
// Files are opened with O_APPEND, so several writers may share one. One thread at a time.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct mcr_appender {
    char *path; // NULL: a descriptor that was given
    int fd;
    int64_t timeout; // ns that a descriptor which does not block is waited for
    bool is_regular;
    bool in_line; // the last byte out there is in the middle of a line
} mcr_appender;

// mcr_appender_open opens `path` for appending, made with mode 0644 when missing; its directory
// must exist. The error sentence names the path.
mcr_err mcr_appender_open(mcr_appender *a, const char *path, int64_t timeout, mcr_errbuf *err);

// mcr_appender_of uses `fd`, which stays its owner's. A descriptor that blocks is written to for as
// long as it takes.
void mcr_appender_of(mcr_appender *a, int fd, int64_t timeout);

// mcr_appender_reopen opens the path anew, after rotation. False, and logged: it did not work, the
// old file stays in use.
bool mcr_appender_reopen(mcr_appender *a);

// mcr_appender_write writes all of `bytes` (whole lines) and returns 0, or an errno; ETIMEDOUT when
// the other side took nothing for `timeout`. *done is how many bytes went out in either case; after
// a failure the caller says with mcr_appender_cut how many of them belong to an unfinished line.
int mcr_appender_write(mcr_appender *a, const char *bytes, size_t len, size_t *done);

// mcr_appender_cut takes back the last `len` bytes, part of a line whose rest could not be written.
// Where that is not possible (a pipe, or somebody appended behind them) the next write begins with
// a line break.
void mcr_appender_cut(mcr_appender *a, size_t len);

// mcr_appender_sync has the system put what was written on the disk; 0 or an errno. Nothing to do
// for what is not a regular file.
int mcr_appender_sync(mcr_appender *a);

void mcr_appender_close(mcr_appender *a);
