// mooncrier.h, as C programs use it: linked against libmooncrier, no other header of ours.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mooncrier.h"

static const char example[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-1.17979cfe\","
    "\"namespace\":\"shop\",\"generation\":3,\"labels\":{\"app\":\"web\",\"a.b/c\":\"dots\"},"
    "\"annotations\":{\"why\":\"because\"},\"creationTimestamp\":\"2026-11-23T05:01:40Z\"},"
    "\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"shop\",\"name\":\"web-1\",\"uid\":\"u-"
    "1\","
    "\"apiVersion\":\"v1\",\"resourceVersion\":\"7\",\"fieldPath\":\"spec.containers{web}\"},"
    "\"reason\":\"BackOff\",\"message\":\"Back-off restarting\",\"source\":{\"component\":"
    "\"kubelet\",\"host\":\"node-1\"},\"firstTimestamp\":\"2026-11-23T05:01:40Z\","
    "\"lastTimestamp\":\"2026-11-23T05:02:41Z\",\"count\":4,\"type\":\"Warning\","
    "\"eventTime\":null,\"action\":\"Restart\",\"reportingComponent\":\"kubelet\","
    "\"reportingInstance\":\"node-1\",\"future\":[1,  2]}";

static mcr_event *parse(const char *json)
{
    mcr_errbuf err = { "" };
    mcr_event *ev = mcr_event_parse(json, strlen(json), &err);
    if (!ev)
        fail_msg("%s", err.text);
    return ev;
}

static mcr_event *numbered(int number)
{
    char json[64];
    snprintf(json, sizeof json, "{\"kind\":\"Event\",\"count\":%d}", number);
    return parse(json);
}

static int number_of(const mcr_event *ev)
{
    int64_t number;
    assert_true(mcr_event_number(ev, "count", &number));
    return (int)number;
}

static void act(mcr_broadcaster *b, int from, int to)
{
    for (int number = from; number <= to; number++) {
        mcr_event *ev = numbered(number);
        assert_int_equal(mcr_broadcaster_action(b, ev, NULL), MCR_OK);
        mcr_event_unref(ev);
    }
}

static void the_version_is_that_of_the_project(void **state)
{
    (void)state;
    assert_string_equal(mcr_version(), MCR_VERSION);
    assert_string_equal(mcr_version(), PROJECT_VERSION);
}

static void fields_are_found_by_path(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *value; // NULL: there is no such path
    } cases[] = {
        { "type", "Warning" },
        { "reason", "BackOff" },
        { "message", "Back-off restarting" },
        { "action", "Restart" },
        { "reportingComponent", "kubelet" },
        { "reportingInstance", "node-1" },
        { "firstTimestamp", "2026-11-23T05:01:40Z" },
        { "lastTimestamp", "2026-11-23T05:02:41Z" },
        { "eventTime", "" },
        { "series.lastObservedTime", "" },
        { "source.component", "kubelet" },
        { "source.host", "node-1" },
        { "involvedObject.kind", "Pod" },
        { "involvedObject.namespace", "shop" },
        { "involvedObject.name", "web-1" },
        { "involvedObject.uid", "u-1" },
        { "involvedObject.apiVersion", "v1" },
        { "involvedObject.resourceVersion", "7" },
        { "involvedObject.fieldPath", "spec.containers{web}" },
        { "related.name", "" },
        { "metadata.name", "web-1.17979cfe" },
        { "metadata.namespace", "shop" },
        { "metadata.uid", "" },
        { "metadata.creationTimestamp", "2026-11-23T05:01:40Z" },
        { "metadata.labels.app", "web" },
        { "metadata.labels.a.b/c", "dots" },
        { "metadata.labels.none", "" },
        { "metadata.annotations.why", "because" },
        { "metadata.labels", NULL },
        { "involvedObject", NULL },
        { "involvedobject.name", NULL },
        { "future", NULL },
        { "count", NULL },
        { "", NULL },
    };
    mcr_event *ev = parse(example);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = 42;
        const char *value = mcr_event_field(ev, cases[i].path, &len);
        if (!cases[i].value) {
            assert_null(value);
            assert_int_equal(len, 0);
            assert_false(mcr_event_is(ev, cases[i].path, ""));
            continue;
        }
        assert_int_equal(len, strlen(cases[i].value));
        assert_memory_equal(value, cases[i].value, len);
        assert_true(mcr_event_is(ev, cases[i].path, cases[i].value));
        assert_false(mcr_event_is(ev, cases[i].path, "other"));
    }
    mcr_event_unref(ev);
}

