#include "base/uuid.h"

static char *put_hex(char *at, uint64_t value, int digits)
{
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[(value >> shift) & 15];
    return at;
}

void mcr_uuid(char out[MCR_UUID_LEN], const mcr_random *random)
{
    uint64_t high = mcr_random_next(random), low = mcr_random_next(random);
    high = (high & ~UINT64_C(0xf000)) | 0x4000;               // version 4
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63); // RFC 4122's variant
    char *at = put_hex(out, high >> 32, 8);
    *at++ = '-';
    at = put_hex(at, high >> 16, 4);
    *at++ = '-';
    at = put_hex(at, high, 4);
    *at++ = '-';
    at = put_hex(at, low >> 48, 4);
    *at++ = '-';
    put_hex(at, low, 12);
}
