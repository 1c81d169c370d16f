/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"
#include "server/catalog/opclass.h"

/*
 * Inverted indexes (gin): a value has many keys, and each key leads to the rows that have it. A key
 * is eight bytes: a hash of the column, the kind of thing and its value. Two things may share a
 * hash, and a row that has all keys of a query need not fit: whoever reads looks at the row. So no
 * key is too long, and the tree's nodes hold them without anything beside.
 */
enum { INVERTED_KEY_SIZE = 8 };

/* ------------------------------------------------------------------ keys */

enum inverted_class {
    INVERTED_ARRAY,      /* array_ops: elements, one thing for all nulls, one for no elements */
    INVERTED_JSONB,      /* jsonb_ops: names of members, and values; strings in arrays are names */
    INVERTED_JSONB_PATH, /* jsonb_path_ops: values, together with the names on the way to them */
};
/* Of an operator class of gin. */
enum inverted_class inverted_class_of(const struct cat_opclass *opclass);
/* Appends the keys of a value that is not null, in no order and more than once, as numbers of this
 * machine. key: the column's place in the index. */
void inverted_add_keys(enum inverted_class class, uint16_t key, struct datum value,
                       struct ky_buffer *out);
/* Makes the numbers from `start` on what the tree holds: ascending, each once. */
void inverted_seal_keys(struct ky_buffer *keys, size_t start);

/* What rows with a true condition have in common. */
enum inverted_need {
    INVERTED_NEEDS_NOTHING, /* every row may fit */
    INVERTED_NEEDS_ALL,
    INVERTED_NEEDS_ANY, /* of no keys: no row fits */
};
/* Appends the keys, sealed, of `column strategy value`; value is not null. */
enum inverted_need inverted_query_keys(enum inverted_class class, uint16_t key,
                                       enum gin_strategy strategy, struct datum value,
                                       struct ky_buffer *out);

/* ------------------------------------------------------------------ reading */

/* column strategy value; all of a scan's conditions are to be true. */
struct inverted_condition {
    uint16_t key;
    enum gin_strategy strategy;
    struct datum value; /* null: no row fits */
};

/* Rows that may fit, in the order of their ids. The conditions are still to be asked. */
struct access_inverted_scan {
    struct access_txn *txn;
    const struct cat_index *index;
    struct ky_budget *budget; /* of the statement; may be NULL */
    /* access's own. */
    struct access_index *runtime;
    struct ky_buffer row_ids; /* of row_id_t */
    uint64_t charged;
    uint64_t next;
    bool is_every_row;
    struct storage_scan rows; /* with is_every_row */
};
/* txn, index and budget are set by the caller, the rest is zero. 53200: close it then, too. */
KY_MUST_CHECK ky_status access_inverted_scan_open(struct access_inverted_scan *scan,
                                                  struct access *access,
                                                  const struct inverted_condition *conditions,
                                                  uint32_t count, struct ky_error *err);
/* Up to max rows; 0 at the end. */
uint32_t access_inverted_scan_next(struct access_inverted_scan *scan, struct row_ref *rows,
                                   uint32_t max);
/* Rows that it names; 0 where it is all of the table. */
uint64_t access_inverted_scan_count(const struct access_inverted_scan *scan);
void access_inverted_scan_close(struct access_inverted_scan *scan);
/* About how many rows may fit, of those there are now. No lock on the table is needed. */
double access_inverted_rows(struct access *access, const struct cat_index *index,
                            const struct inverted_condition *condition);
