/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/groups.h"

#include "server/exec/exec_private.h"

void
groups_init(struct groups *groups, const uint16_t *keys, uint16_t key_count,
            const struct type *const *types, struct ky_arena *arena, struct ky_budget *budget)
{
    groups->keys = keys;
    groups->key_count = key_count;
    groups->budget = budget;
    groups->columns = ky_arena_array(arena, const struct column *, (size_t)key_count + 1);
    groups->values = ky_arena_array(arena, struct datum, (size_t)key_count + 1);
    store_init(&groups->rows, types, key_count, budget);
    key_table_init(&groups->table, budget);
}

void
groups_deinit(struct groups *groups)
{
    store_deinit(&groups->rows);
    key_table_deinit(&groups->table);
    ky_budget_free(groups->budget, groups->state_of);
    ky_budget_free(groups->budget, groups->of_parent);
    groups->state_of = NULL;
    groups->of_parent = NULL;
}

void
groups_clear(struct groups *groups)
{
    store_clear(&groups->rows);
    key_table_clear(&groups->table);
    groups->first_new = 0;
    groups->new_count = 0;
}

void
groups_make_room(struct groups *groups, uint32_t extent, struct ky_arena *arena)
{
    groups->of_place = ky_arena_array(arena, uint32_t, extent);
    groups->new_places = ky_arena_array(arena, uint16_t, extent);
}

/* The states of the group that comes next. */
static void
add_states(struct groups *groups)
{
    const uint32_t group = (uint32_t)groups->rows.count - 1;
    if (group >= groups->state_room) {
        const uint32_t room = groups->state_room == 0 ? 16 : groups->state_room * 2;
        groups->state_of =
            ky_budget_resize(groups->budget, groups->state_of, groups->state_room * sizeof(void *),
                             room * sizeof(void *));
        groups->state_room = room;
    }
    groups->state_of[group] =
        ky_arena_calloc(groups->states, 1, KY_MAX(groups->states_size, (size_t)1));
}

ky_status
groups_begin(struct groups *groups, struct ky_error *err)
{
    if (groups->key_count == 0 && groups->rows.count == 0) {
        KY_TRY(store_append_row(&groups->rows, groups->values, err));
        add_states(groups);
    }
    return KY_OK;
}

static ky_status
find_group(struct groups *groups, uint32_t place, uint64_t hash, uint32_t *group_out,
           struct ky_error *err)
{
    for (uint32_t row = key_table_first(&groups->table, hash); row != 0;
         row = key_table_next(&groups->table, row)) {
        bool is_same = true;
        for (uint16_t k = 0; is_same && k < groups->key_count; k++) {
            const struct column *key = groups->columns[k];
            is_same =
                datum_same(key->type, column_get(key, place), store_get(&groups->rows, row - 1, k));
        }
        if (is_same) {
            *group_out = row - 1;
            return KY_OK;
        }
    }
    for (uint16_t k = 0; k < groups->key_count; k++) {
        groups->values[k] = column_get(groups->columns[k], place);
    }
    KY_TRY(store_append_row(&groups->rows, groups->values, err));
    KY_TRY(key_table_add(&groups->table, hash, err));
    add_states(groups);
    groups->new_places[groups->new_count++] = (uint16_t)place;
    *group_out = (uint32_t)groups->rows.count - 1;
    return KY_OK;
}

static ky_status
find_by_keys(struct groups *groups, const uint16_t *selection, uint32_t count, uint64_t *hashes,
             struct ky_error *err)
{
    hash_rows(groups->columns, groups->key_count, selection, count, hashes);
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = selection == NULL ? row : selection[row];
        KY_TRY(find_group(groups, place, hashes[place], &groups->of_place[place], err));
    }
    return KY_OK;
}

/* Only groups that are new to the parent can be new to the set. */
static ky_status
find_by_parent(struct groups *groups, uint64_t *hashes, struct ky_error *err)
{
    const struct groups *parent = groups->parent;
    const uint32_t end = parent->first_new + parent->new_count;
    if (end > groups->parent_room) {
        const uint32_t room = KY_MAX(end, groups->parent_room == 0 ? 16 : groups->parent_room * 2);
        groups->of_parent =
            ky_budget_resize(groups->budget, groups->of_parent,
                             groups->parent_room * sizeof(uint32_t), room * sizeof(uint32_t));
        groups->parent_room = room;
    }
    KY_TRY(find_by_keys(groups, parent->new_places, parent->new_count, hashes, err));
    for (uint32_t i = 0; i < parent->new_count; i++) {
        groups->of_parent[parent->first_new + i] = groups->of_place[parent->new_places[i]];
    }
    return KY_OK;
}

ky_status
groups_find(struct groups *groups, const struct column *const *columns, const uint16_t *selection,
            uint32_t count, bool needs_places, uint64_t *hashes, struct ky_error *err)
{
    groups->first_new = (uint32_t)groups->rows.count;
    groups->new_count = 0;
    if (groups->key_count == 0) {
        return KY_OK;
    }
    for (uint16_t k = 0; k < groups->key_count; k++) {
        groups->columns[k] = columns[groups->keys[k]];
    }
    if (groups->parent == NULL) {
        return find_by_keys(groups, selection, count, hashes, err);
    }
    if (groups->parent->new_count > 0) {
        KY_TRY(find_by_parent(groups, hashes, err));
    }
    for (uint32_t row = 0; needs_places && row < count; row++) {
        const uint32_t place = selection == NULL ? row : selection[row];
        groups->of_place[place] = groups->of_parent[groups->parent->of_place[place]];
    }
    return KY_OK;
}

uint64_t
groups_array_size(const struct groups *groups)
{
    return ky_budget_charged_size(groups->budget, groups->state_room * sizeof(void *)) +
           ky_budget_charged_size(groups->budget, groups->parent_room * sizeof(uint32_t));
}
