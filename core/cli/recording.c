#include "cli/recording.h"

#include <ev.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "cli/progress.h"
#include "source/jsonl.h"

typedef struct reading {
    const mcr_recording *what;
    struct ev_loop *loop;
    mcr_source *source; // the one being read
    mcr_progress progress;
    ev_signal stops[2]; // SIGINT and SIGTERM
    ev_timer pacer;     // until the next event may come
    mcr_recording_end end;
    bool enough; // no more are wanted
} reading;

static void end_source(reading *r)
{
    r->source->kind->stop(r->source);
    ev_break(r->loop, EVBREAK_ONE);
}

static void hand_over(reading *r, mcr_event *const *events, uint32_t n)
{
    r->end.events += n;
    if (!r->enough && !r->what->take(r->what->self, events, n)) {
        r->enough = true;
        end_source(r);
    }
}

// Hands over what is due, and returns how many these were.
static uint32_t hand_over_paced(reading *r, mcr_event *const *events, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t wait = r->enough ? 0 : r->what->pace(r->what->self, events[i]);
        if (wait > 0) {
            ev_timer_set(&r->pacer, (double)wait / 1e9, 0.);
            ev_timer_start(r->loop, &r->pacer);
            return i;
        }
        hand_over(r, &events[i], 1);
    }
    return n;
}

static uint32_t on_take(void *self, mcr_source *source, mcr_event *const *events, uint32_t n)
{
    (void)source;
    reading *r = self;
    if (r->what->pace)
        return hand_over_paced(r, events, n);
    hand_over(r, events, n);
    return n;
}

static void on_paced(struct ev_loop *loop, ev_timer *pacer, int revents)
{
    (void)loop, (void)revents;
    reading *r = pacer->data;
    r->source->kind->resume(r->source);
}

static void on_malformed(void *self, mcr_source *source, const char *message)
{
    (void)source;
    reading *r = self;
    r->end.malformed++;
    mcr_progress_clear(&r->progress);
    mcr_log(MCR_LOG_ERROR, "%s", message);
}

static void on_ended(void *self, mcr_source *source, const char *error)
{
    reading *r = self;
    if (error) {
        mcr_progress_clear(&r->progress);
        mcr_log(MCR_LOG_ERROR, "%s: %s", source->name, error);
        r->end.failed = true;
    }
    ev_break(r->loop, EVBREAK_ONE);
}

// Reads no more, so that the command says what it knows by now.
static void on_stop(struct ev_loop *loop, ev_signal *stop, int revents)
{
    (void)loop, (void)revents;
    reading *r = stop->data;
    r->end.stopped_by = stop->signum;
    if (r->source && ev_is_active(&r->pacer))
        end_source(r); // what was read is not due yet
    else if (r->source)
        r->source->kind->finish(r->source);
}

// A second signal ends the program at once, for code that does not return.
static void watch_stops(reading *r)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    for (int i = 0; i < 2; i++) {
        ev_init(&r->stops[i], on_stop);
        struct sigaction action;
        sigaction(numbers[i], NULL, &action);
        if (action.sa_handler == SIG_IGN)
            continue; // started with `nohup` or in the background
        ev_signal_set(&r->stops[i], numbers[i]);
        r->stops[i].data = r;
        ev_signal_start(r->loop, &r->stops[i]);
        ev_unref(r->loop);
        sigaction(numbers[i], NULL, &action);
        action.sa_flags |= (int)SA_RESETHAND;
        sigaction(numbers[i], &action, NULL);
    }
}

static void forget_stops(reading *r)
{
    for (int i = 0; i < 2; i++)
        if (ev_is_active(&r->stops[i])) {
            ev_ref(r->loop);
            ev_signal_stop(r->loop, &r->stops[i]);
        }
}

static mcr_progress_state ask_progress(void *arg)
{
    reading *r = arg;
    mcr_progress_state state = { .events = r->end.events };
    if (r->source)
        r->source->kind->progress(r->source, &state.done, &state.total);
    return state;
}

static void read_one(reading *r, const char *path, uint32_t index)
{
    const mcr_jsonl_options options = { .path = path };
    const mcr_source_owner owner = { r, on_take, on_malformed, on_ended };
    mcr_errbuf err;
    r->source = mcr_jsonl_kind.open(&options, r->loop, &owner, r->what->event_limit, &err);
    if (!r->source) {
        mcr_progress_clear(&r->progress);
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        r->end.failed = true;
        return;
    }
    r->source->index = index;
    r->source->kind->start(r->source);
    ev_run(r->loop, 0);
    ev_timer_stop(r->loop, &r->pacer);
    if (r->what->was_read)
        r->what->was_read(r->what->self, r->source);
    r->source->kind->close(r->source);
    r->source = NULL;
}

mcr_recording_end mcr_recording_read(const mcr_recording *what)
{
    static char standard_input[] = "-";
    char *const only[] = { standard_input };
    char *const *paths = what->n ? what->paths : only;
    int n = what->n ? what->n : 1;
    reading r = { .what = what, .loop = ev_loop_new(EVFLAG_AUTO) };
    watch_stops(&r);
    ev_init(&r.pacer, on_paced);
    r.pacer.data = &r;
    mcr_progress_start(&r.progress, r.loop, ask_progress, &r);
    for (int i = 0; i < n && !r.end.stopped_by && !r.enough; i++) {
        if (strcmp(paths[i], "-") == 0 && isatty(STDIN_FILENO))
            mcr_log(MCR_LOG_INFO, "reading events from the terminal; end them with Ctrl-D");
        read_one(&r, paths[i], (uint32_t)i);
    }
    mcr_progress_stop(&r.progress);
    forget_stops(&r);
    ev_loop_destroy(r.loop);
    return r.end;
}

void mcr_recording_die(const mcr_recording_end *end)
{
    if (!end->stopped_by)
        return;
    signal(end->stopped_by, SIG_DFL);
    raise(end->stopped_by);
}

int mcr_recording_limit(const mcr_usage *usage, const char *text, size_t *limit)
{
    uint64_t bytes;
    if (!mcr_parse_size(mcr_str_of(text), &bytes) || !bytes)
        return mcr_args_usage_error(usage, "--event-limit must be a size such as 4MiB, not '%s'",
                                    text);
    *limit = (size_t)bytes;
    return 0;
}
