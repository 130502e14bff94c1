#include "event/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/block.h"
#include "event/decoder.h"

enum {
    EXCERPT = 48 // bytes of the input that a message shows
};

mcr_decoder *mcr_decoder_new(void)
{
    return mcr_zalloc(sizeof(mcr_decoder));
}

void mcr_decoder_free(mcr_decoder *d)
{
    if (!d)
        return;
    mcr_spare_fini(&d->spare);
    mcr_buf_fini(&d->scratch);
    mcr_buf_fini(&d->compact);
    free(d->pairs);
    free(d->index);
    free(d);
}

// ---- what is wrong, in words ----

// A message being put together; what does not fit is cut.
typedef struct phrase {
    char *text;
    size_t len;
    size_t size;
} phrase;

static void put_byte(phrase *p, char c)
{
    if (p->len + 1 < p->size)
        p->text[p->len++] = c;
    p->text[p->len] = '\0';
}

static void put(phrase *p, const char *text)
{
    while (*text)
        put_byte(p, *text++);
}

// Quotes bytes of the input: printable ones and whole UTF-8 sequences as they are, others as \xNN.
static void put_excerpt(phrase *p, const char *at, const char *end, bool cut)
{
    const char *stop = end - at > EXCERPT ? at + EXCERPT : end;
    while (at < stop) {
        int n = mcr_utf8_len(at, end);
        unsigned char c = (unsigned char)*at;
        if (n == 0 || c < 0x20 || c == 0x7f) {
            char hex[8];
            snprintf(hex, sizeof hex, "\\x%02x", c);
            put(p, hex);
            at++;
            continue;
        }
        if (p->len + (size_t)n < p->size)
            while (n-- > 0)
                put_byte(p, *at++);
        else
            at += n;
    }
    if (at < end || cut)
        put(p, "…");
}

static bool has_path(const mcr_decoder *d)
{
    return d->depth && d->path[0].ptr;
}

static void put_path(phrase *p, const mcr_decoder *d)
{
    if (d->in_object)
        put(p, "object.");
    for (unsigned i = 0; i < d->depth && d->path[i].ptr; i++) {
        mcr_str key = d->path[i];
        bool name = i + 1 < MCR_PATH || !memchr(key.ptr, '.', key.len);
        put(p, i == 0 ? "" : name ? "." : "[\"");
        put_excerpt(p, key.ptr, key.ptr + key.len, false);
        put(p, name ? "" : "\"]");
    }
}

// What stands at `at`, as a user would call it.
static void put_found(phrase *p, const mcr_decoder *d, const char *at)
{
    const char *end = at;
    if (at >= d->scan.end) {
        put(p, "the end of the text");
    } else if (mcr_is_space(*at)) {
        put(p, "white space");
    } else if (*at == '{') {
        put(p, "an object");
    } else if (*at == '[') {
        put(p, "an array");
    } else if (*at == '"') {
        for (end++; end < d->scan.end && *end != '"'; end++)
            end += *end == '\\' && end + 1 < d->scan.end;
        put_excerpt(p, at, end < d->scan.end ? end + 1 : end, false);
    } else {
        while (end < d->scan.end && !mcr_is_space(*end) && !strchr("{}[],:\"", *end))
            end++;
        put_excerpt(p, at, end > at ? end : at + 1, false);
    }
}

static void put_where(phrase *p, const mcr_decoder *d)
{
    if (has_path(d)) {
        put_path(p, d);
        put(p, ": ");
    }
}

static size_t offset_of(const mcr_decoder *d, const char *at)
{
    return at >= d->scan.begin && at <= d->scan.end ? (size_t)(at - d->scan.begin) : 0;
}

static bool is_event(const mcr_decoder *d)
{
    return d->kind.len == 0 || MCR_KEY_IS(d->kind, "Event");
}

static bool is_known_version(const mcr_decoder *d)
{
    return d->api_version.len == 0 || MCR_KEY_IS(d->api_version, "v1") ||
           MCR_KEY_IS(d->api_version, "events.k8s.io/v1") ||
           MCR_KEY_IS(d->api_version, "events.k8s.io/v1beta1");
}

