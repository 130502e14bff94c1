#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "mooncrier.h"

static _Atomic int log_level = MCR_LOG_INFO;

// Who gets the lines instead of stderr; called under the lock, so that it is not called any more
// once it was exchanged.
static struct {
    pthread_mutex_t lock;
    bool set;
    mcr_line_handler *line; // NULL: nobody
    void *arg;
} listener = { .lock = PTHREAD_MUTEX_INITIALIZER };

void mcr_set_log(mcr_line_handler *line, void *arg)
{
    pthread_mutex_lock(&listener.lock);
    listener.set = true;
    listener.line = line;
    listener.arg = arg;
    pthread_mutex_unlock(&listener.lock);
}

void mcr_log_set_level(mcr_log_level level)
{
    atomic_store(&log_level, (int)level);
}

mcr_log_level mcr_log_get_level(void)
{
    return (mcr_log_level)atomic_load(&log_level);
}

static void write_to_stderr(const mcr_buf *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = write(STDERR_FILENO, line->ptr + done, line->len - done);
        if (n <= 0)
            break; // stderr is gone: there is nobody left to tell
        done += (size_t)n;
    }
}

static void write_all(const mcr_buf *line)
{
    pthread_mutex_lock(&listener.lock);
    bool elsewhere = listener.set;
    if (listener.line) {
        bool ended = line->len && line->ptr[line->len - 1] == '\n';
        listener.line(listener.arg, line->ptr, line->len - ended);
    }
    pthread_mutex_unlock(&listener.lock);
    if (!elsewhere)
        write_to_stderr(line);
}

static void write_line(mcr_log_level level, const char *text, unsigned long held_back)
{
    static const char *const names[] = { "error: ", "warning: ", "", "debug: " };
    mcr_buf line = { 0 };
    mcr_buf_puts(&line, "mooncrier: ");
    mcr_buf_puts(&line, names[level]);
    for (const char *at = text; *at; at++) {
        mcr_buf_putc(&line, *at);
        if (*at == '\n' && at[1])
            mcr_buf_putc(&line, '\t');
    }
    if (line.ptr[line.len - 1] == '\n')
        line.len--;
    if (held_back)
        mcr_buf_printf(&line, " (%lu like this held back)", held_back);
    mcr_buf_putc(&line, '\n');
    write_all(&line);
    mcr_buf_fini(&line);
}

void mcr_log(mcr_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&log_level))
        return;
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_line(level, text, 0);
}

void mcr_log_verbatim(mcr_log_level level, const char *text)
{
    if ((int)level > atomic_load(&log_level))
        return;
    mcr_buf line = { 0 };
    mcr_buf_puts(&line, text);
    write_all(&line);
    mcr_buf_fini(&line);
}

static const int64_t MINUTE = 60 * (int64_t)1000000000;

// How much was written in a minute of what counts together.
typedef struct budget {
    int64_t minute;          // when the present minute began
    unsigned written;        // in it
    unsigned long held_back; // in it, for there being too many
} budget;

// Causes written lately, by hash: a fixed table, so that memory is bounded whatever is logged. A
// hash collision can at worst hold a line back for a minute.
static struct {
    pthread_mutex_t lock;
    struct {
        unsigned long hash;
        int64_t since; // monotonic ns, 0 = empty
        unsigned long held_back;
    } slot[256];
    budget errors, rest;
} recent = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void write_once_a_minute(mcr_log_level level, const char *cause, const char *text)
{
    unsigned long hash = 1469598103934665603ul + level;
    for (const char *at = cause; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211ul;
    int64_t now = mcr_clock_monotonic();

    pthread_mutex_lock(&recent.lock);
    budget *of = level == MCR_LOG_ERROR ? &recent.errors : &recent.rest;
    size_t i = hash % 256;
    bool known = recent.slot[i].since && recent.slot[i].hash == hash;
    bool quiet = known && now - recent.slot[i].since < MINUTE;
    unsigned long held_back = known ? recent.slot[i].held_back : 0, others = 0;
    if (!of->minute || now - of->minute >= MINUTE) {
        others = of->held_back;
        *of = (budget){ .minute = now };
    }
    if (quiet) {
        recent.slot[i].held_back++;
    } else if (of->written == MCR_LOG_PER_MINUTE) {
        of->held_back++;
        quiet = true;
    } else {
        of->written++;
        recent.slot[i].hash = hash;
        recent.slot[i].since = now;
        recent.slot[i].held_back = 0;
    }
    bool last = !quiet && of->written == MCR_LOG_PER_MINUTE;
    pthread_mutex_unlock(&recent.lock);
    const char *what = level == MCR_LOG_ERROR ? "errors" : "messages";
    if (others)
        mcr_log(MCR_LOG_WARN, "%lu more %s were held back in a minute of many", others, what);
    if (!quiet)
        write_line(level, text, held_back);
    if (last)
        mcr_log(MCR_LOG_WARN, "%d %s in a minute: further ones are held back", MCR_LOG_PER_MINUTE,
                what);
}

void mcr_log_once_a_minute(mcr_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&log_level))
        return;
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_once_a_minute(level, text, text);
}

void mcr_log_cause_once_a_minute(mcr_log_level level, const char *cause, const char *format, ...)
{
    if ((int)level > atomic_load(&log_level))
        return;
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_once_a_minute(level, cause, text);
}
