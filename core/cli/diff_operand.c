#include "cli/diff_operand.h"

#include <errno.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/lua_files.h"
#include "config/install_dirs.h"
#include "rehearse/script_alone.h"

#define CONFIG_NAME "mooncrier.lua"

typedef enum kind {
    KIND_SCRIPT,
    KIND_FOLDER,
    KIND_CONFIG
} kind;

static const char *const kind_names[] = { "a script", "a folder of scripts", "a configuration" };

// What a script is, as far as its watcher must know.
typedef struct traits {
    bool has_keys;   // hooks of the correlator
    bool has_render; // a body for what is sent
} traits;

//
// Scripts
//

static bool has_hook(const mcr_scripts *s, const char *const *names, size_t n)
{
    bool has = false;
    mcr_buf owner = { 0 };
    for (size_t i = 0; i < n; i++)
        has |= mcr_scripts_owner(s, names[i], &owner);
    mcr_buf_fini(&owner);
    return has;
}

// Loads the script by itself, to see whether it is one.
static mcr_err try_script(const char *path, traits *t, mcr_errbuf *err)
{
    static const char *const keys[] = { "aggregate_key", "local_key", "spam_key",
                                        "aggregate_message" };
    static const char *const render[] = { "render" };
    char *installed = mcr_install_dir("scripts");
    mcr_scripts *s = mcr_scripts_new(&(mcr_script_options){
        .watcher = "script", .scripts_dir = installed, .clock = &mcr_clock_wall });
    lua_pushnil(mcr_scripts_state(s)); // no parameters
    mcr_err code = mcr_scripts_load(s, path, path, err);
    if (!code)
        code = mcr_scripts_init(s, mcr_clock_now(&mcr_clock_wall), err);
    if (!code)
        *t = (traits){ has_hook(s, keys, 4), has_hook(s, render, 1) };
    mcr_scripts_free(s);
    free(installed);
    return code;
}

static mcr_err read_script(mcr_generation **g, const char *path, const traits *t, mcr_errbuf *err)
{
    *g = mcr_script_alone(path, NULL, err);
    if (!*g)
        return MCR_ECONFIG;
    mcr_config_watcher *watcher = &(*g)->config->watchers[0];
    watcher->correlates = t->has_keys;
    watcher->correlate = mcr_correlator_default_options;
    return MCR_OK;
}

static mcr_diff_pair *add(mcr_diff_pairs *pairs, const char *name)
{
    pairs->at = mcr_realloc(pairs->at, (pairs->n + 1) * sizeof *pairs->at);
    mcr_diff_pair *pair = &pairs->at[pairs->n++];
    *pair = (mcr_diff_pair){ .name = name ? mcr_strdup(name) : NULL, .open_sinks = true };
    return pair;
}

// Two scripts, of which both are tried with what either needs.
static mcr_err read_scripts(mcr_diff_pairs *pairs, const char *name, const char *old,
                            const traits *a, const char *new, const traits *b, mcr_errbuf *err)
{
    const traits both = { a->has_keys || b->has_keys, a->has_render || b->has_render };
    mcr_diff_pair *pair = add(pairs, name);
    pair->bodies = both.has_render;
    mcr_err code = read_script(&pair->old, old, &both, err);
    return code ? code : read_script(&pair->new, new, &both, err);
}

//
// Folders
//

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Adds the scripts of the folder to the names, as they are called in it.
static mcr_err add_scripts(mcr_lua_files *names, const char *folder, mcr_errbuf *err)
{
    mcr_lua_files found = { 0 };
    mcr_err code = mcr_lua_files_find(&found, folder, MCR_LUA_FILES_SCRIPTS, err);
    if (found.n)
        names->at = mcr_realloc(names->at, (names->n + found.n) * sizeof *names->at);
    for (size_t i = 0; i < found.n; i++)
        names->at[names->n++] = mcr_strdup(mcr_lua_files_below(folder, found.at[i]));
    mcr_lua_files_fini(&found);
    return code;
}

// Sorted, and each once.
static void sort_names(mcr_lua_files *names)
{
    if (names->n)
        qsort(names->at, names->n, sizeof *names->at, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < names->n; i++)
        if (kept && strcmp(names->at[kept - 1], names->at[i]) == 0)
            free(names->at[i]);
        else
            names->at[kept++] = names->at[i];
    names->n = kept;
}

