#include "daemon/self_event.h"

#include <stdlib.h>
#include <unistd.h>

#include "broadcast/recorder.h"

enum {
    BURST = 3,
    EVERY_S = 10,
    MESSAGE_MAX = 1024
};

void mcr_self_event_init(mcr_self_event *s, mcr_broadcaster *b, mcr_clock clock)
{
    *s = (mcr_self_event){ .broadcaster = b, .clock = clock };
    mcr_token_bucket_fill(&s->bucket, BURST, mcr_clock_now(&s->clock));
}

static mcr_err publish(void *self, mcr_event *ev, bool *accepted, mcr_errbuf *err)
{
    mcr_self_event *s = self;
    uint32_t n = mcr_broadcaster_publish(s->broadcaster, &ev, 1, MCR_DROP_IF_CHANNEL_FULL);
    s->recorded += n;
    *accepted = true;
    return n ? MCR_OK : mcr_errf(err, MCR_ESTOPPED, "the broadcaster has ended");
}

static mcr_object_reference about(const char *host)
{
    const char *pod = getenv("POD_NAME"), *namespace = getenv("POD_NAMESPACE");
    if (pod && *pod && namespace && *namespace)
        return (mcr_object_reference){ .kind = MCR_STR("Pod"),
                                       .apiVersion = MCR_STR("v1"),
                                       .namespace = mcr_str_of(namespace),
                                       .name = mcr_str_of(pod),
                                       .uid = mcr_str_of(getenv("POD_UID")) };
    return (mcr_object_reference){ .kind = MCR_STR("Process"), .name = mcr_str_of(host) };
}

// The longest beginning of whole characters.
static mcr_str shorten(const char *message)
{
    size_t len = strlen(message);
    if (len > MESSAGE_MAX)
        for (len = MESSAGE_MAX; len && ((unsigned char)message[len] & 0xc0) == 0x80;)
            len--;
    return mcr_str_n(message, len);
}

void mcr_self_event_reload_failed(mcr_self_event *s, const char *message)
{
    int64_t now = mcr_clock_now(&s->clock);
    if (!mcr_token_bucket_take(&s->bucket, 1. / EVERY_S, BURST, now)) {
        s->withheld++;
        return;
    }
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    const mcr_object_reference object = about(host);
    const mcr_recorder recorder = { .source = { MCR_STR("mooncrier"), mcr_str_of(host) },
                                    .clock = s->clock,
                                    .uuids = &mcr_random_system,
                                    .publish = { publish, s } };
    mcr_recorder_event(&recorder, &(mcr_regarding){ .reference = &object },
                       &(mcr_recorded){ .type = MCR_STR("Warning"),
                                        .reason = MCR_STR("ReloadFailed"),
                                        .message = shorten(message) });
}
