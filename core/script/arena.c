#include "script/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

// The region is pages; runs of pages are free, one large block, or a slab: slots of one size. Lua
// tells the size of what it frees, so blocks have no headers.

enum {
    PAGE_SHIFT = 12,
    PAGE = 1 << PAGE_SHIFT,
    SLAB_PAGES = 16,
    SMALL_MAX = 8192,   // larger blocks are runs of pages of their own
    CLASSES = 36,       // 16 in steps of 16 bytes, then 4 to each doubling
    BINS = 64,          // free runs of 1 … 63 pages; in bin 0 all longer ones
    COMMIT_PAGES = 256, // made usable at a time
    TRIM_PAGES = 64     // runs of so many pages give their memory back when they are freed
};

typedef enum page_kind {
    PAGE_FREE,
    PAGE_LARGE,
    PAGE_SLAB
} page_kind;

// Page 0 is never handed out: index 0 means none.
typedef struct page {
    uint32_t run;  // how many pages; at the first and the last page of a run
    uint32_t head; // the first page of the slab; at all its pages
    uint32_t next, prev;
    void *slots; // free slots, linked through their first word
    uint16_t used;
    uint16_t fresh; // slots from here on were never used
    uint16_t slot_n;
    uint8_t kind; // at the first and the last page of a run, and at all of a slab
    uint8_t class;
} page;

struct mcr_arena {
    mcr_arena_state state; // first
    char *base;
    page *pages;
    uint32_t page_n; // of the region
    uint32_t top;    // pages from here on are not committed
    uint32_t bins[BINS];
    uint32_t partial[CLASSES]; // slabs with room
    size_t reserved;           // bytes of the mapping
};

static const uint16_t class_sizes[CLASSES] = {
    16,   32,   48,   64,   80,   96,   112,  128,  144,  160,  176,  192,
    208,  224,  240,  256,  320,  384,  448,  512,  640,  768,  896,  1024,
    1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
};

static uint32_t class_of(size_t size)
{
    if (size <= 256)
        return (uint32_t)((size + 15) / 16) - 1;
    uint32_t log2 = 63 - (uint32_t)__builtin_clzll(size - 1); // of (256, 512]: 8
    return 16 + (log2 - 8) * 4 + (uint32_t)((size - 1) >> (log2 - 2)) - 4;
}

static uint32_t pages_for(size_t size)
{
    return (uint32_t)((size + PAGE - 1) >> PAGE_SHIFT);
}

static uint32_t page_of(const mcr_arena *a, const void *ptr)
{
    return (uint32_t)((size_t)((const char *)ptr - a->base) >> PAGE_SHIFT);
}

static void *at_page(const mcr_arena *a, uint32_t index)
{
    return a->base + ((size_t)index << PAGE_SHIFT);
}

static void list_add(mcr_arena *a, uint32_t *list, uint32_t index)
{
    a->pages[index].next = *list;
    a->pages[index].prev = 0;
    if (*list)
        a->pages[*list].prev = index;
    *list = index;
}

static void list_remove(mcr_arena *a, uint32_t *list, uint32_t index)
{
    const page *p = &a->pages[index];
    if (p->prev)
        a->pages[p->prev].next = p->next;
    else
        *list = p->next;
    if (p->next)
        a->pages[p->next].prev = p->prev;
}

static uint32_t *bin_of(mcr_arena *a, uint32_t run)
{
    return &a->bins[run < BINS ? run : 0];
}

static void set_run(mcr_arena *a, uint32_t index, uint32_t run, page_kind kind)
{
    a->pages[index].run = a->pages[index + run - 1].run = run;
    a->pages[index].kind = a->pages[index + run - 1].kind = (uint8_t)kind;
    a->pages[index + run - 1].head = index;
}

static void put_free(mcr_arena *a, uint32_t index, uint32_t run)
{
    set_run(a, index, run, PAGE_FREE);
    list_add(a, bin_of(a, run), index);
}

