#pragma once
// A token bucket with the arithmetic of golang.org/x/time/rate (AllowN of one token), double by
// double, so that it refuses exactly what client-go's limiter refuses. Time is the caller's.

#include <stdbool.h>
#include <stdint.h>

typedef struct mcr_token_bucket {
    double tokens;
    int64_t last; // Unix nanoseconds of the last token that was taken
} mcr_token_bucket;

// mcr_token_bucket_fill makes a full bucket of `burst` tokens.
void mcr_token_bucket_fill(mcr_token_bucket *b, int64_t burst, int64_t now);

// mcr_token_bucket_take takes a token at `now` (Unix nanoseconds) and returns true; or returns
// false and changes nothing. `qps` tokens a second come in, up to `burst`; none when qps is 0 or
// less. A shortage that the refill makes up in less than 1 ns passes and is carried over. Time that
// goes back refills nothing.
bool mcr_token_bucket_take(mcr_token_bucket *b, double qps, int64_t burst, int64_t now);

// mcr_token_bucket_level is how many tokens there are at `now`, parts of one too.
double mcr_token_bucket_level(const mcr_token_bucket *b, double qps, int64_t burst, int64_t now);
