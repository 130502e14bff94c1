#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_batch.h"
#include "api/api_selector.h"
#include "base/alloc.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/get_output.h"
#include "cli/print.h"
#include "sink/json_path.h"
#include "store/store.h"

enum {
    LOOK_MS = 250 // how often a watch looks for what others have written
};

// What is asked for, and what was found.
typedef struct query {
    const char *namespace; // "": all
    const char **names;    // none: all
    int n_names;
    mcr_api_selector *selector;
    mcr_json_path *sort_by; // NULL: by namespace and name
    mcr_get_output *output;
    bool watch;
    bool watch_only;
    mcr_api_batch found;
    size_t *order;    // indexes into `found`
    uint64_t version; // of what was found
    bool expired;     // changes since then are no longer all known
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
    q->version = mcr_store_now(tx);
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

static bool flush(mcr_buf *out)
{
    bool done = mcr_print(out);
    out->len = 0;
    return done;
}

static bool is_found(const query *q, const char *name)
{
    for (size_t i = 0; i < q->found.n; i++)
        if (mcr_str_is(mcr_api_item_name(&q->found, i), name))
            return true;
    return false;
}

static int print(query *q)
{
    mcr_buf out = { 0 };
    bool good = true;
    sort(q);
    for (int i = 0; i < q->n_names; i++) {
        if (is_found(q, q->names[i]))
            continue;
        mcr_log(MCR_LOG_ERROR, "events \"%s\" not found in namespace %s", q->names[i],
                q->namespace);
        good = false;
    }
    bool empty_list = mcr_get_output_is_object(q->output) && !q->n_names && !q->watch;
    if (q->found.n || empty_list)
        mcr_get_output_list(q->output, &out, &q->found, q->order);
    else if (good && !q->watch && *q->namespace)
        fprintf(stderr, "No resources found in %s namespace.\n", q->namespace);
    else if (good && !q->watch)
        fputs("No resources found\n", stderr);
    good = flush(&out) && good;
    mcr_buf_fini(&out);
    return good ? MCR_EXIT_OK : MCR_EXIT_FAILED;
}

//
// Watching
//

static bool gather_change(void *self, mcr_store_change change, const mcr_stored *event)
{
    query *q = self;
    q->version = event->version;
    if ((!*q->namespace || mcr_str_is(event->namespace, q->namespace)) &&
        is_wanted(q, event->name) && mcr_api_selector_match(q->selector, event))
        mcr_api_batch_add(&q->found, change, event);
    return true;
}

static void read_changes(void *self, mcr_store_tx *tx)
{
    query *q = self;
    q->expired = q->version < mcr_store_oldest(tx);
    if (!q->expired)
        mcr_store_changes(tx, q->version, gather_change, q);
}

// Prints what changes until it is interrupted.
static int follow(query *q, mcr_store *store, mcr_errbuf *err)
{
    mcr_buf out = { 0 };
    bool good = true;
    while (good) {
        mcr_api_batch_clear(&q->found);
        if (mcr_store_read(store, read_changes, q, err) != MCR_OK) {
            mcr_log(MCR_LOG_ERROR, "%s", err->text);
            break;
        }
        if (q->expired) {
            mcr_log(MCR_LOG_ERROR, "too much changed at once to tell all of it; begin again");
            break;
        }
        for (size_t i = 0; i < q->found.n; i++)
            mcr_get_output_change(q->output, &out, &q->found, i);
        mcr_get_output_flush(q->output, &out);
        good = !q->found.n || flush(&out);
        poll(NULL, 0, LOOK_MS);
    }
    mcr_buf_fini(&out);
    return MCR_EXIT_FAILED;
}

static int get(query *q, const char *path)
{
    mcr_errbuf err;
    const mcr_store_options options = { .path = path, .read_only = true };
    mcr_store *store = mcr_store_open(&options, &err);
    int code = MCR_EXIT_FAILED;
    if (!store || mcr_store_read(store, read_store, q, &err) != MCR_OK)
        mcr_log(MCR_LOG_ERROR, "%s", err.text);
    else
        code = q->watch_only ? MCR_EXIT_OK : print(q);
    if (q->watch && code == MCR_EXIT_OK)
        code = follow(q, store, &err);
    mcr_store_close(store);
    return code;
}

static void fini(query *q)
{
    mcr_api_selector_free(q->selector);
    mcr_json_path_free(q->sort_by);
    mcr_get_output_free(q->output);
    mcr_api_batch_fini(&q->found);
    free(q->order);
    free(q->names);
}

// The name behind "events/", or "" for "events" alone; NULL: it is something else.
static const char *name_in(const char *word)
{
    static const char *const words[] = {
        "events", "event", "ev", "events.events.k8s.io", "events.v1.events.k8s.io", "events.v1."
    };
    size_t len = strcspn(word, "/");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && strncmp(word, words[i], len) == 0)
            return word[len] ? word + len + 1 : word + len;
    return NULL;
}

