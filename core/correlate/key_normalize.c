// mcr_key_normalize of key_spec.h. The text is cut into runs of letters and digits; what a run is
// made of, collected while it is read, says which rule may apply. Most runs are words, without any
// digit, and cost one look at each byte.

#include "correlate/key_spec.h"

enum {
    DIGIT = 1,
    HEX = 2,    // a letter of hexadecimal
    LETTER = 4, // another one, or any byte beyond ASCII
    SAFE = 8,   // in generated names: no vowels, no digits that look like one
    RS = 16,    // in hashes of ReplicaSets: ten of these
    RUN = DIGIT | HEX | LETTER,
    SUFFIX = 5 // bytes of a generated suffix
};

#define D   DIGIT
#define X   HEX
#define L   LETTER
#define DS  (DIGIT | SAFE)
#define DR  (DIGIT | SAFE | RS)
#define XR  (HEX | SAFE | RS)
#define LS  (LETTER | SAFE)
#define L8  L, L, L, L, L, L, L, L
#define L64 L8, L8, L8, L8, L8, L8, L8, L8

// clang-format off
static const uint8_t class[256] = {
    ['0'] = D, D, DS, D, DR, DR, DR, DR, DR, DR,
    ['A'] = X, X, X, X, X, X, L, L, L, L, L, L, L,
            L, L, L, L, L, L, L, L, L, L, L, L, L,
    ['a'] = X, XR, XR, XR, X, XR, LS, LS, L, LS, LS, LS, LS,
            LS, L, LS, LS, LS, LS, LS, L, LS, LS, LS, L, LS,
    [0x80] = L64, L64
};
// clang-format on

// Bytes in a row that are letters or digits.
typedef struct run {
    const char *begin;
    const char *end;
    uint8_t any; // classes that some byte has
    uint8_t all; // classes that every byte has
} run;

typedef struct folding {
    const char *text;
    const char *end;
    const char *kept; // from here on nothing is written yet
    char *to;
} folding;

static uint8_t class_of(const char *at)
{
    return class[(unsigned char)*at];
}

static bool is_digit(const char *at, const char *end)
{
    return at < end && class_of(at) & DIGIT;
}

static inline run read_run(const char *at, const char *end)
{
    run r = { at, at, 0, UINT8_MAX };
    do {
        uint8_t c = class_of(r.end);
        r.any |= c;
        r.all &= c;
        r.end++;
    } while (r.end < end && class_of(r.end) & RUN);
    return r;
}

static size_t length(const run *r)
{
    return (size_t)(r->end - r->begin);
}

// Writes `sign` instead of what stands in [begin, end).
static void fold(folding *f, const char *begin, const char *end, char sign)
{
    size_t n = (size_t)(begin - f->kept);
    memcpy(f->to, f->kept, n);
    f->to += n;
    *f->to++ = sign;
    f->kept = end;
}

static bool is_hex(const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(class_of(at + i) & (DIGIT | HEX)))
            return false;
    return true;
}

// 8-4-4-4-12 hex digits, the first eight of which are known to be.
static bool is_uuid(const char *at, const char *end)
{
    enum {
        LEN = 36
    };
    return end - at >= LEN && at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-' &&
           is_hex(at + 9, 4) && is_hex(at + 14, 4) && is_hex(at + 19, 4) && is_hex(at + 24, 12) &&
           (end - at == LEN || !(class_of(at + LEN) & RUN));
}

// Where the IPv6 address at `at` ends; NULL when there is none: it has "::" once or seven colons,
// which no time of day has.
static const char *ipv6_end(const char *at, const char *end)
{
    int colons = 0, doubles = 0;
    const char *to = at;
    for (; to < end && (*to == ':' || class_of(to) & (DIGIT | HEX)); to++) {
        colons += *to == ':';
        doubles += *to == ':' && to[-1] == ':';
    }
    bool whole = doubles == 1 ? colons <= 8 : doubles == 0 && colons == 7;
    bool ends = to[-1] != ':' || to[-2] == ':';
    return whole && ends && (to == end || !(class_of(to) & RUN)) ? to : NULL;
}

// Whether what ends at `end` is a name's last part.
static bool ends_name(const char *at, const char *end)
{
    return at == end || !(*at == '-' && end - at > 1 && class_of(at + 1) & RUN);
}

// Words made of what generated suffixes are made of.
static bool is_word(const run *r)
{
    static const char words[][SUFFIX + 1] = { "https", "dhcpd" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memcmp(r->begin, words[i], SUFFIX) == 0)
            return true;
    return false;
}

