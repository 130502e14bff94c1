// Patches: the tree they leave can be written and read again; a merge patch is idempotent, an empty
// one changes nothing. Bodies: an event comes out, or a word about it.

#include "api/api_body.h"
#include "api/api_managed.h"
#include "api/api_patch.h"
#include "api/api_tree.h"
#include "api/api_validate.h"
#include "event/encode.h"

#include "fuzz_input.h"

static cJSON *read_tree(mcr_str text)
{
    mcr_buf why = { 0 };
    cJSON *tree = mcr_api_tree_read(text, &why);
    fuzz_must(tree || why.len, "refused without a word", NULL, NULL);
    mcr_buf_fini(&why);
    return tree;
}

// What is written is what there was, once more.
static void check_tree(const cJSON *tree, mcr_buf *out)
{
    mcr_buf again = { 0 };
    out->len = 0;
    mcr_api_tree_write(out, tree);
    cJSON *read = read_tree(mcr_buf_str(out));
    fuzz_must(read, "what was written is no JSON", out, NULL);
    mcr_api_tree_write(&again, read);
    fuzz_must_equal(out, &again, "read again, the tree is another");
    cJSON_Delete(read);
    mcr_buf_fini(&again);
}

static void check_merge(mcr_str document, const cJSON *patch, bool strategic)
{
    mcr_errbuf err = { "" };
    mcr_buf first = { 0 }, second = { 0 };
    cJSON *target = read_tree(document), *empty = cJSON_CreateObject();
    if (mcr_api_merge(&target, patch, strategic, &err)) {
        check_tree(target, &first);
        cJSON *once = cJSON_Duplicate(target, true);
        // The members' order may change; a strategic patch may change more.
        if (!strategic && mcr_api_merge(&target, patch, strategic, &err)) {
            check_tree(target, &second);
            fuzz_must(cJSON_Compare(once, target, true), "merged twice, it is another", &first,
                      &second);
        }
        cJSON_Delete(once);
        check_tree(target, &first);
        bool object = cJSON_IsObject(target);
        fuzz_must(mcr_api_merge(&target, empty, strategic, &err), "an empty patch is refused",
                  &first, NULL);
        check_tree(target, &second);
        if (object)
            fuzz_must_equal(&first, &second, "an empty patch changes something");
    } else {
        fuzz_must(err.text[0], "refused without a word", NULL, NULL);
    }
    cJSON_Delete(target);
    cJSON_Delete(empty);
    mcr_buf_fini(&first);
    mcr_buf_fini(&second);
}

static void check_operations(mcr_str document, const cJSON *operations)
{
    mcr_errbuf err = { "" };
    mcr_buf out = { 0 };
    cJSON *target = read_tree(document);
    if (mcr_api_json_patch(&target, operations, &err))
        check_tree(target, &out);
    else
        fuzz_must(err.text[0], "refused without a word", NULL, NULL);
    cJSON_Delete(target);
    mcr_buf_fini(&out);
}

static void check_event(const mcr_event *ev, bool events_api)
{
    mcr_api_causes causes = { 0 };
    mcr_buf json = { 0 }, fields = { 0 };
    mcr_api_validate_create(&causes, ev, events_api);
    fuzz_must(causes.n == 0 || causes.list.len, "a fault without a word", NULL, NULL);
    mcr_api_causes_fini(&causes);
    mcr_event_encode(&json, ev, false);
    const mcr_api_manager who = { "fuzz", "Update", events_api, "2026-11-23T05:01:40Z" };
    mcr_api_managed_fields(&fields, &who, mcr_buf_str(&json), (mcr_str){ 0 });
    cJSON *list = read_tree(mcr_buf_str(&fields));
    fuzz_must(cJSON_IsArray(list), "managed fields are no list", &fields, NULL);
    cJSON_Delete(list);
    mcr_buf_fini(&json);
    mcr_buf_fini(&fields);
}

static void check_body(mcr_str text, bool events_api)
{
    static mcr_decoder *decoder;
    if (!decoder)
        decoder = mcr_decoder_new();
    mcr_api_body body;
    mcr_api_body_read(&body, decoder, text, events_api);
    fuzz_must(!body.event == (body.fault != MCR_API_BODY_GOOD), "neither nor", NULL, NULL);
    fuzz_must(!body.fault || body.message.len, "refused without a word", NULL, NULL);
    if (body.event)
        check_event(body.event, events_api);
    mcr_api_body_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_input in = { bytes, len };
    mcr_buf a = { 0 }, b = { 0 };
    unsigned what = fuzz_byte(&in);
    mcr_str document = fuzz_text(&in, &a), text = fuzz_text(&in, &b);
    if (what % 4 == 3) {
        check_body(document, what & 4);
    } else {
        cJSON *tree = read_tree(document), *patch = read_tree(text);
        if (tree && patch && what % 4 == 2)
            check_operations(document, patch);
        else if (tree && cJSON_IsObject(patch))
            check_merge(document, patch, what % 4 == 1);
        cJSON_Delete(tree);
        cJSON_Delete(patch);
    }
    mcr_buf_fini(&a);
    mcr_buf_fini(&b);
    return 0;
}
