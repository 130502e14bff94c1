#pragma once
// Kubeconfig files, merged as kubectl merges them: of each cluster, user and context the first file
// that has it, the first current-context that is set. The reading half of net/kube_access.h.

#include <stdbool.h>
#include <stddef.h>

#include "net/kube_access.h"

typedef struct mcr_kubeconfig mcr_kubeconfig;

// mcr_kubeconfig_read reads the files, the first of which is the strongest. One that does not exist
// is left out if `may_miss`. NULL with a sentence in `err`. The caller frees it.
mcr_kubeconfig *mcr_kubeconfig_read(const char *const *paths, size_t n, bool may_miss,
                                    mcr_errbuf *err);
void mcr_kubeconfig_free(mcr_kubeconfig *k);

// mcr_kubeconfig_files is how many files were found.
size_t mcr_kubeconfig_files(const mcr_kubeconfig *k);

// mcr_kubeconfig_context is the current-context; NULL: none is set.
const char *mcr_kubeconfig_context(const mcr_kubeconfig *k);

// mcr_kubeconfig_access fills `out` (zeroed) with what the context says. With MCR_ECONFIG the
// caller frees what is in it already.
mcr_err mcr_kubeconfig_access(const mcr_kubeconfig *k, const char *context, mcr_kube_access *out,
                              mcr_errbuf *err);
