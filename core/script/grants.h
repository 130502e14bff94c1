#pragma once
// What a script may use beyond the sandbox, when its configuration says so:
// `{ "x.lua", allow = { "io", "ffi" } }`. Scripts with grants are trusted: most of these let a
// script do whatever the process may.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

// A set of grants, bit i standing for the i-th name of mcr_grant_names.
typedef uint32_t mcr_grants;

typedef struct mcr_grant {
    const char *name;
    const char *gives; // one line for documentation
    bool outside;      // what a script does with it leaves the process: files, programs, sockets
} mcr_grant;

// All that can be granted; the last one has no name. What each opens is lua/mooncrier/grants.lua.
extern const mcr_grant mcr_grant_list[];

// mcr_grants_add adds the grant called `name` to *grants. MCR_ECONFIG with a suggestion for a name
// that is none.
mcr_err mcr_grants_add(mcr_grants *grants, mcr_str name, mcr_errbuf *err);

// mcr_grants_print appends their names, separated by `separator`; nothing for an empty set.
void mcr_grants_print(mcr_buf *out, mcr_grants grants, const char *separator);

// mcr_grants_outside are those of the set whose use leaves the process.
mcr_grants mcr_grants_outside(mcr_grants grants);
