#include "api/api_faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

enum {
    METHODS = sizeof methods / sizeof *methods,
    WORD_MAX = 200
};

static bool parse_share(const char *text, double *share)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= 1))
        return false;
    *share = value;
    return true;
}

// Cuts `text` at the first `mark`; what follows, or NULL.
static char *cut(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at)
        *at++ = '\0';
    return at;
}

static bool parse_latency(mcr_api_faults *f, char *value)
{
    char *share = cut(value, ':');
    f->latency_share = 1;
    return mcr_parse_duration(mcr_str_of(value), &f->latency_ns) &&
           (!share || parse_share(share, &f->latency_share));
}

static bool parse_status(mcr_api_faults *f, char *value)
{
    char *share = cut(value, ':'), *after = share ? cut(share, ':') : NULL, *end;
    if (f->n_statuses == MCR_API_FAULT_STATUSES)
        return false;
    long status = strtol(value, &end, 10), seconds = -1;
    if (*end || status < 400 || status > 599)
        return false;
    if (after) {
        seconds = strtol(after, &end, 10);
        if (end == after || *end || seconds < 0 || seconds > 86400)
            return false;
    }
    double chance = 1;
    if (share && !parse_share(share, &chance))
        return false;
    uint32_t n = f->n_statuses++;
    f->statuses[n].status = (int)status;
    f->statuses[n].share = chance;
    f->statuses[n].retry_after = (int)seconds;
    return true;
}

static bool parse_methods(mcr_api_faults *f, char *value)
{
    while (value) {
        char *rest = cut(value, '+');
        unsigned bit = 0;
        for (unsigned i = 0; i < METHODS; i++)
            if (strcmp(value, methods[i]) == 0)
                bit = 1U << i;
        if (!bit)
            return false;
        f->methods |= bit;
        value = rest;
    }
    return true;
}

static bool parse_times(mcr_api_faults *f, const char *value)
{
    char *end;
    f->times = strtoll(value, &end, 10);
    return end != value && !*end && f->times >= 0;
}

static mcr_err parse_word(mcr_api_faults *f, char *word, mcr_errbuf *err)
{
    if (strcmp(word, "none") == 0)
        return MCR_OK;
    struct {
        const char *name;
        double *share;
    } shares[] = {
        { "reset", &f->reset },
        { "close", &f->close },
        { "lost", &f->lost },
        { "half", &f->half },
    };
    char *value = cut(word, '=');
    bool known = false, good = false;
    for (size_t i = 0; i < sizeof shares / sizeof *shares && value; i++) {
        if (strcmp(word, shares[i].name) == 0) {
            known = true;
            good = parse_share(value, shares[i].share);
        }
    }
    if (!known && value) {
        known = true;
        if (strcmp(word, "latency") == 0)
            good = parse_latency(f, value);
        else if (strcmp(word, "status") == 0)
            good = parse_status(f, value);
        else if (strcmp(word, "methods") == 0)
            good = parse_methods(f, value);
        else if (strcmp(word, "times") == 0)
            good = parse_times(f, value);
        else
            known = false;
    }
    if (!known)
        return mcr_errf(err, MCR_EINVAL,
                        "there is no fault '%s'; there are latency=50ms:0.5, status=429:0.3:2, "
                        "reset=0.1, close=0.1, lost=0.1, half=0.1, methods=POST+PATCH, times=3 "
                        "and none",
                        word);
    if (!good)
        return mcr_errf(err, MCR_EINVAL, "the fault '%s' has a value that it cannot take", word);
    return MCR_OK;
}

mcr_err mcr_api_faults_parse(mcr_api_faults *out, mcr_str text, mcr_errbuf *err)
{
    mcr_api_faults f = { .times = -1 };
    const char *at = text.ptr, *end = text.ptr + text.len;
    while (at < end) {
        const char *stop = at;
        while (stop < end && !strchr(", \t\r\n", *stop))
            stop++;
        char word[WORD_MAX];
        if ((size_t)(stop - at) >= sizeof word)
            return mcr_errf(err, MCR_EINVAL, "a fault's setting is longer than %d bytes",
                            WORD_MAX - 1);
        memcpy(word, at, (size_t)(stop - at));
        word[stop - at] = '\0';
        mcr_err code = *word ? parse_word(&f, word, err) : MCR_OK;
        if (code)
            return code;
        at = stop + 1;
    }
    *out = f;
    return MCR_OK;
}

static void write_share(mcr_buf *out, const char *name, double share)
{
    if (share > 0)
        mcr_buf_printf(out, "%s=%g ", name, share);
}

void mcr_api_faults_write(mcr_buf *out, const mcr_api_faults *f)
{
    size_t start = out->len;
    if (f->latency_ns)
        mcr_buf_printf(out, "latency=%gms:%g ", (double)f->latency_ns / 1e6, f->latency_share);
    for (uint32_t i = 0; i < f->n_statuses; i++) {
        mcr_buf_printf(out, "status=%d:%g", f->statuses[i].status, f->statuses[i].share);
        if (f->statuses[i].retry_after >= 0)
            mcr_buf_printf(out, ":%d", f->statuses[i].retry_after);
        mcr_buf_putc(out, ' ');
    }
    write_share(out, "reset", f->reset);
    write_share(out, "close", f->close);
    write_share(out, "lost", f->lost);
    write_share(out, "half", f->half);
    const char *before = "methods=";
    for (unsigned i = 0; i < METHODS; i++) {
        if (f->methods & 1U << i) {
            mcr_buf_printf(out, "%s%s", before, methods[i]);
            before = "+";
        }
    }
    if (f->methods)
        mcr_buf_putc(out, ' ');
    if (f->times >= 0)
        mcr_buf_printf(out, "times=%lld ", (long long)f->times);
    if (out->len == start)
        mcr_buf_puts(out, "none");
    else
        out->len--;
}

static bool concerns(const mcr_api_faults *f, const char *method)
{
    if (f->times == 0)
        return false;
    bool found = f->methods == 0;
    for (unsigned i = 0; i < METHODS; i++)
        found |= f->methods & 1U << i && strcmp(method, methods[i]) == 0;
    return found;
}

mcr_api_fault mcr_api_faults_decide(mcr_api_faults *f, const char *method, const mcr_random *random)
{
    mcr_api_fault fault = { .retry_after = -1 };
    if (!concerns(f, method))
        return fault;
    if (f->latency_ns && mcr_random_unit(random) < f->latency_share)
        fault.delay_ns = f->latency_ns;
    // One draw among shares laid end to end.
    double at = mcr_random_unit(random);
    const struct {
        mcr_api_fault_kind kind;
        double share;
    } kinds[] = {
        { MCR_API_FAULT_RESET, f->reset },
        { MCR_API_FAULT_CLOSE, f->close },
        { MCR_API_FAULT_LOST, f->lost },
        { MCR_API_FAULT_HALF, f->half },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !fault.kind; i++) {
        if (at < kinds[i].share)
            fault.kind = kinds[i].kind;
        at -= kinds[i].share;
    }
    for (uint32_t i = 0; i < f->n_statuses && !fault.kind; i++) {
        if (at < f->statuses[i].share) {
            fault.kind = MCR_API_FAULT_STATUS;
            fault.status = f->statuses[i].status;
            fault.retry_after = f->statuses[i].retry_after;
        }
        at -= f->statuses[i].share;
    }
    if (f->times > 0 && (fault.kind || fault.delay_ns))
        f->times--;
    return fault;
}
