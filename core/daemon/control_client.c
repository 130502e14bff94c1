#include "daemon/control_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/control_listen.h"
#include "daemon/control_path.h"
#include "daemon/own_folder.h"
#include "event/encode.h"

enum {
    ANSWER_MAX = 256 << 20 // bytes
};

typedef struct search {
    mcr_buf tried; // sentences, for the message
    int fd;
} search;

static void try_path(search *s, const char *path)
{
    mcr_buf line = { 0 };
    if (s->fd >= 0)
        return;
    s->fd = mcr_control_connect(path);
    if (s->fd >= 0)
        return;
    const char *why = errno == ENOENT         ? "there is none"
                      : errno == ECONNREFUSED ? "nobody listens"
                                              : strerror(errno);
    mcr_buf_printf(&line, "%s (%s)", path, why);
    mcr_buf_cstr(&line);
    mcr_buf_cstr(&s->tried);
    if (!strstr(s->tried.ptr, line.ptr))
        mcr_buf_printf(&s->tried, "%s%s", s->tried.len ? ", " : "", line.ptr);
    mcr_buf_fini(&line);
}

// A place that is ours by its folder only.
static void try_usual(search *s, const char *config_path, bool anyway)
{
    mcr_buf path = { 0 };
    mcr_control_usual_path(config_path, anyway, &path);
    *strrchr(path.ptr, '/') = '\0';
    mcr_errbuf why;
    bool ours = access(path.ptr, F_OK) != 0 || mcr_own_folder_is(path.ptr, &why);
    path.ptr[strlen(path.ptr)] = '/';
    if (ours)
        try_path(s, path.ptr);
    mcr_buf_fini(&path);
}

int mcr_control_find(const char *config_path, const char *socket, mcr_errbuf *err)
{
    search s = { .fd = -1 };
    mcr_errbuf broken;
    if (socket) {
        try_path(&s, socket);
    } else {
        const char *path = mcr_config_place(config_path);
        try_usual(&s, path, false);
        try_usual(&s, path, true);
        mcr_file_set *files = mcr_file_set_new();
        mcr_config *config = s.fd < 0 ? mcr_config_load_live(path, files, &broken) : NULL;
        mcr_buf at = { 0 };
        if (config && mcr_control_path(config, &at))
            try_path(&s, at.ptr);
        else if (config)
            mcr_buf_printf(&s.tried, "; %s says control = \"none\"", path);
        else if (s.fd < 0)
            mcr_buf_printf(&s.tried, "; where else cannot be told: %s", broken.text);
        mcr_buf_fini(&at);
        mcr_config_unref(config);
        mcr_file_set_free(files);
    }
    if (s.fd < 0)
        mcr_errf(err, MCR_EIO, "no mooncrier runs there; tried: %s", mcr_buf_cstr(&s.tried));
    mcr_buf_fini(&s.tried);
    return s.fd;
}

// Waits until `fd` is ready; false past `deadline`.
static bool await(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = (deadline - mcr_clock_monotonic()) / 1000000;
        struct pollfd p = { .fd = fd, .events = events };
        int n = left < 0 ? 0 : poll(&p, 1, left > 3600000 ? 3600000 : (int)left + 1);
        if (n > 0)
            return true;
        if (n == 0 && mcr_clock_monotonic() >= deadline)
            return false;
    }
}

static bool send_all(int fd, mcr_str bytes, int64_t deadline)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = send(fd, bytes.ptr + done, bytes.len - done, MSG_NOSIGNAL);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno == EAGAIN && !await(fd, POLLOUT, deadline))
            return false;
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return true; // why it hung up, it may have said
    }
    return true;
}

static mcr_err receive_line(int fd, mcr_buf *line, int64_t deadline, mcr_errbuf *err)
{
    while (line->len < ANSWER_MAX) {
        if (!await(fd, POLLIN, deadline))
            return mcr_errf(err, MCR_ESTOPPED,
                            "no answer in time (--timeout); what was asked for may still happen");
        ssize_t n = recv(fd, mcr_buf_reserve(line, 65536), 65536, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return mcr_errf(err, MCR_EIO,
                            "mooncrier ended before it answered; whether it did what was asked is "
                            "not known");
        line->len += (size_t)n;
        if (line->ptr[line->len - 1] == '\n')
            return MCR_OK;
    }
    return mcr_errf(err, MCR_EIO, "the answer is too long");
}

mcr_err mcr_control_send(int fd, mcr_str line, int64_t timeout_ns, mcr_errbuf *err)
{
    if (send_all(fd, line, mcr_clock_monotonic() + timeout_ns))
        return MCR_OK;
    return mcr_errf(err, MCR_ESTOPPED, "mooncrier does not take the request in time");
}

cJSON *mcr_control_ask_line(int fd, mcr_str request, int64_t timeout_ns, mcr_errbuf *err)
{
    int64_t deadline = mcr_clock_monotonic() + timeout_ns;
    mcr_buf line = { 0 };
    cJSON *answer = NULL;
    mcr_err unsent = mcr_control_send(fd, request, timeout_ns, err);
    if (!unsent && !receive_line(fd, &line, deadline, err)) {
        answer = cJSON_ParseWithLength(line.ptr, line.len);
        if (!answer || !cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(answer, "mooncrier"))) {
            mcr_errf(err, MCR_EIO, "what listens there is no mooncrier");
            cJSON_Delete(answer);
            answer = NULL;
        }
    }
    mcr_buf_fini(&line);
    close(fd);
    return answer;
}

cJSON *mcr_control_ask(int fd, const char *request, const char *folder, bool text,
                       int64_t timeout_ns, mcr_errbuf *err)
{
    mcr_buf line = { 0 };
    mcr_buf_printf(&line, "{\"mooncrier\":%d,\"request\":\"%s\"%s", MCR_CONTROL_VERSION, request,
                   text ? ",\"format\":\"text\"" : "");
    if (folder) {
        mcr_buf_puts(&line, ",\"folder\":");
        mcr_json_string(&line, mcr_str_of(folder));
    }
    mcr_buf_puts(&line, "}\n");
    cJSON *answer = mcr_control_ask_line(fd, mcr_buf_str(&line), timeout_ns, err);
    mcr_buf_fini(&line);
    return answer;
}
