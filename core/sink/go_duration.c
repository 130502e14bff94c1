#include "sink/go_duration.h"

// `value` in units of `unit` ns, with as many decimals as it needs.
static void decimal(mcr_buf *out, int64_t value, int64_t unit)
{
    mcr_buf_i64(out, value / unit);
    int64_t rest = value % unit;
    if (rest)
        mcr_buf_putc(out, '.');
    while (rest) {
        unit /= 10;
        mcr_buf_putc(out, (char)('0' + rest / unit));
        rest %= unit;
    }
}

void mcr_go_duration(mcr_buf *out, int64_t ns)
{
    const int64_t micro = 1000, milli = 1000 * micro, second = 1000 * milli, minute = 60 * second,
                  hour = 60 * minute;
    if (ns < 0) {
        mcr_buf_putc(out, '-');
        ns = ns == INT64_MIN ? INT64_MAX : -ns;
    }
    if (ns && ns < second) {
        int64_t unit = ns < micro ? 1 : ns < milli ? micro : milli;
        decimal(out, ns, unit);
        mcr_buf_puts(out, unit == 1 ? "ns" : unit == micro ? "\u00b5s" : "ms");
        return;
    }
    if (ns >= hour) {
        mcr_buf_i64(out, ns / hour);
        mcr_buf_putc(out, 'h');
    }
    if (ns >= minute) {
        mcr_buf_i64(out, ns % hour / minute);
        mcr_buf_putc(out, 'm');
    }
    decimal(out, ns % minute, second);
    mcr_buf_putc(out, 's');
}
