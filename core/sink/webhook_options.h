#pragma once
// The options of the webhook sink as the configuration has them.

#include "base/err.h"
#include "sink/statuses.h"
#include "sink/template.h"
#include "sink/webhook.h"

// The statuses that are tried again when the configuration says nothing.
#define MCR_WEBHOOK_AGAIN "408 425 429 5xx"

extern const mcr_option mcr_webhook_option_list[];
void mcr_webhook_defaults(void *options);

// mcr_webhook_body_place is how `body` is escaped.
mcr_template_place mcr_webhook_body_place(const mcr_webhook_options *o);
const char *mcr_webhook_check(const void *options, mcr_errbuf *err);
