// mooncrier convert: configurations of kubernetes-event-exporter. What is made of them is decided
// in lua/mooncrier/convert.lua; here is what goes in and comes out.
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "net/small_file.h"
#include "net/yaml.h"
#include "script/state.h"

enum {
    NODES_MAX = 100000 // of a document with its aliases followed
};

typedef struct pushing {
    lua_State *L;
    const mcr_yaml *y;
    size_t left; // nodes
} pushing;

static bool push_node(pushing *p, const mcr_yaml_node *node, int depth);

// Fills the table on top with the pairs of a map: { key, value, line = of the key }.
static bool push_pairs(pushing *p, const mcr_yaml_node *map, int depth)
{
    const mcr_yaml_node *key, *value;
    for (size_t i = 0; mcr_yaml_pair(p->y, map, i, &key, &value); i++) {
        size_t len = 0;
        const char *name = mcr_yaml_text(key, &len);
        lua_createtable(p->L, 2, 1);                   // map pair
        lua_pushlstring(p->L, name ? name : "?", len); // map pair key
        lua_rawseti(p->L, -2, 1);                      // map pair
        lua_pushinteger(p->L, mcr_yaml_line(key));     // map pair line
        lua_setfield(p->L, -2, "line");                // map pair
        if (!name || !push_node(p, value, depth))      // map pair [value]
            return false;
        lua_rawseti(p->L, -2, 2);          // map pair
        lua_rawseti(p->L, -2, (int)i + 1); // map
    }
    return true;
}

// Pushes { kind = "map", "list", "text" or "null", line = …, text = …, items or pairs from 1 on }.
// False: it is too deep or too large, and something is on the stack.
static bool push_node(pushing *p, const mcr_yaml_node *node, int depth)
{
    lua_State *L = p->L;
    if (depth > MCR_YAML_DEPTH_MAX || !p->left || !lua_checkstack(L, 8))
        return false;
    p->left--;
    size_t len = 0;
    bool is_null = !node || mcr_yaml_is_null(node);
    const char *text = is_null ? NULL : mcr_yaml_text(node, &len);
    const char *kind = is_null ? "null" : text ? "text" : mcr_yaml_is_map(node) ? "map" : "list";
    lua_newtable(L);             // node
    lua_pushstring(L, kind);     // node kind
    lua_setfield(L, -2, "kind"); // node
    if (node) {
        lua_pushinteger(L, mcr_yaml_line(node)); // node line
        lua_setfield(L, -2, "line");             // node
    }
    if (text) {
        lua_pushlstring(L, text, len); // node text
        lua_setfield(L, -2, "text");   // node
        return true;
    }
    if (node && mcr_yaml_is_map(node))
        return push_pairs(p, node, depth + 1);
    const mcr_yaml_node *item;
    for (size_t i = 0; node && (item = mcr_yaml_item(p->y, node, i)); i++) {
        if (!push_node(p, item, depth + 1)) // node [item]
            return false;
        lua_rawseti(L, -2, (int)i + 1); // node
    }
    return true;
}

// Calls mooncrier.convert with the tree and the file's name: the configuration or nil, and the list
// of what there is to say, or a message.
static bool convert(lua_State *L, const mcr_yaml *y, const char *name)
{
    pushing p = { L, y, NODES_MAX };
    lua_getglobal(L, "require");             // require
    lua_pushliteral(L, "mooncrier.convert"); // require name
    if (!mcr_lua_pcall(L, 1, 1, true))       // convert or message
        return false;
    if (!push_node(&p, mcr_yaml_root(y), 0)) { // convert … node
        lua_pushliteral(L, "nested too deeply, or too large");
        return false;
    }
    lua_pushstring(L, name);             // convert node name
    return mcr_lua_pcall(L, 2, 2, true); // config notes, or message
}

