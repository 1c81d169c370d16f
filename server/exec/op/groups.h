/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/store.h"

/*
 * The groups of one grouping set: a row of key values for each, and the run of aggregate states
 * that is theirs. A set whose keys another has too (its parent) finds a row's group by the parent's
 * group of the row, and compares keys only once for each of those.
 */
struct groups {
    const uint16_t *keys; /* places among the columns that are grouped by; borrowed */
    uint16_t key_count;   /* 0: one group, which is always there */
    struct groups *parent;
    struct store rows;
    struct key_table table;
    struct ky_arena *states; /* borrowed */
    size_t states_size;
    void **state_of; /* by group, heap */
    uint32_t state_room;
    uint32_t *of_place; /* by place of the batch: the row's group */
    /* The groups that the last batch brought, from first_new on: a place of each. */
    uint16_t *new_places;
    uint32_t first_new, new_count;
    uint32_t *of_parent; /* by group of the parent, heap */
    uint32_t parent_room;
    const struct column **columns; /* of the batch, by key */
    struct datum *values;
    struct ky_budget *budget;
};

/* types: of the keys. arena: for as long as the groups live. */
void groups_init(struct groups *groups, const uint16_t *keys, uint16_t key_count,
                 const struct type *const *types, struct ky_arena *arena, struct ky_budget *budget);
void groups_deinit(struct groups *groups);
void groups_clear(struct groups *groups);
/* Room for a batch of so many places. */
void groups_make_room(struct groups *groups, uint32_t extent, struct ky_arena *arena);
/* Without keys: the group is there before the first row. */
KY_MUST_CHECK ky_status groups_begin(struct groups *groups, struct ky_error *err);
/*
 * Finds or makes the groups of a batch's rows; columns: all that are grouped by. The parent has
 * seen the batch before. With needs_places of_place is set, else only of_parent, if there is a
 * parent. hashes: scratch, by place.
 */
KY_MUST_CHECK ky_status groups_find(struct groups *groups, const struct column *const *columns,
                                    const uint16_t *selection, uint32_t count, bool needs_places,
                                    uint64_t *hashes, struct ky_error *err);
/* The group of a parent's group. */
static inline uint32_t
groups_of_parent(const struct groups *groups, uint32_t group)
{
    return groups->key_count == 0 ? 0 : groups->of_parent[group];
}
/* What the arrays on the heap count for. */
uint64_t groups_array_size(const struct groups *groups);
