/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/catalog/catalog.h"

/*
 * Catalog objects as stored rows: one relation for each kind, one row for each object.
 * A row is u8 version, then the fields in the order of store.c, each in the little packing
 * of pack.h. A field is only ever added at the end; a reader of an older row leaves it zero.
 */

/* The relation that holds objects of a kind: the OID of PostgreSQL's catalog for it. */
rel_id_t store_relation(enum cat_kind kind);

/* Appends the row of an object. */
void store_encode(enum cat_kind kind, const void *object, struct ky_buffer *out);

/* An object in arena. References to other objects are left as OIDs in *link. XX001. */
struct store_link {
    oid_t table; /* of an index or constraint */
    oid_t index; /* of a constraint */
};
KY_MUST_CHECK ky_status store_decode(enum cat_kind kind, struct ky_slice row,
                                     struct ky_arena *arena, void **object_out,
                                     struct store_link *link_out, struct ky_error *err);
