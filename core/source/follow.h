#pragma once
// Following a file as `tail -F` does: what is appended is read as it comes, and the path is looked
// at anew when the file is rotated or truncated. Loop thread only.
//
// - Truncated (shorter than what was read): said once, read from its start again.
// - Rotated (another file is at the path): the old file stays in use until the new one has bytes,
//   so that what the writer adds before it reopens the path is not lost; then the old one is read
//   to its end before the new one is read from its start.
// - Missing: waited for; said once.
//
// Changes are seen by inotify (ev_stat) at once, and by a look every second where that does not
// reach: network file systems, symbolic links, files renamed away.

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct mcr_follow mcr_follow;

typedef enum mcr_followed {
    MCR_FOLLOW_BYTES, // *got bytes were read
    MCR_FOLLOW_WAIT,  // nothing now; `changed` will be called when it is worth reading again
    MCR_FOLLOW_ENDED, // this file has ended for good; the next read begins the next one
    MCR_FOLLOW_FAILED // cannot go on; `err` says why
} mcr_followed;

// mcr_follow_new follows `path` (copied), which need not exist yet. `from_end`: a file that is
// there now is read from its last line start on; any later one from its start. `changed` may be
// called more often than needed, and only from the loop.
mcr_follow *mcr_follow_new(struct ev_loop *loop, const char *path, bool from_end,
                           void (*changed)(void *arg), void *arg);
void mcr_follow_free(mcr_follow *f);

// mcr_follow_read reads up to `size` bytes.
mcr_followed mcr_follow_read(mcr_follow *f, char *out, size_t size, size_t *got, mcr_errbuf *err);
