// Each fault that a server can have, at each step of the way, under both policies, with the real
// sink, loop and connections. After each: the ledger's sum holds whenever the loop comes round; an
// event that is called delivered is at the server; the server has what client-go would have left
// there (RECORD 5.2, 6.1), or, under the default policy, better; and a repeat that comes after
// makes everything good.

#include "api_world.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
    BIG = 2 << 20 // more than the buffers of a connection hold
};

#define JSON  "Content-Type: application/json\n"
#define PLAIN "Content-Type: text/plain\n"

typedef enum fault_kind {
    REPLY,   // `status` and `reason`, else `reply`
    SPOIL,   // scripted_server_spoil
    DOWN,    // nobody listens
    ROTATED, // the token is another all of a sudden
} fault_kind;

// What client-go makes of it.
typedef enum verdict {
    FINAL,       // a status: the event is abandoned
    ASKED_AGAIN, // a status with Retry-After: inside the call
    NO_ANSWER    // tried again after a sleep
} verdict;

typedef struct fault {
    const char *name;
    fault_kind kind;
    verdict client_go;
    bool refused; // by the default policy: it can never succeed
    bool is_big;  // the event is, so that its request is longer than buffers are
    int status;
    const char *reason;
    scripted_reply reply;
    scripted_place place;
    scripted_mode how;
} fault;

#define STATUS(code, word) .name = #code " " word, .status = code, .reason = word
#define ANSWER(title, ...) .name = title, .reply = { __VA_ARGS__ }
#define HALF(title, half, end)                                                                     \
    .name = title, .client_go = NO_ANSWER,                                                         \
    .reply = { .mode = half,                                                                       \
               .status = 200,                                                                      \
               .headers = JSON,                                                                    \
               .body = MCR_STR("{\"kind\":\"Event\"}"),                                            \
               .then = end }

