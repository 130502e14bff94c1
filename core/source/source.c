#include "source/source.h"

#include <string.h>

#include "source/jsonl.h"

const mcr_source_kind *const mcr_source_kinds[] = { &mcr_jsonl_kind, NULL };

const mcr_source_kind *mcr_source_kind_find(const char *name)
{
    for (const mcr_source_kind *const *kind = mcr_source_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
