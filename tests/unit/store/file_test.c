// The store's file: what is no store, other processes, crashes, full disks.

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store/fixture.h"
#include "store/store_path.h"
#include "store/store_share.h"

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_refused(const char *path, bool read_only, const char *why)
{
    mcr_errbuf err = { .text = "" };
    assert_null(mcr_store_open(&(mcr_store_options){ .path = path, .read_only = read_only }, &err));
    if (!strstr(err.text, why) || !strstr(err.text, path))
        fail_msg("expected \"%s\" and the path in: %s", why, err.text);
}

static void what_is_no_store_is_refused_and_left_alone(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    assert_refused(path, true, "there is no event store");
    assert_int_equal(access(path, F_OK), -1);
    write_file(path, "These are notes of somebody, long enough to be read as the head of a file.\n"
                     "And a second line, so that it is more than a hundred bytes in all.\n");
    assert_refused(path, false, "is not an event store: it is no SQLite file");
    unlink(path);
    sql(path, "CREATE TABLE notes (text)");
    assert_refused(path, false, "another program's SQLite file");
    assert_refused(path, true, "another program's SQLite file");
    unlink(path);
    mcr_store_close(open_store(&(mcr_store_options){ .path = path }));
    sql(path, "PRAGMA user_version = 2");
    assert_refused(path, false, "made by a newer mooncrier");
    sql(path, "PRAGMA user_version = 1");
    mcr_store_close(open_store(&(mcr_store_options){ .path = path }));
    remove_scratch(path);
    path = scratch_path("nowhere");
    mcr_buf below = { 0 };
    mcr_buf_printf(&below, "%s/events.db", path);
    assert_refused(mcr_buf_cstr(&below), false, "No such file or directory");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(path, false, "it is no regular file");
    mcr_buf_fini(&below);
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    free(path);
}

