#include "correlate/spam_filter.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/lru.h"
#include "base/token_bucket.h"

struct mcr_spam_filter {
    mcr_lru *buckets;
    int64_t burst;
    double qps;
};

mcr_spam_filter *mcr_spam_filter_new(int64_t size, int64_t burst, float qps)
{
    mcr_spam_filter *filter = mcr_zalloc(sizeof *filter);
    filter->buckets = mcr_lru_new(size, sizeof(mcr_token_bucket), NULL);
    filter->burst = burst;
    filter->qps = (double)qps;
    return filter;
}

void mcr_spam_filter_free(mcr_spam_filter *filter)
{
    if (!filter)
        return;
    mcr_lru_free(filter->buckets);
    free(filter);
}

bool mcr_spam_filter_pass(mcr_spam_filter *filter, const mcr_key *key, int64_t now)
{
    bool is_new;
    mcr_token_bucket *bucket = mcr_lru_put(filter->buckets, key->bytes, key->hash, &is_new);
    if (is_new)
        mcr_token_bucket_fill(bucket, filter->burst, now);
    return mcr_token_bucket_take(bucket, filter->qps, filter->burst, now);
}

double mcr_spam_filter_level(mcr_spam_filter *filter, const mcr_key *key, int64_t now)
{
    const mcr_token_bucket *bucket = mcr_lru_get(filter->buckets, key->bytes, key->hash);
    if (!bucket)
        return (double)filter->burst;
    return mcr_token_bucket_level(bucket, filter->qps, filter->burst, now);
}
