#include "source/seen.h"

#include <stdlib.h>
#define XXH_INLINE_ALL // a call costs as much as hashing a uid
#include <xxhash.h>

#include "base/alloc.h"

enum {
    WAYS = 8
};

// One set, most recently seen first. A key of 0 is an empty place, and all behind it are empty too.
struct set {
    uint64_t key[WAYS];
    int32_t occurrences[WAYS];
};

struct mcr_seen {
    uint32_t mask; // sets - 1, a power of two less one
    struct set sets[];
};

mcr_seen *mcr_seen_new(uint32_t capacity)
{
    uint32_t sets = 1;
    while (sets < capacity / WAYS && sets < 1u << 28)
        sets *= 2;
    mcr_seen *seen = mcr_zalloc(sizeof *seen + (size_t)sets * sizeof *seen->sets);
    seen->mask = sets - 1;
    return seen;
}

void mcr_seen_free(mcr_seen *seen)
{
    free(seen);
}

// The identity's hash, 0 for an event that has none.
static uint64_t identity(const mcr_event *ev)
{
    const mcr_object_meta *meta = &ev->metadata;
    uint64_t hash;
    if (meta->uid.len) {
        hash = XXH3_64bits(meta->uid.ptr, meta->uid.len);
    } else if (meta->name.len) {
        uint64_t namespace = XXH3_64bits(meta->namespace.ptr, meta->namespace.len);
        hash = XXH3_64bits_withSeed(meta->name.ptr, meta->name.len, namespace);
    } else {
        return 0;
    }
    return hash ? hash : 1;
}

// Moves the places [0, i) one back, so that the first becomes free and place i is overwritten.
static void shift(struct set *set, int i)
{
    for (; i > 0; i--) {
        set->key[i] = set->key[i - 1];
        set->occurrences[i] = set->occurrences[i - 1];
    }
}

static void forget(struct set *set, int i)
{
    for (; i < WAYS - 1; i++) {
        set->key[i] = set->key[i + 1];
        set->occurrences[i] = set->occurrences[i + 1];
    }
    set->key[i] = 0;
}

static int32_t first_delta(const mcr_event *ev, int32_t occurrences)
{
    if (ev->change == MCR_CHANGE_DELETED)
        return 0;
    return ev->change == MCR_CHANGE_REPEAT ? 1 : occurrences;
}

static int32_t more_than(int32_t now, int32_t before)
{
    int64_t more = (int64_t)now - before;
    return more <= 0 ? 0 : more > INT32_MAX ? INT32_MAX : (int32_t)more;
}

static void note(mcr_seen *seen, mcr_event *ev, uint64_t key)
{
    struct set *set = &seen->sets[key & seen->mask];
    int32_t occurrences = mcr_event_occurrences(ev);
    int place = 0;
    while (place < WAYS && set->key[place] != key)
        place++;
    bool known = key && place < WAYS;

    if (ev->change == MCR_CHANGE_UNKNOWN)
        ev->change = known ? MCR_CHANGE_REPEAT : MCR_CHANGE_NEW;
    if (ev->change == MCR_CHANGE_DELETED) {
        ev->delta = 0;
        if (known)
            forget(set, place);
        return;
    }
    ev->delta =
        known ? more_than(occurrences, set->occurrences[place]) : first_delta(ev, occurrences);
    if (!key)
        return;
    shift(set, known ? place : WAYS - 1);
    set->key[0] = key;
    set->occurrences[0] = occurrences;
}

void mcr_seen_note(mcr_seen *seen, mcr_event *ev)
{
    note(seen, ev, identity(ev));
}

void mcr_seen_note_all(mcr_seen *seen, mcr_event *const *events, uint32_t n)
{
    enum {
        AHEAD = 64
    };
    uint64_t keys[AHEAD];
    for (uint32_t done = 0; done < n;) {
        uint32_t some = n - done < AHEAD ? n - done : AHEAD;
        for (uint32_t i = 0; i < some; i++) {
            keys[i] = identity(events[done + i]);
            const struct set *set = &seen->sets[keys[i] & seen->mask];
            __builtin_prefetch(set, 1);
            __builtin_prefetch((const char *)(set + 1) - 1, 1);
        }
        for (uint32_t i = 0; i < some; i++)
            note(seen, events[done + i], keys[i]);
        done += some;
    }
}
