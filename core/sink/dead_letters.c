#include "sink/dead_letters.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "event/encode.h"
#include "event/time.h"
#include "sink/appender.h"

struct mcr_dead_letters {
    const mcr_clock *clock;
    pthread_mutex_t lock; // of what is below
    mcr_appender to;
    uint64_t count;
};

mcr_dead_letters *mcr_dead_letters_open(const char *path, const mcr_clock *clock, mcr_errbuf *err)
{
    static const int64_t TIMEOUT = 10 * (int64_t)1000000000;
    mcr_dead_letters *dead = mcr_zalloc(sizeof *dead);
    if (mcr_appender_open(&dead->to, path, TIMEOUT, err) != MCR_OK) {
        free(dead);
        return NULL;
    }
    dead->clock = clock;
    pthread_mutex_init(&dead->lock, NULL);
    return dead;
}

static void pair(mcr_buf *line, const char *key, mcr_str value)
{
    mcr_buf_puts(line, key);
    mcr_json_string(line, value);
}

static void optional_pair(mcr_buf *line, const char *key, mcr_str value)
{
    if (value.len)
        pair(line, key, value);
}

static void write_letter(mcr_buf *line, const mcr_dead_letter *letter, int64_t now)
{
    mcr_time time = mcr_time_of(now);
    mcr_buf_puts(line, "{\"time\":\"");
    mcr_time_format(line, time.sec, time.nsec, 6);
    mcr_buf_putc(line, '"');
    pair(line, ",\"watcher\":", mcr_str_of(letter->watcher));
    pair(line, ",\"stage\":", mcr_str_of(letter->stage));
    optional_pair(line, ",\"script\":", mcr_str_of(letter->script));
    optional_pair(line, ",\"sink\":", mcr_str_of(letter->sink));
    pair(line, ",\"reason\":", letter->reason);
    optional_pair(line, ",\"traceback\":", letter->traceback);
    mcr_buf_puts(line, ",\"event\":");
    mcr_event_write(line, letter->ev);
    mcr_buf_puts(line, "}\n");
}

bool mcr_dead_letters_add(mcr_dead_letters *dead, const mcr_dead_letter *letter)
{
    mcr_buf line = { 0 };
    write_letter(&line, letter, mcr_clock_now(dead->clock));

    pthread_mutex_lock(&dead->lock);
    size_t done;
    int why = mcr_appender_write(&dead->to, line.ptr, line.len, &done);
    if (why)
        mcr_appender_cut(&dead->to, done);
    else
        dead->count++;
    pthread_mutex_unlock(&dead->lock);

    mcr_buf_fini(&line);
    if (why)
        mcr_log_once_a_minute(MCR_LOG_ERROR, "dead letters: cannot write to '%s': %s",
                              dead->to.path, strerror(why));
    return why == 0;
}

void mcr_dead_letters_reopen(mcr_dead_letters *dead)
{
    pthread_mutex_lock(&dead->lock);
    mcr_appender_reopen(&dead->to);
    pthread_mutex_unlock(&dead->lock);
}

uint64_t mcr_dead_letters_count(mcr_dead_letters *dead)
{
    pthread_mutex_lock(&dead->lock);
    uint64_t count = dead->count;
    pthread_mutex_unlock(&dead->lock);
    return count;
}

void mcr_dead_letters_close(mcr_dead_letters *dead)
{
    if (!dead)
        return;
    mcr_appender_close(&dead->to);
    pthread_mutex_destroy(&dead->lock);
    free(dead);
}
