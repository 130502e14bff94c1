#pragma once
// Random UUIDs (RFC 4122, version 4), as Kubernetes gives them to objects.

#include "base/random.h"

enum {
    MCR_UUID_LEN = 36
};

// mcr_uuid writes "9f3c2b1a-….-4…-…": lower case, not NUL-terminated.
void mcr_uuid(char out[MCR_UUID_LEN], const mcr_random *random);
