#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_server.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "store/store.h"

enum {
    PATIENCE_S = 10, // for requests under way at the end
    HISTORY_MAX = 100000000
};

typedef struct serving {
    mcr_api_server *server;
    ev_signal term, interrupt;
    ev_timer patience;
    ev_prepare idle;
} serving;

static void on_idle(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)events;
    const serving *s = prepare->data;
    if (mcr_api_server_idle(s->server))
        ev_break(loop, EVBREAK_ALL);
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    mcr_log(MCR_LOG_WARN, "requests were still under way after %d s; they are cut", PATIENCE_S);
    ev_break(loop, EVBREAK_ALL);
}

// The first signal ends it in peace, the second at once.
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)events;
    serving *s = watcher->data;
    if (ev_is_active(&s->idle)) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    mcr_api_server_stop(s->server);
    ev_prepare_start(loop, &s->idle);
    ev_timer_start(loop, &s->patience);
}

static void serve(struct ev_loop *loop, mcr_api_server *server)
{
    serving s = { .server = server };
    ev_signal_init(&s.term, on_signal, SIGTERM);
    ev_signal_init(&s.interrupt, on_signal, SIGINT);
    ev_timer_init(&s.patience, on_patience_over, PATIENCE_S, 0);
    ev_prepare_init(&s.idle, on_idle);
    s.term.data = s.interrupt.data = s.idle.data = &s;
    ev_signal_start(loop, &s.term);
    ev_signal_start(loop, &s.interrupt);
    ev_run(loop, 0);
    ev_signal_stop(loop, &s.term);
    ev_signal_stop(loop, &s.interrupt);
    ev_timer_stop(loop, &s.patience);
    ev_prepare_stop(loop, &s.idle);
}

static int open_and_serve(const mcr_store_options *store_options,
                          const mcr_api_server_options *options)
{
    mcr_errbuf err;
    mcr_store *store = mcr_store_open(store_options, &err);
    if (!store) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        return MCR_EXIT_FAILED;
    }
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO); // the default loop reaps every child
    mcr_api_server *server = mcr_api_server_new(loop, store, options, &err);
    int code = MCR_EXIT_OK;
    if (server) {
        mcr_log(MCR_LOG_INFO, "serving events of %s on http://%s", mcr_store_path(store),
                mcr_api_server_address(server));
        serve(loop, server);
    } else {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        code = MCR_EXIT_FAILED;
    }
    mcr_store_close(store);
    mcr_api_server_free(server);
    ev_loop_destroy(loop);
    return code;
}

int mcr_cmd_serve(int argc, char **argv)
{
    const char *listen = "127.0.0.1:8901", *path = NULL, *ttl = NULL, *max_bytes = NULL;
    const char *history = NULL, *faults = NULL;
    int verbose = 0, quiet = 0;
    const mcr_flag flags[] = {
        { "listen", 'l', "ADDRESS", MCR_FLAG_TEXT, &listen,
          "where (default 127.0.0.1:8901); port 0: any that is free" },
        { "store", 's', "FILE", MCR_FLAG_TEXT, &path, "the event store (default: that of `run`)" },
        { "ttl", 0, "DURATION", MCR_FLAG_TEXT, &ttl,
          "how long an event is kept after its last change (default 1h); 0: for ever" },
        { "max-bytes", 0, "SIZE", MCR_FLAG_TEXT, &max_bytes,
          "of all events; the oldest go first (default 1GiB)" },
        { "history", 0, "NUMBER", MCR_FLAG_TEXT, &history,
          "removals that watches can still be told of (default 10000)" },
        { "fault", 0, "FAULTS", MCR_FLAG_TEXT, &faults,
          "what it does wrong on purpose, for tests of clients" },
        MCR_FLAG_VERBOSE(&verbose),
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "serve",
        .synopsis = "[flags]",
        .about =
            "Serves the event store as the Kubernetes events API: core/v1 and events.k8s.io/v1,\n"
            "for kubectl and client libraries. There is no authentication: whoever reaches the\n"
            "address may read and write. SIGTERM or SIGINT ends it. Of pods, deployments and the\n"
            "like it knows the names only, for `kubectl events --for pod/web-1`.\n"
            "\n"
            "Faults are settings apart by commas: latency=50ms:0.5, status=429:0.3:2 "
            "(Retry-After:\n"
            "2), reset=0.1, close=0.1, lost=0.1, half=0.1, methods=POST+PATCH, times=3. A PUT of\n"
            "the same text to /-/faults changes them, `none` ends them.",
        .examples = "  mooncrier serve &\n"
                    "  kubectl --server http://127.0.0.1:8901 get events -A -w\n"
                    "  # three of ten writes are refused\n"
                    "  mooncrier serve --fault status=429:0.3:1,methods=POST+PATCH",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n)
        return mcr_args_usage_error(&usage, "unexpected argument '%s'", args.operands[0]);
    mcr_args_log_level(verbose, quiet);

    mcr_store_options store = { .path = path };
    if (ttl && !mcr_parse_duration(mcr_str_of(ttl), &store.ttl_ns))
        return mcr_args_usage_error(&usage, "--ttl must be a duration such as 1h, not '%s'", ttl);
    if (ttl && store.ttl_ns == 0)
        store.ttl_ns = -1;
    uint64_t bytes = 0;
    if (max_bytes && (!mcr_parse_size(mcr_str_of(max_bytes), &bytes) || bytes == 0))
        return mcr_args_usage_error(&usage, "--max-bytes must be a size such as 64MiB, not '%s'",
                                    max_bytes);
    store.max_bytes = (int64_t)bytes;
    if (history) {
        char *rest;
        store.history = strtoll(history, &rest, 10);
        if (*rest || store.history < 1 || store.history > HISTORY_MAX)
            return mcr_args_usage_error(&usage, "--history must be a number from 1 to %d, not '%s'",
                                        HISTORY_MAX, history);
    }
    const mcr_api_server_options options = { .listen = listen, .faults = faults };
    return open_and_serve(&store, &options);
}
