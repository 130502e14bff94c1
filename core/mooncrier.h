#pragma once
// mooncrier for C and C++ programs: Kubernetes events, client-go's broadcaster, and watchers and
// sinks of your own. Link with -lmooncrier (pkg-config mooncrier).
//
//     mcr_errbuf err;
//     mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
//     mcr_event_watcher *log = mcr_start_structured_logging(b, mcr_line_to_file, stderr, &err);
//     mcr_event *ev = mcr_event_parse(json, strlen(json), &err);
//     mcr_broadcaster_action(b, ev, &err);
//     mcr_event_unref(ev);
//     mcr_broadcaster_shutdown(b);   // everything accepted so far reaches every watcher
//     mcr_event_watcher_stop(log);   // works off what is in its queue
//     mcr_broadcaster_free(b);
//
// Rules for all of it: a pointer argument is borrowed for the call. What a function returns is
// yours unless it is const. Out of memory ends the program with a message. A NULL `err` is fine.
// Passing NULL for anything else is not, but to functions that free.
//
// The rest of mooncrier includes this header for the types that it shares with its users; nothing
// else of it is installed.

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MCR_VERSION "0.1.0"

#if defined(__GNUC__)
#define MCR_API                 __attribute__((visibility("default")))
#define MCR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MCR_API
#define MCR_PRINTF(text, first)
#endif

// mcr_version is the MCR_VERSION of the library that runs.
MCR_API const char *mcr_version(void);

//
// Errors
//

// A function that can fail in more than one way returns mcr_err; 0 is success. One that returns a
// pointer returns NULL. Both then fill the mcr_errbuf with a sentence for the user.
typedef enum mcr_err {
    MCR_OK = 0,
    MCR_EINVAL,  // the input or an argument is wrong
    MCR_ECONFIG, // a configuration or script does not hold together
    MCR_EIO,     // the operating system said no
    MCR_ESCRIPT, // a script raised an error
    MCR_ESTOPPED // the broadcaster or watcher was shut down
} mcr_err;

typedef struct mcr_errbuf {
    char text[2048]; // NUL-terminated, cut when longer; no newline at the end
} mcr_errbuf;

// Called with text, which is not NUL-terminated.
typedef void mcr_line_handler(void *arg, const char *text, size_t len);

// mcr_set_log says who gets what the library has to tell apart from errors ("mooncrier: warning:
// sink 'kube': …", without a newline): called by any thread, one call at a time, and not any more
// when this returns after another was set. It must not call the library. NULL: nobody. Until it is
// set the lines go to standard error. Any thread.
MCR_API void mcr_set_log(mcr_line_handler *line, void *arg);

// What time it is: Unix nanoseconds. Called by any thread, several at once.
typedef int64_t mcr_now(void *arg);

//
// Events: immutable and counted by reference. Any thread may hold and read one.
//

typedef struct mcr_event mcr_event;

// mcr_event_parse reads one JSON document: a core/v1 or events.k8s.io/v1 Event, or either inside a
// watch line {"type":"ADDED","object":{…}}. The result has one holder, the caller. NULL with what
// is wrong, and at which byte, in `err`; bookmarks and lists are no events.
MCR_API mcr_event *mcr_event_parse(const char *json, size_t len, mcr_errbuf *err);

// mcr_event_ref adds a holder and returns `ev`.
MCR_API mcr_event *mcr_event_ref(mcr_event *ev);

// mcr_event_unref gives one hold back; the last one frees. NULL is fine.
MCR_API void mcr_event_unref(mcr_event *ev);

// mcr_event_field finds a string by its path in core/v1, whatever API the event came in: "reason",
// "involvedObject.name", "source.component", "metadata.labels.app" (after "labels." and
// "annotations." all the rest is the key), "firstTimestamp" (as in the JSON). Not NUL-terminated:
// *len bytes that live as long as the event; none when the event has no such field. NULL: there is
// no such path.
MCR_API const char *mcr_event_field(const mcr_event *ev, const char *path, size_t *len);

