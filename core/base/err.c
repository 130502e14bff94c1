#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

mcr_err mcr_errf(mcr_errbuf *err, mcr_err code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}
