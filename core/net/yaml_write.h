#pragma once
// JSON as YAML, in the words and the style of Go's yaml, which is kubectl's: blocks, lists not
// indented, quotes only where a string would not be read back as one.

#include <cjson/cJSON.h>

#include "base/buf.h"

// mcr_yaml_write appends the tree as a YAML document without "---". Its strings are UTF-8; U+0000
// stands in them as the bytes C0 80. Members stay in their order.
void mcr_yaml_write(mcr_buf *out, const cJSON *tree);
