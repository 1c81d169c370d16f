/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/exec/exec_private.h"
#include "server/exec/op/sorter.h"

/*
 * Grouping by hash. A group is a row of `groups` (its key values) with a run of states. Calls
 * with DISTINCT or ORDER BY keep their arguments, sorted by group, and are fed at the end.
 */
struct call_state {
    const struct agg_call *call;
    size_t offset; /* in a group's states */
    struct eval **args;
    struct eval *filter;
    struct column *arg_columns;
    struct datum *arg_values;
    const struct type **arg_types;
    /* DISTINCT, ORDER BY */
    bool is_sorted;
    struct eval **order;
    struct func_order *value_order;
    struct sorter sorter; /* arguments by group; keys: order, arguments */
    const struct column **kept_columns;
    const struct column **kept_keys;
};

struct op_aggregate {
    struct op op;
    struct eval **groups;
    const struct column **group_columns;
    struct call_state *calls;
    size_t states_size;
    struct store rows; /* keys, by group */
    struct key_table table;
    struct ky_arena states;
    uint64_t charged;
    void **state_of; /* by group, heap */
    uint32_t state_room;
    uint32_t *group_of; /* by place of the batch */
    uint64_t *hashes;
    uint16_t *places[2];
    uint32_t place_room;
    struct datum *values;
    bool is_read;
    uint32_t next_chunk;
    struct column *out_columns;
    uint32_t out_capacity;
    struct batch batch;
};

static ky_status
open_sorted_call(struct op_aggregate *self, struct call_state *state, struct ky_error *err)
{
    const struct agg_call *call = state->call;
    struct ky_arena *arena = self->op.exec->context->arena;
    const size_t width = call->arg_count;
    const size_t key_count = width + call->order_count;
    const struct type **types = ky_arena_array(arena, const struct type *, width + 1);
    struct key_column *keys = ky_arena_array(arena, struct key_column, key_count);
    state->is_sorted = true;
    state->order = ky_arena_array(arena, struct eval *, (size_t)call->order_count + 1);
    state->value_order = ky_arena_array(arena, struct func_order, (size_t)call->order_count + 1);
    state->kept_columns = ky_arena_array(arena, const struct column *, width);
    state->kept_keys = ky_arena_array(arena, const struct column *, key_count);
    size_t key = 0;
    for (uint16_t i = 0; i < call->order_count; i++) {
        const struct sort_key *order = &call->order[i];
        state->value_order[i] = (struct func_order){order->is_descending, order->is_nulls_first};
        KY_TRY(eval_compile(self->op.exec, order->expr, &state->order[i], err));
        keys[key++] =
            (struct key_column){order->expr->type, order->is_descending, order->is_nulls_first};
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        types[i] = call->args[i]->type;
        if (call->is_distinct) {
            keys[key++] = (struct key_column){types[i], false, false};
        }
    }
    for (size_t i = 0; i < key; i++) {
        if (keys[i].type->key == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify an equality operator for type %s",
                                keys[i].type->sql_name);
        }
    }
    sorter_init(&state->sorter, types, (uint32_t)width, keys, (uint16_t)key,
                self->op.exec->context->budget);
    return KY_OK;
}

static ky_status
open_call(struct op_aggregate *self, struct call_state *state, const struct agg_call *call,
          struct ky_error *err)
{
    struct ky_arena *arena = self->op.exec->context->arena;
    state->call = call;
    state->offset = self->states_size;
    self->states_size += ky_align_up(call->func->aggregate->state_size, 16);
    KY_TRY(exec_compile_list(self->op.exec, call->args, call->arg_count, &state->args, err));
    if (call->filter != NULL) {
        KY_TRY(eval_compile(self->op.exec, call->filter, &state->filter, err));
    }
    state->arg_columns = ky_arena_array(arena, struct column, (size_t)call->arg_count + 1);
    state->arg_values = ky_arena_array(arena, struct datum, (size_t)call->arg_count + 1);
    state->arg_types = ky_arena_array(arena, const struct type *, (size_t)call->arg_count + 1);
    for (uint16_t i = 0; i < call->arg_count; i++) {
        state->arg_types[i] = call->args[i]->type;
    }
    return call->is_distinct || call->order_count > 0 ? open_sorted_call(self, state, err) : KY_OK;
}

