/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/plpgsql/plpgsql_private.h"

/*
 * Statements inside the block. Each is a prepared statement whose parameters are the variables it
 * names; its portal is driven as a client's would be, with a sink that keeps rows instead of
 * sending them. While one waits, run->inner is where it goes on.
 */

/* ------------------------------------------------------------------ rows */

void
plpgsql_rows_deinit(struct plpgsql_rows *rows)
{
    ky_arena_deinit(&rows->arena);
}

static void
rows_reset(struct plpgsql_rows *rows)
{
    struct ky_arena arena = rows->arena;
    ky_arena_reset(&arena);
    *rows = (struct plpgsql_rows){.arena = arena};
}

static void
take_columns(struct plpgsql_rows *rows, const struct result_column *columns, uint16_t count)
{
    if (rows->has_columns) {
        return;
    }
    rows->has_columns = true;
    rows->column_count = count;
    rows->types = ky_arena_array(&rows->arena, const struct type *, count + 1U);
    rows->names = ky_arena_array(&rows->arena, const char *, count + 1U);
    for (uint16_t i = 0; i < count; i++) {
        rows->types[i] = columns[i].type;
        rows->names[i] = ky_arena_strdup(&rows->arena, columns[i].name);
    }
}

static void
sink_columns(struct result_sink *sink, const struct result_column *columns, uint16_t count)
{
    take_columns(((struct plpgsql_sink *)(void *)sink)->rows, columns, count);
}

static void
keep_row(struct plpgsql_rows *rows, const struct batch *batch, uint32_t row)
{
    struct datum *place = rows->values + (size_t)rows->count * rows->column_count;
    const uint32_t at = batch_place(batch, row);
    for (uint16_t i = 0; i < rows->column_count; i++) {
        place[i] = column_get(&batch->columns[i], at);
        if (!place[i].is_null && rows->types[i]->storage == TYPE_BYTES) {
            place[i].bytes = ky_slice_dup(&rows->arena, place[i].bytes);
        }
    }
    rows->count++;
}

static bool
sink_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    struct plpgsql_sink *capture = (struct plpgsql_sink *)(void *)sink;
    struct plpgsql_rows *rows = capture->rows;
    (void)types;
    take_columns(rows, columns, count);
    if (rows->values == NULL) {
        rows->values =
            ky_arena_array(&rows->arena, struct datum, (size_t)capture->keep * count + 1);
    }
    for (uint32_t i = 0; i < batch->count && rows->count < capture->keep; i++) {
        keep_row(rows, batch, i);
    }
    rows->total += batch->count;
    return true;
}

static void
sink_nothing(struct result_sink *sink)
{
    (void)sink;
}

static void
sink_complete(struct result_sink *sink, const char *tag)
{
    (void)sink;
    (void)tag;
}

static void
sink_copy(struct result_sink *sink, uint16_t column_count, int16_t format)
{
    (void)sink;
    (void)column_count;
    (void)format;
}

static bool
sink_copy_data(struct result_sink *sink, struct ky_slice data)
{
    (void)sink;
    (void)data;
    return true;
}

static void
sink_notice(struct result_sink *sink, const char *severity, const struct ky_error *notice)
{
    struct result_sink *client = ((struct plpgsql_sink *)(void *)sink)->run->client;
    if (client != NULL) {
        client->notice(client, severity, notice);
    }
}

static void
sink_parameter(struct result_sink *sink, const char *name, const char *value)
{
    struct result_sink *client = ((struct plpgsql_sink *)(void *)sink)->run->client;
    if (client != NULL) {
        client->parameter(client, name, value);
    }
}

void
plpgsql_sink_init(struct plpgsql_run *run)
{
    run->capture = (struct plpgsql_sink){
        .sink = {.columns = sink_columns,
                 .rows = sink_rows,
                 .complete = sink_complete,
                 .empty = sink_nothing,
                 .copy_out = sink_copy,
                 .copy_data = sink_copy_data,
                 .copy_out_end = sink_nothing,
                 .copy_in = sink_copy,
                 .notice = sink_notice,
                 .parameter = sink_parameter},
        .run = run,
        .rows = &run->rows,
    };
}

