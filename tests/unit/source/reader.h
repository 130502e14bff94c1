#pragma once
// An owner for sources under test: it notes what it is given, takes as much as it is told to, and
// turns the loop until something has happened.

#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "source/jsonl.h"

enum {
    DEADLINE_S = 30,
    NO_LIMIT = 1 << 30
};

typedef struct reader {
    struct ev_loop *loop;
    mcr_source *source;
    mcr_jsonl_options options;
    uint32_t take_at_most; // per offer
    uint32_t stop_at;      // stop the source when so many events were taken; 0: never
    uint32_t goal;         // what reader_has_reached_goal waits for
    bool resume_at_once;   // call resume from within take
    // What has happened.
    mcr_buf names; // of the events taken, each followed by a space
    mcr_buf messages;
    uint32_t events;
    uint32_t offers;
    uint32_t largest_offer;
    uint64_t last_record;
    bool paused;
    int ended;
    char error[sizeof((mcr_errbuf *)0)->text];
} reader;

static uint32_t reader_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    reader *r = self;
    uint32_t taken = n < r->take_at_most ? n : r->take_at_most;
    assert_false(r->paused);
    assert_in_range(n, 1, 64);
    r->offers++;
    r->largest_offer = n > r->largest_offer ? n : r->largest_offer;
    for (uint32_t i = 0; i < taken; i++) {
        assert_int_equal(events[i]->source_index, source->index);
        assert_true(events[i]->record > r->last_record);
        r->last_record = events[i]->record;
        mcr_buf_add(&r->names, events[i]->metadata.name);
        mcr_buf_putc(&r->names, ' ');
    }
    r->events += taken;
    r->paused = taken < n && !r->resume_at_once;
    if (taken < n && r->resume_at_once)
        source->kind->resume(source);
    if (r->stop_at && r->events >= r->stop_at)
        source->kind->stop(source);
    return taken;
}

static void reader_malformed(void *self, mcr_source *source, const char *message)
{
    reader *r = self;
    (void)source;
    mcr_buf_puts(&r->messages, message);
    mcr_buf_putc(&r->messages, '\n');
}

static void reader_ended(void *self, mcr_source *source, const char *error)
{
    reader *r = self;
    (void)source;
    r->ended++;
    snprintf(r->error, sizeof r->error, "%s", error ? error : "");
}

static const mcr_source_owner reader_owner = { NULL, reader_take, reader_malformed, reader_ended };

// reader_open opens and starts a source with r->options; false with the sentence in r->error.
static inline bool reader_open(reader *r, size_t event_limit)
{
    mcr_source_owner owner = reader_owner;
    mcr_errbuf err;
    owner.self = r;
    r->loop = ev_loop_new(EVFLAG_AUTO);
    r->source = mcr_jsonl_kind.open(&r->options, r->loop, &owner, event_limit, &err);
    if (!r->source) {
        snprintf(r->error, sizeof r->error, "%s", err.text);
        ev_loop_destroy(r->loop);
        return false;
    }
    r->source->index = 7;
    r->source->kind->start(r->source);
    assert_int_equal(r->offers, 0); // nothing before the loop runs
    return true;
}

static inline void reader_close(reader *r)
{
    const mcr_source_counts *c = &r->source->counts;
    assert_int_equal(c->received, c->decoded + c->malformed + c->control);
    assert_int_equal(c->decoded, r->events);
    r->source->kind->close(r->source);
    ev_loop_destroy(r->loop);
    mcr_buf_fini(&r->names);
    mcr_buf_fini(&r->messages);
}

static inline void reader_too_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    fail_msg("nothing happened within %d s", DEADLINE_S);
}

// Turns the loop until `done(r)`.
static inline void reader_run_until(reader *r, bool (*done)(const reader *r))
{
    ev_timer deadline;
    ev_timer_init(&deadline, reader_too_late, DEADLINE_S, 0.);
    ev_now_update(r->loop);
    ev_timer_start(r->loop, &deadline);
    while (!done(r))
        ev_run(r->loop, EVRUN_ONCE);
    ev_timer_stop(r->loop, &deadline);
}

static inline bool reader_has_ended(const reader *r)
{
    return r->ended > 0;
}

static inline bool reader_has_reached_goal(const reader *r)
{
    return r->events >= r->goal;
}

static inline bool reader_has_paused_or_ended(const reader *r)
{
    return r->paused || r->ended;
}

// reader_append_event appends one line: an event called `name`.
static inline void reader_append_event(mcr_buf *out, const char *name)
{
    mcr_buf_printf(out,
                   "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\","
                   "\"namespace\":\"ns\"},\"reason\":\"Started\",\"type\":\"Normal\"}\n",
                   name);
}

static inline void reader_append_events(mcr_buf *out, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        reader_append_event(out, name);
    }
}

// reader_names returns "e1 e2 … " for the numbers.
static inline const char *reader_names(mcr_buf *out, int first, int n)
{
    out->len = 0;
    for (int i = first; i < first + n; i++)
        mcr_buf_printf(out, "e%d ", i);
    return mcr_buf_cstr(out);
}

// reader_write writes the file at `path` anew, or appends to it.
static inline void reader_write(const char *path, const char *mode, const char *bytes, size_t len)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    if (len)
        assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}
