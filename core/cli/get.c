#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_batch.h"
#include "api/api_reply.h"
#include "api/api_selector.h"
#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "event/decode.h"
#include "sink/event_cells.h"
#include "sink/json_path.h"
#include "sink/table.h"
#include "store/store.h"

typedef enum output {
    OUTPUT_TABLE,
    OUTPUT_WIDE,
    OUTPUT_JSON,
    OUTPUT_NAME,
    OUTPUTS
} output;

static const char *const outputs[OUTPUTS] = { "table", "wide", "json", "name" };

// What is asked for, and what was found.
typedef struct query {
    const char *namespace; // "": all
    char **names;          // none: all
    int n_names;
    mcr_api_selector *selector;
    mcr_json_path *sort_by; // NULL: by namespace and name
    output output;
    mcr_api_batch found;
    size_t *order; // indexes into `found`
} query;

static bool is_wanted(const query *q, mcr_str name)
{
    for (int i = 0; i < q->n_names; i++)
        if (mcr_str_is(name, q->names[i]))
            return true;
    return q->n_names == 0;
}

static bool gather(void *self, const mcr_stored *event)
{
    query *q = self;
    if (is_wanted(q, event->name) && mcr_api_selector_match(q->selector, event))
        mcr_api_batch_add(&q->found, MCR_STORE_ADDED, event);
    return true;
}

static void read_store(void *self, mcr_store_tx *tx)
{
    query *q = self;
    mcr_store_list(tx, mcr_str_of(q->namespace), NULL, NULL, gather, q);
}

//
// Order
//

// What an event is sorted by: a number, or text; an event without it comes first, as in kubectl.
typedef struct sort_key {
    size_t index;
    bool there;
    bool is_number;
    double number;
    char *text;
} sort_key;

static void take_key(void *arg, const cJSON *value)
{
    sort_key *key = arg;
    if (key->there)
        return;
    key->there = true;
    key->is_number = cJSON_IsNumber(value);
    key->number = value->valuedouble;
    if (cJSON_IsString(value))
        key->text = mcr_strdup(value->valuestring);
}

