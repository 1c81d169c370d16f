/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/pairs.h"

void
pairs_init(struct pairs *pairs, struct op *op, struct eval *condition)
{
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    *pairs = (struct pairs){.op = op,
                            .condition = condition,
                            .left_width = plan->left->output_count,
                            .right_width = plan->right->output_count};
    const uint32_t width = pairs->left_width + pairs->right_width;
    pairs->batch.columns = ky_arena_array(arena, struct column, (size_t)width + 1);
    pairs->batch.column_count = width;
    pairs->survivors.columns = ky_arena_array(arena, struct column, (size_t)width + 1);
    pairs->survivors.column_count = width;
    pairs->left_matched = ky_arena_array(arena, uint8_t, BATCH_SIZE_MAX);
}

void
pairs_begin_left(struct pairs *pairs)
{
    memset(pairs->left_matched, 0, BATCH_SIZE_MAX);
}

void
pairs_make_room(struct pairs *pairs, uint32_t wanted)
{
    if (pairs->capacity >= wanted) {
        return;
    }
    const struct plan *plan = pairs->op->plan;
    struct ky_arena *arena = pairs->op->exec->context->arena;
    KY_ASSERT(pairs->batch.count == 0);
    pairs->capacity = batch_room(wanted);
    for (uint32_t i = 0; i < pairs->batch.column_count; i++) {
        const struct type *type = i < pairs->left_width
                                      ? plan->left->output[i]
                                      : plan->right->output[i - pairs->left_width];
        column_init(&pairs->batch.columns[i], type, pairs->capacity, arena);
        pairs->batch.columns[i].has_nulls = false;
    }
    pairs->left_place = ky_arena_alloc(arena, pairs->capacity * sizeof(uint16_t));
    pairs->selection = ky_arena_alloc(arena, pairs->capacity * sizeof(uint16_t));
    pairs->right_row = ky_arena_alloc(arena, pairs->capacity * sizeof(uint32_t));
    pairs->is_extra = ky_arena_alloc(arena, pairs->capacity);
}

void
pairs_clear(struct pairs *pairs)
{
    pairs->batch.count = 0;
    pairs->batch.selection = NULL;
    pairs->has_extra = false;
    for (uint32_t i = 0; i < pairs->batch.column_count; i++) {
        struct column *column = &pairs->batch.columns[i];
        if (column->has_nulls) {
            memset(column->is_null, 0, pairs->capacity);
            column->has_nulls = false;
        }
    }
}

uint32_t
pairs_add_left(struct pairs *pairs, const struct batch *left, uint32_t place)
{
    const uint32_t pair = pairs->batch.count++;
    for (uint32_t i = 0; i < pairs->left_width; i++) {
        column_set(&pairs->batch.columns[i], pair, column_get(&left->columns[i], place));
    }
    pairs->left_place[pair] = (uint16_t)place;
    pairs->is_extra[pair] = 0;
    return pair;
}

void
pairs_add_extra(struct pairs *pairs, const struct batch *left, uint32_t place)
{
    const uint32_t pair = pairs_add_left(pairs, left, place);
    pairs->is_extra[pair] = 1;
    pairs->has_extra = true;
    for (uint32_t i = pairs->left_width; i < pairs->batch.column_count; i++) {
        column_set(&pairs->batch.columns[i], pair, datum_null());
    }
}

/* One column of all pairs, from the left or the right side. */
static void
gather_column(const struct pairs *pairs, const struct column *from, bool is_right,
              struct column *out)
{
    const bool has_nulls = from == NULL || from->has_nulls || (is_right && pairs->has_extra);
    const bool is_bytes = out->type->storage == TYPE_BYTES;
    for (uint32_t pair = 0; pair < pairs->batch.count; pair++) {
        const uint32_t place = is_right ? pairs->right_row[pair] : pairs->left_place[pair];
        if (has_nulls) {
            column_set(out, pair,
                       is_right && pairs->is_extra[pair] ? datum_null() : column_get(from, place));
        } else if (is_bytes) {
            out->bytes[pair] = from->bytes[place];
        } else {
            out->word[pair] = from->word[place];
        }
    }
}

void
pairs_gather(struct pairs *pairs, const struct batch *left, const struct batch *right)
{
    for (uint32_t i = 0; i < pairs->left_width; i++) {
        gather_column(pairs, &left->columns[i], false, &pairs->batch.columns[i]);
    }
    for (uint32_t i = 0; i < pairs->right_width; i++) {
        gather_column(pairs, right == NULL ? NULL : &right->columns[i], true,
                      &pairs->batch.columns[pairs->left_width + i]);
    }
}

/* Drops the extra pairs of left rows that matched. Pairs are in the left rows' order. */
static uint32_t
settle_extras(struct pairs *pairs, const uint16_t *passed, uint32_t passed_count)
{
    uint16_t kept[BATCH_SIZE_MAX];
    uint32_t kept_count = 0;
    uint32_t next = 0;
    for (uint32_t pair = 0; pair < pairs->batch.count; pair++) {
        const bool is_passed = next < passed_count && passed[next] == pair;
        next += is_passed;
        if (is_passed || (pairs->is_extra[pair] && !pairs->left_matched[pairs->left_place[pair]])) {
            kept[kept_count++] = (uint16_t)pair;
        }
    }
    memcpy(pairs->selection, kept, kept_count * sizeof(uint16_t));
    return kept_count;
}

ky_status
pairs_judge(struct pairs *pairs, struct ky_error *err)
{
    struct batch *batch = &pairs->batch;
    if (batch->count == 0) {
        return KY_OK;
    }
    uint32_t count = 0;
    uint16_t *passed = pairs->selection;
    for (uint32_t pair = 0; pair < batch->count; pair++) {
        passed[count] = (uint16_t)pair;
        count += !pairs->is_extra[pair];
    }
    if (pairs->condition != NULL && count > 0) {
        const struct eval_input input = op_input(pairs->op, batch);
        KY_TRY(eval_filter(pairs->condition, &input, passed, count, passed, &count, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        pairs->left_matched[pairs->left_place[passed[i]]] = 1;
    }
    if (pairs->has_extra) {
        count = settle_extras(pairs, passed, count);
    }
    batch->selection = count < batch->count ? pairs->selection : NULL;
    batch->count = count;
    return KY_OK;
}

struct batch *
pairs_survivors(struct pairs *pairs, const struct batch *left, bool is_matched)
{
    struct batch *batch = &pairs->survivors;
    uint16_t *places = op_selection(pairs->op, BATCH_SIZE_MAX);
    uint32_t count = 0;
    for (uint32_t row = 0; row < left->count; row++) {
        const uint32_t place = batch_place(left, row);
        places[count] = (uint16_t)place;
        count += (pairs->left_matched[place] != 0) == is_matched;
    }
    for (uint32_t i = 0; i < pairs->left_width; i++) {
        batch->columns[i] = left->columns[i];
    }
    batch->column_count = pairs->left_width;
    batch->count = count;
    /* A filter narrows this selection in place. */
    batch->selection = places;
    return batch;
}
