// The control socket: its protocol with clients of every kind, and its place in the file system.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/log.h"
#include "daemon/control.h"
#include "daemon/control_listen.h"
#include "daemon/live.h"

enum {
    PATIENCE_S = 20
};

typedef struct world {
    char folder[64];
    char path[96]; // of the socket
    struct ev_loop *loop;
    mcr_app app;
    mcr_live live;
    mcr_control *control;
} world;

static void write_file(const world *w, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void ignore_ended(void *self, mcr_source *source, const char *error)
{
    (void)self, (void)source, (void)error;
}

static int set_up(void **state)
{
    static const mcr_source_owner owner = { .ended = ignore_ended };
    world *w = calloc(1, sizeof *w);
    *state = w;
    mcr_log_set_level(MCR_LOG_ERROR);
    strcpy(w->folder, "/tmp/mooncrier-control-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/c.sock", w->folder);
    char config[512];
    snprintf(config, sizeof config,
             "return { sources = { { kind = 'jsonl', path = '%s/in', follow = true } },\n"
             "  sinks = { out = { kind = 'file', path = '%s/out' } },\n"
             "  watchers = { { name = 'w', sinks = { 'out' } } } }\n",
             w->folder, w->folder);
    write_file(w, "mooncrier.lua", config);
    char path[128];
    snprintf(path, sizeof path, "%s/mooncrier.lua", w->folder);
    mcr_errbuf err;
    w->loop = ev_loop_new(EVFLAG_AUTO);
    mcr_generation *g = mcr_generation_new(NULL);
    assert_int_equal(mcr_generation_read(g, path, &err), MCR_OK);
    assert_int_equal(mcr_app_load(&w->app, g, &mcr_clock_wall, &err), MCR_OK);
    assert_int_equal(mcr_app_open(&w->app, w->loop, &owner, &err), MCR_OK);
    assert_int_equal(mcr_app_start(&w->app, &err), MCR_OK);
    w->live = (mcr_live){ .app = &w->app,
                          .reload = mcr_reload_new(&w->app, w->loop, g, path),
                          .census = mcr_census_new(&w->app, w->loop),
                          .config_path = "/etc/mooncrier/mooncrier.lua" };
    mcr_err code;
    w->control = mcr_control_new(w->loop, &w->live, w->path, &code, &err);
    assert_non_null(w->control);
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    mcr_reload_stop(w->live.reload);
    mcr_broadcaster_shutdown(w->app.broadcaster);
    for (uint32_t i = 0; i < w->app.host_n; i++)
        mcr_host_ends(w->app.hosts[i], PATIENCE_S * (int64_t)1000000000);
    mcr_census_free(w->live.census);
    mcr_control_free(w->control);
    for (uint32_t i = 0; i < w->app.host_n; i++)
        mcr_host_join(w->app.hosts[i]);
    mcr_app_close(&w->app);
    mcr_reload_free(w->live.reload);
    ev_loop_destroy(w->loop);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static int connected(const world *w)
{
    int fd = mcr_control_connect(w->path);
    assert_true(fd >= 0);
    return fd;
}

static void turn(const world *w)
{
    ev_run(w->loop, EVRUN_NOWAIT);
}

// Sends all of it, letting the server work meanwhile.
static void say(const world *w, int fd, const char *text, size_t len)
{
    int64_t deadline = mcr_clock_monotonic() + PATIENCE_S * (int64_t)1000000000;
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            done += (size_t)n;
        turn(w);
        assert_true(mcr_clock_monotonic() < deadline);
    }
}

static void ask(const world *w, int fd, const char *line)
{
    say(w, fd, line, strlen(line));
}

// Reads until so many lines are there; fewer: the server has ended the connection.
static mcr_buf hear(const world *w, int fd, int lines)
{
    mcr_buf heard = { 0 };
    int64_t deadline = mcr_clock_monotonic() + PATIENCE_S * (int64_t)1000000000;
    while (lines > 0) {
        ssize_t n = recv(fd, mcr_buf_reserve(&heard, 65536), 65536, MSG_DONTWAIT);
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            lines -= heard.ptr[heard.len + (size_t)i] == '\n';
        heard.len += n > 0 ? (size_t)n : 0;
        turn(w);
        if (mcr_clock_monotonic() > deadline)
            fail_msg("there is no more than: %s", mcr_buf_cstr(&heard));
    }
    mcr_buf_cstr(&heard);
    return heard;
}

static void hears(const world *w, int fd, const char *expected)
{
    int lines = 0;
    for (const char *at = expected; *at; at++)
        lines += *at == '\n';
    mcr_buf heard = hear(w, fd, lines);
    assert_string_equal(heard.ptr, expected);
    mcr_buf_fini(&heard);
}

static bool is_cut(const world *w, int fd)
{
    int64_t deadline = mcr_clock_monotonic() + PATIENCE_S * (int64_t)1000000000;
    char byte;
    while (mcr_clock_monotonic() < deadline) {
        ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return true;
        assert_true(n < 0);
        turn(w);
    }
    return false;
}

#define PING "{\"mooncrier\":1,\"request\":\"ping\"}\n"
#define PONG "{\"mooncrier\":1,\"ok\":true}\n"
#define SHAPE                                                                                      \
    "{\"mooncrier\":1,\"ok\":false,\"error\":\"a request is a line such as "                       \
    "{\\\"mooncrier\\\":1,\\\"request\\\":\\\"status\\\"}\"}\n"

static void requests_and_their_answers(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        { PING, PONG },
        { PING PING PING, PONG PONG PONG },
        { "  {\"request\" : \"ping\", \"mooncrier\" : 1, \"more\": [1]}\r\n", PONG },
        { "\n", SHAPE },
        { "ping\n", SHAPE },
        { "[1]\n", SHAPE },
        { "{\"request\":\"ping\"}\n", SHAPE },
        { "{\"mooncrier\":\"1\",\"request\":\"ping\"}\n", SHAPE },
        { "{\"mooncrier\":1,\"request\":7}\n", SHAPE },
        { "{\"mooncrier\":2,\"request\":\"ping\"}\n",
          "{\"mooncrier\":1,\"ok\":false,\"error\":\"this mooncrier speaks version 1 of the "
          "control "
          "protocol\"}\n" },
        { "{\"mooncrier\":1,\"request\":\"pings\"}\n",
          "{\"mooncrier\":1,\"ok\":false,\"error\":\"there is no request 'pings', did you mean "
          "'ping'?\"}\n" },
        { PING "nothing\n" PING, PONG SHAPE PONG },
    };
    const world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = connected(w);
        ask(w, fd, cases[i].request);
        hears(w, fd, cases[i].answer);
        close(fd);
    }
}

