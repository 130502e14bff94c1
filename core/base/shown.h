#pragma once
// What may be shown of a URL. Its user, path and query may be secrets: a chat webhook's whole
// authority is its path.

#include "base/buf.h"

// mcr_url_shown appends scheme, host and port of `url`, and "/…" where there was more:
// "https://hooks.slack.com/…". Of what is no such URL nothing is shown but "(a URL)".
void mcr_url_shown(mcr_buf *out, const char *url);
