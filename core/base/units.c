#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct unit {
    const char *name;
    double factor;
};

// Reads "<number><unit>"; a missing unit means factor 1.
static bool parse(mcr_str text, const struct unit *units, double *value)
{
    char copy[40];
    if (text.len == 0 || text.len >= sizeof copy || text.ptr[0] < '0' || text.ptr[0] > '9')
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    size_t digits = strspn(copy, "0123456789.");
    if (strlen(copy) != text.len)
        return false;
    char unit[40];
    memcpy(unit, copy + digits, text.len - digits + 1);
    copy[digits] = '\0';
    char *end;
    double number = strtod(copy, &end);
    if (*end)
        return false;
    double factor = unit[0] ? 0 : 1;
    for (const struct unit *u = units; u->name; u++)
        if (strcmp(unit, u->name) == 0)
            factor = u->factor;
    if (factor == 0)
        return false;
    *value = number * factor;
    return true;
}

bool mcr_parse_duration(mcr_str text, int64_t *ns)
{
    static const struct unit units[] = {
        { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 },
        { "m", 60 },    { "h", 3600 },  { "d", 86400 }, { NULL, 0 }
    };
    double seconds;
    if (!parse(text, units, &seconds) || seconds >= 100.0 * 365 * 86400)
        return false;
    *ns = (int64_t)llround(seconds * 1e9);
    return true;
}

bool mcr_parse_size(mcr_str text, uint64_t *bytes)
{
    static const struct unit units[] = {
        { "B", 1 },        { "kB", 1e3 },        { "MB", 1e6 },           { "GB", 1e9 },
        { "KiB", 1024.0 }, { "MiB", 1048576.0 }, { "GiB", 1073741824.0 }, { NULL, 0 }
    };
    double value;
    if (!parse(text, units, &value) || value > 9e15)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

bool mcr_parse_rate(mcr_str text, double *per_second)
{
    static const struct unit units[] = {
        { "/s", 1 }, { "/m", 1 / 60.0 }, { "/h", 1 / 3600.0 }, { "/d", 1 / 86400.0 }, { NULL, 0 }
    };
    return parse(text, units, per_second);
}
