#include "sink/age.h"

enum {
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
    YEAR = 365 * DAY
};

// Two units while the first is small, the second left out when it is zero.
static const struct step {
    int64_t below; // seconds
    int64_t unit;
    int64_t rest; // 0: only one unit
    char names[2];
} steps[] = {
    { 2 * MINUTE, 1, 0, "s" },          { 10 * MINUTE, MINUTE, 1, { 'm', 's' } },
    { 3 * HOUR, MINUTE, 0, "m" },       { 8 * HOUR, HOUR, MINUTE, { 'h', 'm' } },
    { 2 * DAY, HOUR, 0, "h" },          { 8 * DAY, DAY, HOUR, { 'd', 'h' } },
    { 2 * (int64_t)YEAR, DAY, 0, "d" }, { 8 * (int64_t)YEAR, YEAR, DAY, { 'y', 'd' } },
    { INT64_MAX, YEAR, 0, "y" },
};

void mcr_age(mcr_buf *out, int64_t seconds)
{
    if (seconds < -1) {
        mcr_buf_puts(out, "<invalid>");
        return;
    }
    if (seconds < 0)
        seconds = 0;
    const struct step *step = steps;
    while (seconds >= step->below && step->below != INT64_MAX)
        step++;
    mcr_buf_i64(out, seconds / step->unit);
    mcr_buf_putc(out, step->names[0]);
    int64_t rest = step->rest ? seconds % step->unit / step->rest : 0;
    if (rest) {
        mcr_buf_i64(out, rest);
        mcr_buf_putc(out, step->names[1]);
    }
}