static ky_status
aggregate_open(struct op *op, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t group_count = plan->aggregate.group_count;
    const uint16_t call_count = plan->aggregate.call_count;
    KY_TRY(op_open_children(op, err));
    KY_TRY(exec_compile_list(op->exec, plan->aggregate.groups, group_count, &self->groups, err));
    self->group_columns = ky_arena_array(arena, const struct column *, (size_t)group_count + 1);
    self->values = ky_arena_array(arena, struct datum, (size_t)group_count + 1);
    self->calls = ky_arena_array(arena, struct call_state, (size_t)call_count + 1);
    for (uint16_t i = 0; i < call_count; i++) {
        KY_TRY(open_call(self, &self->calls[i], &plan->aggregate.calls[i], err));
    }
    const struct type **types = ky_arena_array(arena, const struct type *, (size_t)group_count + 1);
    for (uint16_t i = 0; i < group_count; i++) {
        types[i] = plan->aggregate.groups[i]->type;
        if (types[i]->hash == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify an equality operator for type %s",
                                types[i]->sql_name);
        }
    }
    store_init(&self->rows, types, group_count, op->exec->context->budget);
    key_table_init(&self->table, op->exec->context->budget);
    ky_arena_init(&self->states);
    if (op->exec->context->budget != NULL) {
        ky_arena_set_spill(&self->states, op->exec->context->budget->spill);
    }
    self->batch.column_count = (uint32_t)group_count + call_count;
    self->batch.columns =
        ky_arena_array(arena, struct column, (size_t)self->batch.column_count + 1);
    self->out_columns = ky_arena_array(arena, struct column, (size_t)call_count + 1);
    return KY_OK;
}

/* The states of the group that comes next. */
static void
add_states(struct op_aggregate *self)
{
    const uint32_t group = (uint32_t)self->rows.count - 1;
    if (group >= self->state_room) {
        const uint32_t room = self->state_room == 0 ? 16 : self->state_room * 2;
        self->state_of = ky_budget_resize(self->op.exec->context->budget, self->state_of,
                                          self->state_room * sizeof(void *), room * sizeof(void *));
        self->state_room = room;
    }
    self->state_of[group] = ky_arena_calloc(&self->states, 1, KY_MAX(self->states_size, (size_t)1));
}

static ky_status
find_group(struct op_aggregate *self, uint32_t place, uint64_t hash, uint32_t *group_out,
           struct ky_error *err)
{
    const uint16_t group_count = self->op.plan->aggregate.group_count;
    for (uint32_t row = key_table_first(&self->table, hash); row != 0;
         row = key_table_next(&self->table, row)) {
        bool is_same = true;
        for (uint16_t k = 0; is_same && k < group_count; k++) {
            const struct column *key = self->group_columns[k];
            is_same =
                datum_same(key->type, column_get(key, place), store_get(&self->rows, row - 1, k));
        }
        if (is_same) {
            *group_out = row - 1;
            return KY_OK;
        }
    }
    for (uint16_t k = 0; k < group_count; k++) {
        self->values[k] = column_get(self->group_columns[k], place);
    }
    KY_TRY(store_append_row(&self->rows, self->values, err));
    KY_TRY(key_table_add(&self->table, hash, err));
    add_states(self);
    *group_out = (uint32_t)self->rows.count - 1;
    return KY_OK;
}

