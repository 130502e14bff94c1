#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr, size_t size)
{
    if (!ptr && size) {
        fprintf(stderr, "mooncrier: out of memory: %zu bytes wanted\n", size);
        abort();
    }
    return ptr;
}

void *mcr_alloc(size_t size)
{
    return checked(malloc(size), size);
}

void *mcr_zalloc(size_t size)
{
    return checked(calloc(1, size), size);
}

void *mcr_realloc(void *ptr, size_t size)
{
    return checked(realloc(ptr, size), size);
}

char *mcr_strdup(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(mcr_alloc(size), text, size);
}

char *mcr_strndup(const char *bytes, size_t len)
{
    char *copy = mcr_alloc(len + 1);
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}
