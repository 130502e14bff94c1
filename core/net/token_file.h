#pragma once
// A token in a file that somebody else exchanges from time to time, as the kubelet does with those
// of pods: looked at again at most every two seconds, and read again when it is another file (a
// symlink on the way was swapped) or was written to.

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

typedef struct mcr_token_file {
    const char *path; // borrowed
    mcr_buf token;    // without white space around it
    struct stat seen; // what the token was read from
    int64_t looked;   // when, Unix ns; 0: read it whatever it looks like
} mcr_token_file;

// mcr_token_file_init borrows `path`; nothing is read yet.
void mcr_token_file_init(mcr_token_file *f, const char *path);
void mcr_token_file_fini(mcr_token_file *f);

// mcr_token_file_get gives the token, borrowed until the next call. When the file has become
// unreadable the token read before holds on, with a warning, unless it was refused. MCR_EIO with a
// sentence when there is none; what is no token (empty, or with control characters in it) is an
// error, too.
mcr_err mcr_token_file_get(mcr_token_file *f, int64_t now, mcr_str *token, mcr_errbuf *err);

// mcr_token_file_refused: the server does not take the token; the next get reads the file.
void mcr_token_file_refused(mcr_token_file *f);

// mcr_token_trim takes white space off both ends of a token. False: nothing is left, or it has
// control characters in it that no header may have.
bool mcr_token_trim(mcr_str *token);