static const fault faults[] = {
    { STATUS(400, "BadRequest"), .refused = true },
    { STATUS(401, "Unauthorized") },
    { STATUS(403, "Forbidden"), .refused = true },
    { STATUS(404, "NotFound"), .refused = true },
    { STATUS(405, "MethodNotAllowed"), .refused = true },
    { STATUS(406, "NotAcceptable"), .refused = true },
    { STATUS(408, "Timeout") },
    { STATUS(409, "Conflict") },
    { STATUS(410, "Expired"), .refused = true },
    { STATUS(413, "RequestEntityTooLarge"), .refused = true },
    { STATUS(415, "UnsupportedMediaType"), .refused = true },
    { STATUS(422, "Invalid"), .refused = true },
    { STATUS(429, "TooManyRequests") },
    { STATUS(431, ""), .refused = true },
    { STATUS(500, "InternalError") },
    { STATUS(502, "") },
    { STATUS(503, "ServiceUnavailable") },
    { STATUS(504, "Timeout") },
    { ANSWER("429, in plain words", .status = 429, .headers = PLAIN,
             .body = MCR_STR("Too many requests, please try again later.\n")) },
    { ANSWER("429 with Retry-After", .status = 429, .headers = PLAIN "Retry-After: 0\n",
             .body = MCR_STR("Too many requests, please try again later.\n")),
      .client_go = ASKED_AGAIN },
    { ANSWER("429 with a date", .status = 429,
             .headers = PLAIN "Retry-After: Tue, 14 Nov 2023 22:13:20 GMT\n") },
    { ANSWER("500 with Retry-After", .status = 500, .headers = "Retry-After: 0\n"),
      .client_go = ASKED_AGAIN },
    { ANSWER("503 with Retry-After", .status = 503, .headers = "Retry-After: 0\n"),
      .client_go = ASKED_AGAIN },
    { ANSWER("504 with Retry-After", .status = 504, .headers = "Retry-After: 0\n"),
      .client_go = ASKED_AGAIN },
    { ANSWER("403 with Retry-After", .status = 403, .headers = "Retry-After: 0\n"),
      .refused = true },
    { ANSWER("404, no Status", .status = 404, .headers = PLAIN,
             .body = MCR_STR("404 page not found\n")),
      .refused = true },
    { ANSWER("502 of a proxy", .status = 502, .headers = "Content-Type: text/html\n",
             .body = MCR_STR("<p>")) },
    { ANSWER("a failure in a 200", .status = 200, .headers = JSON,
             .body = MCR_STR("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
                             "\"message\":\"later\",\"reason\":\"InternalError\",\"code\":500}")) },
    { ANSWER("201 without a body", .status = 201, .headers = JSON), .client_go = NO_ANSWER },
    { ANSWER("201 of half an event", .status = 201, .headers = JSON,
             .body = MCR_STR("{\"kind\":\"Ev")),
      .client_go = NO_ANSWER },
    { ANSWER("201 in HTML", .status = 201, .headers = "Content-Type: text/html\n",
             .body = MCR_STR("<p>")),
      .client_go = NO_ANSWER },
    { ANSWER("closed", .mode = SCRIPTED_CLOSE), .client_go = NO_ANSWER },
    { ANSWER("reset", .mode = SCRIPTED_RESET), .client_go = NO_ANSWER },
    { ANSWER("no HTTP", .mode = SCRIPTED_GARBAGE, .body = MCR_STR("SSH-2.0-nonsense\r\n")),
      .client_go = NO_ANSWER },
    { ANSWER("silence", .mode = SCRIPTED_HANG), .client_go = NO_ANSWER },
    { ANSWER("half a 503", .mode = SCRIPTED_TRUNCATE, .status = 503, .body = MCR_STR("{")),
      .client_go = NO_ANSWER },
    { HALF("half a head, closed", SCRIPTED_HALF_HEAD, SCRIPTED_CLOSE) },
    { HALF("half a head, reset", SCRIPTED_HALF_HEAD, SCRIPTED_RESET) },
    { HALF("half a head, silence", SCRIPTED_HALF_HEAD, SCRIPTED_HANG) },
    { HALF("half a body, closed", SCRIPTED_HALF_BODY, SCRIPTED_CLOSE) },
    { HALF("half a body, reset", SCRIPTED_HALF_BODY, SCRIPTED_RESET) },
    { HALF("half a body, silence", SCRIPTED_HALF_BODY, SCRIPTED_HANG) },
#define SPOILT(title, where, end)                                                                  \
    .name = title, .kind = SPOIL, .client_go = NO_ANSWER, .place = where, .how = end
    { SPOILT("accepted and closed", SCRIPTED_AT_ACCEPT, SCRIPTED_CLOSE) },
    { SPOILT("accepted and reset", SCRIPTED_AT_ACCEPT, SCRIPTED_RESET) },
    { SPOILT("accepted, then silence", SCRIPTED_AT_ACCEPT, SCRIPTED_HANG) },
    { SPOILT("accepted by another service", SCRIPTED_AT_ACCEPT, SCRIPTED_GARBAGE) },
    { SPOILT("request read, closed", SCRIPTED_IN_REQUEST, SCRIPTED_CLOSE) },
    { SPOILT("request read, reset", SCRIPTED_IN_REQUEST, SCRIPTED_RESET) },
    { SPOILT("half a request, closed", SCRIPTED_IN_REQUEST, SCRIPTED_CLOSE), .is_big = true },
    { SPOILT("half a request, reset", SCRIPTED_IN_REQUEST, SCRIPTED_RESET), .is_big = true },
    { SPOILT("half a request, silence", SCRIPTED_IN_REQUEST, SCRIPTED_HANG), .is_big = true },
    { .name = "refused connection", .kind = DOWN, .client_go = NO_ANSWER },
    { .name = "another token", .kind = ROTATED },
};

// Where it strikes.
typedef enum step {
    POST,
    PATCH,
    PATCH_OF_NOTHING, // of an event that the server does not have
    POST_AFTER_PATCH, // that follows
    STEPS
} step;

static const char *const step_names[STEPS] = { "POST", "PATCH", "PATCH of nothing",
                                               "POST after PATCH" };

typedef struct scenario {
    world w;
    const fault *fault;
    step step;
    bool is_done; // the server does what it is asked, only its answer goes wrong
    mcr_str message;
    char *kubeconfig;
} scenario;

static scenario *at_hand; // what the server's handler looks at; with the api's lock held

static void arm_spoil(const scenario *s)
{
    scripted_server_spoil(s->w.api.server, s->fault->place, s->fault->how, 1);
}

static bool on_fault(api_server *api, const scripted_request *request, int number,
                     scripted_reply *reply, bool *done)
{
    const scenario *s = at_hand;
    const fault *f = s->fault;
    if (f->kind == SPOIL && s->step == POST_AFTER_PATCH && number == api->fault_number - 1) {
        do_request(api, request, reply);
        reply->close = true;
        arm_spoil(s);
        return true;
    }
    if (number != api->fault_number || f->kind == SPOIL || f->kind == DOWN)
        return false;
    if (f->kind == ROTATED) {
        snprintf(api->token, sizeof api->token, "second");
        write_beside(s->w.token_file, "second");
        reply_status(reply, 401, "Unauthorized");
        return true;
    }
    if (f->status)
        reply_status(reply, f->status, f->reason);
    else
        *reply = f->reply;
    *done = s->is_done;
    return true;
}

