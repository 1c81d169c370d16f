/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/exec_private.h"
#include "server/exec/op/range_frame.h"

/*
 * Window functions. The sorted input is kept, with the values of partition, order and arguments
 * beside each row; then each partition is gone through call by call. A frame that only grows
 * feeds one running state; any other is summed up anew for each row whose frame differs.
 */
struct window_state {
    const struct window_call *call;
    struct eval **args;
    struct eval *filter;
    uint32_t first_arg; /* column of rows */
    uint32_t filter_column;
    struct datum *arg_values;
    const struct type **arg_types;
    struct datum *results; /* by row, heap */
};

struct frame {
    uint64_t start, end; /* rows; end is exclusive */
};

struct op_window {
    struct op op;
    struct eval **extras; /* partition, order, arguments, filters, in the order of columns */
    uint32_t extra_count;
    uint32_t child_width, first_partition, first_order;
    const struct column **columns;
    struct store rows;
    struct window_state *calls;
    struct eval *start_offset, *end_offset;
    struct datum start_value, end_value;
    struct range_frame range;
    bool has_range;                  /* RANGE with an offset */
    uint64_t *peer_start, *peer_end; /* by row, heap */
    uint64_t *group;                 /* number of the peer group within the input */
    uint64_t partition_start, partition_end;
    struct ky_arena results_memory;
    uint64_t charged;
    bool is_read;
    uint32_t next_chunk;
    struct batch batch;
    struct column *out_columns;
    uint32_t out_capacity;
};

static ky_status
add_extra(struct op_window *self, const struct expr *expr, const struct type **types,
          struct ky_error *err)
{
    types[self->child_width + self->extra_count] = expr->type;
    return eval_compile(self->op.exec, expr, &self->extras[self->extra_count++], err);
}

static ky_status
open_calls(struct op_window *self, const struct type **types, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    struct ky_arena *arena = self->op.exec->context->arena;
    for (uint16_t c = 0; c < plan->window.call_count; c++) {
        struct window_state *state = &self->calls[c];
        const struct window_call *call = &plan->window.calls[c];
        state->call = call;
        state->first_arg = self->child_width + self->extra_count;
        state->arg_values = ky_arena_array(arena, struct datum, (size_t)call->arg_count + 1);
        state->arg_types = ky_arena_array(arena, const struct type *, (size_t)call->arg_count + 1);
        for (uint16_t i = 0; i < call->arg_count; i++) {
            state->arg_types[i] = call->args[i]->type;
            KY_TRY(add_extra(self, call->args[i], types, err));
        }
        if (call->filter != NULL) {
            state->filter_column = self->child_width + self->extra_count;
            KY_TRY(add_extra(self, call->filter, types, err));
        }
    }
    return KY_OK;
}

static ky_status
open_frame(struct op_window *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    const struct window_spec *frame = plan->window.frame;
    if (frame == NULL) {
        return KY_OK;
    }
    const struct expr *offset = NULL;
    if (frame->start_offset != NULL) {
        offset = frame->start_offset;
        KY_TRY(eval_compile(self->op.exec, offset, &self->start_offset, err));
    }
    if (frame->end_offset != NULL) {
        offset = frame->end_offset;
        KY_TRY(eval_compile(self->op.exec, offset, &self->end_offset, err));
    }
    if (frame->mode == 'a' && offset != NULL && plan->window.order_count == 1) {
        const struct type *type = plan->window.order[0].expr->type;
        self->has_range = true;
        return range_frame_open(&self->range, type, offset->type, err);
    }
    return KY_OK;
}

