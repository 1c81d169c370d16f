/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/index_eval.h"

#include "server/access/evaluator.h"
#include "server/base/mutex.h"
#include "server/exec/exec_private.h"
#include "server/sql/bind/bind.h"

/*
 * Index expressions and predicates at run time. Bound once for each live index; an evaluation needs
 * state of its own, so compiled copies are kept in a pool: a thread takes one out, or makes one.
 * Only immutable functions get here, so there is no session to know.
 */

struct compiled {
    struct compiled *next;
    struct ky_arena arena;
    struct exec_context context;
    struct exec exec;
    struct eval **keys; /* NULL: the column as it is */
    struct eval *predicate;
    struct column *columns; /* one place each */
};

struct index_state {
    struct ky_arena arena;
    uint16_t column_count; /* of the table when it was bound; later columns are not read */
    const struct type **types;
    uint8_t *reads;
    uint16_t key_count;
    int16_t *columns; /* 0: an expression */
    struct expr **keys;
    struct expr *predicate;
    struct ky_mutex lock;
    struct compiled *pool KY_GUARDED_BY(lock);
};

static void
compiled_free(struct compiled *compiled)
{
    exec_close(&compiled->exec);
    ky_arena_deinit(&compiled->arena);
    ky_free(compiled);
}

static void
state_close(void *pointer)
{
    struct index_state *state = pointer;
    while (state->pool != NULL) {
        struct compiled *compiled = state->pool;
        state->pool = compiled->next;
        compiled_free(compiled);
    }
    ky_mutex_deinit(&state->lock);
    ky_arena_deinit(&state->arena);
    ky_free(state);
}

static ky_status
bind_all(struct index_state *state, const struct cat_image *image, const struct cat_index *index,
         struct ky_error *err)
{
    struct func_env env = {0};
    struct cat_path path = {.schemas = {OID_SCHEMA_PG_CATALOG, OID_SCHEMA_PUBLIC}, .count = 2};
    type_context_init(&env.types, &state->arena);
    struct bind_context bind = {.arena = &state->arena, .image = image, .path = &path, .env = &env};
    for (uint16_t i = 0; i < index->key_count; i++) {
        state->columns[i] = index->keys[i].column;
        if (index->keys[i].column != 0) {
            state->reads[index->keys[i].column - 1] = 1;
            continue;
        }
        KY_TRY(bind_table_expression(&bind, index->table, index->keys[i].expression_sql, NULL, -1,
                                     &state->keys[i], err));
        eval_mark_inputs(state->keys[i], 0, state->reads);
    }
    if (index->predicate_sql != NULL) {
        KY_TRY(bind_table_expression(&bind, index->table, index->predicate_sql, type_get(OID_BOOL),
                                     -1, &state->predicate, err));
        eval_mark_inputs(state->predicate, 0, state->reads);
    }
    return KY_OK;
}

static ky_status
state_open(const struct cat_image *image, const struct cat_index *index, void **state_out,
           struct ky_error *err)
{
    struct index_state *state = ky_calloc(1, sizeof(*state));
    const struct cat_table *table = index->table;
    ky_arena_init(&state->arena);
    ky_mutex_init(&state->lock);
    state->column_count = table->column_count;
    state->key_count = index->key_count;
    state->types = ky_arena_array(&state->arena, const struct type *, table->column_count + 1U);
    state->reads = ky_arena_calloc(&state->arena, table->column_count + 1U, 1);
    state->columns = ky_arena_array(&state->arena, int16_t, index->key_count + 1U);
    state->keys = ky_arena_array(&state->arena, struct expr *, index->key_count + 1U);
    for (uint16_t i = 0; i < table->column_count; i++) {
        state->types[i] = table->columns[i].type;
    }
    if (bind_all(state, image, index, err) != KY_OK) {
        state_close(state);
        return KY_ERR;
    }
    *state_out = state;
    return KY_OK;
}

