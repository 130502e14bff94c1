#pragma once
// How functions fail. A function that can fail in more than one way returns mcr_err and fills the
// caller's mcr_errbuf with a sentence a user can act on; 0 is success and leaves the buffer alone.

typedef enum mcr_err {
    MCR_OK = 0,
    MCR_EINVAL,  // the input or an argument is wrong
    MCR_ECONFIG, // a configuration or script does not hold together
    MCR_EIO,     // the operating system said no
    MCR_ESCRIPT, // a script raised an error
    MCR_ESTOPPED // the broadcaster or watcher was shut down
} mcr_err;

typedef struct mcr_errbuf {
    char text[2048]; // NUL-terminated, cut when longer; no newline at the end
} mcr_errbuf;

// mcr_errf formats into `err` (which may be NULL) and returns `code`, so that a failing function
// can end in `return mcr_errf(err, MCR_EIO, "…", …);`.
mcr_err mcr_errf(mcr_errbuf *err, mcr_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));
