#include "script/patch.h"

#include <math.h>

#include "event/encode.h"
#include "event/merge.h"
#include "event/splice.h"
#include "script/lua_json.h"

void mcr_patch_fini(mcr_patch *p)
{
    mcr_buf_fini(&p->json);
    mcr_buf_fini(&p->plain);
}

void mcr_patch_begin(mcr_patch *p)
{
    p->json.len = 0;
    p->plain.len = 0;
    p->n = 0;
}

static mcr_patch_member *begin_member(mcr_patch *p, mcr_str key)
{
    if (p->n == MCR_PATCH_MEMBERS)
        return NULL;
    mcr_patch_member *m = &p->member[p->n];
    *m = (mcr_patch_member){ .at = (uint32_t)p->json.len,
                             .key = (uint32_t)p->plain.len,
                             .key_len = key.len,
                             .number = NAN };
    mcr_buf_add(&p->plain, key);
    mcr_json_string(&p->json, key);
    mcr_buf_putc(&p->json, ':');
    m->value = (uint32_t)p->json.len;
    return m;
}

static bool end_member(mcr_patch *p)
{
    p->member[p->n].len = (uint32_t)p->json.len - p->member[p->n].at;
    p->n++;
    return true;
}

bool mcr_patch_string(mcr_patch *p, mcr_str key, mcr_str value)
{
    mcr_patch_member *m = begin_member(p, key);
    if (!m)
        return false;
    m->is_text = true;
    m->text = (uint32_t)p->plain.len;
    m->text_len = value.len;
    mcr_buf_add(&p->plain, value);
    mcr_json_string(&p->json, value);
    return end_member(p);
}

bool mcr_patch_number(mcr_patch *p, mcr_str key, double value)
{
    mcr_patch_member *m = isfinite(value) ? begin_member(p, key) : NULL;
    if (!m)
        return false;
    m->number = value;
    mcr_json_number(&p->json, value);
    return end_member(p);
}

bool mcr_patch_boolean(mcr_patch *p, mcr_str key, bool value)
{
    if (!begin_member(p, key))
        return false;
    mcr_buf_puts(&p->json, value ? "true" : "false");
    return end_member(p);
}

static bool comes_before(mcr_str a, mcr_str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order < 0 || (order == 0 && a.len < b.len);
}

static mcr_change change_of(const mcr_patch *p, const mcr_patch_member *m)
{
    const char *json = p->json.ptr, *plain = p->plain.ptr;
    mcr_change change = {
        .key = mcr_str_n(plain + m->key, m->key_len),
        .member = mcr_str_n(json + m->at, m->len),
        .value = mcr_str_n(json + m->value, m->at + m->len - m->value),
        .number = m->number,
    };
    if (m->is_text)
        change.text = mcr_str_n(plain + m->text, m->text_len);
    return change;
}

// The changes by name: the order that Lua gave them in differs from run to run.
static void sort(const mcr_patch *p, mcr_change *changes)
{
    for (uint32_t i = 0; i < p->n; i++) {
        mcr_change new = change_of(p, &p->member[i]);
        uint32_t k = i;
        for (; k > 0 && comes_before(new.key, changes[k - 1].key); k--)
            changes[k] = changes[k - 1];
        changes[k] = new;
    }
}

static void write_object(mcr_buf *out, const mcr_change *changes, uint32_t n)
{
    mcr_buf_putc(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        mcr_buf_add(out, changes[i].member);
    }
    mcr_buf_putc(out, '}');
}

void mcr_patch_write(const mcr_patch *p, mcr_buf *out)
{
    mcr_change changes[MCR_PATCH_MEMBERS];
    sort(p, changes);
    write_object(out, changes, p->n);
}

mcr_event *mcr_patch_apply(const mcr_patch *p, mcr_decoder *d, const mcr_event *ev, mcr_errbuf *err)
{
    mcr_change changes[MCR_PATCH_MEMBERS];
    sort(p, changes);
    mcr_event *made = mcr_event_splice(ev, changes, p->n);
    if (made)
        return made;
    mcr_buf object = { 0 };
    write_object(&object, changes, p->n);
    made = mcr_event_merge(d, ev, mcr_buf_str(&object), err);
    mcr_buf_fini(&object);
    return made;
}
