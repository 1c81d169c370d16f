/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/sweep.h"

#include "server/access/relation_stats.h"
#include "server/base/assert.h"

void
sweep_init(struct sweep *sweep, struct access_txn *txn, const struct cat_table *table)
{
    sweep->txn = txn;
    sweep->table = table->oid;
    sweep->read = sweep->passed = 0;
    access_count(txn, table->oid, COUNT_SCANS, 1);
    storage_scan_init(&sweep->rows, access_storage_txn(txn), table->rel);
}

ky_status
sweep_run(struct sweep *sweep, uint64_t rows, struct nearest *nearest, bool *is_over_out,
          struct ky_error *err)
{
    struct row_ref batch[SWEEP_BATCH];
    bool passes[SWEEP_BATCH];
    *is_over_out = false;
    while (sweep->read < rows) {
        const uint32_t count = storage_scan_next(&sweep->rows, batch, SWEEP_BATCH);
        if (count == 0) {
            *is_over_out = true;
            return KY_OK;
        }
        access_count(sweep->txn, sweep->table, COUNT_RETURNED, count);
        KY_TRY(sweep->filter(sweep->arg, batch, count, passes, err));
        sweep->read += count;
        for (uint32_t i = 0; i < count; i++) {
            struct access_hit hit = {.row = batch[i]};
            struct datum distance;
            sweep->passed += passes[i];
            if (!passes[i] || nearest == NULL) {
                continue;
            }
            KY_TRY(sweep->measure(sweep->arg, &batch[i], &distance, err));
            if (!distance.is_null) {
                hit.distance = distance.real;
                nearest_add(nearest, &hit);
            }
        }
    }
    return KY_OK;
}
