#include <stdlib.h>
#include <string.h>

#include "api/api_answer.h"
#include "api/api_list.h"
#include "api/api_reply.h"
#include "api/api_view.h"
#include "base/alloc.h"
#include "base/lru.h"
#include "event/encode.h"

enum {
    READ_BYTES = 1 << 20,  // of events, taken out of the store at once
    WAITING_MAX = 1 << 20, // in a stream, before more is read
    NAMES_MAX = 1 << 20,   // matching events that a watch with selectors remembers
    BOOKMARK_S = 60,       // kube-apiserver's watch cache
    BOOKMARK_BEFORE_END_S = 2,
    TIMEOUT_S = 1800 // kube-apiserver's --min-request-timeout
};

// A watch goes through the store in pieces: first, if asked, all that is there, then changes. One
// piece of work at a time; in between the stream is fed.
struct mcr_api_watch {
    mcr_store_work work; // first
    mcr_api_handback handback;
    mcr_api_server *server;
    mcr_api_watch *prev, *next;
    mcr_exchange *exchange; // NULL: the client has gone
    mcr_api_list_query query;
    bool events_api;
    mcr_api_form form;
    char *namespace;
    char *name;     // of the one event that is watched; "": all
    mcr_lru *known; // which events the client has, when there are selectors
    bool bookmarks;
    bool initial_bookmark; // one that ends the initial events
    bool columns_said;

    bool busy;  // work is with the store
    bool poked; // something may have changed meanwhile
    bool ended;

    bool listing;  // all that is there
    bool learning; // which of what is there matches, without telling
    mcr_buf after_namespace;
    mcr_buf after_name;
    bool placed;    // the two above are set
    uint64_t since; // changes after it are told next
    bool started;   // `since` is a version of the store
    uint64_t told;  // of the last bookmark

    // What the last piece of work brought:
    mcr_api_batch batch;
    bool more;    // and there is more in the store
    bool expired; // `since` is too old
    bool failed;
    mcr_buf error;
    uint64_t reached; // all up to it is in the batch

    ev_timer deadline;
    ev_timer bookmark;
    bool last_bookmark;
};

static void advance(mcr_api_watch *w);

//
// On the store's thread
//

static bool wanted_place(const mcr_api_watch *w, const mcr_stored *event)
{
    return (!*w->namespace || mcr_str_is(event->namespace, w->namespace)) &&
           (!*w->name || mcr_str_is(event->name, w->name));
}

static bool gather_event(void *self, const mcr_stored *event)
{
    mcr_api_watch *w = self;
    w->after_namespace.len = w->after_name.len = 0;
    mcr_buf_add(&w->after_namespace, event->namespace);
    mcr_buf_add(&w->after_name, event->name);
    w->placed = true;
    // What changed since the first piece comes as a change.
    if (event->version <= w->since && wanted_place(w, event) &&
        mcr_api_selector_match(w->query.selector, event))
        mcr_api_batch_add(&w->batch, MCR_STORE_ADDED, event);
    w->more = w->batch.bytes.len >= READ_BYTES;
    return !w->more;
}

static bool gather_change(void *self, mcr_store_change change, const mcr_stored *event)
{
    mcr_api_watch *w = self;
    w->reached = event->version;
    // What came and went since is nothing to whoever has seen neither.
    bool unseen = change == MCR_STORE_DELETED && event->created > w->since;
    if (wanted_place(w, event) && !unseen) {
        mcr_api_batch_add(&w->batch, change, event);
        w->batch.items[w->batch.n - 1].matches = mcr_api_selector_match(w->query.selector, event);
    }
    w->more = w->batch.bytes.len >= READ_BYTES;
    return !w->more;
}