static uint64_t tries;

static void on_note(void *arg, const char *name, uint64_t n)
{
    (void)arg;
    if (strcmp(name, "retries") == 0 || strcmp(name, "sleeps") == 0)
        tries = n;
}

// Second tries, under either policy.
static uint64_t retries_of(world *w)
{
    tries = 0;
    mcr_sink_kind_kube.each_note(w->sink, on_note, NULL);
    return tries;
}

#define TLS_FILE(name) MCR_TEST_DATA "/tls/" name

static void use_tls(scenario *s)
{
    world *w = &s->w;
    s->kubeconfig = path_beside(w, "config");
    mcr_buf text = { 0 };
    mcr_buf_printf(&text,
                   "current-context: c\n"
                   "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                   "clusters: [{name: k, cluster: {server: '%s', certificate-authority: '%s'}}]\n"
                   "users: [{name: u, user: {}}]\n",
                   scripted_server_url(w->api.server), TLS_FILE("ca.pem"));
    write_beside(s->kubeconfig, mcr_buf_cstr(&text));
    mcr_buf_fini(&text);
    w->options.access.server = NULL;
    w->options.access.kubeconfig = s->kubeconfig;
}

static bool is_silence(const fault *f)
{
    return f->reply.mode == SCRIPTED_HANG || f->reply.then == SCRIPTED_HANG ||
           (f->kind == SPOIL && f->how == SCRIPTED_HANG);
}

static void begin(scenario *s, int policy, bool tls)
{
    static const scripted_tls identity = { .cert_file = TLS_FILE("server.pem"),
                                           .key_file = TLS_FILE("server-key.pem") };
    world *w = &s->w;
    begin_world_with(w, tls ? &identity : NULL);
    w->options.policy = policy;
    if (tls)
        use_tls(s);
    if (!policy)
        w->options.attempts = 0; // on a busy machine a good answer may be late as well
    if (is_silence(s->fault))
        w->options.timeout = s->fault->is_big ? 600 * MS : 60 * MS;
    if (s->fault->kind == ROTATED) {
        write_token(w, "first");
        expect_token(w, "first");
        w->options.access.token_file = w->token_file;
    }
    open_sink(w);
}

static void end(scenario *s)
{
    if (s->kubeconfig)
        unlink(s->kubeconfig);
    free(s->kubeconfig);
    end_world(&s->w);
}

static void strike(scenario *s, const char *name, int count)
{
    world *w = &s->w;
    const fault *f = s->fault;
    if (f->kind == SPOIL && s->step != POST_AFTER_PATCH) {
        if (f->place == SCRIPTED_AT_ACCEPT) { // the next request needs a connection of its own
            scripted_server_stop(w->api.server);
            scripted_server_start(w->api.server);
        }
        arm_spoil(s);
    }
    if (f->kind == DOWN)
        scripted_server_stop(w->api.server);
    pthread_mutex_lock(&w->api.lock);
    w->api.fault_number = w->api.requests + (s->step == POST_AFTER_PATCH);
    w->api.fault = on_fault;
    pthread_mutex_unlock(&w->api.lock);
    uint64_t before = retries_of(w);
    write_text(w, name, count, s->message);
    if (f->kind == DOWN) {
        while (retries_of(w) == before)
            ev_run(w->loop, EVRUN_ONCE);
        scripted_server_start(w->api.server);
    }
    run_to_end(w);
    pthread_mutex_lock(&w->api.lock);
    w->api.fault = NULL;
    pthread_mutex_unlock(&w->api.lock);
}

// The count that client-go leaves at the server.
static int left_by_client_go(const scenario *s, int before, int count)
{
    const fault *f = s->fault;
    if (s->is_done || f->client_go != FINAL)
        return count;
    bool is_404 = f->status == 404 || f->reply.status == 404;
    return is_404 && s->step == PATCH_OF_NOTHING ? count : before;
}

static int left_by_default(const scenario *s, int before, int count)
{
    const fault *f = s->fault;
    bool is_404 = f->status == 404 || f->reply.status == 404;
    bool is_patch = s->step == PATCH || s->step == PATCH_OF_NOTHING;
    return s->is_done || !f->refused || (is_404 && is_patch) ? count : before;
}

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s at %s%s, policy %d%s: line %d: %s", f->name, step_names[s->step],         \
                     s->is_done ? ", done" : "", policy, tls ? ", TLS" : "", __LINE__,             \
                     #condition);                                                                  \
    } while (0)

