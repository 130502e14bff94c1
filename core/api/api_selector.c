#include "api/api_selector.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_validate.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "event/decode.h"
#include "sink/go_quote.h"

typedef enum operation {
    OP_EQUALS,
    OP_NOT_EQUALS, // also when it is absent
    OP_IN,
    OP_NOT_IN,
    OP_EXISTS,
    OP_ABSENT,
    OP_GREATER,
    OP_LESS
} operation;

typedef struct requirement {
    operation op;
    mcr_str key;
    mcr_str *values;
    size_t n;
    size_t offset; // of a field: where its mcr_str is in mcr_event
} requirement;

typedef struct requirements {
    requirement *at;
    size_t n;
} requirements;

struct mcr_api_selector {
    char *text; // what the strings point into
    requirements labels;
    requirements fields;
    mcr_decoder *decoder;
};

static requirement *add(requirements *r)
{
    r->at = mcr_realloc(r->at, (r->n + 1) * sizeof *r->at);
    r->at[r->n] = (requirement){ 0 };
    return &r->at[r->n++];
}

static void add_value(requirement *r, mcr_str value)
{
    r->values = mcr_realloc(r->values, (r->n + 1) * sizeof *r->values);
    r->values[r->n++] = value;
}

//
// Fields
//

#define AT(member) offsetof(mcr_event, member)

static const struct {
    const char *core;
    const char *events;
    size_t offset;
} field_names[] = {
    { "metadata.name", "metadata.name", AT(metadata.name) },
    { "metadata.namespace", "metadata.namespace", AT(metadata.namespace) },
    { "involvedObject.kind", "regarding.kind", AT(involvedObject.kind) },
    { "involvedObject.namespace", "regarding.namespace", AT(involvedObject.namespace) },
    { "involvedObject.name", "regarding.name", AT(involvedObject.name) },
    { "involvedObject.uid", "regarding.uid", AT(involvedObject.uid) },
    { "involvedObject.apiVersion", "regarding.apiVersion", AT(involvedObject.apiVersion) },
    { "involvedObject.resourceVersion", "regarding.resourceVersion",
      AT(involvedObject.resourceVersion) },
    { "involvedObject.fieldPath", "regarding.fieldPath", AT(involvedObject.fieldPath) },
    { "reason", "reason", AT(reason) },
    { "reportingComponent", "reportingController", AT(reportingComponent) },
    { "source", NULL, AT(source.component) },
    { "type", "type", AT(type) },
};

static bool find_field(requirement *r, bool events_api)
{
    for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++) {
        const char *name = events_api ? field_names[i].events : field_names[i].core;
        if (name && mcr_str_is(r->key, name)) {
            r->offset = field_names[i].offset;
            return true;
        }
    }
    return false;
}

// Takes the backslashes away, in place; `\\`, `\,` and `\=` stand for themselves.
static mcr_str unescape(char *at, const char *end)
{
    char *out = at, *start = at;
    while (at < end) {
        if (*at == '\\' && at + 1 < end)
            at++;
        *out++ = *at++;
    }
    return mcr_str_n(start, (size_t)(out - start));
}

