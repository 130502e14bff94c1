#pragma once
// What client-go's REST client makes of an answer (RECORD §6.1), text for text where the server's
// answer is one of its own: the event, or the error that the recorder then tells apart.

#include "net/http_client.h"
#include "sink/kube_rest.h"

typedef struct mcr_kube_reader mcr_kube_reader;

mcr_kube_reader *mcr_kube_reader_new(void);
void mcr_kube_reader_free(mcr_kube_reader *reader);

// mcr_kube_read fills `result`; what it points to is the reader's until its next read. `name` is
// that of the event in the URL, "" when the URL has none (POST).
void mcr_kube_read(mcr_kube_reader *reader, const mcr_http_answer *answer, mcr_str name,
                   mcr_kube_result *result);

// mcr_kube_read_nothing fills `result` for what was never sent: `text` says why (borrowed).
void mcr_kube_read_nothing(mcr_http_outcome outcome, mcr_str text, mcr_kube_result *result);
