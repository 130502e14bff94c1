#include "rehearse/comparison.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rehearse/turn_difference.h"
#include "sink/kinds.h"

enum {
    OLD,
    NEW,
    SIDES
};

// One of the two.
typedef struct side {
    mcr_rehearsal *rehearsal;
    mcr_course course;
    uint32_t *names; // of its watchers: their number among the watchers of both
    bool *matched;   // of the turns of the input at hand
    size_t matched_cap;
} side;

struct mcr_comparison {
    mcr_comparison_options options;
    side sides[SIDES];
    char **names; // of the watchers of both, the old ones first
    uint32_t name_n;
    uint64_t inputs; // before the batch at hand
    mcr_turn_differ differ;
    bool differed;
};

static uint32_t number_of(mcr_comparison *c, const char *name)
{
    uint32_t i = 0;
    while (i < c->name_n && strcmp(c->names[i], name) != 0)
        i++;
    if (i == c->name_n) {
        c->names = mcr_realloc(c->names, (i + 1) * sizeof *c->names);
        c->names[c->name_n++] = mcr_strdup(name);
    }
    return i;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool other_options(const mcr_config_sink *a, const mcr_config_sink *b)
{
    return strcmp(a->name, b->name) == 0 &&
           (a->kind != b->kind || !mcr_options_equal(a->options, b->options, a->kind->options));
}

// Bodies are needed where they may differ although the events do not: templates and render hooks
// make them, or sinks and logs of one name have other options.
static bool needs_sent(const mcr_config *old, const mcr_config *new)
{
    bool needs = false;
    for (uint32_t i = 0; i < old->sink_n; i++) {
        needs |= old->sinks[i].kind->renders;
        for (uint32_t k = 0; k < new->sink_n; k++)
            needs |= other_options(&old->sinks[i], &new->sinks[k]);
    }
    for (uint32_t i = 0; i < old->watcher_n; i++)
        for (uint32_t k = 0; k < new->watcher_n; k++)
            needs |= same_text(old->watchers[i].name, new->watchers[k].name) &&
                     !same_text(old->watchers[i].log_format, new->watchers[k].log_format);
    return needs;
}

static bool make_side(mcr_comparison *c, int which, mcr_generation *g, bool sent, mcr_errbuf *err)
{
    side *s = &c->sides[which];
    const mcr_rehearsal_options options = {
        .start = c->options.start,
        .observer = mcr_course_observer(&s->course),
        .sent = sent,
        .open_sinks = c->options.open_sinks,
    };
    s->rehearsal = mcr_rehearsal_new_take(g, &options, err);
    if (!s->rehearsal)
        return false;
    const mcr_config *config = mcr_rehearsal_config(s->rehearsal);
    s->names = mcr_alloc((config->watcher_n + 1) * sizeof *s->names);
    for (uint32_t i = 0; i < config->watcher_n; i++)
        s->names[i] = number_of(c, config->watchers[i].name);
    return true;
}

mcr_comparison *mcr_comparison_new_take(mcr_generation *old, mcr_generation *new,
                                        const mcr_comparison_options *options, mcr_errbuf *err)
{
    mcr_comparison *c = mcr_zalloc(sizeof *c);
    c->options = *options;
    c->differ.into = options->into;
    bool sent = options->bodies && needs_sent(old->config, new->config);
    bool made = make_side(c, OLD, old, sent, err);
    if (!made)
        mcr_generation_free(new);
    if (made && make_side(c, NEW, new, sent, err))
        return c;
    mcr_comparison_free(c);
    return NULL;
}

void mcr_comparison_free(mcr_comparison *c)
{
    if (!c)
        return;
    for (int i = 0; i < SIDES; i++) {
        side *s = &c->sides[i];
        mcr_course_fini(&s->course);
        mcr_rehearsal_free(s->rehearsal);
        free(s->names);
        free(s->matched);
    }
    for (uint32_t i = 0; i < c->name_n; i++)
        free(c->names[i]);
    free(c->names);
    mcr_turn_differ_fini(&c->differ);
    free(c);
}

// Whether two turns are of the same event at the same watcher, as far as can be said: emitted
// events are matched in their order.
static bool match(const mcr_comparison *c, const mcr_turn *a, const mcr_turn *b)
{
    const uint32_t *old = c->sides[OLD].names, *new = c->sides[NEW].names;
    if (old[a->watcher] != new[b->watcher] || a->by_n != b->by_n || !a->came != !b->came)
        return false;
    for (uint32_t i = 0; i < a->by_n; i++)
        if (old[a->by[i]] != new[b->by[i]])
            return false;
    return true;
}

static bool has_watcher(const mcr_comparison *c, int which, uint32_t name)
{
    const side *s = &c->sides[which];
    for (uint32_t i = 0; i < mcr_rehearsal_config(s->rehearsal)->watcher_n; i++)
        if (s->names[i] == name)
            return true;
    return false;
}

// Compares two turns of the watcher `name`; `there` is one of them, the other may be missing. True:
// they differ.
static bool compare(mcr_comparison *c, uint32_t name, const mcr_turn *there, const mcr_turn *a,
                    const mcr_turn *b)
{
    mcr_turn_side sides[SIDES];
    for (int i = 0; i < SIDES; i++)
        sides[i] = (mcr_turn_side){
            .course = &c->sides[i].course,
            .rehearsal = c->sides[i].rehearsal,
            .turn = i == OLD ? a : b,
            .open_sinks = c->options.open_sinks,
        };
    if (!a || !b)
        sides[a ? NEW : OLD].absent =
            !there->by_n && there->came && !has_watcher(c, a ? NEW : OLD, name);
    c->differ.watcher = c->options.name ? c->options.name : c->names[name];
    return mcr_turns_differ(&c->differ, &sides[OLD], &sides[NEW]);
}

// The turns of one input: course.turns[from … to).
typedef struct stretch {
    size_t from, to;
} stretch;

static stretch stretch_at(const side *s, size_t from, uint64_t input)
{
    stretch out = { from, from };
    while (out.to < s->course.turn_n && s->course.turns[out.to].input == input)
        out.to++;
    return out;
}

static bool *no_matches(side *s, size_t n)
{
    if (n >= s->matched_cap) {
        s->matched_cap = n * 2 + 1;
        s->matched = mcr_realloc(s->matched, s->matched_cap * sizeof *s->matched);
    }
    memset(s->matched, 0, n * sizeof *s->matched);
    return s->matched;
}

static bool has_event(const mcr_turn *turn)
{
    return turn->came != NULL;
}

// Compares all turns of one input; true: the event is treated differently.
static bool compare_input(mcr_comparison *c, stretch old, stretch new)
{
    const mcr_turn *a = c->sides[OLD].course.turns, *b = c->sides[NEW].course.turns;
    bool *matched = no_matches(&c->sides[NEW], new.to - new.from);
    bool changed = false;
    for (size_t i = old.from; i < old.to; i++) {
        size_t k = new.from;
        // Nearly always it stands at the same place.
        if (new.from + (i - old.from) < new.to && !matched[i - old.from] &&
            match(c, &a[i], &b[new.from + (i - old.from)]))
            k = new.from + (i - old.from);
        while (k < new.to && (matched[k - new.from] || !match(c, &a[i], &b[k])))
            k++;
        bool differ =
            compare(c, c->sides[OLD].names[a[i].watcher], &a[i], &a[i], k < new.to ? &b[k] : NULL);
        if (k < new.to)
            matched[k - new.from] = true;
        c->differed |= differ;
        changed |= differ && has_event(&a[i]);
    }
    for (size_t k = new.from; k < new.to; k++) {
        bool differ = !matched[k - new.from] &&
                      compare(c, c->sides[NEW].names[b[k].watcher], &b[k], NULL, &b[k]);
        c->differed |= differ;
        changed |= differ && has_event(&b[k]);
    }
    return changed;
}

// Compares what both have done since the last time. `events` are the inputs of the batch.
static void compare_batch(mcr_comparison *c, mcr_event *const *events, uint32_t n, bool *changed)
{
    size_t at[SIDES] = { 0 };
    for (uint64_t i = 0; i <= n; i++) {
        uint64_t input = c->inputs + i;
        stretch old = stretch_at(&c->sides[OLD], at[OLD], input);
        stretch new = stretch_at(&c->sides[NEW], at[NEW], input);
        at[OLD] = old.to;
        at[NEW] = new.to;
        c->differ.input = i ? events[i - 1] : NULL;
        if (compare_input(c, old, new) && i)
            changed[i - 1] = true;
    }
    c->inputs += n;
    mcr_course_clear(&c->sides[OLD].course);
    mcr_course_clear(&c->sides[NEW].course);
}

void mcr_comparison_step(mcr_comparison *c, mcr_event *const *events, uint32_t n, bool *changed)
{
    mcr_rehearsal_step(c->sides[OLD].rehearsal, events, n);
    mcr_rehearsal_step(c->sides[NEW].rehearsal, events, n);
    compare_batch(c, events, n, changed);
}

static uint64_t failures(const side *s, uint32_t name)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < mcr_rehearsal_config(s->rehearsal)->watcher_n; i++) {
        mcr_scripts *scripts = mcr_rehearsal_scripts(s->rehearsal, i);
        if (s->names[i] != name || !scripts)
            continue;
        mcr_script_counts counts = mcr_scripts_counts_now(scripts);
        n += counts.script_errors + counts.deadlines;
    }
    return n;
}

// Errors that no event shows: of init, tick and fini, and of routes that fall back to the same.
static void compare_failures(mcr_comparison *c, uint32_t name)
{
    uint64_t old = failures(&c->sides[OLD], name), new = failures(&c->sides[NEW], name);
    if (old == new)
        return;
    mcr_buf decision = { 0 };
    mcr_buf_printf(&decision, "%" PRIu64 " → %" PRIu64 " in all", old, new);
    mcr_differences_note(c->options.into, c->options.name ? c->options.name : c->names[name],
                         MCR_RANK_ERRORS, "errors", mcr_buf_str(&decision));
    mcr_buf_fini(&decision);
    c->differed = true;
}

bool mcr_comparison_finish(mcr_comparison *c)
{
    mcr_rehearsal_finish(c->sides[OLD].rehearsal);
    mcr_rehearsal_finish(c->sides[NEW].rehearsal);
    compare_batch(c, NULL, 0, NULL);
    for (uint32_t i = 0; i < c->name_n; i++)
        compare_failures(c, i);
    return c->differed;
}
