#pragma once
// Reading gzip: bytes in, bytes out, as a stream. Takes concatenated members (as `cat a.gz b.gz`
// and log shippers make them) and zero padding behind the last one. One thread.
//
//     while ((n = read(fd, mcr_inflate_room(z, &room), room)) > 0) {
//         mcr_inflate_feed(z, n);
//         while ((got = mcr_inflate_read(z, out, sizeof out, &error)) > 0)
//             …
//     }
//     if (!mcr_inflate_is_whole(z)) … the input was cut off

#include <stdbool.h>
#include <stddef.h>

typedef struct mcr_inflate mcr_inflate;

// mcr_inflate_is_gzip says whether a stream that begins with these bytes (2 are enough) is gzip.
bool mcr_inflate_is_gzip(const char *head, size_t n);

mcr_inflate *mcr_inflate_new(void);
void mcr_inflate_free(mcr_inflate *z);

// mcr_inflate_room returns where the next compressed bytes go, and how many fit (64 KiB). Only when
// mcr_inflate_read has returned 0: earlier input would be overwritten.
char *mcr_inflate_room(mcr_inflate *z, size_t *room);

// mcr_inflate_feed takes `n` bytes just written into the room.
void mcr_inflate_feed(mcr_inflate *z, size_t n);

// mcr_inflate_read writes up to `size` bytes to `out` and returns how many; 0: it needs more input,
// or cannot go on: then *error is a phrase and stays so for good (else NULL).
size_t mcr_inflate_read(mcr_inflate *z, char *out, size_t size, const char **error);

// mcr_inflate_is_whole says whether the input so far ends where a gzip file may end.
bool mcr_inflate_is_whole(const mcr_inflate *z);
