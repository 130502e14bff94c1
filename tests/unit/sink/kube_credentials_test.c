// Credentials that go wrong under a sink "kube" at work: tokens exchanged and gone for a moment,
// plugins that fail, lie or hang. Nothing is lost that could be delivered once they are good again.

#include "api_world.h"

#include <signal.h>
#include <sys/stat.h>

#include "net/kube_access.h"

typedef struct fixture {
    world w;
    char *config;
    char *plugin;
    char *runs; // a line for each run of the plugin
} fixture;

// A kubeconfig whose user has a plugin: `script` in sh, $n being the number of the run.
static void begin_with_plugin(fixture *f, int policy, const char *script)
{
    *f = (fixture){ 0 };
    world *w = &f->w;
    begin_world(w);
    w->options.policy = policy;
    f->config = path_beside(w, "config");
    f->plugin = path_beside(w, "plugin");
    f->runs = path_beside(w, "runs");
    mcr_buf text = { 0 };
    mcr_buf_printf(&text,
                   "#!/bin/sh\necho $$ >>'%s'\nn=$(wc -l <'%s' | tr -d ' ')\n"
                   "give() { echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                   "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"'$1'\"}}'; }\n%s\n",
                   f->runs, f->runs, script);
    write_beside(f->plugin, mcr_buf_cstr(&text));
    assert_int_equal(chmod(f->plugin, 0700), 0);
    text.len = 0;
    mcr_buf_printf(&text,
                   "current-context: c\n"
                   "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                   "clusters: [{name: k, cluster: {server: '%s'}}]\n"
                   "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1,"
                   " command: '%s', interactiveMode: Never}}}]\n",
                   scripted_server_url(w->api.server), f->plugin);
    write_beside(f->config, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    w->options.access.server = NULL;
    w->options.access.kubeconfig = f->config;
    expect_token(w, "good");
}

static void end_with_plugin(fixture *f)
{
    char *const paths[] = { f->config, f->plugin, f->runs };
    for (size_t i = 0; i < 3; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    end_world(&f->w);
}

static void write_some(world *w, int n)
{
    for (int i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "a.%d", i);
        write_event(w, name, 1);
    }
}

static int runs_of(const fixture *f)
{
    mcr_buf text = read_file(f->runs);
    int n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    mcr_buf_fini(&text);
    return n;
}

// What a plugin did wrong is said by it once a second; the tries go on meanwhile.
static void plugins_that_go_wrong_at_first(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        bool is_refused; // the server takes no such token
    } rows[] = {
        { "test $n = 1 && exit 1; give good", false },
        { "test $n = 1 && sleep 1000; give good", false },
        { "test $n = 1 && { sleep 2 >/dev/null 2>&1 & exit 1; }; give good", false },
        { "test $n = 1 && { give old; exit; }; give good", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int policy = MCR_KUBE_DEFAULT; policy <= MCR_KUBE_CLIENT_GO; policy++) {
            // There a 401 is final.
            if (rows[i].is_refused && policy == MCR_KUBE_CLIENT_GO)
                continue;
            fixture f;
            begin_with_plugin(&f, policy, rows[i].script);
            f.w.options.wait = f.w.options.max_wait = 300 * MS;
            open_sink(&f.w);
            ((mcr_kube *)f.w.sink)->access->exec->timeout_ns = 200 * MS;
            write_some(&f.w, policy ? 2 : 20);
            run_to_end(&f.w);
            if (f.w.sink->counts.delivered != f.w.sink->counts.assigned)
                fail_msg("row %zu, policy %d: %d delivered", i, policy,
                         (int)f.w.sink->counts.delivered);
            assert_int_equal(f.w.api.n, f.w.sink->counts.assigned);
            assert_int_equal(runs_of(&f), 2);
            end_with_plugin(&f);
        }
}

static bool is_alive(int pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool has_line = fgets(line, sizeof line, file);
    fclose(file);
    return has_line && !strstr(line, ") Z ");
}

// The end does not wait for a plugin, and leaves none behind.
static void a_plugin_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    for (int policy = MCR_KUBE_DEFAULT; policy <= MCR_KUBE_CLIENT_GO; policy++) {
        fixture f;
        begin_with_plugin(&f, policy, "exec sleep 1000");
        open_sink(&f.w);
        write_some(&f.w, 5);
        while (access(f.runs, F_OK) != 0)
            ev_run(f.w.loop, EVRUN_NOWAIT);
        mcr_buf text = { 0 };
        while (!text.len) {
            mcr_buf_fini(&text);
            text = read_file(f.runs);
        }
        int pid = atoi(mcr_buf_cstr(&text));
        mcr_buf_fini(&text);
        assert_true(pid > 1 && is_alive(pid));
        mcr_sink_kind_kube.drain(f.w.sink, 0);
        assert_int_equal(f.w.sink->counts.in_flight, 5);
        assert_int_equal(runs_of(&f), 1);
        close_sink(&f.w); // counts the dead letters
        while (is_alive(pid))
            usleep(1000);
        end_with_plugin(&f);
    }
}

// As in a pod: the file is exchanged while requests are under way, and is not there for a moment.
static void tokens_rotate_under_load(void **state)
{
    (void)state;
    world w;
    begin_world(&w);
    w.options.attempts = 0;
    w.options.max_in_flight = 8;
    write_token(&w, "0");
    expect_token(&w, "0");
    w.options.access.token_file = w.token_file;
    open_sink(&w);
    char name[24], token[24];
    int written = 0;
    for (int round = 1; round <= 20; round++) {
        snprintf(token, sizeof token, "%d", round);
        for (int i = 0; i < 20; i++, written++) {
            snprintf(name, sizeof name, "a.%d", written);
            write_event(&w, name, 1);
        }
        run_until(&w, (uint64_t)written - 10);
        expect_token(&w, token); // the old one is refused before the new one is there
        if (round % 2)
            unlink(w.token_file);
        for (int i = 0; i < 50; i++)
            ev_run(w.loop, EVRUN_NOWAIT);
        check_ledger(&w);
        write_token(&w, token);
    }
    run_to_end(&w);
    assert_int_equal(w.sink->counts.delivered, written);
    assert_int_equal(w.api.n, written);
    end_world(&w);
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    clean_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_that_go_wrong_at_first),
        cmocka_unit_test(a_plugin_that_hangs_does_not_hold_up_the_end),
        cmocka_unit_test(tokens_rotate_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
