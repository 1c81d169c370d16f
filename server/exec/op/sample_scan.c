/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/access/relation_stats.h"
#include "server/base/random.h"
#include "server/exec/op/scan.h"

/*
 * TABLESAMPLE: all rows of a table are met, those whose number falls into the sample are given out.
 * Whether one does depends on its id (bernoulli) or its block's (system) and the seed alone, so
 * that REPEATABLE finds the same rows again as long as they are there.
 */
struct op_sample_scan {
    struct op op;
    struct scan_state scan;
    struct storage_scan storage;
    struct eval *percent, *repeatable;
    uint64_t seed;
    uint64_t cutoff; /* numbers below it are in; UINT64_MAX: all */
    bool is_started;
};

enum { SAMPLE_BLOCK_BITS = 7 };

static ky_status
sample_scan_open(struct op *op, struct ky_error *err)
{
    struct op_sample_scan *self = (struct op_sample_scan *)(void *)op;
    const struct table_sample *sample = op->plan->scan.sample;
    scan_init(&self->scan, op, 0);
    ky_random_bytes(&self->seed, sizeof(self->seed));
    KY_TRY(eval_compile(op->exec, sample->percent, &self->percent, err));
    return sample->repeatable == NULL
               ? KY_OK
               : eval_compile(op->exec, sample->repeatable, &self->repeatable, err);
}

static uint64_t
mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static ky_status
begin(struct op_sample_scan *self, struct ky_error *err)
{
    const struct eval_input input = {NULL, 0, &self->op.memory};
    struct datum percent = datum_null();
    struct datum repeatable = datum_null();
    KY_TRY(eval_datum(self->percent, &input, 0, &percent, err));
    if (percent.is_null) {
        return ky_error_set(err, KY_INVALID_TABLESAMPLE_ARGUMENT,
                            "TABLESAMPLE parameter cannot be null");
    }
    if (self->repeatable != NULL) {
        KY_TRY(eval_datum(self->repeatable, &input, 0, &repeatable, err));
        if (repeatable.is_null) {
            return ky_error_set(err, KY_INVALID_TABLESAMPLE_REPEAT,
                                "TABLESAMPLE REPEATABLE parameter cannot be null");
        }
        /* 0 and -0 are one seed. */
        self->seed = mix((uint64_t)datum_real(repeatable.real + 0.0).word);
    }
    if (isnan(percent.real) || percent.real < 0 || percent.real > 100) {
        return ky_error_set(err, KY_INVALID_TABLESAMPLE_ARGUMENT,
                            "sample percentage must be between 0 and 100");
    }
    self->cutoff = percent.real == 100 ? UINT64_MAX : (uint64_t)(percent.real / 100 * 0x1p64);
    return KY_OK;
}

static bool
is_in_sample(const struct op_sample_scan *self, row_id_t row_id)
{
    const uint64_t number =
        self->op.plan->scan.sample->is_by_block ? row_id >> SAMPLE_BLOCK_BITS : row_id;
    return self->cutoff == UINT64_MAX ||
           mix(number * UINT64_C(0x9e3779b97f4a7c15) + self->seed) < self->cutoff;
}

static enum exec_answer
sample_scan_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_sample_scan *self = (struct op_sample_scan *)(void *)op;
    struct txn *txn = access_storage_txn(op->exec->context->txn);
    if (!self->is_started) {
        if (begin(self, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_started = true;
        access_count(op->exec->context->txn, self->scan.table->oid, COUNT_SCANS, 1);
        storage_scan_init(&self->storage, txn, self->scan.table->rel);
    }
    scan_make_room(&self->scan, op, BATCH_SIZE_MAX);
    for (;;) {
        const uint32_t count = storage_scan_next(&self->storage, self->scan.rows, BATCH_SIZE_MAX);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (is_in_sample(self, self->scan.rows[i].row_id)) {
                self->scan.rows[kept++] = self->scan.rows[i];
            }
        }
        if (count == 0) {
            return EXEC_END;
        }
        access_count(op->exec->context->txn, self->scan.table->oid, COUNT_RETURNED, count);
        if (kept > 0) {
            return scan_emit(&self->scan, op, kept, batch_out, err) == KY_OK ? EXEC_BATCH
                                                                             : EXEC_ERROR;
        }
        if (exec_should_yield(op->exec)) {
            return EXEC_PENDING;
        }
    }
}

static ky_status
sample_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    ((struct op_sample_scan *)(void *)op)->is_started = false;
    return KY_OK;
}

static row_id_t
sample_scan_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    (void)index;
    return ((const struct op_sample_scan *)(const void *)op)->scan.rows[place].row_id;
}

const struct op_class op_sample_scan = {
    .size = sizeof(struct op_sample_scan),
    .open = sample_scan_open,
    .next = sample_scan_next,
    .rescan = sample_scan_rescan,
    .is_filtering = true,
    .row_id = sample_scan_row_id,
};
