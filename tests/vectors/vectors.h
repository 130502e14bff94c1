#pragma once
// Golden vectors of client-go (FORMAT.md): how scenarios are read, and a function for each kind.
//
// vectors.c reads the files, one scenario a line, and calls the function for its `kind`.

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "correlate/correlator.h"
#include "event/event.h"

// Each runs one scenario: 1 passed, 0 failed with the reason in `why`, -1 skipped (it is about
// something that does not exist here).
int vectors_codec(const cJSON *scenario, char *why, size_t why_size);
int vectors_codec_encode(const cJSON *scenario, char *why, size_t why_size);
int vectors_correlator(const cJSON *scenario, char *why, size_t why_size);
int vectors_http(const cJSON *scenario, char *why, size_t why_size);
int vectors_log(const cJSON *scenario, char *why, size_t why_size);
int vectors_mux(const cJSON *scenario, char *why, size_t why_size);
int vectors_name(const cJSON *scenario, char *why, size_t why_size);
int vectors_recorder(const cJSON *scenario, char *why, size_t why_size);
int vectors_sink(const cJSON *scenario, char *why, size_t why_size);

// vectors_not_compared notes that the scenario has `what` ("err of decode"; a constant), which is
// not compared; the output says how many had it.
void vectors_not_compared(const char *what);

// vectors_use_scripts has the correlator's keys and messages made by the script at `path` wherever
// a scenario has client-go's own (`vectors --keys SCRIPT DIR…`); false, and a message on stderr,
// when it does not load.
bool vectors_use_scripts(const char *path);

// vector_script_hooks sets the hooks of `options` that are client-go's to those of the script, if
// there is one.
void vector_script_hooks(mcr_correlator_options *options);

// vectors_end_scripts frees it; false when a hook of it ever failed, for which client-go's stood
// in.
bool vectors_end_scripts(void);

// vectors_parse parses one line, which a NUL follows; NULL when it is no JSON. What cJSON cannot
// hold is changed: U+F8FF stands wherever the line has \u0000 (take strings out by vector_text),
// and an integer of more than 15 digits is a string (take it out by vector_int).
cJSON *vectors_parse(const char *line, size_t len);

int64_t vector_int(const cJSON *item);

// vector_text appends the string `name` of an object, byte for byte: unescaped, or from base64 when
// the object has `name_b64` (the string itself, or true). False: it has neither.
bool vector_text(const cJSON *object, const char *name, mcr_buf *out);

// vector_event makes the event that `event` describes, without original bytes. `raw_b64` (NULL when
// there is none) replaces string fields that are not UTF-8: an object of dotted path → base64. The
// result has one holder, the caller; NULL when it is no event.
mcr_event *vector_event(const cJSON *event, const cJSON *raw_b64);

// vector_event_of makes the event of a scenario: `event`, `event_raw`, and the nanoseconds of
// `first_ns` and `last_ns`.
mcr_event *vector_event_of(const cJSON *scenario);

// vector_same_event compares an event with its JSON; `text` gets what the event is.
bool vector_same_event(const mcr_event *ev, const cJSON *expected, mcr_buf *text);

// What client-go took out of a group, step by step.
typedef struct vector_pop {
    const cJSON *popped; // of this step; NULL: nothing
    bool unknown;        // it was not there
} vector_pop;

// vector_correlator_options sets the options of a scenario; whoever makes a correlator of them sets
// pop->popped before each step. Returns the name of an option that is not known, or NULL.
const char *vector_correlator_options(const cJSON *scenario, mcr_correlator_options *to,
                                      vector_pop *pop);
