#pragma once
// The words of webhook requests: where one goes and with which headers, what its answer means.

#include "net/http_client.h"
#include "sink/batch.h"
#include "sink/sink.h"
#include "sink/webhook.h"

// A target is a text: "METHOD URL\n", then one line for each header. Equal targets are one.

// mcr_webhook_target appends the target of an event. `url` is that of the options, filled in;
// `rendered` (NULL: nothing) may say otherwise. MCR_EINVAL with a sentence for what cannot be sent:
// no URL, not http or https, control characters, a header that is the client's own affair.
mcr_err mcr_webhook_target(const mcr_webhook_options *o, mcr_str url, const mcr_rendered *rendered,
                           mcr_buf *out, mcr_errbuf *err);

// mcr_webhook_check_headers says what is wrong with the headers of the options, as above.
mcr_err mcr_webhook_check_headers(const mcr_option_map *headers, mcr_errbuf *err);

// mcr_webhook_own_server tells whether the target is on the server of the options' URL, which alone
// gets their credentials.
bool mcr_webhook_own_server(const mcr_webhook_options *o, mcr_str target);

// mcr_webhook_retry_after is what the answer's Retry-After asks for: seconds, or an HTTP date
// compared with `now` (Unix ns). -1: nothing.
int64_t mcr_webhook_retry_after(const mcr_http_answer *answer, int64_t now);

// mcr_webhook_reason appends one line on what went wrong: method, scheme and host, status and the
// beginning of the body, in which the words of `secrets` (NULL-terminated) are crossed out. Returns
// how long `out` is without the body, which may be about one event.
size_t mcr_webhook_reason(mcr_buf *out, mcr_str target, const mcr_http_answer *answer,
                          const char *const *secrets);

enum {
    MCR_WEBHOOK_HEADERS_MAX = 80 // of one request: what a target has, and ours
};

// mcr_webhook_header_lines lists the header lines of a target, with ours, and returns their number;
// they point into what is given. The line of the options' credentials gives way to one that the
// target has itself.
size_t mcr_webhook_header_lines(mcr_str target, mcr_str authorization, bool gzip, mcr_str *lines);

// mcr_webhook_limits is what the options say of batches; strings are theirs.
mcr_batch_limits mcr_webhook_limits(const mcr_webhook_options *o);

// mcr_webhook_is_about_the_body: an answer by which some of what was sent together may be wrong and
// the rest right: 400, 409, 413 and 422. Others refuse the sender or the place.
bool mcr_webhook_is_about_the_body(int status);