// `end` when there is none of `any`.
static char *find_unescaped(char *at, const char *end, const char *any)
{
    for (; at < end; at++) {
        if (*at != '\\' && strchr(any, *at))
            break;
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return at;
}

static bool parse_field(requirements *all, char *at, char *end, bool events_api, mcr_errbuf *err)
{
    char *op = find_unescaped(at, end, "=!");
    if (op == end || (*op == '!' && (op + 1 == end || op[1] != '='))) {
        mcr_errf(err, MCR_EINVAL, "invalid selector: '%.*s'; can't understand '%.*s'",
                 (int)(end - at), at, (int)(end - at), at);
        return false;
    }
    requirement *r = add(all);
    r->op = *op == '!' ? OP_NOT_EQUALS : OP_EQUALS;
    r->key = mcr_str_n(at, (size_t)(op - at));
    char *value = op + (*op == '!' || (op + 1 < end && op[1] == '=') ? 2 : 1);
    add_value(r, unescape(value, end));
    if (!find_field(r, events_api)) {
        mcr_errf(err, MCR_EINVAL, "field label not supported: %.*s", (int)r->key.len, r->key.ptr);
        return false;
    }
    return true;
}

static bool parse_fields(requirements *all, char *at, char *end, bool events_api, mcr_errbuf *err)
{
    while (at < end) {
        char *stop = find_unescaped(at, end, ",");
        if (stop > at && !parse_field(all, at, stop, events_api, err))
            return false;
        at = stop + 1;
    }
    return true;
}

//
// Labels
//

typedef struct lexer {
    const char *at;
    const char *end;
    mcr_str token; // empty: the end
    mcr_errbuf *err;
} lexer;

static bool is_special(char c)
{
    return strchr("(),!=<>", c) != NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void next(lexer *l)
{
    while (l->at < l->end && is_space(*l->at))
        l->at++;
    const char *start = l->at;
    if (l->at < l->end && is_special(*l->at)) {
        char first = *l->at++;
        if (l->at < l->end && *l->at == '=' && (first == '=' || first == '!'))
            l->at++;
    } else {
        while (l->at < l->end && !is_special(*l->at) && !is_space(*l->at))
            l->at++;
    }
    l->token = mcr_str_n(start, (size_t)(l->at - start));
}

static bool is_word(const lexer *l)
{
    return l->token.len && !is_special(*l->token.ptr);
}

static bool unexpected(lexer *l, const char *expected)
{
    mcr_errf(l->err, MCR_EINVAL, "unable to parse requirement: found '%.*s', expected: %s",
             (int)l->token.len, l->token.ptr, expected);
    return false;
}

static bool parse_values(lexer *l, requirement *r)
{
    if (!mcr_str_is(l->token, "("))
        return unexpected(l, "'('");
    do {
        next(l);
        if (is_word(l)) {
            add_value(r, l->token);
            next(l);
        } else if (mcr_str_is(l->token, ",") || mcr_str_is(l->token, ")")) {
            add_value(r, (mcr_str){ 0 });
        }
    } while (mcr_str_is(l->token, ","));
    if (!mcr_str_is(l->token, ")"))
        return unexpected(l, "',' or ')'");
    next(l);
    return true;
}

// `where`: "key", or "values[0][app]".
static bool bad_value(lexer *l, const char *where, mcr_str value, const char *why)
{
    mcr_buf quoted = { 0 };
    mcr_go_escape(&quoted, value, true);
    mcr_errf(l->err, MCR_EINVAL, "unable to parse requirement: %s: Invalid value: \"%s\": %s",
             where, mcr_buf_cstr(&quoted), why);
    mcr_buf_fini(&quoted);
    return false;
}

static bool check_text(lexer *l, const char *where, mcr_str text, bool is_key)
{
    mcr_buf faults = { 0 };
    mcr_api_label_faults(&faults, text, is_key);
    bool good = !faults.len || bad_value(l, where, text, mcr_buf_cstr(&faults));
    mcr_buf_fini(&faults);
    return good;
}

static bool is_number(mcr_str value)
{
    char digits[24] = "", *rest = digits;
    if (value.len && value.len < sizeof digits)
        memcpy(digits, value.ptr, value.len);
    strtoll(digits, &rest, 10);
    return rest != digits && !*rest;
}

// Is what was read something that a label can be?
static bool check_label(lexer *l, const requirement *r)
{
    char where[400];
    if (!check_text(l, "key", r->key, true))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        snprintf(where, sizeof where, "values[%zu]", i);
        if ((r->op == OP_GREATER || r->op == OP_LESS) && !is_number(r->values[i]))
            return bad_value(l, where, r->values[i],
                             "for 'Gt', 'Lt' operators, the value must be an integer");
        snprintf(where, sizeof where, "values[%zu][%.*s]", i, (int)r->key.len, r->key.ptr);
        if (!check_text(l, where, r->values[i], false))
            return false;
    }
    return true;
}

static bool parse_label(lexer *l, requirements *all)
{
    static const struct {
        const char *token;
        operation op;
    } operations[] = {
        { "=", OP_EQUALS }, { "==", OP_EQUALS },  { "!=", OP_NOT_EQUALS },
        { "in", OP_IN },    { ">", OP_GREATER },  { "notin", OP_NOT_IN },
        { "<", OP_LESS },   { "gt", OP_GREATER }, { "lt", OP_LESS },
    };
    requirement *r = add(all);
    bool absent = mcr_str_is(l->token, "!");
    if (absent)
        next(l);
    if (!is_word(l))
        return unexpected(l, absent ? "identifier" : "!, identifier, or 'end of string'");
    r->key = l->token;
    next(l);
    r->op = absent ? OP_ABSENT : OP_EXISTS;
    if (!l->token.len || mcr_str_is(l->token, ","))
        return check_label(l, r);
    size_t i = 0;
    while (i < sizeof operations / sizeof *operations && !mcr_str_is(l->token, operations[i].token))
        i++;
    if (absent || i == sizeof operations / sizeof *operations)
        return unexpected(l, absent ? "',' or 'end of string'" : "in, notin, =, ==, !=, gt, lt");
    r->op = operations[i].op;
    next(l);
    if (r->op == OP_IN || r->op == OP_NOT_IN)
        return parse_values(l, r) && check_label(l, r);
    if (is_word(l)) {
        add_value(r, l->token);
        next(l);
    } else {
        add_value(r, (mcr_str){ 0 });
    }
    return check_label(l, r);
}

static bool parse_labels(requirements *all, const char *at, const char *end, mcr_errbuf *err)
{
    lexer l = { .at = at, .end = end, .err = err };
    next(&l);
    while (l.token.len) {
        if (!parse_label(&l, all))
            return false;
        if (!l.token.len)
            break;
        if (!mcr_str_is(l.token, ","))
            return unexpected(&l, "',' or 'end of string'");
        next(&l);
        if (!l.token.len)
            return unexpected(&l, "identifier after ','");
    }
    return true;
}

//
// Matching
//

static int64_t number_of(mcr_str s)
{
    char digits[24] = "";
    if (s.len < sizeof digits)
        memcpy(digits, s.ptr, s.len);
    return strtoll(digits, NULL, 10);
}

static bool has_value(const requirement *r, mcr_str value)
{
    for (size_t i = 0; i < r->n; i++)
        if (mcr_str_eq(r->values[i], value))
            return true;
    return false;
}

// `value`: NULL when it is absent.
static bool holds(const requirement *r, const mcr_str *value)
{
    switch (r->op) {
    case OP_EQUALS:
    case OP_IN:
        return value && has_value(r, *value);
    case OP_NOT_EQUALS:
    case OP_NOT_IN:
        return !value || !has_value(r, *value);
    case OP_EXISTS:
        return value != NULL;
    case OP_ABSENT:
        return value == NULL;
    case OP_GREATER:
        return value && number_of(*value) > number_of(r->values[0]);
    case OP_LESS:
        return value && number_of(*value) < number_of(r->values[0]);
    }
    return false;
}

static bool match_event(const mcr_api_selector *s, const mcr_event *ev)
{
    for (size_t i = 0; i < s->fields.n; i++) {
        mcr_str value = *(const mcr_str *)((const char *)ev + s->fields.at[i].offset);
        if (s->fields.at[i].offset == AT(source.component) && !value.len)
            value = ev->reportingComponent; // as kube-apiserver fills it in
        if (!holds(&s->fields.at[i], &value))
            return false;
    }
    for (size_t i = 0; i < s->labels.n; i++)
        if (!holds(&s->labels.at[i], mcr_pairs_get(&ev->metadata.labels, s->labels.at[i].key)))
            return false;
    return true;
}

bool mcr_api_selector_match(mcr_api_selector *s, const mcr_stored *event)
{
    if (mcr_api_selector_empty(s))
        return true;
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(s->decoder, event->json, 0, &ev, &why) != MCR_DECODED_EVENT)
        return false;
    bool matches = match_event(s, ev);
    mcr_event_unref(ev);
    return matches;
}

