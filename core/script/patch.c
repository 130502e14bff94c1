#include "script/patch.h"

#include <math.h>

#include "event/encode.h"
#include "script/lua_json.h"

void mcr_patch_fini(mcr_patch *p)
{
    mcr_buf_fini(&p->text);
}

void mcr_patch_begin(mcr_patch *p)
{
    p->text.len = 0;
    p->n = 0;
}

static bool begin_member(mcr_patch *p, mcr_str key)
{
    if (p->n == MCR_PATCH_MEMBERS)
        return false;
    p->member[p->n].at = (uint32_t)p->text.len;
    mcr_json_string(&p->text, key);
    p->member[p->n].key_len = (uint32_t)p->text.len - p->member[p->n].at;
    mcr_buf_putc(&p->text, ':');
    return true;
}

static bool end_member(mcr_patch *p)
{
    p->member[p->n].len = (uint32_t)p->text.len - p->member[p->n].at;
    p->n++;
    return true;
}

bool mcr_patch_string(mcr_patch *p, mcr_str key, mcr_str value)
{
    if (!begin_member(p, key))
        return false;
    mcr_json_string(&p->text, value);
    return end_member(p);
}

bool mcr_patch_number(mcr_patch *p, mcr_str key, double value)
{
    if (!isfinite(value) || !begin_member(p, key))
        return false;
    mcr_json_number(&p->text, value);
    return end_member(p);
}

bool mcr_patch_boolean(mcr_patch *p, mcr_str key, bool value)
{
    if (!begin_member(p, key))
        return false;
    mcr_buf_puts(&p->text, value ? "true" : "false");
    return end_member(p);
}

static bool comes_before(const mcr_patch *p, uint32_t a, uint32_t b)
{
    uint32_t an = p->member[a].key_len, bn = p->member[b].key_len;
    int order =
        memcmp(p->text.ptr + p->member[a].at, p->text.ptr + p->member[b].at, an < bn ? an : bn);
    return order < 0 || (order == 0 && an < bn);
}

void mcr_patch_write(mcr_patch *p, mcr_buf *out)
{
    uint32_t order[MCR_PATCH_MEMBERS];
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t k = i;
        for (; k > 0 && comes_before(p, i, order[k - 1]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    mcr_buf_putc(out, '{');
    for (uint32_t i = 0; i < p->n; i++) {
        if (i)
            mcr_buf_putc(out, ',');
        mcr_buf_append(out, p->text.ptr + p->member[order[i]].at, p->member[order[i]].len);
    }
    mcr_buf_putc(out, '}');
}