static void
make_room(struct op_aggregate *self, uint32_t extent)
{
    if (self->place_room < extent) {
        struct ky_arena *arena = self->op.exec->context->arena;
        self->place_room = batch_room(extent);
        self->group_of = ky_arena_array(arena, uint32_t, self->place_room);
        self->hashes = ky_arena_array(arena, uint64_t, self->place_room);
        self->places[0] = ky_arena_array(arena, uint16_t, self->place_room);
        self->places[1] = ky_arena_array(arena, uint16_t, self->place_room);
    }
}

static ky_status
add_sorted(struct op_aggregate *self, struct call_state *state, const struct eval_input *input,
           const uint16_t *selection, uint32_t count, struct ky_error *err)
{
    const struct agg_call *call = state->call;
    const uint32_t *groups = self->op.plan->aggregate.group_count == 0 ? NULL : self->group_of;
    size_t key = 0;
    for (uint16_t i = 0; i < call->order_count; i++) {
        KY_TRY(
            eval_column(state->order[i], input, selection, count, &state->kept_keys[key++], err));
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        state->kept_columns[i] = &state->arg_columns[i];
        if (call->is_distinct) {
            state->kept_keys[key++] = &state->arg_columns[i];
        }
    }
    return sorter_add(&state->sorter, state->kept_columns, state->kept_keys, groups, selection,
                      count, err);
}

/* Rows without a null argument. */
static const uint16_t *
drop_nulls(struct op_aggregate *self, const struct call_state *state, const uint16_t *selection,
           uint32_t *count)
{
    bool has_nulls = false;
    for (uint16_t i = 0; i < state->call->arg_count; i++) {
        has_nulls = has_nulls || state->arg_columns[i].has_nulls;
    }
    if (!has_nulls) {
        return selection;
    }
    uint16_t *places = self->places[1];
    uint32_t kept = 0;
    for (uint32_t row = 0; row < *count; row++) {
        const uint32_t place = selection == NULL ? row : selection[row];
        uint8_t is_null = 0;
        for (uint16_t i = 0; i < state->call->arg_count; i++) {
            is_null |= state->arg_columns[i].is_null[place];
        }
        places[kept] = (uint16_t)place;
        kept += !is_null;
    }
    *count = kept;
    return places;
}

static struct func_env *
env_for(struct op_aggregate *self, const struct call_state *state, struct ky_arena *arena)
{
    struct func_env *env = &self->op.exec->context->env;
    env->types.arena = arena;
    env->arg_types = state->arg_types;
    env->result_type = state->call->type;
    env->has_variadic_array = false;
    env->order = state->value_order;
    return env;
}

static ky_status
add_call(struct op_aggregate *self, struct call_state *state, const struct batch *batch,
         struct ky_error *err)
{
    const struct agg_call *call = state->call;
    const struct func_aggregate *aggregate = call->func->aggregate;
    const struct eval_input input = op_input(&self->op, batch);
    const uint16_t *selection = batch->selection;
    uint32_t count = batch->count;
    if (state->filter != NULL) {
        KY_TRY(eval_filter(state->filter, &input, selection, count, self->places[0], &count, err));
        selection = self->places[0];
        if (count == 0) {
            return KY_OK;
        }
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        const struct column *column = NULL;
        KY_TRY(eval_column(state->args[i], &input, selection, count, &column, err));
        state->arg_columns[i] = *column;
    }
    if (aggregate->skips_nulls) {
        selection = drop_nulls(self, state, selection, &count);
        if (count == 0) {
            return KY_OK;
        }
    }
    if (state->is_sorted) {
        return add_sorted(self, state, &input, selection, count, err);
    }
    const bool is_single = self->op.plan->aggregate.group_count == 0;
    struct func_env *env = env_for(self, state, &self->states);
    if (is_single && aggregate->add_column != NULL) {
        return aggregate->add_column(env, (char *)self->state_of[0] + state->offset,
                                     state->arg_columns, call->arg_count, selection, count, err);
    }
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = selection == NULL ? row : selection[row];
        for (uint16_t i = 0; i < call->arg_count; i++) {
            state->arg_values[i] = column_get(&state->arg_columns[i], place);
        }
        void *states = self->state_of[is_single ? 0 : self->group_of[place]];
        KY_TRY(aggregate->add(env, (char *)states + state->offset, state->arg_values,
                              call->arg_count, err));
    }
    return KY_OK;
}