static void numbers_and_times(void **state)
{
    (void)state;
    mcr_event *ev = parse(example);
    int64_t value = 42;
    assert_true(mcr_event_number(ev, "count", &value));
    assert_int_equal(value, 4);
    assert_true(mcr_event_number(ev, "metadata.generation", &value));
    assert_int_equal(value, 3);
    assert_true(mcr_event_number(ev, "series.count", &value));
    assert_int_equal(value, 0);
    assert_false(mcr_event_number(ev, "reason", &value));
    assert_int_equal(mcr_event_occurrences(ev), 4);
    assert_int_equal(mcr_event_unix_ns(ev), INT64_C(1795410161) * 1000000000);
    mcr_event_unref(ev);

    ev = parse("{\"kind\":\"Event\"}");
    assert_int_equal(mcr_event_occurrences(ev), 1);
    assert_int_equal(mcr_event_unix_ns(ev), 0);
    mcr_event_unref(ev);
}

static void json_leaves_as_it_came(void **state)
{
    (void)state;
    static const char watch_head[] = "{\"type\":\"ADDED\",\"object\":";
    char line[sizeof watch_head + sizeof example + 1];
    snprintf(line, sizeof line, "%s%s}", watch_head, example);
    const char *inputs[] = { example, line };
    for (size_t i = 0; i < 2; i++) {
        mcr_event *ev = parse(inputs[i]);
        size_t len;
        char *json = mcr_event_json(ev, &len);
        assert_string_equal(json, example);
        assert_int_equal(len, strlen(example));
        free(json);
        json = mcr_event_json(ev, NULL);
        assert_string_equal(json, example);
        free(json);
        mcr_event_unref(ev);
    }
}

static void what_is_no_event_is_explained(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says; // the beginning of
    } cases[] = {
        { "", "the text ends inside the event" },
        { "{\"kind\":\"Event\"", "the text ends inside the event" },
        { "{\"kind\":\"Event\",\"count\":1.5}", "byte 24: count: " },
        { "{\"kind\":\"Pod\"}", "byte " },
        { "{\"kind\":\"EventList\",\"items\":[]}", "a list, not one event" },
        { "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Event\"}}",
          "a bookmark or error of a watch, no event" },
        { "{} {}", "byte " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { "" };
        assert_null(mcr_event_parse(cases[i].json, strlen(cases[i].json), &err));
        if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: \"%s\", not \"%s…\"", cases[i].json, err.text, cases[i].says);
        assert_null(mcr_event_parse(cases[i].json, strlen(cases[i].json), NULL));
    }
}

// What handlers, loggers and sinks of the test are called with.
struct notes {
    int seen; // events that came as 1, 2, 3 …
    int calls;
    int flushes;
    int closes;
    size_t largest;
    mcr_event *kept;
    pthread_t thread;
    char text[1000]; // of the last line
};

static void note_event(void *arg, mcr_event *ev)
{
    struct notes *notes = arg;
    notes->thread = pthread_self();
    if (number_of(ev) == notes->seen + 1)
        notes->seen++;
    notes->calls++;
}