/* ------------------------------------------------------------------ pieces */

struct plpgsql_piece *
plpgsql_piece_new(struct plpgsql_run *run, const struct plpgsql_sql *sql, const char *what)
{
    struct plpgsql_piece *piece = ky_calloc(1, sizeof(*piece));
    *piece = (struct plpgsql_piece){
        .variables = {.conflict = (enum bind_conflict)run->program.conflict,
                      .find = plpgsql_bind_name},
        .run = run,
        .sql = sql,
        .what = what,
    };
    return piece;
}

static void
forget_prepared(struct plpgsql_piece *piece)
{
    if (piece->prepared != NULL) {
        portal_forget_spare(&piece->prepared->source);
        piece->prepared->source.variables = NULL;
        prepared_drop(piece->prepared);
        piece->prepared = NULL;
    }
    piece->params = NULL;
    piece->param_count = piece->param_capacity = 0;
}

void
plpgsql_piece_free(struct plpgsql_piece *piece)
{
    if (piece != NULL) {
        forget_prepared(piece);
        ky_free(piece);
    }
}

/* PostgreSQL evaluates it without running a query. */
static bool
is_simple(const struct plpgsql_piece *piece)
{
    const struct statement_plan *plan =
        piece->prepared == NULL ? NULL : piece->prepared->source.plan;
    return piece->sql->use != PLPGSQL_STATEMENT && plan != NULL && plan->table_used_count == 0 &&
           !plan->has_subplans;
}

/* An error of parsing or binding is shown in the piece's text, with its place in it. */
ky_status
plpgsql_show_piece(const struct plpgsql_piece *piece, struct ky_error *err)
{
    const struct plpgsql_sql *sql = piece->sql;
    if (err->position > 0 && err->inner_position == 0) {
        err->inner_position = KY_MAX(err->position + sql->shift, 1);
        err->position = 0;
        (void)snprintf(err->inner_query, sizeof(err->inner_query), "%.*s", (int)sql->shown.size,
                       (const char *)sql->shown.data);
        return KY_ERR;
    }
    const bool is_evaluated = piece->param_count > 0 && is_simple(piece);
    if (!is_evaluated && (err->inner_position == 0 || err->context[0] != '\0')) {
        static const char *const words[] = {
            [PLPGSQL_EXPRESSION] = "SQL expression",
            [PLPGSQL_ASSIGNMENT] = "PL/pgSQL assignment",
            [PLPGSQL_STATEMENT] = "SQL statement",
        };
        plpgsql_add_context(err, "%s \"%.*s\"", words[sql->use], (int)sql->shown.size,
                            (const char *)sql->shown.data);
    }
    return KY_ERR;
}

static ky_status
prepare(struct plpgsql_piece *piece, struct ky_error *err)
{
    struct session *session = piece->run->session;
    if (piece->prepared != NULL && plpgsql_is_stale(piece)) {
        forget_prepared(piece);
    }
    if (piece->prepared == NULL) {
        piece->prepared = prepared_new("", piece->sql->sql, 0);
        struct plan_source *source = &piece->prepared->source;
        source->can_infer_params = false;
        source->tree = piece->sql->tree;
        source->variables = &piece->variables;
    }
    return prepared_analyze(session, &piece->prepared->source, err);
}

static ky_status
check_transaction(const struct ast_node *tree, bool is_dynamic, struct ky_error *err)
{
    if (tree->kind == AST_TRANSACTION) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            is_dynamic ? "EXECUTE of transaction commands is not implemented"
                                       : "unsupported transaction command in PL/pgSQL");
    }
    return KY_OK;
}

