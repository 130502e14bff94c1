#pragma once
// JSON as trees of cJSON that can be changed, without what cJSON loses: strings may hold U+0000,
// which stands in the tree as the bytes C0 80. Strings come out as UTF-8, as Go reads them: bytes
// that are none and lone surrogates are U+FFFD. Pure.

#include <cjson/cJSON.h>

#include "base/buf.h"

// mcr_api_tree_read parses `text`, one JSON value and nothing behind it. NULL: it is not, and `why`
// (empty before) says where in Go's words, without a NUL at the end. Freed with cJSON_Delete.
cJSON *mcr_api_tree_read(mcr_str text, mcr_buf *why);

// mcr_api_tree_write appends the tree as JSON without white space.
void mcr_api_tree_write(mcr_buf *out, const cJSON *tree);

// mcr_api_tree_size is about how many bytes the tree has as JSON.
size_t mcr_api_tree_size(const cJSON *tree);

// mcr_api_syntax_write appends what is wrong with JSON that cannot be read, in Go's words.
void mcr_api_syntax_write(mcr_buf *out, mcr_str text);
