#pragma once
// Notices that the files of the running generation have changed, and asks for a reload.
//
// The folders of all files are watched (inotify), not the files: editors rename, `mv` replaces, and
// a mounted ConfigMap swaps the symbolic link `..data`. When a folder has been quiet for a moment,
// contents are compared, so that what was only touched causes nothing. A slow poll catches what the
// system does not tell (network file systems, too few watches).

#include "daemon/reload.h"

typedef struct mcr_file_watch mcr_file_watch;

typedef struct mcr_file_watch_options {
    int64_t debounce_ns; // how long nothing may change before contents are compared
    int64_t poll_ns;     // how often they are compared anyway
} mcr_file_watch_options;

// mcr_file_watch_new watches what `reload` (which must outlive it) has read. It keeps no loop
// running. Without inotify there is the poll alone, with a word in the log.
mcr_file_watch *mcr_file_watch_new(mcr_reload *reload, struct ev_loop *loop,
                                   const mcr_file_watch_options *options);

// mcr_file_watch_free stops. NULL is fine.
void mcr_file_watch_free(mcr_file_watch *w);

// mcr_file_watch_renew looks at the folders of what was read last; after every reload.
void mcr_file_watch_renew(mcr_file_watch *w);
