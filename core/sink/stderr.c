// The sink "stderr": one line per event on standard error, where logging watchers write.

#include <unistd.h>

#include "sink/kinds.h"
#include "sink/lines.h"

static const mcr_option options[] = {
    MCR_LINES_OPTIONS,
    { 0 },
};

static void defaults(void *o)
{
    mcr_lines_defaults(o);
    ((mcr_lines_options *)o)->fd = STDERR_FILENO;
}

static mcr_sink *open_stderr(const void *o, mcr_errbuf *err)
{
    return mcr_lines_open(&mcr_sink_kind_stderr, o, err);
}

const mcr_sink_kind mcr_sink_kind_stderr = {
    .name = "stderr",
    .doc = "writes lines to standard error",
    .options = options,
    .options_size = sizeof(mcr_lines_options),
    .defaults = defaults,
    .check = mcr_lines_check,
    .open = open_stderr,
    .write = mcr_lines_write,
    .flush = mcr_lines_flush,
    .tick = mcr_lines_tick,
    .close = mcr_lines_close,
};