static ky_status
check_statement(const struct plpgsql_run *run, const struct ast_node *tree, struct ky_error *err)
{
    KY_TRY(check_transaction(tree, run->dynamic != NULL, err));
    if (tree->kind == AST_COPY && ((const struct ast_copy *)(const void *)tree)->file == NULL &&
        !((const struct ast_copy *)(const void *)tree)->is_program) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "cannot COPY to/from client in PL/pgSQL");
    }
    if (tree->kind == AST_ANALYZE && ((const struct ast_analyze *)(const void *)tree)->is_vacuum) {
        return ky_error_set(err, KY_ACTIVE_SQL_TRANSACTION,
                            "VACUUM cannot be executed from a function");
    }
    return KY_OK;
}

static ky_status
make_portal(struct plpgsql_run *run, struct plpgsql_piece *piece, bool is_kept, struct portal **out,
            struct ky_error *err)
{
    struct session *session = run->session;
    KY_TRY(check_statement(run, piece->sql->tree, err));
    if (prepare(piece, err) != KY_OK) {
        return plpgsql_show_piece(piece, err);
    }
    const bool is_query = source_is_query(piece->sql->tree);
    struct portal *portal = is_kept || !is_query ? portal_new("", session->clock_us)
                                                 : session_new_portal(session, piece->prepared, "");
    if (portal->prepared == NULL) {
        portal->prepared = piece->prepared;
        portal->source = &piece->prepared->source;
        piece->prepared->reference_count++;
    }
    if (is_query) {
        source_bound(portal);
    }
    plpgsql_fill_params(piece, portal, is_kept);
    *out = portal;
    return KY_OK;
}

/* ------------------------------------------------------------------ running */

/* What a statement leaves in the session: for the next one there must be nothing. */
static void
clear_statement(struct plpgsql_run *run)
{
    struct session *session = run->session;
    drive_end_statement(session);
    session->is_fetching = false;
    session->left_rows = 0;
}

void
plpgsql_stop_inner(struct plpgsql_run *run)
{
    struct session *session = run->session;
    storage_lock_cancel(&session->waiter);
    after_stop(session);
    copy_free(session->copy);
    session->copy = NULL;
    clear_statement(run);
    portal_free(session, run->inner);
    run->inner = NULL;
    plpgsql_piece_free(run->dynamic);
    run->dynamic = NULL;
}

void
plpgsql_forget_image(struct plpgsql_run *run)
{
    if (run->image != NULL) {
        cat_image_release(run->image);
        run->image = NULL;
    }
}

static enum step
end_piece(struct plpgsql_run *run)
{
    struct session *session = run->session;
    struct portal *portal = run->inner;
    const bool is_query = source_is_query(portal->source->tree);
    if (is_query && portal->source->has_rows) {
        take_columns(&run->rows, portal->columns, portal->column_count);
    }
    run->row_count =
        is_query && portal_changes_rows(portal) ? portal->rows_changed : run->rows.total;
    run->inner = NULL;
    portal_free(session, portal);
    clear_statement(run);
    if (!is_query) {
        plpgsql_forget_image(run);
        session_apply_settings(session);
    }
    return STEP_DONE;
}

enum step
plpgsql_run_piece(struct plpgsql_run *run, struct plpgsql_piece *piece, uint32_t keep,
                  struct ky_error *err)
{
    struct session *session = run->session;
    if (run->inner == NULL) {
        KY_ASSERT(session->running == NULL);
        rows_reset(&run->rows);
        run->capture.rows = &run->rows;
        run->capture.keep = keep;
        session->left_rows = 0;
        if (make_portal(run, piece, false, &run->inner, err) != KY_OK) {
            return STEP_ERROR;
        }
    }
    const enum step step = drive_statement(session, run->inner, err);
    switch (step) {
    case STEP_PENDING:
        return STEP_PENDING;
    case STEP_DONE:
        return end_piece(run);
    case STEP_COMMIT:
    case STEP_SUSPENDED:
    case STEP_COPY_IN:
        (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                           "this statement is not supported in PL/pgSQL");
        break;
    case STEP_ERROR:
        break;
    }
    (void)plpgsql_show_piece(piece, err);
    return STEP_ERROR;
}