// Adds a free run, joined with free neighbours.
static void join_free(mcr_arena *a, uint32_t index, uint32_t run)
{
    uint32_t after = index + run;
    if (after < a->top && a->pages[after].kind == PAGE_FREE) {
        list_remove(a, bin_of(a, a->pages[after].run), after);
        run += a->pages[after].run;
    }
    if (index > 1 && a->pages[index - 1].kind == PAGE_FREE) {
        uint32_t before = index - a->pages[index - 1].run;
        list_remove(a, bin_of(a, a->pages[before].run), before);
        run += index - before;
        index = before;
    }
    put_free(a, index, run);
}

static void free_run(mcr_arena *a, uint32_t index, uint32_t run)
{
    if (run >= TRIM_PAGES)
        madvise(at_page(a, index), (size_t)run << PAGE_SHIFT, MADV_DONTNEED);
    join_free(a, index, run);
}

// Takes `run` pages from the free run at `index`.
static uint32_t cut(mcr_arena *a, uint32_t index, uint32_t run, page_kind kind)
{
    uint32_t all = a->pages[index].run;
    list_remove(a, bin_of(a, all), index);
    if (all > run)
        put_free(a, index + run, all - run);
    set_run(a, index, run, kind);
    return index;
}

static bool commit(mcr_arena *a, uint32_t run)
{
    uint32_t more = run > COMMIT_PAGES ? run : COMMIT_PAGES;
    if (more > a->page_n - a->top)
        more = a->page_n - a->top;
    if (more < run ||
        mprotect(at_page(a, a->top), (size_t)more << PAGE_SHIFT, PROT_READ | PROT_WRITE) != 0)
        return false;
    uint32_t index = a->top;
    a->top += more;
    join_free(a, index, more);
    return true;
}

// The first of `run` pages that belong together; 0 when there are none.
static uint32_t take_run(mcr_arena *a, uint32_t run, page_kind kind)
{
    for (uint32_t bin = run; bin < BINS; bin++)
        if (a->bins[bin])
            return cut(a, a->bins[bin], run, kind);
    do {
        for (uint32_t index = a->bins[0]; index; index = a->pages[index].next)
            if (a->pages[index].run >= run)
                return cut(a, index, run, kind);
    } while (commit(a, run));
    return 0;
}

static uint32_t new_slab(mcr_arena *a, uint32_t class)
{
    uint32_t index = take_run(a, SLAB_PAGES, PAGE_SLAB);
    if (!index)
        return 0;
    for (uint32_t i = 0; i < SLAB_PAGES; i++) {
        a->pages[index + i].head = index;
        a->pages[index + i].kind = PAGE_SLAB;
    }
    page *slab = &a->pages[index];
    slab->slots = NULL;
    slab->used = slab->fresh = 0;
    slab->slot_n = (uint16_t)(SLAB_PAGES * PAGE / class_sizes[class]);
    slab->class = (uint8_t) class;
    list_add(a, &a->partial[class], index);
    return index;
}

static bool is_full(const page *slab)
{
    return !slab->slots && slab->fresh == slab->slot_n;
}

static void *take_slot(mcr_arena *a, uint32_t class)
{
    uint32_t index = a->partial[class];
    if (!index && !(index = new_slab(a, class)))
        return NULL;
    page *slab = &a->pages[index];
    void *slot = slab->slots;
    if (slot)
        memcpy(&slab->slots, slot, sizeof slab->slots);
    else
        slot = (char *)at_page(a, index) + (size_t)slab->fresh++ * class_sizes[class];
    slab->used++;
    if (is_full(slab))
        list_remove(a, &a->partial[class], index);
    return slot;
}

static void give_slot(mcr_arena *a, uint32_t index, void *slot)
{
    page *slab = &a->pages[index];
    bool was_full = is_full(slab);
    memcpy(slot, &slab->slots, sizeof slab->slots);
    slab->slots = slot;
    slab->used--;
    if (was_full)
        list_add(a, &a->partial[slab->class], index);
    // The last slab with room stays: what is freed now is often taken again at once.
    if (!slab->used && (slab->next || slab->prev)) {
        list_remove(a, &a->partial[slab->class], index);
        free_run(a, index, SLAB_PAGES);
    }
}

