#pragma once
// One watcher's scripts with their hooks called as a watcher would, for script_test.c and the
// others of this folder.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h wants the five above first.
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "event/decode.h"
#include "event/encode.h"
#include "script/script.h"

static inline mcr_event *event_from(const char *json)
{
    mcr_decoder *decoder = mcr_decoder_new();
    mcr_event *ev = NULL;
    mcr_decode_error err;
    assert_int_equal(mcr_decode(decoder, mcr_str_of(json), 0, &ev, &err), MCR_DECODED_EVENT);
    mcr_decoder_free(decoder);
    return ev;
}

// An event whose reason is "R<i>" and whose count is i.
static inline mcr_event *numbered_event(int i)
{
    char json[128];
    snprintf(json, sizeof json,
             "{\"metadata\":{\"name\":\"e%d\"},\"reason\":\"R%d\",\"message\":\"m\",\"count\":%d}",
             i, i, i);
    return event_from(json);
}

// A batch of numbered events on its way through the hooks.
typedef struct batch {
    mcr_verdict v[MCR_BATCH];
    uint32_t n;
} batch;

static inline void batch_fill(batch *b, uint32_t n)
{
    b->n = n;
    for (uint32_t i = 0; i < n; i++)
        b->v[i] = (mcr_verdict){ .ev = numbered_event((int)i + 1), .outcome = MCR_PASS };
}

static inline void batch_release(batch *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        mcr_event_unref(b->v[i].ev);
    b->n = 0;
}

// What became of the batch, in words: "R1 drop refused changed". Passed events say their reason.
static inline const char *batch_text(const batch *b)
{
    static char text[4096];
    char *at = text;
    *at = '\0';
    for (uint32_t i = 0; i < b->n; i++) {
        const mcr_event *ev = b->v[i].ev;
        if (b->v[i].outcome == MCR_PASS)
            at += sprintf(at, "%s%.*s", i ? " " : "", (int)ev->reason.len, ev->reason.ptr);
        else
            at +=
                sprintf(at, "%s%s", i ? " " : "", b->v[i].outcome == MCR_DROP ? "drop" : "refused");
    }
    return text;
}

static inline void load_text(mcr_scripts *s, const char *text, const char *name)
{
    mcr_errbuf err = { "" };
    if (mcr_scripts_load_text(s, mcr_str_of(text), name, &err))
        fail_msg("%s", err.text);
}

static inline void run_init(mcr_scripts *s)
{
    mcr_errbuf err = { "" };
    if (mcr_scripts_init(s, 0, &err))
        fail_msg("%s", err.text);
}

// A path in a folder of this test program's own.
static inline const char *scratch(const char *name)
{
    static char folder[64];
    static char paths[4][128];
    static int next;
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mooncrier-script-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *write_scratch(const char *name, const char *text)
{
    const char *path = scratch(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

// The text of a file; the caller frees it.
static inline char *read_scratch(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    size_t n = fread(text, 1, 65535, file);
    text[n] = '\0';
    fclose(file);
    return text;
}
