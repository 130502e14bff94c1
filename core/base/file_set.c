#include "base/file_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

typedef struct seen_file {
    char *path;
    char *text; // NULL: not there, or not readable
    size_t len;
    int failed;      // errno value: why there is no text
    bool again;      // may be read again: a regular file, or one that is not there
    bool used;       // was looked for through this set
    bool redirected; // was found elsewhere
} seen_file;

typedef struct redirection {
    char *from;
    char *to;
} redirection;

enum {
    MAX_REDIRECTIONS = 4
};

struct mcr_file_set {
    redirection redirections[MAX_REDIRECTIONS];
    size_t redirection_n;
    seen_file *files; // by path
    size_t n;
    size_t cap;
};

// The place of `path` in the order of paths, whether it is there or not.
static size_t place_of(const mcr_file_set *s, const char *path, bool *there)
{
    size_t first = 0, last = s->n;
    *there = false;
    while (first < last) {
        size_t middle = (first + last) / 2;
        int order = strcmp(s->files[middle].path, path);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

// The entry of `path`, made when there is none.
static seen_file *entry(mcr_file_set *s, const char *path)
{
    bool there;
    size_t i = place_of(s, path, &there);
    if (there)
        return &s->files[i];
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->files = mcr_realloc(s->files, s->cap * sizeof *s->files);
    }
    memmove(&s->files[i + 1], &s->files[i], (s->n - i) * sizeof *s->files);
    s->n++;
    s->files[i] = (seen_file){ .path = mcr_strdup(path) };
    return &s->files[i];
}

static void set_text(seen_file *f, mcr_str text)
{
    free(f->text);
    f->text = NULL;
    f->len = text.ptr ? text.len : 0;
    f->failed = text.ptr ? 0 : ENOENT;
    if (text.ptr) {
        f->text = mcr_alloc(f->len + 1);
        memcpy(f->text, text.ptr, f->len);
        f->text[f->len] = '\0';
    }
    f->again = true;
}

mcr_file_set *mcr_file_set_new(void)
{
    return mcr_zalloc(sizeof(mcr_file_set));
}

void mcr_file_set_free(mcr_file_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->files[i].path);
        free(s->files[i].text);
    }
    for (size_t i = 0; i < s->redirection_n; i++) {
        free(s->redirections[i].from);
        free(s->redirections[i].to);
    }
    free(s->files);
    free(s);
}

// Appends the content of the file; 0 or an errno value. What is no regular file is read only when
// it may be `waited` for.
static int read_disk(const char *path, bool waited, mcr_buf *out, bool *regular)
{
    *regular = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC | (waited ? 0 : O_NONBLOCK));
    if (fd < 0)
        return errno;
    struct stat st;
    int failed = fstat(fd, &st) < 0 ? errno : 0;
    if (!failed && S_ISDIR(st.st_mode))
        failed = EISDIR;
    *regular = failed || S_ISREG(st.st_mode);
    while (!failed && (waited || *regular)) {
        ssize_t n = read(fd, mcr_buf_reserve(out, 65536), 65536);
        if (n == 0)
            break;
        if (n > 0)
            out->len += (size_t)n;
        else if (errno != EINTR)
            failed = errno;
        if (out->len > MCR_FILE_SET_LIMIT)
            failed = EFBIG;
    }
    close(fd);
    return failed;
}

