#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "config/config_live.h"
#include "daemon/app.h"
#include "daemon/census.h"
#include "daemon/control_path.h"
#include "daemon/doors.h"
#include "daemon/drain.h"
#include "daemon/file_watch.h"
#include "daemon/first.h"
#include "daemon/last_good.h"
#include "daemon/reload.h"
#include "daemon/self_event.h"

enum {
    SIGNALS = 5
};

typedef struct runner {
    mcr_app app;
    mcr_reload *reload;         // owns the generations
    mcr_file_watch *file_watch; // NULL: not wanted
    struct ev_loop *loop;
    ev_async room;    // some watch has room again
    ev_async emitted; // something waits in the emit inbox
    ev_prepare rest;  // the loop is about to sleep
    ev_signal signals[SIGNALS];
    bool finishing; // a first SIGTERM or SIGINT came
    bool failed;    // a source ended with an error
    mcr_drain end;
    mcr_live live;
    mcr_doors *doors;
    mcr_first first;
    mcr_last_good *last_good; // NULL: nothing is kept
    mcr_self_event self;
    mcr_buf config_path; // absolute
    mcr_buf changed;     // what the last reload that succeeded has changed
} runner;

static uint32_t on_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    runner *r = self;
    uint32_t taken =
        mcr_broadcaster_publish(r->app.broadcaster, events, n,
                                source->wait ? MCR_WAIT_IF_CHANNEL_FULL : MCR_DROP_IF_CHANNEL_FULL);
    if (mcr_tapping_wants(r->app.tapping, MCR_TAP_SOURCE)) {
        const mcr_passing passing = { .stages = MCR_TAP_SOURCE,
                                      .outcome = "decoded",
                                      .from = source->name };
        mcr_tapping_tell(r->app.tapping, &passing, events, taken);
    }
    return taken;
}

static void on_malformed(void *self, mcr_source *source, const char *message)
{
    (void)self, (void)source;
    mcr_log(MCR_LOG_ERROR, "%s", message);
}

static void on_ended(void *self, mcr_source *source, const char *error)
{
    runner *r = self;
    if (error) {
        mcr_log(MCR_LOG_ERROR, "%s: %s", source->name, error);
        r->failed = true;
    }
    mcr_app_source_ended(&r->app, source, error != NULL);
    if (!mcr_app_has_sources(&r->app))
        ev_break(r->loop, EVBREAK_ALL);
}

static void wake_async(void *arg)
{
    ev_async *async = arg;
    ev_async_send(async->data, async);
}

static void on_room(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)loop, (void)revents;
    runner *r = (runner *)(void *)((char *)async - offsetof(runner, room));
    for (uint32_t i = 0; i < r->app.source_n; i++)
        r->app.sources[i]->source->kind->resume(r->app.sources[i]->source);
}

static void on_emitted(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)loop, (void)revents;
    runner *r = (runner *)(void *)((char *)async - offsetof(runner, emitted));
    mcr_broadcaster_distribute_emitted(r->app.broadcaster);
}

static void on_rest(struct ev_loop *loop, ev_prepare *rest, int revents)
{
    (void)loop, (void)revents;
    const runner *r = rest->data;
    mcr_broadcaster_wake(r->app.broadcaster);
}

static void reopen_sinks(void *arg)
{
    const mcr_app_watcher *w = arg;
    for (uint32_t i = 0; i < mcr_watcher_sink_count(w->watcher); i++) {
        mcr_sink *sink = mcr_watcher_sink(w->watcher, i);
        if (sink->kind->reopen)
            sink->kind->reopen(sink);
    }
}

enum {
    CALL_DEADLINE_S = 5
};

static void reopen_all(runner *r)
{
    if (r->app.dead)
        mcr_dead_letters_reopen(r->app.dead);
    for (uint32_t i = 0; i < r->app.watcher_n; i++) {
        mcr_app_watcher *w = r->app.watchers[i];
        if (!mcr_host_call(w->host, reopen_sinks, w, CALL_DEADLINE_S * (int64_t)1000000000))
            mcr_log(MCR_LOG_ERROR, "watcher '%s' did not reopen its files within %d s", w->name,
                    CALL_DEADLINE_S);
    }
    mcr_log(MCR_LOG_INFO, "files reopened");
}

