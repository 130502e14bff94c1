// Framing must not depend on how the stream is cut, paused or ended: the same bytes fed at once and
// in pieces give the same frames. The first bytes of the input choose the limit and the pieces.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "event/framing.h"

typedef struct seen {
    mcr_buf log;
    unsigned pause;
    unsigned frames;
} seen;

static bool note(void *arg, const mcr_frame *frame)
{
    seen *s = arg;
    mcr_buf_printf(&s->log, "%d %llu:%llu ", (int)frame->kind, (unsigned long long)frame->line,
                   (unsigned long long)frame->offset);
    if (frame->kind == MCR_DECODED_EVENT)
        mcr_buf_add(&s->log, frame->ev->raw);
    else
        mcr_buf_puts(&s->log, frame->error);
    mcr_buf_putc(&s->log, '\n');
    if (frame->kind == MCR_DECODED_EVENT)
        mcr_event_unref(frame->ev);
    s->frames++;
    return s->pause == 0 || s->frames % s->pause != 0;
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void feed(mcr_framer *f, const uint8_t *text, size_t len)
{
    while (len) {
        size_t room;
        char *to = mcr_framer_room(f, &room);
        must(room >= 64 << 10 && room <= 1 << 20, "the room is not what it should be");
        size_t n = len < room ? len : room;
        memcpy(to, text, n);
        bool going = mcr_framer_feed(f, n);
        while (!going)
            going = mcr_framer_resume(f);
        text += n;
        len -= n;
    }
}

static void finish(mcr_framer *f)
{
    while (!mcr_framer_finish(f))
        while (!mcr_framer_resume(f))
            ;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    if (len < 8)
        return 0;
    size_t limit = input[0] % 4 == 0 ? 4u << 10 : 16u + input[0];
    unsigned pause = input[1] % 4;
    const uint8_t *cuts = input + 2;
    input += 8;
    len -= 8;

    seen once = { 0 };
    seen cut = { .pause = pause };
    mcr_framer *f = mcr_framer_new(limit, note, &once);
    feed(f, input, len);
    finish(f);
    mcr_framer_free(f);

    f = mcr_framer_new(limit, note, &cut);
    for (size_t at = 0, i = 0, n; at < len; at += n, i++) {
        n = 1u + cuts[i % 6];
        if (n > len - at)
            n = len - at;
        feed(f, input + at, n);
    }
    finish(f);
    must(once.log.len == cut.log.len, "cut differently, the stream gives other frames");
    must(!once.log.len || memcmp(once.log.ptr, cut.log.ptr, once.log.len) == 0,
         "cut differently, the stream gives other frames");

    // The framer must be as new.
    cut.log.len = 0;
    feed(f, input, len);
    finish(f);
    must(once.log.len == cut.log.len &&
             (!once.log.len || memcmp(once.log.ptr, cut.log.ptr, once.log.len) == 0),
         "a second stream gives other frames");
    mcr_framer_free(f);
    mcr_buf_fini(&once.log);
    mcr_buf_fini(&cut.log);
    return 0;
}
