#pragma once
// The sink kinds there are: mcr_sink_kind_NAME is defined in NAME.c and called "NAME" in the
// configuration. Messages and the manual name them in this order.

#include "sink/sink.h"

#define MCR_SINK_KINDS(KIND)                                                                       \
    KIND(file)                                                                                     \
    KIND(kube)                                                                                     \
    KIND(stdout)                                                                                   \
    KIND(stderr)                                                                                   \
    KIND(store)                                                                                    \
    KIND(webhook)

#define MCR_DECLARE_SINK_KIND(name) extern const mcr_sink_kind mcr_sink_kind_##name;
MCR_SINK_KINDS(MCR_DECLARE_SINK_KIND)
#undef MCR_DECLARE_SINK_KIND
