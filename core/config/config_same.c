#include "config/config_same.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool mcr_config_same_source(const mcr_config_source *a, const mcr_config_source *b)
{
    return a->kind == b->kind && same_text(a->name, b->name) &&
           mcr_options_equal(a->options, b->options, a->kind->options);
}

bool mcr_config_same_sink(const mcr_config *a, const mcr_config_watcher *v, uint32_t i,
                          const mcr_config *b, const mcr_config_watcher *w, uint32_t k)
{
    bool is_log = i == v->sink_n;
    if (is_log != (k == w->sink_n))
        return false;
    if (is_log)
        return strcmp(v->log_format, w->log_format) == 0;
    const mcr_config_sink *p = &a->sinks[v->sinks[i]], *q = &b->sinks[w->sinks[k]];
    // Parameters of a script can hold anything: they are the same when nothing was written anew.
    return strcmp(p->name, q->name) == 0 && p->kind == q->kind &&
           mcr_options_equal(p->options, q->options, p->kind->options) &&
           (!p->script.name ||
            (strcmp(p->script.path, q->script.path) == 0 && strcmp(a->text, b->text) == 0));
}

bool mcr_config_same_queue(const mcr_config_watcher *v, const mcr_config_watcher *w)
{
    return v->queue == w->queue && same_text(v->group, w->group);
}

bool mcr_config_same_correlator(const mcr_config_watcher *v, const mcr_config_watcher *w)
{
    const mcr_correlator_options *p = &v->correlate, *q = &w->correlate;
    if (!v->correlates && !w->correlates)
        return true;
    return v->correlates == w->correlates && v->learns == w->learns &&
           p->lru_cache_size == q->lru_cache_size && p->burst_size == q->burst_size &&
           p->qps == q->qps && p->max_events == q->max_events &&
           p->max_interval_s == q->max_interval_s && p->key_separator == q->key_separator &&
           p->key_limit == q->key_limit;
}

void mcr_config_note_fixed(mcr_buf *out, const mcr_config *a, const mcr_config *b)
{
    const struct {
        const char *name;
        bool same;
    } fixed[] = {
        { "limits.event", a->event_limit == b->event_limit },
        { "limits.emit", a->emit_queue == b->emit_queue },
        { "limits.drain_timeout", a->drain_timeout == b->drain_timeout },
        { "dead_letters", same_text(a->dead_letters, b->dead_letters) },
        { "state_dir", same_text(a->state_dir, b->state_dir) },
        { "control", same_text(a->control, b->control) },
        { "admin", same_text(a->admin.listen, b->admin.listen) },
        { "reload", a->reload.watch == b->reload.watch && a->reload.poll == b->reload.poll &&
                        a->reload.debounce == b->reload.debounce },
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!fixed[i].same)
            mcr_buf_printf(out, "%s%s", out->len ? ", " : "", fixed[i].name);
}