enum step
plpgsql_eval(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const uint64_t row_count = run->row_count;
    const enum step step = plpgsql_run_piece(run, op->piece, 2, err);
    if (step != STEP_DONE) {
        return step;
    }
    if (is_simple(op->piece)) {
        run->row_count = row_count; /* GET DIAGNOSTICS is about statements */
    }
    if (run->rows.column_count != 1 && run->rows.has_columns) {
        (void)ky_error_set(err, KY_SYNTAX_ERROR, "query returned %d columns",
                           run->rows.column_count);
        (void)plpgsql_show_piece(op->piece, err);
        return STEP_ERROR;
    }
    if (run->rows.total > 1) {
        (void)ky_error_set(err, KY_CARDINALITY_VIOLATION, "query returned more than one row");
        (void)plpgsql_show_piece(op->piece, err);
        return STEP_ERROR;
    }
    if (run->rows.count == 0) {
        plpgsql_push(run, type_get(OID_TEXT), datum_null());
    } else {
        plpgsql_push(run, run->rows.types[0], run->rows.values[0]);
    }
    return STEP_DONE;
}

/* ------------------------------------------------------------------ statements with INTO */

static ky_status
check_row_count(const struct plpgsql_run *run, const struct plpgsql_execute *execute,
                struct ky_error *err)
{
    if (!execute->is_strict) {
        return KY_OK;
    }
    if (run->rows.total == 0) {
        return ky_error_set(err, KY_NO_DATA_FOUND, "query returned no rows");
    }
    if (run->rows.total > 1) {
        (void)ky_error_set(err, KY_TOO_MANY_ROWS, "query returned more than one row");
        return ky_error_hint(err, "Make sure the query returns a single row, or use LIMIT 1.");
    }
    return KY_OK;
}

static bool
is_change(const struct ast_node *tree)
{
    return tree->kind == AST_INSERT || tree->kind == AST_UPDATE || tree->kind == AST_DELETE ||
           tree->kind == AST_MERGE;
}

/* INSERT, UPDATE, DELETE .. RETURNING INTO take one row or none, without STRICT as well. */
static ky_status
store_rows(struct plpgsql_run *run, const struct plpgsql_execute *execute,
           const struct ast_node *tree, struct ky_error *err)
{
    if (!run->rows.has_columns) {
        return ky_error_set(err, KY_SYNTAX_ERROR,
                            "INTO used with a command that cannot return data");
    }
    KY_TRY(check_row_count(run, execute, err));
    if (is_change(tree) && run->rows.total > 1) {
        (void)ky_error_set(err, KY_TOO_MANY_ROWS, "query returned more than one row");
        return ky_error_hint(err, "Make sure the query returns a single row, or use LIMIT 1.");
    }
    return plpgsql_assign_row(run, execute->targets, execute->target_count, &run->rows,
                              run->rows.count == 0 ? NULL : run->rows.values, err);
}

static ky_status
finish_sql(struct plpgsql_run *run, const struct plpgsql_execute *execute,
           const struct ast_node *tree, bool is_perform, struct ky_error *err)
{
    const bool is_dynamic = execute->node.kind == PLPGSQL_EXECUTE;
    if (!is_dynamic && (source_is_query(tree) || is_perform)) {
        plpgsql_set_found(run, run->row_count > 0);
    }
    if (execute->has_into) {
        return store_rows(run, execute, tree, err);
    }
    if (run->rows.has_columns && !is_dynamic && !is_perform) {
        (void)ky_error_set(err, KY_SYNTAX_ERROR, "query has no destination for result data");
        return tree->kind == AST_SELECT
                   ? ky_error_hint(err, "If you want to discard the results of a SELECT, use "
                                        "PERFORM instead.")
                   : KY_ERR;
    }
    return KY_OK;
}

