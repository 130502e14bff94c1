#include "event/time.h"

enum {
    NS = 1000000000
};

static const int64_t zero_time = INT64_C(-62135596800); // 0001-01-01T00:00:00Z

// Days since 1970-01-01 of a proleptic Gregorian date (the algorithm of days counted from March).
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = years + era * 400 + (*month <= 2);
}

static bool digits(const char *at, int n, int *value)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        unsigned digit = (unsigned)at[i] - '0';
        if (digit > 9)
            return false;
        v = v * 10 + (int)digit;
    }
    *value = v;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool parse_fraction(const char **at, const char *end, int *n, int32_t *nsec)
{
    int32_t scale = NS / 10;
    for ((*at)++; *at < end && **at >= '0' && **at <= '9'; (*at)++, (*n)++) {
        *nsec += (**at - '0') * scale;
        scale /= 10; // digits past the ninth are cut
    }
    return *n > 0;
}

// Reads `Z` or `+hh:mm` up to the end; as in Go, 24 hours and 60 minutes are let through.
static bool parse_zone(const char *at, const char *end, int *offset)
{
    int hours, minutes;
    *offset = 0;
    if (end - at == 1)
        return *at == 'Z';
    if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':' || !digits(at + 1, 2, &hours) ||
        !digits(at + 4, 2, &minutes) || hours > 24 || minutes > 60)
        return false;
    *offset = (hours * 60 + minutes) * (*at == '-' ? -60 : 60);
    return true;
}

// `decimals`: how many the fraction must have; negative: any number, or no fraction.
static bool parse(mcr_str text, int decimals, mcr_time *out)
{
    int year, month, day, hour, minute, second, offset, n = 0;
    int32_t nsec = 0;
    const char *at = text.ptr;
    if (text.len < sizeof "2006-01-02T5:04:05Z" - 1 || at[4] != '-' || at[7] != '-' ||
        at[10] != 'T')
        return false;
    const char *end = at + text.len;
    // Go takes an hour of one digit.
    int hour_digits = at[12] == ':' ? 1 : 2;
    const char *clock = at + 11 + hour_digits;
    if (end - clock < 7 || clock[0] != ':' || clock[3] != ':' || !digits(at, 4, &year) ||
        !digits(at + 5, 2, &month) || !digits(at + 8, 2, &day) ||
        !digits(at + 11, hour_digits, &hour) || !digits(clock + 1, 2, &minute) ||
        !digits(clock + 4, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    at = clock + 6;
    if ((*at == '.' || *at == ',') && !parse_fraction(&at, end, &n, &nsec))
        return false;
    if ((decimals >= 0 && n != decimals) || !parse_zone(at, end, &offset))
        return false;
    *out = (mcr_time){ .text = text, .nsec = nsec };
    out->sec = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    out->set = out->sec != zero_time || nsec != 0;
    return true;
}

bool mcr_time_parse(mcr_str text, mcr_time *out)
{
    return parse(text, -1, out);
}

bool mcr_micro_time_parse(mcr_str text, mcr_time *out)
{
    return parse(text, 6, out);
}

mcr_time mcr_time_of(int64_t unix_ns)
{
    int64_t sec = unix_ns / NS, nsec = unix_ns % NS;
    if (nsec < 0) {
        sec--;
        nsec += NS;
    }
    return (mcr_time){ .sec = sec, .nsec = (int32_t)nsec, .set = 1 };
}

int64_t mcr_time_ns(const mcr_time *t)
{
    int64_t ns;
    if (!t->set)
        return 0;
    if (__builtin_mul_overflow(t->sec, (int64_t)NS, &ns) ||
        __builtin_add_overflow(ns, t->nsec, &ns))
        return t->sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static void put_digits(char *at, int64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
}

void mcr_time_format(mcr_buf *out, int64_t sec, int32_t nsec, int decimals)
{
    int64_t days = sec / 86400, rest = sec % 86400;
    if (rest < 0) {
        days--;
        rest += 86400;
    }
    int64_t year;
    int month, day;
    date_of(days, &year, &month, &day);
    char text[40];
    char *at = text;
    if (year < 0) {
        *at++ = '-';
        year = -year;
    }
    int year_digits = 4;
    for (int64_t rest_of_year = year / 10000; rest_of_year; rest_of_year /= 10)
        year_digits++;
    put_digits(at, year, year_digits);
    at += year_digits;
    put_digits(at + 1, month, 2);
    put_digits(at + 4, day, 2);
    put_digits(at + 7, rest / 3600, 2);
    put_digits(at + 10, rest / 60 % 60, 2);
    put_digits(at + 13, rest % 60, 2);
    at[0] = at[3] = '-';
    at[6] = 'T';
    at[9] = at[12] = ':';
    at += 15;
    if (decimals > 0) {
        char fraction[9];
        put_digits(fraction, nsec, 9);
        *at++ = '.';
        memcpy(at, fraction, (size_t)decimals);
        at += decimals;
    }
    *at++ = 'Z';
    mcr_buf_append(out, text, (size_t)(at - text));
}

static void write_quoted(mcr_buf *out, const mcr_time *t, int decimals)
{
    if (!t->set) {
        mcr_buf_append(out, "null", 4);
        return;
    }
    mcr_buf_putc(out, '"');
    mcr_time_format(out, t->sec, t->nsec, decimals);
    mcr_buf_putc(out, '"');
}

void mcr_time_write(mcr_buf *out, const mcr_time *t)
{
    write_quoted(out, t, 0);
}

void mcr_micro_time_write(mcr_buf *out, const mcr_time *t)
{
    write_quoted(out, t, 6);
}