// "events", "events a b", "event/a event/b". False: these are no events.
static bool take_names(query *q, char **words, int n)
{
    q->names = mcr_alloc(((size_t)n + 1) * sizeof *q->names);
    const char *first = n ? name_in(words[0]) : NULL;
    if (!first)
        return false;
    bool slashes = *first != '\0';
    for (int i = slashes ? 0 : 1; i < n; i++) {
        const char *name = slashes ? name_in(words[i]) : words[i];
        if (!name || !*name)
            return false;
        q->names[q->n_names++] = name;
    }
    return true;
}

// Everything but the events. False with a sentence.
static bool prepare(query *q, const mcr_get_output_options *output, const char *labels,
                    const char *fields, const char *sort_by, mcr_errbuf *err)
{
    q->output = mcr_get_output_new(output, err);
    if (q->output)
        q->selector = mcr_api_selector_new(labels, fields, false, err);
    if (q->selector && sort_by)
        q->sort_by = mcr_json_path_parse(mcr_str_of(sort_by), err);
    return q->selector && (!sort_by || q->sort_by);
}

int mcr_cmd_get(int argc, char **argv)
{
    const char *namespace = "default", *format = "table", *labels = NULL, *fields = NULL;
    const char *sort_by = NULL, *path = NULL;
    int all = 0, quiet = 0, watch = 0, watch_only = 0, no_headers = 0, managed = 0;
    const mcr_flag flags[] = {
        { "all-namespaces", 'A', NULL, MCR_FLAG_COUNT, &all, "events of every namespace" },
        { "namespace", 'n', "NAME", MCR_FLAG_TEXT, &namespace, "(default \"default\")" },
        { "output", 'o', "FORMAT", MCR_FLAG_TEXT, &format,
          "table (default), wide, json, yaml, name or custom-columns=NAME:.path,…" },
        { "selector", 'l', "LABELS", MCR_FLAG_TEXT, &labels, "such as app=web,tier!=test" },
        { "field-selector", 0, "FIELDS", MCR_FLAG_TEXT, &fields,
          "such as type=Warning,involvedObject.kind=Pod" },
        { "sort-by", 0, "PATH", MCR_FLAG_TEXT, &sort_by, "such as .lastTimestamp" },
        { "watch", 'w', NULL, MCR_FLAG_COUNT, &watch, "then what changes, until interrupted" },
        { "watch-only", 0, NULL, MCR_FLAG_COUNT, &watch_only, "only what changes" },
        { "no-headers", 0, NULL, MCR_FLAG_COUNT, &no_headers, "tables without their titles" },
        { "show-managed-fields", 0, NULL, MCR_FLAG_COUNT, &managed,
          "metadata.managedFields in JSON and YAML" },
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
                    "  mooncrier get events -A --sort-by .lastTimestamp\n"
                    "  mooncrier get events -A -w -o custom-columns=WHY:.reason,WHAT:.message",
        .flags = flags,
    };
    mcr_args args;
    if (mcr_args_parse(&usage, argc, argv, &args) == MCR_ARGS_EXIT)
        return args.exit_code;
    mcr_args_log_level(0, quiet);
    query q = {
        .namespace = all ? "" : namespace,
        .watch = watch || watch_only,
        .watch_only = watch_only,
    };
    mcr_errbuf err;
    bool events = take_names(&q, args.operands, args.n);
    const mcr_get_output_options output = {
        .format = format,
        .namespaces = all,
        .no_headers = no_headers,
        .managed = managed,
        .one = q.n_names == 1 || q.watch,
    };
    int code;
    if (!events)
        code = mcr_args_usage_error(&usage, "say what to get; there are 'events' and 'event/NAME'");
    else if (all && q.n_names)
        code = mcr_args_usage_error(&usage, "an event is found by its name in one namespace only");
    else if (!prepare(&q, &output, labels, fields, sort_by, &err))
        code = mcr_args_usage_error(&usage, "%s", err.text);
    else
        code = get(&q, path);
    fini(&q);
    return code;
}
