/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/index_lookup.h"

#include "server/exec/op/scan.h"
#include "server/sql/bind/walk.h"

/*
 * Keys of a round lie one after another in key_bytes. They are looked up together, fewer at a time
 * while keys have many rows; a key of more than ACCESS_KEY_ROWS_MAX entries is walked alone.
 *
 *   key_bytes   k0 k1 k2 k3 ..        keys[i]  k_i, bytes
 *   outers      0  1  3  4            the outer row of k_i: row 2 has a null in its key
 *   scan.tags   0  0  1  3 3 3        by inner row: its outer row
 */
struct op_index_lookup {
    struct op op;
    struct scan_state scan;
    struct eval **equal; /* NULL: slot `equal_slots` as it is */
    uint32_t *equal_slots;
    struct datum *values;
    struct ky_arena memory; /* of values; the batch's is emptied while keys are noted */
    struct ky_buffer key_bytes;
    struct ky_slice keys[LOOKUP_ROWS_MAX];
    uint32_t outers[LOOKUP_ROWS_MAX];
    uint32_t key_count, key_next;
    uint32_t together;             /* keys to look up at once */
    struct access_index_scan walk; /* of keys[key_next] */
    uint32_t walk_rows;            /* to ask for next */
    bool is_walking;
    bool has_slot_filter;
    lookup_set_slots set_slots;
    void *set_slots_arg;
};

enum { WALK_FIRST_ROWS = 64, KEY_BYTES_MAX = 256 * 1024 };

static bool
visit_slots(struct expr *expr, int level, void *self)
{
    return expr->kind == EXPR_OUTER || expr->kind == EXPR_SUBQUERY ||
           expr_walk_children(expr, level, visit_slots, self);
}

bool
index_lookup_serves(const struct plan *scan)
{
    const struct index_bounds *bounds = &scan->scan.bounds;
    if (scan->kind != PLAN_INDEX_SCAN || scan->scan.is_backward || bounds->equal_count == 0 ||
        bounds->equal_count != scan->scan.index->key_count) {
        return false;
    }
    /* Results with other slots than the filter's would have to be computed row by row. */
    for (uint16_t i = 0; scan->project != NULL && i < scan->output_count; i++) {
        if (visit_slots(scan->project[i], 0, NULL)) {
            return false;
        }
    }
    return true;
}

static ky_status
index_lookup_open(struct op *op, struct ky_error *err)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    const struct plan *plan = op->plan;
    const struct index_bounds *bounds = &plan->scan.bounds;
    struct ky_arena *arena = op->exec->context->arena;
    scan_init(&self->scan, op, 0);
    self->scan.has_tags = true;
    ky_arena_init(&self->memory);
    self->equal = ky_arena_array(arena, struct eval *, bounds->equal_count);
    self->equal_slots = ky_arena_array(arena, uint32_t, bounds->equal_count);
    self->values = ky_arena_array(arena, struct datum, bounds->equal_count);
    for (uint16_t i = 0; i < bounds->equal_count; i++) {
        if (bounds->equal[i]->kind == EXPR_OUTER) {
            self->equal_slots[i] = bounds->equal[i]->index;
            uses_set(op->uses, self->equal_slots[i]);
        } else {
            KY_TRY(eval_compile(op->exec, bounds->equal[i], &self->equal[i], err));
        }
    }
    self->has_slot_filter = plan->filter != NULL && visit_slots(plan->filter, 0, NULL);
    self->together = plan->scan.index->is_unique ? LOOKUP_ROWS_MAX : LOOKUP_ROWS_MAX / 4;
    return KY_OK;
}

void
index_lookup_use(struct op *op, lookup_set_slots set_slots, void *arg)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    self->set_slots = set_slots;
    self->set_slots_arg = arg;
}

static void
end_walk(struct op_index_lookup *self)
{
    if (self->is_walking) {
        access_index_scan_close(&self->walk);
        self->is_walking = false;
        self->key_next++;
    }
}

void
index_lookup_begin(struct op *op)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    end_walk(self);
    ky_buffer_clear(&self->key_bytes);
    self->key_count = self->key_next = 0;
    op->is_pending = false;
    op->waiting_input = NULL;
}

ky_status
index_lookup_note(struct op *op, uint32_t outer, bool *is_full_out, struct ky_error *err)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    const struct plan *plan = op->plan;
    const uint16_t count = plan->scan.bounds.equal_count;
    const struct eval_input input = {NULL, 0, &self->memory};
    bool has_null = false;
    *is_full_out = false;
    for (uint16_t i = 0; i < count && !has_null; i++) {
        if (self->equal[i] == NULL) {
            self->values[i] = op->exec->slots[self->equal_slots[i]];
        } else {
            KY_TRY(eval_datum(self->equal[i], &input, 0, &self->values[i], err));
        }
        has_null = self->values[i].is_null;
    }
    if (!has_null) {
        const size_t before = self->key_bytes.size;
        access_encode_key(plan->scan.index, self->values, count, &self->key_bytes);
        /* Where it is stays open until the buffer has stopped growing. */
        self->keys[self->key_count].size = self->key_bytes.size - before;
        self->outers[self->key_count++] = outer;
        *is_full_out = self->key_count == LOOKUP_ROWS_MAX || self->key_bytes.size >= KEY_BYTES_MAX;
    }
    if (self->memory.blocks != NULL) {
        ky_arena_reset(&self->memory);
    }
    return KY_OK;
}

