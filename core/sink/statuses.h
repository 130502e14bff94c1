#pragma once
// Statuses of HTTP answers as a set, written { 408, "5xx" }: those worth another try.

#include "base/err.h"
#include "base/option.h"

typedef struct mcr_statuses {
    uint64_t bits[16]; // of 0 … 1023
} mcr_statuses;

// mcr_statuses_read reads "429" and "5xx"; an empty list stands for `usual` (words apart by
// spaces). MCR_EINVAL, with a sentence about 'retry.statuses', for anything else, 2xx included.
mcr_err mcr_statuses_read(mcr_statuses *out, const mcr_option_list *list, const char *usual,
                          mcr_errbuf *err);

bool mcr_statuses_has(const mcr_statuses *s, int status);
