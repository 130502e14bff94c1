#pragma once
// The sink "webhook": events to any HTTP server, each in a request of its own or many together.
//
// The body of an event is what the script's render hook made of it (DESIGN §6), else the template
// `body`, else the event's JSON. A hook may also choose URL, method and headers; without a body of
// its own, the template's or the event's JSON stays. Events that go to the same URL with the same
// method and headers share batches.
//
// The template escapes fields for JSON, or as the Content-Type in `headers` says: percent-encoded
// for application/x-www-form-urlencoded, as they are for other types without "json" in their names.
//
// With `batch.events` above 1, bodies are joined:
//
// | batch.format | body of the request                          | Content-Type         |
// |--------------|----------------------------------------------|----------------------|
// | "json"       | [a,b,c]                                      | application/json     |
// | "ndjson"     | a\nb\nc\n                                    | application/x-ndjson |
//
// `batch.prefix`, `batch.separator` and `batch.suffix` replace what the format puts before, between
// and behind the bodies: { prefix = '{"streams":[', suffix = "]}" } for Loki. They hold for single
// events as well. Elasticsearch's bulk needs only "ndjson" and bodies of two lines.
//
// What becomes of a request:
//
// | answer                                         | events                                  |
// |------------------------------------------------|-----------------------------------------|
// | 2xx (with the text `expect` in it, if given)   | delivered                               |
// | a status of `retry.statuses`; no answer        | tried again, not before Retry-After     |
// | 401 with `bearer_file`                         | the file is read again, tried again     |
// | 400, 409, 413, 422 for several events          | each half is sent by itself, and so on  |
// | any other; a URL that cannot work              | dead-lettered with the server's words   |
//
// With `ordered` the batches of one target go one at a time, however large `max_in_flight` is: it
// counts for several targets, single events, or `ordered = false`.
//
// 307 and 308 are followed with method and body, other redirects are refusals. Order: with
// `ordered` the requests of one event (namespace and name), or the batches of one target, go one
// after the other; what waits for its next try holds up those behind it.
//
// Credentials go to the scheme, host and port of `url` alone, also when a hook chose another URL.
// They are in no message: of URLs these show scheme and host, of answers neither token nor
// password.

#include "base/clock.h"
#include "base/option.h"
#include "base/random.h"

typedef enum mcr_webhook_format {
    MCR_WEBHOOK_JSON,
    MCR_WEBHOOK_NDJSON
} mcr_webhook_format;

typedef struct mcr_webhook_options {
    const char *url;    // a template; NULL: the render hook gives it
    const char *method; // NULL: POST
    const char *body;   // a template; NULL: the event's JSON
    mcr_option_map headers;
    const char *expect; // NULL: any body
    bool gzip;
    bool ordered;

    int64_t batch_events;
    int64_t batch_bytes;
    int64_t batch_wait;       // ns
    int batch_format;         // mcr_webhook_format
    const char *batch_prefix; // NULL: the format's
    const char *batch_separator;
    const char *batch_suffix;

    const char *bearer;
    const char *bearer_file;
    const char *user;
    const char *password;
    const char *ca;
    const char *cert;
    const char *key;
    const char *server_name;
    bool insecure;
    const char *proxy;
    bool http2;

    int64_t timeout; // ns of one request
    int64_t max_in_flight;
    int64_t queue; // events
    int64_t attempts;
    int64_t wait;             // ns
    int64_t max_wait;         // ns
    int64_t deadline;         // ns; 0: none
    mcr_option_list statuses; // empty: 408, 425, 429, 5xx
    double rate;              // requests a second; 0: no limit
    int64_t burst;
    // No options: tests say what time it is and what chance brings. NULL: the machine's.
    const mcr_clock *clock; // of waits and deadlines
    const mcr_random *random;
} mcr_webhook_options;
