#include "event/splice.h"

#include <math.h>
#include <stddef.h>

#include "event/atom.h"
#include "event/block.h"
#include "event/decoder.h"

enum {
    MOST = 8 // changes; more take the long way
};

// The fields that can be exchanged, by their place in mcr_block.spans.
static const struct {
    const char *name;
    size_t at;
    bool is_word; // has an atom
} spliceable[MCR_SPANS] = {
    [MCR_SPAN_REASON] = { "reason", offsetof(mcr_event, reason), true },
    [MCR_SPAN_MESSAGE] = { "message", offsetof(mcr_event, message), false },
    [MCR_SPAN_TYPE] = { "type", offsetof(mcr_event, type), true },
    [MCR_SPAN_ACTION] = { "action", offsetof(mcr_event, action), true },
    [MCR_SPAN_COUNT] = { "count", offsetof(mcr_event, count), false },
};

enum {
    NEW_FIELD = MCR_SPANS, // no field of an event
    OTHER_FIELD            // one that cannot be exchanged
};

static int field_of(mcr_str key)
{
    for (int i = 0; i < MCR_SPANS; i++)
        if (mcr_str_is(key, spliceable[i].name))
            return i;
    return mcr_is_event_field(key) ? OTHER_FIELD : NEW_FIELD;
}

static bool is_utf8(mcr_str text)
{
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end;) {
        if ((signed char)*at >= 0) {
            at++;
            continue;
        }
        int n = mcr_utf8_len(at, end);
        if (!n)
            return false;
        at += n;
    }
    return true;
}

static bool fits(int field, const mcr_change *change)
{
    if (field == NEW_FIELD)
        return true;
    if (field == MCR_SPAN_COUNT)
        return change->number >= INT32_MIN && change->number <= INT32_MAX &&
               change->number == floor(change->number);
    return change->text.ptr && is_utf8(change->text);
}

static void set_field(mcr_event *ev, int field, const mcr_change *change)
{
    void *at = (char *)ev + spliceable[field].at;
    if (field == MCR_SPAN_COUNT) {
        *(int32_t *)at = (int32_t)change->number;
        return;
    }
    mcr_str *to = at;
    *to = mcr_block_copy(ev, change->text);
    to->id = spliceable[field].is_word ? mcr_atom(to->ptr, to->len) : 0;
}

// What replaces a piece of the text.
typedef struct piece {
    mcr_span span;
    const mcr_change *change;
} piece;

static char *put(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

// The pieces, in the order of the text, then the new members.
static mcr_str write_text(mcr_event *made, mcr_str raw, const piece *pieces, uint32_t n,
                          const mcr_change *const *added, uint32_t added_n, size_t size)
{
    char *text = mcr_block_take(made, size + MCR_SCAN_PAD);
    char *to = text;
    const char *from = raw.ptr;
    for (uint32_t i = 0; i < n; i++) {
        to = put(to, from, (size_t)(pieces[i].span.at - from));
        to = put(to, pieces[i].change->value.ptr, pieces[i].change->value.len);
        from = pieces[i].span.at + pieces[i].span.len;
    }
    to = put(to, from, (size_t)(raw.ptr + raw.len - 1 - from));
    for (uint32_t i = 0; i < added_n; i++) {
        *to++ = ',';
        to = put(to, added[i]->member.ptr, added[i]->member.len);
    }
    *to++ = '}';
    memset(to, 0, MCR_SCAN_PAD);
    return mcr_str_n(text, (size_t)(to - text));
}

mcr_event *mcr_event_splice(const mcr_event *ev, const mcr_change *changes, uint32_t n)
{
    const mcr_block *block = (const mcr_block *)(const void *)ev;
    if (n > MOST || block->spans_unknown || ev->unknown_fields)
        return NULL;
    piece pieces[MOST];
    const mcr_change *added[MOST];
    int fields[MOST];
    uint32_t piece_n = 0, added_n = 0;
    size_t size = ev->raw.len, texts = 0;
    for (uint32_t i = 0; i < n; i++) {
        fields[i] = field_of(changes[i].key);
        if (fields[i] == OTHER_FIELD || !fits(fields[i], &changes[i]))
            return NULL;
        texts += changes[i].text.len + 8;
        size += changes[i].member.len + 1;
        if (fields[i] == NEW_FIELD || !block->spans[fields[i]].at) {
            added[added_n++] = &changes[i];
            continue;
        }
        piece new = { block->spans[fields[i]], &changes[i] };
        uint32_t k = piece_n++;
        for (; k > 0 && pieces[k - 1].span.at > new.span.at; k--)
            pieces[k] = pieces[k - 1];
        pieces[k] = new;
    }
    mcr_event *made = mcr_block_new(size + MCR_SCAN_PAD + texts + 16);
    mcr_event_copy_fields(made, ev);
    mcr_block *made_block = (mcr_block *)(void *)made;
    made_block->parent = mcr_event_ref((mcr_event *)ev);
    made_block->spans_unknown = true;
    made->raw = write_text(made, ev->raw, pieces, piece_n, added, added_n, size);
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i] == NEW_FIELD)
            made->unknown_fields = 1;
        else
            set_field(made, fields[i], &changes[i]);
    }
    return made;
}
