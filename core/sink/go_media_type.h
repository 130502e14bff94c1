#pragma once
// Go's mime.ParseMediaType, as far as the type goes: what a Content-Type header says, or Go's words
// for why it says nothing.

#include <stdbool.h>

#include "base/buf.h"

// mcr_go_media_type appends the media type of `header` in lower case, without parameters:
// "application/json". False, with Go's error text in `*why`: it is malformed, parameters included.
bool mcr_go_media_type(mcr_buf *out, mcr_str header, const char **why);
