#pragma once
// What a script says of itself: the comment that it begins with. Its form, which the scripts that
// come with mooncrier keep (tests/lua/shipped_scripts_spec.lua):
//
//     -- Finds pods in a crash loop. More sentences, and more paragraphs.
//     --
//     -- @param threshold count    (5)      back-offs that make a loop
//     -- @param window    duration ("10m")  the window; a longer text goes on in lines that
//     --                                    are indented
//     --
//     -- Notes, and how it stands in a configuration:
//     --
//     -- { "handlers/crashloop.lua", threshold = 3 }

#include <stddef.h>

#include "base/buf.h"

typedef struct mcr_script_param {
    mcr_buf text; // what stands behind @param, lines joined with a space; the rest is in it
    mcr_str name;
    mcr_str kind;         // of lua/mooncrier/params.lua
    mcr_str default_text; // as it is written, without the parentheses: 5, "10m", none
    mcr_str doc;
} mcr_script_param;

typedef struct mcr_script_header {
    mcr_buf summary; // the first sentence
    mcr_buf about;   // what stands before the parameters, as it is written
    mcr_script_param *params;
    size_t params_n;
    mcr_buf notes; // what stands after them
} mcr_script_header;

// mcr_script_header_read reads the header of the script `text`. A script without a header has
// nothing of it all.
void mcr_script_header_read(mcr_script_header *h, mcr_str text);

void mcr_script_header_fini(mcr_script_header *h);
