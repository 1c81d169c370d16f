/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/map.h"
#include "server/catalog/catalog.h"

/* The inside of an image; only catalog/ looks here. */
struct image_private {
    struct ky_arena arena; /* holds the image itself */
    struct ky_smap names;  /* kind byte, schema OID, name -> object */
    struct ky_map64 oids;  /* kind << 32 | oid -> object */
    atomic_uint reference_count;
};

/* Reads everything that txn sees, and makes users' types known to type_find. is_committed: txn
 * changed nothing itself. The image has one reference. */
KY_MUST_CHECK ky_status image_build(struct txn *txn, bool is_committed,
                                    struct cat_image **image_out, struct ky_error *err);
/* The tables made from the registered system views; built once, live for ever. */
void image_system_tables(struct cat_table ***tables_out, size_t *count_out);