// mcr_event_is tells whether the string at `path` is `text`.
MCR_API bool mcr_event_is(const mcr_event *ev, const char *path, const char *text);

// mcr_event_number finds a number: "count", "series.count", "metadata.generation". Absent is 0.
// False: there is no such path.
MCR_API bool mcr_event_number(const mcr_event *ev, const char *path, int64_t *value);

// mcr_event_occurrences is how often it happened: series.count, else count, else 1.
MCR_API int32_t mcr_event_occurrences(const mcr_event *ev);

// mcr_event_unix_ns is when it last happened, in nanoseconds since 1970: the first that is set of
// series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp, metadata.creationTimestamp. 0
// when none is.
MCR_API int64_t mcr_event_unix_ns(const mcr_event *ev);

// mcr_event_json is the event as one JSON object: byte for byte as it came in. NUL-terminated, to
// be released with free(); *len (may be NULL) leaves the NUL out.
MCR_API char *mcr_event_json(const mcr_event *ev, size_t *len);

//
// The broadcaster: client-go's watch.Broadcaster. Every event put in is offered to every watch, in
// the same order; each watch has a bounded queue of its own.
//
// With a thread (the default), `incoming` is a bounded queue that a distributor thread empties, and
// any thread may call anything. Inline there is no thread and nothing is queued before the watches:
// one thread, the owner, publishes.
//

typedef struct mcr_broadcaster mcr_broadcaster;
typedef struct mcr_watch mcr_watch;

typedef enum mcr_full_behavior {
    MCR_DROP_IF_CHANNEL_FULL, // a full watch loses this event, counted ring_full
    MCR_WAIT_IF_CHANNEL_FULL  // everyone waits for the slowest watch
} mcr_full_behavior;

enum {
    MCR_INCOMING_DEFAULT = 1000
};

typedef struct mcr_broadcaster_options {
    uint32_t queue;    // of each watch; 0 is Go's unbuffered channel (inline: 1)
    uint32_t incoming; // of the broadcaster (client-go: 25, "long queue" 1000; inline: of emit);
                       // 0: MCR_INCOMING_DEFAULT
    mcr_full_behavior full; // with a thread; inline says it at each publish
    bool is_inline;
} mcr_broadcaster_options;

typedef struct mcr_broadcaster_counts {
    uint64_t accepted;      // every event anyone wanted to publish
    uint64_t incoming_full; // lost: ActionOrDrop with a full incoming queue
    uint64_t emit_full;     // lost: a script's emit with a full inbox, or past the hop limit
    uint64_t queued;        // in the incoming queue, the distributor's hand or the inbox
    uint64_t distributed;   // offered to every watch
} mcr_broadcaster_counts;   // accepted = incoming_full + emit_full + queued + distributed

typedef struct mcr_watch_counts {
    uint64_t offered;   // distributed while the watch was there (and its prefix)
    uint64_t ring_full; // lost: its queue was full
    uint64_t queued;    // in its queue
    uint64_t taken;     // read
} mcr_watch_counts;     // offered = ring_full + queued + taken

// mcr_broadcaster_new makes one and starts its thread. NULL when the system gives no thread.
MCR_API mcr_broadcaster *mcr_broadcaster_new(const mcr_broadcaster_options *options);

// mcr_broadcaster_free shuts down and frees. Watches live on until mcr_watch_free. NULL is fine.
MCR_API void mcr_broadcaster_free(mcr_broadcaster *b);

// mcr_broadcaster_action puts an event in, waiting while the incoming queue is full. MCR_ESTOPPED
// after shutdown. Not inline.
MCR_API mcr_err mcr_broadcaster_action(mcr_broadcaster *b, mcr_event *ev, mcr_errbuf *err);

