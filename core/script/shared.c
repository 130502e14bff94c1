#include "script/shared.h"

#include <math.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "event/encode.h"

typedef struct shared_item {
    mcr_str key; // bytes behind the struct
    double expires;
    mcr_shared_value value;
} shared_item;

struct mcr_shared {
    pthread_mutex_t lock;
    void *tree; // tsearch(3) tree of shared_item, by key
    uint32_t keys;
    uint64_t bytes;
    double first_expiry; // no item expires before it; INFINITY: none does
};

static int compare(const void *a, const void *b)
{
    const shared_item *x = a, *y = b;
    uint32_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = len ? memcmp(x->key.ptr, y->key.ptr, len) : 0;
    return order ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

static void free_item(void *arg)
{
    shared_item *e = arg;
    free(e->value.string);
    free(e);
}

mcr_shared *mcr_shared_new(void)
{
    mcr_shared *shared = mcr_zalloc(sizeof *shared);
    shared->first_expiry = INFINITY;
    pthread_mutex_init(&shared->lock, NULL);
    return shared;
}

void mcr_shared_free(mcr_shared *shared)
{
    if (!shared)
        return;
    tdestroy(shared->tree, free_item);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static uint64_t size_of(const shared_item *e)
{
    return e->key.len + e->value.len;
}

static void remove_item(mcr_shared *shared, shared_item *e)
{
    tdelete(e, &shared->tree, compare);
    shared->keys--;
    shared->bytes -= size_of(e);
    free_item(e);
}

static bool is_past(const shared_item *e, double now)
{
    return e->expires > 0 && now >= e->expires;
}

static shared_item *find(mcr_shared *shared, mcr_str key, double now)
{
    shared_item wanted = { .key = key };
    shared_item **slot = tfind(&wanted, &shared->tree, compare);
    if (!slot)
        return NULL;
    if (is_past(*slot, now)) {
        remove_item(shared, *slot);
        return NULL;
    }
    return *slot;
}

struct sweep {
    double now;
    shared_item **past;
    uint32_t n;
    double first_expiry; // of what stays
};

static void collect_past(const void *node, VISIT visit, void *arg)
{
    struct sweep *sweep = arg;
    shared_item *e = *(shared_item *const *)node;
    if (visit != postorder && visit != leaf)
        return;
    if (is_past(e, sweep->now))
        sweep->past[sweep->n++] = e;
    else if (e->expires > 0 && e->expires < sweep->first_expiry)
        sweep->first_expiry = e->expires;
}

// Removes what is past its time. The tree must not change while it is walked; it is not walked in
// vain, so that a full table costs a script that goes on adding to it no more than an answer.
static void remove_past(mcr_shared *shared, double now)
{
    if (now < shared->first_expiry)
        return;
    struct sweep sweep = { now, mcr_alloc((shared->keys + 1) * sizeof(shared_item *)), 0,
                           INFINITY };
    twalk_r(shared->tree, collect_past, &sweep);
    shared->first_expiry = sweep.first_expiry;
    for (uint32_t i = 0; i < sweep.n; i++)
        remove_item(shared, sweep.past[i]);
    free(sweep.past);
}

static void set_expiry(mcr_shared *shared, shared_item *e, double expires)
{
    e->expires = expires;
    if (expires > 0 && expires < shared->first_expiry)
        shared->first_expiry = expires;
}

static bool has_room(const mcr_shared *shared, uint32_t keys, int64_t bytes)
{
    return shared->keys + keys <= MCR_SHARED_KEYS &&
           (int64_t)shared->bytes + bytes <= MCR_SHARED_BYTES;
}

// Room for `keys` more and `bytes` more (negative: fewer).
static bool make_room(mcr_shared *shared, uint32_t keys, int64_t bytes, double now)
{
    if (!has_room(shared, keys, bytes))
        remove_past(shared, now);
    return has_room(shared, keys, bytes);
}

static shared_item *add_item(mcr_shared *shared, mcr_str key)
{
    shared_item *e = mcr_zalloc(sizeof *e + key.len);
    char *bytes = (char *)(e + 1);
    memcpy(bytes, key.ptr, key.len);
    e->key = mcr_str_n(bytes, key.len);
    if (!tsearch(e, &shared->tree, compare))
        abort(); // no memory for a tree node: what mcr_alloc would have done
    shared->keys++;
    shared->bytes += key.len;
    return e;
}

static char *copy_bytes(const char *bytes, uint32_t len)
{
    char *copy = mcr_alloc((size_t)len + 1);
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

mcr_shared_value mcr_shared_get(mcr_shared *shared, mcr_str key, double now)
{
    mcr_shared_value value = { .kind = MCR_SHARED_NONE };
    pthread_mutex_lock(&shared->lock);
    const shared_item *e = find(shared, key, now);
    if (e) {
        value = e->value;
        if (value.kind == MCR_SHARED_STRING)
            value.string = copy_bytes(value.string, value.len);
    }
    pthread_mutex_unlock(&shared->lock);
    return value;
}

bool mcr_shared_set(mcr_shared *shared, mcr_str key, const mcr_shared_value *value, double now,
                    double expires)
{
    pthread_mutex_lock(&shared->lock);
    shared_item *e = find(shared, key, now);
    bool ok = true;
    if (value->kind == MCR_SHARED_NONE) {
        if (e)
            remove_item(shared, e);
        goto out;
    }
    // An expired shared_item is gone by now, so `e` stays valid while room is made.
    uint32_t len = value->kind == MCR_SHARED_STRING ? value->len : 0;
    int64_t more = (int64_t)len + (e ? -(int64_t)e->value.len : (int64_t)key.len);
    ok = make_room(shared, e ? 0 : 1, more, now);
    if (!ok)
        goto out;
    if (!e)
        e = add_item(shared, key);
    shared->bytes += len;
    shared->bytes -= e->value.len;
    free(e->value.string);
    e->value = *value;
    e->value.len = len;
    e->value.string =
        len || value->kind == MCR_SHARED_STRING ? copy_bytes(value->string, len) : NULL;
    set_expiry(shared, e, expires);
out:
    pthread_mutex_unlock(&shared->lock);
    return ok;
}

bool mcr_shared_add(mcr_shared *shared, mcr_str key, double n, double now, double expires,
                    double *result)
{
    pthread_mutex_lock(&shared->lock);
    shared_item *e = find(shared, key, now);
    bool ok = e ? e->value.kind == MCR_SHARED_NUMBER : make_room(shared, 1, key.len, now);
    if (ok) {
        if (!e) {
            e = add_item(shared, key);
            e->value.kind = MCR_SHARED_NUMBER;
            set_expiry(shared, e, expires);
        }
        *result = e->value.number += n;
    }
    pthread_mutex_unlock(&shared->lock);
    return ok;
}

typedef struct writing {
    mcr_buf *out;
    size_t end; // bytes of `out` from which on values are left out
    double now;
    uint32_t keys, left_out;
} writing;

static void write_value(mcr_buf *out, const mcr_shared_value *value)
{
    uint32_t len = value->len;
    switch (value->kind) {
    case MCR_SHARED_NUMBER:
        if (isfinite(value->number))
            mcr_buf_printf(out, "%.17g", value->number);
        else
            mcr_buf_puts(out, "null");
        break;
    case MCR_SHARED_STRING:
        if (len > MCR_SHARED_SHOWN) // at the beginning of a character
            for (len = MCR_SHARED_SHOWN; len && (value->string[len] & 0xC0) == 0x80;)
                len--;
        mcr_json_string(out, mcr_str_n(value->string, len));
        break;
    default:
        mcr_buf_puts(out, value->boolean ? "true" : "false");
    }
}

static void write_item(const void *node, VISIT visit, void *arg)
{
    writing *w = arg;
    const shared_item *e = *(shared_item *const *)node;
    if ((visit != postorder && visit != leaf) || is_past(e, w->now))
        return;
    w->keys++;
    if (w->out->len >= w->end) {
        w->left_out++;
        return;
    }
    if (w->keys > 1)
        mcr_buf_putc(w->out, ',');
    mcr_json_string(w->out, e->key);
    mcr_buf_putc(w->out, ':');
    write_value(w->out, &e->value);
}

void mcr_shared_write(mcr_shared *shared, mcr_buf *out, size_t most, double now)
{
    writing w = { .out = out, .end = out->len + most, .now = now };
    mcr_buf_puts(out, "{\"values\":{");
    pthread_mutex_lock(&shared->lock);
    twalk_r(shared->tree, write_item, &w);
    pthread_mutex_unlock(&shared->lock);
    mcr_buf_printf(out, "},\"keys\":%u,\"left_out\":%u}", w.keys, w.left_out);
}
