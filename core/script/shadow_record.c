#include "script/shadow_record.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"

void mcr_shadow_same(mcr_shadow_record *r)
{
    r->compared++;
}

// A copy for people: cut where it gets long.
static char *shown(mcr_str text)
{
    size_t len = text.len < MCR_SHADOW_SHOWN ? text.len : MCR_SHADOW_SHOWN;
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--; // not within a character
    mcr_buf out = { 0 };
    mcr_buf_append(&out, text.ptr, len);
    if (len < text.len)
        mcr_buf_puts(&out, "…");
    char *copy = mcr_strdup(mcr_buf_cstr(&out));
    mcr_buf_fini(&out);
    return copy;
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
    if (r->differ < MCR_SHADOW_EXAMPLES)
        r->examples[r->differ] = (mcr_shadow_example){ name_of(ev), shown(live), shown(shadow) };
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
