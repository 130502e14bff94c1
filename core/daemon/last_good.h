#pragma once
// The last good set: the files of the generation that ran last, kept in `state_dir`/last_good, so
// that a start with broken ones still comes up.
//
// It is a folder with the files, numbered, and index.json, which says what each was. It is written
// beside and exchanged as a whole, so that a crash leaves the old one or the new one. Secrets that
// the configuration reads by `file "…"` or `env "…"` are not in it; the folder is 0700, its files
// 0600.

#include "base/file_set.h"
#include "config/generation.h"

typedef struct mcr_last_good mcr_last_good;

// mcr_last_good_new keeps sets in `state_dir` (copied; made when there is none), written by a
// thread of its own. NULL with a sentence.
mcr_last_good *mcr_last_good_new(const char *state_dir, mcr_errbuf *err);

// mcr_last_good_keep has the files of `g` (copied) written; of several that wait only the newest
// is. What fails is logged, and the one before stays.
void mcr_last_good_keep(mcr_last_good *k, const mcr_generation *g);

// mcr_last_good_free waits until what waits is written. NULL is fine.
void mcr_last_good_free(mcr_last_good *k);

// mcr_last_good_load reads the set of the configuration at `config_path` (as it was given when it
// was kept); `hash` (room for 17) is that of its generation. NULL with a sentence.
mcr_file_set *mcr_last_good_load(const char *state_dir, const char *config_path, char *hash,
                                 mcr_errbuf *err);
