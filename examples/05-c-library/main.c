// warnings [FILE]: reads events, one JSON object a line, and counts the Warnings by reason. A
// second watcher logs every event to standard error as client-go does.

#include <mooncrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    int n;
    struct {
        char reason[64];
        int count;
    } at[100];
};

// The sink's write: up to 64 events at a time, on the watcher's thread.
static void count_warnings(void *self, mcr_event *const *events, size_t n)
{
    struct tally *t = self;
    for (size_t i = 0; i < n; i++) {
        if (!mcr_event_is(events[i], "type", "Warning"))
            continue;
        size_t len;
        char reason[64];
        const char *text = mcr_event_field(events[i], "reason", &len);
        snprintf(reason, sizeof reason, "%.*s", (int)len, text);
        int at = 0;
        while (at < t->n && strcmp(t->at[at].reason, reason) != 0)
            at++;
        if (at == t->n && t->n < 100)
            strcpy(t->at[t->n++].reason, reason);
        if (at < t->n)
            t->at[at].count += mcr_event_occurrences(events[i]);
    }
}

int main(int argc, char **argv)
{
    FILE *in = argc > 1 ? fopen(argv[1], "r") : stdin;
    if (!in) {
        perror(argv[1]);
        return 1;
    }
    // Wait rather than drop: a slow watcher slows the reading down.
    mcr_broadcaster *b = mcr_broadcaster_new(
        &(mcr_broadcaster_options){ .queue = 1000, .full = MCR_WAIT_IF_CHANNEL_FULL });
    struct tally tally = { 0 };
    mcr_event_sink sink = { .self = &tally, .write = count_warnings };
    mcr_errbuf err;
    mcr_event_watcher *counting = mcr_start_sink(b, &sink, &err);
    mcr_event_watcher *logging = mcr_start_structured_logging(b, mcr_line_to_file, stderr, &err);
    if (!counting || !logging) {
        fprintf(stderr, "warnings: %s\n", err.text);
        return 1;
    }

    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    for (int number = 1; (len = getline(&line, &size, in)) > 0; number++) {
        mcr_event *ev = mcr_event_parse(line, (size_t)len, &err);
        if (ev)
            mcr_broadcaster_action(b, ev, &err);
        else
            fprintf(stderr, "warnings: line %d: %s\n", number, err.text);
        mcr_event_unref(ev);
    }
    free(line);

    mcr_broadcaster_shutdown(b);
    mcr_watch_counts seen = mcr_event_watcher_counts(counting);
    mcr_event_watcher_stop(logging);
    mcr_event_watcher_stop(counting); // from here on the tally is ours
    mcr_broadcaster_free(b);

    printf("%d events, %d lost\n", (int)seen.offered, (int)seen.ring_full);
    for (int i = 0; i < tally.n; i++)
        printf("%5d %s\n", tally.at[i].count, tally.at[i].reason);
    return 0;
}
