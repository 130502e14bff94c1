#include "cli/flame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/svg.h"

enum {
    WIDTH = 1200,
    MARGIN = 16,
    HEAD = 76,
    ROW = 20,
    LEGEND = 44,
    TEXT_PX = 11
};

#define NARROWEST 0.4 // px

typedef struct node {
    char *name;
    uint64_t total;
    uint32_t first, next; // child and sibling; 0: none
} node;

struct mcr_flame {
    node *nodes; // the first is the root of all
    uint32_t n, cap;
};

mcr_flame *mcr_flame_new(void)
{
    mcr_flame *f = mcr_zalloc(sizeof *f);
    f->cap = 64;
    f->nodes = mcr_zalloc(f->cap * sizeof *f->nodes);
    f->n = 1;
    f->nodes[0].name = mcr_strdup("all");
    return f;
}

void mcr_flame_free(mcr_flame *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->n; i++)
        free(f->nodes[i].name);
    free(f->nodes);
    free(f);
}

uint64_t mcr_flame_samples(const mcr_flame *f)
{
    return f->nodes[0].total;
}

static uint32_t child(mcr_flame *f, uint32_t parent, const char *name, size_t len)
{
    uint32_t last = 0;
    for (uint32_t i = f->nodes[parent].first; i; i = f->nodes[i].next) {
        if (strncmp(f->nodes[i].name, name, len) == 0 && !f->nodes[i].name[len])
            return i;
        last = i;
    }
    if (f->n == f->cap) {
        f->cap *= 2;
        f->nodes = mcr_realloc(f->nodes, f->cap * sizeof *f->nodes);
    }
    f->nodes[f->n] = (node){ .name = mcr_strndup(name, len) };
    *(last ? &f->nodes[last].next : &f->nodes[parent].first) = f->n;
    return f->n++;
}

static void add_stack(mcr_flame *f, const char *root, const char *stack, size_t len, uint64_t n)
{
    uint32_t at = 0;
    f->nodes[0].total += n;
    if (root) {
        at = child(f, at, root, strlen(root));
        f->nodes[at].total += n;
    }
    for (const char *end = stack + len; stack < end;) {
        const char *semicolon = memchr(stack, ';', (size_t)(end - stack));
        size_t size = (size_t)((semicolon ? semicolon : end) - stack);
        at = child(f, at, stack, size);
        f->nodes[at].total += n;
        stack += size + 1;
    }
}

void mcr_flame_add(mcr_flame *flame, const char *root, const char *stacks)
{
    for (const char *line = stacks; *line;) {
        size_t len = strcspn(line, "\n"), stack = len;
        while (stack && line[stack - 1] >= '0' && line[stack - 1] <= '9')
            stack--;
        if (stack > 1 && stack < len && line[stack - 1] == ' ')
            add_stack(flame, root, line, stack - 1, strtoull(line + stack, NULL, 10));
        line += len + (line[len] == '\n');
    }
}

static double share(const mcr_flame *f, uint64_t n)
{
    uint64_t all = f->nodes[0].total;
    return all ? 100 * (double)n / (double)all : 0;
}

//
// The graph
//

// Of what kind a frame is: what the machine did, a function in C, a line, a function; 0: a hook.
static int kind_of(const char *name, uint32_t depth)
{
    size_t len = strlen(name);
    if (name[0] == '[')
        return 5;
    if (len > 4 && strcmp(name + len - 4, " (C)") == 0)
        return 4;
    if (depth < 2 || strstr(name, " of "))
        return 1;
    return strchr(name, ' ') ? 2 : 3;
}

static const char *const kinds[] = { NULL,   "hook",          "function of a script",
                                     "line", "function in C", "what the machine did" };

