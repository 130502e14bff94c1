// correlate/key_spec.h.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "correlate/key_spec.h"

static void normalizes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *folded;
    } cases[] = {
        { "", "" },
        { "Started container app", "Started container app" },
        // Numbers, decimals, quantities, addresses, durations.
        { "0/7 nodes are available: 3 Insufficient cpu",
          "#/# nodes are available: # Insufficient cpu" },
        { "7", "#" },
        { "-5.25%", "-#%" },
        { "New size: 12; reason", "New size: #; reason" },
        { "requested: 12000, available: 3Gi, 1.5Gi, 500m",
          "requested: #, available: #Gi, #Gi, #m" },
        { "dial tcp 10.0.137.201:8080: refused", "dial tcp #:#: refused" },
        { "in 1m30.5s (2h0m1s waiting, 12ms)", "in #s (#s waiting, #ms)" },
        { "2026-11-23T05:01:40.123456Z", "#-#-*:#:#Z" },
        { "postgres-1 report-0-29923510", "postgres-# report-#-#" },
        { "ip-10-0-137-201.eu-central-1.compute.internal",
          "ip-#-#-#-#.eu-central-#.compute.internal" },
        { "registry.example.com:5000/app:1.16.5", "registry.example.com:#/app:#" },
        { "1.", "#." },
        // Digits behind a letter belong to the word.
        { "k8s ipv4 sha256 e2e v1", "k8s ipv4 sha256 e2e v1" },
        { "app:v1.16.5", "app:v1.#" },
        { "\xd0\xb2 3 \xd1\x81\xd1\x82\xd1\x80\x31", "\xd0\xb2 # \xd1\x81\xd1\x82\xd1\x80\x31" },
        // UUIDs and hashes.
        { "vm_66460ff8-a2ff-4ddf-b283-581ce0f95787 became leader", "vm_* became leader" },
        { "pvc-882e0a33-726b-457c-b44e-380c2a2c3573", "pvc-*" },
        { "web_prod(8d0b6f0e-5d2c-4f3a-9a53-00000000000a)", "web_prod(*)" },
        { "8D0B6F0E-5D2C-4F3A-9A53-00000000000A", "*" },
        { "8d0b6f0e-5d2c-4f3a-9a53-00000000000aX", "*-*-*-*-#aX" },
        { "sha256:67a545b108d99e5ad93b9fefec755e42", "sha256:*" },
        { "volume vol-0a1b2c3d4e5f00001 on i-0f00ba4", "volume vol-* on i-*" },
        { "0x1f4a", "*" },
        { "effaced deadbeef decade", "effaced deadbeef decade" },
        // Generated names.
        { "Created pod: web-7d4b9c6f5-x2x7p", "Created pod: web-*" },
        { "Created pod: all-taints-6jtdx", "Created pod: all-taints-*" },
        { "Created pod: all-taints-svdht", "Created pod: all-taints-*" },
        { "adhoc-1795410572-rcnzk", "adhoc-#-*" },
        { "replica set \"svc-5-585568487d\"", "replica set \"svc-#-*\"" },
        { "replica set frontend-c58685bd8 from 2 to 1", "replica set frontend-* from # to #" },
        { "a-585568487-x2x7p", "a-*" },
        { "a-dfb5bcd-x2x7p", "a-*" },
        { "a-web-x2x7p", "a-web-*" },
        { "k8s_web-c7f5d9cf8-2fkrr_prod_c396804d-b706-4ad4-9187-ce6d3a47b46b_0("
          "82ec26a7584667d357966)",
          "k8s_web-*_prod_*_#(*)" },
        { "kube-https web-x2x7p-copy -x2x7 x2x7p", "kube-https web-x2x7p-copy -x2x7 x2x7p" },
        { "-bcdfg", "-*" },
        // IPv6.
        { "fd00:10:244::5", "*" },
        { "[fe80::1]:8080 and 2001:0db8:0000:0000:0000:ff00:0042:8329", "[*]:# and *" },
        { "fd00::/8", "*/#" },
        { "at 12:30:45 bad: add::x", "at #:#:# bad: add::x" },
        { "1:2:3:4:5:6:7:8:9", "#:#:#:#:#:#:#:#:#" },
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        // In memory of its own: reading past the end is found.
        size_t len = strlen(cases[i].text);
        char *text = malloc(len + !len);
        memcpy(text, cases[i].text, len);
        mcr_buf out = { 0 };
        mcr_key_normalize(&out, mcr_str_n(text, len));
        if (strcmp(mcr_buf_cstr(&out), cases[i].folded) != 0) {
            print_error("'%s': '%s', not '%s'\n", cases[i].text, out.ptr, cases[i].folded);
            failed++;
        }
        mcr_buf_fini(&out);
        free(text);
    }
    assert_int_equal(failed, 0);
}

static void appends(void **state)
{
    (void)state;
    mcr_buf out = { 0 };
    mcr_buf_puts(&out, "a 1 ");
    mcr_key_normalize(&out, MCR_STR("b 2"));
    mcr_key_normalize(&out, MCR_STR(""));
    assert_string_equal(mcr_buf_cstr(&out), "a 1 b #");
    mcr_buf_fini(&out);
}

