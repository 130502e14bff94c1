#include "daemon/control_tap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "event/encode.h"
#include "event/tapping.h"
#include "event/time.h"

#define COUNTS_EVERY_NS INT64_C(1000000000)

// What a tap without "at" sees: where events end.
enum {
    USUAL_STAGES = MCR_TAP_FILTERED | MCR_TAP_DELIVERED | MCR_TAP_DROPPED,
    SAMPLE_MOST = 1000000
};

struct mcr_control_tap {
    mcr_tapping *tapping;
    mcr_tap *tap;
    uint32_t stages;
    uint32_t sample;
    uint64_t sent;
    uint64_t told; // passed, at the last line of counts
    int64_t told_at;
};

static mcr_err read_stages(const cJSON *at, uint32_t *stages, mcr_errbuf *err)
{
    const cJSON *item;
    if (at && !cJSON_IsArray(at))
        return mcr_errf(err, MCR_EINVAL, "\"at\" is a list of stages");
    cJSON_ArrayForEach(item, at)
    {
        const char *name = cJSON_GetStringValue(item);
        uint32_t stage = mcr_tap_stage_of(mcr_str_of(name));
        if (!stage)
            return mcr_errf(err, MCR_EINVAL, "there is no stage '%s'", name ? name : "");
        *stages |= stage;
    }
    *stages = *stages ? *stages : USUAL_STAGES;
    return MCR_OK;
}

static mcr_err check_name(const char *what, const char *name, const char *const *names, size_t n,
                          mcr_errbuf *err)
{
    mcr_buf text = { 0 };
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return MCR_OK;
    const char *meant = mcr_suggest(name, names, n);
    if (meant)
        mcr_buf_printf(&text, ", did you mean '%s'?", meant);
    else
        for (size_t i = 0; i < n; i++)
            mcr_buf_printf(&text, "%s%s", i ? ", " : "; there are: ", names[i]);
    mcr_errf(err, MCR_EINVAL, "there is no %s '%s'%s", what, name, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    return MCR_EINVAL;
}

static mcr_err check_watcher(const mcr_app *app, const char *name, mcr_errbuf *err)
{
    const char **names = mcr_alloc((app->watcher_n + 1) * sizeof *names);
    for (uint32_t i = 0; i < app->watcher_n; i++)
        names[i] = app->watchers[i]->name;
    mcr_err code = check_name("watcher", name, names, app->watcher_n, err);
    free(names);
    return code;
}

static mcr_err check_sink(const mcr_config *config, const char *name, mcr_errbuf *err)
{
    const char **names = mcr_alloc((config->sink_n + 1) * sizeof *names);
    size_t n = 0;
    for (uint32_t i = 0; i < config->sink_n; i++)
        names[n++] = config->sinks[i].name;
    bool logs = false;
    for (uint32_t i = 0; i < config->watcher_n; i++)
        logs |= config->watchers[i].log_format != NULL;
    if (logs)
        names[n++] = MCR_LOG_SINK;
    mcr_err code = check_name("sink", name, names, n, err);
    free(names);
    return code;
}

static mcr_err read_options(const mcr_app *app, const cJSON *request, mcr_tap_options *o,
                            mcr_errbuf *err)
{
    const cJSON *sample = cJSON_GetObjectItemCaseSensitive(request, "sample");
    o->watcher = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "watcher"));
    o->sink = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "sink"));
    o->sample = MCR_TAP_SAMPLE;
    if (sample && (!cJSON_IsNumber(sample) || !(sample->valuedouble >= 0) ||
                   sample->valuedouble > SAMPLE_MOST))
        return mcr_errf(err, MCR_EINVAL, "\"sample\" is a number of events a second, at most %d",
                        SAMPLE_MOST);
    if (sample)
        o->sample = (uint32_t)sample->valuedouble;
    mcr_err code = read_stages(cJSON_GetObjectItemCaseSensitive(request, "at"), &o->stages, err);
    if (!code && o->watcher)
        code = check_watcher(app, o->watcher, err);
    if (!code && o->sink)
        code = check_sink(app->config, o->sink, err);
    return code;
}

mcr_control_tap *mcr_control_tap_new(mcr_app *app, const cJSON *request, mcr_errbuf *err)
{
    mcr_tap_options options = { 0 };
    if (read_options(app, request, &options, err))
        return NULL;
    mcr_tap *tap = mcr_tapping_add(app->tapping, &options);
    if (!tap) {
        mcr_errf(err, MCR_EINVAL, "%d others tap it already", MCR_TAPS);
        return NULL;
    }
    mcr_control_tap *t = mcr_zalloc(sizeof *t);
    *t = (mcr_control_tap){ .tapping = app->tapping,
                            .tap = tap,
                            .stages = options.stages,
                            .sample = options.sample,
                            .told_at = mcr_clock_monotonic() };
    return t;
}

void mcr_control_tap_free(mcr_control_tap *tap)
{
    if (!tap)
        return;
    mcr_tapping_remove(tap->tapping, tap->tap);
    free(tap);
}

double mcr_control_tap_pause(const mcr_control_tap *tap)
{
    return tap->sample && tap->sample <= 10000 ? .05 : .005;
}

void mcr_control_tap_describe(const mcr_control_tap *tap, mcr_buf *out)
{
    const char *between = "";
    mcr_buf_puts(out, "{\"at\":[");
    for (uint32_t left = tap->stages; left; left &= left - 1) {
        mcr_buf_printf(out, "%s\"%s\"", between, mcr_tap_stage_name(left));
        between = ",";
    }
    mcr_buf_printf(out, "],\"sample\":%" PRIu32 "}", tap->sample);
}

static void write_text(mcr_buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    mcr_buf_printf(out, ",\"%s\":", key);
    mcr_json_string(out, mcr_str_of(text));
}

static void write_note(mcr_buf *out, const mcr_tap_note *note)
{
    mcr_time at = mcr_time_of(note->at);
    mcr_buf_printf(out, "{\"at\":\"%s\",\"time\":\"", mcr_tap_stage_name(note->stage));
    mcr_time_format(out, at.sec, at.nsec, 6);
    mcr_buf_puts(out, "\"");
    write_text(out, "outcome", note->outcome);
    write_text(out, "source", note->from);
    write_text(out, "watcher", note->watcher);
    write_text(out, "sink", note->sink);
    write_text(out, "reason", note->reason);
    mcr_buf_puts(out, ",\"event\":");
    mcr_event_write(out, note->ev);
    mcr_buf_puts(out, "}\n");
}

void mcr_control_tap_write_counts(mcr_control_tap *tap, mcr_buf *out)
{
    mcr_tap_counts counts = mcr_tap_counts_now(tap->tap);
    mcr_buf_printf(
        out, "{\"counts\":{\"passed\":%" PRIu64 ",\"shown\":%" PRIu64 ",\"full\":%" PRIu64 "}}\n",
        counts.passed, tap->sent, counts.full);
    tap->told = counts.passed;
    tap->told_at = mcr_clock_monotonic();
}

void mcr_control_tap_write(mcr_control_tap *tap, mcr_buf *out, size_t most)
{
    mcr_tap_note *note;
    while (out->len < most && (note = mcr_tap_take(tap->tap))) {
        write_note(out, note);
        mcr_tap_note_free(note);
        tap->sent++;
    }
    if (mcr_tap_counts_now(tap->tap).passed != tap->told &&
        mcr_clock_monotonic() - tap->told_at >= COUNTS_EVERY_NS)
        mcr_control_tap_write_counts(tap, out);
}
