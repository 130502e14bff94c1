#pragma once
// One of two turns that are compared (rehearse/course.h), with what belongs to it; and whether both
// are the same, which nearly all are.

#include <stdbool.h>

#include "rehearse/course.h"

typedef struct mcr_turn_side {
    const mcr_course *course;
    const mcr_rehearsal *rehearsal;
    const mcr_turn *turn; // NULL: this side had none
    bool absent;          // … since it has no such watcher
    bool open_sinks;
} mcr_turn_side;

static inline const mcr_answer *mcr_turn_answers(const mcr_turn_side *s)
{
    return s->course->answers + s->turn->answer_at;
}

static inline const mcr_arrival *mcr_turn_arrivals(const mcr_turn_side *s)
{
    return s->course->arrivals + s->turn->arrival_at;
}

static inline mcr_str mcr_turn_text(const mcr_turn_side *s, mcr_span span)
{
    return mcr_course_text(s->course, span);
}

// mcr_turn_sink is what sink `i` of the turn's watcher is called.
const char *mcr_turn_sink(const mcr_turn_side *s, int i);

// mcr_turns_same: both are there and decide the same of the same event. Quick; false may also mean
// that it takes a closer look (rehearse/turn_difference.h). `room` is used.
bool mcr_turns_same(const mcr_turn_side *old, const mcr_turn_side *new, mcr_buf room[2]);