enum step
plpgsql_sql(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_execute *execute = op->node;
    const struct ast_node *tree = op->piece->sql->tree;
    const bool is_perform = execute->node.kind == PLPGSQL_PERFORM;
    if (run->inner == NULL && !is_perform && !execute->has_into && tree->kind == AST_SELECT &&
        ((const struct ast_select *)(const void *)tree)->into == NULL) {
        /* Known before it runs, unless it cannot be planned: that error comes first. */
        if (prepare(op->piece, err) != KY_OK) {
            (void)plpgsql_show_piece(op->piece, err);
            return STEP_ERROR;
        }
        (void)ky_error_set(err, KY_SYNTAX_ERROR, "query has no destination for result data");
        (void)ky_error_hint(err, "If you want to discard the results of a SELECT, use PERFORM "
                                 "instead.");
        return STEP_ERROR;
    }
    const enum step step = plpgsql_run_piece(run, op->piece, 2, err);
    if (step != STEP_DONE) {
        return step;
    }
    return finish_sql(run, execute, tree, is_perform, err) == KY_OK ? STEP_DONE : STEP_ERROR;
}

/* ------------------------------------------------------------------ EXECUTE */

/* The statement's text and its arguments are on the stack; they become a piece without names. */
static ky_status
make_dynamic(struct plpgsql_run *run, const struct plpgsql_execute *execute,
             struct plpgsql_piece **out, struct ky_error *err)
{
    const size_t first = run->value_count - 1 - (size_t)execute->arg_count;
    const struct plpgsql_value *text = &run->values[first];
    if (text->datum.is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "query string argument of EXECUTE is null");
    }
    struct plpgsql_piece *piece = plpgsql_piece_new(run, NULL, "EXECUTE");
    piece->prepared = prepared_new("", plpgsql_text_of(run, text->type, text->datum),
                                   (uint16_t)execute->arg_count);
    struct plan_source *source = &piece->prepared->source;
    struct plpgsql_sql *sql = ky_arena_new(source->arena, struct plpgsql_sql);
    *sql = (struct plpgsql_sql){.sql = source->sql, .shown = source->sql, .use = PLPGSQL_STATEMENT};
    piece->sql = sql;
    *out = piece;
    struct ast_list statements = {0};
    if (parse_sql(source->arena, source->sql, &statements, err) != KY_OK) {
        return plpgsql_show_piece(piece, err);
    }
    run->dynamic_count = statements.count;
    if (run->dynamic_at < statements.count) {
        source->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, run->dynamic_at))
                ->statement;
    }
    sql->tree = source->tree;
    for (int32_t i = 0; i < execute->arg_count; i++) {
        const struct type *type = run->values[first + 1 + (size_t)i].type;
        source->param_types[i] = type->oid;
    }
    source->param_count = (uint16_t)execute->arg_count;
    source->can_infer_params = false;
    if (sql->tree != NULL && sql->tree->kind == AST_SELECT &&
        ((const struct ast_select *)(const void *)sql->tree)->into != NULL) {
        (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                           "EXECUTE of SELECT ... INTO is not implemented");
        return ky_error_hint(err, "You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE "
                                  "... AS instead.");
    }
    return sql->tree == NULL ? KY_OK : check_statement(run, sql->tree, err);
}

static ky_status
dynamic_portal(struct plpgsql_run *run, const struct plpgsql_execute *execute,
               struct plpgsql_piece *piece, struct portal **out, struct ky_error *err)
{
    struct session *session = run->session;
    const size_t first = run->value_count - (size_t)execute->arg_count;
    if (prepared_analyze(session, &piece->prepared->source, err) != KY_OK) {
        return plpgsql_show_piece(piece, err);
    }
    struct portal *portal = portal_new("", session->clock_us);
    portal->prepared = piece->prepared;
    portal->source = &piece->prepared->source;
    piece->prepared->reference_count++;
    if (source_is_query(piece->sql->tree)) {
        source_bound(portal);
    }
    portal->param_count = (uint16_t)execute->arg_count;
    portal->params = ky_arena_array(&portal->arena, struct datum, portal->param_count + 1U);
    for (uint16_t i = 0; i < portal->param_count; i++) {
        const struct plpgsql_value *value = &run->values[first + i];
        portal->params[i] = value->datum;
        if (!value->datum.is_null && value->type->storage == TYPE_BYTES) {
            portal->params[i].bytes = ky_slice_dup(&portal->arena, value->datum.bytes);
        }
    }
    *out = portal;
    return KY_OK;
}

