#pragma once
// Whole small files: kubeconfigs, tokens, namespaces.

#include "base/buf.h"

// mcr_small_file_read appends the content of `path`. Returns 0, or what is wrong as an errno value
// (EFBIG: longer than `limit`, EISDIR…), with `out` as it was.
int mcr_small_file_read(const char *path, size_t limit, mcr_buf *out);

// mcr_small_file_error is strerror, thread-safe, for what mcr_small_file_read returns.
const char *mcr_small_file_error(int errnum);
