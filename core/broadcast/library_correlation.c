// mooncrier.h: CorrelatorOptions of C programs.

#include "broadcast/library.h"

enum {
    FIRST_ROOM = 256
};

static bool call_text(void *self, mcr_event *ev, mcr_buf *out)
{
    const mcr_text_call *text = self;
    size_t room = FIRST_ROOM;
    while (true) {
        mcr_buf_reserve(out, room);
        int len = text->call(text->self, ev, out->ptr + out->len, room);
        if (len < 0)
            return false;
        if ((size_t)len < room) {
            out->len += (size_t)len;
            return true;
        }
        room = (size_t)len + 1;
    }
}

static void set_text(mcr_text_hook *hook, mcr_text_call *call, mcr_event_text *text, void *self)
{
    if (!text)
        return;
    *call = (mcr_text_call){ text, self };
    *hook = (mcr_text_hook){ call_text, call };
}

static void set_number(int64_t *to, int64_t wanted)
{
    if (wanted)
        *to = wanted;
}

void mcr_correlation_set(mcr_correlator_options *options, const mcr_correlation_options *wanted,
                         mcr_correlation_calls *calls)
{
    if (!wanted)
        return;
    set_number(&options->lru_cache_size, wanted->lru_cache_size);
    set_number(&options->burst_size, wanted->burst_size);
    set_number(&options->max_events, wanted->max_events);
    set_number(&options->max_interval_s, wanted->max_interval_s);
    if (wanted->qps < 0 || wanted->qps > 0)
        options->qps = wanted->qps;
    void *self = wanted->self;
    set_text(&options->aggregate_key, &calls->aggregate_key, wanted->aggregate_key, self);
    set_text(&options->local_key, &calls->local_key, wanted->local_key, self);
    set_text(&options->spam_key, &calls->spam_key, wanted->spam_key, self);
    set_text(&options->aggregate_message, &calls->aggregate_message, wanted->aggregate_message,
             self);
}
