#include "daemon/last_good.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/own_folder.h"
#include "event/encode.h"
#include "net/small_file.h"

enum {
    VERSION = 1,
    INDEX_MAX = 16 << 20 // bytes
};

// What is to be written.
typedef struct kept {
    mcr_file_set *files;
    char *config_path;
    char hash[17];
} kept;

struct mcr_last_good {
    char *folder; // state_dir
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    kept next; // files NULL: nothing waits
    bool ends;
};

static void kept_fini(kept *k)
{
    mcr_file_set_free(k->files);
    free(k->config_path);
    *k = (kept){ 0 };
}

//
// Writing
//

typedef struct writing {
    const char *folder; // of the new set
    mcr_buf index;
    uint32_t n;
    mcr_errbuf *err;
    mcr_err code;
} writing;

static mcr_err write_whole(const char *folder, const char *name, mcr_str text, mcr_errbuf *err)
{
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/%s", folder, name);
    int fd = open(mcr_buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0;
    for (size_t done = 0; written && done < text.len;) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);
        written = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    written = written && fsync(fd) == 0;
    mcr_err code =
        written ? MCR_OK : mcr_errf(err, MCR_EIO, "cannot write %s: %s", path.ptr, strerror(errno));
    if (fd >= 0)
        close(fd);
    mcr_buf_fini(&path);
    return code;
}

static void write_file(void *arg, const char *path, mcr_str text)
{
    writing *w = arg;
    mcr_buf_puts(&w->index, w->index.ptr[w->index.len - 1] == '[' ? "{\"path\":" : ",{\"path\":");
    mcr_json_string(&w->index, mcr_str_of(path));
    if (!text.ptr) {
        mcr_buf_puts(&w->index, ",\"absent\":true}");
        return;
    }
    const char *slash = strrchr(path, '/');
    mcr_buf name = { 0 };
    mcr_buf_printf(&name, "%u-%s", ++w->n, slash ? slash + 1 : path);
    mcr_buf_puts(&w->index, ",\"file\":");
    mcr_json_string(&w->index, mcr_str_of(mcr_buf_cstr(&name)));
    mcr_buf_putc(&w->index, '}');
    if (!w->code)
        w->code = write_whole(w->folder, name.ptr, text, w->err);
    mcr_buf_fini(&name);
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(path);
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced;
}

static void add_folder(mcr_buf *out)
{
    char here[PATH_MAX];
    mcr_json_string(out, mcr_str_of(getcwd(here, sizeof here) ? here : ""));
}

static mcr_err write_set(const char *folder, const kept *k, mcr_errbuf *err)
{
    writing w = { .folder = folder, .err = err };
    if (mkdir(folder, 0700) < 0)
        return mcr_errf(err, MCR_EIO, "cannot make %s: %s", folder, strerror(errno));
    mcr_buf_printf(&w.index, "{\"mooncrier\":%d,\"hash\":\"%s\",\"config\":", VERSION, k->hash);
    mcr_json_string(&w.index, mcr_str_of(k->config_path));
    mcr_buf_puts(&w.index, ",\"cwd\":");
    add_folder(&w.index);
    mcr_buf_puts(&w.index, ",\"files\":[");
    mcr_file_set_each(k->files, true, write_file, &w);
    mcr_buf_puts(&w.index, "]}\n");
    if (!w.code)
        w.code = write_whole(folder, "index.json", mcr_buf_str(&w.index), err);
    if (!w.code && !sync_folder(folder))
        w.code = mcr_errf(err, MCR_EIO, "cannot sync %s: %s", folder, strerror(errno));
    mcr_buf_fini(&w.index);
    return w.code;
}

// Puts `fresh` in the place of `path`; the old one is then at `fresh`. Where the file system cannot
// exchange, there is neither for a moment, and `fresh` is looked for as well.
static bool exchange(const char *fresh, const char *path, const char *aside)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
        return true;
    if (errno != ENOENT && rename(path, aside) < 0)
        return false;
    return rename(fresh, path) == 0;
}

static mcr_err keep(const char *state_dir, const kept *k, mcr_errbuf *err)
{
    mcr_buf fresh = { 0 }, path = { 0 }, aside = { 0 };
    mcr_buf_printf(&fresh, "%s/last_good.new", state_dir);
    mcr_buf_printf(&path, "%s/last_good", state_dir);
    mcr_buf_printf(&aside, "%s/last_good.old", state_dir);
    remove_folder(mcr_buf_cstr(&fresh));
    remove_folder(mcr_buf_cstr(&aside));
    mcr_err code = write_set(fresh.ptr, k, err);
    if (!code && !exchange(fresh.ptr, mcr_buf_cstr(&path), mcr_buf_cstr(&aside)))
        code = mcr_errf(err, MCR_EIO, "cannot put %s in its place: %s", fresh.ptr, strerror(errno));
    if (!code) {
        sync_folder(state_dir);
        remove_folder(mcr_buf_cstr(&aside));
    }
    remove_folder(fresh.ptr);
    mcr_buf_fini(&fresh);
    mcr_buf_fini(&path);
    mcr_buf_fini(&aside);
    return code;
}