// Logs what was said: { level, line, text } each, the list being on top.
static void print_notes(lua_State *L, const char *name)
{
    for (int i = 1;; i++) {
        lua_rawgeti(L, -1, i); // notes note
        if (!lua_istable(L, -1))
            break;
        lua_getfield(L, -1, "level"); // notes note level
        lua_getfield(L, -2, "line");  // notes note level line
        lua_getfield(L, -3, "text");  // notes note level line text
        mcr_log_level level = strcmp(lua_tostring(L, -3), "warn") == 0    ? MCR_LOG_WARN
                              : strcmp(lua_tostring(L, -3), "error") == 0 ? MCR_LOG_ERROR
                                                                          : MCR_LOG_INFO;
        if (lua_isnumber(L, -2))
            mcr_log(level, "%s:%d: %s", name, (int)lua_tointeger(L, -2), lua_tostring(L, -1));
        else
            mcr_log(level, "%s", lua_tostring(L, -1));
        lua_pop(L, 4); // notes
    }
    lua_pop(L, 1); // notes
}

static int print_converted(const mcr_yaml *y, const char *name)
{
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){ .watcher = "convert" });
    lua_State *L = mcr_scripts_state(s);
    int exit_code = MCR_EXIT_FAILED;
    if (!convert(L, y, name)) { // message
        mcr_log(MCR_LOG_ERROR, "%s: %s", name, lua_tostring(L, -1));
    } else { // config notes
        print_notes(L, name);
        const char *config = lua_tostring(L, -2);
        if (config)
            fputs(config, stdout);
        if (config && mcr_printed())
            exit_code = MCR_EXIT_OK;
    }
    mcr_scripts_free(s);
    return exit_code;
}

static bool read_input(const char *path, mcr_buf *text, mcr_errbuf *err)
{
    if (strcmp(path, "-") != 0) {
        int errnum = mcr_small_file_read(path, MCR_YAML_SIZE_MAX, text);
        if (errnum)
            mcr_errf(err, MCR_EIO, "%s: %s", path, mcr_small_file_error(errnum));
        return errnum == 0;
    }
    while (text->len <= MCR_YAML_SIZE_MAX) {
        ssize_t n = read(STDIN_FILENO, mcr_buf_reserve(text, 65536), 65536);
        if (n < 0) {
            mcr_errf(err, MCR_EIO, "standard input cannot be read");
            return false;
        }
        if (n == 0)
            return true;
        text->len += (size_t)n;
    }
    mcr_errf(err, MCR_EINVAL, "standard input is longer than %d bytes", MCR_YAML_SIZE_MAX);
    return false;
}

int mcr_cmd_convert(int argc, char **argv)
{
    int verbose = 0, quiet = 0;
    const mcr_flag flags[] = {
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "convert",
        .synopsis = "[flags] FILE",
        .about = "Reads a configuration of kubernetes-event-exporter (YAML, - is standard input) "
                 "and prints\n"
                 "a mooncrier.lua that routes events as it does. Standard error says, with the "
                 "line, which\n"
                 "of its rules never could match, what is otherwise here, and what has no "
                 "equivalent and\n"
                 "what to do instead. Exit code 1 when it is no such configuration.",
        .examples =
            "  mooncrier convert config.yaml >mooncrier.lua && mooncrier check\n"
            "  kubectl get configmap event-exporter-cfg -o jsonpath='{.data.config\\.yaml}' |\n"
            "    mooncrier convert -",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(verbose, quiet);
    if (args.n != 1)
        return mcr_args_usage_error(&usage, args.n ? "one FILE at a time" : "FILE is missing");
    const char *path = args.operands[0];
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
    mcr_buf text = { 0 };
    mcr_errbuf err;
    int exit_code = MCR_EXIT_FAILED;
    if (!read_input(path, &text, &err)) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    } else {
        mcr_yaml *y = mcr_yaml_read(mcr_buf_str(&text), &err);
        if (y)
            exit_code = print_converted(y, name);
        else
            mcr_log(MCR_LOG_ERROR, "%s: %s", name, err.text);
        mcr_yaml_free(y);
    }
    mcr_buf_fini(&text);
    return exit_code;
}
