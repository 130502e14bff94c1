#pragma once
// Events as answers: in the view of the API that was asked (core/v1 or events.k8s.io/v1), as
// objects, lists, Tables or metadata alone. The inside of api/.

#include "api/api_batch.h"
#include "api/api_call.h"

// mcr_api_answer_event fills the reply with one stored event.
void mcr_api_answer_event(mcr_api_call *call, int status, mcr_str json);

typedef struct mcr_api_list_meta {
    uint64_t version;
    mcr_str token;      // of the next page; empty: this is the last
    uint64_t remaining; // items after this page; 0: none, or nobody counted
} mcr_api_list_meta;

// mcr_api_answer_list fills the reply with a list.
void mcr_api_answer_list(mcr_api_call *call, const mcr_api_batch *batch,
                         const mcr_api_list_meta *meta);

// mcr_api_answer_not_found fills the reply for the event that the request names.
void mcr_api_answer_not_found(mcr_api_call *call);

// mcr_api_resource_name is what messages call events: "events" or "events.events.k8s.io".
const char *mcr_api_resource_name(bool events_api);

// mcr_api_details appends the details of a Status about the event called `name`; `uid` and `causes`
// (JSON array) may be NULL.
void mcr_api_details(mcr_buf *out, bool events_api, const char *name, const char *uid,
                     const char *causes);

// mcr_api_form_is_table tells whether answers of that form are Tables.
bool mcr_api_form_is_table(mcr_api_form form);

// mcr_api_watch_object appends one event as it stands in a watch line of this request.
// `first`: a Table says its columns.
void mcr_api_watch_object(mcr_buf *out, bool events_api, mcr_api_form form, mcr_str json,
                          bool first);
