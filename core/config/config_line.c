#include "config/config_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

// The length of the long bracket "[==[" at `at` with all up to its "]==]"; 0 when there is none.
static size_t long_bracket(const char *at)
{
    size_t level = *at == '[' ? strspn(at + 1, "=") : 0;
    if (*at != '[' || at[level + 1] != '[')
        return 0;
    for (const char *end = at + level + 2; (end = strchr(end, ']')); end++)
        if (strspn(end + 1, "=") == level && end[level + 1] == ']')
            return (size_t)(end - at) + level + 2;
    return strlen(at);
}

static size_t quoted(const char *at)
{
    size_t n = 1;
    while (at[n] && at[n] != *at && at[n] != '\n')
        n += at[n] == '\\' && at[n + 1] ? 2 : 1;
    return n + (at[n] == *at);
}

static void blank(char *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != '\n')
            at[i] = ' ';
}

// Blanks comments in `plain`, and in `skeleton`, a second copy, strings as well.
static void blank_out(char *plain, char *skeleton)
{
    for (size_t i = 0; plain[i];) {
        size_t n = 1;
        if (plain[i] == '-' && plain[i + 1] == '-') {
            n = long_bracket(plain + i + 2);
            n = n ? n + 2 : strcspn(plain + i, "\n");
            blank(plain + i, n);
            blank(skeleton + i, n);
        } else if (plain[i] == '"' || plain[i] == '\'') {
            n = quoted(plain + i);
            blank(skeleton + i, n);
        } else if ((n = long_bracket(plain + i))) {
            blank(skeleton + i, n);
        } else {
            n = 1;
        }
        i += n;
    }
}

typedef struct region {
    size_t begin;
    size_t end;
} region;

// Where the whole word stands in the region; region.end when it does not.
static size_t find_word(const char *plain, region in, const char *word, size_t len)
{
    for (size_t i = in.begin; i + len <= in.end; i++)
        if (strncmp(plain + i, word, len) == 0 && !is_word(plain[i + len]) &&
            (i == 0 || !is_word(plain[i - 1])))
            return i;
    return in.end;
}

// Where the '=' behind the word as a key stands: word =, ["word"] =.
static size_t find_key(const char *plain, const char *skeleton, region in, const char *word,
                       size_t len)
{
    while ((in.begin = find_word(plain, in, word, len)) < in.end) {
        in.begin += len;
        size_t after = in.begin + strspn(plain + in.begin, "\"'] \t\n");
        if (after < in.end && skeleton[after] == '=')
            return after;
    }
    return in.end;
}

// Narrows the region to the inside of the n-th table that is opened in it; false: there is none.
static bool enter(const char *skeleton, region *in, long n)
{
    int depth = 0;
    size_t begin = 0;
    for (size_t i = in->begin; i < in->end; i++) {
        if (skeleton[i] == '{' && depth++ == 0 && --n == 0)
            begin = i + 1;
        if (skeleton[i] == '}' && --depth == 0 && n == 0 && begin) {
            *in = (region){ begin, i };
            return true;
        }
    }
    return false;
}

// The part of the text that `where` names, as far as it is spelled out.
static region find_region(const char *plain, const char *skeleton, const char *where)
{
    region in = { 0, strlen(plain) };
    while (*where) {
        if (*where == '[') {
            char *end;
            long n = strtol(where + 1, &end, 10);
            if (!enter(skeleton, &in, n))
                break;
            where = end + (*end == ']');
            continue;
        }
        where += *where == '.';
        size_t len = strcspn(where, ".[");
        region rest = { find_key(plain, skeleton, in, where, len), in.end };
        if (rest.begin == in.end)
            break;
        rest.begin += 1 + strspn(plain + rest.begin + 1, " \t\n");
        if (skeleton[rest.begin] != '{' || !enter(skeleton, &rest, 1))
            break; // made elsewhere
        in = rest;
        where += len;
    }
    return in;
}

int mcr_config_line(const char *text, const char *where, const char *word)
{
    char *plain = mcr_strdup(text), *skeleton = mcr_strdup(text);
    blank_out(plain, skeleton);
    region all = { 0, strlen(plain) }, in = find_region(plain, skeleton, where);
    size_t at = find_word(plain, in, word, strlen(word));
    if (at == in.end)
        at = find_word(plain, all, word, strlen(word));
    int line = at == all.end ? 0 : 1;
    for (size_t i = 0; line && i < at; i++)
        line += text[i] == '\n';
    free(plain);
    free(skeleton);
    return line;
}
