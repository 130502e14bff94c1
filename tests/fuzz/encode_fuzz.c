// Encoding and merging lose nothing: what was decoded, encoded and decoded again encodes the same;
// an event merged with an empty object is the event; the result of any merge is an event that
// merges with nothing to itself. The input is a patch, a line end, and an event.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/encode.h"
#include "event/merge.h"

static void must(bool holds, const char *what, const mcr_buf *a, const mcr_buf *b)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n%.*s\n%.*s\n", what, (int)a->len, a->ptr, (int)b->len, b->ptr);
    abort();
}

static void must_equal(const mcr_buf *a, const mcr_buf *b, const char *what)
{
    must(mcr_str_eq(mcr_buf_str(a), mcr_buf_str(b)), what, a, b);
}

static void check_encoding(mcr_decoder *d, const mcr_event *ev)
{
    mcr_buf first = { 0 };
    mcr_buf second = { 0 };
    mcr_event_encode(&first, ev, true);
    mcr_event *again = NULL;
    mcr_decode_error wrong;
    mcr_decoded kind = mcr_decode(d, mcr_buf_str(&first), MCR_DECODE_GO, &again, &wrong);
    must(kind == MCR_DECODED_EVENT, wrong.text, &first, &second);
    mcr_event_encode(&second, again, true);
    must_equal(&first, &second, "encoded again, the event is another");
    mcr_event_unref(again);
    mcr_buf_fini(&first);
    mcr_buf_fini(&second);
}

static void check_same(const mcr_event *a, const mcr_event *b)
{
    mcr_buf first = { 0 };
    mcr_buf second = { 0 };
    mcr_event_encode(&first, a, false);
    mcr_event_encode(&second, b, false);
    must_equal(&first, &second, "merged with nothing, the event is another");
    mcr_buf_fini(&first);
    mcr_buf_fini(&second);
}

// check_merge merges `patch` into `ev`; NULL when there is no such event.
static mcr_event *check_merge(mcr_decoder *d, const mcr_event *ev, mcr_str patch)
{
    mcr_errbuf err = { "" };
    mcr_event *merged = mcr_event_merge(d, ev, patch, &err);
    if (!merged && !err.text[0])
        abort();
    if (merged)
        check_encoding(d, merged);
    return merged;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    const char *text = (const char *)input;
    const char *newline = len ? memchr(text, '\n', len) : NULL;
    if (!newline)
        return 0;
    mcr_str patch = mcr_str_n(text, (size_t)(newline - text));
    mcr_str json = mcr_str_n(newline + 1, len - patch.len - 1);
    mcr_decoder *d = mcr_decoder_new();
    mcr_decode_error wrong;
    mcr_event *ev = NULL;
    if (mcr_decode(d, json, len % 2 ? MCR_DECODE_GO : 0, &ev, &wrong) == MCR_DECODED_EVENT) {
        check_encoding(d, ev);
        mcr_event *same = check_merge(d, ev, MCR_STR("{}"));
        if (!same)
            abort();
        check_same(ev, same);
        mcr_event_unref(same);
        mcr_event *merged = check_merge(d, ev, patch);
        if (merged) {
            same = check_merge(d, merged, MCR_STR("{}"));
            if (!same)
                abort();
            check_same(merged, same);
            mcr_event_unref(same);
        }
        mcr_event_unref(merged);
        mcr_event_unref(ev);
    }
    mcr_decoder_free(d);
    return 0;
}
