#pragma once
// Events that are told apart by a number, for tests of what carries them.

#include "event/event.h"

static inline mcr_event *numbered(int number)
{
    mcr_event fields = { .count = number, .type = MCR_STR("Normal"), .reason = MCR_STR("Test") };
    return mcr_event_new(&fields);
}
