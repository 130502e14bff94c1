#include "sink/webhook_options.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "net/token_file.h"
#include "sink/deliveries.h"
#include "sink/template.h"
#include "sink/webhook_request.h"

enum {
    MOST_IN_FLIGHT = 1000,
    MOST_BATCH_EVENTS = 100000
};

static const int64_t MOST_BATCH_BYTES = INT64_C(1) << 30;
static const int64_t SECOND = 1000000000;

#define OPTION(field) offsetof(mcr_webhook_options, field)

const mcr_option mcr_webhook_option_list[] = {
    { "url", MCR_OPTION_URL, OPTION(url), NULL,
      "where to; fields by {{path}}; may be left out if the render hook gives it" },
    { "method", MCR_OPTION_STRING, OPTION(method), NULL, "POST (default), PUT, …" },
    { "headers", MCR_OPTION_MAP, OPTION(headers), NULL, "headers of every request" },
    { "body", MCR_OPTION_STRING, OPTION(body), NULL,
      "a text with fields by {{path | filter}}, escaped for JSON (the event's JSON)" },
    { "expect", MCR_OPTION_STRING, OPTION(expect), NULL,
      "a text without which an answer of 2xx is a refusal, such as '\"errors\":false'" },
    { "gzip", MCR_OPTION_BOOL, OPTION(gzip), NULL, "bodies are compressed (false)" },
    { "ordered", MCR_OPTION_BOOL, OPTION(ordered), NULL,
      "one event's requests, one target's batches keep their order (true)" },
    { "batch.events", MCR_OPTION_INT, OPTION(batch_events), NULL,
      "so many in one request (1); one target's go one after the other if ordered" },
    { "batch.bytes", MCR_OPTION_SIZE, OPTION(batch_bytes), NULL,
      "of a joined body, before gzip (1MiB)" },
    { "batch.wait", MCR_OPTION_DURATION, OPTION(batch_wait), NULL,
      "how long the first of a batch waits for others (1s)" },
    { "batch.format", MCR_OPTION_CHOICE, OPTION(batch_format), "json|ndjson",
      "a JSON array (default) or a line for each" },
    { "batch.prefix", MCR_OPTION_STRING, OPTION(batch_prefix), NULL,
      "before the bodies, in place of the format's" },
    { "batch.separator", MCR_OPTION_STRING, OPTION(batch_separator), NULL, "between the bodies" },
    { "batch.suffix", MCR_OPTION_STRING, OPTION(batch_suffix), NULL, "behind the bodies" },
    { "bearer", MCR_OPTION_SECRET, OPTION(bearer), NULL, "a token" },
    { "bearer_file", MCR_OPTION_STRING, OPTION(bearer_file), NULL,
      "a file with a token, read again when it changes" },
    { "user", MCR_OPTION_STRING, OPTION(user), NULL, "for basic authentication" },
    { "password", MCR_OPTION_SECRET, OPTION(password), NULL, "for basic authentication" },
    { "tls.ca", MCR_OPTION_STRING, OPTION(ca), NULL,
      "a file with the authorities to trust (the system's)" },
    { "tls.cert", MCR_OPTION_STRING, OPTION(cert), NULL, "a file with our certificate" },
    { "tls.key", MCR_OPTION_STRING, OPTION(key), NULL, "a file with its key" },
    { "tls.server_name", MCR_OPTION_STRING, OPTION(server_name), NULL,
      "the name in the server's certificate (the URL's)" },
    { "tls.insecure", MCR_OPTION_BOOL, OPTION(insecure), NULL,
      "the server's certificate is not checked (false)" },
    { "proxy", MCR_OPTION_URL, OPTION(proxy), NULL,
      "a proxy, \"\" for none (that of the environment)" },
    { "http2", MCR_OPTION_BOOL, OPTION(http2), NULL, "HTTP/2 if the server offers it (false)" },
    { "timeout", MCR_OPTION_DURATION, OPTION(timeout), NULL, "of one request (30s)" },
    { "max_in_flight", MCR_OPTION_INT, OPTION(max_in_flight), NULL,
      "how many requests are under way at once (8)" },
    { "queue", MCR_OPTION_INT, OPTION(queue), NULL,
      "how many events wait before no more are taken (10000)" },
    { "retry.attempts", MCR_OPTION_INT, OPTION(attempts), NULL,
      "how often a request is tried where a server is there, 0: until the deadline (12)" },
    { "retry.wait", MCR_OPTION_DURATION, OPTION(wait), NULL,
      "before the second try; doubles with each (1s)" },
    { "retry.max_wait", MCR_OPTION_DURATION, OPTION(max_wait), NULL,
      "the longest wait, Retry-After as well (60s)" },
    { "retry.deadline", MCR_OPTION_DURATION, OPTION(deadline), NULL,
      "after which a request is given up, 0: never (1h)" },
    { "retry.statuses", MCR_OPTION_LIST, OPTION(statuses), NULL,
      "answers worth another try ({ 408, 425, 429, \"5xx\" })" },
    { "rate", MCR_OPTION_RATE, OPTION(rate), NULL, "requests a second, 0: no limit (0)" },
    { "burst", MCR_OPTION_INT, OPTION(burst), NULL, "requests at once before rate counts (10)" },
    { 0 },
};

void mcr_webhook_defaults(void *options)
{
    mcr_delivery_options d;
    mcr_delivery_defaults(&d);
    *(mcr_webhook_options *)options = (mcr_webhook_options){
        .ordered = true,
        .batch_events = 1,
        .batch_bytes = 1 << 20,
        .batch_wait = SECOND,
        .timeout = 30 * SECOND,
        .max_in_flight = 8,
        .queue = d.queue,
        .attempts = d.attempts,
        .wait = d.wait,
        .max_wait = d.max_wait,
        .deadline = d.deadline,
        .burst = d.burst,
    };
}

