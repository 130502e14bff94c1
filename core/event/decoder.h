#pragma once
// The decoder's inside, shared by decode.c (documents, watch lines, errors), decode_event.c (the
// Event object and its two APIs) and decode_fields.c (metadata, references… and values).
//
// All of it reads the decoder's own copy of the text, which lies in the block of the event being
// made and is followed by MCR_SCAN_PAD zeros.

#include <stddef.h>

#include "event/decode.h"
#include "event/pool.h"
#include "event/scan.h"
#include "event/scan_bytes.h"

// How a field's value is read. Go's rules: null leaves strings, numbers and objects as they are,
// and empties times, maps, arrays and what is a pointer in Go.
typedef enum mcr_field_kind {
    MCR_FIELD_STRING,
    MCR_FIELD_WORD, // a string that recurs: with its atom
    MCR_FIELD_INT32,
    MCR_FIELD_INT64,
    MCR_FIELD_OPTIONAL_INT64, // -1 when null
    MCR_FIELD_TIME,
    MCR_FIELD_MICRO_TIME,
    MCR_FIELD_PAIRS,
    MCR_FIELD_ARRAY,   // kept as JSON text
    MCR_FIELD_OBJECT,  // of the fields in `shape`
    MCR_FIELD_POINTER, // the same; null empties it, and the int32 at `set` tells that it is there
    MCR_FIELD_KIND,
    MCR_FIELD_API_VERSION
} mcr_field_kind;

typedef struct mcr_shape mcr_shape;

typedef struct mcr_field {
    char name[32]; // with the quote behind it
    uint32_t mask; // a bit for each byte of `name` that counts
    uint8_t len;   // of the name
    uint8_t kind;  // mcr_field_kind
    uint8_t own;   // no field of the other API
    uint8_t span;  // 1 + which of mcr_block.spans remembers its place; 0: none
    uint16_t at;   // where the value goes, from the start of the object's struct
    uint16_t set;  // of MCR_FIELD_POINTER
    uint16_t size; // of an object's struct
    const mcr_shape *shape;
} mcr_field;

// The fields of an object, in the order in which Go writes them.
struct mcr_shape {
    const mcr_field *fields;
    unsigned n;
};

// `__VA_ARGS__`: further initialisers.
#define MCR_FIELD(text, how, owner, member, ...)                                                   \
    {                                                                                              \
        .name = text "\"", .mask = (uint32_t)((UINT64_C(1) << sizeof(text)) - 1),                  \
        .len = sizeof(text) - 1, .kind = MCR_FIELD_##how, .at = offsetof(owner, member),           \
        __VA_ARGS__                                                                                \
    }

enum {
    MCR_PATH = 3,   // event field, its field, a key of a map
    MCR_WORDS = 512 // a power of two
};

// A word whose atom is known: its ends, which are all of it up to 16 bytes, and its atom.
typedef struct mcr_word {
    uint64_t first;
    uint64_t last;
    uint32_t len;
    uint32_t id;
} mcr_word;

struct mcr_decoder {
    mcr_scan scan;
    mcr_event *ev;
    mcr_str path[MCR_PATH]; // the field being read, for messages
    unsigned depth;         // how much of `path` counts; the last may have no name yet
    bool in_object;         // inside the `object` of a watch line
    const char *expected;   // the value at `wrong` has another type: what it should have been
    const char *wrong;

    // Of the Event object being read.
    mcr_str kind;
    mcr_str api_version;
    const char *kind_at;
    const char *api_version_at;
    uint8_t api;     // MCR_API_*: by whose names fields are read
    bool decided;    // … and it can no longer change, but by reading all again
    bool core_own;   // fields that only core/v1 has were read
    bool v1_own;     // fields that only events.k8s.io/v1 has were read
    bool fields;     // fields other than `type` were read
    bool others;     // fields of no API were read
    bool never_wrap; // an `object` is an unknown field, this is no watch line

    mcr_word words[MCR_WORDS]; // by hash, the last one seen
    char time_text[20];        // the last time read that is so long; an event often repeats it
    mcr_time time;

    mcr_spare spare; // chunks for events
    mcr_buf scratch; // a string being unescaped
    mcr_buf compact; // a place of an error being looked for
    mcr_pair *pairs; // labels or annotations being read
    uint32_t pairs_n;
    uint32_t pairs_cap;
    uint32_t *index; // their keys by hash, 1-based, when there are many
    uint32_t index_size;
};

typedef enum mcr_step {
    MCR_STEP_DONE,
    MCR_STEP_FAILED,
    MCR_STEP_AGAIN, // it was the other API: read it again
    MCR_STEP_LIST,
    MCR_STEP_WATCH // at the value of the `object` of a watch line
} mcr_step;

