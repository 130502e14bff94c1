#include "cli/script_header.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

// Takes the next line of the header off `rest`, without its dashes; false: the header has ended.
static bool next_line(mcr_str *rest, mcr_str *line)
{
    if (rest->len < 2 || memcmp(rest->ptr, "--", 2) != 0)
        return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *line = mcr_str_n(rest->ptr + 2, len - 2);
    if (line->len && line->ptr[0] == ' ')
        *line = mcr_str_n(line->ptr + 1, line->len - 1);
    size_t taken = end ? len + 1 : len;
    *rest = mcr_str_n(rest->ptr + taken, rest->len - taken);
    return true;
}

static mcr_str skip_spaces(mcr_str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == ' ')
        n++;
    return mcr_str_n(s.ptr + n, s.len - n);
}

// Takes what stands before the next space off `s`.
static mcr_str take_word(mcr_str *s)
{
    *s = skip_spaces(*s);
    size_t n = 0;
    while (n < s->len && s->ptr[n] != ' ')
        n++;
    mcr_str word = mcr_str_n(s->ptr, n);
    *s = mcr_str_n(s->ptr + n, s->len - n);
    return word;
}

// Takes what stands in parentheses off `s`; empty, with `s` as it was, when it does not begin so.
static mcr_str take_parentheses(mcr_str *s)
{
    *s = skip_spaces(*s);
    size_t depth = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->ptr[i] == '(')
            depth++;
        else if (s->ptr[i] == ')' && depth > 0)
            depth--;
        if (depth == 0 && i == 0)
            break;
        if (depth == 0) {
            mcr_str inside = mcr_str_n(s->ptr + 1, i - 1);
            *s = mcr_str_n(s->ptr + i + 1, s->len - i - 1);
            return inside;
        }
    }
    return mcr_str_n(s->ptr, 0);
}

static mcr_buf *add_param(mcr_script_header *h)
{
    h->params = mcr_realloc(h->params, (h->params_n + 1) * sizeof *h->params);
    mcr_script_param *param = &h->params[h->params_n++];
    *param = (mcr_script_param){ 0 };
    return &param->text;
}

// Takes the text of a parameter, whole by now, apart.
static void split_param(mcr_script_param *param)
{
    mcr_str rest = mcr_buf_str(&param->text);
    param->name = take_word(&rest);
    param->kind = take_word(&rest);
    param->default_text = take_parentheses(&rest);
    param->doc = skip_spaces(rest);
}

static void add_line(mcr_buf *text, mcr_str line)
{
    if (text->len == 0 && line.len == 0)
        return;
    mcr_buf_add(text, line);
    mcr_buf_putc(text, '\n');
}

static void drop_empty_lines(mcr_buf *text)
{
    while (text->len > 1 && text->ptr[text->len - 1] == '\n' && text->ptr[text->len - 2] == '\n')
        text->len--;
}

// The first sentence of `about`: up to a full stop that a space follows, and not one letter before
// it ("e.g. "), or to the end of the paragraph.
static void find_summary(mcr_script_header *h)
{
    const mcr_buf *about = &h->about;
    for (size_t i = 0; i < about->len; i++) {
        char c = about->ptr[i], next = i + 1 < about->len ? about->ptr[i + 1] : '\n';
        if (c == '\n' && next == '\n')
            break;
        mcr_buf_putc(&h->summary, c == '\n' ? ' ' : c);
        bool letter = i < 2 || about->ptr[i - 2] == '.' || about->ptr[i - 2] == ' ';
        if (c == '.' && (next == ' ' || next == '\n') && !letter)
            break;
    }
}

void mcr_script_header_read(mcr_script_header *h, mcr_str text)
{
    static const mcr_str tag = MCR_STR("@param ");
    *h = (mcr_script_header){ 0 };
    mcr_str line;
    mcr_buf *param = NULL; // what an indented line goes on with
    while (next_line(&text, &line)) {
        if (line.len > tag.len && memcmp(line.ptr, tag.ptr, tag.len) == 0) {
            param = add_param(h);
            mcr_buf_append(param, line.ptr + tag.len, line.len - tag.len);
        } else if (param && line.len && line.ptr[0] == ' ') {
            mcr_buf_putc(param, ' ');
            mcr_buf_add(param, skip_spaces(line));
        } else {
            param = NULL;
            add_line(h->params_n ? &h->notes : &h->about, line);
        }
    }
    for (size_t i = 0; i < h->params_n; i++)
        split_param(&h->params[i]);
    drop_empty_lines(&h->about);
    drop_empty_lines(&h->notes);
    find_summary(h);
}

void mcr_script_header_fini(mcr_script_header *h)
{
    for (size_t i = 0; i < h->params_n; i++)
        mcr_buf_fini(&h->params[i].text);
    free(h->params);
    mcr_buf_fini(&h->summary);
    mcr_buf_fini(&h->about);
    mcr_buf_fini(&h->notes);
    *h = (mcr_script_header){ 0 };
}
