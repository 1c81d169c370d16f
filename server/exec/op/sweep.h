/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/nearest.h"

/*
 * The nearest of a table's rows that pass a filter, without an index: the filter is asked about all
 * rows in the order they lie, and what it lets through is measured. That reads all there is, but in
 * order and in batches: a row costs a fraction of what one costs that a search by a graph comes to.
 */
struct sweep {
    struct storage_scan rows;
    struct access_txn *txn;
    oid_t table;
    uint64_t read, passed;
    /* Which of the rows pass; at most SWEEP_BATCH. */
    ky_status (*filter)(void *arg, const struct row_ref *rows, uint32_t count, bool *passes_out,
                        struct ky_error *err);
    /* A row without a vector has no distance: null. */
    ky_status (*measure)(void *arg, const struct row_ref *row, struct datum *distance_out,
                         struct ky_error *err);
    void *arg; /* of both */
};

enum { SWEEP_BATCH = 64 };

void sweep_init(struct sweep *sweep, struct access_txn *txn, const struct cat_table *table);
/* Goes on until it has read `rows` rows in all, or to the end. nearest NULL: only counts. */
KY_MUST_CHECK ky_status sweep_run(struct sweep *sweep, uint64_t rows, struct nearest *nearest,
                                  bool *is_over_out, struct ky_error *err);
