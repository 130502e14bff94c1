#pragma once
// Feeding a framer and writing down what it hands out, for framing_test.c and roundtrip_test.c.

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "event/framing.h"

typedef struct frames {
    mcr_buf log;      // a line for each frame, see frames_note
    mcr_event **kept; // the events, when `keep`
    size_t kept_len;
    size_t events;
    size_t malformed;
    size_t control;
    size_t pause_every; // pause after each so many frames; 0 never
    size_t seen;
    bool keep;
} frames;

// frames_note writes "E line:offset reason", "C line:offset error" or "M line:offset error".
static inline bool frames_note(void *arg, const mcr_frame *frame)
{
    frames *got = arg;
    char kind = frame->kind == MCR_DECODED_EVENT ? 'E' : 'M';
    if (frame->kind == MCR_DECODED_CONTROL)
        kind = 'C';
    mcr_buf_printf(&got->log, "%c %llu:%llu ", kind, (unsigned long long)frame->line,
                   (unsigned long long)frame->offset);
    if (kind == 'E')
        mcr_buf_add(&got->log, frame->ev->reason);
    else
        mcr_buf_puts(&got->log, frame->error);
    mcr_buf_putc(&got->log, '\n');
    got->events += kind == 'E';
    got->malformed += kind == 'M';
    got->control += kind == 'C';
    if (kind == 'E' && got->keep) {
        if (got->kept_len % 4096 == 0)
            got->kept = mcr_realloc(got->kept, (got->kept_len + 4096) * sizeof(mcr_event *));
        got->kept[got->kept_len++] = frame->ev;
    } else if (kind == 'E') {
        mcr_event_unref(frame->ev);
    }
    got->seen++;
    return got->pause_every == 0 || got->seen % got->pause_every != 0;
}

// frames_feed gives the framer all of `text` in pieces of `step` bytes (0: as large as may be) and
// ends the stream, going on after each pause.
static inline void frames_feed(mcr_framer *f, const char *text, size_t len, size_t step)
{
    for (size_t at = 0, n; at < len; at += n) {
        size_t room;
        char *to = mcr_framer_room(f, &room);
        assert_true(room >= 64 << 10);
        n = len - at < room ? len - at : room;
        if (step && n > step)
            n = step;
        memcpy(to, text + at, n);
        bool going = mcr_framer_feed(f, n);
        while (!going)
            going = mcr_framer_resume(f);
    }
    while (!mcr_framer_finish(f)) {
        while (!mcr_framer_resume(f))
            ;
    }
}

static inline void frames_clear(frames *got)
{
    for (size_t i = 0; i < got->kept_len; i++)
        mcr_event_unref(got->kept[i]);
    free(got->kept);
    mcr_buf_fini(&got->log);
    *got = (frames){ .pause_every = got->pause_every, .keep = got->keep };
}
