#pragma once
// What scripted_server says and hears: one request off a connection, one answer onto it.

#include "base/buf.h"
#include "support/scripted_server.h"
#include "support/scripted_wire.h"

// scripted_request_begins waits for the first bytes of a request; false when the connection ends.
bool scripted_request_begins(scripted_wire *wire, mcr_buf *in);

// scripted_request_read reads a whole request; what is left over in `in` belongs to the next one.
// NULL when the connection ends first, or when it is no HTTP.
scripted_request *scripted_request_read(scripted_wire *wire, mcr_buf *in);
void scripted_request_free(scripted_request *request);

// scripted_answer_write writes as much of the reply as its mode lets through; false when the
// connection is over.
bool scripted_answer_write(scripted_wire *wire, const scripted_request *request,
                           const scripted_reply *reply);
