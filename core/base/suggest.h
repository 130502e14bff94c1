#pragma once
// "Did you mean …?" for mistyped keys, hooks, sinks, fields and flags.

#include <stddef.h>

// mcr_suggest returns the word of `words` (n of them) that `typed` most likely meant, or NULL when
// none is close: at most a third of its letters (and at most 3) inserted, removed, changed or
// swapped with a neighbour; upper and lower case count as equal.
const char *mcr_suggest(const char *typed, const char *const *words, size_t n);