// The object says that it is something else, or cannot be an Event. False: it may be one.
static bool is_other(mcr_decoder *d, mcr_decode_error *err)
{
    phrase p = { err->text, 0, sizeof err->text };
    const char *object = d->in_object ? "object." : "";
    if (!is_event(d)) {
        put(&p, object);
        put(&p, "kind is ");
        put_excerpt(&p, d->kind.ptr, d->kind.ptr + d->kind.len, false);
        put(&p, ", expected Event");
        err->offset = offset_of(d, d->kind_at);
        return true;
    }
    if (!is_known_version(d)) {
        put(&p, object);
        put(&p, "apiVersion is ");
        put_excerpt(&p, d->api_version.ptr, d->api_version.ptr + d->api_version.len, false);
        put(&p, ", expected v1 or events.k8s.io/v1");
        err->offset = offset_of(d, d->api_version_at);
        return true;
    }
    return false;
}

// False, and said so in `err`: the object has fields, but none of an Event's.
static bool has_event_field(mcr_decoder *d, mcr_decode_error *err)
{
    if (d->scan.lenient || d->fields || d->ev->type.len || !d->others)
        return true;
    err->offset = d->in_object ? offset_of(d, d->ev->raw.ptr) : 0;
    snprintf(err->text, sizeof err->text, "%snot an Event: it has none of an Event's fields",
             d->in_object ? "object is " : "");
    return false;
}

// Tells whether the text ends inside the document, though an error came before its end.
static bool ends_inside(const mcr_decoder *d)
{
    mcr_scan all;
    mcr_str ignored;
    mcr_scan_init(&all, mcr_str_n(d->scan.begin, (size_t)(d->scan.end - d->scan.begin)), true);
    return !mcr_scan_value(&all, &ignored) && all.at >= all.end;
}

static mcr_decoded incomplete(const mcr_decoder *d, mcr_decode_error *err)
{
    phrase p = { err->text, 0, sizeof err->text };
    err->offset = (size_t)(d->scan.end - d->scan.begin);
    put(&p, d->scan.begin == d->scan.end ? "there is nothing" : "the text ends inside ");
    if (has_path(d))
        put_path(&p, d);
    else if (d->scan.begin != d->scan.end)
        put(&p, "the document");
    return MCR_DECODED_INCOMPLETE;
}

// Says in `err` why the scanner stopped.
static mcr_decoded failed(mcr_decoder *d, mcr_decode_error *err)
{
    if (d->scan.at >= d->scan.end || (d->expected && ends_inside(d)))
        return incomplete(d, err);
    if (d->expected && is_other(d, err))
        return MCR_DECODED_MALFORMED;
    phrase p = { err->text, 0, sizeof err->text };
    put_where(&p, d);
    if (d->expected) {
        put(&p, "expected ");
        put(&p, d->expected);
    } else {
        put(&p, d->scan.why);
    }
    if (d->expected || strncmp(d->scan.why, "expected", 8) == 0) {
        put(&p, ", found ");
        put_found(&p, d, d->scan.at);
    }
    err->offset = offset_of(d, d->scan.at);
    return MCR_DECODED_MALFORMED;
}

// ---- documents ----

static void clear_event(mcr_decoder *d)
{
    mcr_event *ev = d->ev;
    uint32_t refs = ev->refs;
    memset(ev, 0, sizeof *ev);
    ev->refs = refs;
    ev->metadata.deletionGracePeriodSeconds = -1;
}

static void clear_object(mcr_decoder *d)
{
    d->kind = d->api_version = (mcr_str){ 0 };
    d->core_own = d->v1_own = d->fields = d->others = false;
    d->depth = 0;
}

// Reads the object at the scanner as an Event, its bytes into `raw`.
static mcr_step read_event(mcr_decoder *d, bool top)
{
    const char *from = d->scan.at;
    d->api = MCR_API_CORE_V1;
    d->decided = false;
    for (;;) {
        clear_object(d);
        mcr_step step = mcr_decode_event(d, top);
        if (step == MCR_STEP_DONE)
            d->ev->raw = mcr_str_n(from, (size_t)(d->scan.at - from));
        if (step != MCR_STEP_AGAIN)
            return step;
        clear_event(d);
        d->scan.at = from;
    }
}

