#include "cli/svg.h"

#include <inttypes.h>
#include <math.h>

// Colours that differ in lightness as well as in hue (after Okabe and Ito), darker ones on paper
// than on a dark screen.
static const char style[] =
    ":root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --muted: #5b6470;"
    " --line: #d5d9de; --c1: #0067a5; --c2: #c15000; --c3: #007a5e; --c4: #a3428a; --c5: #8a6d00;"
    " --c6: #4a5560; }\n"
    "@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8eaed;"
    " --muted: #9aa4b0; --line: #343a42; --c1: #56b4e9; --c2: #ff9a4d; --c3: #2fc79a;"
    " --c4: #e08cc9; --c5: #e3c64a; --c6: #aab4c0; } }\n"
    "text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif;"
    " font-size: 13px; fill: var(--ink); }\n"
    ".paper { fill: var(--paper); }\n"
    ".title { font-size: 16px; font-weight: 600; }\n"
    ".small { font-size: 11px; }\n"
    ".muted { fill: var(--muted); }\n"
    ".end { text-anchor: end; }\n"
    ".middle { text-anchor: middle; }\n"
    ".grid { stroke: var(--line); stroke-width: 1; fill: none; }\n";

// Bytes of the UTF-8 character at `at`, 0 when there is none; characters that XML cannot hold are
// none.
static size_t character(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 || at[0] == '\t' || at[0] == '\n' ? 1 : 0;
    size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < n)
        return 0;
    uint32_t code = at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool allowed = code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
                   code != 0xfffe && code != 0xffff;
    return allowed ? n : 0;
}

void mcr_svg_escape(mcr_buf *out, mcr_str text)
{
    for (size_t i = 0; i < text.len;) {
        const char *at = text.ptr + i;
        size_t n = character((const unsigned char *)at, text.len - i);
        if (n == 0)
            mcr_buf_puts(out, "\xef\xbf\xbd");
        else if (*at == '&')
            mcr_buf_puts(out, "&amp;");
        else if (*at == '<')
            mcr_buf_puts(out, "&lt;");
        else if (*at == '>')
            mcr_buf_puts(out, "&gt;");
        else if (*at == '"')
            mcr_buf_puts(out, "&quot;");
        else
            mcr_buf_append(out, at, n);
        i += n ? n : 1;
    }
}

// A tenth of a pixel is finer than anybody sees; whole numbers without decimals keep files small.
static void number(mcr_buf *out, double value)
{
    const double most = 1e8; // and nothing is drawn there
    value = value > most ? most : value < -most ? -most : value;
    int64_t tenths = isnan(value) ? 0 : (int64_t)llround(value * 10);
    if (tenths < 0)
        mcr_buf_putc(out, '-');
    uint64_t size = tenths < 0 ? -(uint64_t)tenths : (uint64_t)tenths;
    mcr_buf_printf(out, "%" PRIu64, size / 10);
    if (size % 10)
        mcr_buf_printf(out, ".%" PRIu64, size % 10);
}

static void attribute(mcr_buf *out, const char *name, double value)
{
    mcr_buf_printf(out, " %s=\"", name);
    number(out, value);
    mcr_buf_putc(out, '"');
}

// The end of a shape's tag, and its tooltip.
static void finish(mcr_buf *out, const char *element, const char *look, const char *tip)
{
    if (look && *look)
        mcr_buf_printf(out, " %s", look);
    if (!tip) {
        mcr_buf_puts(out, "/>\n");
        return;
    }
    mcr_buf_puts(out, "><title>");
    mcr_svg_escape(out, mcr_str_of(tip));
    mcr_buf_printf(out, "</title></%s>\n", element);
}

void mcr_svg_begin(mcr_buf *out, double width, double height, const char *title, const char *css)
{
    mcr_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"");
    attribute(out, "width", width);
    attribute(out, "height", height);
    mcr_buf_puts(out, " viewBox=\"0 0 ");
    number(out, width);
    mcr_buf_putc(out, ' ');
    number(out, height);
    mcr_buf_puts(out, "\" style=\"max-width: 100%; height: auto\">\n<title>");
    mcr_svg_escape(out, mcr_str_of(title));
    mcr_buf_puts(out, "</title>\n<style>\n");
    mcr_buf_puts(out, style);
    if (css)
        mcr_buf_puts(out, css);
    mcr_buf_puts(out, "</style>\n");
    mcr_svg_rect(out, (mcr_svg_box){ 0, 0, width, height }, "class=\"paper\"", NULL);
}

void mcr_svg_end(mcr_buf *out)
{
    mcr_buf_puts(out, "</svg>\n");
}

void mcr_svg_rect(mcr_buf *out, mcr_svg_box box, const char *look, const char *tip)
{
    mcr_buf_puts(out, "<rect");
    attribute(out, "x", box.x);
    attribute(out, "y", box.y);
    attribute(out, "width", box.width > 0 ? box.width : 0);
    attribute(out, "height", box.height > 0 ? box.height : 0);
    finish(out, "rect", look, tip);
}

void mcr_svg_circle(mcr_buf *out, mcr_svg_point at, double radius, const char *look,
                    const char *tip)
{
    mcr_buf_puts(out, "<circle");
    attribute(out, "cx", at.x);
    attribute(out, "cy", at.y);
    attribute(out, "r", radius);
    finish(out, "circle", look, tip);
}

void mcr_svg_line(mcr_buf *out, mcr_svg_point from, mcr_svg_point to, const char *look)
{
    mcr_buf_puts(out, "<line");
    attribute(out, "x1", from.x);
    attribute(out, "y1", from.y);
    attribute(out, "x2", to.x);
    attribute(out, "y2", to.y);
    finish(out, "line", look, NULL);
}

void mcr_svg_path(mcr_buf *out, const mcr_svg_point *points, size_t n, const char *look)
{
    mcr_buf_puts(out, "<polyline fill=\"none\" points=\"");
    for (size_t i = 0; i < n; i++) {
        if (i)
            mcr_buf_putc(out, ' ');
        number(out, points[i].x);
        mcr_buf_putc(out, ',');
        number(out, points[i].y);
    }
    mcr_buf_putc(out, '"');
    finish(out, "polyline", look, NULL);
}

void mcr_svg_text(mcr_buf *out, double x, double y, const char *look, const char *text)
{
    mcr_buf_puts(out, "<text");
    attribute(out, "x", x);
    attribute(out, "y", y);
    if (look && *look)
        mcr_buf_printf(out, " %s", look);
    mcr_buf_putc(out, '>');
    mcr_svg_escape(out, mcr_str_of(text));
    mcr_buf_puts(out, "</text>\n");
}

double mcr_svg_text_width(mcr_str text, double size)
{
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return (double)characters * size * 0.56;
}
