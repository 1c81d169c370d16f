/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/exec/op/scan.h"
#include "server/types/array.h"

/*
 * Rows through an index. Bounds are built from the equal columns and a range on the next one:
 *
 *   a = 1            lower = upper = key(1)
 *   a = 1 and b > 2  lower = key(1, 2) exclusive, upper = key(1) 01: all values but no null
 *
 * In a descending column the value's bytes are inverted, so lower and upper change places. A
 * null bound finds nothing. = ANY (array) is one scan for each distinct element, in key order;
 * where the elements make whole keys they are looked up many at a time, but for keys of many rows.
 */
struct op_index_scan {
    struct op op;
    struct scan_state scan;
    struct access_index_scan entries;
    struct eval **equal;
    struct eval *any_array, *lower, *upper;
    struct ky_buffer lower_key, upper_key;
    struct datum *values;   /* equal ones, then the any element or a bound */
    struct datum *elements; /* of the array: sorted, distinct */
    uint32_t element_count, element_next;
    uint32_t wanted;
    bool is_started, is_scanning, is_empty;
    bool is_listing;       /* many whole keys at a time */
    uint32_t list_size;    /* how many: fewer when keys have many rows */
    struct ky_slice *keys; /* of elements, encoded */
};

enum { INDEX_SCAN_FIRST_ROWS = 64, KEY_VALUE_MARK = 0x01 };

/* = ANY on the last column of an index: whole keys. */
static bool
is_list_of_keys(const struct op_index_scan *self)
{
    const struct plan *plan = self->op.plan;
    return self->any_array != NULL &&
           plan->scan.bounds.equal_count + 1 == plan->scan.index->key_count;
}

static ky_status
index_scan_open(struct op *op, struct ky_error *err)
{
    struct op_index_scan *self = (struct op_index_scan *)(void *)op;
    const struct index_bounds *bounds = &op->plan->scan.bounds;
    scan_init(&self->scan, op, 0);
    KY_TRY(exec_compile_list(op->exec, bounds->equal, bounds->equal_count, &self->equal, err));
    if (bounds->any_array != NULL) {
        KY_TRY(eval_compile(op->exec, bounds->any_array, &self->any_array, err));
    }
    if (bounds->lower != NULL) {
        KY_TRY(eval_compile(op->exec, bounds->lower, &self->lower, err));
    }
    if (bounds->upper != NULL) {
        KY_TRY(eval_compile(op->exec, bounds->upper, &self->upper, err));
    }
    self->values =
        ky_arena_array(op->exec->context->arena, struct datum, (size_t)bounds->equal_count + 2);
    self->is_listing = is_list_of_keys(self);
    self->list_size = op->plan->scan.index->is_unique ? (uint32_t)BATCH_SIZE_MAX
                                                      : (uint32_t)INDEX_SCAN_FIRST_ROWS;
    return KY_OK;
}

struct element_order {
    const struct type *type;
    bool is_down;
};

static int
compare_elements(const void *left, const void *right, void *arg)
{
    const struct element_order *order = arg;
    const struct datum *a = left;
    const struct datum *b = right;
    const int sign = order->type->compare(order->type, *a, *b);
    return order->is_down ? -sign : sign;
}

/* In order, and each once. Input is often sorted already. */
static void
sort_elements(struct op_index_scan *self, const struct cat_key *key, bool is_down)
{
    struct element_order order = {key->type, is_down};
    bool is_sorted = true;
    for (uint32_t i = 1; i < self->element_count && is_sorted; i++) {
        is_sorted = compare_elements(&self->elements[i - 1], &self->elements[i], &order) < 0;
    }
    if (is_sorted) {
        return;
    }
    qsort_r(self->elements, self->element_count, sizeof(struct datum), compare_elements, &order);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < self->element_count; i++) {
        if (compare_elements(&self->elements[kept - 1], &self->elements[i], &order) != 0) {
            self->elements[kept++] = self->elements[i];
        }
    }
    self->element_count = kept;
}

/* Could a key of this type be equal to the value of an integer type? */
static bool
is_in_range(const struct type *type, int64_t value)
{
    return type->oid == OID_INT4   ? value >= INT32_MIN && value <= INT32_MAX
           : type->oid == OID_INT2 ? value >= INT16_MIN && value <= INT16_MAX
                                   : true;
}

