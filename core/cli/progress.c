#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

// "999", "1.2 k", "35 M": three figures are enough for a line that changes.
static void short_number(char *out, size_t size, double n)
{
    static const char *const units[] = { "", " k", " M", " G", " T" };
    size_t unit = 0;
    for (; n >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        n /= 1000;
    snprintf(out, size, "%.*f%s", unit && n < 10 ? 1 : 0, n, units[unit]);
}

static void put(const char *text, size_t len)
{
    // A progress line that cannot be written is not worth an error.
    ssize_t written = write(STDERR_FILENO, text, len);
    (void)written;
}

static void draw(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)revents;
    mcr_progress *p = timer->data;
    mcr_progress_state state = p->ask(p->arg);
    char done[16], total[16], events[16], rate[16], line[160];
    double seconds = ev_now(loop) - p->began;
    short_number(done, sizeof done, (double)state.done);
    short_number(total, sizeof total, (double)state.total);
    short_number(events, sizeof events, (double)state.events);
    short_number(rate, sizeof rate, seconds > 0 ? (double)state.events / seconds : 0);
    int len;
    if (state.total)
        len = snprintf(line, sizeof line, "\r\033[K%3d%%  %sB of %sB  %s events  %s/s\r",
                       (int)(100. * (double)state.done / (double)state.total), done, total, events,
                       rate);
    else
        len = snprintf(line, sizeof line, "\r\033[K%sB  %s events  %s/s\r", done, events, rate);
    put(line, (size_t)len);
    p->drawn = true;
}

void mcr_progress_start(mcr_progress *p, struct ev_loop *loop, mcr_progress_ask *ask, void *arg)
{
    *p = (mcr_progress){ .loop = loop, .ask = ask, .arg = arg, .began = ev_time() };
    ev_timer_init(&p->timer, draw, 1., .2);
    p->timer.data = p;
    if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && mcr_log_get_level() >= MCR_LOG_INFO)
        ev_timer_start(loop, &p->timer);
}

void mcr_progress_clear(mcr_progress *p)
{
    if (p->drawn)
        put("\r\033[K", 4);
    p->drawn = false;
}

void mcr_progress_stop(mcr_progress *p)
{
    if (!p->loop)
        return;
    ev_timer_stop(p->loop, &p->timer);
    mcr_progress_clear(p);
}
