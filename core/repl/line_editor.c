#include "repl/line_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/log.h"

enum {
    REMEMBERED = 1000, // lines
    MAX_SHOWN = 200    // words that one Tab shows
};

struct mcr_line_editor {
    EditLine *el;
    History *history;
    char *path; // of the history; NULL: none
    const char *prompt;
    mcr_completer *complete;
    void *arg;
    int wake[2]; // a pipe: what mcr_line_editor_wake writes to
};

static mcr_line_editor *editor_of(EditLine *el)
{
    void *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *give_prompt(EditLine *el)
{
    return (char *)(uintptr_t)editor_of(el)->prompt;
}

// A character of what is typed. -1 with EINTR when the line is to be given up; 0 at the end.
static int get_character(EditLine *el, wchar_t *character)
{
    mcr_line_editor *e = editor_of(el);
    mbstate_t state = { 0 };
    for (;;) {
        struct pollfd fds[2] = { { STDIN_FILENO, POLLIN, 0 }, { e->wake[0], POLLIN, 0 } };
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        char byte;
        if (fds[1].revents) {
            while (read(e->wake[0], &byte, 1) == 1)
                continue;
            errno = EINTR;
            return -1;
        }
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return (int)n;
        size_t len = mbrtowc(character, &byte, 1, &state);
        if (len == (size_t)-2)
            continue; // more bytes belong to it
        if (len == (size_t)-1) {
            memset(&state, 0, sizeof state); // not of this locale: left out
            continue;
        }
        return 1;
    }
}

// Shows the words below the line, in columns.
static void show_words(const mcr_buf *words, size_t n, size_t longest)
{
    size_t columns = 80 / (longest + 2) ? 80 / (longest + 2) : 1;
    size_t shown = 0;
    putchar('\n');
    for (const char *at = words->ptr; at < words->ptr + words->len && shown < MAX_SHOWN;) {
        const char *end = memchr(at, '\n', (size_t)(words->ptr + words->len - at));
        bool last = ++shown % columns == 0 || shown == n || shown == MAX_SHOWN;
        printf("%-*.*s%s", last ? 0 : (int)longest + 2, (int)(end - at), at, last ? "\n" : "");
        at = end + 1;
    }
    if (n > shown)
        printf("… and %zu more\n", n - shown);
    fflush(stdout);
}

// Tab.
static unsigned char complete(EditLine *el, int character)
{
    (void)character;
    mcr_line_editor *e = editor_of(el);
    const LineInfo *line = el_line(el);
    mcr_str before = mcr_str_n(line->buffer, (size_t)(line->cursor - line->buffer));
    mcr_buf words = { 0 };
    bool closed = false;
    size_t stays = e->complete(e->arg, before, &words, &closed);
    size_t n = 0, longest = 0, common = 0;
    for (const char *at = words.ptr; at < words.ptr + words.len; n++) {
        size_t len = (size_t)((char *)memchr(at, '\n', SIZE_MAX / 2) - at);
        if (n == 0)
            common = len;
        for (size_t i = 0; i < common; i++)
            if (i >= len || at[i] != words.ptr[i])
                common = i;
        longest = len > longest ? len : longest;
        at += len + 1;
    }
    size_t typed = before.len - stays;
    unsigned char result = CC_REFRESH_BEEP;
    if (n && (common > typed || n == 1)) {
        mcr_buf insert = { 0 };
        mcr_buf_append(&insert, words.ptr + typed, common - typed);
        if (n == 1 && closed)
            mcr_buf_putc(&insert, ' ');
        mcr_buf_putc(&insert, '\0');
        el_insertstr(el, insert.ptr);
        mcr_buf_fini(&insert);
        result = CC_REFRESH;
    } else if (n > 1) {
        show_words(&words, n, longest);
        result = CC_REDISPLAY;
    }
    mcr_buf_fini(&words);
    return result;
}

// What is typed is in UTF-8, as are events, even where nobody has set a locale.
static void set_locale(void)
{
    if (setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
        return;
    setlocale(LC_CTYPE, "C.UTF-8");
}

static void open_history(mcr_line_editor *e)
{
    HistEvent event;
    e->history = history_init();
    history(e->history, &event, H_SETSIZE, REMEMBERED);
    history(e->history, &event, H_SETUNIQUE, 1);
    if (!e->path)
        return;
    // Made here, so that it is nobody else's to read from the beginning.
    int fd = open(e->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        mcr_log(MCR_LOG_WARN, "%s: what is typed is not remembered: %s", e->path, strerror(errno));
        free(e->path);
        e->path = NULL;
    } else {
        history(e->history, &event, H_LOAD, e->path); // fails on an empty one
    }
    if (fd >= 0)
        close(fd);
}

mcr_line_editor *mcr_line_editor_new(const char *history_path, mcr_completer *completer, void *arg)
{
    mcr_line_editor *e = mcr_zalloc(sizeof *e);
    e->complete = completer;
    e->arg = arg;
    e->path = history_path ? mcr_strdup(history_path) : NULL;
    if (pipe2(e->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        mcr_log(MCR_LOG_ERROR, "the system gives no pipe: %s", strerror(errno));
        abort();
    }
    set_locale();
    open_history(e);
    e->el = el_init("mooncrier", stdin, stdout, stderr);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, give_prompt);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 0);
    el_set(e->el, EL_HIST, history, e->history);
    el_set(e->el, EL_GETCFN, get_character);
    // The narrow form copies both texts, and forgets the copies.
    el_wset(e->el, EL_ADDFN, L"mooncrier-complete", L"Completes names.", complete);
    el_set(e->el, EL_BIND, "^I", "mooncrier-complete", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(e->el, EL_BIND, "\\e[1~", "ed-move-to-beg", NULL);
    el_set(e->el, EL_BIND, "\\e[4~", "ed-move-to-end", NULL);
    el_set(e->el, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
    el_source(e->el, NULL); // ~/.editrc
    return e;
}

void mcr_line_editor_free(mcr_line_editor *e)
{
    if (!e)
        return;
    el_end(e->el);
    history_end(e->history);
    close(e->wake[0]);
    close(e->wake[1]);
    free(e->path);
    free(e);
}

// Remembers a line, at once also in the file: a terminal that is closed ends us without a word.
static void remember(mcr_line_editor *e, const mcr_buf *line)
{
    HistEvent event;
    mcr_buf text = { 0 };
    mcr_buf_append(&text, line->ptr, line->len);
    mcr_buf_append(&text, "", 1);
    if (strspn(text.ptr, " \t") < line->len)
        history(e->history, &event, H_ENTER, text.ptr);
    mcr_buf_fini(&text);
    if (e->path)
        history(e->history, &event, H_SAVE, e->path);
}

mcr_line mcr_line_editor_read(mcr_line_editor *e, const char *prompt, mcr_buf *line)
{
    int n = 0;
    e->prompt = prompt;
    el_resize(e->el); // the terminal may be another size since
    const char *text = el_gets(e->el, &n);
    line->len = 0;
    if (!text || n <= 0)
        return n < 0 && errno == EINTR ? MCR_LINE_GIVEN_UP : MCR_LINE_END;
    mcr_buf_append(line, text, strlen(text));
    while (line->len && (line->ptr[line->len - 1] == '\n' || line->ptr[line->len - 1] == '\r'))
        line->len--;
    remember(e, line);
    return MCR_LINE_TYPED;
}

void mcr_line_editor_wake(mcr_line_editor *e)
{
    int before = errno;
    if (write(e->wake[1], "", 1) < 0) // full: it will wake anyway
        errno = before;
    errno = before;
}