/* The distinct non-null elements of = ANY (array), in the order of the index. */
static ky_status
load_elements(struct op_index_scan *self, const struct eval_input *input, struct ky_error *err)
{
    struct datum array = datum_null();
    KY_TRY(eval_datum(self->any_array, input, 0, &array, err));
    self->element_count = 0;
    self->element_next = 0;
    if (array.is_null) {
        return KY_OK;
    }
    struct ky_arena *arena = self->op.exec->context->arena;
    const struct plan *plan = self->op.plan;
    const struct cat_key *key = &plan->scan.index->keys[plan->scan.bounds.equal_count];
    const bool is_down = key->is_descending != plan->scan.is_backward;
    struct array_view view;
    array.bytes = ky_slice_dup(arena, array.bytes);
    array_open(array.bytes, &view);
    self->elements = ky_arena_array(arena, struct datum, (size_t)view.count + 1);
    const uint8_t *cursor = view.first;
    const bool is_other = view.element != key->type;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        if (value.is_null || (is_other && !is_in_range(key->type, value.word))) {
            continue;
        }
        self->elements[self->element_count++] = value;
    }
    sort_elements(self, key, is_down);
    return KY_OK;
}

/* Evaluates the equal columns; is_empty when one is null. */
static ky_status
load_bounds(struct op_index_scan *self, struct ky_error *err)
{
    const struct index_bounds *bounds = &self->op.plan->scan.bounds;
    const struct eval_input input = {NULL, 0, &self->op.memory};
    self->is_empty = false;
    for (uint16_t i = 0; i < bounds->equal_count; i++) {
        KY_TRY(eval_datum(self->equal[i], &input, 0, &self->values[i], err));
        self->is_empty = self->is_empty || self->values[i].is_null;
    }
    if (self->any_array != NULL) {
        KY_TRY(load_elements(self, &input, err));
    }
    return KY_OK;
}

/* One end of the range on the column after the equal ones, at values[equal_count]. */
static ky_status
encode_end(struct op_index_scan *self, struct eval *eval, bool is_exclusive, struct ky_buffer *key,
           bool *is_exclusive_out, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const uint16_t equal_count = plan->scan.bounds.equal_count;
    ky_buffer_clear(key);
    if (eval == NULL) {
        access_encode_key(plan->scan.index, self->values, equal_count, key);
        ky_buffer_append_byte(key, KEY_VALUE_MARK);
        *is_exclusive_out = false;
        return KY_OK;
    }
    const struct eval_input input = {NULL, 0, &self->op.memory};
    KY_TRY(eval_datum(eval, &input, 0, &self->values[equal_count], err));
    if (self->values[equal_count].is_null) {
        self->is_empty = true;
        return KY_OK;
    }
    access_encode_key(plan->scan.index, self->values, (uint32_t)equal_count + 1, key);
    *is_exclusive_out = is_exclusive;
    return KY_OK;
}

static ky_status
set_bounds(struct op_index_scan *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct index_bounds *bounds = &plan->scan.bounds;
    struct index_scan *entries = &self->entries.entries;
    uint32_t equal_count = bounds->equal_count;
    entries->has_lower = entries->has_upper = false;
    entries->is_lower_exclusive = entries->is_upper_exclusive = false;
    entries->is_started = entries->is_done = false;
    entries->is_backward = plan->scan.is_backward;
    self->entries.is_point = self->entries.is_point_done = false;
    if (self->any_array != NULL) {
        self->values[equal_count++] = self->elements[self->element_next++];
    } else if (self->lower != NULL || self->upper != NULL || bounds->is_not_null) {
        const bool is_down = plan->scan.index->keys[equal_count].is_descending;
        KY_TRY(encode_end(self, is_down ? self->upper : self->lower,
                          is_down ? bounds->is_upper_exclusive : bounds->is_lower_exclusive,
                          &self->lower_key, &entries->is_lower_exclusive, err));
        KY_TRY(encode_end(self, is_down ? self->lower : self->upper,
                          is_down ? bounds->is_lower_exclusive : bounds->is_upper_exclusive,
                          &self->upper_key, &entries->is_upper_exclusive, err));
        entries->lower = ky_buffer_slice(&self->lower_key);
        entries->upper = ky_buffer_slice(&self->upper_key);
        entries->has_lower = entries->has_upper = true;
        return KY_OK;
    }
    if (equal_count > 0) {
        ky_buffer_clear(&self->lower_key);
        access_encode_key(plan->scan.index, self->values, equal_count, &self->lower_key);
        entries->lower = entries->upper = ky_buffer_slice(&self->lower_key);
        entries->has_lower = entries->has_upper = true;
        self->entries.is_point = equal_count == plan->scan.index->key_count;
    }
    return KY_OK;
}