mcr_template_place mcr_webhook_body_place(const mcr_webhook_options *o)
{
    const char *type = NULL;
    for (size_t i = 0; i < o->headers.n; i++)
        if (strcasecmp(o->headers.entries[i].name, "Content-Type") == 0)
            type = o->headers.entries[i].value;
    if (!type || strcasestr(type, "json"))
        return MCR_TEMPLATE_JSON;
    return strcasestr(type, "x-www-form-urlencoded") ? MCR_TEMPLATE_URL : MCR_TEMPLATE_TEXT;
}

// Numbers that are out of bounds.
static const char *check_numbers(const mcr_webhook_options *o, mcr_errbuf *err)
{
    if (o->batch_events < 1 || o->batch_events > MOST_BATCH_EVENTS) {
        mcr_errf(err, MCR_ECONFIG, "'batch.events' must be from 1 to %d", MOST_BATCH_EVENTS);
        return "batch.events";
    }
    if (o->batch_bytes < 1 || o->batch_bytes > MOST_BATCH_BYTES) {
        mcr_errf(err, MCR_ECONFIG, "'batch.bytes' must be from 1B to 1GiB");
        return "batch.bytes";
    }
    if (o->max_in_flight < 1 || o->max_in_flight > MOST_IN_FLIGHT) {
        mcr_errf(err, MCR_ECONFIG, "'max_in_flight' must be from 1 to %d", MOST_IN_FLIGHT);
        return "max_in_flight";
    }
    if (o->queue < o->batch_events) {
        mcr_errf(err, MCR_ECONFIG, "'queue' must hold at least one batch (batch.events)");
        return "queue";
    }
    if (o->attempts == 0 && o->deadline == 0) {
        mcr_errf(err, MCR_ECONFIG,
                 "'retry.attempts' and 'retry.deadline' cannot both be 0: one must end the tries");
        return "retry.attempts";
    }
    if (o->rate > 0 && o->burst < 1) {
        mcr_errf(err, MCR_ECONFIG, "'burst' must be at least 1 with 'rate'");
        return "burst";
    }
    return NULL;
}

// What does not go together.
static const char *check_credentials(const mcr_webhook_options *o, mcr_errbuf *err)
{
    mcr_str token = mcr_str_of(o->bearer);
    if (o->bearer && !mcr_token_trim(&token)) {
        mcr_errf(err, MCR_ECONFIG, "'bearer' is empty or has control characters in it");
        return "bearer";
    }
    if ((o->bearer != NULL) + (o->bearer_file != NULL) + (o->user != NULL) > 1) {
        mcr_errf(err, MCR_ECONFIG, "only one of 'bearer', 'bearer_file' and 'user' can be used");
        return o->bearer_file ? "bearer_file" : "user";
    }
    if (o->password && !o->user) {
        mcr_errf(err, MCR_ECONFIG, "'password' needs a 'user'");
        return "password";
    }
    if (!o->cert != !o->key) {
        mcr_errf(err, MCR_ECONFIG, "'tls.cert' and 'tls.key' need each other");
        return o->cert ? "tls.cert" : "tls.key";
    }
    if (o->insecure && o->ca) {
        mcr_errf(err, MCR_ECONFIG, "with 'tls.insecure', 'tls.ca' means nothing; take one out");
        return "tls.insecure";
    }
    return NULL;
}

// The target of an event that has nothing in it, so that method and headers are looked at as they
// will be.
static const char *check_target(const mcr_webhook_options *o, mcr_errbuf *err)
{
    mcr_buf url = { 0 }, target = { 0 };
    const char *wrong = mcr_webhook_check_headers(&o->headers, err) ? "headers" : NULL;
    if (!wrong && mcr_webhook_target(o, MCR_STR("http://render"), NULL, &target, err))
        wrong = "method";
    mcr_template *t = !wrong && o->url ? mcr_template_new(o->url, MCR_TEMPLATE_URL, err) : NULL;
    if (!wrong && o->url && !t)
        wrong = "url";
    if (t) {
        target.len = 0;
        mcr_template_write(t, &(mcr_event){ 0 }, &url);
        if (mcr_webhook_target(o, mcr_buf_str(&url), NULL, &target, err))
            wrong = "url";
    }
    if (!wrong && (o->bearer || o->bearer_file || o->user) &&
        strcasestr(mcr_buf_cstr(&target), "\nAuthorization:")) {
        wrong = o->bearer ? "bearer" : o->bearer_file ? "bearer_file" : "user";
        mcr_errf(err, MCR_ECONFIG,
                 "'%s' and an Authorization header or a user in the URL: only one can be used",
                 wrong);
    }
    mcr_template_free(t);
    mcr_buf_fini(&url);
    mcr_buf_fini(&target);
    return wrong;
}

const char *mcr_webhook_check(const void *options, mcr_errbuf *err)
{
    const mcr_webhook_options *o = options;
    mcr_statuses statuses;
    const char *wrong = check_numbers(o, err);
    if (!wrong)
        wrong = check_credentials(o, err);
    if (!wrong && mcr_statuses_read(&statuses, &o->statuses, MCR_WEBHOOK_AGAIN, err))
        wrong = "retry.statuses";
    if (!wrong)
        wrong = check_target(o, err);
    if (!wrong && o->body) {
        mcr_template *t = mcr_template_new(o->body, mcr_webhook_body_place(o), err);
        wrong = t ? NULL : "body";
        mcr_template_free(t);
    }
    return wrong;
}
