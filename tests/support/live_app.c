#include "support/live_app.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/drain.h"

enum {
    BATCHES = 8 // published in one turn of the loop
};

static mcr_event *numbered(uint64_t n)
{
    mcr_event fields = {
        .metadata = { .name = MCR_STR("web-0.17a"), .namespace = MCR_STR("default") },
        .involvedObject = { .kind = MCR_STR("Pod"),
                            .namespace = MCR_STR("default"),
                            .name = MCR_STR("web-0") },
        .reason = MCR_STR("BackOff"),
        .message = MCR_STR("Back-off restarting failed container"),
        .type = MCR_STR("Warning"),
        .count = (int32_t)n,
    };
    return mcr_event_new(&fields);
}

// False: there is no room.
static bool publish_some(live_app *l)
{
    for (int i = 0; i < BATCHES; i++) {
        for (; l->batch_n < 64; l->batch_n++)
            l->batch[l->batch_n] = numbered(l->published + l->batch_n - l->batch_done + 1);
        uint32_t n = mcr_broadcaster_publish(l->app.broadcaster, l->batch + l->batch_done,
                                             l->batch_n - l->batch_done, MCR_WAIT_IF_CHANNEL_FULL);
        for (uint32_t k = 0; k < n; k++)
            mcr_event_unref(l->batch[l->batch_done + k]);
        l->batch_done += n;
        l->published += n;
        if (l->batch_done < l->batch_n)
            return false;
        l->batch_done = l->batch_n = 0;
    }
    return true;
}

static void on_feed(struct ev_loop *loop, ev_idle *feed, int revents)
{
    (void)revents;
    if (!publish_some(feed->data))
        ev_idle_stop(loop, feed);
}

static live_app *of_async(ev_async *async)
{
    return async->data;
}

static void on_room(struct ev_loop *loop, ev_async *room, int revents)
{
    (void)revents;
    live_app *l = of_async(room);
    if (l->feeding)
        ev_idle_start(loop, &l->feed);
}

static void on_emitted(struct ev_loop *loop, ev_async *emitted, int revents)
{
    (void)loop, (void)revents;
    mcr_broadcaster_distribute_emitted(of_async(emitted)->app.broadcaster);
}

static void on_rest(struct ev_loop *loop, ev_prepare *rest, int revents)
{
    (void)loop, (void)revents;
    mcr_broadcaster_wake(((live_app *)rest->data)->app.broadcaster);
}

static void wake_async(void *arg)
{
    ev_async *async = arg;
    ev_async_send(of_async(async)->loop, async);
}

static uint32_t on_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    (void)self, (void)source, (void)events;
    return n; // the configuration's source has nothing to give
}

static void on_malformed(void *self, mcr_source *source, const char *message)
{
    (void)self, (void)source, (void)message;
}

static void on_ended(void *self, mcr_source *source, const char *error)
{
    mcr_app_source_ended(&((live_app *)self)->app, source, error != NULL);
}

static void must(mcr_err code, const mcr_errbuf *err)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(2);
}

void live_app_open(live_app *l, const char *config_path)
{
    *l = (live_app){ .loop = ev_loop_new(EVFLAG_AUTO) };
    const mcr_source_owner owner = { l, on_take, on_malformed, on_ended };
    mcr_errbuf err;
    mcr_generation *first = mcr_generation_new(NULL);
    must(mcr_generation_read(first, config_path, &err), &err);
    must(mcr_app_load(&l->app, first, &mcr_clock_wall, &err), &err);
    must(mcr_app_open(&l->app, l->loop, &owner, &err), &err);
    l->reload = mcr_reload_new(&l->app, l->loop, first, config_path);
    ev_async_init(&l->room, on_room);
    ev_async_init(&l->emitted, on_emitted);
    ev_idle_init(&l->feed, on_feed);
    ev_prepare_init(&l->rest, on_rest);
    l->room.data = l->emitted.data = l->feed.data = l->rest.data = l;
    ev_async_start(l->loop, &l->room);
    ev_async_start(l->loop, &l->emitted);
    ev_prepare_start(l->loop, &l->rest);
    mcr_broadcaster_on_room(l->app.broadcaster, wake_async, &l->room);
    mcr_broadcaster_on_emit(l->app.broadcaster, wake_async, &l->emitted);
    must(mcr_app_start(&l->app, &err), &err);
}

void live_app_feed(live_app *l)
{
    l->feeding = true;
    ev_idle_start(l->loop, &l->feed);
}

void live_app_pause(live_app *l)
{
    l->feeding = false;
    ev_idle_stop(l->loop, &l->feed);
}

int live_app_close(live_app *l)
{
    live_app_pause(l);
    mcr_broadcaster_on_room(l->app.broadcaster, NULL, NULL);
    for (uint32_t i = l->batch_done; i < l->batch_n; i++)
        mcr_event_unref(l->batch[i]);
    mcr_reload_stop(l->reload);
    mcr_drain drain = { .app = &l->app, .loop = l->loop, .quiet = true, .recorded = l->published };
    mcr_drain_finish(&drain);
    int code = mcr_drain_exit_code(&drain, false);
    for (uint32_t i = 0; i < l->app.host_n; i++)
        mcr_host_join(l->app.hosts[i]);
    l->app.host_n = 0;
    mcr_app_close(&l->app);
    mcr_reload_free(l->reload);
    ev_loop_destroy(l->loop);
    return code;
}
