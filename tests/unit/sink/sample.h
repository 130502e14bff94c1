#pragma once
// What the tests of the sink folder share: an event with everything that lines show, cmocka, and
// files in a directory of the test's own.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "event/event.h"
#include "event/time.h"

#define SECOND ((int64_t)1000000000)

// 2023-11-14T22:13:20.123456789Z
#define SAMPLE_NOW (1700000000 * SECOND + 123456789)

static inline mcr_event sample_fields(void)
{
    mcr_event ev = { 0 };
    ev.metadata.name = MCR_STR("web-1.17979cfe3d85cd15");
    ev.metadata.namespace = MCR_STR("default");
    ev.metadata.deletionGracePeriodSeconds = -1;
    ev.involvedObject.kind = MCR_STR("Pod");
    ev.involvedObject.namespace = MCR_STR("default");
    ev.involvedObject.name = MCR_STR("web-1");
    ev.involvedObject.uid = MCR_STR("8d0b6f0e");
    ev.involvedObject.apiVersion = MCR_STR("v1");
    ev.reason = MCR_STR("Started");
    ev.message = MCR_STR("Started container web");
    ev.type = MCR_STR("Normal");
    ev.source.component = MCR_STR("kubelet");
    ev.source.host = MCR_STR("node-1");
    ev.firstTimestamp = mcr_time_of(SAMPLE_NOW - 3600 * SECOND);
    ev.lastTimestamp = mcr_time_of(SAMPLE_NOW - 312 * SECOND);
    ev.count = 3;
    ev.reportingComponent = MCR_STR("kubelet");
    ev.reportingInstance = MCR_STR("node-1");
    return ev;
}

// An event that is written as `raw`, whatever its fields say.
static inline mcr_event *raw_event(const char *raw)
{
    mcr_event fields = sample_fields();
    fields.metadata.name = mcr_str_of(raw); // lines of other formats show it as well
    mcr_event *ev = mcr_event_new(&fields);
    ev->raw = ev->metadata.name;
    return ev;
}

// How many hold an event; for tests that nobody else runs beside.
static inline uint32_t holders(const mcr_event *ev)
{
    return ev->refs;
}

static inline void assert_text(mcr_buf *out, const char *expected)
{
    assert_string_equal(mcr_buf_cstr(out), expected);
    assert_int_equal(out->len, strlen(expected));
}

// The name of `name` in a new directory below $TMPDIR; freed by the caller with remove_scratch.
static inline char *scratch_path(const char *name)
{
    const char *root = getenv("TMPDIR");
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/mcr-XXXXXX", root ? root : "/tmp");
    mcr_buf_cstr(&path);
    assert_non_null(mkdtemp(path.ptr));
    mcr_buf_printf(&path, "/%s", name);
    mcr_buf_cstr(&path);
    return path.ptr;
}

static inline void remove_scratch(char *path)
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
    free(path);
}

static inline mcr_buf read_file(const char *path)
{
    mcr_buf text = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n;
    while ((n = read(fd, mcr_buf_reserve(&text, 65536), 65536)) > 0)
        text.len += (size_t)n;
    assert_int_equal(n, 0);
    close(fd);
    return text;
}

static inline void assert_file(const char *path, const char *expected)
{
    mcr_buf text = read_file(path);
    assert_text(&text, expected);
    mcr_buf_fini(&text);
}
