#pragma once
// Drawings as SVG, for any browser: one file without scripts, fonts or references, whose colours
// follow the reader's light or dark mode. A drawing is written from front to back:
//
//     mcr_buf out = { 0 };
//     mcr_svg_begin(&out, 640, 400, "Writes by burst_size", ".bar { fill: var(--c2) }");
//     mcr_svg_rect(&out, (mcr_svg_box){ 10, 10, 100, 16 }, "class=\"bar\"", "12 writes");
//     mcr_svg_text(&out, 10, 40, "class=\"muted\"", "burst_size");
//     mcr_svg_end(&out);
//
// Looks are given as attributes, ready to be written: class="…" of a class that `css` or the list
// below has, or anything else that SVG knows (they are the program's own words; input is never put
// there). Text, titles and tooltips may be any bytes: what XML cannot hold becomes U+FFFD.
//
// Known from the start: text is written in the reader's sans-serif font of 13 px in the colour
// --ink; classes `title` (16 px, bold), `small` (11 px), `muted` (--muted), `end` and `middle`
// (where text is anchored), `grid` (thin lines in --line); custom properties --paper, --ink,
// --muted, --line and --c1 … --c6, six colours that are told apart on either background, by people
// who see few colours as well.

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct mcr_svg_box {
    double x, y, width, height;
} mcr_svg_box;

typedef struct mcr_svg_point {
    double x, y;
} mcr_svg_point;

// mcr_svg_begin appends the head of a drawing of that size in px, which shrinks with its window.
// `title` is the drawing's name to browsers and screen readers (not drawn), `css` more rules (NULL:
// none).
void mcr_svg_begin(mcr_buf *out, double width, double height, const char *title, const char *css);

void mcr_svg_end(mcr_buf *out);

// mcr_svg_rect appends a rectangle; `tip` is shown when the pointer rests on it (NULL: nothing).
void mcr_svg_rect(mcr_buf *out, mcr_svg_box box, const char *look, const char *tip);

// mcr_svg_circle appends a disc around `at`.
void mcr_svg_circle(mcr_buf *out, mcr_svg_point at, double radius, const char *look,
                    const char *tip);

void mcr_svg_line(mcr_buf *out, mcr_svg_point from, mcr_svg_point to, const char *look);

// mcr_svg_path appends straight lines through `n` points.
void mcr_svg_path(mcr_buf *out, const mcr_svg_point *points, size_t n, const char *look);

// mcr_svg_text appends one line of text whose baseline begins at (x, y).
void mcr_svg_text(mcr_buf *out, double x, double y, const char *look, const char *text);

// mcr_svg_escape appends `text` as XML has it between tags and in attributes.
void mcr_svg_escape(mcr_buf *out, mcr_str text);

// mcr_svg_text_width is about how wide `text` is in a sans-serif font of `size` px: enough to know
// whether it fits.
double mcr_svg_text_width(mcr_str text, double size);
