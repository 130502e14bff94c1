// The sink "file": one line per event, appended to a file.

#include "sink/kinds.h"
#include "sink/lines.h"

static const mcr_option options[] = {
    { "path", MCR_OPTION_STRING, offsetof(mcr_lines_options, path), NULL,
      "the file to append to; its directory must exist" },
    MCR_LINES_OPTIONS,
    { 0 },
};

static const char *check_path(const mcr_lines_options *file, mcr_errbuf *err)
{
    if (file->path && *file->path)
        return NULL;
    mcr_errf(err, MCR_ECONFIG, "a file sink needs a 'path'");
    return "path";
}

static const char *check(const void *o, mcr_errbuf *err)
{
    const char *wrong = check_path(o, err);
    return wrong ? wrong : mcr_lines_check(o, err);
}

static mcr_sink *open_file(const void *o, mcr_errbuf *err)
{
    return check_path(o, err) ? NULL : mcr_lines_open(&mcr_sink_kind_file, o, err);
}

const mcr_sink_kind mcr_sink_kind_file = {
    .name = "file",
    .doc = "appends lines to a file",
    .options = options,
    .options_size = sizeof(mcr_lines_options),
    .defaults = mcr_lines_defaults,
    .check = check,
    .open = open_file,
    .write = mcr_lines_write,
    .flush = mcr_lines_flush,
    .tick = mcr_lines_tick,
    .reopen = mcr_lines_reopen,
    .close = mcr_lines_close,
};
