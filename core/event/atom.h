#pragma once
// Atoms: small numbers for strings that recur (types, reasons, kinds, namespaces, components), so
// that a Lua state finds its own copy of such a string by index instead of hashing it again.
//
// One table for the process, which only grows: a reader sees an atom for ever at the same place. It
// is bounded (MCR_ATOM_MAX strings of at most MCR_ATOM_LEN bytes); past that, strings simply have
// no atom (id 0) and everything still works. Lookups take no lock; the first sight of a string
// does.

#include <stdint.h>

#include "base/str.h"

enum {
    MCR_ATOM_MAX = 32768,
    MCR_ATOM_LEN = 96
};

// mcr_atom returns the id of the string's atom, made when new; 0 when it is empty, too long or the
// table is full. Any thread.
uint32_t mcr_atom(const char *ptr, uint32_t len);

// mcr_atom_str returns the text of an atom that mcr_atom gave out; it lives as long as the process.
mcr_str mcr_atom_str(uint32_t id);