static bool is_suffix(const folding *f, const run *r)
{
    return length(r) == SUFFIX && r->all & SAFE && !(r->all & DIGIT) && r->begin > f->text &&
           r->begin[-1] == '-' && ends_name(r->end, f->end) && !is_word(r);
}

// The hash of a ReplicaSet in front of a Pod's suffix.
static bool is_rs_hash(const folding *f, const run *r, const run *suffix)
{
    return r->begin && r->end + 1 == suffix->begin && length(r) >= 6 && length(r) <= 10 &&
           r->all & RS && r->any & DIGIT && r->begin > f->text && r->begin[-1] == '-';
}

// What was written for `before` goes when it is part of the same generated ending.
static void fold_suffix(folding *f, const run *before, const run *r)
{
    if (!is_rs_hash(f, before, r)) {
        fold(f, r->begin, r->end, '*');
    } else if (f->kept == before->end) { // it was folded
        f->to[-1] = '*';
        f->kept = r->end;
    } else {
        fold(f, before->begin, r->end, '*');
    }
}

// The unit of a duration at `at` that a further number follows: how many bytes, or 0.
static size_t unit_between(const char *at, const char *end)
{
    static const char *const units[] = { "h", "ms", "m", "s", "us", "\xc2\xb5s", "ns" };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i]);
        if ((size_t)(end - at) > n && memcmp(at, units[i], n) == 0 && is_digit(at + n, end))
            return n;
    }
    return 0;
}

// Where the number that begins at `at` ends: 3, 1.5, 10.0.0.1, 1m30.
static const char *number_end(const char *at, const char *end)
{
    for (;;) {
        while (is_digit(at, end))
            at++;
        size_t between = at < end && *at == '.' && is_digit(at + 1, end) ? 1 : 0;
        if (!between && at < end && class_of(at) & RUN)
            between = unit_between(at, end);
        if (!between)
            return at;
        at += between;
    }
}

// A run that begins with a digit: a number, perhaps with a unit, or letters and digits mixed.
static const char *fold_number(folding *f, const char *begin)
{
    const char *end = number_end(begin, f->end);
    bool mixed = false;
    const char *rest = end;
    for (; rest < f->end && class_of(rest) & RUN; rest++)
        mixed |= class_of(rest) & DIGIT;
    fold(f, begin, mixed ? rest : end, mixed ? '*' : '#');
    return rest;
}

// Folds what the run calls for; returns where to go on.
static const char *fold_run(folding *f, const run *before, const run *r)
{
    size_t len = length(r);
    bool hex = !(r->any & LETTER);
    bool first = r->begin == f->text || r->begin[-1] != ':';
    if (hex && first && len <= 4 && r->end < f->end && *r->end == ':') {
        const char *end = ipv6_end(r->begin, f->end);
        if (end) {
            fold(f, r->begin, end, '*');
            return end;
        }
    }
    if (hex && len == 8 && is_uuid(r->begin, f->end)) {
        fold(f, r->begin, r->begin + 36, '*');
        return r->begin + 36;
    }
    if (is_suffix(f, r)) {
        fold_suffix(f, before, r);
        return r->end;
    }
    if (!(r->any & DIGIT))
        return r->end;
    if (hex && len >= 7 && r->any & HEX) {
        fold(f, r->begin, r->end, '*');
        return r->end;
    }
    return class_of(r->begin) & DIGIT ? fold_number(f, r->begin) : r->end;
}

void mcr_key_normalize(mcr_buf *out, mcr_str text)
{
    if (!text.len)
        return;
    char *to = mcr_buf_reserve(out, text.len);
    folding f = { text.ptr, text.ptr + text.len, text.ptr, to };
    run before = { 0 };
    const char *at = text.ptr;
    while (at < f.end) {
        if (!(class_of(at) & RUN)) {
            at++;
            continue;
        }
        run r = read_run(at, f.end);
        at = r.end;
        // A word of no interest, as most are.
        if (!(r.any & DIGIT) && r.end - r.begin != SUFFIX &&
            !(r.end < f.end && *r.end == ':' && !(r.any & LETTER)) &&
            !(length(&r) == 8 && !(r.any & LETTER)))
            continue;
        at = fold_run(&f, &before, &r);
        before = r;
    }
    size_t left = (size_t)(f.end - f.kept);
    memcpy(f.to, f.kept, left);
    out->len = (size_t)(f.to + left - out->ptr);
}
