// The text of an explanation: one line for each thing that was decided, what belongs to it indented
// below.

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "rehearse/explanation.h"

typedef struct writing {
    mcr_buf *out;
    bool colour;
} writing;

enum {
    LABEL = 18,     // columns of the names in front of what is said
    LONGEST = 2000, // bytes of one text
    SHORT = 240     // … and of a value that has changed
};

static const cJSON *get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(get(object, name));
    return text ? text : "";
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *value = get(object, name);
    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

static bool is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(get(object, name));
}

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

// Appends `text`, with "…" for the end of one that is longer than `most`. Separators of keys become
// " | ", other control characters spaces.
static void add_most(const writing *w, const char *text, size_t most)
{
    size_t len = strlen(text), shown = len > most ? most : len;
    while (shown < len && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--; // not within a character
    for (size_t i = 0; i < shown; i++) {
        if (text[i] == 0x1f)
            mcr_buf_puts(w->out, " | ");
        else
            mcr_buf_putc(w->out, iscntrl((unsigned char)text[i]) ? ' ' : text[i]);
    }
    if (shown < len)
        mcr_buf_printf(w->out, "… (%zu bytes)", len);
}

static void add_text(const writing *w, const char *text)
{
    add_most(w, text, LONGEST);
}

static void heading(const writing *w, const char *text)
{
    mcr_buf_puts(w->out, w->colour ? "\033[1m" : "");
    add_text(w, text);
    mcr_buf_puts(w->out, w->colour ? "\033[0m" : "");
}

// Begins a line: "  label             ", deeper by `depth`.
static void label(const writing *w, int depth, const char *text)
{
    int used = 2 * depth;
    for (int i = 0; i < used; i++)
        mcr_buf_putc(w->out, ' ');
    mcr_buf_puts(w->out, text);
    used += (int)strlen(text);
    do
        mcr_buf_putc(w->out, ' ');
    while (++used < LABEL);
}

static void end_line(const writing *w)
{
    mcr_buf_putc(w->out, '\n');
}

static void line(const writing *w, int depth, const char *name, const char *text)
{
    label(w, depth, name);
    add_text(w, text);
    end_line(w);
}

static void add_json(const writing *w, const cJSON *value)
{
    if (!value) {
        mcr_buf_puts(w->out, "nothing");
        return;
    }
    char *text = cJSON_PrintUnformatted(value);
    add_most(w, text, SHORT);
    cJSON_free(text);
}

static void write_changes(const writing *w, const cJSON *changes)
{
    const cJSON *change;
    cJSON_ArrayForEach(change, changes)
    {
        label(w, 2, "");
        mcr_buf_printf(w->out, "%s: ", text_of(change, "field"));
        add_json(w, get(change, "from"));
        mcr_buf_puts(w->out, " → ");
        add_json(w, get(change, "to"));
        end_line(w);
    }
}

static void add_list(const writing *w, const cJSON *list, const char *none)
{
    const cJSON *item;
    bool first = true;
    cJSON_ArrayForEach(item, list)
    {
        mcr_buf_puts(w->out, first ? "" : ", ");
        add_text(w, cJSON_GetStringValue(item));
        first = false;
    }
    if (first)
        mcr_buf_puts(w->out, none);
}

static void write_lines(const writing *w, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        mcr_buf line = { 0 };
        label(w, 2, "");
        mcr_buf_append(&line, text, len);
        add_text(w, mcr_buf_cstr(&line));
        mcr_buf_fini(&line);
        end_line(w);
        text += len + (text[len] ? 1 : 0);
    }
}

static void add_name(const writing *w, const cJSON *event)
{
    const char *namespace = text_of(event, "namespace");
    add_text(w, namespace);
    mcr_buf_puts(w->out, *namespace ? "/" : "");
    add_text(w, *text_of(event, "name") ? text_of(event, "name") : "(without a name)");
}

static void write_hook_result(const writing *w, const cJSON *stage, const char *did)
{
    if (is(did, "routed")) {
        mcr_buf_puts(w->out, "to ");
        add_list(w, get(stage, "sinks"), "no sink");
        if (get(stage, "own")) {
            mcr_buf_puts(w->out, "; an event of their own to ");
            add_list(w, get(stage, "own"), "no sink");
        }
    } else if (is(did, "dropped")) {
        const char *reason = text_of(stage, "reason");
        mcr_buf_puts(w->out, *reason ? "dropped: " : "dropped, without a reason");
        add_text(w, reason);
    } else if (is(did, "emitted")) {
        mcr_buf_puts(w->out, "emits ");
        add_name(w, get(stage, "event"));
        mcr_buf_puts(w->out, " to ");
        add_list(w, get(stage, "sinks"), "the other watchers");
    } else if (is(did, "default")) {
        mcr_buf_puts(w->out, is(text_of(stage, "stage"), "render")
                                 ? "nil: what the sink sends anyway"
                                 : "nil: client-go's");
    } else if (is(did, "text")) {
        add_text(w, text_of(stage, "text"));
    } else if (is(did, "suppressed")) {
        mcr_buf_puts(w->out, "false: nothing is sent");
    } else {
        mcr_buf_puts(w->out, did);
    }
}

