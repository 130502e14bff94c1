// YAML that is read can be walked; as JSON it is JSON, and YAML that says the same.

#include <cjson/cJSON.h>

#include "net/yaml.h"

#include "fuzz_input.h"

static void walk(const mcr_yaml *y, const mcr_yaml_node *node, int depth)
{
    size_t len = 0;
    bool value;
    const char *text = mcr_yaml_text(node, &len);
    fuzz_must(!text || text[len] == '\0', "a text is not ended", NULL, NULL);
    fuzz_must(mcr_yaml_line(node) >= 1, "a node is nowhere", NULL, NULL);
    mcr_yaml_bool(node, &value);
    for (size_t i = 0; depth < 4 && i < 16; i++) {
        const mcr_yaml_node *item = mcr_yaml_item(y, node, i);
        if (!item)
            break;
        walk(y, item, depth + 1);
    }
    static const char *const keys[] = { "a", "users", "clusters", "<<", "" };
    for (size_t i = 0; depth < 4 && i < sizeof keys / sizeof *keys; i++) {
        const mcr_yaml_node *below = mcr_yaml_get(y, node, keys[i]);
        if (below)
            walk(y, below, depth + 1);
    }
}

static void check_json(const mcr_buf *json)
{
    // cJSON refuses \u0000, and numbers such as 1e999 are texts to nobody but us.
    cJSON *tree = cJSON_ParseWithLength(json->ptr, json->len);
    fuzz_must(tree || memmem(json->ptr, json->len, "\\u0000", 6), "this is no JSON", json, NULL);
    cJSON_Delete(tree);
    mcr_errbuf err = { "" };
    mcr_buf again = { 0 };
    mcr_yaml *y = mcr_yaml_read(mcr_buf_str(json), &err);
    if (y && mcr_yaml_json(y, mcr_yaml_root(y), &again))
        fuzz_must_equal(json, &again, "read again, it says something else");
    mcr_yaml_free(y);
    mcr_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    mcr_errbuf err = { "" };
    mcr_buf json = { 0 };
    mcr_yaml *y =
        mcr_yaml_read((mcr_str){ .ptr = (const char *)bytes, .len = (uint32_t)len }, &err);
    fuzz_must(y || err.text[0], "refused without a word", NULL, NULL);
    const mcr_yaml_node *root = y ? mcr_yaml_root(y) : NULL;
    if (root) {
        walk(y, root, 0);
        if (mcr_yaml_json(y, root, &json))
            check_json(&json);
        else
            fuzz_must(json.len == 0, "a part of it was written", &json, NULL);
    }
    mcr_yaml_free(y);
    mcr_buf_fini(&json);
    return 0;
}
