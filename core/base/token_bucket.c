// Compiled with -ffp-contract=off (core/base/CMakeLists.txt): a fused multiply-add would round
// otherwise than Go does on amd64.

#include "base/token_bucket.h"

static const int64_t SECOND = 1000000000;

void mcr_token_bucket_fill(mcr_token_bucket *b, int64_t burst, int64_t now)
{
    b->tokens = (double)burst;
    b->last = now;
}

// What came in since the last token was taken; Go's Duration.Seconds times the rate.
static double refill(const mcr_token_bucket *b, double qps, int64_t now)
{
    if (qps <= 0 || now <= b->last)
        return 0;
    int64_t elapsed;
    if (__builtin_sub_overflow(now, b->last, &elapsed))
        elapsed = INT64_MAX;
    int64_t whole = elapsed / SECOND;
    return ((double)whole + (double)(elapsed % SECOND) / 1e9) * qps;
}

double mcr_token_bucket_level(const mcr_token_bucket *b, double qps, int64_t burst, int64_t now)
{
    double tokens = b->tokens + refill(b, qps, now);
    return tokens > (double)burst ? (double)burst : tokens;
}

bool mcr_token_bucket_take(mcr_token_bucket *b, double qps, int64_t burst, int64_t now)
{
    double tokens = mcr_token_bucket_level(b, qps, burst, now) - 1;
    if (burst < 1 || (tokens < 0 && (qps <= 0 || -tokens / qps * 1e9 >= 1)))
        return false;
    b->tokens = tokens;
    b->last = now;
    return true;
}
