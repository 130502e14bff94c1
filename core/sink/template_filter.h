#pragma once
// The filters of templates: a field's value to another.

#include "sink/field.h"

typedef struct mcr_template_filter mcr_template_filter;

// mcr_template_filter_find returns the filter called `name`; NULL with a sentence that names those
// there are.
const mcr_template_filter *mcr_template_filter_find(const char *name, mcr_errbuf *err);

// The argument of one use of a filter.
typedef struct mcr_filter_argument {
    char *text;     // NULL: no string was given
    int64_t number; // 0: no number was given
} mcr_filter_argument;

// mcr_template_filter_check says what is wrong with an argument.
mcr_err mcr_template_filter_check(const mcr_template_filter *filter,
                                  const mcr_filter_argument *argument, mcr_errbuf *err);

// mcr_template_filter_apply changes the value.
void mcr_template_filter_apply(const mcr_template_filter *filter,
                               const mcr_filter_argument *argument, mcr_field_value *value);

// mcr_field_write_json appends a value as JSON.
void mcr_field_write_json(mcr_buf *out, const mcr_field_value *value);
