// The sink "stdout": one line per event on standard output. A reader that is slow (a pager) holds
// the watcher up and loses nothing; only a descriptor that does not block is given up on.

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
    ((mcr_lines_options *)o)->fd = STDOUT_FILENO;
}

static mcr_sink *open_stdout(const void *o, mcr_errbuf *err)
{
    return mcr_lines_open(&mcr_sink_kind_stdout, o, err);
}

const mcr_sink_kind mcr_sink_kind_stdout = {
    .name = "stdout",
    .doc = "writes lines to standard output",
    .options = options,
    .options_size = sizeof(mcr_lines_options),
    .defaults = defaults,
    .check = mcr_lines_check,
    .open = open_stdout,
    .write = mcr_lines_write,
    .flush = mcr_lines_flush,
    .tick = mcr_lines_tick,
    .close = mcr_lines_close,
};