static ky_status
charge(struct op_aggregate *self, struct ky_error *err)
{
    struct ky_budget *budget = self->op.exec->context->budget;
    const uint64_t size = self->states.allocated_size - self->states.spilled_size +
                          ky_budget_charged_size(budget, self->state_room * sizeof(void *));
    if (budget != NULL && size > self->charged) {
        KY_TRY(ky_budget_charge(budget, size - self->charged, err));
        self->charged = size;
    }
    return ky_budget_check(budget, err);
}

static ky_status
add_batch(struct op_aggregate *self, const struct batch *batch, struct ky_error *err)
{
    const uint16_t group_count = self->op.plan->aggregate.group_count;
    const struct eval_input input = op_input(&self->op, batch);
    make_room(self, batch_extent(batch));
    for (uint16_t k = 0; k < group_count; k++) {
        KY_TRY(eval_column(self->groups[k], &input, batch->selection, batch->count,
                           &self->group_columns[k], err));
    }
    if (group_count > 0) {
        hash_rows(self->group_columns, group_count, batch->selection, batch->count, self->hashes);
        for (uint32_t row = 0; row < batch->count; row++) {
            const uint32_t place = batch_place(batch, row);
            KY_TRY(find_group(self, place, self->hashes[place], &self->group_of[place], err));
        }
    }
    for (uint16_t i = 0; i < self->op.plan->aggregate.call_count; i++) {
        KY_TRY(add_call(self, &self->calls[i], batch, err));
    }
    return charge(self, err);
}

static enum exec_answer
read_input(struct op_aggregate *self, struct ky_error *err)
{
    if (self->op.plan->aggregate.group_count == 0 && self->rows.count == 0) {
        if (store_append_row(&self->rows, self->values, err) != KY_OK) {
            return EXEC_ERROR;
        }
        add_states(self);
    }
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.left, &batch, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        ky_arena_reset(&self->op.memory);
        if (add_batch(self, batch, err) != KY_OK) {
            return EXEC_ERROR;
        }
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
}

/* Feeds a DISTINCT or ordered call from its sorted arguments. */
static ky_status
feed_sorted(struct op_aggregate *self, struct call_state *state, struct ky_error *err)
{
    const struct agg_call *call = state->call;
    struct sorter *sorter = &state->sorter;
    sorter_sort(sorter);
    struct func_env *env = env_for(self, state, &self->states);
    for (uint32_t i = 0; i < sorter->count; i++) {
        if (call->is_distinct && i > 0 && sorter_is_tie(sorter, i - 1, i)) {
            continue;
        }
        const uint32_t row = sorter->entries[i].row;
        for (uint16_t a = 0; a < call->arg_count; a++) {
            state->arg_values[a] = store_get(&sorter->rows, row, a);
        }
        void *states = self->state_of[sort_entry_group(&sorter->entries[i])];
        KY_TRY(call->func->aggregate->add(env, (char *)states + state->offset, state->arg_values,
                                          call->arg_count, err));
    }
    return charge(self, err);
}

