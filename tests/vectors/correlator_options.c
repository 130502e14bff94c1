// CorrelatorOptions of a scenario, with the functions that FORMAT.md names.

#include <string.h>

#include "correlate/keys.h"
#include "event/encode.h"
#include "vectors/vectors.h"

enum {
    PLAIN_CONSTRUCTOR = -12345 // lruCacheSize that stands for no options at all
};

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool key_by_type(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->type);
    return true;
}

static bool key_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->reason);
    return true;
}

static bool key_object_name(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->involvedObject.name);
    return true;
}

static bool key_with_reason(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_key_spam(out, ev, 0);
    mcr_buf_add(out, ev->reason);
    return true;
}

static bool constant(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)ev;
    mcr_buf_puts(out, self);
    return true;
}

static bool message_suffix(void *self, mcr_event *ev, mcr_buf *out)
{
    (void)self;
    mcr_buf_add(out, ev->message);
    mcr_buf_puts(out, " [similar events]");
    return true;
}

// One of the functions that FORMAT.md names.
typedef struct named {
    const char *option;
    const char *name;
    mcr_text_hook hooks[2];
} named;

static char all[] = "all", one[] = "one", combined[] = "(events with common reason combined)";

static const named functions[] = {
    { "keyFunc", "by_type", { { key_by_type, NULL }, { key_reason, NULL } } },
    { "keyFunc", "constant", { { constant, all }, { key_object_name, NULL } } },
    { "messageFunc", "constant", { { constant, combined } } },
    { "messageFunc", "suffix", { { message_suffix, NULL } } },
    { "spamKeyFunc", "with_reason", { { key_with_reason, NULL } } },
    { "spamKeyFunc", "constant", { { constant, one } } },
};

static bool function(mcr_correlator_options *options, const cJSON *item)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const named *f = &functions[i];
        if (strcmp(item->string, f->option) != 0 || strcmp(item->valuestring, f->name) != 0)
            continue;
        if (*f->option == 'k') {
            options->aggregate_key = f->hooks[0];
            options->local_key = f->hooks[1];
        } else if (*f->option == 'm') {
            options->aggregate_message = f->hooks[0];
        } else {
            options->spam_key = f->hooks[0];
        }
        return true;
    }
    return false;
}

// Takes out what client-go did. Its JSON has U+FFFD where a key is not UTF-8, so those that differ
// are compared as Go would print them.
static size_t choose(void *self, const mcr_str *keys, size_t n)
{
    vector_pop *pop = self;
    const char *wanted = cJSON_GetStringValue(cJSON_GetArrayItem(pop->popped, 0));
    for (size_t i = 0; wanted && i < n; i++) {
        mcr_buf key = { 0 };
        mcr_json_string(&key, keys[i]);
        cJSON *printed = vectors_parse(key.ptr, key.len);
        bool same = strcmp(cJSON_GetStringValue(printed), wanted) == 0;
        cJSON_Delete(printed);
        mcr_buf_fini(&key);
        if (same)
            return i;
    }
    pop->unknown = true;
    return n;
}

const char *vector_correlator_options(const cJSON *scenario, mcr_correlator_options *to,
                                      vector_pop *pop)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, member(scenario, "options"))
    {
        int64_t number = cJSON_IsString(item) ? 0 : vector_int(item);
        if (strcmp(item->string, "lruCacheSize") == 0)
            to->lru_cache_size = number == PLAIN_CONSTRUCTOR ? 0 : number;
        else if (strcmp(item->string, "burstSize") == 0)
            to->burst_size = number;
        else if (strcmp(item->string, "qps") == 0)
            to->qps = (float)item->valuedouble;
        else if (strcmp(item->string, "maxEvents") == 0)
            to->max_events = number;
        else if (strcmp(item->string, "maxIntervalInSeconds") == 0)
            to->max_interval_s = number;
        else if (!cJSON_IsString(item) || !function(to, item))
            return item->string;
    }
    to->pop = (mcr_pop_hook){ choose, pop };
    vector_script_hooks(to);
    return NULL;
}