static void a_request_may_come_byte_by_byte(void **state)
{
    const world *w = *state;
    int fd = connected(w);
    for (const char *at = PING PING; *at; at++) {
        say(w, fd, at, 1);
        turn(w);
    }
    hears(w, fd, PONG PONG);
    close(fd);
}

static void the_last_request_needs_no_newline(void **state)
{
    const world *w = *state;
    int fd = connected(w);
    say(w, fd, PING PING, 2 * strlen(PING) - 1);
    shutdown(fd, SHUT_WR);
    hears(w, fd, PONG PONG);
    assert_true(is_cut(w, fd));
    close(fd);
}

static void a_request_is_as_long_as_the_limit_and_not_longer(void **state)
{
    const world *w = *state;
    char *text = malloc(MCR_CONTROL_LINE + 2);
    memset(text, ' ', MCR_CONTROL_LINE + 2);
    memcpy(text, PING, strlen(PING) - 1);
    text[MCR_CONTROL_LINE] = '\n';
    int fd = connected(w);
    say(w, fd, text, MCR_CONTROL_LINE + 1);
    hears(w, fd, PONG);
    text[MCR_CONTROL_LINE] = ' ';
    say(w, fd, text, MCR_CONTROL_LINE + 1);
    hears(w, fd,
          "{\"mooncrier\":1,\"ok\":false,\"error\":\"a request is at most 65536 bytes "
          "long\"}\n");
    assert_true(is_cut(w, fd));
    close(fd);
    free(text);
}

static void one_client_too_many_is_told_so(void **state)
{
    const world *w = *state;
    int fds[MCR_CONTROL_CLIENTS];
    for (int i = 0; i < MCR_CONTROL_CLIENTS; i++) {
        fds[i] = connected(w);
        ask(w, fds[i], PING);
        hears(w, fds[i], PONG);
    }
    int more = connected(w);
    hears(w, more,
          "{\"mooncrier\":1,\"ok\":false,\"error\":\"too many clients are served; try "
          "again later\"}\n");
    assert_true(is_cut(w, more));
    close(more);
    for (int i = 0; i < MCR_CONTROL_CLIENTS; i++) {
        ask(w, fds[i], PING);
        hears(w, fds[i], PONG);
        close(fds[i]);
    }
    turn(w);
    more = connected(w);
    ask(w, more, PING);
    hears(w, more, PONG);
    close(more);
}

