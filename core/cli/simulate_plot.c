#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/simulate_output.h"
#include "cli/svg.h"
#include "sink/go_duration.h"

// Four panels in two columns, a legend below them.
enum {
    WIDTH = 920,
    MARGIN = 24,
    HEAD = 74, // above the panels
    PANEL_WIDTH = 424,
    PANEL_HEIGHT = 250,
    PLOT_LEFT = 62, // of the plot within its panel
    PLOT_TOP = 34,
    PLOT_BOTTOM = 48, // below it: values and the name of the axis
    LEGEND_LINE = 20,
    COLOURS = 6, // of svg.h; more lines than that go around the colour wheel
    TICKS = 12
};

typedef enum unit {
    UNIT_EVENTS,
    UNIT_NS
} unit;

typedef struct panel {
    const char *title;
    const char *what; // for tooltips: "12 API writes"
    unit unit;
    double (*measure)(const mcr_simulated *r);
} panel;

static double writes_of(const mcr_simulated *r)
{
    return (double)(r->creates + r->patches);
}

static double suppressed_of(const mcr_simulated *r)
{
    return (double)r->suppressed;
}

static double aggregated_of(const mcr_simulated *r)
{
    return (double)r->aggregated;
}

static double latency_of(const mcr_simulated *r)
{
    return (double)r->latency_p99;
}

static const panel panels[] = {
    { "API writes (creates and patches)", "API writes", UNIT_EVENTS, writes_of },
    { "Suppressed by the spam filter", "suppressed", UNIT_EVENTS, suppressed_of },
    { "Combined with similar events", "combined", UNIT_EVENTS, aggregated_of },
    { "First-seen latency, 99th percentile of delayed events", "until 99 % of the delayed are seen",
      UNIT_NS, latency_of },
};

enum {
    PANELS = sizeof panels / sizeof *panels
};

typedef struct plot {
    mcr_buf *out;
    const mcr_grid *grid;
    mcr_simulated results[MCR_SIMULATION_SETTINGS];
    size_t columns; // values of the first axis
    size_t lines;   // combinations of the others
} plot;

static const char css[] = ":root { --s: 75%; --l: 36%; }\n"
                          "@media (prefers-color-scheme: dark) { :root { --s: 70%; --l: 68%; } }\n"
                          ".line { fill: none; stroke-width: 2; stroke-linejoin: round; }\n"
                          ".dot { stroke: var(--paper); stroke-width: 1; }\n";

static bool drop_end(mcr_buf *out, const char *end, size_t len)
{
    bool there = out->len > len && memcmp(out->ptr + out->len - len, end, len) == 0;
    out->len -= there ? len - 1 : 0;
    return there;
}

// "4h", "1h30m", "12s".
static void put_duration(mcr_buf *out, int64_t ns)
{
    mcr_go_duration(out, ns);
    if (drop_end(out, "m0s", 3))
        drop_end(out, "h0m", 3);
}

static void put_number(mcr_buf *out, double value, unit in)
{
    if (in == UNIT_NS) {
        put_duration(out, (int64_t)value);
        return;
    }
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, (uint64_t)value);
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            mcr_buf_putc(out, ',');
        mcr_buf_putc(out, digits[i]);
    }
}

// The distance of the lines behind a plot: at most six of them up to `most`, at round values.
static double tick_step(double most, unit in)
{
    static const double round_seconds[] = { 1,   2,   5,    10,   15,   30,    60,    120,  300,
                                            600, 900, 1800, 3600, 7200, 10800, 21600, 43200 };
    double wanted = most / 5;
    if (in == UNIT_NS && wanted >= 1e9) {
        for (size_t i = 0; i < sizeof round_seconds / sizeof *round_seconds; i++)
            if (round_seconds[i] * 1e9 >= wanted)
                return round_seconds[i] * 1e9;
        return ceil(wanted / 86400e9) * 86400e9;
    }
    double power = pow(10, floor(log10(wanted)));
    double leading = wanted / power;
    double step = (leading > 5 ? 10 : leading > 2 ? 5 : leading > 1 ? 2 : 1) * power;
    return in == UNIT_EVENTS && step < 1 ? 1 : step;
}

// How a line is drawn: `property` is stroke or fill.
static void look(mcr_buf *out, const plot *p, size_t line, const char *class, const char *property)
{
    out->len = 0;
    if (p->lines <= COLOURS)
        mcr_buf_printf(out, "class=\"%s\" style=\"%s: var(--c%zu)\"", class, property, line + 1);
    else
        mcr_buf_printf(out, "class=\"%s\" style=\"%s: hsl(%zu var(--s) var(--l))\"", class,
                       property, line * 360 / p->lines);
}

static void draw_ticks(const plot *p, const panel *what, mcr_svg_box box, double top)
{
    double step = tick_step(top, what->unit);
    mcr_buf text = { 0 };
    for (int i = 0; i < TICKS && step * i <= top * 1.0001; i++) {
        double y = box.y + box.height * (1 - step * i / top);
        mcr_svg_line(p->out, (mcr_svg_point){ box.x, y }, (mcr_svg_point){ box.x + box.width, y },
                     "class=\"grid\"");
        text.len = 0;
        put_number(&text, step * i, what->unit);
        mcr_svg_text(p->out, box.x - 6, y + 4, "class=\"small muted end\"", mcr_buf_cstr(&text));
    }
    mcr_buf_fini(&text);
}

static double column_x(const plot *p, mcr_svg_box box, size_t column)
{
    return box.x + box.width * ((double)column + .5) / (double)p->columns;
}