// mcr_broadcaster_action_or_drop never waits for room: *accepted says whether there was some. (It
// waits behind an Action that waits, as in client-go.) Not inline.
MCR_API mcr_err mcr_broadcaster_action_or_drop(mcr_broadcaster *b, mcr_event *ev, bool *accepted,
                                               mcr_errbuf *err);

// mcr_broadcaster_publish offers `n` events to all watches, in order, and returns how many were
// distributed; none after shutdown. With MCR_WAIT_IF_CHANNEL_FULL it stops before the first event
// that some watch has no room for (nobody waits: read the watches, then publish the rest). With
// MCR_DROP_IF_CHANNEL_FULL it takes all. Inline only, the owner's thread.
MCR_API uint32_t mcr_broadcaster_publish(mcr_broadcaster *b, mcr_event *const *events, uint32_t n,
                                         mcr_full_behavior full);

// mcr_broadcaster_watch adds a watch that sees every event accepted after the call and none before.
// NULL after shutdown ("broadcaster already stopped").
MCR_API mcr_watch *mcr_broadcaster_watch(mcr_broadcaster *b, mcr_errbuf *err);

// mcr_broadcaster_watch_with_prefix is mcr_broadcaster_watch whose queue (the larger of the
// broadcaster's and n + 1) begins with `events`.
MCR_API mcr_watch *mcr_broadcaster_watch_with_prefix(mcr_broadcaster *b, mcr_event *const *events,
                                                     uint32_t n, mcr_errbuf *err);

// mcr_broadcaster_shutdown: everything accepted before is offered to every watch, then all watches
// are closed (what is in their queues can still be read). Where everyone waits for a watch that
// nobody reads, this waits too: stop that watch. A second call returns at once.
MCR_API void mcr_broadcaster_shutdown(mcr_broadcaster *b);

// mcr_broadcaster_counts_now: the sum holds in every snapshot. Any thread.
MCR_API mcr_broadcaster_counts mcr_broadcaster_counts_now(mcr_broadcaster *b);

//
// Watches: one subscription with its queue, read by one thread.
//

typedef enum mcr_watch_result {
    MCR_WATCH_EVENT,
    MCR_WATCH_EMPTY, // nothing within the timeout
    MCR_WATCH_CLOSED // stopped or shut down, and read to its end
} mcr_watch_result;

// mcr_watch_next reads the next event, waiting up to `timeout_ns` (0: not at all, negative: for
// ever); the caller becomes its holder. One reading thread per watch.
MCR_API mcr_watch_result mcr_watch_next(mcr_watch *w, int64_t timeout_ns, mcr_event **out);

// mcr_watch_stop ends the subscription; what is in the queue can still be read, then the watch is
// closed. Any thread; again, and after shutdown, does no harm.
MCR_API void mcr_watch_stop(mcr_watch *w);

// mcr_watch_free stops the watch if need be and frees it with what nobody read. NULL is fine.
MCR_API void mcr_watch_free(mcr_watch *w);

// mcr_watch_counts_now: the sum holds in every snapshot. Any thread.
MCR_API mcr_watch_counts mcr_watch_counts_now(const mcr_watch *w);

//
// Watchers: a watch with a thread of its own that works on its events. What is called is called on
// that thread, one call at a time, and must not stop its own watcher. All signals are blocked
// there.
//

typedef struct mcr_event_watcher mcr_event_watcher;

// Called with each event, which the callee must ref to keep.
typedef void mcr_event_handler(void *arg, mcr_event *ev);

// mcr_start_event_watcher is client-go's StartEventWatcher: it calls `handler` with each event from
// now on. NULL after shutdown, or when
// the system gives no thread.
MCR_API mcr_event_watcher *mcr_start_event_watcher(mcr_broadcaster *b, mcr_event_handler *handler,
                                                   void *arg, mcr_errbuf *err);

// mcr_line_to_file is an mcr_line_handler that writes to a FILE, with a newline if there is none.
MCR_API void mcr_line_to_file(void *file, const char *text, size_t len);