// mcr_decode_event reads the Event object at the scanner, which is at its `{`, into d->ev, whose
// fields are empty. `top`: it may turn out to be a list or watch line.
mcr_step mcr_decode_event(mcr_decoder *d, bool top);

// mcr_is_event_field tells whether a field other than `type` has that name in one of the APIs.
bool mcr_is_event_field(mcr_str key);

// mcr_decode_field reads the value of `field` into the struct at `base`.
bool mcr_decode_field(mcr_decoder *d, const mcr_field *field, void *base);

bool mcr_decode_string(mcr_decoder *d, mcr_str *to);

// mcr_decode_wrong notes that the value at the scanner should have been `expected`; false.
bool mcr_decode_wrong(mcr_decoder *d, const char *expected);

// mcr_decode_odd_key reads a key that is none of the shape's as it stands, unescaped, into
// d->path; *found gets the field if it is one nevertheless. mcr_decode_key is the fast way in.
bool mcr_decode_odd_key(mcr_decoder *d, const mcr_shape *shape, const mcr_field **found);

static inline bool mcr_key_is(mcr_str key, const char *name, size_t len)
{
    return key.len == len && memcmp(key.ptr, name, len) == 0;
}

#define MCR_KEY_IS(key, name) mcr_key_is(key, name, sizeof(name) - 1)

static inline bool mcr_field_matches(const char *at, const mcr_field *f)
{
#ifdef __SSE2__
    __m128i head = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i name = _mm_loadu_si128((const __m128i *)(const void *)f->name);
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(head, name));
    if ((same & f->mask & 0xffff) != (f->mask & 0xffff))
        return false;
    if (f->mask <= 0xffff)
        return true;
    __m128i tail = _mm_loadu_si128((const __m128i *)(const void *)(at + 16));
    name = _mm_loadu_si128((const __m128i *)(const void *)(f->name + 16));
    same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tail, name));
    return (same & f->mask >> 16) == f->mask >> 16;
#else
    return memcmp(at, f->name, f->len + 1u) == 0;
#endif
}

// mcr_first_key goes from behind a `{` to the first key: 1 when there is one, 0 behind the `}`,
// -1 for an error. mcr_next_key does so from behind a value.
static inline int mcr_first_key(mcr_scan *s)
{
    char c = mcr_scan_next(s);
    if (__builtin_expect(c == '"', 1))
        return 1;
    if (c == '}') {
        s->at++;
        return 0;
    }
    mcr_scan_fail(s, "expected a field name in quotes or '}'");
    return -1;
}

static inline int mcr_next_key(mcr_scan *s)
{
    char c = mcr_scan_next(s);
    if (c == ',') {
        s->at++;
        if (__builtin_expect(mcr_scan_next(s) == '"', 1))
            return 1;
        mcr_scan_fail(s, "expected a field name in quotes behind ','");
        return -1;
    }
    if (c == '}') {
        s->at++;
        return 0;
    }
    mcr_scan_fail(s, "expected ',' or '}' behind it");
    return -1;
}

// mcr_enter goes behind the `{` at the scanner, like mcr_first_key, and makes the path longer by a
// field that has no name yet. Who is done with the object takes it off.
static inline int mcr_enter(mcr_decoder *d)
{
    d->scan.at++;
    d->path[d->depth++] = (mcr_str){ 0 };
    return mcr_first_key(&d->scan);
}

// mcr_decode_key reads a key and its ':' up to the value. *found is the field of that name, looked
// for from *next on (keys mostly come in order), or NULL. The name goes to path[depth - 1].
static inline bool mcr_decode_key(mcr_decoder *d, const mcr_shape *shape, unsigned *next,
                                  const mcr_field **found)
{
    mcr_scan *s = &d->scan;
    const char *at = s->at + 1;
    const mcr_field *field = NULL;
    unsigned i = *next;
    for (; i < shape->n; i++)
        if (mcr_field_matches(at, &shape->fields[i]))
            goto matched;
    for (i = 0; i < *next; i++)
        if (mcr_field_matches(at, &shape->fields[i]))
            goto matched;
    if (!mcr_decode_odd_key(d, shape, &field))
        return false;
    goto colon;
matched:
    field = &shape->fields[i];
    *next = i + 1;
    d->path[d->depth - 1] = (mcr_str){ field->name, field->len, 0 };
    s->at = at + field->len + 1;
colon:
    *found = field;
    if (__builtin_expect(mcr_scan_next(s) != ':', 0))
        return mcr_scan_fail(s, "expected ':'");
    s->at++;
    mcr_scan_next(s);
    return true;
}