static int compare_keys(const void *a, const void *b)
{
    const sort_key *x = a, *y = b;
    int order = 0;
    if (x->there != y->there)
        order = x->there ? 1 : -1;
    else if (x->is_number && y->is_number)
        order = (x->number > y->number) - (x->number < y->number);
    else if (x->text && y->text)
        order = strverscmp(x->text, y->text); // "pod-9" before "pod-10", as kubectl
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void sort(query *q)
{
    size_t n = q->found.n;
    q->order = mcr_alloc((n + 1) * sizeof *q->order);
    sort_key *keys = mcr_zalloc((n + 1) * sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        keys[i].index = i;
        if (!q->sort_by)
            continue;
        mcr_str json = mcr_api_item_json(&q->found, i);
        cJSON *event = cJSON_ParseWithLength(json.ptr, json.len);
        mcr_json_path_find(q->sort_by, event, take_key, &keys[i]);
        cJSON_Delete(event);
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n; i++) {
        q->order[i] = keys[i].index;
        free(keys[i].text);
    }
    free(keys);
}

//
// Output
//

static void add_row(const query *q, mcr_table *table, mcr_buf *out, mcr_decoder *decoder, size_t i,
                    int64_t now)
{
    mcr_event *ev;
    mcr_decode_error why;
    if (mcr_decode(decoder, mcr_api_item_json(&q->found, i), 0, &ev, &why) != MCR_DECODED_EVENT) {
        mcr_str name = mcr_api_item_name(&q->found, i);
        mcr_log(MCR_LOG_WARN, "the stored event %.*s cannot be read: %s", (int)name.len, name.ptr,
                why.text);
        return;
    }
    mcr_event_cells cells;
    mcr_event_cells_fill(&cells, ev, now);
    if (!*q->namespace)
        mcr_table_cell(table, mcr_api_item_namespace(&q->found, i));
    for (size_t cell = 0; cell < MCR_EVENT_CELLS; cell++)
        if (q->output == OUTPUT_WIDE || mcr_event_cell_is_narrow(cell))
            mcr_table_cell(table, cells.at[cell]);
    mcr_table_end_row(table, out);
    mcr_event_cells_fini(&cells);
    mcr_event_unref(ev);
}

static void write_table(const query *q, mcr_buf *out)
{
    const char *titles[MCR_EVENT_CELLS + 1];
    size_t n = 0;
    if (!*q->namespace)
        titles[n++] = "NAMESPACE";
    for (size_t cell = 0; cell < MCR_EVENT_CELLS; cell++)
        if (q->output == OUTPUT_WIDE || mcr_event_cell_is_narrow(cell))
            titles[n++] = mcr_event_cell_title(cell);
    mcr_table *table = mcr_table_new(titles, n);
    mcr_decoder *decoder = mcr_decoder_new();
    int64_t now = mcr_clock_now(&mcr_clock_wall);
    for (size_t i = 0; i < q->found.n; i++)
        add_row(q, table, out, decoder, q->order[i], now);
    mcr_table_flush(table, out);
    mcr_decoder_free(decoder);
    mcr_table_free(table);
}

static void write_json(const query *q, mcr_buf *out)
{
    mcr_buf json = { 0 };
    bool one = q->n_names == 1 && q->found.n == 1;
    if (!one)
        mcr_buf_puts(&json, "{\"apiVersion\":\"v1\",\"items\":[");
    for (size_t i = 0; i < q->found.n; i++) {
        if (i)
            mcr_buf_putc(&json, ',');
        mcr_buf_add(&json, mcr_api_item_json(&q->found, q->order[i]));
    }
    if (!one)
        mcr_buf_puts(&json, "],\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"\"}}");
    mcr_api_indent(out, mcr_buf_str(&json));
    mcr_buf_putc(out, '\n');
    mcr_buf_fini(&json);
}

static void write_names(const query *q, mcr_buf *out)
{
    for (size_t i = 0; i < q->found.n; i++) {
        mcr_buf_puts(out, "event/");
        mcr_buf_add(out, mcr_api_item_name(&q->found, q->order[i]));
        mcr_buf_putc(out, '\n');
    }
}

static int print(query *q)
{
    mcr_buf out = { 0 };
    int code = MCR_EXIT_OK;
    sort(q);
    if (q->output == OUTPUT_JSON)
        write_json(q, &out);
    else if (q->output == OUTPUT_NAME)
        write_names(q, &out);
    else if (q->found.n)
        write_table(q, &out);
    else if (*q->namespace)
        fprintf(stderr, "No resources found in %s namespace.\n", q->namespace);
    else
        fputs("No resources found\n", stderr);
    if (q->n_names && q->found.n < (size_t)q->n_names) {
        mcr_log(MCR_LOG_ERROR, "of %d events asked for, %zu are there", q->n_names, q->found.n);
        code = MCR_EXIT_FAILED;
    }
    if (out.len && (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
        code = MCR_EXIT_FAILED;
    mcr_buf_fini(&out);
    return code;
}

static int get(query *q, const char *path)
{
    mcr_errbuf err;
    const mcr_store_options options = { .path = path, .read_only = true };
    mcr_store *store = mcr_store_open(&options, &err);
    mcr_err failed = store ? mcr_store_read(store, read_store, q, &err) : MCR_EIO;
    mcr_store_close(store);
    if (failed) {
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
        return MCR_EXIT_FAILED;
    }
    return print(q);
}

static void fini(query *q)
{
    mcr_api_selector_free(q->selector);
    mcr_json_path_free(q->sort_by);
    mcr_api_batch_fini(&q->found);
    free(q->order);
}

static bool is_events(const char *word)
{
    static const char *const words[] = { "events", "event", "ev" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

int mcr_cmd_get(int argc, char **argv)
{
    const char *namespace = "default", *format = "table", *labels = NULL, *fields = NULL;
    const char *sort_by = NULL, *path = NULL;
    int all = 0, quiet = 0;
    const mcr_flag flags[] = {
        { "all-namespaces", 'A', NULL, MCR_FLAG_COUNT, &all, "events of every namespace" },
        { "namespace", 'n', "NAME", MCR_FLAG_TEXT, &namespace, "(default \"default\")" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &format, "table (default), wide, json or name" },
        { "selector", 'l', "LABELS", MCR_FLAG_TEXT, &labels, "such as app=web,tier!=test" },
        { "field-selector", 0, "FIELDS", MCR_FLAG_TEXT, &fields,
          "such as type=Warning,involvedObject.kind=Pod" },
        { "sort-by", 0, "PATH", MCR_FLAG_TEXT, &sort_by, "such as .lastTimestamp" },
        { "store", 's', "FILE", MCR_FLAG_TEXT, &path, "the event store (default: that of `run`)" },
        MCR_FLAG_QUIET(&quiet),
        { 0 },
    };
    const mcr_usage usage = {
        .command = "get",
        .synopsis = "events [NAME…] [flags]",
        .about = "Prints the events of the store as kubectl would, without a server.",
        .examples = "  mooncrier get events -A\n"
                    "  mooncrier get events -n prod --field-selector type=Warning -o wide\n"
                    "  mooncrier get events -A --sort-by .lastTimestamp",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    if (args.n == 0 || !is_events(args.operands[0]))
        return mcr_args_usage_error(&usage, "say what to get; there are 'events'");
    mcr_args_log_level(0, quiet);
    query q = {
        .namespace = all ? "" : namespace,
        .names = args.operands + 1,
        .n_names = args.n - 1,
    };
    while (q.output < OUTPUTS && strcmp(format, outputs[q.output]) != 0)
        q.output++;
    if (q.output == OUTPUTS)
        return mcr_args_usage_error(&usage, "--output must be table, wide, json or name, not '%s'",
                                    format);
    mcr_errbuf err;
    q.selector = mcr_api_selector_new(labels, fields, false, &err);
    bool good = q.selector != NULL;
    if (good && sort_by) {
        q.sort_by = mcr_json_path_parse(mcr_str_of(sort_by), &err);
        good = q.sort_by != NULL;
    }
    int code = good ? get(&q, path) : mcr_args_usage_error(&usage, "%s", err.text);
    fini(&q);
    return code;
}
