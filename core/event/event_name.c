#include "event/event_name.h"

#include <inttypes.h>

#include "base/uuid.h"

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

bool mcr_event_name(mcr_buf *out, mcr_str object, int64_t unix_ns, const mcr_random *uuids)
{
    size_t from = out->len;
    mcr_buf_add(out, object);
    uint64_t magnitude = unix_ns < 0 ? -(uint64_t)unix_ns : (uint64_t)unix_ns;
    mcr_buf_printf(out, ".%s%" PRIx64, unix_ns < 0 ? "-" : "", magnitude);
    if (!uuids || mcr_event_name_valid(mcr_str_n(out->ptr + from, out->len - from)))
        return false;
    out->len = from;
    mcr_uuid(mcr_buf_reserve(out, MCR_UUID_LEN), uuids);
    out->len += MCR_UUID_LEN;
    return true;
}