static void
pop_dynamic(struct plpgsql_run *run, const struct plpgsql_execute *execute)
{
    run->value_count -= 1 + (size_t)execute->arg_count;
}

/* One statement of the text. */
static enum step
run_dynamic(struct plpgsql_run *run, const struct plpgsql_execute *execute, struct ky_error *err)
{
    if (run->inner == NULL) {
        if (make_dynamic(run, execute, &run->dynamic, err) != KY_OK) {
            return STEP_ERROR;
        }
        if (run->dynamic->sql->tree == NULL) { /* nothing but blanks */
            plpgsql_piece_free(run->dynamic);
            run->dynamic = NULL;
            return STEP_DONE;
        }
        rows_reset(&run->rows);
        run->capture.rows = &run->rows;
        run->capture.keep = 2;
        run->session->left_rows = 0;
        if (dynamic_portal(run, execute, run->dynamic, &run->inner, err) != KY_OK) {
            return STEP_ERROR;
        }
    }
    const enum step step = plpgsql_run_piece(run, run->dynamic, 2, err);
    if (step != STEP_DONE) {
        return step;
    }
    /* INTO takes what the last one gives. */
    const bool is_last = run->dynamic_at + 1 >= run->dynamic_count;
    const ky_status status =
        is_last ? finish_sql(run, execute, run->dynamic->sql->tree, false, err) : KY_OK;
    plpgsql_piece_free(run->dynamic);
    run->dynamic = NULL;
    return status == KY_OK ? STEP_DONE : STEP_ERROR;
}

enum step
plpgsql_dynamic(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_execute *execute = op->node;
    enum step step;
    if (run->inner == NULL) {
        run->dynamic_at = 0;
    }
    do {
        step = run_dynamic(run, execute, err);
        if (step == STEP_PENDING) {
            return step;
        }
        run->dynamic_at++;
    } while (step == STEP_DONE && run->dynamic_at < run->dynamic_count);
    run->dynamic_at = 0;
    if (step == STEP_DONE) {
        pop_dynamic(run, execute);
    }
    return step;
}

/* ------------------------------------------------------------------ FOR over rows */

enum step
plpgsql_for_query(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_loop *loop = op->node;
    struct plpgsql_piece *piece = op->piece;
    struct portal *portal = NULL;
    ky_status status;
    if (loop->is_dynamic) {
        run->dynamic_at = 0;
        status = make_dynamic(run, &loop->query, &run->dynamic, err);
        piece = run->dynamic;
        if (status == KY_OK && run->dynamic_count > 1) {
            status = ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                                  "cannot open multi-query plan as cursor");
        }
        if (status == KY_OK && (piece->sql->tree == NULL || !source_is_query(piece->sql->tree))) {
            status = ky_error_set(err, KY_INVALID_CURSOR_DEFINITION,
                                  "cannot open a statement that returns no rows as a loop's query");
        }
        if (status == KY_OK) {
            status = dynamic_portal(run, &loop->query, piece, &portal, err);
        }
    } else {
        status = source_is_query(piece->sql->tree)
                     ? KY_OK
                     : ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                    "FOR over rows of a statement other than SELECT, INSERT, "
                                    "UPDATE and DELETE is not supported");
        if (status == KY_OK) {
            status = make_portal(run, piece, true, &portal, err);
        }
    }
    if (status != KY_OK) {
        return STEP_ERROR;
    }
    if (loop->is_dynamic) {
        pop_dynamic(run, &loop->query);
        run->dynamic = NULL;
    }
    struct plpgsql_frame *frame = plpgsql_push_frame(run, FRAME_QUERY, op);
    frame->piece = piece;
    frame->is_dynamic = loop->is_dynamic;
    frame->portal = portal;
    ky_arena_init(&frame->rows.arena);
    return STEP_DONE;
}