// The last `message` of the Status object at `at`; the scanner comes back to where it is.
static mcr_str status_message(mcr_decoder *d, const char *at)
{
    static const mcr_shape any = { NULL, 0 };
    const char *back = d->scan.at;
    mcr_str message = { 0 };
    d->scan.at = at;
    d->depth = 0;
    int more = mcr_enter(d);
    for (; more > 0; more = mcr_next_key(&d->scan)) {
        const mcr_field *none;
        mcr_str ignored;
        unsigned next = 0;
        if (!mcr_decode_key(d, &any, &next, &none))
            break;
        bool ok = *d->scan.at == '"' && MCR_KEY_IS(d->path[0], "message")
                      ? mcr_decode_string(d, &message)
                      : mcr_scan_value(&d->scan, &ignored);
        if (!ok)
            break;
    }
    d->depth = 0;
    d->scan.at = back;
    return message;
}

static uint8_t change_of(mcr_str type)
{
    return MCR_KEY_IS(type, "ADDED")      ? MCR_CHANGE_NEW
           : MCR_KEY_IS(type, "MODIFIED") ? MCR_CHANGE_REPEAT
           : MCR_KEY_IS(type, "DELETED")  ? MCR_CHANGE_DELETED
                                          : MCR_CHANGE_UNKNOWN;
}

// A watch line.
typedef struct line {
    mcr_str type;
    const char *object; // its `{`
    bool read;          // the object was read as an Event already
} line;

// Reads the value of `object`: as an Event if it is known to be one.
static bool read_object(mcr_decoder *d, line *l)
{
    d->path[0] = MCR_STR("object");
    d->depth = 1;
    l->object = d->scan.at;
    l->read = change_of(l->type) != MCR_CHANGE_UNKNOWN;
    if (*d->scan.at != '{')
        return mcr_decode_wrong(d, "an object");
    clear_event(d);
    mcr_str ignored;
    if (!l->read)
        return mcr_scan_value(&d->scan, &ignored);
    d->in_object = true;
    if (read_event(d, false) != MCR_STEP_DONE)
        return false;
    d->in_object = false;
    return true;
}

// Reads the rest of a watch line, from the value of `object` on.
static mcr_step read_line(mcr_decoder *d, line *l)
{
    static const mcr_shape any = { NULL, 0 };
    if (!read_object(d, l))
        return MCR_STEP_FAILED;
    int more;
    while ((more = mcr_next_key(&d->scan)) > 0) {
        const mcr_field *none;
        mcr_str ignored;
        unsigned next = 0;
        d->depth = 1;
        if (!mcr_decode_key(d, &any, &next, &none))
            return MCR_STEP_FAILED;
        mcr_str key = d->path[0];
        if (mcr_is_event_field(key))
            return MCR_STEP_AGAIN;
        bool ok = MCR_KEY_IS(key, "type")     ? mcr_decode_string(d, &l->type)
                  : MCR_KEY_IS(key, "object") ? read_object(d, l)
                                              : mcr_scan_value(&d->scan, &ignored);
        if (!ok)
            return MCR_STEP_FAILED;
    }
    d->depth = 0;
    return more < 0 ? MCR_STEP_FAILED : MCR_STEP_DONE;
}

static mcr_decoded bad_type(mcr_decoder *d, const line *l, mcr_decode_error *err)
{
    phrase p = { err->text, 0, sizeof err->text };
    if (l->type.len) {
        put(&p, "type: expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, found \"");
        put_excerpt(&p, l->type.ptr, l->type.ptr + l->type.len, false);
        put(&p, "\"");
        err->offset = offset_of(d, l->type.ptr);
    } else {
        put(&p,
            "a watch line without a type: expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR");
        err->offset = offset_of(d, l->object);
    }
    return MCR_DECODED_MALFORMED;
}