// Whether there is a file on the disk that can be read.
static bool is_there(const char *path)
{
    struct stat st;
    return access(path, R_OK) == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

// What of `path` is below the folder `from`; NULL: it is elsewhere.
static const char *below(const char *path, const char *from)
{
    size_t len = strlen(from);
    if (strcmp(from, ".") == 0)
        return path[0] == '/' ? NULL : path;
    return strncmp(path, from, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

// Where to look for `path`: the caller frees it.
static char *place_on_disk(const mcr_file_set *s, const char *path)
{
    for (size_t i = 0; i < s->redirection_n; i++) {
        const char *rest = below(path, s->redirections[i].from);
        if (!rest)
            continue;
        mcr_buf other = { 0 };
        mcr_buf_printf(&other, "%s/%s", s->redirections[i].to, rest);
        char *found = is_there(mcr_buf_cstr(&other)) ? mcr_strdup(other.ptr) : NULL;
        mcr_buf_fini(&other);
        if (found)
            return found;
    }
    return mcr_strdup(path);
}

mcr_err mcr_file_set_read(mcr_file_set *s, const char *path, mcr_str *text, mcr_errbuf *err)
{
    bool there;
    size_t i = place_of(s, path, &there);
    seen_file *f = there ? &s->files[i] : entry(s, path);
    if (!there) {
        mcr_buf content = { 0 };
        bool regular;
        char *place = place_on_disk(s, path);
        int failed = read_disk(place, true, &content, &regular);
        bool redirected = !failed && strcmp(place, path) != 0;
        free(place);
        mcr_buf_cstr(&content);
        set_text(f, failed ? (mcr_str){ 0 } : mcr_str_n(content.ptr, content.len));
        f->failed = failed;
        f->again = regular;
        f->redirected = redirected;
        mcr_buf_fini(&content);
    }
    f->used = true;
    if (!f->text)
        return mcr_errf(err, MCR_EIO, "%s: %s", path,
                        f->failed == EFBIG ? "is longer than 16 MiB" : strerror(f->failed));
    *text = mcr_str_n(f->text, f->len);
    return MCR_OK;
}

bool mcr_file_set_has(mcr_file_set *s, const char *path)
{
    bool there;
    size_t i = place_of(s, path, &there);
    if (there) {
        s->files[i].used = true;
        return s->files[i].text != NULL;
    }
    char *place = place_on_disk(s, path);
    bool has = is_there(place);
    free(place);
    if (has)
        return true;
    seen_file *f = entry(s, path);
    set_text(f, (mcr_str){ 0 });
    f->used = true;
    return false;
}

static void add(mcr_file_set *s, const mcr_file_set *other, bool used_only)
{
    for (size_t i = 0; i < other->n; i++) {
        const seen_file *theirs = &other->files[i];
        bool there;
        place_of(s, theirs->path, &there);
        if (there || (used_only && !theirs->used))
            continue;
        seen_file *f = entry(s, theirs->path);
        set_text(f, theirs->text ? mcr_str_n(theirs->text, theirs->len) : (mcr_str){ 0 });
        f->failed = theirs->failed;
        f->again = theirs->again;
        f->redirected = theirs->redirected;
    }
}

void mcr_file_set_add(mcr_file_set *s, const mcr_file_set *other)
{
    add(s, other, false);
}

void mcr_file_set_add_used(mcr_file_set *s, const mcr_file_set *other)
{
    add(s, other, true);
}

bool mcr_file_set_agrees(const mcr_file_set *s, const mcr_file_set *other)
{
    for (size_t i = 0; i < s->n; i++) {
        const seen_file *f = &s->files[i];
        bool there;
        size_t k = place_of(other, f->path, &there);
        if (!there)
            continue;
        const seen_file *g = &other->files[k];
        if (!f->text != !g->text || f->len != g->len ||
            (f->text && memcmp(f->text, g->text, f->len) != 0))
            return false;
    }
    return true;
}

void mcr_file_set_put(mcr_file_set *s, const char *path, mcr_str text)
{
    set_text(entry(s, path), text);
}

static bool is_current(const seen_file *f)
{
    if (!f->again)
        return true;
    if (f->failed == ENOENT)
        return !is_there(f->path);
    mcr_buf now = { 0 };
    bool regular;
    int failed = read_disk(f->path, false, &now, &regular);
    bool same = failed == f->failed && regular &&
                (failed || mcr_str_eq(mcr_buf_str(&now), mcr_str_n(f->text, f->len)));
    mcr_buf_fini(&now);
    return same;
}

bool mcr_file_set_is_current(const mcr_file_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!is_current(&s->files[i]))
            return false;
    return true;
}

void mcr_file_set_each(const mcr_file_set *s, bool absent,
                       void (*each)(void *arg, const char *path, mcr_str text), void *arg)
{
    for (size_t i = 0; i < s->n; i++) {
        const seen_file *f = &s->files[i];
        if (f->text)
            each(arg, f->path, mcr_str_n(f->text, f->len));
        else if (absent)
            each(arg, f->path, (mcr_str){ 0 });
    }
}

mcr_str mcr_file_set_find(const mcr_file_set *s, const char *path)
{
    bool there;
    size_t i = place_of(s, path, &there);
    return there && s->files[i].text ? mcr_str_n(s->files[i].text, s->files[i].len)
                                     : (mcr_str){ 0 };
}

void mcr_file_set_redirect(mcr_file_set *s, const char *from, const char *to)
{
    if (s->redirection_n < MAX_REDIRECTIONS)
        s->redirections[s->redirection_n++] = (redirection){ mcr_strdup(from), mcr_strdup(to) };
}

size_t mcr_file_set_redirected(const mcr_file_set *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->files[i].redirected;
    return n;
}

mcr_file_set *mcr_file_set_renewed(const mcr_file_set *s)
{
    mcr_file_set *now = mcr_file_set_new();
    for (size_t i = 0; i < s->n; i++) {
        mcr_str text;
        if (mcr_file_set_has(now, s->files[i].path) && s->files[i].again)
            mcr_file_set_read(now, s->files[i].path, &text, NULL);
    }
    return now;
}

void mcr_file_set_follow(mcr_file_set *s, const mcr_file_set *other)
{
    add(s, other, false);
    for (size_t i = 0; i < other->redirection_n; i++)
        mcr_file_set_redirect(s, other->redirections[i].from, other->redirections[i].to);
}
