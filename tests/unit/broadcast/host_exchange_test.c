// A watcher that gets other hooks while its host drives it: their ticks. What would be a deadlock
// is ended by the alarm.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "broadcast/broadcaster.h"
#include "broadcast/hooks.h"
#include "broadcast/host.h"
#include "numbered.h"

static mcr_broadcaster *broadcaster(void)
{
    mcr_broadcaster_options options = { .queue = 100, .is_inline = true };
    return mcr_broadcaster_new(&options);
}

struct ticker {
    atomic_int ticks;
    sem_t *fourth; // posted from the fourth tick on
};

static int64_t tick(void *self, int64_t now)
{
    struct ticker *t = self;
    if (atomic_fetch_add(&t->ticks, 1) >= 3)
        sem_post(t->fourth);
    return now + 1000000;
}

struct other_hooks {
    mcr_watcher *w;
    mcr_hooks hooks;
};

static void exchange(void *arg)
{
    const struct other_hooks *o = arg;
    mcr_watcher_set_hooks(o->w, &o->hooks);
}

static atomic_bool publishing;

static void *publish_on(void *arg)
{
    while (atomic_load(&publishing)) {
        mcr_event *ev = numbered(1);
        mcr_broadcaster_publish(arg, &ev, 1, MCR_DROP_IF_CHANNEL_FULL);
        mcr_event_unref(ev);
    }
    return NULL;
}

// Ticks of the new hooks come also when the host never has a moment's rest.
static void new_hooks_tick_under_constant_load(void **state)
{
    (void)state;
    sem_t held;
    sem_init(&held, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("load", &mcr_clock_wall);
    mcr_watcher *w = mcr_watcher_new("subject");
    mcr_watch *watch = mcr_broadcaster_watch(b, NULL);
    mcr_host_add(h, w, watch);
    mcr_host_start(h, NULL);
    atomic_store(&publishing, true);
    pthread_t publisher;
    pthread_create(&publisher, NULL, publish_on, b);
    for (int i = 0; i < 5; i++) {
        struct ticker next = { .fourth = &held };
        struct other_hooks o = { w, { .self = &next, .tick = tick } };
        assert_true(mcr_host_call(h, exchange, &o, INT64_C(60000000000)));
        sem_wait(&held);
        o.hooks = (mcr_hooks){ 0 };
        assert_true(mcr_host_call(h, exchange, &o, INT64_C(60000000000)));
        assert_true(next.ticks >= 4);
        while (sem_trywait(&held) == 0)
            ;
    }
    atomic_store(&publishing, false);
    pthread_join(publisher, NULL);
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    mcr_watcher_free(w);
    mcr_watch_free(watch);
    mcr_broadcaster_free(b);
    sem_destroy(&held);
}

// A sink that keeps what it gets until it is flushed.
struct lazy_sink {
    mcr_sink sink;
    sem_t *flushed;
    uint64_t kept;
};

static void lazy_write(mcr_sink *sink, mcr_event *const *events, size_t n, int64_t now)
{
    (void)events, (void)now;
    ((struct lazy_sink *)sink)->kept += n;
    sink->counts.assigned += n;
    sink->counts.delivered += n;
}

static void lazy_flush(mcr_sink *sink, int64_t now)
{
    (void)now;
    struct lazy_sink *s = (struct lazy_sink *)sink;
    for (; s->kept; s->kept--)
        sem_post(s->flushed);
}

static void lazy_close(mcr_sink *sink)
{
    free(sink);
}

static const mcr_sink_kind lazy_kind = {
    .name = "lazy", .write = lazy_write, .flush = lazy_flush, .close = lazy_close
};

static int64_t emit_once(void *self, int64_t now)
{
    (void)now;
    *(int *)self = 1;
    return 0;
}

static bool next_emitted(void *self, mcr_direct *out)
{
    int *waits = self;
    if (!*waits)
        return false;
    *waits = 0;
    *out = (mcr_direct){ numbered(1), 0, 0 };
    return true;
}

// What the first tick of new hooks sends does not wait for the next event.
static void what_ticks_write_is_flushed(void **state)
{
    (void)state;
    sem_t flushed;
    sem_init(&flushed, 0, 0);
    mcr_broadcaster *b = broadcaster();
    mcr_host *h = mcr_host_new("flush", &mcr_clock_wall);
    int waits = 0;
    const mcr_hooks hooks = { .self = &waits, .tick = emit_once, .next_direct = next_emitted };
    mcr_watcher *w = mcr_watcher_new("subject");
    mcr_watch *watch = mcr_broadcaster_watch(b, NULL);
    struct lazy_sink *sink = mcr_zalloc(sizeof *sink);
    sink->sink.kind = &lazy_kind;
    sink->flushed = &flushed;
    mcr_watcher_add_sink_take(w, &sink->sink);
    mcr_watcher_set_hooks(w, &hooks);
    mcr_host_add(h, w, watch);
    mcr_host_start(h, NULL);
    sem_wait(&flushed); // of the first tick, when it begins
    for (int i = 0; i < 100; i++) {
        struct other_hooks o = { w, hooks };
        assert_true(mcr_host_call(h, exchange, &o, INT64_C(60000000000)));
        sem_wait(&flushed);
    }
    mcr_broadcaster_shutdown(b);
    mcr_host_join(h);
    mcr_watcher_free(w);
    mcr_watch_free(watch);
    mcr_broadcaster_free(b);
    sem_destroy(&flushed);
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_hooks_tick_under_constant_load),
        cmocka_unit_test(what_ticks_write_is_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
