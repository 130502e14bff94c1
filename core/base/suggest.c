#include "base/suggest.h"

#include <ctype.h>
#include <string.h>

enum {
    LONGEST = 64
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// The optimal string alignment distance, letters compared without case.
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= bn; j++)
        above[j] = j;
    for (size_t i = 1; i <= an; i++) {
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            int ac = tolower((unsigned char)a[i - 1]), bc = tolower((unsigned char)b[j - 1]);
            size_t best = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (ac != bc));
            if (i > 1 && j > 1 && ac == tolower((unsigned char)b[j - 2]) &&
                bc == tolower((unsigned char)a[i - 2]))
                best = least(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[bn];
}

const char *mcr_suggest(const char *typed, const char *const *words, size_t n)
{
    size_t len = strlen(typed);
    const char *best = NULL;
    size_t best_distance = 4;
    for (size_t i = 0; i < n; i++) {
        size_t word_len = strlen(words[i]);
        if (len > LONGEST || word_len > LONGEST)
            continue;
        size_t d = distance(typed, len, words[i], word_len);
        size_t longer = len > word_len ? len : word_len;
        if (d < best_distance && d * 3 <= longer) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
