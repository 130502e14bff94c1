#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/suggest.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/lua_files.h"
#include "cli/print.h"
#include "cli/script_header.h"
#include "config/install_dirs.h"
#include "net/small_file.h"
#include "sink/table.h"

enum {
    SCRIPT_LIMIT = 16 << 20
};

// One script, read.
typedef struct script {
    const char *path;
    const char *name; // as a configuration names it: its path from the folder on
    mcr_buf text;
    mcr_script_header header;
} script;

typedef struct catalogue {
    char *dir;
    bool nearby; // the folder is only what stands here: none are installed with the program
    mcr_lua_files files;
    script *scripts;
    size_t n;
} catalogue;

// Where the scripts are: the folder given, else those installed with the program, else ./scripts.
static char *find_dir(const char *given, bool *nearby)
{
    char *installed = given ? NULL : mcr_install_dir("scripts");
    *nearby = !given && !installed;
    return installed ? installed : mcr_strdup(given ? given : "scripts");
}

static bool fail(const char *path, const char *why)
{
    fprintf(stderr, "mooncrier scripts: %s: %s\n", path, why);
    return false;
}

static bool read_script(script *s, const char *path, const char *name)
{
    *s = (script){ .path = path, .name = name };
    int why = mcr_small_file_read(path, SCRIPT_LIMIT, &s->text);
    if (why)
        return fail(path, mcr_small_file_error(why));
    mcr_script_header_read(&s->header, mcr_buf_str(&s->text));
    return true;
}

static bool open_catalogue(catalogue *c, const char *given)
{
    mcr_errbuf err = { "" };
    *c = (catalogue){ 0 };
    c->dir = find_dir(given, &c->nearby);
    if (!given && access(c->dir, R_OK | X_OK) != 0) {
        fputs("mooncrier scripts: no scripts are installed with this program; --dir FOLDER says "
              "where they are\n",
              stderr);
        return false;
    }
    if (mcr_lua_files_find(&c->files, c->dir, MCR_LUA_FILES_SCRIPTS, &err)) {
        fprintf(stderr, "mooncrier scripts: %s\n", err.text);
        return false;
    }
    c->scripts = mcr_zalloc((c->files.n + 1) * sizeof *c->scripts);
    const char *plain = strncmp(c->dir, "./", 2) == 0 ? c->dir + 2 : c->dir;
    size_t len = strcmp(plain, ".") == 0 ? 0 : strlen(plain);
    for (size_t i = 0; i < c->files.n; i++) {
        const char *name = c->files.at[i] + (strlen(c->files.at[i]) > len ? len : 0);
        while (*name == '/' && len)
            name++;
        if (!read_script(&c->scripts[c->n++], c->files.at[i], name))
            return false;
    }
    return true;
}

static void close_catalogue(catalogue *c)
{
    for (size_t i = 0; i < c->n; i++) {
        mcr_script_header_fini(&c->scripts[i].header);
        mcr_buf_fini(&c->scripts[i].text);
    }
    free(c->scripts);
    mcr_lua_files_fini(&c->files);
    free(c->dir);
}

// Whether `asked` is the script's name, or the end of it, with or without ".lua".
static bool is_called(const script *s, const char *asked)
{
    size_t len = strlen(s->name), asked_len = strlen(asked);
    bool with_end = asked_len > 4 && strcmp(asked + asked_len - 4, ".lua") == 0;
    size_t name_len = with_end ? len : len - 4;
    if (asked_len > name_len || memcmp(s->name + name_len - asked_len, asked, asked_len) != 0)
        return false;
    return asked_len == name_len || s->name[name_len - asked_len - 1] == '/';
}

// What a script is called in short: the last part of its name, without ".lua".
static mcr_str short_name(const script *s)
{
    const char *slash = strrchr(s->name, '/'), *last = slash ? slash + 1 : s->name;
    size_t len = strlen(last);
    return mcr_str_n(last, len > 4 ? len - 4 : len);
}

static void say_there_is_none(const catalogue *c, const char *asked)
{
    const char **names = mcr_zalloc((c->n * 2 + 1) * sizeof *names);
    char **copies = mcr_zalloc((c->n + 1) * sizeof *copies);
    for (size_t i = 0; i < c->n; i++) {
        mcr_str name = short_name(&c->scripts[i]);
        names[2 * i] = c->scripts[i].name;
        names[2 * i + 1] = copies[i] = mcr_strndup(name.ptr, name.len);
    }
    const char *meant = mcr_suggest(asked, names, 2 * c->n);
    fprintf(stderr, "mooncrier scripts: there is no script '%s' in %s", asked, c->dir);
    if (meant)
        fprintf(stderr, "; did you mean '%s'?", meant);
    else if (c->nearby)
        fputs(", and none are installed with this program; --dir FOLDER says where they are",
              stderr);
    fputs("\n", stderr);
    for (size_t i = 0; i < c->n; i++)
        free(copies[i]);
    free(copies);
    free(names);
}

// The one script called `asked`; NULL: there is none or there are several, said so.
static const script *find_script(const catalogue *c, const char *asked)
{
    const script *found = NULL;
    bool several = false;
    for (size_t i = 0; i < c->n; i++) {
        const script *s = &c->scripts[i];
        if (!is_called(s, asked))
            continue;
        if (several)
            fprintf(stderr, " or %s", s->name);
        else if (found)
            fprintf(stderr, "mooncrier scripts: '%s' can be %s or %s", asked, found->name, s->name);
        several = found != NULL;
        found = found ? found : s;
    }
    if (several)
        fputs("\n", stderr);
    else if (!found)
        say_there_is_none(c, asked);
    return several ? NULL : found;
}

