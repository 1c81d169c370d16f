/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/copy_private.h"

/*
 * COPY FROM. Fields become values by their types' input functions, up to COPY_ROWS rows wait
 * in a batch, and the batch goes through an ordinary INSERT plan in place of its VALUES: defaults,
 * checks, unique waits are the executor's, and a wait is PENDING like any other.
 */

/* "INSERT INTO s.t (a, b) VALUES ($1, $2)": its plan takes any number of rows of that form. */
static ky_status
prepare_insert(struct session *session, struct copy *copy, const struct cat_table *table,
               const char *schema, struct ky_error *err)
{
    struct ky_buffer text = {0};
    struct ast_list parsed = {0};
    struct plan_source *source = &copy->insert;
    const uint16_t count = copy->column_count;
    ky_buffer_append_cstr(&text, "INSERT INTO ");
    ast_print_identifier(&text, schema);
    ky_buffer_append_byte(&text, '.');
    ast_print_identifier(&text, table->name);
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(&text, i == 0 ? " (" : ", ");
        ast_print_identifier(&text, copy->names[i]);
    }
    /* What a file says counts, also where the column is GENERATED ALWAYS AS IDENTITY. */
    ky_buffer_append_cstr(&text, count == 0 ? " DEFAULT VALUES" : ") OVERRIDING SYSTEM VALUE ");
    if (copy->where != NULL) {
        ky_buffer_append_cstr(&text, "SELECT * FROM (");
    }
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_printf(&text, i == 0 ? "VALUES ($%u" : ", $%u", i + 1U);
    }
    ky_buffer_append_cstr(&text, count == 0 ? "" : ")");
    if (copy->where != NULL) {
        ky_buffer_append_cstr(&text, ") AS ");
        ast_print_identifier(&text, table->name);
        for (uint16_t i = 0; i < count; i++) {
            ky_buffer_append_cstr(&text, i == 0 ? " (" : ", ");
            ast_print_identifier(&text, copy->names[i]);
        }
        ky_buffer_printf(&text, ") WHERE %s", copy->where);
    }
    source->sql = source->own_sql = ky_slice_dup(&copy->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    source->param_count = source->param_capacity = count;
    source->param_types = ky_arena_array(&copy->arena, oid_t, count + 1U);
    for (uint16_t i = 0; i < count; i++) {
        source->param_types[i] = copy->types[i]->oid;
    }
    KY_TRY(parse_sql(&copy->arena, source->sql, &parsed, err));
    source->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    KY_TRY(source_plan(session, source, err));
    return source_check_rights(source, err);
}

static void
choose(struct copy *copy, const struct cat_column *column)
{
    copy->types[copy->column_count] = column->type;
    copy->typmods[copy->column_count] = column->typmod;
    copy->names[copy->column_count++] = ky_arena_strdup(&copy->arena, column->name);
}

/* The columns named, or all that can be given. */
static ky_status
choose_columns(struct copy *copy, const struct cat_table *table, const struct ast_list *names,
               struct ky_error *err)
{
    uint16_t room = (uint16_t)(table->column_count + 1);
    copy->types = ky_arena_array(&copy->arena, const struct type *, room);
    copy->names = ky_arena_array(&copy->arena, const char *, room);
    copy->typmods = ky_arena_array(&copy->arena, int32_t, room);
    for (uint16_t i = 0; names == NULL && i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (!column->is_dropped && column->generated == 0) {
            choose(copy, column);
        }
    }
    for (int32_t i = 0; i < ast_list_count(names); i++) {
        const struct cat_column *column =
            cat_find_column(table, ky_slice_cstr(ast_list_text(names, i)));
        if (column == NULL) {
            return ky_error_set(err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" of relation \"%s\" does not exist",
                                ast_list_text(names, i), table->name);
        }
        for (uint16_t k = 0; k < copy->column_count; k++) {
            if (strcmp(copy->names[k], column->name) == 0) {
                return ky_error_set(err, KY_DUPLICATE_COLUMN,
                                    "column \"%s\" specified more than once", column->name);
            }
        }
        if (column->generated != 0) {
            (void)ky_error_set(err, KY_INVALID_COLUMN_REFERENCE,
                               "column \"%s\" is a generated column", column->name);
            return ky_error_detail(err, "Generated columns cannot be used in COPY.");
        }
        choose(copy, column);
    }
    return KY_OK;
}

