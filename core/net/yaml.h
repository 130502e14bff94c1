#pragma once
// One YAML document (JSON is YAML, too) as a tree, read by libyaml, for small files such as a
// kubeconfig. Aliases are followed when they are come to, never multiplied in memory; merge keys
// ("<<") are honoured.

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    MCR_YAML_SIZE_MAX = 4 * 1024 * 1024, // bytes of a document
    MCR_YAML_DEPTH_MAX = 64              // of lists and maps in each other
};

typedef struct mcr_yaml mcr_yaml;
typedef struct mcr_yaml_node mcr_yaml_node; // lives as long as its document

// mcr_yaml_read reads the first document of `text` (copied). NULL with "line 3: …" in `err`. The
// caller frees it.
mcr_yaml *mcr_yaml_read(mcr_str text, mcr_errbuf *err);
void mcr_yaml_free(mcr_yaml *y);

// mcr_yaml_root is NULL when the document is empty.
const mcr_yaml_node *mcr_yaml_root(const mcr_yaml *y);

// mcr_yaml_get is the value of `key` in the map `node`, the last one when it is there twice. NULL:
// there is none, or null, or `node` is no map (NULL is none).
const mcr_yaml_node *mcr_yaml_get(const mcr_yaml *y, const mcr_yaml_node *node, const char *key);

// mcr_yaml_item is the i-th item of the list `node`; NULL: it is no list or not that long.
const mcr_yaml_node *mcr_yaml_item(const mcr_yaml *y, const mcr_yaml_node *node, size_t i);

// mcr_yaml_pair is the i-th pair of the map `node` as it is written, merge keys ("<<") included:
// false when it is no map or has fewer. A value that is null is NULL.
bool mcr_yaml_pair(const mcr_yaml *y, const mcr_yaml_node *node, size_t i,
                   const mcr_yaml_node **key, const mcr_yaml_node **value);

// mcr_yaml_is_null tells whether the node is null, as items of lists may be.
bool mcr_yaml_is_null(const mcr_yaml_node *node);

bool mcr_yaml_is_map(const mcr_yaml_node *node);
bool mcr_yaml_is_list(const mcr_yaml_node *node);

// mcr_yaml_text is the text of a scalar as it is written, also of numbers, and NUL-terminated; NULL
// for maps and lists.
const char *mcr_yaml_text(const mcr_yaml_node *node, size_t *len);

// mcr_yaml_bool reads true, false and what YAML 1.1 has besides (yes, off, …). False: it is none.
bool mcr_yaml_bool(const mcr_yaml_node *node, bool *value);

// mcr_yaml_line is where the node begins, from 1 on.
int mcr_yaml_line(const mcr_yaml_node *node);

// mcr_yaml_json appends the node as JSON. False: with its aliases deeper than MCR_YAML_DEPTH_MAX or
// longer than MCR_YAML_SIZE_MAX, or a key that is no scalar; then `out` is as it was.
bool mcr_yaml_json(const mcr_yaml *y, const mcr_yaml_node *node, mcr_buf *out);