static ky_status
emit_chunk(struct op_aggregate *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct batch *chunk = store_chunk(&self->rows, self->next_chunk);
    if (self->out_capacity < chunk->count) {
        self->out_capacity = batch_room(chunk->count);
        for (uint16_t i = 0; i < plan->aggregate.call_count; i++) {
            column_init(&self->out_columns[i], plan->aggregate.calls[i].type, self->out_capacity,
                        self->op.exec->context->arena);
        }
    }
    for (uint16_t i = 0; i < plan->aggregate.group_count; i++) {
        self->batch.columns[i] = chunk->columns[i];
    }
    for (uint16_t i = 0; i < plan->aggregate.call_count; i++) {
        const struct call_state *state = &self->calls[i];
        struct func_env *env = env_for(self, state, &self->op.memory);
        for (uint32_t row = 0; row < chunk->count; row++) {
            const char *states = self->state_of[self->next_chunk * BATCH_SIZE_MAX + row];
            struct datum value = datum_word(0);
            KY_TRY(state->call->func->aggregate->finish(env, states + state->offset, &value, err));
            column_set(&self->out_columns[i], row, value);
        }
        self->batch.columns[plan->aggregate.group_count + i] = self->out_columns[i];
    }
    self->batch.count = chunk->count;
    self->next_chunk++;
    return KY_OK;
}

/* As PostgreSQL's HashAggregate; a plain aggregate says nothing. */
static void
note_memory(struct op_aggregate *self)
{
    struct explain_actual *actual = self->op.actual;
    if (actual == NULL || self->op.plan->aggregate.group_count == 0) {
        return;
    }
    const uint64_t disk = self->rows.arena.spilled_size + self->states.spilled_size;
    const uint64_t memory =
        self->rows.arena.allocated_size + self->states.allocated_size + self->table.charged - disk;
    const int size = snprintf(actual->note, sizeof(actual->note),
                              "Batches: 1  Memory Usage: %" PRIu64 "kB", (memory + 1023) / 1024);
    if (disk > 0) {
        (void)snprintf(actual->note + size, sizeof(actual->note) - (size_t)size,
                       "  Disk Usage: %" PRIu64 "kB", (disk + 1023) / 1024);
    }
}

static enum exec_answer
aggregate_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    if (!self->is_read) {
        const enum exec_answer answer = read_input(self, err);
        if (answer != EXEC_END) {
            return answer;
        }
        for (uint16_t i = 0; i < op->plan->aggregate.call_count; i++) {
            if (self->calls[i].is_sorted && feed_sorted(self, &self->calls[i], err) != KY_OK) {
                return EXEC_ERROR;
            }
        }
        self->is_read = true;
        note_memory(self);
    }
    if (self->next_chunk >= self->rows.chunk_count) {
        return EXEC_END;
    }
    if (emit_chunk(self, err) != KY_OK) {
        return EXEC_ERROR;
    }
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static void
clear(struct op_aggregate *self)
{
    struct ky_budget *budget = self->op.exec->context->budget;
    if (budget != NULL) {
        ky_budget_release(budget, self->charged);
    }
    self->charged = 0;
    for (uint16_t i = 0; self->calls != NULL && i < self->op.plan->aggregate.call_count; i++) {
        if (self->calls[i].is_sorted && self->calls[i].sorter.rows.types != NULL) {
            sorter_clear(&self->calls[i].sorter);
        }
    }
}

static ky_status
aggregate_rescan(struct op *op, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    self->next_chunk = 0;
    if (self->is_read && op_is_steady(op)) {
        return KY_OK;
    }
    clear(self);
    ky_arena_reset(&self->states);
    store_clear(&self->rows);
    key_table_clear(&self->table);
    self->is_read = false;
    return op_rescan(op->left, err);
}

static void
aggregate_close(struct op *op)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    clear(self);
    for (uint16_t i = 0; self->calls != NULL && i < op->plan->aggregate.call_count; i++) {
        sorter_deinit(&self->calls[i].sorter);
    }
    store_deinit(&self->rows);
    key_table_deinit(&self->table);
    ky_arena_deinit(&self->states);
    ky_budget_free(op->exec->context->budget, self->state_of);
}

const struct op_class op_aggregate = {
    .size = sizeof(struct op_aggregate),
    .open = aggregate_open,
    .next = aggregate_next,
    .rescan = aggregate_rescan,
    .close = aggregate_close,
};
