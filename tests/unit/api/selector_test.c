// api/api_selector.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api_selector.h"

#define EVENT                                                                                      \
    "{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web.1\",\"namespace\":"    \
    "\"prod\",\"labels\":{\"app\":\"web\",\"n\":\"7\",\"empty\":\"\"}},\"involvedObject\":"        \
    "{\"kind\":\"Pod\",\"namespace\":\"prod\",\"name\":\"a,b\"},\"reason\":\"BackOff\","           \
    "\"type\":\"Warning\",\"reportingComponent\":\"kubelet\"}"

static bool matches(const char *labels, const char *fields, bool events_api)
{
    mcr_errbuf err;
    mcr_api_selector *s = mcr_api_selector_new(labels, fields, events_api, &err);
    if (!s)
        fail_msg("%s: %s", labels ? labels : fields, err.text);
    const mcr_stored event = { .json = MCR_STR(EVENT) };
    bool matched = mcr_api_selector_match(s, &event);
    mcr_api_selector_free(s);
    return matched;
}

static void labels(void **state)
{
    (void)state;
    static const struct {
        const char *selector;
        bool matches;
    } cases[] = {
        { "", true },
        { "app", true },
        { "!app", false },
        { "!other", true },
        { "app=web", true },
        { "app==web", true },
        { " app = web , n ", true },
        { "app=db", false },
        { "app!=db", true },
        { "other!=db", true },
        { "empty=", true },
        { "app=", false },
        { "app in (db, web)", true },
        { "app in (db)", false },
        { "app in ()", false },
        { "empty in (x,)", true },
        { "app notin (db)", true },
        { "app notin (web,db)", false },
        { "other notin (web)", true },
        { "n>6", true },
        { "n>7", false },
        { "n<8", true },
        { "n gt 6", true },
        { "n lt 6", false },
        { "app=web,n=8", false },
        { "example.com/app=web", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].selector, NULL, false) != cases[i].matches)
            fail_msg("%s", cases[i].selector);
}

static void fields(void **state)
{
    (void)state;
    static const struct {
        const char *core;
        const char *events;
        bool matches;
    } cases[] = {
        { "", "", true },
        { "type=Warning", "type=Warning", true },
        { "type!=Warning", "type!=Warning", false },
        { "type==Warning,reason=BackOff", "type==Warning,reason=BackOff", true },
        { "involvedObject.kind=Pod", "regarding.kind=Pod", true },
        { "involvedObject.kind=Node", "regarding.kind=Node", false },
        { "involvedObject.name=a\\,b", "regarding.name=a\\,b", true },
        { "involvedObject.uid=", "regarding.uid=", true },
        { "type=Warning,,reason=BackOff,", "type=Warning,,reason=BackOff,", true },
        { "type=Warning\\", "type=Warning\\", false },
        { "metadata.name=web.1,metadata.namespace=prod",
          "metadata.name=web.1,metadata.namespace=prod", true },
        { "reportingComponent=kubelet", "reportingController=kubelet", true },
        { "source=kubelet", NULL, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (matches(NULL, cases[i].core, false) != cases[i].matches)
            fail_msg("%s", cases[i].core);
        if (cases[i].events && matches(NULL, cases[i].events, true) != cases[i].matches)
            fail_msg("%s", cases[i].events);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *labels;
        const char *fields;
        bool events_api;
        const char *why; // how it begins
    } cases[] = {
        { "a b c", NULL, false,
          "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt" },
        { "=a", NULL, false,
          "unable to parse requirement: found '=', expected: !, identifier, or 'end of string'" },
        { "a,", NULL, false,
          "unable to parse requirement: found '', expected: identifier after ','" },
        { "a in b", NULL, false, "unable to parse requirement: found 'b', expected: '('" },
        { "a in (b", NULL, false, "unable to parse requirement: found '', expected: ',' or ')'" },
        { "!a=b", NULL, false, "unable to parse requirement: found '='" },
        { "a=-x", NULL, false,
          "unable to parse requirement: values[0][a]: Invalid value: \"-x\": a valid label must" },
        { "a in (b,_)", NULL, false,
          "unable to parse requirement: values[1][a]: Invalid value: \"_\": a valid label must" },
        { "-a", NULL, false,
          "unable to parse requirement: key: Invalid value: \"-a\": name part must consist of" },
        { "A.b/c", NULL, false,
          "unable to parse requirement: key: Invalid value: \"A.b/c\": prefix part a lowercase "
          "RFC" },
        { "a>x", NULL, false,
          "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
          "operators" },
        { NULL, "message=x", false, "field label not supported: message" },
        { NULL, "regarding.kind=Pod", false, "field label not supported: regarding.kind" },
        { NULL, "involvedObject.kind=Pod", true, "field label not supported: involvedObject.kind" },
        { NULL, "source=x", true, "field label not supported: source" },
        { NULL, "type", false, "invalid selector: 'type'; can't understand 'type'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { .text = "" };
        mcr_api_selector *s =
            mcr_api_selector_new(cases[i].labels, cases[i].fields, cases[i].events_api, &err);
        if (s || strncmp(err.text, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("case %zu: %s", i, s ? "it is fine" : err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels),
        cmocka_unit_test(fields),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
