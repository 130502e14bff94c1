#pragma once
// What the tests of the store share: cmocka, files in a directory of their own, and work that a
// test waits for.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/park.h"
#include "store/store.h"

#define SECOND INT64_C(1000000000)
#define NOW    (1700000000 * SECOND)

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

// Removes a store with what SQLite puts beside it.
static inline void remove_scratch(char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        mcr_buf name = { 0 };
        mcr_buf_printf(&name, "%s%s", path, ends[i]);
        unlink(mcr_buf_cstr(&name));
        mcr_buf_fini(&name);
    }
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
    free(path);
}

// A piece of work that a test waits for.
typedef struct task {
    mcr_store_work work;
    bool (*run)(void *self, mcr_store_tx *tx);
    void *self;
    mcr_parker done;
    mcr_err result;
    mcr_errbuf err;
} task;

static inline bool task_run(mcr_store_work *work, mcr_store_tx *tx)
{
    task *t = (task *)(void *)work;
    return t->run(t->self, tx);
}

static inline void task_done(mcr_store_work *work, mcr_err result, const mcr_errbuf *err)
{
    task *t = (task *)(void *)work;
    t->result = result;
    if (result != MCR_OK)
        t->err = *err;
    mcr_unpark(&t->done);
}

static inline void task_begin(task *t, mcr_store *s, bool (*run)(void *, mcr_store_tx *),
                              void *self)
{
    *t = (task){ .work = { .run = task_run, .done = task_done }, .run = run, .self = self };
    mcr_parker_init(&t->done);
    assert_true(mcr_store_do(s, &t->work));
}

static inline mcr_err task_wait(task *t)
{
    assert_true(mcr_park(&t->done, 60 * SECOND));
    mcr_parker_fini(&t->done);
    return t->result;
}

static inline mcr_err perform(mcr_store *s, bool (*run)(void *, mcr_store_tx *), void *self)
{
    task t;
    task_begin(&t, s, run, self);
    return task_wait(&t);
}

// Puts an event of namespace "prod" as an API server would: {"metadata":{…},"n":number}.
static inline void put_event(mcr_store_tx *tx, const char *name, int number)
{
    mcr_stored old = { 0 };
    bool is_there = mcr_store_get(tx, MCR_STR("prod"), mcr_str_of(name), &old);
    uint64_t created = old.created, version = mcr_store_next_version(tx);
    mcr_buf json = { 0 };
    mcr_buf_puts(&json, "{\"kind\":\"Event\",\"metadata\":{\"name\":\"");
    mcr_buf_puts(&json, name);
    mcr_buf_printf(&json, "\",\"resourceVersion\":\"%llu\"},\"n\":%d}", (unsigned long long)version,
                   number);
    mcr_store_put(tx, &(mcr_stored){ .namespace = MCR_STR("prod"),
                                     .name = mcr_str_of(name),
                                     .json = mcr_buf_str(&json),
                                     .version = version,
                                     .created = is_there ? created : version });
    mcr_buf_fini(&json);
}

typedef struct names_of {
    const char *names;
} names_of;

// `self` is a list of names, "a b c", each put with its place in the list.
static inline bool put_names(void *self, mcr_store_tx *tx)
{
    char *names = mcr_strdup(((names_of *)self)->names), *rest = NULL;
    int n = 0;
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        put_event(tx, name, n++);
    free(names);
    return true;
}

static inline bool remove_event(mcr_store_tx *tx, const char *name)
{
    mcr_stored old;
    if (!mcr_store_get(tx, MCR_STR("prod"), mcr_str_of(name), &old))
        return false;
    mcr_buf json = { 0 };
    uint64_t version = mcr_store_next_version(tx);
    mcr_store_json_version(&json, old.json, version);
    bool removed =
        mcr_store_remove(tx, MCR_STR("prod"), mcr_str_of(name), version, mcr_buf_str(&json));
    mcr_buf_fini(&json);
    return removed;
}

static inline bool remove_names(void *self, mcr_store_tx *tx)
{
    char *names = mcr_strdup(((names_of *)self)->names), *rest = NULL;
    bool all = true;
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        all = remove_event(tx, name) && all;
    free(names);
    return all;
}

// What is in the store, and what changed, as text.
typedef struct dump {
    mcr_buf text;
    uint64_t since;
    uint64_t now;
    uint64_t oldest;
} dump;

static inline bool dump_event(void *self, const mcr_stored *event)
{
    dump *d = self;
    mcr_buf_printf(&d->text, "%.*s/%.*s@%llu ", (int)event->namespace.len, event->namespace.ptr,
                   (int)event->name.len, event->name.ptr, (unsigned long long)event->version);
    return true;
}

static inline bool dump_change(void *self, mcr_store_change change, const mcr_stored *event)
{
    dump *d = self;
    mcr_buf_printf(&d->text, "%c%.*s@%llu ", "AMD"[change], (int)event -> name.len, event->name.ptr,
                   (unsigned long long)event->version);
    return true;
}

static inline bool dump_list(void *self, mcr_store_tx *tx)
{
    dump *d = self;
    d->now = mcr_store_now(tx);
    d->oldest = mcr_store_oldest(tx);
    mcr_store_list(tx, MCR_STR(""), NULL, NULL, dump_event, d);
    return true;
}

static inline bool dump_changes(void *self, mcr_store_tx *tx)
{
    dump *d = self;
    d->now = mcr_store_now(tx);
    d->oldest = mcr_store_oldest(tx);
    mcr_store_changes(tx, d->since, dump_change, d);
    return true;
}

static inline void assert_list(mcr_store *s, const char *expected)
{
    dump d = { 0 };
    assert_int_equal(perform(s, dump_list, &d), MCR_OK);
    assert_string_equal(mcr_buf_cstr(&d.text), expected);
    mcr_buf_fini(&d.text);
}

static inline void assert_changes(mcr_store *s, uint64_t since, const char *expected)
{
    dump d = { .since = since };
    assert_int_equal(perform(s, dump_changes, &d), MCR_OK);
    assert_string_equal(mcr_buf_cstr(&d.text), expected);
    mcr_buf_fini(&d.text);
}

static inline mcr_err put(mcr_store *s, const char *names)
{
    return perform(s, put_names, &(names_of){ names });
}

static inline mcr_err take(mcr_store *s, const char *names)
{
    return perform(s, remove_names, &(names_of){ names });
}

static inline mcr_store *open_store(const mcr_store_options *options)
{
    mcr_errbuf err = { .text = "" };
    mcr_store *s = mcr_store_open(options, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}