static ky_status
prepare(struct session *session, struct copy *copy, const struct ast_copy *statement,
        struct cat_image *image, bool *is_pending_out, struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_table *table;
    session_bind_context(session, &bind, &copy->arena, image, &env, NULL);
    bind.role = session_limited_role(session);
    if (statement->where != NULL) {
        struct ky_buffer where = {0};
        ast_print(&where, statement->where);
        copy->where = ky_arena_cstr(&copy->arena, ky_buffer_slice(&where));
        ky_buffer_deinit(&where);
    }
    KY_TRY(bind_relation(&bind, statement->relation, false, &table, err));
    if (table->kind != 'r' || table->sysview != NULL) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "cannot copy to %s \"%s\"",
                            table->kind == 'v'   ? "view"
                            : table->kind == 'm' ? "materialized view"
                                                 : "relation",
                            table->name);
    }
    KY_TRY(session_lock_table(session, table->oid, LOCK_ROW_EXCLUSIVE, false, table->name,
                              is_pending_out, err));
    if (*is_pending_out) {
        return KY_OK;
    }
    const struct cat_schema *schema = cat_get_schema(image, table->schema);
    copy->table = ky_arena_strdup(&copy->arena, table->name);
    copy->table_oid = table->oid;
    KY_TRY(choose_columns(copy, table, statement->columns, err));
    KY_TRY(copy_force_columns(copy, table, err));
    KY_TRY(prepare_insert(session, copy, table, schema->name, err));
    batch_init(&copy->rows, copy->types, copy->column_count, COPY_ROWS, &copy->arena);
    copy->fields = ky_arena_array(&copy->arena, struct copy_field, copy->column_count + 1U);
    return KY_OK;
}

ky_status
copy_in_begin(struct session *session, const struct ast_copy *statement, struct ky_slice sql,
              struct result_sink *sink, bool *is_pending_out, struct ky_error *err)
{
    struct cat_image *image;
    struct copy *copy = ky_calloc(1, sizeof(*copy));
    ky_arena_init(&copy->arena);
    ky_arena_init(&copy->rows_arena);
    source_init(&copy->insert, &copy->arena);
    ky_budget_init(&copy->budget, "work memory", 0, &session->server->memory);
    *is_pending_out = false;
    ky_status status = session_image(session, &image, err);
    if (status == KY_OK) {
        status = copy_read_options(statement, sql, &copy->options, err);
        if (status == KY_OK) {
            status = copy_file_allow(session, image, statement, err);
        }
        if (status == KY_OK) {
            status = prepare(session, copy, statement, image, is_pending_out, err);
        }
        if (status == KY_OK && !*is_pending_out && statement->file != NULL) {
            status = copy_file_open(session, copy, statement, err);
        }
        cat_image_release(image);
    }
    if (status != KY_OK || *is_pending_out) {
        copy_free(copy);
        return status;
    }
    /* The statement's text goes with it; the null text outlives it. */
    copy->options.null_text = ky_slice_dup(&copy->arena, copy->options.null_text);
    copy->is_header_due =
        copy->options.header != COPY_HEADER_NONE || copy->options.format == COPY_BINARY;
    session->has_queried = true;
    txn_statement_begin(access_storage_txn(session->txn));
    copy->has_statement = true;
    copy_free(session->copy);
    session->copy = copy;
    copy_progress_begin(session, copy, COPY_FROM);
    if (copy->file == NULL) {
        sink->copy_in(sink, copy->column_count, copy->options.format == COPY_BINARY);
    }
    return KY_OK;
}

