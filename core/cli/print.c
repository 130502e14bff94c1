#include "cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

bool mcr_printed(void)
{
    bool done = fflush(stdout) == 0 && !ferror(stdout);
    if (!done)
        mcr_log(MCR_LOG_ERROR, "standard output: %s", strerror(errno));
    return done;
}

bool mcr_print(const mcr_buf *text)
{
    if (text->len)
        fwrite(text->ptr, 1, text->len, stdout);
    return mcr_printed();
}
