#pragma once
// What LIST, WATCH and DELETE of a collection share: their query. The inside of api/.

#include "api/api_call.h"
#include "api/api_selector.h"

typedef struct mcr_api_list_query {
    mcr_api_selector *selector;
    int64_t limit;     // 0 or less: none
    uint64_t version;  // 0: any
    bool has_version;  // resourceVersion was given, "0" included
    bool exact;        // resourceVersionMatch=Exact
    bool not_older;    // resourceVersionMatch=NotOlderThan
    int64_t timeout_s; // timeoutSeconds; 0: none
} mcr_api_list_query;

// mcr_api_list_query_parse reads the query of a call. False: the call has its answer, which is to
// be sent.
bool mcr_api_list_query_parse(mcr_api_list_query *out, mcr_api_call *call);
void mcr_api_list_query_fini(mcr_api_list_query *q);
