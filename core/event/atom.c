#include "event/atom.h"

#include <pthread.h>
#include <stdatomic.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"

enum {
    SLOTS = MCR_ATOM_MAX * 2, // at most half full, so that probes stay short
    CHUNK = 64 * 1024
};

typedef struct atom {
    uint64_t hash;
    mcr_str text;
} atom;

// Readers take no lock. A slot goes from 0 to an id once, by a release store after the atom at that
// id is complete; a reader's acquire load of the id therefore sees a complete atom, which never
// changes again. Writers hold `lock`.
static struct {
    _Atomic uint32_t slot[SLOTS];
    atom atoms[MCR_ATOM_MAX + 1]; // [0] is unused: 0 means no atom
    pthread_mutex_t lock;
    uint32_t n;
    char *chunk; // where the next text goes
    uint32_t room;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

// The id of the text, or 0 and the slot where it belongs.
static uint32_t probe(const char *ptr, uint32_t len, uint64_t hash, uint32_t *slot)
{
    for (uint32_t i = (uint32_t)hash % SLOTS;; i = (i + 1) % SLOTS) {
        uint32_t id = atomic_load_explicit(&table.slot[i], memory_order_acquire);
        if (id) {
            const atom *a = &table.atoms[id];
            if (a->hash != hash || a->text.len != len || memcmp(a->text.ptr, ptr, len) != 0)
                continue;
        }
        *slot = i;
        return id;
    }
}

static uint32_t add(const char *ptr, uint32_t len, uint64_t hash)
{
    uint32_t slot;
    pthread_mutex_lock(&table.lock);
    uint32_t id = probe(ptr, len, hash, &slot);
    if (!id && table.n < MCR_ATOM_MAX) {
        if (table.room < len) {
            table.chunk = mcr_alloc(CHUNK); // lives as long as the process, as atoms do
            table.room = CHUNK;
        }
        memcpy(table.chunk, ptr, len);
        id = ++table.n;
        table.atoms[id] = (atom){ hash, { table.chunk, len, id } };
        table.chunk += len;
        table.room -= len;
        atomic_store_explicit(&table.slot[slot], id, memory_order_release);
    }
    pthread_mutex_unlock(&table.lock);
    return id;
}

uint32_t mcr_atom(const char *ptr, uint32_t len)
{
    if (len == 0 || len > MCR_ATOM_LEN)
        return 0;
    uint64_t hash = XXH3_64bits(ptr, len);
    uint32_t slot;
    uint32_t id = probe(ptr, len, hash, &slot);
    return id ? id : add(ptr, len, hash);
}

mcr_str mcr_atom_str(uint32_t id)
{
    return table.atoms[id].text;
}
