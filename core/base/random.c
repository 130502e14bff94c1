#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t next_of_system(void *self)
{
    (void)self;
    uint64_t bits;
    ssize_t n;
    do // so few bytes come whole or not at all
        n = getrandom(&bits, sizeof bits, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof bits) {
        fprintf(stderr, "mooncrier: the system gives no random numbers: %s\n", strerror(errno));
        abort();
    }
    return bits;
}

const mcr_random mcr_random_system = { next_of_system, NULL };