void
copy_free(struct copy *copy)
{
    if (copy == NULL) {
        return;
    }
    copy_progress_end(copy);
    copy_file_close(copy);
    if (copy->exec != NULL) {
        exec_close(copy->exec);
    }
    source_deinit(&copy->insert);
    ky_buffer_deinit(&copy->scratch);
    ky_buffer_deinit(&copy->input);
    ky_buffer_deinit(&copy->out);
    ky_arena_deinit(&copy->rows_arena);
    ky_arena_deinit(&copy->arena);
    ky_free(copy);
}

/* ------------------------------------------------------------------ rows */

ky_status
copy_line_context(const struct copy *copy, const char *column, struct ky_slice text,
                  struct ky_error *err)
{
    const int shown = (int)KY_MIN(text.size, (size_t)100);
    if (err->context[0] != '\0') {
        return KY_ERR;
    }
    if (column == NULL && text.data == NULL) {
        return ky_error_context(err, "COPY %s, line %" PRIu64, copy->table, copy->line);
    }
    if (column == NULL) {
        return ky_error_context(err, "COPY %s, line %" PRIu64 ": \"%.*s%s\"", copy->table,
                                copy->line, shown, (const char *)text.data,
                                text.size > 100 ? "..." : "");
    }
    if (text.data == NULL) {
        return ky_error_context(err, "COPY %s, line %" PRIu64 ", column %s", copy->table,
                                copy->line, column);
    }
    return ky_error_context(err, "COPY %s, line %" PRIu64 ", column %s: \"%.*s%s\"", copy->table,
                            copy->line, column, shown, (const char *)text.data,
                            text.size > 100 ? "..." : "");
}

void
copy_take_value(struct copy *copy, uint16_t column, struct ky_slice text, struct datum value)
{
    if (copy->types[column]->storage == TYPE_BYTES) {
        const uintptr_t place = (uintptr_t)value.bytes.data - (uintptr_t)text.data;
        if (place <= text.size) {
            value.bytes = ky_slice_dup(&copy->rows_arena, value.bytes);
        }
        copy->rows_bytes += value.bytes.size;
    }
    column_set(&copy->rows.columns[column], copy->rows.count, value);
}

void
copy_take_null(struct copy *copy, uint16_t column)
{
    column_set(&copy->rows.columns[column], copy->rows.count, datum_null());
}

void
copy_end_row(struct copy *copy)
{
    copy->lines[copy->rows.count++] = copy->line;
}

static void
forget_rows(struct copy *copy)
{
    copy->rows.count = 0;
    copy->rows_bytes = 0;
    copy->is_single = false;
    copy->place = 0;
    for (uint16_t i = 0; i < copy->column_count; i++) {
        copy->rows.columns[i].has_nulls = false;
    }
    ky_arena_reset(&copy->rows_arena);
}

/* ------------------------------------------------------------------ inserting */

