#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/lua_files.h"
#include "cli/print.h"
#include "config/install_dirs.h"
#include "script/core_module.h"
#include "script/state.h"

typedef struct test_options {
    const char *output;
    mcr_flag_texts filters;
    int bless;
    int verbose;
    int quiet;
} test_options;

// The specs that the operands name: of the folder `scripts`, or of the current one, when there are
// none. False: there are none, said so.
static bool choose_specs(mcr_lua_files *files, const mcr_args *args)
{
    static const char *const usual[] = { "scripts", "." };
    mcr_errbuf err = { "" };
    mcr_err code = MCR_OK;
    for (int i = 0; i < args->n && !code; i++)
        code = mcr_lua_files_find(files, args->operands[i], MCR_LUA_FILES_SPECS, &err);
    for (int i = 0; !args->n && i < 2 && !files->n && !code; i++)
        if (access(usual[i], F_OK) == 0)
            code = mcr_lua_files_find(files, usual[i], MCR_LUA_FILES_SPECS, &err);
    if (code)
        fprintf(stderr, "mooncrier test: %s\n", err.text);
    else if (!files->n)
        fprintf(stderr,
                "mooncrier test: no specs: files that end with _spec.lua were looked for in %s\n",
                args->n ? args->operands[0] : "the current folder and those in it");
    return !code && files->n > 0;
}

static void push_list(lua_State *L, const char *const *at, size_t n)
{
    lua_createtable(L, (int)n, 0); // list
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, at[i]);       // list text
        lua_rawseti(L, -2, (int)i + 1); // list
    }
}

static int member(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name); // … number
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1); // …
    return n;
}

// Says how many there were, and whether all went well; the counts are on top of the stack.
static int say_counts(lua_State *L, const test_options *opt, const mcr_lua_files *files)
{
    int passed = member(L, "success"), failed = member(L, "failure"), errors = member(L, "error");
    int pending = member(L, "pending");
    if (passed + failed + errors + pending == 0) {
        fprintf(stderr, "mooncrier test: no test %s\n",
                opt->filters.n ? "has a name that --filter looks for" : "in any of the specs");
        return MCR_EXIT_FAILED;
    }
    if (!opt->quiet) {
        fprintf(stderr, "%d passed, %d failed", passed, failed + errors);
        if (pending)
            fprintf(stderr, ", %d pending", pending);
        fprintf(stderr, " (%zu spec%s)\n", files->n, files->n == 1 ? "" : "s");
    }
    return failed + errors ? MCR_EXIT_FAILED : MCR_EXIT_OK;
}

// Runs inside a protected call: on the stack are the options and the files. Gives what runner.run
// does: the counts, or nil and a sentence, then whether it is one of usage.
static int run_specs(lua_State *L)
{
    const test_options *opt = lua_touserdata(L, 1);
    const mcr_lua_files *files = lua_touserdata(L, 2);
    luaL_openlibs(L);
    mcr_lua_register_modules(L);
    lua_getglobal(L, "require");                 // require
    lua_pushliteral(L, "mooncrier.test_runner"); // require name
    if (!mcr_lua_pcall(L, 1, 1, true))           // runner or message
        return lua_error(L);
    lua_getfield(L, -1, "run");                                         // runner run
    push_list(L, (const char *const *)files->at, files->n);             // runner run files
    lua_pushstring(L, opt->output);                                     // … output
    push_list(L, (const char *const *)opt->filters.at, opt->filters.n); // … filters
    lua_pushboolean(L, opt->verbose > 0);                               // … verbose
    lua_pushboolean(L, opt->bless > 0);                                 // … bless
    char *shipped = mcr_install_dir("scripts");
    lua_pushstring(L, shipped); // … shipped or nil
    free(shipped);
    if (!mcr_lua_pcall(L, 6, 3, true)) // runner counts why usage
        return lua_error(L);
    return 3;
}

static int test(const mcr_usage *usage, const test_options *opt, const mcr_lua_files *files)
{
    lua_State *L = luaL_newstate();
    if (!L)
        abort();                             // out of memory
    lua_pushcfunction(L, run_specs);         // run
    lua_pushlightuserdata(L, (void *)opt);   // run opt
    lua_pushlightuserdata(L, (void *)files); // run opt files
    int exit_code = MCR_EXIT_FAILED;
    if (!mcr_lua_pcall(L, 2, 3, true)) { // counts message is-usage, or what went wrong
        fprintf(stderr, "mooncrier test: %s\n", lua_tostring(L, -1));
    } else if (lua_istable(L, -3)) {
        lua_pop(L, 2); // counts
        fflush(stdout);
        exit_code = say_counts(L, opt, files);
    } else if (lua_toboolean(L, -1)) {
        exit_code = mcr_args_usage_error(usage, "%s", lua_tostring(L, -2));
    } else {
        fprintf(stderr, "mooncrier test: %s\n", lua_tostring(L, -2));
    }
    lua_close(L);
    return mcr_printed() ? exit_code : MCR_EXIT_FAILED;
}

int mcr_cmd_test(int argc, char **argv)
{
    test_options opt = { .output = "text" };
    const mcr_flag flags[] = {
        { "filter", 0, "PATTERN", MCR_FLAG_TEXTS, &opt.filters,
          "only tests whose whole name has this Lua pattern; may be repeated" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &opt.output,
          "text (default), tap, json, junit or gtest" },
        { "bless", 0, NULL, MCR_FLAG_COUNT, &opt.bless,
          "write golden files as they are now, rather than compare" },
        MCR_FLAG_VERBOSE(&opt.verbose),
        MCR_FLAG_QUIET(&opt.quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "test",
        .synopsis = "[flags] [PATH…]",
        .about =
            "Run the specs of scripts: the files that end with _spec.lua, in the folders given, "
            "in\n"
            "the folder scripts or in the current one. They are written for busted, which must be\n"
            "installed, and have require(\"mooncrier.test\"): events, a clock and sinks that are "
            "not\n"
            "real, and scripts called as run calls them.\n"
            "\n"
            "The exit status is 0 when there were tests and all of them passed.",
        .examples = "  # All specs of the project\n"
                    "  mooncrier test\n"
                    "\n"
                    "  # Those of one script that are about deleted events\n"
                    "  mooncrier test --filter deleted scripts/handlers/crashloop_spec.lua\n"
                    "\n"
                    "  # Golden files as they should be from now on\n"
                    "  mooncrier test --bless",
        .flags = flags,
    };
    mcr_args args;
    int exit_code = MCR_EXIT_FAILED;
    mcr_lua_files files = { 0 };
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT) {
        exit_code = args.exit_code;
    } else {
        mcr_args_log_level(opt.verbose, opt.quiet);
        if (choose_specs(&files, &args))
            exit_code = test(&usage, &opt, &files);
    }
    mcr_lua_files_fini(&files);
    free(opt.filters.at);
    return exit_code;
}
