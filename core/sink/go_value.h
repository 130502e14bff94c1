#pragma once
// JSON values as kubectl prints them in columns, which is Go's %v: strings as they are,
// `map[app:web tier:front]` with sorted keys, `[a b]`, `<nil>`.

#include <cjson/cJSON.h>

#include "base/buf.h"

void mcr_go_value(mcr_buf *out, const cJSON *value);
