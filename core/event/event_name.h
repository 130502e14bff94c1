#pragma once
// Names of events as client-go makes them: the object's name and the time.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/random.h"
#include "base/str.h"

// mcr_event_name appends `<object>.<hex of unix_ns>`: "web-1.17979cfe710868b1". Before 1970 the
// digits stand behind a "-".
//
// With `uuids`, a name that the API server would refuse becomes a random UUID (version 4) instead,
// as in client-go 0.33 and later; NULL: the name stays as it is. True: it is a UUID.
bool mcr_event_name(mcr_buf *out, mcr_str object, int64_t unix_ns, const mcr_random *uuids);

// mcr_event_name_valid: a DNS-1123 subdomain. At most 253 bytes of labels between dots, each of
// a-z, 0-9 and "-", with "-" neither first nor last.
bool mcr_event_name_valid(mcr_str name);