static void a_watcher_gets_every_event_on_its_own_thread(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    struct notes notes = { 0 };
    act(b, 900, 910); // before its time
    mcr_event_watcher *w = mcr_start_event_watcher(b, note_event, &notes, NULL);
    act(b, 1, 500);
    mcr_broadcaster_shutdown(b);
    mcr_watch_counts counts = mcr_event_watcher_counts(w);
    assert_int_equal(counts.offered, 500);
    assert_int_equal(counts.offered, counts.ring_full + counts.queued + counts.taken);
    mcr_event_watcher_stop(w); // works off the queue
    assert_int_equal(notes.seen, 500);
    assert_int_equal(notes.calls, 500);
    assert_false(pthread_equal(notes.thread, pthread_self()));
    mcr_broadcaster_free(b);
}

static void a_stopped_watcher_gets_what_was_accepted_before(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    struct notes first = { 0 }, second = { 0 };
    mcr_event_watcher *one = mcr_start_event_watcher(b, note_event, &first, NULL);
    mcr_event_watcher *two = mcr_start_event_watcher(b, note_event, &second, NULL);
    act(b, 1, 100);
    mcr_event_watcher_stop(one);
    act(b, 101, 200);
    mcr_broadcaster_shutdown(b);
    mcr_event_watcher_stop(two);
    assert_int_equal(first.seen, 100);
    assert_int_equal(first.calls, 100);
    assert_int_equal(second.seen, 200);
    mcr_event_watcher_stop(NULL);
    mcr_broadcaster_free(b);
}

static void note_line(void *arg, const char *text, size_t len)
{
    struct notes *notes = arg;
    notes->calls++;
    assert_true(len < sizeof notes->text);
    memcpy(notes->text, text, len);
    notes->text[len] = '\0';
}

static void logging_as_client_go_does(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    struct notes plain = { 0 }, structured = { 0 };
    mcr_event_watcher *one = mcr_start_logging(b, note_line, &plain, NULL);
    mcr_event_watcher *two = mcr_start_structured_logging(b, note_line, &structured, NULL);
    mcr_event *ev = parse(example);
    mcr_broadcaster_action(b, ev, NULL);
    mcr_event_unref(ev);
    mcr_event_watcher_stop(one);
    mcr_event_watcher_stop(two);
    assert_int_equal(plain.calls, 1);
    assert_string_equal(
        plain.text, "Event(v1.ObjectReference{Kind:\"Pod\", Namespace:\"shop\", Name:\"web-1\", "
                    "UID:\"u-1\", APIVersion:\"v1\", ResourceVersion:\"7\", "
                    "FieldPath:\"spec.containers{web}\"}): type: 'Warning' reason: 'BackOff' "
                    "Back-off restarting");
    assert_int_equal(structured.calls, 1);
    assert_int_equal(structured.text[0], 'I');
    const char *entry = strstr(structured.text, "] ");
    assert_non_null(entry);
    assert_string_equal(entry,
                        "] \"Event occurred\" object=\"shop/web-1\" "
                        "fieldPath=\"spec.containers{web}\" kind=\"Pod\" apiVersion=\"v1\" "
                        "type=\"Warning\" reason=\"BackOff\" message=\"Back-off restarting\"\n");
    mcr_broadcaster_free(b);
}

static void lines_in_a_file_end_with_one_newline(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    mcr_line_to_file(file, "one", 3);
    mcr_line_to_file(file, "two\n", 4);
    mcr_line_to_file(file, "", 0);
    rewind(file);
    char text[32] = "";
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 9);
    assert_string_equal(text, "one\ntwo\n\n");
    fclose(file);
}

static void sink_write(void *self, mcr_event *const *events, size_t n)
{
    struct notes *notes = self;
    if (n > notes->largest)
        notes->largest = n;
    for (size_t i = 0; i < n; i++)
        note_event(self, events[i]);
    mcr_event_unref(notes->kept);
    notes->kept = mcr_event_ref(events[n - 1]);
}

static void sink_flush(void *self)
{
    ((struct notes *)self)->flushes++;
}

static void sink_close(void *self)
{
    ((struct notes *)self)->closes++;
}

