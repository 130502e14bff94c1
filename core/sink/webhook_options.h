#pragma once
// The options of the webhook sink as the configuration has them.

#include "base/err.h"
#include "sink/webhook.h"

extern const mcr_option mcr_webhook_option_list[];
void mcr_webhook_defaults(void *options);
const char *mcr_webhook_check(const void *options, mcr_errbuf *err);
