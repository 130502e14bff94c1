#include "script/dead_code.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SEARCHED = 8192, // bytes from a state in which what the compiler knows of it is looked for
    AREAS = 256,     // more are not one state's
    MAPS = 512
};

// How LuaJIT keeps its areas: the first one, from which the others hang.
typedef struct areas {
    uintptr_t first, top, bottom;
    size_t size, all;
} areas;

// … and how an area begins.
typedef struct area {
    const struct area *next;
    size_t size;
} area;

typedef struct map {
    uintptr_t begin, end;
} map;

// The mappings that hold compiled code: executable, and of no file.
static size_t read_maps(map maps[MAPS])
{
    FILE *file = fopen("/proc/self/maps", "re");
    size_t n = 0;
    char line[512];
    while (file && n < MAPS && fgets(line, sizeof line, file)) {
        // "7f0c1000-7f0c2000 r-xp 00000000 00:00 0", and a name if it has one
        char *at;
        map m = { .begin = strtoul(line, &at, 16) };
        if (*at != '-')
            continue;
        m.end = strtoul(at + 1, &at, 16);
        if (strncmp(at, " r-xp 00000000 00:00 0", 22) == 0 && !strpbrk(at, "[/"))
            maps[n++] = m;
    }
    if (file)
        fclose(file);
    return n;
}

static bool is_mapped(const map *maps, size_t n, uintptr_t begin, size_t size)
{
    for (size_t i = 0; i < n; i++)
        if (begin >= maps[i].begin && begin < maps[i].end && size <= maps[i].end - begin)
            return true;
    return false;
}

static bool is_area(const map *maps, size_t n, uintptr_t at, size_t page)
{
    if (!at || at % page || !is_mapped(maps, n, at, page))
        return false;
    size_t size = ((const area *)at)->size;
    return size && size % page == 0 && is_mapped(maps, n, at, size);
}

// Whether `a` can be nothing but the compiler's areas: everything fits.
static bool fits(const areas *a, const map *maps, size_t n, size_t page)
{
    return is_area(maps, n, a->first, page) && ((const area *)a->first)->size == a->size &&
           a->all >= a->size && a->bottom > a->first && a->bottom <= a->top &&
           a->top <= a->first + a->size;
}

size_t mcr_dead_code_release(lua_State *L)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), released = 0;
    map maps[MAPS];
    size_t n = read_maps(maps);
    const area *at = NULL;
    for (size_t i = 0; i + sizeof(areas) <= SEARCHED && !at; i += sizeof(void *)) {
        areas a;
        memcpy(&a, (const char *)L + i, sizeof a);
        if (fits(&a, maps, n, page))
            at = (const area *)a.first;
    }
    for (int i = 0; at && i < AREAS && is_area(maps, n, (uintptr_t)at, page); i++) {
        // The first page stays: what the unwinder reads is in it.
        if (at->size > page && madvise((char *)at + page, at->size - page, MADV_DONTNEED) == 0)
            released += at->size - page;
        at = at->next;
    }

    return released;
}
