#pragma once
// The structure of JSON text: how deep in brackets and whether inside a string, byte by byte, over
// text that comes in pieces. It does not check the text, so it finds the end of a broken document
// too. What framing uses when a document is not a line.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mcr_structure_found {
    MCR_STRUCTURE_NOTHING, // the bytes ended
    MCR_STRUCTURE_END,     // stopped behind the bracket that closes the outermost one
    MCR_STRUCTURE_BRACE,   // stopped on a `{` in column 0
    MCR_STRUCTURE_ITEMS    // stopped behind `"items":[` in the outermost object
} mcr_structure_found;

typedef struct mcr_structure {
    uint64_t line; // of the next byte
    size_t depth;  // brackets open
    bool items;    // stop at the outermost `"items":[`
    bool in_string;
    bool escaped;
    bool column_0;      // the next byte is the first of its line
    uint8_t items_step; // how much of `"items" : [` was seen: the key, then the colon
    uint8_t key_len;    // bytes of an outermost string that agree with `items`
} mcr_structure;

// mcr_structure_begin goes to where `depth` brackets are open; `line` stays.
void mcr_structure_begin(mcr_structure *s, size_t depth, bool items);

// mcr_structure_scan reads bytes[at … end) and returns where it stopped and why. A string that a
// line end interrupts (no JSON string may hold one) counts as closed there.
const char *mcr_structure_scan(mcr_structure *s, const char *at, const char *end,
                               mcr_structure_found *found);