static void write_hook(const writing *w, const cJSON *stage)
{
    const char *where = text_of(stage, "where"), *did = text_of(stage, "did");
    label(w, 1, text_of(stage, "stage"));
    if (get(stage, "sink"))
        mcr_buf_printf(w->out, "for %s: ", text_of(stage, "sink"));
    write_hook_result(w, stage, did);
    mcr_buf_printf(w->out, "  (%s)", *where ? where : text_of(stage, "script"));
    end_line(w);
    write_changes(w, get(stage, "changes"));
    if (is(did, "failed"))
        write_lines(w, text_of(stage, "error"));
}

// The place of the hook `name` among the stages; NULL: it was not called.
static const char *place_of(const cJSON *stages, const char *name)
{
    const cJSON *stage;
    cJSON_ArrayForEach(stage, stages) if (is(text_of(stage, "stage"), name)) return *text_of(
        stage, "where")
        ? text_of(stage, "where")
        : text_of(stage, "script");
    return NULL;
}

static void write_key(const writing *w, const cJSON *stages, const cJSON *keys, const char *name,
                      const char *hook)
{
    const cJSON *key = get(keys, name);
    label(w, 2, hook);
    add_text(w, text_of(key, "key"));
    const char *place = place_of(stages, hook);
    if (is_true(key, "byScript"))
        mcr_buf_printf(w->out, "  (%s)", place ? place : "as the script declares it");
    else if (place)
        mcr_buf_printf(w->out, "  (client-go's; %s gave none)", place);
    end_line(w);
}

static void write_window(const writing *w, const cJSON *window)
{
    double max = number_of(window, "max");
    label(w, 2, "window");
    if (max < 0) {
        mcr_buf_puts(w->out, "similar events are never combined");
    } else {
        mcr_buf_printf(w->out,
                       "%.0f of %.0f similar events, each at most %.0f s after the one before: ",
                       number_of(window, "similar"), max, number_of(window, "interval"));
        mcr_buf_puts(w->out, is_true(window, "combined") ? "combined with them" : "not combined");
    }
    end_line(w);
}

static void write_bucket(const writing *w, const cJSON *bucket)
{
    double qps = number_of(bucket, "perSecond");
    double tokens = floor(number_of(bucket, "tokens") * 100) / 100;
    label(w, 2, "bucket");
    if (is_true(bucket, "passed"))
        mcr_buf_printf(w->out, "%.4g of %.0f tokens left", tokens, number_of(bucket, "burst"));
    else
        mcr_buf_printf(w->out, "empty (%.4g of %.0f tokens): dropped by the spam filter", tokens,
                       number_of(bucket, "burst"));
    if (qps > 0 && qps < 1)
        mcr_buf_printf(w->out, "; one more every %.4g s", 1 / qps);
    else if (qps > 0)
        mcr_buf_printf(w->out, "; %.4g more a second", qps);
    else
        mcr_buf_puts(w->out, "; no more come in");
    end_line(w);
}

static void write_correlation(const writing *w, const cJSON *stages, const cJSON *stage)
{
    const cJSON *keys = get(stage, "keys");
    mcr_buf_puts(w->out, "  correlate\n");
    write_key(w, stages, keys, "aggregate", "aggregate_key");
    write_key(w, stages, keys, "local", "local_key");
    write_key(w, stages, keys, "spam", "spam_key");
    write_window(w, get(stage, "window"));
    write_bucket(w, get(stage, "bucket"));
    if (!get(stage, "count"))
        return;
    label(w, 2, "count");
    mcr_buf_printf(w->out, "%.0f, ", number_of(stage, "count"));
    mcr_buf_puts(w->out, is_true(stage, "repeat") ? "a repeat of " : "recorded as ");
    add_text(w, text_of(stage, "name"));
    end_line(w);
    write_changes(w, get(stage, "changes"));
}

