#include "net/yaml.h"

#include <stdlib.h>
#include <strings.h>
#include <yaml.h>

#include "base/alloc.h"

enum {
    MERGES_MAX = 1000 // maps looked into for one key: merge keys may name each other in circles
};

struct mcr_yaml {
    yaml_document_t document;
};

static const yaml_node_t *inner(const mcr_yaml_node *node)
{
    return (const yaml_node_t *)node;
}

static const yaml_node_t *at(const mcr_yaml *y, int index)
{
    // libyaml's own lookup takes no const document.
    return y->document.nodes.start + index - 1;
}

static void begin(yaml_parser_t *parser, mcr_str text)
{
    if (!yaml_parser_initialize(parser))
        abort(); // out of memory
    yaml_parser_set_input_string(parser, (const unsigned char *)text.ptr, text.len);
}

// The line where the document is nested too deeply; 0: nowhere. The scanner's time grows with the
// square of the depth, so this comes first. What else is wrong is told when the document is loaded.
static size_t too_deep(mcr_str text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    begin(&parser, text);
    size_t line = 0;
    int depth = 0;
    bool more = true;
    while (more && !line && yaml_parser_parse(&parser, &event)) {
        if (event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT)
            depth++;
        else if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
            depth--;
        more = event.type != YAML_DOCUMENT_END_EVENT && event.type != YAML_STREAM_END_EVENT;
        line = depth > MCR_YAML_DEPTH_MAX ? event.start_mark.line + 1 : 0;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return line;
}

mcr_yaml *mcr_yaml_read(mcr_str text, mcr_errbuf *err)
{
    if (text.len > MCR_YAML_SIZE_MAX) {
        mcr_errf(err, MCR_EINVAL, "longer than %d bytes", MCR_YAML_SIZE_MAX);
        return NULL;
    }
    size_t deep = too_deep(text);
    if (deep) {
        mcr_errf(err, MCR_EINVAL, "line %zu: nested more than %d deep", deep, MCR_YAML_DEPTH_MAX);
        return NULL;
    }
    yaml_parser_t parser;
    begin(&parser, text);
    mcr_yaml *y = mcr_zalloc(sizeof *y);
    if (!yaml_parser_load(&parser, &y->document)) {
        mcr_errf(err, MCR_EINVAL, "line %zu: %s%s%s", parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "cannot be read as YAML",
                 parser.context ? " " : "", parser.context ? parser.context : "");
        free(y);
        y = NULL;
    }
    yaml_parser_delete(&parser);
    return y;
}

void mcr_yaml_free(mcr_yaml *y)
{
    if (!y)
        return;
    yaml_document_delete(&y->document);
    free(y);
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp((const char *)node->data.scalar.value, words[i]) == 0)
            return true;
    return false;
}

const mcr_yaml_node *mcr_yaml_root(const mcr_yaml *y)
{
    const yaml_node_t *root = y->document.nodes.start;
    return root == y->document.nodes.top || is_null(root) ? NULL : (const mcr_yaml_node *)root;
}

static bool is_text(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

static const yaml_node_t *find_own(const mcr_yaml *y, const yaml_node_t *map, const char *key)
{
    if (map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.top;
         pair-- > map->data.mapping.pairs.start;)
        if (is_text(at(y, pair->key), key))
            return at(y, pair->value);
    return NULL;
}

static const yaml_node_t *find(const mcr_yaml *y, const yaml_node_t *map, const char *key,
                               int *budget)
{
    if (--*budget < 0)
        return NULL;
    const yaml_node_t *value = find_own(y, map, key);
    const yaml_node_t *merge = value ? NULL : find_own(y, map, "<<");
    if (merge && merge->type == YAML_MAPPING_NODE)
        return find(y, merge, key, budget);
    if (merge && merge->type == YAML_SEQUENCE_NODE)
        for (const yaml_node_item_t *item = merge->data.sequence.items.start;
             !value && item < merge->data.sequence.items.top; item++)
            value = find(y, at(y, *item), key, budget);
    return value;
}

const mcr_yaml_node *mcr_yaml_get(const mcr_yaml *y, const mcr_yaml_node *node, const char *key)
{
    int budget = MERGES_MAX;
    const yaml_node_t *value = node ? find(y, inner(node), key, &budget) : NULL;
    return value && !is_null(value) ? (const mcr_yaml_node *)value : NULL;
}

const mcr_yaml_node *mcr_yaml_item(const mcr_yaml *y, const mcr_yaml_node *node, size_t i)
{
    const yaml_node_t *list = inner(node);
    if (!node || list->type != YAML_SEQUENCE_NODE ||
        i >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
        return NULL;
    return (const mcr_yaml_node *)at(y, list->data.sequence.items.start[i]);
}

bool mcr_yaml_pair(const mcr_yaml *y, const mcr_yaml_node *node, size_t i,
                   const mcr_yaml_node **key, const mcr_yaml_node **value)
{
    const yaml_node_t *map = inner(node);
    if (!node || map->type != YAML_MAPPING_NODE ||
        i >= (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start))
        return false;
    const yaml_node_pair_t *pair = &map->data.mapping.pairs.start[i];
    const yaml_node_t *found = at(y, pair->value);
    *key = (const mcr_yaml_node *)at(y, pair->key);
    *value = is_null(found) ? NULL : (const mcr_yaml_node *)found;
    return true;
}

bool mcr_yaml_is_null(const mcr_yaml_node *node)
{
    return is_null(inner(node));
}

bool mcr_yaml_is_map(const mcr_yaml_node *node)
{
    return inner(node)->type == YAML_MAPPING_NODE;
}

bool mcr_yaml_is_list(const mcr_yaml_node *node)
{
    return inner(node)->type == YAML_SEQUENCE_NODE;
}

const char *mcr_yaml_text(const mcr_yaml_node *node, size_t *len)
{
    const yaml_node_t *scalar = inner(node);
    if (scalar->type != YAML_SCALAR_NODE)
        return NULL;
    if (len)
        *len = scalar->data.scalar.length;
    return (const char *)scalar->data.scalar.value;
}

bool mcr_yaml_bool(const mcr_yaml_node *node, bool *value)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "n", "y" };
    const char *text = mcr_yaml_text(node, NULL);
    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *value = i % 2;
            return true;
        }
    return false;
}