//
// Life
//

mcr_api_selector *mcr_api_selector_new(const char *labels, const char *fields, bool events_api,
                                       mcr_errbuf *err)
{
    mcr_api_selector *s = mcr_zalloc(sizeof *s);
    size_t n_labels = labels ? strlen(labels) : 0, n_fields = fields ? strlen(fields) : 0;
    s->text = mcr_alloc(n_labels + n_fields + 1);
    if (n_labels)
        memcpy(s->text, labels, n_labels);
    if (n_fields)
        memcpy(s->text + n_labels, fields, n_fields);
    char *middle = s->text + n_labels;
    if (!parse_labels(&s->labels, s->text, middle, err) ||
        !parse_fields(&s->fields, middle, middle + n_fields, events_api, err)) {
        mcr_api_selector_free(s);
        return NULL;
    }
    if (!mcr_api_selector_empty(s))
        s->decoder = mcr_decoder_new();
    return s;
}

static void fini(requirements *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->at[i].values);
    free(r->at);
}

void mcr_api_selector_free(mcr_api_selector *s)
{
    if (!s)
        return;
    fini(&s->labels);
    fini(&s->fields);
    if (s->decoder)
        mcr_decoder_free(s->decoder);
    free(s->text);
    free(s);
}

bool mcr_api_selector_empty(const mcr_api_selector *s)
{
    return s->labels.n == 0 && s->fields.n == 0;
}