static uint32_t depth_of(const mcr_flame *f, uint32_t at)
{
    uint32_t deepest = 0;
    for (uint32_t i = f->nodes[at].first; i; i = f->nodes[i].next) {
        uint32_t depth = depth_of(f, i);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

// As much of the name as there is room for.
static void add_label(mcr_buf *out, const char *name, double x, double y, double width)
{
    const size_t all = strlen(name);
    const double room = width - 6;
    size_t len = all;
    while (len && mcr_svg_text_width(mcr_str_n(name, len), TEXT_PX) > room - (len < all) * TEXT_PX)
        do
            len--;
        while (len && (name[len] & 0xc0) == 0x80); // the rest of a character
    if (len < 3)
        return;
    mcr_buf text = { 0 };
    mcr_buf_append(&text, name, len);
    if (len < all)
        mcr_buf_puts(&text, "…");
    mcr_svg_text(out, x + 3, y + ROW - 6, "class=\"small\"", mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
}

static void draw(mcr_buf *out, const mcr_flame *f, uint32_t at, double x, uint32_t depth)
{
    const node *n = &f->nodes[at];
    double scale = (WIDTH - 2. * MARGIN) / (double)f->nodes[0].total;
    double width = (double)n->total * scale, y = HEAD + (double)depth * ROW;
    if (width < NARROWEST)
        return;
    mcr_buf tip = { 0 };
    mcr_buf_printf(&tip, "%s\n%" PRIu64 " samples, %.1f %%", n->name, n->total, share(f, n->total));
    char look[16];
    int kind = depth ? kind_of(n->name, depth) : 0;
    snprintf(look, sizeof look, "class=\"k%d\"", kind);
    mcr_svg_rect(out, (mcr_svg_box){ x, y, width, ROW - 1 }, look, mcr_buf_cstr(&tip));
    mcr_buf_fini(&tip);
    add_label(out, n->name, x, y, width);
    for (uint32_t i = n->first; i; i = f->nodes[i].next) {
        draw(out, f, i, x, depth + 1);
        x += (double)f->nodes[i].total * scale;
    }
}

void mcr_flame_write_svg(mcr_buf *out, const mcr_flame *f, const char *title, const char *below)
{
    static const char css[] = "rect { stroke: var(--paper); stroke-width: .5; fill-opacity: .32 }\n"
                              "rect:hover { fill-opacity: .6 }\n"
                              ".paper { fill-opacity: 1; stroke: none }\n"
                              ".paper:hover { fill-opacity: 1 }\n"
                              ".k0 { fill: var(--c6) } .k1 { fill: var(--c1) }\n"
                              ".k2 { fill: var(--c2) } .k3 { fill: var(--c5) }\n"
                              ".k4 { fill: var(--c4) } .k5 { fill: var(--c3) }\n"
                              "text { pointer-events: none }\n";
    double height = HEAD + (double)depth_of(f, 0) * ROW + LEGEND;
    mcr_svg_begin(out, WIDTH, height, title, css);
    mcr_svg_text(out, MARGIN, 30, "class=\"title\"", title);
    mcr_svg_text(out, MARGIN, 52, "class=\"muted\"", below);
    if (f->nodes[0].total)
        draw(out, f, 0, MARGIN, 0);
    else
        mcr_svg_text(out, MARGIN, HEAD + ROW, "class=\"muted\"", "no samples");
    double x = MARGIN, y = height - 26;
    for (int kind = 1; kind <= 5; kind++) {
        char look[24];
        snprintf(look, sizeof look, "class=\"k%d\"", kind);
        mcr_svg_rect(out, (mcr_svg_box){ x, y, 12, 12 }, look, NULL);
        mcr_svg_text(out, x + 18, y + 10, "class=\"small muted\"", kinds[kind]);
        x += 40 + mcr_svg_text_width(mcr_str_of(kinds[kind]), TEXT_PX);
    }
    mcr_svg_end(out);
}

//
// The list
//

typedef struct row {
    const char *name;
    uint64_t self, total;
} row;

typedef struct table {
    row *at;
    uint32_t n;
} table;

static row *row_of(table *r, const char *name)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (strcmp(r->at[i].name, name) == 0)
            return &r->at[i];
    r->at = mcr_realloc(r->at, (r->n + 1) * sizeof *r->at);
    r->at[r->n] = (row){ .name = name };
    return &r->at[r->n++];
}

// A frame that calls itself counts once.
typedef struct path {
    const struct path *outer;
    const char *name;
} path;

static bool is_within(const path *p, const char *name)
{
    for (; p; p = p->outer)
        if (strcmp(p->name, name) == 0)
            return true;
    return false;
}

static void gather(const mcr_flame *f, uint32_t at, const path *outer, table *frames, table *states)
{
    const node *n = &f->nodes[at];
    const path here = { outer, n->name };
    uint64_t self = n->total;
    for (uint32_t i = n->first; i; i = f->nodes[i].next) {
        const node *inner = &f->nodes[i];
        if (inner->name[0] == '[' && !inner->first) {
            row_of(states, inner->name)->self += inner->total;
            continue;
        }
        self -= inner->total;
        gather(f, i, &here, frames, states);
    }
    if (!at)
        return;
    row *r = row_of(frames, n->name);
    r->self += self;
    r->total += is_within(outer, n->name) ? 0 : n->total;
}

static int by_self(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->self != y->self)
        return x->self < y->self ? 1 : -1;
    if (x->total != y->total)
        return x->total < y->total ? 1 : -1;
    return strcmp(x->name, y->name);
}

void mcr_flame_write_text(mcr_buf *out, const mcr_flame *flame, uint32_t rows)
{
    const mcr_flame *f = flame;
    table frames = { 0 }, states = { 0 };
    gather(f, 0, NULL, &frames, &states);
    if (states.n)
        qsort(states.at, states.n, sizeof *states.at, by_self);
    for (uint32_t i = 0; i < states.n; i++)
        mcr_buf_printf(out, "%s%.*s %.1f %%", i ? ", " : "  ", (int)strlen(states.at[i].name) - 2,
                       states.at[i].name + 1, share(f, states.at[i].self));
    if (states.n)
        mcr_buf_putc(out, '\n');
    if (frames.n) {
        qsort(frames.at, frames.n, sizeof *frames.at, by_self);
        mcr_buf_puts(out, "     self    total  where\n");
    }
    for (uint32_t i = 0; i < frames.n && i < rows; i++)
        mcr_buf_printf(out, "  %5.1f %%  %5.1f %%  %s\n", share(f, frames.at[i].self),
                       share(f, frames.at[i].total), frames.at[i].name);
    free(frames.at);
    free(states.at);
}
