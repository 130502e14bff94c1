#include <ev.h>
#include <luajit.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "build.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "event/encode.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

enum {
    NAME_MAX_LEN = 64,
    LIBRARIES = 5
};

// A library as it is loaded now, which may be newer than what we were built with.
typedef struct library {
    const char *name;
    char version[NAME_MAX_LEN];
} library;

static void find_libraries(library *out)
{
    unsigned xxhash = XXH_versionNumber();
    char pcre2[NAME_MAX_LEN] = "";
    pcre2_config(PCRE2_CONFIG_VERSION, pcre2); // "10.42 2022-12-11"
    pcre2[strcspn(pcre2, " ")] = '\0';
    const char *luajit = strchr(LUAJIT_VERSION, ' ');
    for (int i = 0; i < LIBRARIES; i++)
        out[i] = (library){ 0 };
    out[0].name = "LuaJIT";
    snprintf(out[0].version, NAME_MAX_LEN, "%s", luajit ? luajit + 1 : LUAJIT_VERSION);
    out[1].name = "libev";
    snprintf(out[1].version, NAME_MAX_LEN, "%d.%d", ev_version_major(), ev_version_minor());
    out[2].name = "zlib";
    snprintf(out[2].version, NAME_MAX_LEN, "%s", zlibVersion());
    out[3].name = "xxHash";
    snprintf(out[3].version, NAME_MAX_LEN, "%u.%u.%u", xxhash / 10000, xxhash / 100 % 100,
             xxhash % 100);
    out[4].name = "PCRE2";
    snprintf(out[4].version, NAME_MAX_LEN, "%s", pcre2);
}

static void write_text(mcr_buf *out, const library *libraries)
{
    mcr_buf_printf(out, "mooncrier %s\n", MCR_VERSION);
    if (MCR_COMMIT[0])
        mcr_buf_printf(out, "commit     %s\n", MCR_COMMIT);
    mcr_buf_printf(out, "build      %s, %s\nlibraries  ", MCR_BUILD_TYPE, COMPILER);
    for (int i = 0; i < LIBRARIES; i++)
        mcr_buf_printf(out, "%s%s %s", i ? ", " : "", libraries[i].name, libraries[i].version);
    mcr_buf_putc(out, '\n');
}

static void write_member(mcr_buf *out, const char *name, const char *value)
{
    mcr_json_string(out, mcr_str_of(name));
    mcr_buf_putc(out, ':');
    mcr_json_string(out, mcr_str_of(value));
}

static void write_json(mcr_buf *out, const library *libraries)
{
    mcr_buf_putc(out, '{');
    write_member(out, "version", MCR_VERSION);
    mcr_buf_putc(out, ',');
    write_member(out, "commit", MCR_COMMIT);
    mcr_buf_putc(out, ',');
    write_member(out, "build", MCR_BUILD_TYPE);
    mcr_buf_putc(out, ',');
    write_member(out, "compiler", COMPILER);
    mcr_buf_puts(out, ",\"libraries\":{");
    for (int i = 0; i < LIBRARIES; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        write_member(out, libraries[i].name, libraries[i].version);
    }
    mcr_buf_puts(out, "}}\n");
}

int mcr_cmd_version(int argc, char **argv)
{
    const char *output = "text";
    const mcr_flag flags[] = {
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &output, "text (default) or json" },
        { 0 },
    };
    const mcr_usage usage = {
        .command = "version",
        .synopsis = "[flags]",
        .about = "Print the version, how it was built, and the libraries it runs with.",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n)
        return mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[0]);
    bool json = strcmp(output, "json") == 0;
    if (!json && strcmp(output, "text") != 0)
        return mcr_args_usage_error(&usage, "--output must be text or json, not '%s'", output);

    library libraries[LIBRARIES];
    find_libraries(libraries);
    mcr_buf text = { 0 };
    if (json)
        write_json(&text, libraries);
    else
        write_text(&text, libraries);
    bool written = mcr_print(&text);
    mcr_buf_fini(&text);
    return written ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}