uint32_t
index_lookup_outer(const struct op *op, uint32_t place)
{
    return ((const struct op_index_lookup *)(const void *)op)->scan.tags[place];
}

static void
place_keys(struct op_index_lookup *self)
{
    const uint8_t *at = self->key_bytes.data;
    for (uint32_t i = 0; i < self->key_count; i++) {
        self->keys[i].data = at;
        at += self->keys[i].size;
    }
}

/* The rows of the next keys; 0 when they have none, and before a key that has to be walked. */
static ky_status
find_together(struct op_index_lookup *self, uint32_t *count_out, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    const struct cat_index *index = self->op.plan->scan.index;
    const uint32_t count = KY_MIN(self->together, self->key_count - self->key_next);
    const uint32_t room = index->is_unique ? count : count * ACCESS_KEY_ROWS_MAX;
    struct access_index_scan entries = {.txn = context->txn, .index = index, .is_list = true};
    uint32_t done = 0;
    KY_TRY(access_index_scan_open(&entries, context->access, err));
    scan_make_room(&self->scan, &self->op,
                   room <= 64 ? 64 : KY_MIN(batch_room(room), (uint32_t)BATCH_SIZE_MAX));
    *count_out = access_index_scan_keys(&entries, self->keys + self->key_next, count,
                                        self->scan.rows, self->scan.room, self->scan.tags, &done);
    access_index_scan_close(&entries);
    for (uint32_t i = 0; i < *count_out; i++) {
        self->scan.tags[i] = self->outers[self->key_next + self->scan.tags[i]];
    }
    self->key_next += done;
    self->together =
        done == count ? KY_MIN(self->together * 2, (uint32_t)LOOKUP_ROWS_MAX) : KY_MAX(done, 1U);
    if (done > 0 || count == 0) {
        return KY_OK;
    }
    const struct ky_slice key = self->keys[self->key_next];
    self->walk = (struct access_index_scan){.txn = context->txn, .index = index};
    self->walk.entries.lower = self->walk.entries.upper = key;
    self->walk.entries.has_lower = self->walk.entries.has_upper = true;
    KY_TRY(access_index_scan_open(&self->walk, context->access, err));
    self->is_walking = true;
    self->walk_rows = WALK_FIRST_ROWS;
    return KY_OK;
}

static uint32_t
walk_key(struct op_index_lookup *self)
{
    scan_make_room(&self->scan, &self->op, self->walk_rows);
    const uint32_t count = access_index_scan_next(&self->walk, self->scan.rows, self->walk_rows);
    self->walk_rows = BATCH_SIZE_MAX;
    for (uint32_t i = 0; i < count; i++) {
        self->scan.tags[i] = self->outers[self->key_next];
    }
    if (count == 0) {
        end_walk(self);
    }
    return count;
}

/* The scan's filter with each outer row's slots, over all of its inner rows. */
static ky_status
filter_runs(struct scan_state *scan, struct op *op, uint32_t count, uint16_t *places,
            uint32_t *count_out, struct ky_error *err)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    const struct eval_input input = op_input(op, &scan->batch);
    uint16_t run[BATCH_SIZE_MAX];
    uint32_t kept = 0;
    for (uint32_t row = 0; row < count;) {
        const uint32_t outer = scan->tags[row];
        uint32_t size = 0;
        uint32_t passed = 0;
        for (; row < count && scan->tags[row] == outer; row++) {
            run[size++] = (uint16_t)row;
        }
        self->set_slots(self->set_slots_arg, outer);
        KY_TRY(eval_filter(op->filter, &input, run, size, places + kept, &passed, err));
        kept += passed;
    }
    *count_out = kept;
    return KY_OK;
}

static enum exec_answer
index_lookup_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    uint32_t count = 0;
    if (self->key_next == 0) {
        place_keys(self);
    }
    while (count == 0) {
        if (self->is_walking) {
            count = walk_key(self);
        } else if (self->key_next == self->key_count) {
            return EXEC_END;
        } else if (find_together(self, &count, err) != KY_OK) {
            return EXEC_ERROR;
        }
    }
    self->scan.filter = self->has_slot_filter ? filter_runs : NULL;
    return scan_emit(&self->scan, op, count, batch_out, err) == KY_OK ? EXEC_BATCH : EXEC_ERROR;
}

static ky_status
index_lookup_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    index_lookup_begin(op);
    return KY_OK;
}

static void
index_lookup_close(struct op *op)
{
    struct op_index_lookup *self = (struct op_index_lookup *)(void *)op;
    end_walk(self);
    ky_buffer_deinit(&self->key_bytes);
    ky_arena_deinit(&self->memory);
}

const struct op_class op_index_lookup = {
    .size = sizeof(struct op_index_lookup),
    .open = index_lookup_open,
    .next = index_lookup_next,
    .rescan = index_lookup_rescan,
    .close = index_lookup_close,
    .is_filtering = true,
};