// mcr_start_logging is client-go's StartLogging: one call per event with
// Event(v1.ObjectReference{…}): type: 'Normal' reason: 'Started' message — no newline at the end,
// and whatever newlines the message has.
MCR_API mcr_event_watcher *mcr_start_logging(mcr_broadcaster *b, mcr_line_handler *line, void *arg,
                                             mcr_errbuf *err);

// mcr_start_structured_logging is client-go's StartStructuredLogging: one call per event with its
// klog entry, header and final newline included (more than one line when the message has several).
MCR_API mcr_event_watcher *mcr_start_structured_logging(mcr_broadcaster *b, mcr_line_handler *line,
                                                        void *arg, mcr_errbuf *err);

// Where events go as they are, made by you: batches of up to 64, in order, which count as delivered
// when `write` returns. (What can refuse an event or have it tried again, and gets repeats counted,
// is an mcr_event_writer, below.)
typedef struct mcr_event_sink {
    void *self; // first argument of all that follow
    void (*write)(void *self, mcr_event *const *events, size_t n); // refs what it keeps
    void (*flush)(void *self); // nothing more is there for now; may be NULL
    void (*close)(void *self); // the end, from whoever stops the watcher; may be NULL
} mcr_event_sink;

// mcr_start_sink writes each event from now on to `sink` (copied). NULL as for
// mcr_start_event_watcher; `close` is then not called.
MCR_API mcr_event_watcher *mcr_start_sink(mcr_broadcaster *b, const mcr_event_sink *sink,
                                          mcr_errbuf *err);

// mcr_event_watcher_counts: how many events it was offered, lost, has waiting and has taken. Any
// thread.
MCR_API mcr_watch_counts mcr_event_watcher_counts(const mcr_event_watcher *w);

// mcr_event_watcher_stop ends the subscription, waits until everything in the queue was worked on,
// flushes, closes and frees: what deliveries take time, no longer than its drain timeout. After
// shutdown it waits for the same. NULL is fine.
MCR_API void mcr_event_watcher_stop(mcr_event_watcher *w);

// mcr_event_watcher_flush has the watcher hand over what it has buffered and waits, up to
// `timeout_ns` (negative: for ever), until everything that was accepted before the call is decided:
// delivered, or counted lost. False when the time is over, also because new events kept on coming.
// The watcher's broadcaster must not have been freed, unless it was shut down before. Any thread
// but the watcher's own.
MCR_API bool mcr_event_watcher_flush(mcr_event_watcher *w, int64_t timeout_ns);

// mcr_broadcaster_shutdown_drain is mcr_broadcaster_shutdown that also waits until the event
// watchers of `b` have worked off their queues and deliveries, each within its drain timeout. It
// returns how many events were left, once for each watcher that missed one; 0: every one is
// decided. After `timeout_ns` (negative: never) nobody is waited for any more, watches that nobody
// reads included, and the watchers give up: what they did not deliver is counted gave_up, what they
// did not read, queued or ring_full. A handler or sink that does not return is left behind, a tenth
// of a second later, with what it has in hand. Each watcher is still to be stopped, which then does
// not wait but for calls that have not returned. A second call finds nothing to do, and 0 left.
MCR_API uint64_t mcr_broadcaster_shutdown_drain(mcr_broadcaster *b, int64_t timeout_ns);

