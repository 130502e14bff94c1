#pragma once
// What commands print on standard output: when it cannot be written, that is said, and the command
// has failed.

#include <stdbool.h>

#include "base/buf.h"

// mcr_print writes all of `text`, now. False: it could not, and the reason was logged.
bool mcr_print(const mcr_buf *text);

// mcr_printed is the same for what was printed by stdio before.
bool mcr_printed(void);