static void *take(mcr_arena *a, size_t size)
{
    if (size <= SMALL_MAX)
        return take_slot(a, class_of(size));
    uint32_t index = take_run(a, pages_for(size), PAGE_LARGE);
    return index ? at_page(a, index) : NULL;
}

static void give(mcr_arena *a, void *ptr)
{
    uint32_t index = page_of(a, ptr);
    if (a->pages[index].kind == PAGE_SLAB)
        give_slot(a, a->pages[index].head, ptr);
    else
        free_run(a, index, a->pages[index].run);
}

// Whether the block at `ptr` has room for `size` bytes and not far too much, or could be made to
// where it is.
static bool fits(mcr_arena *a, void *ptr, size_t size)
{
    uint32_t index = page_of(a, ptr);
    if (a->pages[index].kind == PAGE_SLAB)
        return size <= SMALL_MAX && a->pages[a->pages[index].head].class == class_of(size);
    if (size <= SMALL_MAX)
        return false;
    uint32_t had = a->pages[index].run, wants = pages_for(size), after = index + had;
    if (wants < had) {
        set_run(a, index, wants, PAGE_LARGE);
        free_run(a, index + wants, had - wants);
    } else if (wants > had) {
        if (after >= a->top || a->pages[after].kind != PAGE_FREE ||
            a->pages[after].run < wants - had)
            return false;
        cut(a, after, wants - had, PAGE_LARGE);
        set_run(a, index, wants, PAGE_LARGE);
    }
    return true;
}

static void *refuse(mcr_arena *a)
{
    a->state.was_full = true;
    return NULL;
}

static bool passes_limit(const mcr_arena *a, size_t old_size, size_t size)
{
    if (size > a->state.limit * 2) // more than there is
        return true;
    return a->state.enforced && a->state.used - old_size + size > a->state.limit;
}

void *mcr_arena_alloc(void *arena, void *ptr, size_t old_size, size_t size)
{
    mcr_arena *a = arena;
    if (!ptr)
        old_size = 0;
    if (size > old_size && passes_limit(a, old_size, size))
        return refuse(a);
    void *block = ptr;
    if (!size) {
        if (ptr)
            give(a, ptr);
        block = NULL;
    } else if (!ptr || !fits(a, ptr, size)) {
        block = take(a, size);
        if (!block && size > old_size)
            return refuse(a);
        // Lua takes for granted that a block can shrink: without room to move to it stays.
        if (!block)
            block = ptr;
        if (ptr && block != ptr) {
            memcpy(block, ptr, old_size < size ? old_size : size);
            give(a, ptr);
        }
    }
    if (size > old_size)
        a->state.allocated += size - old_size;
    __atomic_store_n(&a->state.used, a->state.used - old_size + size, __ATOMIC_RELAXED);
    return block;
}

mcr_arena *mcr_arena_new(size_t limit)
{
    if (limit < MCR_ARENA_MIN)
        limit = MCR_ARENA_MIN;
    // Room beyond the limit for what rounding and gaps between blocks take.
    size_t region = ((limit * 2 + PAGE - 1) >> PAGE_SHIFT << PAGE_SHIFT) + MCR_ARENA_MIN;
    uint32_t page_n = (uint32_t)(region >> PAGE_SHIFT);
    size_t table = ((sizeof(mcr_arena) + 63) & ~(size_t)63) + (page_n + 1) * sizeof(page);
    table = (table + PAGE - 1) >> PAGE_SHIFT << PAGE_SHIFT;
    char *memory =
        mmap(NULL, table + region, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, table, PROT_READ | PROT_WRITE) != 0) {
        mcr_log(MCR_LOG_ERROR, "no room for %zu MiB of script memory (limits.memory)", limit >> 20);
        abort();
    }
    mcr_arena *a = (mcr_arena *)(void *)memory;
    a->pages = (page *)(void *)(memory + ((sizeof *a + 63) & ~(size_t)63));
    a->base = memory + table;
    a->page_n = page_n;
    a->top = 1;
    a->state.limit = limit;
    a->reserved = table + region;
    return a;
}

void mcr_arena_free(mcr_arena *arena)
{
    if (arena)
        munmap(arena, arena->reserved);
}
