#pragma once
// What is said to an exec credential plugin and what it says (client.authentication.k8s.io, kind
// ExecCredential). Text only; who runs it is net/credentials.c.

#include "base/buf.h"
#include "net/kube_access.h"

// mcr_exec_credential_ask appends the value of KUBERNETES_EXEC_INFO. MCR_EIO when the cluster's
// authority, which the plugin wants to know, cannot be read.
mcr_err mcr_exec_credential_ask(const mcr_kube_access *access, mcr_buf *out, mcr_errbuf *err);

typedef struct mcr_exec_credential {
    char *token;     // NULL: none
    char *cert_pem;  // NULL: none
    char *key_pem;   // there if and only if cert_pem is
    int64_t expires; // Unix ns; 0: it does not say
} mcr_exec_credential;

// mcr_exec_credential_read reads the answer of a plugin that was asked as `api_version`. MCR_EINVAL
// with a phrase ("gave no JSON") that holds nothing secret.
mcr_err mcr_exec_credential_read(mcr_str answer, const char *api_version, mcr_exec_credential *out,
                                 mcr_errbuf *err);
void mcr_exec_credential_fini(mcr_exec_credential *c);
