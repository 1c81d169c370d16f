/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"

/* Queries that DDL asks about the rows there are. The tables are locked, so nothing has to wait. */

ky_status
ddl_select(struct ddl *ddl, const char *sql, ddl_row_function visit, void *arg)
{
    struct plan_source source;
    struct ast_list parsed = {0};
    struct exec_context context = {0};
    struct ky_budget budget;
    struct exec *exec = NULL;
    source_init(&source, ddl->arena);
    source.is_internal = true;
    source.sql = source.own_sql = ky_slice_cstr(sql);
    KY_TRY(parse_sql(ddl->arena, source.sql, &parsed, ddl->err));
    source.tree = ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    ky_budget_init(&budget, "work memory", 0, &ddl->session->server->memory);
    ky_status status = source_plan(ddl->session, &source, ddl->err);
    txn_statement_begin(ddl->txn);
    if (status == KY_OK) {
        ddl_exec_context(ddl, &context, &budget);
        context.image = source.image;
        status = exec_open(&context, source.plan, &exec, ddl->err);
    }
    bool is_done = false;
    while (status == KY_OK && !is_done) {
        struct batch *batch;
        enum exec_answer answer = exec_next(exec, &batch, ddl->err);
        KY_ASSERT(answer != EXEC_PENDING && answer != EXEC_RESTART);
        if (answer == EXEC_BATCH) {
            status = visit(arg, batch, &is_done, ddl->err);
        } else {
            is_done = true;
            status = answer == EXEC_END ? KY_OK : KY_ERR;
        }
    }
    exec_close(exec);
    txn_statement_end(ddl->txn);
    source_deinit(&source);
    return status;
}

struct first_row {
    struct ky_arena *arena;
    struct datum *values;
    uint16_t count;
    bool is_found;
};

static ky_status
take_first(void *arg, struct batch *batch, bool *is_done_out, struct ky_error *err)
{
    struct first_row *first = arg;
    (void)err;
    if (batch->count == 0) {
        return KY_OK;
    }
    for (uint16_t i = 0; i < first->count; i++) {
        const struct column *column = &batch->columns[i];
        first->values[i] = column_get(column, batch_place(batch, 0));
        if (!first->values[i].is_null && column->type->storage == TYPE_BYTES) {
            first->values[i].bytes = ky_slice_dup(first->arena, first->values[i].bytes);
        }
    }
    first->is_found = *is_done_out = true;
    return KY_OK;
}

ky_status
ddl_first_row(struct ddl *ddl, const char *sql, struct datum *values, uint16_t count,
              bool *is_found_out)
{
    struct first_row first = {.arena = ddl->arena, .values = values, .count = count};
    KY_TRY(ddl_select(ddl, sql, take_first, &first));
    *is_found_out = first.is_found;
    return KY_OK;
}

void
ddl_exec_context(struct ddl *ddl, struct exec_context *context, struct ky_budget *budget)
{
    *context = (struct exec_context){
        .access = server_access(ddl->session->server),
        .txn = ddl->session->txn,
        .arena = ddl->arena,
        .budget = budget,
        .work_mem = (uint64_t)settings_int(&ddl->session->settings, SETTING_WORK_MEM) * 1024,
        .temp_dir = ddl->session->server->options.temp_dir,
        .waiter = &ddl->session->waiter,
        .cancel = &ddl->session->cancel,
        .image = ddl->image,
        .session = ddl->session,
    };
    session_env(ddl->session, &context->env, ddl->arena, ddl->image);
}

const char *
ddl_shown_name(struct ddl *ddl, const struct cat_table *table)
{
    struct ky_buffer text = {0};
    if (cat_resolve_table(ddl->image, ddl->bind.path, ky_slice_cstr(table->name)) != table) {
        return ddl_qualified_name(ddl, table);
    }
    ast_print_identifier(&text, table->name);
    const char *name = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return name;
}

const char *
ddl_qualified_name(struct ddl *ddl, const struct cat_table *table)
{
    struct ky_buffer text = {0};
    const struct cat_schema *schema = cat_get_schema(ddl->image, table->schema);
    if (schema != NULL) {
        ast_print_identifier(&text, schema->name);
        ky_buffer_append_byte(&text, '.');
    }
    ast_print_identifier(&text, table->name);
    const char *name = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return name;
}
