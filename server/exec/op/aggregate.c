/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/exec/exec_private.h"
#include "server/exec/op/groups.h"
#include "server/exec/op/sorter.h"

/*
 * Grouping by hash: a table of groups for each grouping set, all filled by one reading of the
 * input, then given out set by set. Calls with DISTINCT or ORDER BY keep their arguments, sorted by
 * group, and are fed at the end. A set whose keys another one has as well gets the states of calls
 * whose parts can be added up from that one's groups, at the end, and never sees the rows.
 */
struct call_state {
    const struct agg_call *call;
    size_t offset; /* in a group's states */
    bool is_additive;
    struct eval **args;
    struct eval *filter;
    struct column *arg_columns;
    struct datum *arg_values;
    const struct type **arg_types;
    /* DISTINCT, ORDER BY */
    bool is_sorted;
    struct eval **order;
    struct func_order *value_order;
    struct sorter *sorters; /* by set: arguments by group; keys: order, arguments */
    const struct column **kept_columns;
    const struct column **kept_keys;
};

struct op_aggregate {
    struct op op;
    struct eval **groups;
    const struct column **group_columns;
    struct call_state *calls;
    size_t states_size;
    struct groups *sets;
    bool needs_places; /* some call of sets with a parent is fed by rows */
    struct ky_arena states;
    uint64_t charged;
    uint64_t *hashes; /* by place of the batch */
    uint16_t *places[2];
    uint32_t place_room;
    uint32_t add_set, add_group; /* how far the parents' states are added up */
    bool is_read;
    uint32_t next_set, next_chunk;
    struct column *out_columns;  /* calls, then groupings */
    struct column *null_columns; /* by key, for sets without it */
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
    state->sorters = ky_arena_array(arena, struct sorter, self->op.plan->aggregate.set_count);
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
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        sorter_init(&state->sorters[i], types, (uint32_t)width, keys, (uint16_t)key,
                    self->op.exec->context->budget);
    }
    return KY_OK;
}

/*
 * Does the order in which values or parts are added make no difference, to the last bit? Sums of
 * floats depend on it, and so does which of two equal numerics (1.0, 1.00) is the largest.
 */
static bool
is_call_additive(const struct agg_call *call)
{
    const struct func_aggregate *aggregate = call->func->aggregate;
    bool is_exact = aggregate->combine != NULL && !aggregate->is_memory_growing &&
                    !call->is_distinct && call->order_count == 0;
    for (uint16_t i = 0; is_exact && i < call->arg_count; i++) {
        const struct type *type = call->args[i]->type;
        const bool is_sum = strcmp(call->func->name, "sum") == 0 ||
                            strcmp(call->func->name, "avg") == 0 ||
                            strcmp(call->func->name, "count") == 0;
        is_exact =
            (type->storage == TYPE_WORD && type->oid != OID_FLOAT4 && type->oid != OID_FLOAT8) ||
            (type->oid == OID_NUMERIC && is_sum);
    }
    return is_exact;
}

static ky_status
open_call(struct op_aggregate *self, struct call_state *state, const struct agg_call *call,
          struct ky_error *err)
{
    struct ky_arena *arena = self->op.exec->context->arena;
    state->call = call;
    state->offset = self->states_size;
    state->is_additive = is_call_additive(call);
    self->needs_places = self->needs_places || !state->is_additive;
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

static void
open_sets(struct op_aggregate *self)
{
    const struct plan *plan = self->op.plan;
    struct exec_context *context = self->op.exec->context;
    struct ky_arena *arena = context->arena;
    const struct type **types =
        ky_arena_array(arena, const struct type *, (size_t)plan->aggregate.group_count + 1);
    self->sets = ky_arena_array(arena, struct groups, plan->aggregate.set_count);
    for (uint32_t i = 0; i < plan->aggregate.set_count; i++) {
        const struct agg_set *set = &plan->aggregate.sets[i];
        for (uint16_t k = 0; k < set->key_count; k++) {
            types[k] = plan->aggregate.groups[set->keys[k]]->type;
        }
        groups_init(&self->sets[i], set->keys, set->key_count, types, arena, context->budget);
        self->sets[i].states = &self->states;
        self->sets[i].states_size = self->states_size;
        self->sets[i].parent = set->parent < 0 ? NULL : &self->sets[set->parent];
    }
}

static ky_status
aggregate_open(struct op *op, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    const uint16_t group_count = plan->aggregate.group_count;
    const uint16_t call_count = plan->aggregate.call_count;
    const uint16_t grouping_count = plan->aggregate.grouping_count;
    KY_TRY(op_open_children(op, err));
    KY_TRY(exec_compile_list(op->exec, plan->aggregate.groups, group_count, &self->groups, err));
    self->group_columns = ky_arena_array(arena, const struct column *, (size_t)group_count + 1);
    self->calls = ky_arena_array(arena, struct call_state, (size_t)call_count + 1);
    for (uint16_t i = 0; i < call_count; i++) {
        KY_TRY(open_call(self, &self->calls[i], &plan->aggregate.calls[i], err));
    }
    for (uint16_t i = 0; i < group_count; i++) {
        const struct type *type = plan->aggregate.groups[i]->type;
        if (type->hash == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "could not identify an equality operator for type %s",
                                type->sql_name);
        }
    }
    ky_arena_init(&self->states);
    if (op->exec->context->budget != NULL) {
        ky_arena_set_spill(&self->states, op->exec->context->budget->spill);
    }
    open_sets(self);
    self->batch.column_count = (uint32_t)group_count + call_count + grouping_count;
    self->batch.columns =
        ky_arena_array(arena, struct column, (size_t)self->batch.column_count + 1);
    self->out_columns =
        ky_arena_array(arena, struct column, (size_t)call_count + grouping_count + 1);
    self->null_columns = ky_arena_array(arena, struct column, (size_t)group_count + 1);
    return KY_OK;
}