static bool run_watch(mcr_store_work *work, mcr_store_tx *tx)
{
    mcr_api_watch *w = (mcr_api_watch *)work;
    w->more = false;
    if (!w->started) {
        w->started = true;
        if (w->listing || w->since == 0)
            w->since = mcr_store_now(tx);
    }
    if (w->listing || w->learning) {
        mcr_str namespace = mcr_buf_str(&w->after_namespace), name = mcr_buf_str(&w->after_name);
        mcr_store_list(tx, mcr_str_of(w->namespace), w->placed ? &namespace : NULL,
                       w->placed ? &name : NULL, gather_event, w);
        w->reached = w->since;
    } else if (w->since < mcr_store_oldest(tx)) {
        w->expired = true;
    } else {
        uint64_t now = mcr_store_now(tx);
        w->reached = now > w->since ? now : w->since;
        mcr_store_changes(tx, w->since, gather_change, w);
        if (!w->more && now > w->reached)
            w->reached = now;
    }
    return true;
}

static void work_done(mcr_store_work *work, mcr_err result, const mcr_errbuf *err)
{
    mcr_api_watch *w = (mcr_api_watch *)work;
    if (result) {
        w->failed = true;
        mcr_buf_puts(&w->error, err->text);
    }
    mcr_api_server_hand_back(w->server, &w->handback);
}

//
// Lines
//

static void write_line(mcr_api_watch *w, const char *type, mcr_str json)
{
    mcr_buf line = { 0 };
    mcr_buf_printf(&line, "{\"type\":\"%s\",\"object\":", type);
    mcr_api_watch_object(&line, w->events_api, w->form, json, !w->columns_said);
    w->columns_said = true;
    mcr_buf_puts(&line, "}\n");
    mcr_stream_write(w->exchange, mcr_buf_str(&line));
    mcr_buf_fini(&line);
}

static void write_error(mcr_api_watch *w, int code, const char *reason, mcr_str message)
{
    mcr_buf line = { 0 };
    mcr_buf_puts(&line, "{\"type\":\"ERROR\",\"object\":");
    mcr_api_status_write(&line, code, reason, NULL, "{}", message);
    mcr_buf_puts(&line, "}\n");
    mcr_stream_write(w->exchange, mcr_buf_str(&line));
    mcr_buf_fini(&line);
}

static void write_bookmark(mcr_api_watch *w, bool ends_initial)
{
    mcr_buf line = { 0 };
    if (mcr_api_form_is_table(w->form)) {
        mcr_buf_printf(&line,
                       "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Table\",\"apiVersion\":"
                       "\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\"%llu\"},"
                       "\"columnDefinitions\":null,\"rows\":[]}}\n",
                       (unsigned long long)w->since);
    } else {
        bool partial = w->form == MCR_API_FORM_PARTIAL;
        mcr_buf_printf(&line,
                       "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
                       "\"metadata\":{\"resourceVersion\":\"%llu\",\"creationTimestamp\":null%s}",
                       partial ? "PartialObjectMetadata" : "Event",
                       partial         ? "meta.k8s.io/v1"
                       : w->events_api ? "events.k8s.io/v1"
                                       : "v1",
                       (unsigned long long)w->since,
                       ends_initial ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"
                                    : "");
        if (!partial && w->events_api)
            mcr_buf_puts(&line, ",\"eventTime\":null,\"regarding\":{},\"deprecatedSource\":{},"
                                "\"deprecatedFirstTimestamp\":null,"
                                "\"deprecatedLastTimestamp\":null");
        else if (!partial)
            mcr_buf_puts(&line, ",\"involvedObject\":{},\"source\":{},\"firstTimestamp\":null,"
                                "\"lastTimestamp\":null,\"eventTime\":null,"
                                "\"reportingComponent\":\"\",\"reportingInstance\":\"\"");
        mcr_buf_puts(&line, "}}\n");
    }
    w->told = w->since;
    mcr_stream_write(w->exchange, mcr_buf_str(&line));
    mcr_buf_fini(&line);
}