static void on_counted(void *arg, const mcr_census_result *result)
{
    const runner *r = arg;
    mcr_buf text = { 0 };
    mcr_ledger ledger = *result->ledger;
    ledger.recorded = r->live.recorded;
    mcr_ledger_write(&text, &ledger, false);
    fwrite(text.ptr, 1, text.len, stderr);
    mcr_buf_fini(&text);
    for (uint32_t i = 0; i < result->watcher_n; i++)
        if (result->watchers[i].silent)
            mcr_log(MCR_LOG_WARN, "watcher '%s' gave no counters within %d s",
                    result->watchers[i].name, CALL_DEADLINE_S);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int revents)
{
    (void)revents;
    runner *r = signal->data;
    switch (signal->signum) {
    case SIGUSR1:
        reopen_all(r);
        return;
    case SIGUSR2:
        // Says where every event is, without stopping.
        mcr_census_take(r->live.census, CALL_DEADLINE_S * (int64_t)1000000000, on_counted, r);
        return;
    case SIGHUP:
        mcr_reload_request(r->reload, MCR_RELOAD_DISK, "SIGHUP", NULL, NULL);
        return;
    default:
        break;
    }
    mcr_log(MCR_LOG_INFO, "%s: %s", strsignal(signal->signum),
            r->finishing ? "ending at once" : "reading stops, what was read is finished");
    bool first = !r->finishing;
    if (first) {
        mcr_reload_refuse(r->reload); // it could bring in what nobody would end
        mcr_drain_announce(&r->end);
    }
    for (uint32_t i = 0; i < r->app.source_n; i++) {
        mcr_source *source = r->app.sources[i]->source;
        if (first)
            source->kind->finish(source); // `ended` follows when what was read is handed over
        else
            source->kind->stop(source);
    }
    r->finishing = r->live.draining = true;
    if (!first) {
        r->end.hurry = true;
        ev_break(loop, EVBREAK_ALL);
    }
}

static void start_signals(runner *r)
{
    static const int numbers[SIGNALS] = { SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP };
    for (int i = 0; i < SIGNALS; i++) {
        ev_signal_init(&r->signals[i], on_signal, numbers[i]);
        r->signals[i].data = r;
        ev_signal_start(r->loop, &r->signals[i]);
        ev_unref(r->loop);
    }
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &ignore, NULL);
}

static void start_async(runner *r, ev_async *async, void (*call)(struct ev_loop *, ev_async *, int))
{
    ev_async_init(async, call);
    async->data = r->loop;
    ev_async_start(r->loop, async);
}

static void tell_of_failure(runner *r, const char *message)
{
    if (r->app.config->reload.events && !r->live.draining)
        mcr_self_event_reload_failed(&r->self, message);
    r->live.recorded = r->self.recorded;
}

// Another generation runs.
static void note_generation(runner *r, const mcr_reload_outcome *outcome)
{
    r->changed.len = 0;
    mcr_buf_puts(&r->changed, outcome->changed);
    r->live.changed = mcr_buf_cstr(&r->changed);
    r->live.last_good = NULL;
    if (r->last_good)
        mcr_last_good_keep(r->last_good, mcr_reload_status_now(r->reload).generation);
}

static void on_reloaded(void *arg, const mcr_reload_outcome *outcome)
{
    runner *r = arg;
    bool of_shadow = outcome->what == MCR_RELOAD_SHADOW || outcome->what == MCR_RELOAD_DROP;
    if (outcome->ok && !of_shadow)
        note_generation(r, outcome);
    else if (!outcome->ok && !of_shadow)
        tell_of_failure(r, outcome->message);
    if (r->file_watch)
        mcr_file_watch_renew(r->file_watch);
    // Sources of a reload that was decided when the end came.
    for (uint32_t i = 0; r->finishing && i < r->app.source_n; i++)
        r->app.sources[i]->source->kind->finish(r->app.sources[i]->source);
}

static void start_reload(runner *r)
{
    const mcr_config_reload *config = &r->app.config->reload;
    mcr_reload_observe(r->reload, on_reloaded, r);
    if (r->first.tried)
        mcr_reload_set_tried(r->reload, r->first.tried);
    if (config->watch)
        r->file_watch = mcr_file_watch_new(
            r->reload, r->loop,
            &(mcr_file_watch_options){ .debounce_ns = config->debounce, .poll_ns = config->poll });
}

// From now on what runs is kept, or said to be what was kept.
static void start_last_good(runner *r)
{
    const mcr_config *config = r->app.config;
    mcr_errbuf why;
    r->live.last_good = r->first.broken;
    if (config->state_dir && config->reload.last_good &&
        !(r->last_good = mcr_last_good_new(config->state_dir, &why)))
        mcr_log(MCR_LOG_WARN, "the files that run are not kept for the next start: %s", why.text);
    if (r->first.broken)
        tell_of_failure(r, r->first.broken);
    else if (r->last_good)
        mcr_last_good_keep(r->last_good, mcr_reload_status_now(r->reload).generation);
}

