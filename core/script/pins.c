#include "script/pins.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    FIRST_CAP = 64
};

static size_t home_of(const mcr_pins *p, const mcr_event *ev)
{
    return (size_t)(((uintptr_t)ev * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (p->cap - 1);
}

// The place of `ev`, or the free one where it belongs.
static mcr_pin *find(const mcr_pins *p, const mcr_event *ev)
{
    size_t at = home_of(p, ev);
    while (p->places[at].ev && p->places[at].ev != ev)
        at = (at + 1) & (p->cap - 1);
    return &p->places[at];
}

static void grow(mcr_pins *p)
{
    mcr_pins bigger = { .cap = p->cap ? p->cap * 2 : FIRST_CAP, .used = p->used };
    bigger.places = mcr_zalloc(bigger.cap * sizeof *bigger.places);
    for (size_t i = 0; i < p->cap; i++)
        if (p->places[i].ev)
            *find(&bigger, p->places[i].ev) = p->places[i];
    free(p->places);
    *p = bigger;
}

void mcr_pins_add(mcr_pins *p, mcr_event *ev)
{
    if (p->used * 2 >= p->cap)
        grow(p);
    mcr_pin *pin = find(p, ev);
    if (!pin->ev) {
        pin->ev = ev;
        p->used++;
    }
    pin->n++;
}

void mcr_pins_remove(mcr_pins *p, mcr_event *ev)
{
    mcr_pin *pin = p->cap ? find(p, ev) : NULL;
    if (!pin || !pin->ev || --pin->n > 0)
        return;
    p->used--;
    // What comes after, and would not be found past a hole, moves up.
    size_t hole = (size_t)(pin - p->places);
    for (size_t at = (hole + 1) & (p->cap - 1); p->places[at].ev; at = (at + 1) & (p->cap - 1)) {
        size_t home = home_of(p, p->places[at].ev);
        if (((at - home) & (p->cap - 1)) < ((at - hole) & (p->cap - 1)))
            continue;
        p->places[hole] = p->places[at];
        hole = at;
    }
    p->places[hole] = (mcr_pin){ NULL, 0 };
}

void mcr_pins_release(mcr_pins *p)
{
    for (size_t i = 0; i < p->cap; i++)
        for (; p->places[i].n; p->places[i].n--)
            mcr_event_unref(p->places[i].ev);
    mcr_pins_fini(p);
}

void mcr_pins_fini(mcr_pins *p)
{
    free(p->places);
    *p = (mcr_pins){ NULL, 0, 0 };
}
