#include "repl/repl_attach.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/control.h"
#include "daemon/control_client.h"
#include "event/decode.h"
#include "event/encode.h"

#define ANSWER_NS (10 * INT64_C(1000000000))
#define SAMPLE_NS (5 * INT64_C(1000000000))

// Asks for `what`; the answer is to be deleted. NULL with a sentence in `why`.
static cJSON *ask(const mcr_attachment *a, const char *what, bool text, mcr_buf *why)
{
    mcr_errbuf err;
    int fd = mcr_control_find(a->config, a->socket, &err);
    cJSON *answer = fd < 0 ? NULL : mcr_control_ask(fd, what, NULL, text, ANSWER_NS, &err);
    if (!answer) {
        mcr_buf_printf(why, "%s\n", err.text);
        return NULL;
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok")))
        return answer;
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    mcr_buf_printf(why, "%s\n", error ? error : "the program has refused to answer");
    cJSON_Delete(answer);
    return NULL;
}

// Appends what `answer` calls `name`, as JSON.
static void add_value(mcr_buf *out, const cJSON *answer, const char *name)
{
    char *json = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(answer, name));
    mcr_buf_puts(out, json ? json : "null");
    cJSON_free(json);
}

mcr_console_result mcr_attachment_status(const mcr_attachment *a, mcr_console *c, mcr_buf *out,
                                         mcr_buf *why)
{
    mcr_console_result result = MCR_CONSOLE_FAILED;
    cJSON *status = ask(a, "status", false, why);
    cJSON *text = status ? ask(a, "status", true, why) : NULL;
    cJSON *shared = text ? ask(a, "shared", false, why) : NULL;
    if (shared) {
        mcr_buf json = { 0 };
        mcr_buf_puts(&json, "{\"status\":");
        add_value(&json, status, "status");
        mcr_buf_puts(&json, ",\"shared\":");
        add_value(&json, shared, "shared");
        mcr_buf_putc(&json, '}');
        result = mcr_console_call(c, "attached", mcr_buf_str(&json), out, why);
        mcr_buf_fini(&json);
        const char *lines = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(text, "text"));
        mcr_buf_puts(out, lines ? lines : "");
    }
    cJSON_Delete(status);
    cJSON_Delete(text);
    cJSON_Delete(shared);
    return result;
}

mcr_console_result mcr_attachment_shared(const mcr_attachment *a, mcr_console *c, mcr_str glob,
                                         mcr_buf *out, mcr_buf *why)
{
    cJSON *shared = ask(a, "shared", false, why);
    if (!shared)
        return MCR_CONSOLE_FAILED;
    mcr_buf json = { 0 };
    mcr_buf_puts(&json, "{\"shared\":");
    add_value(&json, shared, "shared");
    mcr_buf_puts(&json, ",\"glob\":");
    mcr_json_string(&json, glob);
    mcr_buf_putc(&json, '}');
    mcr_console_result result = mcr_console_call(c, "shared", mcr_buf_str(&json), out, why);
    mcr_buf_fini(&json);
    cJSON_Delete(shared);
    return result;
}

typedef struct sample {
    mcr_event **at;
    size_t n, most;
    mcr_decoder *decoder;
    bool refused;
} sample;

// Takes one line of a tap (daemon/control.h): the event is its last member.
static void take_line(sample *s, mcr_str line, mcr_buf *why)
{
    static const char key[] = ",\"event\":";
    static const char refused[] = "\"ok\":false";
    const char *from = memmem(line.ptr, line.len, key, sizeof key - 1);
    if (!from) {
        s->refused |= memmem(line.ptr, line.len, refused, sizeof refused - 1) != NULL;
        if (s->refused)
            mcr_buf_printf(why, "%.*s\n", (int)line.len, line.ptr);
        return;
    }
    from += sizeof key - 1;
    mcr_event *ev = NULL;
    mcr_decode_error err;
    mcr_str json = mcr_str_n(from, (size_t)(line.ptr + line.len - 1 - from));
    if (s->n < s->most && mcr_decode(s->decoder, json, 0, &ev, &err) == MCR_DECODED_EVENT)
        s->at[s->n++] = ev;
}

static void take_lines(sample *s, mcr_buf *in, mcr_buf *why)
{
    size_t done = 0;
    const char *end;
    while (done < in->len && (end = memchr(in->ptr + done, '\n', in->len - done))) {
        mcr_str line = mcr_str_n(in->ptr + done, (size_t)(end - in->ptr) - done);
        take_line(s, line, why);
        done += line.len + 1;
    }
    memmove(in->ptr, in->ptr + done, in->len - done);
    in->len -= done;
}

// Reads until there are enough, or the time is up.
static void receive(const mcr_attachment *a, sample *s, int fd, mcr_buf *why)
{
    mcr_buf in = { 0 };
    int64_t deadline = mcr_clock_monotonic() + SAMPLE_NS;
    while (s->n < s->most && !s->refused && !*a->enough) {
        int64_t left = (deadline - mcr_clock_monotonic()) / 1000000;
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (left <= 0)
            break;
        if (poll(&p, 1, left < 100 ? (int)left : 100) <= 0) // a signal may come in between
            continue;
        ssize_t got = recv(fd, mcr_buf_reserve(&in, 1 << 16), 1 << 16, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            break;
        in.len += (size_t)got;
        take_lines(s, &in, why);
    }
    mcr_buf_fini(&in);
}

mcr_console_result mcr_attachment_sample(const mcr_attachment *a, mcr_console *c, size_t n,
                                         mcr_buf *out, mcr_buf *why)
{
    static const char request[] = "{\"mooncrier\":1,\"request\":\"tap\",\"at\":[\"source\"]}\n";
    mcr_errbuf err;
    int fd = mcr_control_find(a->config, a->socket, &err);
    if (fd < 0 || mcr_control_send(fd, MCR_STR(request), ANSWER_NS, &err)) {
        mcr_buf_printf(why, "%s\n", err.text);
        if (fd >= 0)
            close(fd);
        return MCR_CONSOLE_FAILED;
    }
    sample s = { mcr_alloc(n * sizeof(mcr_event *)), 0, n, mcr_decoder_new(), false };
    receive(a, &s, fd, why);
    close(fd);
    mcr_decoder_free(s.decoder);
    mcr_console_result result = MCR_CONSOLE_FAILED;
    if (s.n) {
        mcr_console_take_events(c, s.at, s.n);
        result = mcr_console_call(c, "loaded", MCR_STR("the running program"), out, why);
    } else if (!s.refused) {
        mcr_buf_puts(why, "no event has come by in that time\n");
    }
    free(s.at);
    return result;
}