int mcr_yaml_line(const mcr_yaml_node *node)
{
    return (int)inner(node)->start_mark.line + 1;
}

static void write_string(mcr_buf *out, const yaml_node_t *scalar)
{
    mcr_buf_putc(out, '"');
    for (size_t i = 0; i < scalar->data.scalar.length; i++) {
        unsigned char c = scalar->data.scalar.value[i];
        if (c == '"' || c == '\\')
            mcr_buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            mcr_buf_printf(out, "\\u%04x", c);
        else
            mcr_buf_putc(out, (char)c);
    }
    mcr_buf_putc(out, '"');
}

// Whether the text is a number as JSON writes it.
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-');
    size_t whole = strspn(digits, "0123456789");
    if (whole == 0 || (whole > 1 && *digits == '0'))
        return false;
    const char *rest = digits + whole;
    if (*rest == '.') {
        size_t part = strspn(rest + 1, "0123456789");
        if (part == 0)
            return false;
        rest += 1 + part;
    }
    if (*rest == 'e' || *rest == 'E') {
        rest++;
        rest += *rest == '+' || *rest == '-';
        size_t part = strspn(rest, "0123456789");
        if (part == 0)
            return false;
        rest += part;
    }
    return !*rest;
}

static void write_scalar(mcr_buf *out, const yaml_node_t *node)
{
    bool value;
    const char *text = (const char *)node->data.scalar.value;
    bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (is_null(node))
        mcr_buf_puts(out, "null");
    else if (plain && is_number(text))
        mcr_buf_puts(out, text);
    else if (plain && mcr_yaml_bool((const mcr_yaml_node *)node, &value))
        mcr_buf_puts(out, value ? "true" : "false");
    else
        write_string(out, node);
}

static bool write_node(const mcr_yaml *y, const yaml_node_t *node, mcr_buf *out, size_t limit,
                       int depth)
{
    if (depth > MCR_YAML_DEPTH_MAX || out->len > limit)
        return false;
    if (node->type == YAML_SEQUENCE_NODE) {
        mcr_buf_putc(out, '[');
        const yaml_node_item_t *first = node->data.sequence.items.start;
        for (const yaml_node_item_t *item = first; item < node->data.sequence.items.top; item++) {
            if (item > first)
                mcr_buf_putc(out, ',');
            if (!write_node(y, at(y, *item), out, limit, depth + 1))
                return false;
        }
        mcr_buf_putc(out, ']');
    } else if (node->type == YAML_MAPPING_NODE) {
        mcr_buf_putc(out, '{');
        const yaml_node_pair_t *first = node->data.mapping.pairs.start;
        for (const yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
            if (pair > first)
                mcr_buf_putc(out, ',');
            if (at(y, pair->key)->type != YAML_SCALAR_NODE)
                return false;
            write_string(out, at(y, pair->key));
            mcr_buf_putc(out, ':');
            if (!write_node(y, at(y, pair->value), out, limit, depth + 1))
                return false;
        }
        mcr_buf_putc(out, '}');
    } else {
        write_scalar(out, node);
    }
    return true;
}

bool mcr_yaml_json(const mcr_yaml *y, const mcr_yaml_node *node, mcr_buf *out)
{
    size_t before = out->len;
    bool ok = write_node(y, inner(node), out, before + MCR_YAML_SIZE_MAX, 0) &&
              out->len - before <= MCR_YAML_SIZE_MAX;
    if (!ok)
        out->len = before;
    return ok;
}
