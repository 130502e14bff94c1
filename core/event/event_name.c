#include "event/event_name.h"

#include <inttypes.h>

enum {
    NAME_MAX_BYTES = 253
};

static bool alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool mcr_event_name_valid(mcr_str name)
{
    if (name.len > NAME_MAX_BYTES)
        return false;
    bool inside = false; // a label that may end here
    char before = '.';
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '.' && !inside)
            return false;
        if (c == '-' && before == '.')
            return false;
        if (!alphanumeric(c) && c != '-' && c != '.')
            return false;
        inside = alphanumeric(c);
        before = c;
    }
    return inside;
}

static void uuid(mcr_buf *out, const mcr_random *random)
{
    uint64_t high = mcr_random_next(random), low = mcr_random_next(random);
    high = (high & ~UINT64_C(0xf000)) | 0x4000;               // version 4
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63); // RFC 4122's variant
    mcr_buf_printf(out, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                   low & UINT64_C(0xffffffffffff));
}

bool mcr_event_name(mcr_buf *out, mcr_str object, int64_t unix_ns, const mcr_random *uuids)
{
    size_t from = out->len;
    mcr_buf_add(out, object);
    uint64_t magnitude = unix_ns < 0 ? -(uint64_t)unix_ns : (uint64_t)unix_ns;
    mcr_buf_printf(out, ".%s%" PRIx64, unix_ns < 0 ? "-" : "", magnitude);
    if (!uuids || mcr_event_name_valid(mcr_str_n(out->ptr + from, out->len - from)))
        return false;
    out->len = from;
    uuid(out, uuids);
    return true;
}