static void a_sink_of_ones_own(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(
        &(mcr_broadcaster_options){ .queue = 100, .full = MCR_WAIT_IF_CHANNEL_FULL });
    struct notes notes = { 0 };
    mcr_event_sink sink = { &notes, sink_write, sink_flush, sink_close };
    mcr_event_watcher *w = mcr_start_sink(b, &sink, NULL);
    sink = (mcr_event_sink){ .self = NULL }; // it was copied
    act(b, 1, 1000);
    mcr_broadcaster_shutdown(b);
    mcr_event_watcher_stop(w);
    assert_int_equal(notes.seen, 1000);
    assert_in_range(notes.largest, 1, 64);
    assert_true(notes.flushes >= 1);
    assert_int_equal(notes.closes, 1);
    assert_int_equal(number_of(notes.kept), 1000);
    mcr_event_unref(notes.kept);
    mcr_broadcaster_free(b);
}

static void only_write_must_be_there(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    struct notes notes = { 0 };
    mcr_event_watcher *w =
        mcr_start_sink(b, &(mcr_event_sink){ .self = &notes, .write = sink_write }, NULL);
    act(b, 1, 1);
    mcr_event_watcher_stop(w);
    assert_int_equal(notes.seen, 1);
    mcr_event_unref(notes.kept);
    mcr_broadcaster_free(b);
}

static void nothing_starts_after_shutdown(void **state)
{
    (void)state;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 10 });
    mcr_broadcaster_shutdown(b);
    struct notes notes = { 0 };
    mcr_errbuf err[4] = { { "" } };
    mcr_event_sink sink = { &notes, sink_write, sink_flush, sink_close };
    assert_null(mcr_start_event_watcher(b, note_event, &notes, &err[0]));
    assert_null(mcr_start_logging(b, note_line, &notes, &err[1]));
    assert_null(mcr_start_structured_logging(b, note_line, &notes, &err[2]));
    assert_null(mcr_start_sink(b, &sink, &err[3]));
    for (int i = 0; i < 4; i++)
        assert_string_equal(err[i].text, "broadcaster already stopped");
    assert_int_equal(notes.closes, 0);
    mcr_broadcaster_free(b);
}

static void a_program_of_one_thread(void **state)
{
    (void)state;
    mcr_broadcaster *b =
        mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 2, .is_inline = true });
    mcr_watch *w = mcr_broadcaster_watch(b, NULL);
    mcr_event *events[] = { numbered(1), numbered(2), numbered(3) };
    uint32_t done = mcr_broadcaster_publish(b, events, 3, MCR_WAIT_IF_CHANNEL_FULL);
    assert_int_equal(done, 2);
    mcr_event *ev;
    for (int number = 1; number <= 3; number++) {
        assert_int_equal(mcr_watch_next(w, 0, &ev), MCR_WATCH_EVENT);
        assert_int_equal(number_of(ev), number);
        mcr_event_unref(ev);
        done += mcr_broadcaster_publish(b, events + done, 3 - done, MCR_WAIT_IF_CHANNEL_FULL);
    }
    assert_int_equal(mcr_watch_next(w, 0, &ev), MCR_WATCH_EMPTY);
    for (int i = 0; i < 3; i++)
        mcr_event_unref(events[i]);
    mcr_watch_free(w);
    mcr_broadcaster_free(b);
}

int main(void)
{
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_that_of_the_project),
        cmocka_unit_test(fields_are_found_by_path),
        cmocka_unit_test(numbers_and_times),
        cmocka_unit_test(json_leaves_as_it_came),
        cmocka_unit_test(what_is_no_event_is_explained),
        cmocka_unit_test(a_watcher_gets_every_event_on_its_own_thread),
        cmocka_unit_test(a_stopped_watcher_gets_what_was_accepted_before),
        cmocka_unit_test(logging_as_client_go_does),
        cmocka_unit_test(lines_in_a_file_end_with_one_newline),
        cmocka_unit_test(a_sink_of_ones_own),
        cmocka_unit_test(only_write_must_be_there),
        cmocka_unit_test(nothing_starts_after_shutdown),
        cmocka_unit_test(a_program_of_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