static void write_list(mcr_buf *out, const catalogue *c)
{
    static const char *const titles[] = { "NAME", "WHAT IT DOES" };
    mcr_table *table = mcr_table_new(titles, 2);
    for (size_t i = 0; i < c->n; i++) {
        mcr_table_cell(table, mcr_str_of(c->scripts[i].name));
        mcr_table_cell(table, mcr_buf_str(&c->scripts[i].header.summary));
        mcr_table_end_row(table, out);
    }
    mcr_table_flush(table, out);
    mcr_table_free(table);
}

static void write_params(mcr_buf *out, const mcr_script_header *h)
{
    static const char *const titles[] = { "PARAMETER", "KIND", "DEFAULT", "WHAT IT IS" };
    mcr_table *table = mcr_table_new(titles, 4);
    for (size_t i = 0; i < h->params_n; i++) {
        const mcr_script_param *param = &h->params[i];
        mcr_table_cell(table, param->name);
        mcr_table_cell(table, param->kind);
        mcr_table_cell(table, param->default_text);
        mcr_table_cell(table, param->doc);
        mcr_table_end_row(table, out);
    }
    mcr_table_flush(table, out);
    mcr_table_free(table);
}

static void write_one(mcr_buf *out, const script *s)
{
    mcr_buf_printf(out, "%s (%s)\n\n", s->name, s->path);
    mcr_buf_add(out, mcr_buf_str(&s->header.about));
    if (s->header.params_n) {
        mcr_buf_putc(out, '\n');
        write_params(out, &s->header);
    }
    if (s->header.notes.len) {
        mcr_buf_putc(out, '\n');
        mcr_buf_add(out, mcr_buf_str(&s->header.notes));
    }
}

static void add_text(cJSON *object, const char *name, mcr_str text)
{
    mcr_buf copy = { 0 };
    mcr_buf_add(&copy, text);
    cJSON_AddStringToObject(object, name, mcr_buf_cstr(&copy));
    mcr_buf_fini(&copy);
}

static cJSON *json_of(const script *s)
{
    cJSON *object = cJSON_CreateObject();
    const char *slash = strchr(s->name, '/');
    cJSON_AddStringToObject(object, "name", s->name);
    add_text(object, "folder", mcr_str_n(s->name, slash ? (size_t)(slash - s->name) : 0));
    cJSON_AddStringToObject(object, "path", s->path);
    add_text(object, "summary", mcr_buf_str(&s->header.summary));
    add_text(object, "about", mcr_buf_str(&s->header.about));
    cJSON *params = cJSON_AddArrayToObject(object, "parameters");
    for (size_t i = 0; i < s->header.params_n; i++) {
        const mcr_script_param *param = &s->header.params[i];
        cJSON *one = cJSON_CreateObject();
        add_text(one, "name", param->name);
        add_text(one, "kind", param->kind);
        add_text(one, "default", param->default_text);
        add_text(one, "about", param->doc);
        cJSON_AddItemToArray(params, one);
    }
    add_text(object, "notes", mcr_buf_str(&s->header.notes));
    return object;
}

static void write_json(mcr_buf *out, const catalogue *c, const script *one)
{
    cJSON *whole = one ? json_of(one) : cJSON_CreateArray();
    for (size_t i = 0; !one && i < c->n; i++)
        cJSON_AddItemToArray(whole, json_of(&c->scripts[i]));
    char *text = cJSON_Print(whole);
    if (!text)
        abort(); // out of memory
    mcr_buf_puts(out, text);
    mcr_buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(whole);
}

static int print(const catalogue *c, const char *asked, bool json)
{
    const script *one = asked ? find_script(c, asked) : NULL;
    if (asked && !one)
        return MCR_EXIT_FAILED;
    mcr_buf out = { 0 };
    if (json)
        write_json(&out, c, one);
    else if (one)
        write_one(&out, one);
    else
        write_list(&out, c);
    bool written = mcr_print(&out);
    mcr_buf_fini(&out);
    return written ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

int mcr_cmd_scripts(int argc, char **argv)
{
    const char *output = "text", *dir = NULL;
    const mcr_flag flags[] = {
        { "dir", 0, "FOLDER", MCR_FLAG_TEXT, &dir,
          "the scripts of this folder, rather than those installed" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &output, "text (default) or json" },
        { 0 },
    };
    const mcr_usage usage = {
        .command = "scripts",
        .synopsis = "[flags] [NAME]",
        .about = "List the scripts that come with mooncrier, each with what it does. With a name, "
                 "print\n"
                 "all that its header says: what it does, its parameters, and how it stands in a\n"
                 "configuration. A configuration names them as they are listed.",
        .examples = "  # What there is\n"
                    "  mooncrier scripts\n"
                    "\n"
                    "  # One of them\n"
                    "  mooncrier scripts crashloop",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n > 1)
        return mcr_args_usage_error(&usage, "one name, not '%s' as well", args.operands[1]);
    bool json = strcmp(output, "json") == 0;
    if (!json && strcmp(output, "text") != 0)
        return mcr_args_usage_error(&usage, "--output must be text or json, not '%s'", output);
    catalogue c;
    int exit_code = MCR_EXIT_FAILED;
    if (open_catalogue(&c, dir))
        exit_code = print(&c, args.n ? args.operands[0] : NULL, json);
    close_catalogue(&c);
    return exit_code;
}