static char *below(const char *folder, const char *name)
{
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s%s%s", folder, ends_with(folder, "/") ? "" : "/", name);
    mcr_buf_cstr(&path);
    return path.ptr;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool have_same_text(const char *a, const char *b)
{
    mcr_file_set *files = mcr_file_set_new();
    mcr_str one, other;
    mcr_errbuf err;
    bool same = mcr_file_set_read(files, a, &one, &err) == MCR_OK &&
                mcr_file_set_read(files, b, &other, &err) == MCR_OK && mcr_str_eq(one, other);
    mcr_file_set_free(files);
    return same;
}

// A module, or a script that does nothing without parameters: nothing to compare. NULL: it is not
// there.
static void say_left_out(const char *name, const char *old, const char *new, const char *why)
{
    int len = (int)strcspn(why, "\n");
    if (!old || !new)
        mcr_log(MCR_LOG_WARN, "%s is only in %s, and left out: %.*s", name, old ? "OLD" : "NEW",
                len, why);
    else if (!have_same_text(old, new))
        mcr_log(MCR_LOG_WARN, "%s has changed, but is left out: %.*s", name, len, why);
    else
        mcr_log(MCR_LOG_INFO, "%s: left out: %.*s", name, len, why);
}

static mcr_err read_pair(mcr_diff_pairs *pairs, const char *name, const char *old, const char *new,
                         mcr_errbuf *err)
{
    traits a = { 0 }, b = { 0 };
    mcr_errbuf why[2];
    bool has_old = is_file(old), has_new = is_file(new);
    if (!has_old && !has_new)
        return mcr_errf(err, MCR_EIO, "%s: neither %s nor %s is a file", name, old, new);
    mcr_err first = has_old ? try_script(old, &a, &why[0]) : MCR_OK;
    mcr_err second = has_new ? try_script(new, &b, &why[1]) : MCR_OK;
    if ((first || !has_old) && (second || !has_new)) {
        say_left_out(name, has_old ? old : NULL, has_new ? new : NULL, why[first ? 0 : 1].text);
        return MCR_OK;
    }
    if (first || second)
        return mcr_errf(err, first ? first : second, "%s", why[first ? 0 : 1].text);
    if (has_old && has_new)
        return read_scripts(pairs, name, old, &a, new, &b, err);
    mcr_diff_pair *pair = add(pairs, name);
    return has_old ? read_script(&pair->old, old, &a, err) : read_script(&pair->new, new, &b, err);
}

static mcr_err read_folders(mcr_diff_pairs *pairs, const char *old, const char *new,
                            mcr_errbuf *err)
{
    mcr_lua_files names = { 0 };
    mcr_err code = add_scripts(&names, old, err);
    if (!code)
        code = add_scripts(&names, new, err);
    sort_names(&names);
    for (size_t i = 0; i < names.n && !code; i++) {
        char *a = below(old, names.at[i]), *b = below(new, names.at[i]);
        code = read_pair(pairs, names.at[i], a, b, err);
        free(a);
        free(b);
    }
    mcr_lua_files_fini(&names);
    if (!code && !pairs->n)
        code = mcr_errf(err, MCR_EINVAL, "there is no script to compare in %s and %s", old, new);
    return code;
}

//
// What an operand is
//

typedef struct operand {
    kind kind;
    char *path;        // of the file, or of the folder
    traits traits;     // of a script
    mcr_generation *g; // of a configuration
} operand;

static bool mentions(const char *path, const char *word)
{
    mcr_file_set *files = mcr_file_set_new();
    mcr_str text;
    mcr_errbuf err;
    bool does = mcr_file_set_read(files, path, &text, &err) == MCR_OK && text.len &&
                memmem(text.ptr, text.len, word, strlen(word));
    mcr_file_set_free(files);
    return does;
}

static mcr_err read_file(operand *o, mcr_errbuf *err)
{
    mcr_errbuf why;
    o->kind = KIND_SCRIPT;
    mcr_err as_script = try_script(o->path, &o->traits, &why);
    if (!as_script)
        return MCR_OK;
    o->g = mcr_generation_new(NULL);
    mcr_err as_config = mcr_generation_read(o->g, o->path, err);
    if (!as_config) {
        o->kind = KIND_CONFIG;
        return MCR_OK;
    }
    // It is neither; the message is about what it was meant to be.
    if (mentions(o->path, "watchers") || mentions(o->path, "sources"))
        return as_config;
    // A script that wants parameters has said so.
    return mcr_errf(err, as_script, "%.*s%s", (int)strcspn(why.text, "\n"), why.text,
                    as_script == MCR_ESCRIPT ? " (a script by itself gets no parameters: compare "
                                               "configurations that name it)"
                                             : "");
}

static mcr_err read_operand(operand *o, const char *path, mcr_errbuf *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return mcr_errf(err, MCR_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        o->path = mcr_strdup(path);
        return read_file(o, err);
    }
    char *config = below(path, CONFIG_NAME);
    if (!is_file(config)) {
        free(config);
        o->kind = KIND_FOLDER;
        o->path = mcr_strdup(path);
        return MCR_OK;
    }
    o->kind = KIND_CONFIG;
    o->path = config;
    o->g = mcr_generation_new(NULL);
    return mcr_generation_read(o->g, config, err);
}

static mcr_err pair_up(mcr_diff_pairs *pairs, operand *a, operand *b, mcr_errbuf *err)
{
    if (a->kind != b->kind)
        return mcr_errf(err, MCR_EINVAL, "%s is %s, but %s is %s: two of one kind are compared",
                        a->path, kind_names[a->kind], b->path, kind_names[b->kind]);
    if (a->kind == KIND_SCRIPT)
        return read_scripts(pairs, "", a->path, &a->traits, b->path, &b->traits, err);
    if (a->kind == KIND_FOLDER)
        return read_folders(pairs, a->path, b->path, err);
    mcr_diff_pair *pair = add(pairs, NULL);
    pair->open_sinks = false;
    pair->bodies = true;
    pair->old = a->g;
    pair->new = b->g;
    a->g = b->g = NULL;
    return MCR_OK;
}

mcr_err mcr_diff_pairs_read(mcr_diff_pairs *pairs, const char *old, const char *new,
                            mcr_errbuf *err)
{
    *pairs = (mcr_diff_pairs){ 0 };
    operand a = { 0 }, b = { 0 };
    mcr_err code = read_operand(&a, old, err);
    if (!code)
        code = read_operand(&b, new, err);
    if (!code)
        code = pair_up(pairs, &a, &b, err);
    mcr_generation_free(a.g);
    mcr_generation_free(b.g);
    free(a.path);
    free(b.path);
    return code;
}

void mcr_diff_pairs_fini(mcr_diff_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        free(pairs->at[i].name);
        mcr_generation_free(pairs->at[i].old);
        mcr_generation_free(pairs->at[i].new);
    }
    free(pairs->at);
    *pairs = (mcr_diff_pairs){ 0 };
}
