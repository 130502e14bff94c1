#pragma once
// A tap on the control socket: events that pass the running program (event/tapping.h), as lines of
// JSON. What a client asks for and gets is in daemon/control.h. Main thread.

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/app.h"

typedef struct mcr_control_tap mcr_control_tap;

// mcr_control_tap_new begins what `request` asks for. It goes on over reloads. NULL with a
// sentence.
mcr_control_tap *mcr_control_tap_new(mcr_app *app, const cJSON *request, mcr_errbuf *err);

// mcr_control_tap_free ends it. NULL is fine.
void mcr_control_tap_free(mcr_control_tap *tap);

// mcr_control_tap_pause is how long to wait between two looks at it, in seconds: its queue does not
// fill meanwhile, if it samples. Nobody is woken by what it notes.
double mcr_control_tap_pause(const mcr_control_tap *tap);

// mcr_control_tap_describe appends what it has begun, for the answer: a JSON object.
void mcr_control_tap_describe(const mcr_control_tap *tap, mcr_buf *out);

// mcr_control_tap_write appends the lines there are, until `out` has grown to `most` bytes or a
// little more; once a second a line of counts, if they have changed.
void mcr_control_tap_write(mcr_control_tap *tap, mcr_buf *out, size_t most);

// mcr_control_tap_write_counts appends a line of counts.
void mcr_control_tap_write_counts(mcr_control_tap *tap, mcr_buf *out);
