#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_answer.h"
#include "api/api_call.h"
#include "api/api_reply.h"
#include "base/alloc.h"
#include "event/decode.h"
#include "event/encode.h"
#include "event/time.h"

static bool run_create(mcr_api_call *call, mcr_store_tx *tx)
{
    mcr_event *ev = call->state;
    mcr_str namespace = mcr_str_of(call->request.namespace);
    mcr_stored old;
    if (mcr_store_get(tx, namespace, ev->metadata.name, &old)) {
        mcr_buf details = { 0 };
        mcr_api_details(&details, call->request.events_api, "", NULL, NULL);
        mcr_api_reply_status(call, 409, "AlreadyExists", mcr_buf_cstr(&details),
                             "%s \"%.*s\" already exists",
                             mcr_api_resource_name(call->request.events_api),
                             (int)ev->metadata.name.len, ev->metadata.name.ptr);
        mcr_buf_fini(&details);
        return true;
    }
    uint64_t version = mcr_store_next_version(tx);
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)version);
    mcr_event made = *ev;
    made.metadata.namespace = namespace;
    made.metadata.resourceVersion = mcr_str_of(text);
    mcr_buf json = { 0 };
    mcr_event_encode(&json, &made, false);
    const mcr_stored event = {
        .namespace = namespace,
        .name = ev->metadata.name,
        .json = mcr_buf_str(&json),
        .version = version,
        .created = version,
    };
    mcr_store_put(tx, &event);
    mcr_api_answer_event(call, 201, event.json);
    mcr_buf_fini(&json);
    return true;
}

static void free_event(void *state)
{
    mcr_event_unref(state);
}

void mcr_api_create(mcr_api_call *call)
{
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(decoder, call->body, MCR_DECODE_GO, &ev, &why) != MCR_DECODED_EVENT) {
        mcr_api_reply_status(call, 400, "BadRequest", NULL, "%s", why.text);
        mcr_decoder_free(decoder);
        mcr_api_call_answer(call);
        return;
    }
    mcr_decoder_free(decoder);
    call->state = ev;
    call->free_state = free_event;
    call->run = run_create;
    mcr_api_call_store(call);
}