static mcr_decoded end_line(mcr_decoder *d, line *l, mcr_decode_error *err)
{
    uint8_t change = change_of(l->type);
    if (MCR_KEY_IS(l->type, "BOOKMARK"))
        return MCR_DECODED_CONTROL;
    if (MCR_KEY_IS(l->type, "ERROR")) {
        phrase p = { err->text, 0, sizeof err->text };
        mcr_str message = status_message(d, l->object);
        for (uint32_t i = 0; i < message.len; i++)
            put_byte(&p, message.ptr[i] ? message.ptr[i] : ' ');
        return MCR_DECODED_CONTROL;
    }
    if (change == MCR_CHANGE_UNKNOWN)
        return bad_type(d, l, err);
    const char *behind = d->scan.at;
    if (!l->read) {
        d->scan.at = l->object;
        if (!read_object(d, l))
            return failed(d, err);
        d->scan.at = behind;
    }
    d->in_object = true;
    if (is_other(d, err) || !has_event_field(d, err))
        return MCR_DECODED_MALFORMED;
    d->ev->change = change;
    return MCR_DECODED_EVENT;
}

static mcr_decoded read_document(mcr_decoder *d, mcr_decode_error *err)
{
    const char *from = d->scan.at;
    if (*from != '{' || d->scan.end == from) {
        if (d->scan.end - from >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0)
            mcr_scan_fail(&d->scan, "a byte order mark: JSON must not begin with one");
        mcr_scan_fail(&d->scan, "expected an object");
        return failed(d, err);
    }
    line l = { 0 };
    mcr_step step = read_event(d, true);
    if (step == MCR_STEP_WATCH) {
        l.type = d->ev->type;
        step = read_line(d, &l);
        if (step == MCR_STEP_AGAIN) {
            l.object = NULL;
            d->never_wrap = true;
            clear_event(d);
            d->scan.at = from;
            step = read_event(d, true);
        }
    }
    if (step == MCR_STEP_LIST)
        return MCR_DECODED_LIST;
    if (step == MCR_STEP_FAILED)
        return failed(d, err);
    mcr_scan_next(&d->scan);
    if (d->scan.at < d->scan.end) {
        mcr_scan_fail(&d->scan, "expected nothing behind the document");
        return failed(d, err);
    }
    if (l.object)
        return end_line(d, &l, err);
    return is_other(d, err) || !has_event_field(d, err) ? MCR_DECODED_MALFORMED : MCR_DECODED_EVENT;
}

mcr_decoded mcr_decode(mcr_decoder *d, mcr_str source, unsigned flags, mcr_event **out,
                       mcr_decode_error *err)
{
    const char *begin = source.ptr, *end = source.ptr + source.len;
    while (begin < end && mcr_is_space(*begin))
        begin++;
    while (begin < end && mcr_is_space(end[-1]))
        end--;
    mcr_str text = mcr_str_n(begin, (size_t)(end - begin));
    bool lines = text.len && memchr(text.ptr, '\n', text.len);

    // Room behind the text: the pad, then what unescaping and labels usually need.
    mcr_event *ev =
        mcr_block_new_from(&d->spare, (size_t)text.len + MCR_SCAN_PAD + text.len / 4 + 256);
    char *bytes = mcr_block_take(ev, (size_t)text.len + MCR_SCAN_PAD);
    size_t len = text.len;
    if (lines)
        mcr_json_compact_until(bytes, text, SIZE_MAX, &len);
    else if (len)
        memcpy(bytes, text.ptr, len);
    memset(bytes + len, 0, MCR_SCAN_PAD);

    d->ev = ev;
    d->expected = NULL;
    d->in_object = d->never_wrap = false;
    clear_object(d);
    mcr_scan_init(&d->scan, mcr_str_n(bytes, len), flags & MCR_DECODE_GO);
    err->offset = 0;
    err->text[0] = '\0';
    mcr_decoded kind = read_document(d, err);
    d->ev = NULL;
    if (kind == MCR_DECODED_EVENT) {
        *out = ev;
        return kind;
    }
    mcr_event_unref(ev);
    if (lines && kind == MCR_DECODED_INCOMPLETE) {
        err->offset = text.len;
    } else if (lines && kind == MCR_DECODED_MALFORMED) {
        d->compact.len = 0;
        err->offset =
            mcr_json_compact_until(mcr_buf_reserve(&d->compact, text.len), text, err->offset, &len);
    }
    err->offset += (size_t)(begin - source.ptr);
    return kind;
}
