#include "rehearse/script_alone.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum {
    NAMES = MCR_MAX_SINKS - 1 // of sinks that a script may come up with, before they are one
};

// A Lua string of any bytes.
static void add_quoted(mcr_buf *out, const char *text)
{
    mcr_buf_putc(out, '"');
    for (const char *at = text; *at; at++) {
        if (isalnum((unsigned char)*at) || strchr("/._-", *at))
            mcr_buf_putc(out, *at);
        else
            mcr_buf_printf(out, "\\%03d", (unsigned char)*at);
    }
    mcr_buf_putc(out, '"');
}

static void write_config(mcr_buf *out, const char *script, const char *params)
{
    mcr_buf_printf(out, "local script = %s\nscript[1] = ", params ? params : "{}");
    add_quoted(out, script);
    mcr_buf_puts(out, "\nreturn { sources = { { kind = \"jsonl\", path = \"-\" } },\nsinks = {\n");
    mcr_buf names = { 0 };
    for (int i = 0; i < NAMES; i++) {
        mcr_buf name = { 0 };
        if (i == 0)
            mcr_buf_puts(&name, "default");
        else if (i == NAMES - 1)
            mcr_buf_puts(&name, "others");
        else
            mcr_buf_printf(&name, "sink%d", i);
        mcr_buf_printf(out, "%s = { kind = \"webhook\", url = \"http://localhost/\" },\n",
                       mcr_buf_cstr(&name));
        mcr_buf_printf(&names, "\"%s\", ", mcr_buf_cstr(&name));
        mcr_buf_fini(&name);
    }
    mcr_buf_printf(out,
                   "},\nwatchers = { { name = \"script\", script = script, sinks = { %s} } } }\n",
                   mcr_buf_cstr(&names));
    mcr_buf_fini(&names);
}

// Where the configuration would be: beside the script, so that both are called by the path given.
static void write_place(mcr_buf *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    mcr_buf_append(out, path, slash ? (size_t)(slash + 1 - path) : 0);
    mcr_buf_puts(out, ".mooncrier-script-alone.lua");
}

mcr_generation *mcr_script_alone(const char *path, const char *params, mcr_errbuf *err)
{
    const char *slash = strrchr(path, '/');
    mcr_buf text = { 0 }, place = { 0 };
    write_config(&text, slash ? slash + 1 : path, params);
    write_place(&place, path);
    mcr_file_set *files = mcr_file_set_new();
    mcr_file_set_put(files, mcr_buf_cstr(&place), mcr_buf_str(&text));
    mcr_generation *g = mcr_generation_new(files);
    if (access(path, R_OK) != 0) {
        mcr_errf(err, MCR_EIO, "%s: %s", path, strerror(errno));
    } else if (!mcr_generation_read(g, mcr_buf_cstr(&place), err)) {
        mcr_file_set_free(files);
        mcr_buf_fini(&text);
        mcr_buf_fini(&place);
        return g;
    }
    mcr_generation_free(g);
    mcr_file_set_free(files);
    mcr_buf_fini(&text);
    mcr_buf_fini(&place);
    return NULL;
}
