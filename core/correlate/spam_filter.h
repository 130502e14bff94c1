#pragma once
// client-go's EventSourceObjectSpamFilter: a token bucket for each spam key. One thread.

#include <stdbool.h>

#include "correlate/keys.h"

typedef struct mcr_spam_filter mcr_spam_filter;

// mcr_spam_filter_new: at most `size` buckets, as mcr_lru_new takes it; one that was forgotten
// comes back full. `burst` and `qps` (tokens a second) as mcr_token_bucket_take takes them; `qps`
// is the float that client-go holds.
mcr_spam_filter *mcr_spam_filter_new(int64_t size, int64_t burst, float qps);
void mcr_spam_filter_free(mcr_spam_filter *filter);

// mcr_spam_filter_pass tells whether an event with `key` may pass at `now` (Unix ns).
bool mcr_spam_filter_pass(mcr_spam_filter *filter, const mcr_key *key, int64_t now);

// mcr_spam_filter_level is how many tokens the bucket of `key` has at `now`; that of a key which is
// not known is full.
double mcr_spam_filter_level(mcr_spam_filter *filter, const mcr_key *key, int64_t now);
