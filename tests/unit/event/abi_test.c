#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "event/event.h"

// The headers that ffi.cdef reads too, and the layout that both readers must agree on: LuaJIT lays
// structs out by the same rules, as long as every member has its natural alignment.

static const char *const headers[] = { "core/base/str_abi.h", "core/event/event_abi.h" };

static mcr_buf read_file(const char *path)
{
    mcr_buf text = { 0 };
    FILE *in = fopen(path, "r");
    if (!in)
        fail_msg("%s cannot be read", path);
    size_t n;
    while ((n = fread(mcr_buf_reserve(&text, 4096), 1, 4096, in)) > 0)
        text.len += n;
    fclose(in);
    return text;
}

static void headers_hold_only_declarations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        mcr_buf text = read_file(headers[i]);
        int directives = 0;
        for (char *line = strtok((char *)(uintptr_t)mcr_buf_cstr(&text), "\n"); line;
             line = strtok(NULL, "\n")) {
            line += strspn(line, " \t");
            if (strncmp(line, "//", 2) == 0)
                continue;
            if (*line == '#' && (directives++ || strcmp(line, "#pragma once") != 0))
                fail_msg("%s: '%s': ffi.cdef cannot read it", headers[i], line);
            static const char *const refused[] = { "static",  "inline", "__attribute__", "_Static",
                                                   "_Atomic", "bool ",  "size_t",        "extern" };
            char *comment = strstr(line, "//");
            if (comment)
                *comment = '\0';
            for (size_t r = 0; r < sizeof refused / sizeof *refused; r++)
                if (strstr(line, refused[r]))
                    fail_msg("%s: '%s': no %s here", headers[i], line, refused[r]);
        }
        assert_int_equal(directives, 1);
        mcr_buf_fini(&text);
    }
}

#define SIZE(type, bytes) assert_int_equal(sizeof(type), bytes)
#define AT(member, bytes) assert_int_equal(offsetof(mcr_event, member), bytes)

// Members one behind the other without holes: what moves one is a change of the ABI.
static void the_layout_is_this(void **state)
{
    (void)state;
    SIZE(mcr_str, 16);
    SIZE(mcr_time, 32);
    SIZE(mcr_pair, 32);
    SIZE(mcr_pairs, 16);
    SIZE(mcr_object_reference, 7 * 16);
    SIZE(mcr_event_source, 2 * 16);
    SIZE(mcr_event_series, 8 + 32);
    SIZE(mcr_object_meta, 6 * 16 + 8 + 2 * 32 + 8 + 2 * 16 + 3 * 16);
    AT(refs, 0);
    AT(hops, 4);
    AT(change, 6);
    AT(api, 7);
    AT(delta, 8);
    AT(count, 12);
    AT(source_index, 16);
    AT(record, 24);
    AT(raw, 32);
    AT(metadata, 48);
    AT(involvedObject, 48 + 256);
    AT(reason, 416);
    AT(message, 432);
    AT(source, 448);
    AT(firstTimestamp, 480);
    AT(lastTimestamp, 512);
    AT(type, 544);
    AT(eventTime, 560);
    AT(series, 592);
    AT(action, 632);
    AT(related, 648);
    AT(has_related, 760);
    AT(unknown_fields, 764);
    AT(reportingComponent, 768);
    AT(reportingInstance, 784);
    SIZE(mcr_event, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_hold_only_declarations),
        cmocka_unit_test(the_layout_is_this),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