static uint64_t hash(mcr_str s, uint64_t seed)
{
    uint64_t h = seed; // FNV-1a
    for (uint32_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return h;
}

// Whether the client has the event; from now on it does, if it `matches`.
static bool remember(mcr_api_watch *w, size_t i, bool matches)
{
    mcr_buf key = { 0 };
    mcr_buf_add(&key, mcr_api_item_namespace(&w->batch, i));
    mcr_buf_putc(&key, '/');
    mcr_buf_add(&key, mcr_api_item_name(&w->batch, i));
    uint64_t h = hash(mcr_buf_str(&key), UINT64_C(14695981039346656037));
    bool *has = mcr_lru_get(w->known, mcr_buf_str(&key), h), had = has && *has, is_new;
    if (has || matches) {
        has = mcr_lru_put(w->known, mcr_buf_str(&key), h, &is_new);
        *has = matches;
    }
    mcr_buf_fini(&key);
    return had;
}

static void tell_change(mcr_api_watch *w, size_t i)
{
    static const char *const types[] = {
        [MCR_STORE_ADDED] = "ADDED",
        [MCR_STORE_MODIFIED] = "MODIFIED",
        [MCR_STORE_DELETED] = "DELETED",
    };
    mcr_store_change change = w->batch.items[i].change;
    if (w->known) {
        bool now = w->batch.items[i].matches && change != MCR_STORE_DELETED;
        bool had = remember(w, i, now);
        if (!had && !now)
            return;
        change = !now ? MCR_STORE_DELETED : had ? MCR_STORE_MODIFIED : MCR_STORE_ADDED;
    }
    write_line(w, types[change], mcr_api_item_json(&w->batch, i));
}

static void tell(mcr_api_watch *w)
{
    for (size_t i = 0; i < w->batch.n; i++) {
        if (w->learning)
            remember(w, i, true);
        else
            tell_change(w, i);
    }
    mcr_api_batch_clear(&w->batch);
}

//
// Its course, on the loop's thread
//

static void free_watch(mcr_api_watch *w)
{
    mcr_api_server *s = w->server;
    ev_timer_stop(s->loop, &w->deadline);
    ev_timer_stop(s->loop, &w->bookmark);
    if (w->next)
        w->next->prev = w->prev;
    if (w->prev)
        w->prev->next = w->next;
    else
        s->watches = w->next;
    mcr_api_list_query_fini(&w->query);
    mcr_api_batch_fini(&w->batch);
    mcr_lru_free(w->known);
    mcr_buf_fini(&w->after_namespace);
    mcr_buf_fini(&w->after_name);
    mcr_buf_fini(&w->error);
    free(w->namespace);
    free(w->name);
    free(w);
}

static void end(mcr_api_watch *w)
{
    if (w->ended)
        return;
    w->ended = true;
    mcr_stream_end(w->exchange, false);
}

// Takes up what the work has brought.
static void on_back(mcr_api_handback *handback)
{
    mcr_api_watch *w = (mcr_api_watch *)((char *)handback - offsetof(mcr_api_watch, handback));
    w->busy = false;
    if (!w->exchange) {
        free_watch(w);
        return;
    }
    if (w->ended)
        return;
    if (w->failed) {
        write_error(w, 500, "InternalError", mcr_buf_str(&w->error));
        end(w);
        return;
    }
    if (w->expired) {
        write_error(w, 410, "Expired",
                    MCR_STR("The resourceVersion for the provided watch is too old."));
        end(w);
        return;
    }
    bool was_listing = w->listing;
    tell(w);
    if ((w->listing || w->learning) && !w->more) {
        w->listing = w->learning = false;
        w->poked = true; // changes since the first piece
        if (was_listing && w->initial_bookmark)
            write_bookmark(w, true);
    } else if (!w->listing && !w->learning) {
        w->since = w->reached;
    }
    w->poked |= w->more;
    advance(w);
}

// Reads on, when there is something to read and somebody to read it for.
static void advance(mcr_api_watch *w)
{
    if (w->busy || w->ended || !w->poked || mcr_stream_waiting(w->exchange) > WAITING_MAX)
        return;
    w->poked = false;
    w->busy = true;
    if (mcr_store_do(w->server->store, &w->work))
        return;
    w->busy = false;
    write_error(w, 429, "TooManyRequests",
                MCR_STR("the store is too busy for this watch; begin it again"));
    end(w);
}

static void on_drained(void *self, mcr_exchange *x)
{
    (void)x;
    advance(self);
}

static void on_gone(void *self, mcr_exchange *x)
{
    (void)x;
    mcr_api_watch *w = self;
    w->exchange = NULL;
    w->ended = true;
    ev_timer_stop(w->server->loop, &w->deadline);
    ev_timer_stop(w->server->loop, &w->bookmark);
    if (!w->busy)
        free_watch(w);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    end(timer->data);
}

// Once a minute, and each second at the end, so that who begins again begins there.
static void plan_bookmark(mcr_api_watch *w)
{
    double left = ev_timer_remaining(w->server->loop, &w->deadline), next = BOOKMARK_S;
    if (left - BOOKMARK_BEFORE_END_S < next)
        next = left > BOOKMARK_BEFORE_END_S ? left - BOOKMARK_BEFORE_END_S : 1;
    ev_timer_set(&w->bookmark, next, 0);
    ev_timer_start(w->server->loop, &w->bookmark);
}

static void on_bookmark(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    mcr_api_watch *w = timer->data;
    if (!w->ended && !w->listing && !w->learning && w->started &&
        mcr_stream_waiting(w->exchange) == 0)
        write_bookmark(w, false);
    ev_timer_stop(loop, timer);
    plan_bookmark(w);
}

static void start_timers(mcr_api_watch *w)
{
    double seconds = w->query.timeout_s > 0 ? (double)w->query.timeout_s : TIMEOUT_S;
    ev_timer_init(&w->deadline, on_deadline, seconds, 0);
    ev_init(&w->bookmark, on_bookmark);
    w->deadline.data = w->bookmark.data = w;
    ev_now_update(w->server->loop);
    ev_timer_start(w->server->loop, &w->deadline);
    if (w->bookmarks)
        plan_bookmark(w);
}

void mcr_api_watch_begin(mcr_api_call *call)
{
    mcr_api_list_query query;
    if (!mcr_api_list_query_parse(&query, call)) {
        mcr_api_list_query_fini(&query);
        mcr_api_call_answer(call);
        return;
    }
    mcr_api_server *s = call->server;
    mcr_api_watch *w = mcr_zalloc(sizeof *w);
    w->work.run = run_watch;
    w->work.done = work_done;
    w->handback.back = on_back;
    w->server = s;
    w->exchange = call->exchange;
    w->query = query;
    w->events_api = call->request.events_api;
    w->form = call->request.form;
    w->namespace = mcr_strdup(call->request.namespace);
    w->name = mcr_strdup(call->request.name);
    w->bookmarks = mcr_api_param_true(&call->request, "allowWatchBookmarks");
    const char *initial = mcr_api_param_get(&call->request, "sendInitialEvents");
    w->initial_bookmark = w->bookmarks && mcr_api_param_true(&call->request, "sendInitialEvents");
    w->listing =
        initial ? mcr_api_param_true(&call->request, "sendInitialEvents") : query.version == 0;
    w->since = query.version;
    if (!mcr_api_selector_empty(query.selector)) {
        w->known = mcr_lru_new(NAMES_MAX, sizeof(bool), NULL);
        w->learning = !w->listing;
    }
    w->poked = true;
    w->next = s->watches;
    if (w->next)
        w->next->prev = w;
    s->watches = w;
    const mcr_stream_hooks hooks = { .drained = on_drained, .gone = on_gone, .self = w };
    mcr_exchange_stream(call->exchange, 200, "application/json",
                        "Cache-Control: no-cache, private\n", &hooks);
    start_timers(w);
    mcr_api_call_drop(call);
    advance(w);
}

void mcr_api_watches_poke(mcr_api_server *s)
{
    for (mcr_api_watch *w = s->watches; w; w = w->next) {
        w->poked = true;
        if (w->exchange && w->started)
            advance(w);
    }
}

void mcr_api_watches_end(mcr_api_server *s)
{
    for (mcr_api_watch *w = s->watches; w; w = w->next)
        if (w->exchange)
            end(w);
}
