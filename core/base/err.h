#pragma once
// How functions fail: mcr_err and mcr_errbuf, which C programs see too (mooncrier.h). A function
// that can fail in more than one way returns mcr_err and fills the caller's mcr_errbuf with a
// sentence a user can act on; 0 is success and leaves the buffer alone.

#include "mooncrier.h"

// mcr_errf formats into `err` (which may be NULL) and returns `code`, so that a failing function
// can end in `return mcr_errf(err, MCR_EIO, "…", …);`.
mcr_err mcr_errf(mcr_errbuf *err, mcr_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));
