#pragma once
// Which events the views of a Lua state hold, and how often: so that they can be let go of when the
// state is thrown away without its finalizers having run.

#include <stddef.h>

#include "event/event.h"

typedef struct mcr_pin {
    mcr_event *ev; // NULL: the place is free
    size_t n;
} mcr_pin;

// A hash table. Zero-initialised is empty.
typedef struct mcr_pins {
    mcr_pin *places;
    size_t cap; // 0 or a power of two
    size_t used;
} mcr_pins;

// mcr_pins_add counts one more hold on `ev`, mcr_pins_remove one less; the references themselves
// are the caller's.
void mcr_pins_add(mcr_pins *p, mcr_event *ev);
void mcr_pins_remove(mcr_pins *p, mcr_event *ev);

// mcr_pins_release lets go of every event as often as it is held, and of the table.
void mcr_pins_release(mcr_pins *p);

// mcr_pins_fini only frees the table.
void mcr_pins_fini(mcr_pins *p);
