#include "sink/kube_fit.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "event/encode.h"
#include "event/event_name.h"
#include "sink/go_quote.h"

enum {
    MESSAGE_MAX = 1024,
    UUID_LEN = 36,
    // What stands for a byte that is not UTF-8 when it gets there.
    REPLACEMENT_LEN = 3
};

static mcr_str namespace_of(const mcr_event *ev)
{
    if (ev->metadata.namespace.len)
        return ev->metadata.namespace;
    return ev->involvedObject.namespace.len ? ev->involvedObject.namespace : MCR_STR("default");
}

static XXH128_hash_t hash_of(const mcr_event *ev, mcr_str namespace)
{
    mcr_buf text = { 0 };
    if (ev->metadata.name.len) {
        mcr_buf_add(&text, namespace);
        mcr_buf_putc(&text, '\0');
        mcr_buf_add(&text, ev->metadata.name);
    } else {
        mcr_event_encode(&text, ev, false);
    }
    XXH128_hash_t hash = XXH3_128bits(text.ptr, text.len);
    mcr_buf_fini(&text);
    return hash;
}

static void uuid_of(char uuid[UUID_LEN + 1], const mcr_event *ev, mcr_str namespace)
{
    XXH128_hash_t hash = hash_of(ev, namespace);
    uint64_t high = (hash.high64 & ~UINT64_C(0xf000)) | 0x8000;               // version 8
    uint64_t low = (hash.low64 & ~(UINT64_C(3) << 62)) | (UINT64_C(1) << 63); // RFC 9562's variant
    snprintf(uuid, UUID_LEN + 1,
             "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
             (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
}

// How much of the text can stay; what the server counts is UTF-8 without faults.
static uint32_t fitting(mcr_str message)
{
    size_t counted = 0;
    for (uint32_t i = 0; i < message.len;) {
        size_t width;
        bool valid = mcr_utf8_rune(message.ptr + i, message.len - i, &width) >= 0;
        counted += valid ? width : REPLACEMENT_LEN;
        if (counted > MESSAGE_MAX)
            return i;
        i += (uint32_t)width;
    }
    return message.len;
}

mcr_event *mcr_kube_fit(mcr_event *ev, mcr_kube_fitted *what)
{
    bool measured = ev->eventTime.set && ev->message.len > MESSAGE_MAX / REPLACEMENT_LEN;
    uint32_t message_len = measured ? fitting(ev->message) : ev->message.len;
    *what = (mcr_kube_fitted){
        .name = !mcr_event_name_valid(ev->metadata.name),
        .namespace = ev->metadata.namespace.len == 0,
        .message = message_len < ev->message.len,
    };
    if (!what->name && !what->namespace && !what->message)
        return mcr_event_ref(ev);

    mcr_event fields = { 0 };
    mcr_event_copy_fields(&fields, ev);
    fields.metadata.namespace = namespace_of(ev);
    fields.message.len = message_len;
    char uuid[UUID_LEN + 1];
    if (what->name) {
        uuid_of(uuid, ev, fields.metadata.namespace);
        fields.metadata.name = mcr_str_n(uuid, UUID_LEN);
    }
    return mcr_event_new(&fields);
}
