#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "event/decode.h"
#include "reference/cjson_event.h"

// Real events read by the decoder and by way of cJSON must be the same in every field. The whole of
// ../shared/data is read when it is there.

#define SHARED "../shared/data/"

enum {
    LINE_MAX_BYTES = 1 << 20
};

static uint8_t change_of(const char *type)
{
    return strcmp(type, "ADDED") == 0      ? MCR_CHANGE_NEW
           : strcmp(type, "MODIFIED") == 0 ? MCR_CHANGE_REPEAT
                                           : MCR_CHANGE_DELETED;
}

static void compare_line(mcr_decoder *d, const char *path, size_t n, const char *line, size_t len)
{
    mcr_event *ev = NULL;
    mcr_decode_error err;
    mcr_decoded kind = mcr_decode(d, mcr_str_n(line, len), 0, &ev, &err);
    cJSON *json = cJSON_ParseWithLength(line, len);
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "object");
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(json, "type");
    assert_non_null(json);
    if (object && strcmp(type->valuestring, "BOOKMARK") == 0) {
        assert_int_equal(kind, MCR_DECODED_CONTROL);
        cJSON_Delete(json);
        return;
    }
    if (kind != MCR_DECODED_EVENT)
        fail_msg("%s:%zu: %s", path, n, err.text);
    assert_int_equal(ev->change, object ? change_of(type->valuestring) : MCR_CHANGE_UNKNOWN);
    cjson_event want;
    assert_true(cjson_event_read(&want, object ? object : json));
    const char *differs = cjson_event_differs(&want, ev);
    if (differs)
        fail_msg("%s:%zu: %s differs", path, n, differs);
    const char *begin = object ? strstr(line, "\"object\":") + 9 : line;
    assert_int_equal(ev->raw.len, len - (size_t)(begin - line) - (object != NULL));
    assert_memory_equal(ev->raw.ptr, begin, ev->raw.len);
    mcr_event_unref(ev);
    cjson_event_clear(&want);
    cJSON_Delete(json);
}

static void compare_file(const char *path)
{
    if (access(path, R_OK) != 0) {
        printf("[  SKIPPED ] %s is not there\n", path);
        return;
    }
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    char *line = malloc(LINE_MAX_BYTES);
    mcr_decoder *d = mcr_decoder_new();
    size_t n = 0;
    while (gzgets(file, line, LINE_MAX_BYTES)) {
        size_t len = strlen(line);
        while (len && line[len - 1] == '\n')
            line[--len] = '\0';
        compare_line(d, path, ++n, line, len);
    }
    assert_true(n > 0);
    mcr_decoder_free(d);
    free(line);
    gzclose(file);
}

static void committed_events(void **state)
{
    (void)state;
    compare_file("tests/data/watch-core.jsonl");
    compare_file("tests/data/watch-eventsv1.jsonl");
    compare_file("examples/data/events.jsonl");
}

static void shared_events(void **state)
{
    (void)state;
    compare_file(SHARED "events-real.jsonl.gz");
    compare_file(SHARED "watch-core.jsonl.gz");
    compare_file(SHARED "watch-eventsv1.jsonl.gz");
    compare_file(SHARED "events-bench-20k.jsonl.gz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_events),
        cmocka_unit_test(shared_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