// The values of the first axis below a plot, as many as there is room for.
static void draw_columns(const plot *p, mcr_svg_box box)
{
    double bottom = box.y + box.height;
    if (!p->grid->axis_n) {
        mcr_svg_text(p->out, column_x(p, box, 0), bottom + 20, "class=\"small middle\"",
                     "the setting as it is");
        return;
    }
    const mcr_grid_axis *axis = &p->grid->axes[0];
    double widest = 1;
    for (size_t i = 0; i < axis->n; i++) {
        double width = mcr_svg_text_width(mcr_str_of(axis->values[i]), 11) + 8;
        widest = width > widest ? width : widest;
    }
    size_t each = (size_t)ceil(widest * (double)axis->n / box.width);
    for (size_t i = 0; i < axis->n; i += each)
        mcr_svg_text(p->out, column_x(p, box, i), bottom + 20, "class=\"small middle\"",
                     axis->values[i]);
    mcr_svg_text(p->out, box.x + box.width / 2, bottom + 37, "class=\"small muted middle\"",
                 axis->option->name);
}

// Lines that lie on each other show as rings.
static double dot_radius(const plot *p, size_t line)
{
    return p->lines <= COLOURS ? 3.5 + 1.5 * (double)(p->lines - 1 - line) : 3.5;
}

static void draw_line(const plot *p, const panel *what, mcr_svg_box box, double top, size_t line)
{
    mcr_svg_point points[MCR_SIMULATION_SETTINGS] = { { 0 } };
    mcr_buf text = { 0 }, style = { 0 };
    for (size_t i = 0; i < p->columns; i++) {
        double value = what->measure(&p->results[i * p->lines + line]);
        points[i] = (mcr_svg_point){ column_x(p, box, i), box.y + box.height * (1 - value / top) };
    }
    look(&style, p, line, "line", "stroke");
    mcr_svg_path(p->out, points, p->columns, mcr_buf_cstr(&style));
    look(&style, p, line, "dot", "fill");
    for (size_t i = 0; i < p->columns; i++) {
        size_t setting = i * p->lines + line;
        text.len = 0;
        mcr_grid_label(&text, p->grid, setting, p->grid->axis_n);
        mcr_buf_puts(&text, text.len ? ": " : "");
        put_number(&text, what->measure(&p->results[setting]), what->unit);
        mcr_buf_printf(&text, " %s", what->what);
        mcr_svg_circle(p->out, points[i], dot_radius(p, line), mcr_buf_cstr(&style),
                       mcr_buf_cstr(&text));
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&style);
}

static void draw_panel(const plot *p, size_t i)
{
    const panel *what = &panels[i];
    const size_t row = i / 2;
    double x = MARGIN + (double)(i % 2) * (PANEL_WIDTH + MARGIN);
    double y = HEAD + (double)row * PANEL_HEIGHT;
    mcr_svg_box box = { x + PLOT_LEFT, y + PLOT_TOP, PANEL_WIDTH - PLOT_LEFT,
                        PANEL_HEIGHT - PLOT_TOP - PLOT_BOTTOM };
    double top = 0;
    for (size_t k = 0; k < p->grid->n; k++)
        top = fmax(top, what->measure(&p->results[k]));
    top = top > 0 ? top : what->unit == UNIT_NS ? 1e9 : 1;
    mcr_svg_text(p->out, x, y + 18, "font-weight=\"600\"", what->title);
    draw_ticks(p, what, box, top);
    draw_columns(p, box);
    for (size_t line = 0; line < p->lines; line++)
        draw_line(p, what, box, top, line);
}

// Draws the names of the lines, or only counts the rows that they take; returns those.
static size_t legend(const plot *p, double y, bool drawn)
{
    mcr_buf text = { 0 }, style = { 0 };
    double x = MARGIN;
    size_t rows = 0;
    for (size_t line = 0; p->grid->axis_n > 1 && line < p->lines; line++) {
        text.len = 0;
        mcr_grid_label(&text, p->grid, line, 0);
        double width = 26 + mcr_svg_text_width(mcr_buf_str(&text), 13) + 14;
        if (rows == 0 || x + width > WIDTH - MARGIN) {
            x = MARGIN;
            rows++;
        }
        double middle = y + (double)rows * LEGEND_LINE - 4;
        if (drawn) {
            look(&style, p, line, "dot", "fill");
            mcr_svg_circle(p->out, (mcr_svg_point){ x + 8, middle }, 5, mcr_buf_cstr(&style), NULL);
            mcr_svg_text(p->out, x + 20, middle + 4, "", mcr_buf_cstr(&text));
        }
        x += width;
    }
    mcr_buf_fini(&text);
    mcr_buf_fini(&style);
    return rows;
}

void mcr_simulate_plot(mcr_buf *out, const mcr_grid *g, const mcr_simulation *s,
                       const char *subtitle)
{
    plot p = { .out = out, .grid = g, .columns = g->axis_n ? g->axes[0].n : 1 };
    p.lines = g->n / p.columns;
    for (size_t i = 0; i < g->n; i++)
        p.results[i] = mcr_simulation_result(s, i);
    const int rows = PANELS / 2;
    const double below = HEAD + rows * PANEL_HEIGHT;
    double height = below + (double)legend(&p, below, false) * LEGEND_LINE + MARGIN;
    const char *title = "What each correlator setting writes, and keeps back";
    mcr_svg_begin(out, WIDTH, height, title, css);
    mcr_svg_text(out, MARGIN, 34, "class=\"title\"", title);
    mcr_svg_text(out, MARGIN, 54, "class=\"muted\"", subtitle);
    for (size_t i = 0; i < PANELS; i++)
        draw_panel(&p, i);
    legend(&p, below, true);
    mcr_svg_end(out);
}