static mcr_err start(runner *r, const char *path, mcr_errbuf *err)
{
    const mcr_source_owner owner = { r, on_take, on_malformed, on_ended };
    mcr_err code = mcr_first_load(&r->first, &r->app, path, err);
    if (!code)
        code = mcr_app_open(&r->app, r->loop, &owner, err);
    if (code)
        return code;
    r->reload = mcr_reload_new(&r->app, r->loop, r->first.generation, r->app.config->path);
    r->first.generation = NULL;
    mcr_self_event_init(&r->self, r->app.broadcaster, mcr_clock_wall);
    start_async(r, &r->room, on_room);
    start_async(r, &r->emitted, on_emitted);
    mcr_broadcaster_on_room(r->app.broadcaster, wake_async, &r->room);
    mcr_broadcaster_on_emit(r->app.broadcaster, wake_async, &r->emitted);
    ev_prepare_init(&r->rest, on_rest);
    r->rest.data = r;
    ev_prepare_start(r->loop, &r->rest);
    start_signals(r);
    start_reload(r);
    mcr_control_absolute(r->app.config->path, &r->config_path);
    r->live.reload = r->reload;
    r->live.config_path = r->config_path.ptr;
    r->doors = mcr_doors_open(r->loop, &r->live, err);
    if (!r->doors)
        return MCR_EIO;
    code = mcr_app_start(&r->app, err);
    if (!code)
        start_last_good(r);
    return code;
}

static void close_all(runner *r)
{
    mcr_census_free(r->live.census);
    mcr_profiling_free(r->live.profiling);
    mcr_doors_close(r->doors);
    mcr_buf_fini(&r->config_path);
    mcr_buf_fini(&r->changed);
    for (uint32_t i = 0; i < r->app.host_n; i++) {
        mcr_host_hurry(r->app.hosts[i]);
        mcr_host_join(r->app.hosts[i]);
    }
    r->app.host_n = 0;
    mcr_file_watch_free(r->file_watch);
    mcr_app_close(&r->app);
    mcr_reload_free(r->reload);
    mcr_first_fini(&r->first);
    mcr_last_good_free(r->last_good);
    ev_loop_destroy(r->loop);
}

int mcr_cmd_run(int argc, char **argv)
{
    const char *path = NULL, *output = NULL, *state_dir = NULL;
    int verbose = 0, quiet = 0;
    const mcr_flag flags[] = {
        MCR_FLAG_CONFIG(&path),
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &output,
          "how the ledger is written at the end: text (default) or json" },
        { "state-dir", 0, "FOLDER", MCR_FLAG_TEXT, &state_dir,
          "where the program keeps what it needs at its next start, instead of the "
          "configuration's state_dir; $MOONCRIER_STATE_DIR does the same" },
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "run",
        .synopsis = "[flags]",
        .about =
            "Runs the configuration: reads its sources, hands every event to its watchers and\n"
            "ends when all sources have ended, or after SIGTERM or SIGINT when what was read\n"
            "is finished (a second one: at once). At the end the ledger on stderr says what\n"
            "became of every event. SIGUSR1 reopens files, SIGUSR2 prints the ledger.",
        .examples = "  # what ./mooncrier.lua says\n"
                    "  mooncrier run\n"
                    "\n"
                    "  # another configuration\n"
                    "  mooncrier run -c /etc/mooncrier/mooncrier.lua",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n)
        return mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[0]);
    if (output && strcmp(output, "json") != 0 && strcmp(output, "text") != 0)
        return mcr_args_usage_error(&usage, "-o must be text or json, not '%s'", output);
    mcr_args_log_level(verbose, quiet);

    if (state_dir)
        setenv(MCR_STATE_DIR_VARIABLE, state_dir, true); // no thread runs yet
    mcr_errbuf err;
    runner r = { .loop = ev_loop_new(EVFLAG_AUTO) };
    r.end = (mcr_drain){ .app = &r.app,
                         .loop = r.loop,
                         .quiet = quiet > 0,
                         .json = output && strcmp(output, "json") == 0 };
    r.live = (mcr_live){ .app = &r.app,
                         .census = mcr_census_new(&r.app, r.loop),
                         .profiling = mcr_profiling_new(&r.app, r.loop),
                         .started_at = mcr_clock_now(&mcr_clock_wall) };
    mcr_err code = start(&r, path, &err);
    if (code) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        close_all(&r);
        return code == MCR_EIO ? MCR_EXIT_FAILED : MCR_EXIT_CONFIG;
    }
    if (mcr_app_has_sources(&r.app))
        ev_run(r.loop, 0);
    mcr_file_watch_free(r.file_watch);
    r.file_watch = NULL;
    r.live.draining = true;
    mcr_reload_stop(r.reload);
    r.end.recorded = r.live.recorded;
    mcr_drain_finish(&r.end);
    int exit_code = mcr_drain_exit_code(&r.end, r.failed);
    close_all(&r);
    return exit_code;
}