static void
make_room(struct op_aggregate *self, uint32_t extent)
{
    if (self->place_room < extent) {
        struct ky_arena *arena = self->op.exec->context->arena;
        self->place_room = batch_room(extent);
        self->hashes = ky_arena_array(arena, uint64_t, self->place_room);
        self->places[0] = ky_arena_array(arena, uint16_t, self->place_room);
        self->places[1] = ky_arena_array(arena, uint16_t, self->place_room);
        for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
            groups_make_room(&self->sets[i], self->place_room, arena);
        }
    }
}

static ky_status
add_sorted(struct op_aggregate *self, struct call_state *state, const struct eval_input *input,
           const uint16_t *selection, uint32_t count, struct ky_error *err)
{
    const struct agg_call *call = state->call;
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
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        const struct groups *set = &self->sets[i];
        KY_TRY(sorter_add(&state->sorters[i], state->kept_columns, state->kept_keys,
                          set->key_count == 0 ? NULL : set->of_place, selection, count, err));
    }
    return KY_OK;
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

/* The values of a batch to one set's states. */
static ky_status
add_values(struct op_aggregate *self, struct call_state *state, const struct groups *set,
           const uint16_t *selection, uint32_t count, struct ky_error *err)
{
    const struct agg_call *call = state->call;
    const struct func_aggregate *aggregate = call->func->aggregate;
    const bool is_single = set->key_count == 0;
    struct func_env *env = env_for(self, state, &self->states);
    if (is_single && aggregate->add_column != NULL) {
        return aggregate->add_column(env, (char *)set->state_of[0] + state->offset,
                                     state->arg_columns, call->arg_count, selection, count, err);
    }
    for (uint32_t row = 0; row < count; row++) {
        const uint32_t place = selection == NULL ? row : selection[row];
        for (uint16_t i = 0; i < call->arg_count; i++) {
            state->arg_values[i] = column_get(&state->arg_columns[i], place);
        }
        void *states = set->state_of[is_single ? 0 : set->of_place[place]];
        KY_TRY(aggregate->add(env, (char *)states + state->offset, state->arg_values,
                              call->arg_count, err));
    }
    return KY_OK;
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
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        if (!state->is_additive || self->sets[i].parent == NULL) {
            KY_TRY(add_values(self, state, &self->sets[i], selection, count, err));
        }
    }
    return KY_OK;
}

static ky_status
charge(struct op_aggregate *self, struct ky_error *err)
{
    struct ky_budget *budget = self->op.exec->context->budget;
    uint64_t size = self->states.allocated_size - self->states.spilled_size;
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        size += groups_array_size(&self->sets[i]);
    }
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
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        KY_TRY(groups_find(&self->sets[i], self->group_columns, batch->selection, batch->count,
                           self->needs_places, self->hashes, err));
    }
    for (uint16_t i = 0; i < self->op.plan->aggregate.call_count; i++) {
        KY_TRY(add_call(self, &self->calls[i], batch, err));
    }
    return charge(self, err);
}

