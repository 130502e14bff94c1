#pragma once
// How a Kubernetes API server is reached: kubeconfig files as kubectl reads them, or a pod's
// service account. Reading only; tokens that change are net/credentials.h.

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/http_client.h"

// An exec credential plugin (client.authentication.k8s.io v1 and v1beta1).
typedef struct mcr_kube_exec {
    char *api_version;
    char *command; // as to be run: relative to the kubeconfig's folder if it has a slash
    char **args;   // NULL-terminated
    char **env;    // NULL-terminated "NAME=value", added to the environment
    bool provide_cluster_info;
    char *install_hint;   // NULL: none
    char *cluster_config; // JSON, given to the plugin in its cluster's information; NULL: none
    int64_t timeout_ns;   // of one run, then it is killed; 0: 60 s. No kubeconfig says so
} mcr_kube_exec;

typedef struct mcr_kube_access {
    char *server;     // "https://host:6443", no "/" at the end
    char *namespace;  // of the context, or of the pod; NULL: none said
    mcr_http_tls tls; // its strings are owned by this struct
    char *proxy;      // proxy-url; NULL: the environment's
    char *token;      // NULL: none
    char *token_file; // re-read when it changes; wins over token
    char *user;       // basic auth; NULL: none
    char *password;
    char *impersonate;    // as; NULL: none
    mcr_kube_exec *exec;  // NULL: none
    bool compression_off; // disable-compression
    char *origin;         // for messages: "kubeconfig /root/.kube/config, context kind" or "pod"
} mcr_kube_access;

typedef struct mcr_kube_access_options {
    const char *kubeconfig; // one path; NULL: $KUBECONFIG (a list, merged as kubectl does), else
                            // ~/.kube/config, else the pod's service account
    const char *context;    // NULL: current-context
    const char *server;     // wins over the cluster's; also without any kubeconfig
    const char *token_file; // takes the place of the user's credentials
    bool in_cluster;        // the pod's service account and nothing else
    const char *service_account; // its folder; NULL: /var/run/secrets/kubernetes.io/serviceaccount
} mcr_kube_access_options;

// mcr_kube_access_load reads and merges. NULL with a sentence that names file, line and key:
// unknown context, missing files, what is malformed, and what would change who asks but is not
// supported (as-groups, as-uid, as-user-extra; auth-provider, gone from kubectl as well). Unlike
// kubectl it refuses a $KUBECONFIG of which no file exists, and takes numbers for texts.
// insecure-skip-tls-verify is logged as a warning, each time.
mcr_kube_access *mcr_kube_access_load(const mcr_kube_access_options *options, mcr_errbuf *err);

void mcr_kube_access_free(mcr_kube_access *access);