// Whatever the bytes are, the result is not longer and nothing else is read.
static void takes_any_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "0123:-:-.bcdfx5 _gh\xc2\xb5smZ";
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)round % 45 + 1;
        char *text = malloc(len);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        mcr_buf out = { 0 };
        mcr_key_normalize(&out, mcr_str_n(text, len));
        assert_true(out.len > 0 && out.len <= len);
        mcr_buf_fini(&out);
        free(text);
    }
}

static const mcr_pair labels[] = {
    { MCR_STR("app.kubernetes.io/name"), MCR_STR("web-7d4b9c6f5-x2x7p") },
    { MCR_STR("team"), MCR_STR("a1") },
};

static mcr_event fields(void)
{
    return (mcr_event){
        .metadata = { .name = MCR_STR("web.17979cfe36"),
                      .namespace = MCR_STR("pr-12"),
                      .labels = { labels, 2 } },
        .involvedObject = { .kind = MCR_STR("Pod"),
                            .namespace = MCR_STR("pr-12"),
                            .name = MCR_STR("web-7d4b9c6f5-x2x7p"),
                            .uid = MCR_STR("8d0b6f0e-5d2c-4f3a-9a53-00000000000a"),
                            .apiVersion = MCR_STR("v1") },
        .reason = MCR_STR("BackOff"),
        .message = MCR_STR("restarted 3 times"),
        .source = { .component = MCR_STR("kubelet"), .host = MCR_STR("node-17") },
        .type = MCR_STR("Warning"),
        .reportingComponent = MCR_STR("kubelet"),
    };
}

static void writes_fields(void **state)
{
    (void)state;
    static const struct {
        mcr_str paths[4];
        size_t n;
        bool normalize;
        const char *key;
    } cases[] = {
        { { MCR_STR("message") }, 1, false, "restarted 3 times" },
        { { MCR_STR("message") }, 1, true, "restarted # times" },
        { { MCR_STR("involvedObject.uid"), MCR_STR("reason") },
          2,
          true,
          "8d0b6f0e-5d2c-4f3a-9a53-00000000000a\x1f"
          "BackOff" },
        { { MCR_STR("involvedObject.namespace"), MCR_STR("involvedObject.name") },
          2,
          true,
          "pr-12\x1fweb-*" },
        { { MCR_STR("source.component"), MCR_STR("source.host"), MCR_STR("type") },
          3,
          true,
          "kubelet\x1fnode-#\x1fWarning" },
        { { MCR_STR("metadata.labels.app.kubernetes.io/name"), MCR_STR("metadata.labels.team") },
          2,
          false,
          "web-7d4b9c6f5-x2x7p\x1f"
          "a1" },
        { { MCR_STR("metadata.labels.app.kubernetes.io/name") }, 1, true, "web-*" },
        { { MCR_STR("metadata.labels.none"), MCR_STR("metadata.annotations.team") },
          2,
          true,
          "\x1f" },
        { { MCR_STR("related.name"), MCR_STR("reportingController"), MCR_STR("action") },
          3,
          false,
          "\x1fkubelet\x1f" },
    };
    mcr_event ev = fields();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mcr_errbuf err = { "" };
        mcr_key_spec *spec = mcr_key_spec_new(cases[i].paths, cases[i].n, cases[i].normalize, &err);
        assert_non_null(spec);
        mcr_buf out = { 0 };
        mcr_key_spec_write(spec, &out, &ev);
        assert_string_equal(mcr_buf_cstr(&out), cases[i].key);
        mcr_buf_fini(&out);
        mcr_key_spec_free(spec);
    }
}

static void refuses_what_is_no_field(void **state)
{
    (void)state;
    static const struct {
        mcr_str path;
        const char *message;
    } cases[] = {
        { MCR_STR("involvedObject.nmae"),
          "no field 'involvedObject.nmae' for a key; did you mean 'involvedObject.name'?" },
        { MCR_STR("mesage"), "no field 'mesage' for a key; did you mean 'message'?" },
        { MCR_STR("lastTimestamp"),
          "no field 'lastTimestamp' for a key (those are the strings of an "
          "event, by their path)" },
        { MCR_STR("metadata.labels"),
          "'metadata.labels' is a map; a key names one of it: 'metadata.labels.app'" },
        { MCR_STR("metadata.labels."),
          "'metadata.labels' is a map; a key names one of it: 'metadata.labels.app'" },
        { MCR_STR(""), "no field '' for a key (those are the strings of an event, by their path)" },
    };
    mcr_errbuf err = { "" };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mcr_str paths[] = { MCR_STR("metadata.labels.x"), cases[i].path };
        assert_null(mcr_key_spec_new(paths, 2, true, &err));
        assert_string_equal(err.text, cases[i].message);
    }
    assert_null(mcr_key_spec_new(NULL, 0, false, &err));
    assert_string_equal(err.text, "a key needs at least one field");
    mcr_key_spec_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizes),
        cmocka_unit_test(appends),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(writes_fields),
        cmocka_unit_test(refuses_what_is_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