static ky_status
window_open(struct op *op, struct ky_error *err)
{
    struct op_window *self = (struct op_window *)(void *)op;
    const struct plan *plan = op->plan;
    struct ky_arena *arena = op->exec->context->arena;
    ky_arena_init(&self->results_memory);
    KY_TRY(op_open_children(op, err));
    self->child_width = plan->left->output_count;
    size_t extra_max = (size_t)plan->window.partition_count + plan->window.order_count;
    for (uint16_t c = 0; c < plan->window.call_count; c++) {
        extra_max += (size_t)plan->window.calls[c].arg_count + 1;
    }
    const size_t width = self->child_width + extra_max;
    const struct type **types = ky_arena_array(arena, const struct type *, width + 1);
    self->extras = ky_arena_array(arena, struct eval *, extra_max + 1);
    self->columns = ky_arena_array(arena, const struct column *, width + 1);
    self->calls = ky_arena_array(arena, struct window_state, (size_t)plan->window.call_count + 1);
    for (uint32_t i = 0; i < self->child_width; i++) {
        types[i] = plan->left->output[i];
    }
    self->first_partition = self->child_width;
    for (uint16_t i = 0; i < plan->window.partition_count; i++) {
        KY_TRY(add_extra(self, plan->window.partition[i], types, err));
    }
    self->first_order = self->child_width + self->extra_count;
    for (uint16_t i = 0; i < plan->window.order_count; i++) {
        KY_TRY(add_extra(self, plan->window.order[i].expr, types, err));
    }
    KY_TRY(open_calls(self, types, err));
    KY_TRY(open_frame(self, err));
    store_init(&self->rows, types, self->child_width + self->extra_count,
               op->exec->context->budget);
    self->batch.column_count = self->child_width + plan->window.call_count;
    self->batch.columns =
        ky_arena_array(arena, struct column, (size_t)self->batch.column_count + 1);
    self->out_columns = ky_arena_array(arena, struct column, (size_t)plan->window.call_count + 1);
    return KY_OK;
}

static enum exec_answer
read_input(struct op_window *self, struct ky_error *err)
{
    for (;;) {
        struct batch *batch = NULL;
        const enum exec_answer answer = op_next(self->op.left, &batch, err);
        if (answer != EXEC_BATCH) {
            return answer;
        }
        ky_arena_reset(&self->op.memory);
        const struct eval_input input = op_input(&self->op, batch);
        for (uint32_t i = 0; i < self->child_width; i++) {
            self->columns[i] = &batch->columns[i];
        }
        for (uint32_t i = 0; i < self->extra_count; i++) {
            if (eval_column(self->extras[i], &input, batch->selection, batch->count,
                            &self->columns[self->child_width + i], err) != KY_OK) {
                return EXEC_ERROR;
            }
        }
        if (store_append_columns(&self->rows, self->columns, batch->selection, batch->count, err) !=
            KY_OK) {
            return EXEC_ERROR;
        }
        if (exec_should_yield(self->op.exec)) {
            return EXEC_PENDING;
        }
    }
}

static bool
is_same(const struct op_window *self, uint32_t first, uint32_t count, uint64_t a, uint64_t b)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (!datum_same(self->rows.types[i], store_get(&self->rows, a, i),
                        store_get(&self->rows, b, i))) {
            return false;
        }
    }
    return true;
}

/* Peer groups of the partition. */
static void
find_peers(struct op_window *self)
{
    const uint16_t order_count = self->op.plan->window.order_count;
    uint64_t start = self->partition_start;
    for (uint64_t row = start; row < self->partition_end; row++) {
        if (row > start && !is_same(self, self->first_order, order_count, row - 1, row)) {
            start = row;
        }
        self->peer_start[row] = start;
        self->group[row] =
            row == self->partition_start ? 0 : self->group[row - 1] + (start == row ? 1 : 0);
    }
    uint64_t end = self->partition_end;
    for (uint64_t row = self->partition_end; row > self->partition_start; row--) {
        self->peer_end[row - 1] = end;
        if (self->peer_start[row - 1] == row - 1) {
            end = row - 1;
        }
    }
}

static uint64_t
clamp(const struct op_window *self, int64_t row)
{
    if (row < (int64_t)self->partition_start) {
        return self->partition_start;
    }
    return KY_MIN((uint64_t)row, self->partition_end);
}

