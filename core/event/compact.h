#pragma once
// Events that wait long, in little memory: what is decoded has a chunk of the pool to itself,
// however small it is.

#include "event/event.h"

// mcr_event_compact makes a copy of `ev`, original bytes and all, in a block of just its size; what
// points into the original bytes does so in the copy. Returns a hold on `ev` itself when the copy
// would be no smaller. The result cannot be spliced (event/splice.h).
mcr_event *mcr_event_compact(mcr_event *ev);