// Its answers wait for it, and so do its requests: nothing piles up here.
static void a_client_that_does_not_read_is_not_read_either(void **state)
{
    const world *w = *state;
    int fd = connected(w), sent = 0, idle = 0;
    const char request[] = "{\"mooncrier\":1,\"request\":\"status\",\"format\":\"text\"}\n";
    while (idle < 2000) {
        ssize_t n = send(fd, request, sizeof request - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            idle++;
        else
            assert_int_equal(n, sizeof request - 1);
        sent += n > 0;
        turn(w);
    }
    assert_in_range(sent, 100, 1000000);
    mcr_buf heard = hear(w, fd, sent);
    int answers = 0;
    for (char *at = heard.ptr; (at = strstr(at, "{\"mooncrier\":1,\"ok\":true,\"text\":")); at++)
        answers++;
    assert_int_equal(answers, sent);
    mcr_buf_fini(&heard);
    close(fd);
}

static void clients_that_go_away_in_the_middle(void **state)
{
    const world *w = *state;
    const char request[] = "{\"mooncrier\":1,\"request\":\"status\"}\n";
    for (size_t n = 0; n <= sizeof request - 1; n += 3) {
        int fd = connected(w);
        turn(w);
        assert_int_equal(send(fd, request, sizeof request - 1 - n, MSG_NOSIGNAL),
                         sizeof request - 1 - n);
        if (n % 2)
            turn(w);
        close(fd);
        turn(w);
    }
    int fd = connected(w);
    ask(w, fd, PING);
    hears(w, fd, PONG);
    close(fd);
}

static void reload_and_rollback_tell_the_outcome(void **state)
{
    const world *w = *state;
    static const struct {
        const char *request;
        bool ok;
        const char *message;
    } cases[] = {
        { "rollback", false, "there is no generation before this one; generation 1 goes on" },
        { "reload", true, "generation 2 runs, changed: nothing" },
        { "rollback", true,
          "generation 3 runs, with the files of the one before the last, changed: nothing" },
    };
    int fd = connected(w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[96];
        snprintf(request, sizeof request, "{\"mooncrier\":1,\"request\":\"%s\"}\n",
                 cases[i].request);
        ask(w, fd, request);
        mcr_buf heard = hear(w, fd, 1);
        cJSON *json = cJSON_Parse(heard.ptr);
        const cJSON *outcome = cJSON_GetObjectItem(json, "outcome");
        assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(json, "ok")), cases[i].ok);
        assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(outcome, "ok")), cases[i].ok);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome, "what")),
                            cases[i].request);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(outcome, "message")),
                            cases[i].message);
        if (!cases[i].ok)
            assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "error")),
                                cases[i].message);
        cJSON_Delete(json);
        mcr_buf_fini(&heard);
    }
    close(fd);
}

static void the_status_is_one_object(void **state)
{
    static const char *const names[] = { "version",   "pid",       "started_at", "config",
                                         "socket",    "admin",     "ready",      "not_ready",
                                         "state_dir", "last_good", "generation", "reload",
                                         "watchers",  "ledger" };
    const world *w = *state;
    int fd = connected(w);
    ask(w, fd, "{\"mooncrier\":1,\"request\":\"status\"}\n");
    mcr_buf heard = hear(w, fd, 1);
    cJSON *json = cJSON_Parse(heard.ptr);
    const cJSON *status = cJSON_GetObjectItem(json, "status");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!cJSON_HasObjectItem(status, names[i]))
            fail_msg("the status has no \"%s\"", names[i]);
    assert_int_equal(cJSON_GetArraySize(status), sizeof names / sizeof *names);
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(status, "pid")), getpid());
    const cJSON *watcher = cJSON_GetArrayItem(cJSON_GetObjectItem(status, "watchers"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(watcher, "name")), "w");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(watcher, "silent")));
    const cJSON *ledger = cJSON_GetObjectItem(status, "ledger");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(ledger, "watchers")), 1);
    cJSON_Delete(json);
    mcr_buf_fini(&heard);
    close(fd);
}

static void the_place_of_the_socket(void **state)
{
    world *w = *state;
    struct stat st;
    mcr_errbuf err;
    mcr_control_listener second;
    char expected[160];
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(mcr_control_listen(w->path, &second, &err), MCR_ESTOPPED);
    snprintf(expected, sizeof expected, "process %ld listens at %s already", (long)getpid(),
             w->path);
    assert_string_equal(err.text, expected);

    // Left by a process that is gone: a socket that nobody listens at.
    char left[128];
    snprintf(left, sizeof left, "%s/left", w->folder);
    assert_int_equal(mcr_control_listen(left, &second, &err), MCR_OK);
    close(second.fd);
    mode_t umask_before = umask(0777);
    mcr_control_listener third;
    assert_int_equal(mcr_control_listen(left, &third, &err), MCR_OK);
    umask(umask_before);
    assert_int_equal(stat(left, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    // Only what is one's own is removed.
    char aside[160];
    snprintf(aside, sizeof aside, "%s.aside", left);
    assert_int_equal(rename(left, aside), 0);
    assert_int_equal(mcr_control_listen(left, &second, &err), MCR_OK);
    mcr_control_unlisten(left, &third);
    assert_int_equal(stat(left, &st), 0);
    mcr_control_unlisten(left, &second);
    assert_int_equal(stat(left, &st), -1);

    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer, "/tmp/", 5);
    assert_int_equal(mcr_control_listen(longer, &second, &err), MCR_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_and_their_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_may_come_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_request_needs_no_newline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_as_long_as_the_limit_and_not_longer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_client_too_many_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_not_read_either, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clients_that_go_away_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reload_and_rollback_tell_the_outcome, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_status_is_one_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_place_of_the_socket, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
