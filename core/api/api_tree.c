#include "api/api_tree.h"

#include <stdlib.h>

#include "event/scan.h"
#include "sink/go_quote.h"

#define NUL_STANDS_AS "\xc0\x80"
#define REPLACEMENT   "\xef\xbf\xbd"

static mcr_str trim(mcr_str s)
{
    while (s.len && strchr(" \t\r\n", s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

//
// Words about what cannot be read
//

static void write_character(mcr_buf *out, char c)
{
    if (c >= ' ' && c < 127)
        mcr_buf_printf(out, "'%c'", c);
    else
        mcr_buf_printf(out, "'\\x%02x'", (unsigned char)c);
}

// Scans one value and what is behind it, with the space that the scanner needs.
static bool is_one_value(mcr_str text, mcr_scan *scan, mcr_buf *room)
{
    mcr_str value;
    mcr_buf_add(room, text);
    memset(mcr_buf_reserve(room, MCR_SCAN_PAD), 0, MCR_SCAN_PAD);
    mcr_scan_init(scan, mcr_buf_str(room), true);
    return mcr_scan_value(scan, &value) && (mcr_scan_space(scan), scan->at == scan->end);
}

void mcr_api_syntax_write(mcr_buf *out, mcr_str text)
{
    mcr_scan scan;
    mcr_buf room = { 0 };
    bool good = is_one_value(text, &scan, &room);
    if (scan.at >= scan.end && !good) {
        mcr_buf_puts(out, "unexpected end of JSON input");
    } else {
        mcr_buf_puts(out, "invalid character ");
        write_character(out, *scan.at);
        if (!scan.why)
            mcr_buf_puts(out, " after top-level value");
        else if (scan.at == scan.begin)
            mcr_buf_puts(out, " looking for beginning of value");
        else
            mcr_buf_printf(out, ": %s", scan.why);
    }
    mcr_buf_fini(&room);
}

//
// Reading
//

// The code unit of `\uXXXX` at `at`; -1: there is none.
static int32_t code_unit(const char *at, const char *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    static const char digits[] = "0123456789abcdef";
    int32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        char c = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] + ' ') : at[i];
        const char *digit = c ? strchr(digits, c) : NULL;
        if (!digit)
            return -1;
        unit = unit * 16 + (int32_t)(digit - digits);
    }
    return unit;
}

// One escape, which begins at `at`; where it ends.
static const char *copy_escape(mcr_buf *out, const char *at, const char *end)
{
    int32_t unit = code_unit(at, end);
    size_t len = unit >= 0 ? 6 : 2;
    if (unit == 0) {
        mcr_buf_puts(out, NUL_STANDS_AS);
    } else if (unit >= 0xd800 && unit < 0xe000) {
        int32_t low = unit < 0xdc00 ? code_unit(at + 6, end) : -1;
        if (low >= 0xdc00 && low < 0xe000)
            mcr_buf_append(out, at, len = 12);
        else
            mcr_buf_puts(out, REPLACEMENT);
    } else {
        len = len < (size_t)(end - at) ? len : (size_t)(end - at);
        mcr_buf_append(out, at, len);
    }
    return at + len;
}

// `text` as cJSON can keep it. What is wrong with its syntax stays so.
static void adapt(mcr_buf *out, mcr_str text)
{
    const char *at = text.ptr, *end = at + text.len;
    while (at < end) {
        size_t width = 1;
        if (*at == '\\') {
            at = copy_escape(out, at, end);
            continue;
        }
        if ((unsigned char)*at >= 0x80 && mcr_utf8_rune(at, (size_t)(end - at), &width) < 0)
            mcr_buf_puts(out, REPLACEMENT);
        else
            mcr_buf_append(out, at, width);
        at += width;
    }
}

cJSON *mcr_api_tree_read(mcr_str text, mcr_buf *why)
{
    mcr_scan scan;
    mcr_buf room = { 0 }, adapted = { 0 };
    cJSON *tree = NULL;
    text = trim(text);
    if (is_one_value(text, &scan, &room)) {
        adapt(&adapted, text);
        tree = cJSON_ParseWithLength(adapted.ptr, adapted.len);
        if (!tree)
            mcr_buf_puts(why, "exceeded max depth");
    } else {
        mcr_api_syntax_write(why, text);
    }
    mcr_buf_fini(&room);
    mcr_buf_fini(&adapted);
    return tree;
}

//
// Writing
//

void mcr_api_tree_write(mcr_buf *out, const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree), *at = text, *nul;
    if (!text)
        return;
    while ((nul = strstr(at, NUL_STANDS_AS))) {
        mcr_buf_append(out, at, (size_t)(nul - at));
        mcr_buf_puts(out, "\\u0000");
        at = nul + 2;
    }
    mcr_buf_puts(out, at);
    cJSON_free(text);
}

size_t mcr_api_tree_size(const cJSON *tree)
{
    size_t size = 8;
    if (tree->string)
        size += strlen(tree->string);
    if (cJSON_IsString(tree))
        size += strlen(tree->valuestring);
    const cJSON *child;
    cJSON_ArrayForEach(child, tree) size += mcr_api_tree_size(child);
    return size;
}
