#include "script/recipe.h"

#include <stdlib.h>

#include "base/alloc.h"

mcr_recipe_step *mcr_recipe_add(mcr_recipe *r, const char *how, const char *sink, mcr_str source,
                                const char *name)
{
    r->steps = mcr_realloc(r->steps, (r->n + 1) * sizeof *r->steps);
    mcr_recipe_step *step = &r->steps[r->n++];
    *step = (mcr_recipe_step){ .how = how,
                               .sink = sink ? mcr_strdup(sink) : NULL,
                               .name = mcr_strdup(name) };
    mcr_buf_add(&step->source, source);
    return step;
}

static void free_sinks(mcr_recipe *r)
{
    for (uint32_t i = 0; i < r->sink_n; i++)
        free(r->sinks[i]);
    free(r->sinks);
}

void mcr_recipe_set_sinks(mcr_recipe *r, const char *const *names, uint32_t n)
{
    char **copies = mcr_zalloc((n + 1) * sizeof *copies);
    for (uint32_t i = 0; i < n; i++)
        copies[i] = mcr_strdup(names[i]);
    free_sinks(r);
    r->sinks = copies;
    r->sink_n = n;
}

void mcr_recipe_fini(mcr_recipe *r)
{
    for (size_t i = 0; i < r->n; i++) {
        mcr_recipe_step *step = &r->steps[i];
        free(step->sink);
        free(step->name);
        mcr_buf_fini(&step->source);
        mcr_buf_fini(&step->params);
    }
    free(r->steps);
    free_sinks(r);
    *r = (mcr_recipe){ 0 };
}
