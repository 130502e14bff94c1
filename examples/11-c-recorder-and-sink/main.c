// Records events into a sink written in C: a table in memory that answers as an API server would.

#include <mooncrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    int n;
    struct row {
        char name[100];
        char type[16];
        char text[100];
        int count;
    } at[50];
};

static void copy(char *to, size_t size, const mcr_event *ev, const char *path)
{
    size_t len;
    const char *text = mcr_event_field(ev, path, &len);
    snprintf(to, size, "%.*s", (int)len, text);
}

// POST: the sink's calls come one at a time, on its watcher's thread.
static mcr_write_answer create(void *self, mcr_event *ev, mcr_event **answer, mcr_errbuf *err)
{
    (void)answer; // nothing to add to the event: it is stored as it is
    struct table *t = self;
    if (t->n == 50) {
        snprintf(err->text, sizeof err->text, "the table is full");
        return MCR_WRITE_REFUSED; // MCR_WRITE_FAILED: try again later
    }
    struct row *row = &t->at[t->n++];
    copy(row->name, sizeof row->name, ev, "metadata.name");
    copy(row->type, sizeof row->type, ev, "type");
    copy(row->text, sizeof row->text, ev, "message");
    row->count = mcr_event_occurrences(ev);
    printf("create  %s\n", row->text);
    return MCR_WRITE_DONE;
}

// PATCH: once more the event of that name. A real one would apply `text`, a merge patch.
static mcr_write_answer patch(void *self, mcr_event *ev, const char *text, size_t len,
                              mcr_event **answer, mcr_errbuf *err)
{
    (void)text, (void)len, (void)answer, (void)err;
    struct table *t = self;
    for (int i = 0; i < t->n; i++) {
        if (!mcr_event_is(ev, "metadata.name", t->at[i].name))
            continue;
        t->at[i].count = mcr_event_occurrences(ev);
        copy(t->at[i].text, sizeof t->at[i].text, ev, "message");
        printf("patch   %s: now %d times\n", t->at[i].text, t->at[i].count);
        return MCR_WRITE_DONE;
    }
    return MCR_WRITE_ABSENT; // then it is created
}

int main(void)
{
    struct table table = { 0 };
    mcr_event_writer writer = { .self = &table, .create = create, .patch = patch };
    mcr_correlation_options correlation = { .max_events = 4 }; // combine earlier than with 10

    mcr_errbuf err;
    mcr_broadcaster *b = mcr_broadcaster_new(&(mcr_broadcaster_options){ .queue = 1000 });
    mcr_event_watcher *recording = mcr_start_recording_to_sink(
        b, &(mcr_recording_sink_options){ .writer = &writer, .correlation = &correlation }, &err);
    mcr_event_watcher *logging = mcr_start_structured_logging(b, mcr_line_to_file, stderr, &err);
    if (!recording || !logging) {
        fprintf(stderr, "recorder: %s\n", err.text);
        return 1;
    }

    mcr_event_recorder *r = mcr_new_recorder(b, "web-controller", "node-1");
    mcr_record_object web = { .api_version = "v1", .kind = "Pod", .ns = "shop", .name = "web-1" };
    mcr_record_object node = { .json = "{\"apiVersion\":\"v1\",\"kind\":\"Node\","
                                       "\"metadata\":{\"name\":\"node-1\",\"uid\":\"n-1\"}}" };
    mcr_record_annotation why = { "example.com/why", "drained" };

    mcr_record(r, &web, "Normal", "Scheduled", "assigned to node-1");
    for (int i = 0; i < 3; i++) // the same three times: one create and two patches
        mcr_recordf(r, &web, "Warning", "BackOff", "back-off %d s restarting web", 10);
    for (int port = 80; port < 86; port++) // similar ones: combined from the fourth on
        mcr_recordf(r, &web, "Warning", "Unhealthy", "probe of port %d failed", port);
    mcr_record_annotatedf(r, &node, &why, 1, "Normal", "Cordoned", "%s is cordoned", "node-1");
    if (mcr_record(r, &web, "Error", "Oops", "no such type") == MCR_RECORD_BAD_TYPE)
        fprintf(stderr, "recorder: an event's type is Normal or Warning\n");

    if (!mcr_event_watcher_flush(recording, 10 * INT64_C(1000000000)))
        fprintf(stderr, "recorder: the sink is slow\n");
    int left = (int)mcr_broadcaster_shutdown_drain(b, 10 * INT64_C(1000000000));
    mcr_event_watcher_ledger ledger = { 0 };
    mcr_event_watcher_ledger_now(recording, 0, &ledger);
    mcr_event_watcher_stop(logging);
    mcr_event_watcher_stop(recording); // from here on the table is ours
    mcr_event_recorder_free(r);
    mcr_broadcaster_free(b);

    printf("%d events, %d repeats, %d combined, %d left\n", (int)ledger.taken, (int)ledger.counted,
           (int)ledger.aggregated, left);
    for (int i = 0; i < table.n; i++)
        printf("%3d  %-8s %s\n", table.at[i].count, table.at[i].type, table.at[i].text);
    return left ? 3 : 0;
}