//
// Recording: client-go's EventRecorder makes events, StartRecordingToSink stores them, similar ones
// combined and repeats counted (EventCorrelator).
//
//     mcr_event_watcher *to = mcr_start_recording_to_sink(
//         b, &(mcr_recording_sink_options){ .context = "kind" }, &err);
//     mcr_event_recorder *r = mcr_new_recorder(b, "my-controller", "node-1");
//     mcr_record_object web = {
//         .api_version = "v1", .kind = "Pod", .ns = "shop", .name = "web-1"
//     };
//     mcr_recordf(r, &web, "Warning", "BackOff", "back-off %d s", 10);
//     mcr_event_watcher_flush(to, INT64_C(5000000000));
//
// Who knows tools/record finds it so:
//
// clang-format off
//
// | client-go                                 | here                                             |
// |-------------------------------------------|--------------------------------------------------|
// | NewBroadcaster                            | mcr_broadcaster_new, .queue = 1000               |
// | WithCorrelatorOptions, and its Clock      | .correlation, .now of each recording             |
// | WithSleepDuration                         | .wait_ns of each recording                       |
// | WithContext                               | call mcr_broadcaster_shutdown                    |
// | StartEventWatcher                         | mcr_start_event_watcher                          |
// | StartLogging, StartStructuredLogging      | mcr_start_logging, mcr_start_structured_logging  |
// | StartRecordingToSink with an EventSink    | mcr_start_recording_to_sink with .writer         |
// | … with EventSinkImpl of a REST client     | … with .kubeconfig, .server, .in_cluster …       |
// | Stop of a watcher                         | mcr_event_watcher_stop                           |
// | NewRecorder(scheme, EventSource)          | mcr_new_recorder; there is no scheme: objects    |
// |                                           | say their kind and apiVersion                    |
// | Event, Eventf, AnnotatedEventf            | mcr_record, mcr_recordf, mcr_record_annotatedf   |
// | FakeRecorder                              | mcr_broadcaster_watch and mcr_watch_next         |
// | Shutdown, and what was queued is lost     | mcr_broadcaster_shutdown, and it is not; with    |
// |                                           | a deadline mcr_broadcaster_shutdown_drain        |
//
// clang-format on

typedef struct mcr_event_recorder mcr_event_recorder;

// What an event is about: an object as JSON, from which the reference is made, or the reference
// itself. NULL is empty.
typedef struct mcr_record_object {
    const char *json; // of an object with kind and apiVersion, as the API server gives it; wins
                      // over all that follows
    const char *api_version;
    const char *kind;
    const char *ns; // its namespace; empty: the event is in "default"
    const char *name;
    const char *uid;
    const char *resource_version;
    const char *field_path;
} mcr_record_object;

typedef struct mcr_record_annotation {
    const char *key;
    const char *value;
} mcr_record_annotation;

typedef enum mcr_record_result {
    MCR_RECORD_PUBLISHED,
    MCR_RECORD_NO_REFERENCE, // the object cannot be referred to
    MCR_RECORD_BAD_TYPE,     // neither Normal nor Warning
    MCR_RECORD_STOPPED,      // the broadcaster was shut down
    MCR_RECORD_DROPPED,      // its incoming queue is full
    MCR_RECORD_BAD_FORMAT    // printf cannot format it, such as "%lc" in a locale without it
} mcr_record_result;

// mcr_new_recorder makes a recorder of events from `component` on `host`, both copied (NULL: none
// said). `b`, which is not inline, must outlive it. A recorder may be used by any thread, several
// at once. Its events are named by their object and the time, or by a random UUID where the API
// server would not take that for a name.
MCR_API mcr_event_recorder *mcr_new_recorder(mcr_broadcaster *b, const char *component,
                                             const char *host);

// mcr_event_recorder_free: NULL is fine.
MCR_API void mcr_event_recorder_free(mcr_event_recorder *r);

// mcr_event_recorder_set_clock: events are named and dated by `now` instead of the machine's clock.
// Before the first event.
MCR_API void mcr_event_recorder_set_clock(mcr_event_recorder *r, mcr_now *now, void *arg);

// mcr_record is Event: it never waits for room. `type` is "Normal" or "Warning"; reason and message
// may be of any length. Anything but MCR_RECORD_PUBLISHED means that the event is lost; nothing is
// logged. An `object` of NULL cannot be referred to.
MCR_API mcr_record_result mcr_record(mcr_event_recorder *r, const mcr_record_object *object,
                                     const char *type, const char *reason, const char *message);

