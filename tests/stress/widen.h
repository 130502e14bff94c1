#pragma once
// Included into this test's own build of base/ring.c, which calls it between the steps of the
// wake-up rule.

void widen(void);

#define MCR_RING_WIDEN widen
