#pragma once
// Memory that never fails to come: out of memory aborts with the size that was asked for.
// Every input is capped, so this is the operator's limit and not an attacker's lever.

#include <stddef.h>

// mcr_alloc returns `size` uninitialised bytes, released with free().
void *mcr_alloc(size_t size);

// mcr_zalloc returns `size` zeroed bytes, released with free().
void *mcr_zalloc(size_t size);

// mcr_realloc is realloc(3) that aborts instead of returning NULL.
void *mcr_realloc(void *ptr, size_t size);

// mcr_strdup copies NUL-terminated `text` (NULL stays NULL); released with free().
char *mcr_strdup(const char *text);

// mcr_strndup copies the `len` bytes at `bytes` and puts a NUL behind; released with free().
char *mcr_strndup(const char *bytes, size_t len);
