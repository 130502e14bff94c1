#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "config/install_dirs.h"
#include "script/embedded.h"

// The files of examples/project, and of lua/meta (core/cli/CMakeLists.txt).
extern const mcr_embedded mcr_project_files[];
extern const mcr_embedded mcr_stub_files[];

// Where the stubs are seen from examples/project; replaced by where they are seen from the project.
static const char stubs_of_tree[] = "../../lua/meta";

// … when they are not installed with the program: a copy of them.
static const char stubs_copied[] = ".mooncrier/meta";

// One file of the new project.
typedef struct new_file {
    char *path;
    mcr_buf text;
} new_file;

typedef struct project {
    const char *dir;
    new_file *files;
    size_t n;
} project;

static void add_file(project *p, const char *folder, const char *name, const char *text, size_t len)
{
    p->files = mcr_realloc(p->files, (p->n + 1) * sizeof *p->files);
    new_file *file = &p->files[p->n++];
    *file = (new_file){ 0 };
    mcr_buf path = { 0 };
    if (strcmp(p->dir, ".") != 0)
        mcr_buf_printf(&path, "%s/", p->dir);
    mcr_buf_printf(&path, "%s%s%s", folder, *folder ? "/" : "", name);
    file->path = mcr_strdup(mcr_buf_cstr(&path));
    mcr_buf_fini(&path);
    mcr_buf_append(&file->text, text, len);
}

// Replaces the first `old` in the text by `new`; texts without it stay.
static void replace(mcr_buf *text, const char *old, const char *new)
{
    const char *begin = mcr_buf_cstr(text), *found = strstr(begin, old);
    if (!found)
        return;
    mcr_buf changed = { 0 };
    mcr_buf_append(&changed, begin, (size_t)(found - begin));
    mcr_buf_puts(&changed, new);
    mcr_buf_puts(&changed, found + strlen(old));
    mcr_buf_fini(text);
    *text = changed;
}

static void plan(project *p)
{
    char *installed = mcr_install_dir("meta");
    for (const mcr_embedded *file = mcr_project_files; file->name; file++) {
        add_file(p, "", file->name, file->text, file->len);
        if (strcmp(file->name, ".luarc.json") == 0)
            replace(&p->files[p->n - 1].text, stubs_of_tree, installed ? installed : stubs_copied);
    }
    if (!installed)
        for (const mcr_embedded *file = mcr_stub_files; file->name; file++)
            add_file(p, stubs_copied, file->name, file->text, file->len);
    free(installed);
}

static void project_fini(project *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->files[i].path);
        mcr_buf_fini(&p->files[i].text);
    }
    free(p->files);
}

// Names the files that are there already; true when there are any.
static bool says_what_is_there(const project *p)
{
    struct stat st;
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        if (lstat(p->files[i].path, &st) != 0)
            continue;
        fprintf(stderr, "mooncrier init: %s is there already\n", p->files[i].path);
        any = true;
    }
    if (any)
        fputs("mooncrier init: nothing was written; give it another folder\n", stderr);
    return any;
}

// Makes the folders that `path` is in.
static bool make_folders(const char *path)
{
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static bool write_all(int fd, mcr_str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text = mcr_str_n(text.ptr + n, text.len - (size_t)n);
    }
    return true;
}

static bool write_file(const new_file *file)
{
    int fd = make_folders(file->path)
                 ? open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)
                 : -1;
    bool ok = fd >= 0 && write_all(fd, mcr_buf_str(&file->text));
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (!ok)
        fprintf(stderr, "mooncrier init: %s: %s\n", file->path, strerror(why));
    return ok;
}

static int write_project(const project *p, bool quiet)
{
    for (size_t i = 0; i < p->n; i++)
        if (!write_file(&p->files[i]))
            return MCR_EXIT_FAILED;
    if (quiet)
        return MCR_EXIT_OK;
    for (size_t i = 0; i < p->n; i++)
        if (!strstr(p->files[i].path, stubs_copied))
            printf("  %s\n", p->files[i].path);
    printf("\nNext:\n");
    if (strcmp(p->dir, ".") != 0)
        printf("  cd %s\n", p->dir);
    printf("  mooncrier run      # the sample events through scripts/urgent.lua\n"
           "  mooncrier check    # what would run, or what is wrong\n"
           "  mooncrier test     # scripts/urgent_spec.lua\n"
           "Then change scripts/urgent.lua. 'mooncrier scripts' lists scripts that are ready to "
           "use.\n");
    return mcr_printed() ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

int mcr_cmd_init(int argc, char **argv)
{
    int quiet = 0;
    const mcr_flag flags[] = {
        { "quiet", 'q', NULL, MCR_FLAG_COUNT, &quiet, "do not say what was written" },
        { 0 },
    };
    const mcr_usage usage = {
        .command = "init",
        .synopsis = "[flags] [FOLDER]",
        .about = "Write a project to begin with: a configuration, a handler with its spec, sample "
                 "events,\n"
                 "and settings for luacheck and for the Lua language server. It runs as it is. "
                 "Nothing is\n"
                 "overwritten: when one of the files is there, none is written.",
        .examples = "  # In a new folder\n"
                    "  mooncrier init crier && cd crier && mooncrier run && mooncrier test",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n > 1)
        return mcr_args_usage_error(&usage, "one folder, not '%s' as well", args.operands[1]);
    char *dir = mcr_strdup(args.n ? args.operands[0] : ".");
    for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
        dir[len - 1] = '\0';
    project p = { .dir = dir };
    plan(&p);
    int exit_code = says_what_is_there(&p) ? MCR_EXIT_FAILED : write_project(&p, quiet > 0);
    project_fini(&p);
    free(dir);
    return exit_code;
}