static ky_status
compile(const struct index_state *state, struct compiled *compiled, struct ky_error *err)
{
    ky_arena_init(&compiled->arena);
    compiled->context.arena = &compiled->arena;
    type_context_init(&compiled->context.env.types, &compiled->arena);
    exec_init_plain(&compiled->exec, &compiled->context);
    compiled->keys = ky_arena_array(&compiled->arena, struct eval *, state->key_count + 1U);
    compiled->columns = ky_arena_array(&compiled->arena, struct column, state->column_count + 1U);
    for (uint16_t i = 0; i < state->column_count; i++) {
        column_init(&compiled->columns[i], state->types[i], 1, &compiled->arena);
    }
    for (uint16_t i = 0; i < state->key_count; i++) {
        if (state->keys[i] != NULL) {
            KY_TRY(eval_compile(&compiled->exec, state->keys[i], &compiled->keys[i], err));
        }
    }
    return state->predicate == NULL
               ? KY_OK
               : eval_compile(&compiled->exec, state->predicate, &compiled->predicate, err);
}

static ky_status
acquire(struct index_state *state, struct compiled **compiled_out, struct ky_error *err)
{
    ky_mutex_lock(&state->lock);
    struct compiled *compiled = state->pool;
    if (compiled != NULL) {
        state->pool = compiled->next;
    }
    ky_mutex_unlock(&state->lock);
    if (compiled == NULL) {
        compiled = ky_calloc(1, sizeof(*compiled));
        if (compile(state, compiled, err) != KY_OK) {
            compiled_free(compiled);
            return KY_ERR;
        }
    }
    *compiled_out = compiled;
    return KY_OK;
}

static void
release(struct index_state *state, struct compiled *compiled)
{
    ky_mutex_lock(&state->lock);
    compiled->next = state->pool;
    state->pool = compiled;
    ky_mutex_unlock(&state->lock);
}

static ky_status
evaluate(const struct index_state *state, struct compiled *compiled, const struct datum *values,
         struct ky_arena *arena, struct datum *keys, bool *has_entry_out, struct ky_error *err)
{
    const struct eval_input input = {compiled->columns, state->column_count, arena};
    for (uint16_t i = 0; i < state->column_count; i++) {
        if (state->reads[i] != 0) {
            compiled->columns[i].has_nulls = false;
            column_set(&compiled->columns[i], 0, values[i]);
        }
    }
    *has_entry_out = true;
    if (compiled->predicate != NULL) {
        struct datum answer;
        KY_TRY(eval_datum(compiled->predicate, &input, 0, &answer, err));
        *has_entry_out = !answer.is_null && answer.word != 0;
    }
    for (uint16_t i = 0; *has_entry_out && i < state->key_count; i++) {
        if (compiled->keys[i] == NULL) {
            keys[i] = values[state->columns[i] - 1];
            continue;
        }
        KY_TRY(eval_datum(compiled->keys[i], &input, 0, &keys[i], err));
        keys[i] = datum_copy(state->keys[i]->type, keys[i], arena);
    }
    return KY_OK;
}

static ky_status
state_keys(void *pointer, const struct datum *values, struct ky_arena *arena,
           struct datum *keys_out, bool *has_entry_out, struct ky_error *err)
{
    struct index_state *state = pointer;
    struct compiled *compiled;
    KY_TRY(acquire(state, &compiled, err));
    ky_status status = evaluate(state, compiled, values, arena, keys_out, has_entry_out, err);
    release(state, compiled);
    return status;
}

static bool
state_reads(const void *pointer, uint16_t column)
{
    const struct index_state *state = pointer;
    return column < state->column_count && state->reads[column] != 0;
}

void
exec_register_index_evaluator(void)
{
    static const struct access_evaluator evaluator = {
        .open = state_open, .close = state_close, .keys = state_keys, .reads = state_reads};
    access_use_evaluator(&evaluator);
}