// mcr_recordf is Eventf, with a format of printf instead of Go's.
MCR_API mcr_record_result mcr_recordf(mcr_event_recorder *r, const mcr_record_object *object,
                                      const char *type, const char *reason, const char *format, ...)
    MCR_PRINTF(5, 6);

// mcr_record_annotatedf is AnnotatedEventf: the event has `n` annotations, whose keys differ.
MCR_API mcr_record_result mcr_record_annotatedf(mcr_event_recorder *r,
                                                const mcr_record_object *object,
                                                const mcr_record_annotation *annotations, size_t n,
                                                const char *type, const char *reason,
                                                const char *format, ...) MCR_PRINTF(7, 8);

// mcr_vrecord_annotatedf is mcr_record_annotatedf for functions of yours that format as well;
// without annotations `n` is 0 and they may be NULL.
MCR_API mcr_record_result mcr_vrecord_annotatedf(mcr_event_recorder *r,
                                                 const mcr_record_object *object,
                                                 const mcr_record_annotation *annotations, size_t n,
                                                 const char *type, const char *reason,
                                                 const char *format, va_list args) MCR_PRINTF(7, 0);

// Writes a key or a text made of `ev` into `out` as snprintf does, and returns its length: if that
// is `size` or more, it is called again with more room. Negative: client-go's own.
typedef int mcr_event_text(void *self, const mcr_event *ev, char *out, size_t size);

// client-go's CorrelatorOptions: which events are combined, which are counted, which are too many.
// 0 and NULL stand for client-go's own; a negative number is taken as it is.
typedef struct mcr_correlation_options {
    int64_t lru_cache_size; // entries of each of the three caches; 4096; negative: nothing is kept
    int64_t burst_size;     // of one spam key at once; 25; negative: nothing passes
    float qps;              // so many more of it a second; 1/300; negative: none
    int64_t max_events;     // from so many similar events on they are combined; 10; negative: never
    int64_t max_interval_s; // the longest gap between similar events, in seconds; 600
    // On the watcher's thread.
    mcr_event_text *aggregate_key;     // KeyFunc's first: events with the same are similar
    mcr_event_text *local_key;         // KeyFunc's second: of the similar ones, which are the same
    mcr_event_text *spam_key;          // SpamKeyFunc: what the burst is of
    mcr_event_text *aggregate_message; // MessageFunc: the text of a combined event
    void *self;                        // their first argument
} mcr_correlation_options;

// What became of a create or patch.
typedef enum mcr_write_answer {
    MCR_WRITE_DONE,    // it is stored
    MCR_WRITE_ABSENT,  // of a patch: there is no such event; it is created next
    MCR_WRITE_REFUSED, // it never will be; the event is counted rejected
    MCR_WRITE_FAILED   // not this time; tried again later
} mcr_write_answer;

// client-go's EventSink, made by you: where recorded events are stored. The calls are made on the
// watcher's thread, one at a time, and should return soon: nothing else is written meanwhile.
// `answer` may be set to the event as it is stored, with the resourceVersion that it has there, one
// hold for the library; left alone, it is `ev`. `err` is for the reason when it is not stored.
typedef struct mcr_event_writer {
    void *self; // first argument of all that follow
    mcr_write_answer (*create)(void *self, mcr_event *ev, mcr_event **answer, mcr_errbuf *err);
    // `ev` is the event as it would be with the strategic merge patch applied:
    // {"count":2,"lastTimestamp":"…","message":"…"}. Its name is that of the first.
    mcr_write_answer (*patch)(void *self, mcr_event *ev, const char *patch, size_t len,
                              mcr_event **answer, mcr_errbuf *err);
    void (*close)(void *self); // the end, from whoever stops the watcher; may be NULL
} mcr_event_writer;

// An option by its name in the configuration of the sinks "kube" and "store" (mooncrier(1)), with
// its value as text: { "retry.max_wait", "30s" }, { "rate", "5" }, { "ttl", "24h" }.
typedef struct mcr_setting {
    const char *name;
    const char *value;
} mcr_setting;

