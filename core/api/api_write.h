#pragma once
// POST, PUT and PATCH: the request read on the loop's thread (api_write.c), the event put into the
// store on the store's (api_put.c). The inside of api/.

#include <cjson/cJSON.h>

#include "api/api_body.h"
#include "api/api_call.h"
#include "api/api_patch.h"

enum {
    MCR_API_MANAGER_MAX = 128 // bytes of a field manager's name
};

// The state of such a call.
typedef struct mcr_api_write {
    mcr_decoder *decoder;
    mcr_api_body body;
    mcr_buf json; // of the body, when it came as YAML
    mcr_buf name; // made from generateName
    cJSON *patch;
    mcr_api_patch_kind kind;
    bool dry_run;
    char manager[MCR_API_MANAGER_MAX + 1];
} mcr_api_write;

// Inside the transaction.
bool mcr_api_run_create(mcr_api_call *call, mcr_store_tx *tx);
bool mcr_api_run_update(mcr_api_call *call, mcr_store_tx *tx);
bool mcr_api_run_patch(mcr_api_call *call, mcr_store_tx *tx);

// mcr_api_bad_request makes the reply 400; false, for whoever returns it.
bool mcr_api_bad_request(mcr_api_call *call, const char *text);

// mcr_api_matches_url: the event has the name and namespace of the URL. False: the call has its
// answer.
bool mcr_api_matches_url(mcr_api_call *call, const mcr_event *ev);