static void a_new_file_is_its_owners_alone_and_keeps_everything(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    mcr_store *s = open_store(&(mcr_store_options){ .path = path });
    assert_int_equal(put(s, "a b"), MCR_OK);
    struct stat st;
    mcr_buf wal = { 0 };
    mcr_buf_printf(&wal, "%s-wal", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(mcr_buf_cstr(&wal), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    mcr_buf_fini(&wal);
    mcr_store_close(s);
    s = open_store(&(mcr_store_options){ .path = path });
    assert_int_equal(mcr_store_counts_now(s).events, 2);
    assert_int_equal(put(s, "c"), MCR_OK);
    assert_list(s, "prod/a@1 prod/b@2 prod/c@3 ");
    mcr_store_close(s);
    remove_scratch(path);
}

static void read_list(void *self, mcr_store_tx *tx)
{
    dump_list(self, tx);
}

static void assert_read(mcr_store *s, const char *expected)
{
    dump d = { 0 };
    mcr_errbuf err = { .text = "" };
    if (mcr_store_read(s, read_list, &d, &err) != MCR_OK)
        fail_msg("%s", err.text);
    assert_string_equal(mcr_buf_cstr(&d.text), expected);
    mcr_buf_fini(&d.text);
}

static void reading_needs_no_server_and_does_not_mind_one(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    int64_t now = NOW;
    mcr_clock clock = mcr_clock_fixed(&now);
    mcr_store *s = open_store(&(mcr_store_options){ .path = path, .clock = &clock });
    assert_int_equal(put(s, "a b"), MCR_OK);
    assert_read(s, "prod/a@1 prod/b@2 ");
    mcr_store *reader =
        open_store(&(mcr_store_options){ .path = path, .read_only = true, .clock = &clock });
    assert_read(reader, "prod/a@1 prod/b@2 ");
    assert_false(mcr_store_do(reader, &(mcr_store_work){ 0 }));
    mcr_store_close(s);
    assert_read(reader, "prod/a@1 prod/b@2 ");
    now += MCR_STORE_TTL;
    assert_read(reader, "");
    mcr_store_close(reader);
    remove_scratch(path);
    s = open_store(&(mcr_store_options){ .path = ":memory:" });
    assert_int_equal(put(s, "a"), MCR_OK);
    assert_read(s, "prod/a@1 ");
    mcr_store_close(s);
}

// In a child process: puts `count` events called <name>0… one after the other, then ends. Nothing
// of cmocka works there.
static pid_t child_puts(const char *path, const char *name, int count)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    mcr_store *s = mcr_store_open(&(mcr_store_options){ .path = path }, NULL);
    if (!s)
        _exit(1);
    for (int i = 0; i < count || count < 0; i++) {
        char numbered[32];
        snprintf(numbered, sizeof numbered, "%s%d", name, i);
        if (put(s, numbered) != MCR_OK)
            _exit(1);
    }
    mcr_store_close(s);
    _exit(0);
}

static void assert_ended(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool check_versions(void *self, mcr_store_change change, const mcr_stored *event)
{
    uint64_t *last = self;
    (void)change;
    assert_true(event->version > *last);
    *last = event->version;
    mcr_buf json = { 0 };
    mcr_store_json_version(&json, event->json, event->version);
    assert_true(mcr_str_eq(mcr_buf_str(&json), event->json));
    mcr_buf_fini(&json);
    return true;
}

static void check_all(void *self, mcr_store_tx *tx)
{
    uint64_t last = 0;
    mcr_store_changes(tx, 0, check_versions, &last);
    assert_true(last <= mcr_store_now(tx));
    *(uint64_t *)self = mcr_store_now(tx);
}

static void two_processes_share_the_versions(void **state)
{
    (void)state;
    enum {
        EACH = 200
    };
    char *path = scratch_path("events.db");
    pid_t first = child_puts(path, "a", EACH), second = child_puts(path, "b", EACH);
    assert_true(first > 0 && second > 0);
    assert_ended(first);
    assert_ended(second);
    mcr_store *s = open_store(&(mcr_store_options){ .path = path });
    uint64_t version;
    assert_int_equal(mcr_store_read(s, check_all, &version, NULL), MCR_OK);
    assert_int_equal(version, 2 * EACH);
    assert_int_equal(mcr_store_counts_now(s).events, 2 * EACH);
    mcr_store_close(s);
    remove_scratch(path);
}

static void note_change(void *self)
{
    mcr_unpark(self);
}

static void a_listener_hears_of_other_processes(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    mcr_store *s = open_store(&(mcr_store_options){ .path = path });
    mcr_store *other = open_store(&(mcr_store_options){ .path = path }); // as good as one
    mcr_parker changed;
    mcr_parker_init(&changed);
    mcr_store_on_change(s, note_change, &changed);
    assert_int_equal(put(other, "a"), MCR_OK);
    assert_true(mcr_park(&changed, 60 * SECOND));
    assert_changes(s, 0, "Aa@1 ");
    mcr_store_on_change(s, NULL, NULL);
    mcr_parker_fini(&changed);
    mcr_store_close(other);
    mcr_store_close(s);
    remove_scratch(path);
}

static void a_killed_writer_leaves_a_good_file(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    mcr_store_close(open_store(&(mcr_store_options){ .path = path }));
    mcr_store *reader = open_store(&(mcr_store_options){ .path = path, .read_only = true });
    uint64_t version = 0;
    for (int round = 0; round < 3; round++) {
        pid_t writer = child_puts(path, "x", -1);
        assert_true(writer > 0);
        dump d = { 0 };
        while (d.now < version + 50) { // it is in the middle of it
            d.text.len = 0;
            assert_int_equal(mcr_store_read(reader, read_list, &d, NULL), MCR_OK);
        }
        mcr_buf_fini(&d.text);
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        mcr_store *s = open_store(&(mcr_store_options){ .path = path });
        uint64_t now;
        assert_int_equal(mcr_store_read(s, check_all, &now, NULL), MCR_OK);
        assert_true(now >= d.now); // what was committed is there
        version = now;
        mcr_store_close(s);
        sqlite3 *db;
        sqlite3_stmt *check;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        sqlite3_prepare_v2(db,
                           "SELECT integrity_check, (SELECT count(*) FROM events) ="
                           " (SELECT events FROM state), (SELECT sum(length(json)) FROM events) ="
                           " (SELECT bytes FROM state) FROM pragma_integrity_check",
                           -1, &check, NULL);
        assert_int_equal(sqlite3_step(check), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
        assert_int_equal(sqlite3_column_int(check, 1), 1);
        assert_int_equal(sqlite3_column_int(check, 2), 1);
        sqlite3_finalize(check);
        sqlite3_close(db);
    }
    mcr_store_close(reader);
    remove_scratch(path);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void without_room_nothing_is_changed_and_it_is_told(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    char *path = scratch_path("events.db");
    mcr_store *s = open_store(&(mcr_store_options){ .path = path });
    assert_int_equal(put(s, "a b"), MCR_OK);
    limit_files(4096);
    task t;
    task_begin(&t, s, put_names, &(names_of){ "a c" });
    mcr_err code = task_wait(&t);
    limit_files(RLIM_INFINITY);
    assert_int_equal(code, MCR_EIO);
    assert_non_null(strstr(t.err.text, "cannot write to the event store"));
    assert_non_null(strstr(t.err.text, "File too large"));
    assert_list(s, "prod/a@1 prod/b@2 ");
    assert_int_equal(mcr_store_counts_now(s).failed, 1);
    assert_int_equal(mcr_store_counts_now(s).written, 2);
    assert_int_equal(put(s, "c"), MCR_OK); // it goes on when there is room
    assert_list(s, "prod/a@1 prod/b@2 prod/c@3 ");
    mcr_store_close(s);
    remove_scratch(path);
}

static void one_process_shares_one_store(void **state)
{
    (void)state;
    char *path = scratch_path("events.db");
    mcr_store_options options = { .path = path, .ttl_ns = SECOND };
    mcr_errbuf err = { .text = "" };
    mcr_store *a = mcr_store_share(&options, &err), *b = mcr_store_share(&options, &err);
    assert_non_null(a);
    assert_ptr_equal(a, b);
    options.ttl_ns = 2 * SECOND;
    assert_null(mcr_store_share(&options, &err));
    assert_non_null(strstr(err.text, "must be the same for all sinks of one file"));
    mcr_store_unshare(a);
    assert_int_equal(put(b, "a"), MCR_OK);
    mcr_store_unshare(b);
    a = mcr_store_share(&options, &err);
    assert_non_null(a);
    mcr_store_unshare(a);
    remove_scratch(path);
}

static void the_default_place_follows_the_environment(void **state)
{
    (void)state;
    mcr_buf path = { 0 };
    assert_true(mcr_store_default_path(&path, NULL));
    assert_non_null(strstr(mcr_buf_cstr(&path), "/mooncrier/events.db"));
    if (geteuid() == 0) {
        assert_string_equal(path.ptr, "/var/lib/mooncrier/events.db");
    } else {
        setenv("XDG_STATE_HOME", "/x/state", 1);
        path.len = 0;
        assert_true(mcr_store_default_path(&path, NULL));
        assert_string_equal(mcr_buf_cstr(&path), "/x/state/mooncrier/events.db");
    }
    mcr_buf_fini(&path);
    char *scratch = scratch_path("a");
    mcr_buf file = { 0 };
    mcr_buf_printf(&file, "%s/b/events.db", scratch);
    assert_int_equal(mcr_store_make_folders(mcr_buf_cstr(&file), NULL), MCR_OK);
    mcr_store_close(open_store(&(mcr_store_options){ .path = file.ptr }));
    unlink(file.ptr);
    for (int i = 0; i < 3; i++) {
        *strrchr(file.ptr, '/') = '\0';
        assert_int_equal(rmdir(file.ptr), 0);
    }
    mcr_buf_fini(&file);
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_store_is_refused_and_left_alone),
        cmocka_unit_test(a_new_file_is_its_owners_alone_and_keeps_everything),
        cmocka_unit_test(reading_needs_no_server_and_does_not_mind_one),
        cmocka_unit_test(two_processes_share_the_versions),
        cmocka_unit_test(a_listener_hears_of_other_processes),
        cmocka_unit_test(a_killed_writer_leaves_a_good_file),
        cmocka_unit_test(without_room_nothing_is_changed_and_it_is_told),
        cmocka_unit_test(one_process_shares_one_store),
        cmocka_unit_test(the_default_place_follows_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