static enum exec_answer
read_input(struct op_aggregate *self, struct ky_error *err)
{
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        if (groups_begin(&self->sets[i], err) != KY_OK) {
            return EXEC_ERROR;
        }
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

/* One group's states of additive calls to those of the group it is part of. */
static ky_status
add_group(struct op_aggregate *self, const struct groups *set, uint32_t group, struct ky_error *err)
{
    char *states = set->state_of[groups_of_parent(set, group)];
    const char *part = set->parent->state_of[group];
    for (uint16_t i = 0; i < self->op.plan->aggregate.call_count; i++) {
        const struct call_state *state = &self->calls[i];
        if (state->is_additive) {
            struct func_env *env = env_for(self, state, &self->states);
            KY_TRY(state->call->func->aggregate->combine(env, states + state->offset,
                                                         part + state->offset, err));
        }
    }
    return KY_OK;
}

/* Parents come first: theirs are complete. */
static enum exec_answer
add_up(struct op_aggregate *self, struct ky_error *err)
{
    for (; self->add_set < self->op.plan->aggregate.set_count; self->add_set++) {
        const struct groups *set = &self->sets[self->add_set];
        const uint32_t count = set->parent == NULL ? 0 : (uint32_t)set->parent->rows.count;
        while (self->add_group < count) {
            if (add_group(self, set, self->add_group++, err) != KY_OK) {
                return EXEC_ERROR;
            }
            if (self->add_group % BATCH_SIZE_MAX == 0) {
                if (charge(self, err) != KY_OK) {
                    return EXEC_ERROR;
                }
                if (exec_should_yield(self->op.exec)) {
                    return EXEC_PENDING;
                }
            }
        }
        self->add_group = 0;
    }
    return charge(self, err) == KY_OK ? EXEC_END : EXEC_ERROR;
}

/* Feeds a DISTINCT or ordered call of one set from its sorted arguments. */
static ky_status
feed_sorted(struct op_aggregate *self, struct call_state *state, uint32_t set, struct ky_error *err)
{
    const struct agg_call *call = state->call;
    struct sorter *sorter = &state->sorters[set];
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
        void *states = self->sets[set].state_of[sort_entry_group(&sorter->entries[i])];
        KY_TRY(call->func->aggregate->add(env, (char *)states + state->offset, state->arg_values,
                                          call->arg_count, err));
    }
    return charge(self, err);
}

static void
make_output(struct op_aggregate *self, uint32_t count)
{
    const struct plan *plan = self->op.plan;
    struct ky_arena *arena = self->op.exec->context->arena;
    const uint32_t call_count = plan->aggregate.call_count;
    self->out_capacity = batch_room(count);
    for (uint32_t i = 0; i < call_count + plan->aggregate.grouping_count; i++) {
        const struct type *type =
            i < call_count ? plan->aggregate.calls[i].type : type_get(OID_INT4);
        column_init(&self->out_columns[i], type, self->out_capacity, arena);
    }
    for (uint16_t i = 0; plan->aggregate.set_count > 1 && i < plan->aggregate.group_count; i++) {
        struct column *column = &self->null_columns[i];
        column_init(column, plan->aggregate.groups[i]->type, self->out_capacity, arena);
        memset(column->is_null, 1, self->out_capacity);
        column->has_nulls = true;
    }
}

static void
emit_groupings(struct op_aggregate *self, const struct agg_set *set, uint32_t count)
{
    const struct plan *plan = self->op.plan;
    for (uint16_t i = 0; i < plan->aggregate.grouping_count; i++) {
        const struct agg_grouping *grouping = &plan->aggregate.groupings[i];
        struct column *column = &self->out_columns[plan->aggregate.call_count + i];
        int64_t bits = 0;
        for (uint16_t k = 0; k < grouping->key_count; k++) {
            bits = bits << 1 | !agg_set_has(set, grouping->keys[k]);
        }
        for (uint32_t row = 0; row < count; row++) {
            column->word[row] = bits;
        }
    }
}