// The count that is at the server after the fault.
static int play(scenario *s, int policy, bool tls)
{
    const fault *f = s->fault;
    world *w = &s->w;
    begin(s, policy, tls);
    at_hand = s;
    int before = 0, count = s->step == POST ? 1 : 3;
    if (s->step == PATCH) {
        write_event(w, "a.1", 1);
        run_to_end(w);
        before = 1;
    }
    const mcr_sink_counts *c = &w->sink->counts;
    uint64_t delivered = c->delivered;
    strike(s, "a.1", count);
    int left = api_server_count(&w->api, "a.1");
    HOLDS(left == (policy ? left_by_client_go : left_by_default)(s, before, count));
    HOLDS(c->in_flight == 0);
    HOLDS(c->delivered == delivered || left == count);
    HOLDS(c->delivered + c->dead_lettered == c->assigned);
    if (!policy)
        HOLDS((c->delivered > delivered) == (left == count));

    write_event(w, "a.1", count + 1);
    run_to_end(w);
    HOLDS(api_server_count(&w->api, "a.1") == count + 1);
    HOLDS(w->api.n == 1 && w->api.out_of_order == 0);
    end(s);
    return left;
}

// Answers that leave open whether it was done, and none.
static bool may_hide_success(const fault *f)
{
    int status = f->status ? f->status : f->reply.status;
    return status < 300 || status == 408 || status >= 500;
}

static void play_all(bool tls)
{
    mcr_buf big = { 0 };
    memset(mcr_buf_reserve(&big, BIG), 'x', BIG);
    big.len = BIG;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const fault *f = &faults[i];
        if (tls && f->place != SCRIPTED_AT_ACCEPT)
            continue;
        if (tls && f->kind != SPOIL)
            continue;
        bool may_be_done = f->kind == REPLY && may_hide_success(f);
        for (int n = 0; n < STEPS * (1 + may_be_done); n++) {
            scenario s = { .fault = f, .step = n % STEPS, .is_done = n >= STEPS };
            if (f->is_big)
                s.message = mcr_buf_str(&big);
            // Nothing can be done to what is not there; and the listener is gone for both.
            if ((s.is_done && s.step == PATCH_OF_NOTHING) ||
                (f->kind == DOWN && s.step == POST_AFTER_PATCH))
                continue;
            scenario as_client_go = s;
            int by_client_go = play(&as_client_go, MCR_KUBE_CLIENT_GO, tls);
            int by_default = play(&s, MCR_KUBE_DEFAULT, tls);
            if (by_default < by_client_go)
                fail_msg("%s at %s: client-go leaves %d, the default policy %d", f->name,
                         step_names[s.step], by_client_go, by_default);
        }
    }
    mcr_buf_fini(&big);
}

static void each_fault_at_each_step(void **state)
{
    (void)state;
    play_all(false);
}

static void faults_of_the_handshake(void **state)
{
    (void)state;
    play_all(true);
}

// Listens where the server was, and accepts nobody: the queue of those who wait is full.
static int listen_without_room(uint16_t port, int waiting[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 2; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&address, sizeof address);
    }
    return fd;
}

static void a_connection_that_never_comes_about(void **state)
{
    (void)state;
    for (int policy = MCR_KUBE_DEFAULT; policy <= MCR_KUBE_CLIENT_GO; policy++) {
        world w;
        begin_world(&w);
        w.options.policy = policy;
        w.options.timeout = 60 * MS;
        open_sink(&w);
        scripted_server_stop(w.api.server);
        int waiting[2], fd = listen_without_room(scripted_server_port(w.api.server), waiting);
        write_event(&w, "a.1", 1);
        while (retries_of(&w) < 2) {
            ev_run(w.loop, EVRUN_ONCE);
            check_ledger(&w);
        }
        assert_int_equal(w.sink->counts.in_flight, 1);
        for (int i = 0; i < 2; i++)
            close(waiting[i]);
        close(fd);
        scripted_server_start(w.api.server);
        run_to_end(&w);
        assert_int_equal(w.sink->counts.delivered, 1);
        assert_int_equal(api_server_count(&w.api, "a.1"), 1);
        end_world(&w);
    }
}

int main(void)
{
    mcr_log_set_level(MCR_LOG_ERROR);
    clean_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_at_each_step),
        cmocka_unit_test(faults_of_the_handshake),
        cmocka_unit_test(a_connection_that_never_comes_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