static void
take_held(struct plpgsql_frame *frame)
{
    struct plpgsql_rows *rows = &frame->rows;
    rows_reset(rows);
    take_columns(rows, frame->portal->columns, frame->portal->column_count);
    rows->values = ky_arena_array(&rows->arena, struct datum,
                                  (size_t)PLPGSQL_FETCH_ROWS * rows->column_count + 1);
    while (rows->count < PLPGSQL_FETCH_ROWS) {
        uint32_t row;
        const struct batch *batch = cursor_held_row(frame->portal, frame->held_at, &row);
        if (batch == NULL) {
            frame->is_ended = true;
            return;
        }
        keep_row(rows, batch, row);
        frame->held_at++;
    }
}

/* As many rows as a loop takes at once; the portal rests until they are used. */
static enum step
fetch_rows(struct plpgsql_run *run, struct plpgsql_frame *frame, struct ky_error *err)
{
    struct session *session = run->session;
    if (frame->is_held) {
        take_held(frame);
        return STEP_DONE;
    }
    if (!frame->is_fetching) {
        KY_ASSERT(session->running == NULL);
        rows_reset(&frame->rows);
        session->left_rows = PLPGSQL_FETCH_ROWS;
        session->running = frame->portal;
    }
    run->capture.rows = &frame->rows;
    run->capture.keep = PLPGSQL_FETCH_ROWS;
    const enum step step = drive_statement(session, frame->portal, err);
    frame->is_fetching = step == STEP_PENDING;
    if (step == STEP_PENDING) {
        return STEP_PENDING;
    }
    session->running = NULL;
    session->left_rows = 0;
    if (step == STEP_ERROR) {
        (void)plpgsql_show_piece(frame->piece, err);
        return STEP_ERROR;
    }
    frame->is_ended = step == STEP_DONE;
    return STEP_DONE;
}

bool
plpgsql_reads_table(const struct session *session, oid_t table)
{
    for (const struct plpgsql_run *run = session->program; run != NULL; run = run->outer) {
        for (size_t i = 0; i < run->frame_count; i++) {
            const struct portal *portal = run->frames[i].is_held ? NULL : run->frames[i].portal;
            const struct statement_plan *plan = portal == NULL ? NULL : portal->source->plan;
            for (uint16_t t = 0; plan != NULL && t < plan->table_used_count; t++) {
                if (plan->tables[t]->oid == table) {
                    return true;
                }
            }
        }
    }
    return false;
}

enum step
plpgsql_next_row(struct plpgsql_run *run, struct plpgsql_frame *frame, bool *is_end_out,
                 struct ky_error *err)
{
    const struct plpgsql_loop *loop = frame->op->node;
    *is_end_out = false;
    /* One that waited may have some of its rows already. */
    if (frame->is_fetching || (frame->rows.taken == frame->rows.count && !frame->is_ended)) {
        const enum step step = fetch_rows(run, frame, err);
        if (step != STEP_DONE) {
            return step;
        }
    }
    if (frame->rows.taken == frame->rows.count) {
        *is_end_out = true;
        if (!frame->has_found) {
            take_columns(&frame->rows, frame->portal->columns, frame->portal->column_count);
            return plpgsql_assign_row(run, loop->query.targets, loop->query.target_count,
                                      &frame->rows, NULL, err) == KY_OK
                       ? STEP_DONE
                       : STEP_ERROR;
        }
        return STEP_DONE;
    }
    const struct datum *row =
        frame->rows.values + (size_t)frame->rows.taken++ * frame->rows.column_count;
    frame->has_found = true;
    return plpgsql_assign_row(run, loop->query.targets, loop->query.target_count, &frame->rows, row,
                              err) == KY_OK
               ? STEP_DONE
               : STEP_ERROR;
}
