#include "script/shadow_record.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"

void mcr_shadow_same(mcr_shadow_record *r)
{
    r->compared++;
}

static bool is_middle(char byte) // of a character
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

// A copy for people of what begins at `from`: cut where it gets long.
static char *shown(mcr_str text, size_t from)
{
    size_t end = text.len - from > MCR_SHADOW_SHOWN ? from + MCR_SHADOW_SHOWN : text.len;
    while (end < text.len && end > from && is_middle(text.ptr[end]))
        end--;
    mcr_buf out = { 0 };
    mcr_buf_puts(&out, from ? "…" : "");
    mcr_buf_append(&out, text.ptr + from, end - from);
    mcr_buf_puts(&out, end < text.len ? "…" : "");
    char *copy = mcr_strdup(mcr_buf_cstr(&out));
    mcr_buf_fini(&out);
    return copy;
}

// Where both are shown from, so that what differs is seen.
static size_t begin_of(mcr_str a, mcr_str b)
{
    size_t same = 0, shorter = a.len < b.len ? a.len : b.len;
    while (same < shorter && a.ptr[same] == b.ptr[same])
        same++;
    if (same < MCR_SHADOW_SHOWN / 2)
        return 0;
    size_t from = same - MCR_SHADOW_SHOWN / 4;
    while (is_middle(a.ptr[from]))
        from--;
    return from;
}

static char *name_of(const mcr_event *ev)
{
    mcr_buf out = { 0 };
    mcr_buf_append(&out, ev->metadata.namespace.ptr, ev->metadata.namespace.len);
    mcr_buf_putc(&out, '/');
    mcr_buf_append(&out, ev->metadata.name.ptr, ev->metadata.name.len);
    char *copy = mcr_strdup(mcr_buf_cstr(&out));
    mcr_buf_fini(&out);
    return copy;
}

void mcr_shadow_compare(mcr_shadow_record *r, const mcr_event *ev, mcr_str live, mcr_str shadow)
{
    r->compared++;
    if (mcr_str_eq(live, shadow))
        return;
    size_t from = begin_of(live, shadow);
    if (r->differ < MCR_SHADOW_EXAMPLES)
        r->examples[r->differ] =
            (mcr_shadow_example){ name_of(ev), shown(live, from), shown(shadow, from) };
    r->differ++;
}

void mcr_shadow_record_write(const mcr_shadow_record *r, mcr_buf *json)
{
    mcr_buf_printf(json, "{\"hook\":\"%s\",\"compared\":%llu,\"differ\":%llu,\"examples\":[",
                   r->hook, (unsigned long long)r->compared, (unsigned long long)r->differ);
    for (size_t i = 0; i < MCR_SHADOW_EXAMPLES && r->examples[i].event; i++) {
        const mcr_shadow_example *e = &r->examples[i];
        mcr_buf_puts(json, i ? ",{\"event\":" : "{\"event\":");
        mcr_json_string(json, mcr_str_of(e->event));
        mcr_buf_puts(json, ",\"live\":");
        mcr_json_string(json, mcr_str_of(e->live));
        mcr_buf_puts(json, ",\"shadow\":");
        mcr_json_string(json, mcr_str_of(e->shadow));
        mcr_buf_putc(json, '}');
    }
    mcr_buf_puts(json, "]}");
}

void mcr_shadow_record_fini(mcr_shadow_record *r)
{
    for (size_t i = 0; i < MCR_SHADOW_EXAMPLES; i++) {
        free(r->examples[i].event);
        free(r->examples[i].live);
        free(r->examples[i].shadow);
    }
}
