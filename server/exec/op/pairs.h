/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

/*
 * Candidate pairs of a join, gathered side by side so that the join condition is evaluated over
 * whole batches. Order is that of the left rows; a left row without a partner gets an extra
 * pair after its candidates, which counts only when none of them passed.
 */
struct pairs {
    struct op *op;
    struct eval *condition; /* NULL: all pass */
    uint32_t left_width, right_width;
    struct batch batch; /* left columns, then right ones */
    uint32_t capacity;
    uint16_t *left_place; /* by pair */
    uint32_t *right_row;  /* by pair: for joins that mark right rows */
    uint8_t *is_extra;    /* by pair */
    uint16_t *selection;
    uint8_t *left_matched; /* by place of the left batch */
    bool has_extra;
    struct batch survivors; /* SEMI, ANTI */
};

void pairs_init(struct pairs *pairs, struct op *op, struct eval *condition);
/* A new left batch: nothing matched yet. */
void pairs_begin_left(struct pairs *pairs);
/* Room for wanted pairs (at most a batch); only while empty. */
void pairs_make_room(struct pairs *pairs, uint32_t wanted);
static inline bool
pairs_is_full(const struct pairs *pairs)
{
    return pairs->batch.count == pairs->capacity;
}
/* The next pair's place, with the left side filled in. */
uint32_t pairs_add_left(struct pairs *pairs, const struct batch *left, uint32_t place);
/* A pair with nulls on the right (is_extra). */
void pairs_add_extra(struct pairs *pairs, const struct batch *left, uint32_t place);
/* The same in two steps, for joins that need not copy one by one: pairs are noted by place, then
 * filled column by column. right may be NULL when all of them are extra. */
static inline void
pairs_note(struct pairs *pairs, uint32_t left_place, uint32_t right_place)
{
    const uint32_t pair = pairs->batch.count++;
    pairs->left_place[pair] = (uint16_t)left_place;
    pairs->right_row[pair] = right_place;
    pairs->is_extra[pair] = 0;
}
static inline void
pairs_note_extra(struct pairs *pairs, uint32_t left_place)
{
    const uint32_t pair = pairs->batch.count++;
    pairs->left_place[pair] = (uint16_t)left_place;
    pairs->right_row[pair] = 0;
    pairs->is_extra[pair] = 1;
    pairs->has_extra = true;
}
void pairs_gather(struct pairs *pairs, const struct batch *left, const struct batch *right);
/* Evaluates the condition, marks left rows, and leaves the pairs that pass in batch. */
KY_MUST_CHECK ky_status pairs_judge(struct pairs *pairs, struct ky_error *err);
void pairs_clear(struct pairs *pairs);
/* The left rows that did (not) match, as a batch of the join's input with null right columns. */
struct batch *pairs_survivors(struct pairs *pairs, const struct batch *left, bool is_matched);
