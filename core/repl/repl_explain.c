#include "repl/repl_explain.h"

#include <stdlib.h>
#include <string.h>

#include "event/decode.h"
#include "rehearse/explanation.h"
#include "rehearse/rehearsal.h"
#include "rehearse/script_alone.h"

enum {
    STEP = 64 // events between two looks at `enough`
};

// What is to be explained: `ev`, which is the caller's, after events[0 … before).
typedef struct explained {
    mcr_event *ev;
    mcr_event *const *events;
    size_t before;
} explained;

// Asks the console what `event` is.
static bool find(mcr_console *c, explained *x, mcr_buf *why)
{
    mcr_buf text = { 0 };
    size_t n;
    x->events = mcr_console_events(c, &n);
    bool ok = mcr_console_call(c, "current", (mcr_str){ 0 }, &text, why) == MCR_CONSOLE_DONE;
    if (ok && text.ptr[0] == '{') { // not one of those: it comes after them all
        mcr_decoder *decoder = mcr_decoder_new();
        mcr_decode_error err;
        x->before = n;
        ok = mcr_decode(decoder, mcr_buf_str(&text), 0, &x->ev, &err) == MCR_DECODED_EVENT;
        if (ok) {
            x->ev->change = MCR_CHANGE_NEW;
            x->ev->delta = mcr_event_occurrences(x->ev);
        } else {
            mcr_buf_printf(why, "`event`: %s\n", err.text);
        }
        mcr_decoder_free(decoder);
    } else if (ok) {
        size_t place = strtoul(mcr_buf_cstr(&text), NULL, 10);
        x->before = place - 1;
        x->ev = mcr_event_ref(x->events[place - 1]);
    }
    mcr_buf_fini(&text);
    return ok;
}

// The script alone, with the parameters that the console has it with.
static mcr_generation *read_script(const char *path, mcr_console *c, mcr_errbuf *err)
{
    mcr_buf params = { 0 }, why = { 0 };
    mcr_generation *g = NULL;
    if (mcr_console_call(c, "parameters", (mcr_str){ 0 }, &params, &why) == MCR_CONSOLE_DONE)
        g = mcr_script_alone(path, mcr_buf_cstr(&params), err);
    else
        mcr_errf(err, MCR_ESCRIPT, "%.*s", (int)strcspn(mcr_buf_cstr(&why), "\n"), why.ptr);
    mcr_buf_fini(&params);
    mcr_buf_fini(&why);
    return g;
}

static mcr_generation *read_config(const char *path, mcr_errbuf *err)
{
    mcr_generation *g = mcr_generation_new(NULL);
    if (mcr_generation_read(g, path, err) == MCR_OK)
        return g;
    mcr_generation_free(g);
    return NULL;
}

// Rehearses what came before. False: it was interrupted.
static bool rehearse(mcr_rehearsal *r, const explained *x, const volatile sig_atomic_t *enough)
{
    for (size_t i = 0; i < x->before; i += STEP) {
        if (*enough)
            return false;
        size_t n = x->before - i < STEP ? x->before - i : STEP;
        mcr_rehearsal_step(r, x->events + i, (uint32_t)n);
    }
    return true;
}

mcr_console_result mcr_repl_explain(const mcr_repl_subject *subject, mcr_console *c, bool colour,
                                    mcr_buf *out, mcr_buf *why)
{
    explained x = { 0 };
    if (!find(c, &x, why))
        return MCR_CONSOLE_FAILED;
    mcr_errbuf err;
    mcr_explanation *explanation = mcr_explanation_new(!subject->config);
    const mcr_rehearsal_options options = {
        .start = mcr_rehearsal_time_of(x.before ? x.events[0] : x.ev, 0),
        .observer = mcr_explanation_observer(explanation),
        .sent = true,
        .open_sinks = !subject->config,
    };
    mcr_console_result result = MCR_CONSOLE_FAILED;
    mcr_generation *g = subject->config ? read_config(subject->config, &err)
                                        : read_script(subject->script, c, &err);
    mcr_rehearsal *r = g ? mcr_rehearsal_new_take(g, &options, &err) : NULL;
    if (!r) {
        mcr_buf_printf(why, "%s\n", err.text);
    } else if (!rehearse(r, &x, subject->enough)) {
        mcr_buf_puts(why, "interrupted\n");
    } else {
        cJSON *json = mcr_explanation_step(explanation, r, x.ev);
        mcr_explanation_write(out, json, colour);
        cJSON_Delete(json);
        result = MCR_CONSOLE_DONE;
    }
    mcr_rehearsal_free(r);
    mcr_explanation_free(explanation);
    mcr_event_unref(x.ev);
    return result;
}