static ky_status
open_run(struct session *session, struct copy *copy, struct ky_error *err)
{
    const struct plan_source *source = &copy->insert;
    copy->given = copy->rows;
    if (copy->is_single) {
        copy->given.count = 1;
        copy->given.selection = &copy->place;
    }
    access_savepoint_set(session->txn, &copy->before);
    after_mark_set(session_after_queue(session), &copy->before_mark);
    copy->context = (struct exec_context){
        .access = server_access(session->server),
        .txn = session->txn,
        .arena = &copy->rows_arena,
        .budget = &copy->budget,
        .work_mem = (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024,
        .temp_dir = session->server->options.temp_dir,
        .given = &copy->given,
        .waiter = &session->waiter,
        .cancel = &session->cancel,
        .image = source->image,
        .after = session_after_queue(session),
        .session = session,
    };
    session_env(session, &copy->context.env, &copy->rows_arena, source->image);
    return exec_open(&copy->context, source->plan, &copy->exec, err);
}

/* What an error of a run means: true when the rows go in again one by one. */
static bool
may_go_on(struct session *session, struct copy *copy, enum exec_answer answer, struct ky_error *err)
{
    if (answer == EXEC_ERROR && copy->given.count > 1 && err->sqlstate != KY_QUERY_CANCELED) {
        access_savepoint_rollback(session->txn, &copy->before, true);
        after_mark_rollback(session_after_queue(session), &copy->before_mark);
        copy->is_single = true;
        return true;
    }
    if (answer == EXEC_RESTART) {
        (void)ky_error_set(err, KY_SERIALIZATION_FAILURE,
                           "could not serialize access due to concurrent update");
    }
    copy->line = copy->lines[copy->place];
    (void)copy_line_context(copy, NULL, ky_slice(NULL, 0), err);
    return false;
}

/* Inserts the rows that wait. */
static enum session_answer
insert_rows(struct session *session, struct copy *copy, struct ky_error *err)
{
    while (copy->place < copy->rows.count) {
        if (copy->exec == NULL && open_run(session, copy, err) != KY_OK) {
            return SESSION_ERROR;
        }
        struct batch *batch;
        enum exec_answer answer = exec_next(copy->exec, &batch, err);
        if (answer == EXEC_PENDING) {
            if (copy->context.is_yield) {
                copy->context.is_yield = false;
                continue;
            }
            return session_wait_for_row(session);
        }
        if (answer == EXEC_BATCH) {
            continue;
        }
        const uint64_t changed = exec_rows_changed(copy->exec);
        exec_close(copy->exec);
        copy->exec = NULL;
        if (answer == EXEC_END) {
            copy->inserted += changed;
            copy_progress_add(copy, 0, changed, copy->given.count - changed);
            copy->place = (uint16_t)(copy->place + copy->given.count);
        } else if (!may_go_on(session, copy, answer, err)) {
            return SESSION_ERROR;
        }
    }
    forget_rows(copy);
    return SESSION_DONE;
}

/* ------------------------------------------------------------------ data */

/* Takes rows out of `input` until it runs dry or something must wait. */
static enum session_answer
take_input(struct session *session, struct copy *copy, struct ky_error *err)
{
    bool has_taken = true;
    while (has_taken) {
        if (copy->exec != NULL || copy->rows.count == COPY_ROWS || copy->rows_bytes > COPY_BYTES) {
            enum session_answer answer = insert_rows(session, copy, err);
            if (answer != SESSION_DONE) {
                return answer;
            }
        }
        ky_status status = copy->options.format == COPY_BINARY
                               ? copy_binary_next(session, copy, &has_taken, err)
                               : copy_parse_next(session, copy, &has_taken, err);
        if (status != KY_OK) {
            return SESSION_ERROR;
        }
    }
    ky_buffer_consume(&copy->input, copy->input_used);
    copy->input_used = 0;
    return SESSION_DONE;
}

enum session_answer
copy_in_data(struct session *session, struct ky_slice data, struct ky_error *err)
{
    struct copy *copy = session->copy;
    /* What is left of the data before is one row that has not ended. */
    if (copy->input.size > COPY_ROW_MAX) {
        (void)ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "COPY row is longer than %d bytes",
                           (int)COPY_ROW_MAX);
        return SESSION_ERROR;
    }
    ky_buffer_append_slice(&copy->input, data);
    copy_progress_add(copy, data.size, 0, 0);
    return take_input(session, copy, err);
}

static enum session_answer
finish(struct session *session, uint64_t *row_count_out, struct ky_error *err)
{
    struct copy *copy = session->copy;
    enum session_answer answer = take_input(session, copy, err);
    if (answer == SESSION_DONE) {
        answer = insert_rows(session, copy, err);
    }
    if (answer == SESSION_DONE) {
        answer = after_run(session, false, err);
    }
    if (answer == SESSION_DONE) {
        *row_count_out = copy->inserted;
        copy->has_statement = false;
        txn_statement_end(access_storage_txn(session->txn));
    }
    return answer;
}

enum session_answer
copy_in_end(struct session *session, uint64_t *row_count_out, struct ky_error *err)
{
    session->copy->is_last = true;
    return finish(session, row_count_out, err);
}

enum session_answer
copy_in_resume(struct session *session, uint64_t *row_count_out, struct ky_error *err)
{
    return session->copy->is_last ? finish(session, row_count_out, err)
                                  : take_input(session, session->copy, err);
}