/* Starts the next scan of the index; false when there is none. */
static ky_status
start_scan(struct op_index_scan *self, bool *has_scan_out, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    *has_scan_out = false;
    if (!self->is_started) {
        self->is_started = true;
        KY_TRY(load_bounds(self, err));
    } else if (self->any_array == NULL) {
        return KY_OK;
    }
    if (self->is_empty || (self->any_array != NULL && self->element_next == self->element_count)) {
        return KY_OK;
    }
    self->entries = (struct access_index_scan){.txn = context->txn};
    KY_TRY(set_bounds(self, err));
    if (self->is_empty) {
        return KY_OK;
    }
    self->entries.index = self->op.plan->scan.index;
    KY_TRY(access_index_scan_open(&self->entries, context->access, err));
    const bool is_one = self->entries.is_point && self->entries.index->is_unique &&
                        !self->entries.index->is_deferrable;
    self->wanted = is_one ? 1 : INDEX_SCAN_FIRST_ROWS;
    self->is_scanning = true;
    *has_scan_out = true;
    return KY_OK;
}

/* The next keys of the list, encoded one after another. */
static uint32_t
encode_keys(struct op_index_scan *self, uint32_t max)
{
    const struct plan *plan = self->op.plan;
    const uint16_t equal_count = plan->scan.bounds.equal_count;
    const uint32_t count = KY_MIN(max, self->element_count - self->element_next);
    ky_buffer_clear(&self->lower_key);
    for (uint32_t i = 0; i < count; i++) {
        const size_t before = self->lower_key.size;
        self->values[equal_count] = self->elements[self->element_next++];
        access_encode_key(plan->scan.index, self->values, (uint32_t)equal_count + 1,
                          &self->lower_key);
        self->keys[i].size = self->lower_key.size - before;
    }
    const uint8_t *at = self->lower_key.data;
    for (uint32_t i = 0; i < count; i++) {
        self->keys[i].data = at;
        at += self->keys[i].size;
    }
    return count;
}

/* Room for the rows of count keys, if most have one or few. */
static uint32_t
list_room(const struct op_index_scan *self, uint32_t count)
{
    const bool is_unique = self->op.plan->scan.index->is_unique;
    const uint32_t rows = is_unique ? count : count * ACCESS_KEY_ROWS_MAX;
    return KY_MIN(KY_MAX(rows, (uint32_t)ACCESS_KEY_ROWS_MAX), (uint32_t)BATCH_SIZE_MAX);
}

/* Rows of the next keys that have any; 0 at the end, and before a key that has to be walked. */
static ky_status
next_of_list(struct op_index_scan *self, uint32_t *count_out, struct ky_error *err)
{
    struct exec_context *context = self->op.exec->context;
    *count_out = 0;
    if (!self->is_started) {
        self->is_started = true;
        KY_TRY(load_bounds(self, err));
        if (self->keys == NULL) {
            self->keys = ky_arena_array(context->arena, struct ky_slice, (size_t)BATCH_SIZE_MAX);
        }
    }
    if (self->is_empty) {
        return KY_OK;
    }
    struct access_index_scan entries = {
        .txn = context->txn, .index = self->op.plan->scan.index, .is_list = true};
    KY_TRY(access_index_scan_open(&entries, context->access, err));
    bool is_whole = true;
    while (*count_out == 0 && is_whole && self->element_next < self->element_count) {
        const uint32_t first = self->element_next;
        const uint32_t count = encode_keys(self, self->list_size);
        uint32_t done = 0;
        scan_make_room(&self->scan, &self->op, list_room(self, count));
        *count_out = access_index_scan_keys(&entries, self->keys, count, self->scan.rows,
                                            self->scan.room, NULL, &done);
        self->element_next = first + done;
        is_whole = done == count;
        self->list_size =
            is_whole ? KY_MIN(self->list_size * 2, (uint32_t)BATCH_SIZE_MAX) : KY_MAX(done, 1U);
    }
    access_index_scan_close(&entries);
    return KY_OK;
}

static void
end_scan(struct op_index_scan *self)
{
    if (self->is_scanning) {
        access_index_scan_close(&self->entries);
        self->is_scanning = false;
    }
}