// Where and how recorded events are stored; all zero: the cluster that kubectl would use, by the
// default policy. All is copied but what `self`s point to.
typedef struct mcr_recording_sink_options {
    // What client-go's options say.
    const mcr_correlation_options *correlation; // NULL: client-go's numbers
    int64_t wait_ns; // WithSleepDuration: before a failed event is tried again; 0: of a cluster by
                     // default 1 s that doubles up to 1 min, else 10 s, the first random
    uint32_t attempts; // how often one event is tried; 0: 12
    mcr_now *now;      // the correlator's clock; NULL: the machine's
    void *now_arg;

    // One of the two, or neither, which is a cluster.
    const mcr_event_writer *writer; // functions of yours; they are called as client-go would, by
                                    // whichever policy
    const char *store; // mooncrier's own event store in this file; "": the file that `mooncrier
                       // serve` and `get` take. It does not try again

    // Of a cluster.
    const char *kubeconfig; // NULL: $KUBECONFIG, ~/.kube/config, or the pod's service account
    const char *context;    // of the kubeconfig; NULL: its current-context
    const char *server;     // URL in place of the kubeconfig's
    const char *token_file; // a bearer token in place of the kubeconfig's credentials
    bool in_cluster;        // the pod's service account and nothing else
    bool client_go;         // client-go's decisions and one event at a time; with the others it
                            // is client-go's keys, whose fields run into each other
    uint32_t max_in_flight; // requests under way at once; 0: 64. Nothing to choose with client_go

    // Of a cluster or a store: what is not above.
    const mcr_setting *settings;
    size_t n_settings;

    int64_t drain_timeout_ns; // how long stopping may go on delivering; 0: 30 s; negative: not at
                              // all
} mcr_recording_sink_options;

// mcr_start_recording_to_sink is client-go's StartRecordingToSink: it records each event from now
// on, with a correlator of its own. NULL when the options do not hold together, what they name
// cannot be read, or as for mcr_start_event_watcher; a writer's `close` is then not called. A
// cluster that cannot be reached is no error: events are tried again. mcr_event_watcher_stop then
// waits for deliveries up to the drain timeout; what has found no room in the sink by then is given
// up with the rest.
MCR_API mcr_event_watcher *mcr_start_recording_to_sink(mcr_broadcaster *b,
                                                       const mcr_recording_sink_options *options,
                                                       mcr_errbuf *err);

typedef struct mcr_sink_counts {
    uint64_t assigned;      // handed to the sink
    uint64_t delivered;     // written where they should go
    uint64_t merged;        // folded into another event's delivery
    uint64_t suppressed;    // left out by the sink's `updates`, or by its render hook
    uint64_t rejected;      // can never be delivered, and there are no dead letters to keep it
    uint64_t gave_up;       // not delivered in time or after all tries, not kept
    uint64_t dead_lettered; // refused, kept in the dead letters
    uint64_t spooled;       // kept on disk for a later run
    uint64_t in_flight;     // not decided yet
} mcr_sink_counts;

typedef struct mcr_event_watcher_ledger {
    uint64_t taken;         // came out of the watch's queue
    uint64_t spam_filtered; // dropped: too many about one object
    uint64_t aggregated;    // side counter: combined with similar ones, dropped or not
    uint64_t counted;       // side counter: repeats of a known event
    mcr_sink_counts sink;   // assigned = all others of it together
} mcr_event_watcher_ledger; // taken = spam_filtered + sink.assigned

// mcr_event_watcher_ledger_now tells what became of the events that were taken; false: the watcher
// was too busy to say within `timeout_ns`. Any thread but the watcher's own.
MCR_API bool mcr_event_watcher_ledger_now(mcr_event_watcher *w, int64_t timeout_ns,
                                          mcr_event_watcher_ledger *out);

#ifdef __cplusplus
}
#endif
