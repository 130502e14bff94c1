// What stands in the line of a request: its path and query, selectors, continue tokens. Whatever it
// is, something comes out or there is a word about it; a token that is read is one that is written.

#include "api/api_continue.h"
#include "api/api_request.h"
#include "api/api_selector.h"

#include "fuzz_input.h"

static void check_request(mcr_str target, const char *accept)
{
    static const char *const methods[] = { "GET", "POST" };
    for (size_t i = 0; i < 2; i++) {
        mcr_api_request r;
        mcr_api_request_parse(&r, methods[i], target, accept, i ? "curl/8" : NULL);
        fuzz_must(r.path && r.n_params <= MCR_API_PARAMS, "no path", NULL, NULL);
        for (size_t p = 0; p < r.n_params; p++)
            fuzz_must(strlen(r.params[p].name) + strlen(r.params[p].value) <= target.len,
                      "a parameter is too long", NULL, NULL);
        if (r.place == MCR_API_PLACE_EVENTS)
            fuzz_must(r.namespace && r.name, "no place", NULL, NULL);
        mcr_api_param_get(&r, "limit");
        mcr_api_param_true(&r, "watch");
        mcr_api_request_fini(&r);
    }
}

static bool matches(mcr_api_selector *s, const char *json)
{
    const mcr_stored event = { .namespace = MCR_STR("prod"),
                               .name = MCR_STR("web-0.1"),
                               .json = mcr_str_of(json),
                               .version = 7 };
    return mcr_api_selector_match(s, &event);
}

static void check_selector(const char *labels, const char *fields, bool events_api)
{
    mcr_errbuf err = { "" };
    mcr_api_selector *s = mcr_api_selector_new(labels, fields, events_api, &err);
    fuzz_must(s || err.text[0], "refused without a word", NULL, NULL);
    if (!s)
        return;
    bool full = matches(s, "{\"metadata\":{\"name\":\"web-0.1\",\"namespace\":\"prod\",\"labels\":"
                           "{\"app\":\"web\",\"a.b/c\":\"\"}},\"involvedObject\":{\"kind\":\"Pod\","
                           "\"name\":\"web-0\",\"namespace\":\"prod\"},\"reason\":\"BackOff\","
                           "\"source\":{\"component\":\"kubelet\"},\"type\":\"Warning\"}");
    bool bare = matches(s, "{\"metadata\":{\"name\":\"web-0.1\",\"namespace\":\"prod\"}}");
    fuzz_must(!mcr_api_selector_empty(s) || (full && bare), "everything matches, but this does not",
              NULL, NULL);
    mcr_api_selector_free(s);
}

static bool rewritten(mcr_buf *out, const char *token, const char *namespace)
{
    mcr_errbuf err = { "" };
    mcr_api_continue from = { 0 };
    bool good = mcr_api_continue_parse(&from, token, namespace, &err);
    fuzz_must(good || err.text[0], "refused without a word", NULL, NULL);
    if (good)
        mcr_api_continue_write(out, !*namespace, from.version, mcr_buf_str(&from.namespace),
                               mcr_buf_str(&from.name));
    mcr_api_continue_fini(&from);
    return good;
}

// The first time, bytes that are no UTF-8 are written as "\ufffd", the second as what that is.
static void check_token(const char *token, const char *namespace)
{
    mcr_buf first = { 0 }, once = { 0 }, twice = { 0 };
    if (rewritten(&first, token, namespace)) {
        bool good = rewritten(&once, mcr_buf_cstr(&first), namespace) &&
                    rewritten(&twice, mcr_buf_cstr(&once), namespace);
        fuzz_must(good, "what was written is not read", &first, &once);
        fuzz_must_equal(&once, &twice, "read again, it is another");
    }
    mcr_buf_fini(&first);
    mcr_buf_fini(&once);
    mcr_buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_input in = { bytes, len };
    mcr_buf a = { 0 }, b = { 0 };
    unsigned what = fuzz_byte(&in);
    mcr_str target = fuzz_text(&in, &a);
    fuzz_text(&in, &b);
    const char *first = mcr_buf_cstr(&a), *second = mcr_buf_cstr(&b);
    if (what % 3 == 0)
        check_request(target, what & 4 ? second : NULL);
    else if (what % 3 == 1)
        check_selector(what & 4 ? first : NULL, what & 8 ? second : NULL, what & 16);
    else
        check_token(first, what & 4 ? "" : "prod");
    mcr_buf_fini(&a);
    mcr_buf_fini(&b);
    return 0;
}
