#include "sink/batch.h"

#include <stdlib.h>

#include "base/alloc.h"

// An open batch.
typedef struct open_batch {
    mcr_buf target;
    mcr_buf body; // without the suffix
    mcr_event **events;
    size_t *ends;
    size_t n;
    size_t cap;
    int64_t due; // Unix ns
} open_batch;

struct mcr_batches {
    mcr_batch_limits limits;
    void (*closed)(void *self, mcr_batch *batch);
    void *self;
    open_batch open[MCR_BATCHES_OPEN_MAX]; // in the order they were begun
    size_t n;
    size_t events;
};

mcr_batches *mcr_batches_new(const mcr_batch_limits *limits,
                             void (*closed)(void *self, mcr_batch *batch), void *self)
{
    mcr_batches *b = mcr_zalloc(sizeof *b);
    b->limits = *limits;
    b->closed = closed;
    b->self = self;
    return b;
}

static void drop(open_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        mcr_event_unref(batch->events[i]);
    free((void *)batch->events);
    free(batch->ends);
    mcr_buf_fini(&batch->target);
    mcr_buf_fini(&batch->body);
}

void mcr_batches_free(mcr_batches *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++)
        drop(&b->open[i]);
    free(b);
}

static void close_at(mcr_batches *b, size_t at)
{
    open_batch batch = b->open[at];
    b->n--;
    memmove(&b->open[at], &b->open[at + 1], (b->n - at) * sizeof *b->open);
    b->events -= batch.n;
    mcr_buf_add(&batch.body, b->limits.suffix);
    mcr_batch closed = {
        .target = mcr_buf_str(&batch.target),
        .events = batch.events,
        .n = batch.n,
        .body = batch.body,
        .ends = batch.ends,
    };
    b->closed(b->self, &closed);
    batch.body = closed.body;
    batch.ends = closed.ends;
    drop(&batch);
}

void mcr_batch_part(const mcr_batch_limits *limits, mcr_str body, const size_t *ends, size_t from,
                    size_t n, mcr_buf *part, size_t *part_ends)
{
    size_t begin = from ? ends[from - 1] + limits->separator.len : limits->prefix.len;
    mcr_buf_add(part, limits->prefix);
    for (size_t i = 0; i < n; i++)
        part_ends[i] = ends[from + i] - begin + part->len;
    mcr_buf_append(part, body.ptr + begin, ends[from + n - 1] - begin);
    mcr_buf_add(part, limits->suffix);
}

static size_t find(const mcr_batches *b, mcr_str target)
{
    size_t at = 0;
    while (at < b->n && !mcr_str_eq(mcr_buf_str(&b->open[at].target), target))
        at++;
    return at;
}

static size_t begin(mcr_batches *b, mcr_str target, int64_t now)
{
    if (b->n == MCR_BATCHES_OPEN_MAX)
        close_at(b, 0);
    b->open[b->n] = (open_batch){ .due = now + b->limits.wait };
    mcr_buf_add(&b->open[b->n].target, target);
    mcr_buf_add(&b->open[b->n].body, b->limits.prefix);
    return b->n++;
}

void mcr_batches_add(mcr_batches *b, mcr_str target, mcr_event *ev, mcr_str body, int64_t now)
{
    size_t at = find(b, target);
    if (at < b->n &&
        b->open[at].body.len + b->limits.separator.len + body.len + b->limits.suffix.len >
            b->limits.bytes) {
        close_at(b, at);
        at = b->n;
    }
    if (at == b->n)
        at = begin(b, target, now);
    open_batch *batch = &b->open[at];
    if (batch->n == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : b->limits.events < 16 ? b->limits.events : 16;
        batch->events =
            (mcr_event **)mcr_realloc((void *)batch->events, batch->cap * sizeof *batch->events);
        batch->ends = mcr_realloc(batch->ends, batch->cap * sizeof *batch->ends);
    }
    if (batch->n)
        mcr_buf_add(&batch->body, b->limits.separator);
    mcr_buf_add(&batch->body, body);
    batch->ends[batch->n] = batch->body.len;
    batch->events[batch->n++] = mcr_event_ref(ev);
    b->events++;
    if (batch->n >= b->limits.events || batch->body.len + b->limits.suffix.len >= b->limits.bytes)
        close_at(b, at);
}

int64_t mcr_batches_due(mcr_batches *b, int64_t now)
{
    // Begun in this order and all waiting equally long, so the first is due first.
    while (b->n && b->open[0].due <= now)
        close_at(b, 0);
    return b->n ? b->open[0].due : 0;
}

void mcr_batches_flush(mcr_batches *b)
{
    while (b->n)
        close_at(b, 0);
}

size_t mcr_batches_events(const mcr_batches *b)
{
    return b->events;
}
