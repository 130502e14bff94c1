#pragma once
// The files that something was made of: a configuration, its scripts and their modules. Every look
// at one of them goes through a set, which remembers what it saw: text, or that there was no such
// file. So a reload can tell whether anything has changed since, and an earlier state can be made
// again although the disk has moved on.
//
// One thread fills a set; once nothing is read through it any more, any may look at it.

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

typedef struct mcr_file_set mcr_file_set;

enum {
    MCR_FILE_SET_LIMIT = 16 << 20 // bytes of one file
};

mcr_file_set *mcr_file_set_new(void);
void mcr_file_set_free(mcr_file_set *s);

// mcr_file_set_add makes the set remember all that `other` has seen, whatever the disk holds now.
// What it has seen itself stays.
void mcr_file_set_add(mcr_file_set *s, const mcr_file_set *other);

// mcr_file_set_follow is mcr_file_set_add, and from now on `s` looks where `other` would.
void mcr_file_set_follow(mcr_file_set *s, const mcr_file_set *other);

// mcr_file_set_add_used adds only what was looked for through `other` itself, not what was added.
void mcr_file_set_add_used(mcr_file_set *s, const mcr_file_set *other);

// mcr_file_set_agrees says whether `other` has seen the same wherever it has seen what `s` has.
bool mcr_file_set_agrees(const mcr_file_set *s, const mcr_file_set *other);

// mcr_file_set_redirect makes the set look for what is below the folder `from` below the folder
// `to` first, under the name that it has below `from`. Several apply in order, four at most.
void mcr_file_set_redirect(mcr_file_set *s, const char *from, const char *to);

// mcr_file_set_redirected is how many files were found through a redirection.
size_t mcr_file_set_redirected(const mcr_file_set *s);

// mcr_file_set_renewed is a new set of what the disk has now for everything that `s` has seen.
mcr_file_set *mcr_file_set_renewed(const mcr_file_set *s);

// mcr_file_set_read gives the text of the file at `path`, valid as long as the set. MCR_EIO with
// "path: why": there is none, it cannot be read, it is longer than the limit.
mcr_err mcr_file_set_read(mcr_file_set *s, const char *path, mcr_str *text, mcr_errbuf *err);

// mcr_file_set_has says whether there is a readable file (no folder) at `path`.
bool mcr_file_set_has(mcr_file_set *s, const char *path);

// mcr_file_set_put makes the set remember `text` (copied) as the file at `path`; a text without a
// pointer: that there is none.
void mcr_file_set_put(mcr_file_set *s, const char *path, mcr_str text);

// mcr_file_set_is_current says whether the disk still is as the set saw it. What is no regular file
// (a pipe) is not looked at again.
bool mcr_file_set_is_current(const mcr_file_set *s);

// mcr_file_set_each calls `each` with every file that was read, in the order of their paths.
// With `absent` also with those that were looked for and not there; their text has no pointer.
void mcr_file_set_each(const mcr_file_set *s, bool absent,
                       void (*each)(void *arg, const char *path, mcr_str text), void *arg);

// mcr_file_set_find is the text that the set has for `path`; without a pointer when it has none.
mcr_str mcr_file_set_find(const mcr_file_set *s, const char *path);