static ky_status
emit_chunk(struct op_aggregate *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct groups *set = &self->sets[self->next_set];
    const struct batch *chunk = store_chunk(&set->rows, self->next_chunk);
    const uint16_t group_count = plan->aggregate.group_count;
    const uint16_t call_count = plan->aggregate.call_count;
    if (self->out_capacity < chunk->count) {
        make_output(self, chunk->count);
    }
    for (uint16_t i = 0; i < group_count; i++) {
        self->batch.columns[i] = self->null_columns[i];
    }
    for (uint16_t i = 0; i < set->key_count; i++) {
        self->batch.columns[set->keys[i]] = chunk->columns[i];
    }
    for (uint16_t i = 0; i < call_count; i++) {
        const struct call_state *state = &self->calls[i];
        struct func_env *env = env_for(self, state, &self->op.memory);
        for (uint32_t row = 0; row < chunk->count; row++) {
            const char *states = set->state_of[self->next_chunk * BATCH_SIZE_MAX + row];
            struct datum value = datum_word(0);
            KY_TRY(state->call->func->aggregate->finish(env, states + state->offset, &value, err));
            column_set(&self->out_columns[i], row, value);
        }
    }
    emit_groupings(self, &plan->aggregate.sets[self->next_set], chunk->count);
    for (uint32_t i = group_count; i < self->batch.column_count; i++) {
        self->batch.columns[i] = self->out_columns[i - group_count];
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
    uint64_t disk = self->states.spilled_size;
    uint64_t memory = self->states.allocated_size;
    for (uint32_t i = 0; i < self->op.plan->aggregate.set_count; i++) {
        disk += self->sets[i].rows.arena.spilled_size;
        memory += self->sets[i].rows.arena.allocated_size + self->sets[i].table.charged;
    }
    memory -= disk;
    const int size = snprintf(actual->note, sizeof(actual->note),
                              "Batches: 1  Memory Usage: %" PRIu64 "kB", (memory + 1023) / 1024);
    if (disk > 0) {
        (void)snprintf(actual->note + size, sizeof(actual->note) - (size_t)size,
                       "  Disk Usage: %" PRIu64 "kB", (disk + 1023) / 1024);
    }
}

static ky_status
feed_all_sorted(struct op_aggregate *self, struct ky_error *err)
{
    for (uint16_t i = 0; i < self->op.plan->aggregate.call_count; i++) {
        for (uint32_t set = 0; set < self->op.plan->aggregate.set_count; set++) {
            if (self->calls[i].is_sorted) {
                KY_TRY(feed_sorted(self, &self->calls[i], set, err));
            }
        }
    }
    return KY_OK;
}

static enum exec_answer
aggregate_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    if (!self->is_read) {
        enum exec_answer answer = read_input(self, err);
        answer = answer == EXEC_END ? add_up(self, err) : answer;
        if (answer != EXEC_END) {
            return answer;
        }
        if (feed_all_sorted(self, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_read = true;
        note_memory(self);
    }
    while (self->next_set < op->plan->aggregate.set_count &&
           self->next_chunk >= self->sets[self->next_set].rows.chunk_count) {
        self->next_set++;
        self->next_chunk = 0;
    }
    if (self->next_set == op->plan->aggregate.set_count) {
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
    const struct plan *plan = self->op.plan;
    if (budget != NULL) {
        ky_budget_release(budget, self->charged);
    }
    self->charged = 0;
    for (uint16_t i = 0; self->calls != NULL && i < plan->aggregate.call_count; i++) {
        struct call_state *state = &self->calls[i];
        for (uint32_t set = 0; state->sorters != NULL && set < plan->aggregate.set_count; set++) {
            if (state->sorters[set].rows.types != NULL) {
                sorter_clear(&state->sorters[set]);
            }
        }
    }
}

static ky_status
aggregate_rescan(struct op *op, struct ky_error *err)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    self->next_set = 0;
    self->next_chunk = 0;
    if (self->is_read && op_is_steady(op)) {
        return KY_OK;
    }
    clear(self);
    ky_arena_reset(&self->states);
    for (uint32_t i = 0; i < op->plan->aggregate.set_count; i++) {
        groups_clear(&self->sets[i]);
    }
    self->add_set = 0;
    self->add_group = 0;
    self->is_read = false;
    return op_rescan(op->left, err);
}

static void
aggregate_close(struct op *op)
{
    struct op_aggregate *self = (struct op_aggregate *)(void *)op;
    const struct plan *plan = op->plan;
    clear(self);
    for (uint16_t i = 0; self->calls != NULL && i < plan->aggregate.call_count; i++) {
        struct call_state *state = &self->calls[i];
        for (uint32_t set = 0; state->sorters != NULL && set < plan->aggregate.set_count; set++) {
            sorter_deinit(&state->sorters[set]);
        }
    }
    for (uint32_t i = 0; self->sets != NULL && i < plan->aggregate.set_count; i++) {
        groups_deinit(&self->sets[i]);
    }
    ky_arena_deinit(&self->states);
}

const struct op_class op_aggregate = {
    .size = sizeof(struct op_aggregate),
    .open = aggregate_open,
    .next = aggregate_next,
    .rescan = aggregate_rescan,
    .close = aggregate_close,
};
