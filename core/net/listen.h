#pragma once
// A listening TCP socket by an address as people write it.

#include "base/err.h"

// mcr_listen listens on "127.0.0.1:8901", "[::1]:8901", "localhost:0" (port 0: the system's choice)
// or ":8901" (every address). Returns the descriptor, non-blocking and CLOEXEC, and the address
// with the port that it got (the caller's to free). -1 with a sentence.
int mcr_listen(const char *address, char **real, mcr_errbuf *err);

// mcr_listen_close closes the descriptor.
void mcr_listen_close(int fd);
