#pragma once
// Label and field selectors of LIST and WATCH, read and matched as kube-apiserver does. A selector
// belongs to one thread at a time.

#include <stdbool.h>

#include "base/err.h"
#include "store/store.h"

typedef struct mcr_api_selector mcr_api_selector;

// mcr_api_selector_new reads `labels` ("app=web,tier in (a,b),!x") and `fields`
// ("type=Warning,involvedObject.kind!=Pod"; events.k8s.io/v1 has regarding.* instead); both may be
// NULL. NULL with kube-apiserver's words in `err`.
mcr_api_selector *mcr_api_selector_new(const char *labels, const char *fields, bool events_api,
                                       mcr_errbuf *err);
void mcr_api_selector_free(mcr_api_selector *s);

// mcr_api_selector_empty: everything matches.
bool mcr_api_selector_empty(const mcr_api_selector *s);

bool mcr_api_selector_match(mcr_api_selector *s, const mcr_stored *event);
