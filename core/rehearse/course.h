#pragma once
// The course of a rehearsal over one batch: turn by turn, what hooks, correlator and sinks made of
// each event. Two of them are compared (rehearse/comparison.h). A turn is one event's way through
// one watcher, or what a tick or the end of one caused.
//
//     mcr_rehearsal_options options = { .observer = mcr_course_observer(&course) };
//     … step …
//     for (i = 0; i < course.turn_n; i++) … course.turns[i] …
//     mcr_course_clear(&course);
//
// Events in it are held until the course is cleared; the input must stay alive that long.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rehearse/rehearsal.h"

// The hooks, in the order in which they are asked.
typedef enum mcr_stage {
    MCR_STAGE_FILTER,
    MCR_STAGE_HANDLE,
    MCR_STAGE_AGGREGATE_KEY,
    MCR_STAGE_LOCAL_KEY,
    MCR_STAGE_AGGREGATE_MESSAGE,
    MCR_STAGE_SPAM_KEY,
    MCR_STAGE_ROUTE,
    MCR_STAGE_RENDER,
    MCR_STAGE_NONE // a tick, or the end
} mcr_stage;

// mcr_stage_name is the hook's name; "tick" for MCR_STAGE_NONE.
const char *mcr_stage_name(mcr_stage stage);

// Bytes in the course's text.
typedef struct mcr_span {
    size_t at;
    uint32_t len;
} mcr_span;

// What one hook answered, or emitted.
typedef struct mcr_answer {
    mcr_stage stage;
    mcr_hook_did did;
    const char *where; // "file:line", ""; valid as long as the scripts
    mcr_event *after;  // when changed or emitted; else NULL
    mcr_span text;
    uint64_t sinks;
    uint64_t own;
    mcr_span sink; // of render: its name
} mcr_answer;

// Where an event has ended, or came to a sink.
typedef struct mcr_arrival {
    mcr_rehearsed what;
    int sink; // -1: none
    bool direct;
    mcr_event *ev;
    mcr_span why;
    bool has_sent;
    mcr_sending form;
    mcr_span body;
    mcr_span target; // method, URL and headers
} mcr_arrival;

typedef struct mcr_turn {
    uint64_t input;
    uint32_t watcher;
    uint32_t by[MCR_MAX_HOPS];
    uint32_t by_n;
    mcr_event *came;                // NULL: a tick, or the end
    uint32_t answer_at, answer_n;   // in the course's answers
    uint32_t arrival_at, arrival_n; // in its arrivals
    bool correlated;
    bool aggregated;
    bool counted;
    mcr_event
        *recorded; // what the correlator made of it; NULL: nothing, the spam filter dropped it
} mcr_turn;

typedef struct mcr_course {
    mcr_turn *turns;
    size_t turn_n, turn_cap;
    mcr_answer *answers;
    size_t answer_n, answer_cap;
    mcr_arrival *arrivals;
    size_t arrival_n, arrival_cap;
    mcr_buf text;
} mcr_course;

// mcr_course_observer fills the course, which begins zeroed.
mcr_rehearsal_observer mcr_course_observer(mcr_course *course);

// mcr_course_text is what a span stands for, valid until more is observed.
static inline mcr_str mcr_course_text(const mcr_course *course, mcr_span span)
{
    return mcr_str_n(course->text.ptr + span.at, span.len);
}

// mcr_course_clear forgets the turns, and keeps the memory for the next batch.
void mcr_course_clear(mcr_course *course);
void mcr_course_fini(mcr_course *course);