/* GROUPS: the first row of (or behind) the group that many groups away. */
static uint64_t
group_edge(const struct op_window *self, uint64_t row, int64_t distance, bool is_end)
{
    const int64_t wanted = (int64_t)self->group[row] + distance + (is_end ? 1 : 0);
    uint64_t low = self->partition_start;
    uint64_t high = self->partition_end;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if ((int64_t)self->group[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
is_order_null(const struct op_window *self, uint64_t row)
{
    return store_get(&self->rows, row, self->first_order).is_null;
}

/* RANGE with an offset: the first row whose order value is at (is_end: beyond) the bound. Nulls
 * are in the frames of nulls only. */
static ky_status
range_edge(struct op_window *self, uint64_t row, struct datum offset, bool is_following,
           bool is_end, uint64_t *out, struct ky_error *err)
{
    const bool is_descending = self->op.plan->window.order[0].is_descending;
    const struct datum value = store_get(&self->rows, row, self->first_order);
    if (value.is_null) {
        *out = is_end ? self->peer_end[row] : self->peer_start[row];
        return KY_OK;
    }
    struct func_env *env = &self->op.exec->context->env;
    struct range_bound bound;
    ky_arena_reset(&self->op.memory);
    env->types.arena = &self->op.memory;
    env->arg_types = NULL;
    KY_TRY(range_frame_bound(&self->range, env, value, offset, is_following == is_descending,
                             &bound, err));
    uint64_t low = self->partition_start;
    uint64_t high = self->partition_end;
    low = is_order_null(self, low) ? self->peer_end[low] : low;
    high = is_order_null(self, high - 1) ? self->peer_start[high - 1] : high;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        bool holds = false;
        KY_TRY(range_frame_holds(&self->range, env,
                                 store_get(&self->rows, middle, self->first_order), &bound,
                                 is_end == is_descending, &holds, err));
        if (holds == is_end) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return KY_OK;
}

static ky_status
frame_edge(struct op_window *self, uint64_t row, bool is_end, uint64_t *out, struct ky_error *err)
{
    const struct window_spec *spec = self->op.plan->window.frame;
    const char mode = spec == NULL ? 'a' : spec->mode;
    const char kind = spec == NULL ? (is_end ? 'c' : 'u')
                      : is_end     ? spec->end_kind
                                   : spec->start_kind;
    const struct datum offset = is_end ? self->end_value : self->start_value;
    if (kind == 'u') {
        *out = self->partition_start;
    } else if (kind == 'U') {
        *out = self->partition_end;
    } else if (kind == 'c') {
        *out = mode == 'r' ? row + (is_end ? 1 : 0)
               : is_end    ? self->peer_end[row]
                           : self->peer_start[row];
    } else if (mode == 'a') {
        return range_edge(self, row, offset, kind == 'f', is_end, out, err);
    } else {
        const int64_t size = KY_MIN(offset.word, (int64_t)self->rows.count + 1);
        const int64_t distance = kind == 'f' ? size : -size;
        *out = mode == 'r' ? clamp(self, (int64_t)row + distance + (is_end ? 1 : 0))
                           : group_edge(self, row, distance, is_end);
    }
    return KY_OK;
}

static ky_status
find_frame(struct op_window *self, uint64_t row, struct frame *frame, struct ky_error *err)
{
    KY_TRY(frame_edge(self, row, false, &frame->start, err));
    KY_TRY(frame_edge(self, row, true, &frame->end, err));
    frame->end = KY_MAX(frame->end, frame->start);
    return KY_OK;
}

/* EXCLUDE: is this row of the frame left out for the current one? */
static bool
is_excluded(const struct op_window *self, uint64_t current, uint64_t row)
{
    const struct window_spec *spec = self->op.plan->window.frame;
    const bool is_peer = row >= self->peer_start[current] && row < self->peer_end[current];
    switch (spec == NULL ? 'n' : spec->exclude) {
    case 'c':
        return row == current;
    case 'g':
        return is_peer;
    case 't':
        return is_peer && row != current;
    default:
        return false;
    }
}

static bool
has_exclusion(const struct op_window *self)
{
    const struct window_spec *spec = self->op.plan->window.frame;
    return spec != NULL && (spec->exclude == 'c' || spec->exclude == 'g' || spec->exclude == 't');
}

static struct func_env *
env_for(struct op_window *self, const struct window_state *state)
{
    struct func_env *env = &self->op.exec->context->env;
    env->types.arena = &self->results_memory;
    env->arg_types = state->arg_types;
    env->result_type = state->call->type;
    env->has_variadic_array = false;
    return env;
}

static ky_status
feed(struct op_window *self, struct window_state *state, void *sum, uint64_t row,
     struct ky_error *err)
{
    const struct window_call *call = state->call;
    if (call->filter != NULL) {
        const struct datum is_wanted = store_get(&self->rows, row, state->filter_column);
        if (is_wanted.is_null || is_wanted.word == 0) {
            return KY_OK;
        }
    }
    for (uint16_t i = 0; i < call->arg_count; i++) {
        state->arg_values[i] = store_get(&self->rows, row, state->first_arg + i);
        if (state->arg_values[i].is_null && call->func->aggregate->skips_nulls) {
            return KY_OK;
        }
    }
    return call->func->aggregate->add(env_for(self, state), sum, state->arg_values, call->arg_count,
                                      err);
}

static ky_status
run_aggregate(struct op_window *self, struct window_state *state, struct ky_error *err)
{
    const struct func_aggregate *aggregate = state->call->func->aggregate;
    const bool has_holes = has_exclusion(self);
    const size_t size = KY_MAX(aggregate->state_size, (size_t)1);
    void *sum = NULL;
    struct frame fed = {0, 0};
    for (uint64_t row = self->partition_start; row < self->partition_end; row++) {
        struct frame frame;
        KY_TRY(find_frame(self, row, &frame, err));
        if (sum != NULL && !has_holes && frame.start == fed.start && frame.end == fed.end) {
            state->results[row] = state->results[row - 1];
            continue;
        }
        if (sum == NULL || has_holes || frame.start != fed.start || frame.end < fed.end) {
            sum = ky_arena_calloc(&self->results_memory, 1, size);
            fed = (struct frame){frame.start, frame.start};
        }
        for (; fed.end < frame.end; fed.end++) {
            if (!has_holes || !is_excluded(self, row, fed.end)) {
                KY_TRY(feed(self, state, sum, fed.end, err));
            }
        }
        state->results[row] = datum_word(0);
        KY_TRY(aggregate->finish(env_for(self, state), sum, &state->results[row], err));
        if ((row & 1023) == 0) {
            KY_TRY(exec_check_cancel(self->op.exec, err));
        }
    }
    return KY_OK;
}

static struct datum
argument(const struct op_window *self, const struct window_state *state, uint64_t row,
         uint16_t number)
{
    return store_get(&self->rows, row, state->first_arg + number);
}

/* The n-th row of the frame that is not excluded (from its end when is_last); false: none. */
static bool
frame_row(const struct op_window *self, uint64_t current, struct frame frame, int64_t n,
          bool is_last, uint64_t *row_out)
{
    for (uint64_t i = 0; i < frame.end - frame.start; i++) {
        const uint64_t row = is_last ? frame.end - 1 - i : frame.start + i;
        if (!is_excluded(self, current, row) && --n == 0) {
            *row_out = row;
            return true;
        }
    }
    return false;
}

static ky_status
ntile(struct op_window *self, const struct window_state *state, uint64_t row, struct datum *out,
      struct ky_error *err)
{
    const struct datum buckets = argument(self, state, self->partition_start, 0);
    if (buckets.is_null) {
        *out = datum_null();
        return KY_OK;
    }
    if (buckets.word <= 0) {
        return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_NTILE_FUNCTION,
                            "argument of ntile must be greater than zero");
    }
    const uint64_t count = self->partition_end - self->partition_start;
    const uint64_t at = row - self->partition_start;
    const uint64_t size = count / (uint64_t)buckets.word;
    const uint64_t larger = count % (uint64_t)buckets.word;
    const uint64_t bucket = at < larger * (size + 1)
                                ? at / (size + 1)
                                : larger + (at - larger * (size + 1)) / KY_MAX(size, UINT64_C(1));
    *out = datum_word((int64_t)bucket + 1);
    return KY_OK;
}

static ky_status
frame_value(struct op_window *self, const struct window_state *state, uint64_t row,
            struct datum *out, struct ky_error *err)
{
    int64_t n = 1;
    *out = datum_null();
    if (state->call->func->window == WINDOW_NTH_VALUE) {
        const struct datum wanted = argument(self, state, row, 1);
        if (wanted.is_null) {
            return KY_OK;
        }
        if (wanted.word <= 0) {
            return ky_error_set(err, KY_INVALID_ARGUMENT_FOR_NTH_VALUE_FUNCTION,
                                "argument of nth_value must be greater than zero");
        }
        n = wanted.word;
    }
    struct frame frame;
    uint64_t found = 0;
    KY_TRY(find_frame(self, row, &frame, err));
    const bool is_last = state->call->func->window == WINDOW_LAST_VALUE;
    if (frame_row(self, row, frame, n, is_last, &found)) {
        *out = argument(self, state, found, 0);
    }
    return KY_OK;
}

static struct datum
neighbour(const struct op_window *self, const struct window_state *state, uint64_t row)
{
    const uint16_t arg_count = state->call->arg_count;
    const struct datum offset = arg_count > 1 ? argument(self, state, row, 1) : datum_word(1);
    if (offset.is_null) {
        return datum_null();
    }
    const int64_t distance = state->call->func->window == WINDOW_LEAD ? offset.word : -offset.word;
    const int64_t wanted = (int64_t)row + distance;
    if (wanted >= (int64_t)self->partition_start && wanted < (int64_t)self->partition_end) {
        return argument(self, state, (uint64_t)wanted, 0);
    }
    return arg_count > 2 ? argument(self, state, row, 2) : datum_null();
}

static ky_status
window_value(struct op_window *self, const struct window_state *state, uint64_t row,
             struct datum *out, struct ky_error *err)
{
    const double count = (double)(self->partition_end - self->partition_start);
    const int64_t rank = (int64_t)(self->peer_start[row] - self->partition_start) + 1;
    switch (state->call->func->window) {
    case WINDOW_ROW_NUMBER:
        *out = datum_word((int64_t)(row - self->partition_start) + 1);
        return KY_OK;
    case WINDOW_RANK:
        *out = datum_word(rank);
        return KY_OK;
    case WINDOW_DENSE_RANK:
        *out = datum_word((int64_t)self->group[row] + 1);
        return KY_OK;
    case WINDOW_PERCENT_RANK:
        *out = datum_real(count <= 1 ? 0 : (double)(rank - 1) / (count - 1));
        return KY_OK;
    case WINDOW_CUME_DIST:
        *out = datum_real((double)(self->peer_end[row] - self->partition_start) / count);
        return KY_OK;
    case WINDOW_NTILE:
        return ntile(self, state, row, out, err);
    case WINDOW_LAG:
    case WINDOW_LEAD:
        *out = neighbour(self, state, row);
        return KY_OK;
    case WINDOW_FIRST_VALUE:
    case WINDOW_LAST_VALUE:
    case WINDOW_NTH_VALUE:
        return frame_value(self, state, row, out, err);
    case WINDOW_NONE:
        break;
    }
    KY_UNREACHABLE();
}

static ky_status
run_partition(struct op_window *self, struct ky_error *err)
{
    find_peers(self);
    for (uint16_t c = 0; c < self->op.plan->window.call_count; c++) {
        struct window_state *state = &self->calls[c];
        if (state->call->func->kind == FUNC_AGGREGATE) {
            KY_TRY(run_aggregate(self, state, err));
            continue;
        }
        for (uint64_t row = self->partition_start; row < self->partition_end; row++) {
            KY_TRY(window_value(self, state, row, &state->results[row], err));
        }
    }
    return KY_OK;
}

static ky_status
offset_value(struct op_window *self, struct eval *offset, const char *which, struct datum *out,
             struct ky_error *err)
{
    const struct eval_input input = {NULL, 0, &self->results_memory};
    if (offset == NULL) {
        return KY_OK;
    }
    KY_TRY(eval_datum(offset, &input, 0, out, err));
    if (out->is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "frame %s offset must not be null",
                            which);
    }
    if (self->has_range) {
        return self->rows.count == 0 ? KY_OK : range_frame_check(&self->range, *out, err);
    }
    if (out->word < 0) {
        return ky_error_set(err, KY_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                            "frame %s offset must not be negative", which);
    }
    return KY_OK;
}

static ky_status
run_all(struct op_window *self, struct ky_error *err)
{
    const struct plan *plan = self->op.plan;
    struct ky_budget *budget = self->op.exec->context->budget;
    const uint64_t count = self->rows.count;
    const uint64_t size =
        count * (3 * sizeof(uint64_t) + plan->window.call_count * sizeof(struct datum));
    if (budget != NULL) {
        KY_TRY(ky_budget_charge(budget, size, err));
        self->charged += size;
    }
    self->peer_start = ky_malloc((count + 1) * sizeof(uint64_t));
    self->peer_end = ky_malloc((count + 1) * sizeof(uint64_t));
    self->group = ky_malloc((count + 1) * sizeof(uint64_t));
    for (uint16_t c = 0; c < plan->window.call_count; c++) {
        self->calls[c].results = ky_malloc((count + 1) * sizeof(struct datum));
    }
    KY_TRY(offset_value(self, self->start_offset, "starting", &self->start_value, err));
    KY_TRY(offset_value(self, self->end_offset, "ending", &self->end_value, err));
    for (uint64_t start = 0; start < count; start = self->partition_end) {
        self->partition_start = start;
        self->partition_end = start + 1;
        while (self->partition_end < count &&
               is_same(self, self->first_partition, plan->window.partition_count, start,
                       self->partition_end)) {
            self->partition_end++;
        }
        KY_TRY(run_partition(self, err));
    }
    return KY_OK;
}

static void
emit_chunk(struct op_window *self)
{
    const struct plan *plan = self->op.plan;
    const struct batch *chunk = store_chunk(&self->rows, self->next_chunk);
    if (self->out_capacity < chunk->count) {
        self->out_capacity = batch_room(chunk->count);
        for (uint16_t c = 0; c < plan->window.call_count; c++) {
            column_init(&self->out_columns[c], plan->window.calls[c].type, self->out_capacity,
                        self->op.exec->context->arena);
        }
    }
    for (uint32_t i = 0; i < self->child_width; i++) {
        self->batch.columns[i] = chunk->columns[i];
    }
    for (uint16_t c = 0; c < plan->window.call_count; c++) {
        const struct datum *results =
            &self->calls[c].results[(uint64_t)self->next_chunk * BATCH_SIZE_MAX];
        for (uint32_t row = 0; row < chunk->count; row++) {
            column_set(&self->out_columns[c], row, results[row]);
        }
        self->batch.columns[self->child_width + c] = self->out_columns[c];
    }
    self->batch.count = chunk->count;
    self->next_chunk++;
}

static enum exec_answer
window_next(struct op *op, struct batch **batch_out, struct ky_error *err)
{
    struct op_window *self = (struct op_window *)(void *)op;
    if (!self->is_read) {
        const enum exec_answer answer = read_input(self, err);
        if (answer != EXEC_END) {
            return answer;
        }
        if (run_all(self, err) != KY_OK) {
            return EXEC_ERROR;
        }
        self->is_read = true;
    }
    if (self->next_chunk >= self->rows.chunk_count) {
        return EXEC_END;
    }
    emit_chunk(self);
    *batch_out = &self->batch;
    return EXEC_BATCH;
}

static void
drop_results(struct op_window *self)
{
    if (self->op.exec->context->budget != NULL) {
        ky_budget_release(self->op.exec->context->budget, self->charged);
    }
    self->charged = 0;
    ky_free(self->peer_start);
    ky_free(self->peer_end);
    ky_free(self->group);
    self->peer_start = self->peer_end = self->group = NULL;
    for (uint16_t c = 0; self->calls != NULL && c < self->op.plan->window.call_count; c++) {
        ky_free(self->calls[c].results);
        self->calls[c].results = NULL;
    }
}

static ky_status
window_rescan(struct op *op, struct ky_error *err)
{
    struct op_window *self = (struct op_window *)(void *)op;
    self->next_chunk = 0;
    if (self->is_read && op_is_steady(op)) {
        return KY_OK;
    }
    drop_results(self);
    store_clear(&self->rows);
    ky_arena_reset(&self->results_memory);
    self->is_read = false;
    return op_rescan(op->left, err);
}

static void
window_close(struct op *op)
{
    struct op_window *self = (struct op_window *)(void *)op;
    drop_results(self);
    store_deinit(&self->rows);
    ky_arena_deinit(&self->results_memory);
}

const struct op_class op_window = {
    .size = sizeof(struct op_window),
    .open = window_open,
    .next = window_next,
    .rescan = window_rescan,
    .close = window_close,
};