static enum exec_answer
index_scan_next_batch(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_index_scan *self = (struct op_index_scan *)(void *)op;
    for (;;) {
        if (self->is_listing && !self->is_scanning) {
            uint32_t count = 0;
            if (next_of_list(self, &count, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (count > 0) {
                return scan_emit(&self->scan, op, count, batch_out, err) == KY_OK ? EXEC_BATCH
                                                                                  : EXEC_ERROR;
            }
        }
        if (!self->is_scanning) {
            bool has_scan = false;
            if (start_scan(self, &has_scan, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (!has_scan) {
                return EXEC_END;
            }
        }
        scan_make_room(&self->scan, op, self->wanted);
        const uint32_t count =
            access_index_scan_next(&self->entries, self->scan.rows, self->wanted);
        if (count == 0) {
            end_scan(self);
            continue;
        }
        self->wanted = self->wanted == 1 ? 1 : (uint32_t)BATCH_SIZE_MAX;
        return scan_emit(&self->scan, op, count, batch_out, err) == KY_OK ? EXEC_BATCH : EXEC_ERROR;
    }
}

/* -1, 0, 1; a key that begins with the bound is equal to it, as in the index. */
static int
compare_prefix(struct ky_slice key, struct ky_slice bound)
{
    const size_t shared = KY_MIN(key.size, bound.size);
    const int order = shared == 0 ? 0 : memcmp(key.data, bound.data, shared);
    return order != 0 ? order : key.size >= bound.size ? 0 : -1;
}

static bool
is_within(const struct index_scan *scan, struct ky_slice key)
{
    const int low = scan->has_lower ? compare_prefix(key, scan->lower) : 1;
    const int high = scan->has_upper ? compare_prefix(key, scan->upper) : -1;
    return (low > 0 || (low == 0 && !scan->is_lower_exclusive)) &&
           (high < 0 || (high == 0 && !scan->is_upper_exclusive));
}

/* One of the elements of = ANY. */
static bool
is_element(struct op_index_scan *self, struct ky_slice key)
{
    const uint32_t equal_count = self->op.plan->scan.bounds.equal_count;
    struct ky_buffer bound = {0};
    bool is_found = false;
    for (uint32_t i = 0; i < self->element_count && !is_found; i++) {
        self->values[equal_count] = self->elements[i];
        ky_buffer_clear(&bound);
        access_encode_key(self->op.plan->scan.index, self->values, equal_count + 1, &bound);
        is_found = compare_prefix(key, ky_buffer_slice(&bound)) == 0;
    }
    ky_buffer_deinit(&bound);
    return is_found;
}

ky_status
index_scan_holds(struct op *op, struct ky_slice body, bool *holds_out, struct ky_error *err)
{
    struct op_index_scan *self = (struct op_index_scan *)(void *)op;
    struct ky_buffer key = {0};
    (void)err;
    *holds_out = access_row_key(op->exec->context->access, op->plan->scan.index, body, &key);
    const struct ky_slice bytes = ky_buffer_slice(&key);
    if (*holds_out) {
        *holds_out = self->any_array != NULL ? is_element(self, bytes)
                                             : is_within(&self->entries.entries, bytes);
    }
    ky_buffer_deinit(&key);
    return KY_OK;
}

static ky_status
index_scan_rescan(struct op *op, struct ky_error *err)
{
    (void)err;
    struct op_index_scan *self = (struct op_index_scan *)(void *)op;
    end_scan(self);
    self->is_started = false;
    return KY_OK;
}

static void
index_scan_close(struct op *op)
{
    struct op_index_scan *self = (struct op_index_scan *)(void *)op;
    end_scan(self);
    ky_buffer_deinit(&self->lower_key);
    ky_buffer_deinit(&self->upper_key);
}

static void
index_scan_renew(struct op *op)
{
    ((struct op_index_scan *)(void *)op)->is_started = false;
}

static row_id_t
index_scan_row_id(const struct op *op, uint16_t index, uint32_t place)
{
    (void)index;
    return ((const struct op_index_scan *)(const void *)op)->scan.rows[place].row_id;
}

const struct op_class op_index_scan = {
    .size = sizeof(struct op_index_scan),
    .open = index_scan_open,
    .next = index_scan_next_batch,
    .rescan = index_scan_rescan,
    .close = index_scan_close,
    .renew = index_scan_renew,
    .is_filtering = true,
    .row_id = index_scan_row_id,
};