static void write_sink(const writing *w, const cJSON *sink)
{
    const char *form = text_of(sink, "form"), *method = text_of(sink, "method");
    label(w, 1, "sink");
    heading(w, text_of(sink, "sink"));
    mcr_buf_printf(w->out, " (%s): %s", text_of(sink, "kind"), text_of(sink, "outcome"));
    if (is_true(sink, "direct"))
        mcr_buf_puts(w->out, ", sent to it alone");
    if (get(sink, "why")) {
        mcr_buf_puts(w->out, ": ");
        add_text(w, text_of(sink, "why"));
    }
    if (get(sink, "deadLetters"))
        mcr_buf_printf(w->out, "; kept in %s", text_of(sink, "deadLetters"));
    end_line(w);
    if (*method) {
        const char *target = get(sink, "url") ? text_of(sink, "url") : text_of(sink, "path");
        label(w, 2, "");
        mcr_buf_printf(w->out, "%s ", method);
        add_text(w, target);
        end_line(w);
    } else if (is(form, "create") || is(form, "patch")) {
        line(w, 2, "", is(form, "create") ? "a new event" : "one more occurrence, as a patch");
    }
    const cJSON *header;
    cJSON_ArrayForEach(header, get(sink, "headers")) line(w, 2, "", cJSON_GetStringValue(header));
    if (is_true(sink, "unchanged"))
        line(w, 2, "", "the event as it came in");
    else if (get(sink, "body"))
        write_lines(w, text_of(sink, "body"));
}

// The keys that hooks gave are told with the correlation.
static bool is_told_by_correlation(const cJSON *stage)
{
    const char *name = text_of(stage, "stage"), *did = text_of(stage, "did");
    bool key = is(name, "aggregate_key") || is(name, "local_key") || is(name, "spam_key");
    return key && (is(did, "text") || is(did, "default"));
}

static void write_watcher(const writing *w, const cJSON *watcher)
{
    mcr_buf_puts(w->out, "\nwatcher ");
    heading(w, text_of(watcher, "watcher"));
    if (get(watcher, "emittedBy")) {
        mcr_buf_puts(w->out, ", of the event ");
        add_name(w, get(watcher, "event"));
        mcr_buf_puts(w->out, " that was emitted by ");
        add_list(w, get(watcher, "emittedBy"), "");
    }
    end_line(w);
    const cJSON *item;
    const cJSON *stages = get(watcher, "stages");
    cJSON_ArrayForEach(item, stages)
    {
        if (is(text_of(item, "stage"), "correlate"))
            write_correlation(w, stages, item);
        else if (!is_told_by_correlation(item))
            write_hook(w, item);
    }
    cJSON_ArrayForEach(item, get(watcher, "sinks")) write_sink(w, item);
    label(w, 1, "ledger");
    add_text(w, text_of(watcher, "outcome"));
    if (get(watcher, "deadLetters"))
        mcr_buf_printf(w->out, "; kept in %s", text_of(watcher, "deadLetters"));
    end_line(w);
}

static void write_decoded(const writing *w, const cJSON *decode)
{
    mcr_buf_printf(w->out, "\ndecode\n");
    label(w, 1, "event");
    mcr_buf_printf(w->out, "of %s, %.0f bytes", text_of(decode, "api"), number_of(decode, "bytes"));
    mcr_buf_puts(w->out, is_true(decode, "unknownFields")
                             ? ", with fields that the API does not have\n"
                             : "\n");
    label(w, 1, "time");
    if (get(decode, "time"))
        mcr_buf_printf(w->out, "%s, its %s\n", text_of(decode, "time"),
                       text_of(decode, "timeFrom"));
    else
        mcr_buf_puts(w->out, "none\n");
    label(w, 1, "change");
    mcr_buf_printf(w->out, "%s, delta %.0f of %.0f occurrences\n", text_of(decode, "change"),
                   number_of(decode, "delta"), number_of(decode, "occurrences"));
}

void mcr_explanation_write(mcr_buf *out, const cJSON *explained, bool colour)
{
    const writing w = { out, colour };
    const cJSON *event = get(explained, "event");
    mcr_buf_puts(out, "event ");
    mcr_buf_puts(out, colour ? "\033[1m" : "");
    add_name(&w, event);
    mcr_buf_puts(out, colour ? "\033[0m\n" : "\n");
    label(&w, 1, "about");
    add_text(&w, text_of(event, "kind"));
    mcr_buf_putc(out, ' ');
    add_text(&w, text_of(event, "object"));
    end_line(&w);
    label(&w, 1, text_of(event, "type"));
    add_text(&w, text_of(event, "reason"));
    mcr_buf_puts(out, ": ");
    add_text(&w, text_of(event, "message"));
    end_line(&w);
    write_decoded(&w, get(explained, "decode"));
    const cJSON *watcher;
    cJSON_ArrayForEach(watcher, get(explained, "watchers")) write_watcher(&w, watcher);
}