static void *work(void *arg)
{
    mcr_last_good *k = arg;
    pthread_mutex_lock(&k->lock);
    for (;;) {
        while (!k->next.files && !k->ends)
            pthread_cond_wait(&k->change, &k->lock);
        if (!k->next.files)
            break;
        kept now = k->next;
        k->next = (kept){ 0 };
        pthread_mutex_unlock(&k->lock);
        mcr_errbuf err;
        if (keep(k->folder, &now, &err))
            mcr_log(MCR_LOG_ERROR, "the files that run now are not kept for the next start: %s",
                    err.text);
        kept_fini(&now);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

mcr_last_good *mcr_last_good_new(const char *state_dir, mcr_errbuf *err)
{
    if (mcr_own_folder_make(state_dir, err))
        return NULL;
    mcr_last_good *k = mcr_zalloc(sizeof *k);
    k->folder = mcr_strdup(state_dir);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->change, NULL);
    if (pthread_create(&k->thread, NULL, work, k) == 0) {
        pthread_setname_np(k->thread, "last-good");
        return k;
    }
    mcr_errf(err, MCR_EIO, "the system gives no thread to keep the last good set with");
    free(k->folder);
    free(k);
    return NULL;
}

void mcr_last_good_keep(mcr_last_good *k, const mcr_generation *g)
{
    kept next = { .files = mcr_file_set_new(), .config_path = mcr_strdup(g->config->path) };
    mcr_file_set_add(next.files, g->files);
    snprintf(next.hash, sizeof next.hash, "%s", g->hash);
    pthread_mutex_lock(&k->lock);
    kept_fini(&k->next);
    k->next = next;
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->lock);
}

void mcr_last_good_free(mcr_last_good *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->ends = true;
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->change);
    pthread_mutex_destroy(&k->lock);
    free(k->folder);
    free(k);
}

//
// Reading
//

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static cJSON *read_index(const char *folder, mcr_errbuf *err)
{
    mcr_buf path = { 0 }, text = { 0 };
    mcr_buf_printf(&path, "%s/index.json", folder);
    int why = mcr_small_file_read(mcr_buf_cstr(&path), INDEX_MAX, &text);
    cJSON *index = why ? NULL : cJSON_ParseWithLength(text.ptr, text.len);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(index, "mooncrier");
    if (why) {
        mcr_errf(err, MCR_EIO, "%s: %s", path.ptr, mcr_small_file_error(why));
    } else if (!cJSON_IsNumber(version) || version->valuedouble != VERSION) {
        mcr_errf(err, MCR_EIO, "%s is damaged, or of another version", path.ptr);
        cJSON_Delete(index);
        index = NULL;
    }
    mcr_buf_fini(&path);
    mcr_buf_fini(&text);
    return index;
}

// A path that is not absolute means the same from the same folder only.
static bool is_of(const cJSON *index, const char *config_path)
{
    char here[PATH_MAX];
    return strcmp(text_of(index, "config"), config_path) == 0 &&
           (config_path[0] == '/' ||
            (getcwd(here, sizeof here) && strcmp(text_of(index, "cwd"), here) == 0));
}

static mcr_err read_files(const char *folder, const cJSON *index, mcr_file_set *set,
                          mcr_errbuf *err)
{
    const cJSON *file;
    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(index, "files"))
    {
        const char *name = text_of(file, "file");
        if (!*name) {
            mcr_file_set_put(set, text_of(file, "path"), (mcr_str){ 0 });
            continue;
        }
        mcr_buf path = { 0 }, text = { 0 };
        mcr_buf_printf(&path, "%s/%s", folder, name);
        int why = strchr(name, '/')
                      ? EINVAL
                      : mcr_small_file_read(mcr_buf_cstr(&path), MCR_FILE_SET_LIMIT, &text);
        mcr_buf_cstr(&text);
        if (!why)
            mcr_file_set_put(set, text_of(file, "path"), mcr_buf_str(&text));
        else
            mcr_errf(err, MCR_EIO, "%s: %s", path.ptr, mcr_small_file_error(why));
        mcr_buf_fini(&path);
        mcr_buf_fini(&text);
        if (why)
            return MCR_EIO;
    }
    return MCR_OK;
}

static mcr_file_set *load(const char *folder, const char *config_path, char *hash, mcr_errbuf *err)
{
    cJSON *index = read_index(folder, err);
    if (!index)
        return NULL;
    mcr_file_set *set = mcr_file_set_new();
    mcr_err code = MCR_OK;
    if (!is_of(index, config_path))
        code = mcr_errf(err, MCR_EINVAL, "%s is that of another configuration, %s in %s", folder,
                        text_of(index, "config"), text_of(index, "cwd"));
    if (!code)
        code = read_files(folder, index, set, err);
    snprintf(hash, 17, "%s", text_of(index, "hash"));
    cJSON_Delete(index);
    if (!code)
        return set;
    mcr_file_set_free(set);
    return NULL;
}

mcr_file_set *mcr_last_good_load(const char *state_dir, const char *config_path, char *hash,
                                 mcr_errbuf *err)
{
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/last_good", state_dir);
    mcr_file_set *set = load(mcr_buf_cstr(&path), config_path, hash, err);
    if (!set && access(path.ptr, F_OK) != 0) { // a crash in the middle of an exchange
        mcr_errbuf ignored;
        mcr_buf_puts(&path, ".new");
        set = load(mcr_buf_cstr(&path), config_path, hash, &ignored);
    }
    mcr_buf_fini(&path);
    return set;
}
