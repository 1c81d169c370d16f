/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/session/notify.h"
#include "server/session/session_private.h"

/*
 * Statements that are not plans. Each handler either finishes, or takes what it must wait for
 * first and is called again from its beginning.
 */

/* ------------------------------------------------------------------ results without a plan */

void
utility_emit(struct session *session, struct result_sink *sink, const struct result_column *columns,
             uint16_t column_count, const struct datum *values, uint32_t row_count)
{
    const struct type **types =
        ky_arena_array(&session->arena, const struct type *, column_count + 1U);
    for (uint16_t i = 0; i < column_count; i++) {
        types[i] = columns[i].type;
    }
    struct batch batch;
    for (uint32_t first = 0; first < row_count; first += BATCH_SIZE_MAX) {
        uint32_t count = KY_MIN(row_count - first, (uint32_t)BATCH_SIZE_MAX);
        batch_init(&batch, types, column_count, count, &session->arena);
        batch.count = count;
        for (uint32_t row = 0; row < count; row++) {
            for (uint16_t i = 0; i < column_count; i++) {
                column_set(&batch.columns[i], row,
                           values[(size_t)(first + row) * column_count + i]);
            }
        }
        session->types.arena = &session->arena;
        /* These results are small: a full sink only means that it holds them a little longer. */
        (void)sink->rows(sink, columns, column_count, &batch, &session->types);
    }
}

/* Describe's columns, made of text. */
static void
describe_columns(struct plan_source *source, const char *const *names, uint16_t count)
{
    source->columns = ky_arena_array(&source->plan_arena, struct result_column, count);
    source->column_count = count;
    source->has_rows = true;
    for (uint16_t i = 0; i < count; i++) {
        source->columns[i] =
            (struct result_column){.name = names[i], .type = type_get(OID_TEXT), .typmod = -1};
    }
}

/* Columns go out once, with the portal's formats. */
static void
send_columns(struct session *session, struct portal *portal, struct result_sink *sink)
{
    (void)session;
    portal_make_columns(portal);
    if (portal->wants_columns) {
        sink->columns(sink, portal->columns, portal->column_count);
    }
}

static const char *
show_label(const char *name)
{
    int setting = setting_find(name);
    return setting >= 0 ? setting_info(setting)->name : name;
}

ky_status
utility_describe(struct session *session, struct plan_source *source, struct ky_error *err)
{
    static const char *const show_all[] = {"name", "setting", "description"};
    static const char *const query_plan[] = {"QUERY PLAN"};
    const struct ast_node *tree = source->tree;
    source->has_rows = false;
    source->column_count = 0;
    switch ((int)tree->kind) {
    case AST_SHOW: {
        const char *name = show_label(((const struct ast_show *)(const void *)tree)->name);
        bool is_all = strcmp(name, "all") == 0;
        describe_columns(source, is_all ? show_all : &name, is_all ? 3 : 1);
        break;
    }
    case AST_EXPLAIN:
        describe_columns(source, query_plan, 1);
        break;
    case AST_EXECUTE: {
        const struct ast_execute *execute = (const void *)tree;
        struct prepared *prepared = session_find_prepared(session, execute->name, err);
        if (prepared == NULL || prepared_analyze(session, &prepared->source, err) != KY_OK) {
            return KY_ERR;
        }
        source->columns = prepared->source.columns;
        source->column_count = prepared->source.column_count;
        source->has_rows = prepared->source.has_rows;
        break;
    }
    case AST_FETCH: {
        const struct ast_fetch *fetch = (const void *)tree;
        const struct portal *cursor = ky_smap_find(&session->portals, ky_slice_cstr(fetch->cursor));
        if (cursor != NULL && !fetch->is_move) {
            source->columns = cursor->source->columns;
            source->column_count = cursor->source->column_count;
            source->has_rows = true;
        }
        break;
    }
    default:
        break;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ SET, SHOW */

/* One value as text: words, strings, numbers. */
static ky_status
value_text(const struct ast_node *value, struct ky_buffer *out, struct ky_error *err)
{
    const struct ast_const *constant = (const void *)value;
    switch ((int)value->kind) {
    case AST_STRING:
        ky_buffer_append_cstr(out, ((const struct ast_string *)(const void *)value)->text);
        return KY_OK;
    case AST_CONST:
        if (constant->type == AST_CONST_INTEGER) {
            ky_buffer_printf(out, "%lld", (long long)constant->integer);
        } else if (constant->type == AST_CONST_BOOL) {
            ky_buffer_append_cstr(out, constant->boolean ? "on" : "off");
        } else if (constant->text != NULL) {
            ky_buffer_append_cstr(out, constant->text);
        }
        return KY_OK;
    case AST_CAST: {
        /* SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE */
        const struct ast_cast *cast = (const void *)value;
        return value_text(cast->arg, out, err);
    }
    default:
        return ky_error_set(err, KY_SYNTAX_ERROR, "SET takes constants only");
    }
}

static bool
takes_list(const char *name)
{
    return strcmp(name, "search_path") == 0;
}

static ky_status
set_values(struct session *session, const struct ast_set *set, struct ky_buffer *text,
           struct ky_error *err)
{
    int32_t count = ast_list_count(set->values);
    bool is_list = takes_list(set->name);
    for (int32_t i = 0; i < count; i++) {
        struct ky_buffer one = {0};
        ky_buffer_append_cstr(text, i == 0 ? "" : ", ");
        ky_status status = value_text(ast_list_get(set->values, i), &one, err);
        if (status == KY_OK && is_list) {
            ky_buffer_append_byte(&one, 0);
            ast_print_identifier(text, (const char *)one.data);
        } else if (status == KY_OK) {
            ky_buffer_append_slice(text, ky_buffer_slice(&one));
        }
        ky_buffer_deinit(&one);
        KY_TRY(status);
    }
    ky_buffer_append_byte(text, 0);
    bool is_local = set->is_local && session->is_block;
    if (set->is_local && !session->is_block) {
        session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                       "SET LOCAL can only be used in transaction blocks");
    }
    return settings_set(&session->settings, set->name, (const char *)text->data,
                        is_local || set->is_local, false, err);
}

static ky_status
set_transaction_setting(struct session *session, const char *name, const char *value,
                        struct ky_error *err)
{
    struct ast_const flag = {
        .node.kind = AST_CONST, .type = AST_CONST_BOOL, .boolean = strcmp(value, "on") == 0};
    struct ast_string level = {.node.kind = AST_STRING, .text = value};
    bool is_level = strcmp(name, "transaction_isolation") == 0;
    struct ast_option option = {
        .node.kind = AST_OPTION, .name = name, .value = is_level ? &level.node : &flag.node};
    struct ast_node *items[] = {&option.node};
    struct ast_list modes = {.items = items, .count = 1};
    return transaction_modes(session, &modes, false, err);
}

static ky_status
run_set(struct session *session, const struct ast_set *set, struct ky_error *err)
{
    struct ky_buffer text = {0};
    ky_status status = KY_OK;
    strcpy(session->tag, set->type == AST_RESET || set->type == AST_RESET_ALL ? "RESET" : "SET");
    switch (set->type) {
    case AST_SET_VALUE:
        status = set_values(session, set, &text, err);
        if (status == KY_OK && strncmp(set->name, "transaction_", 12) == 0) {
            status = set_transaction_setting(
                session, set->name, session->settings.values[setting_find(set->name)], err);
        }
        break;
    case AST_SET_DEFAULT:
    case AST_RESET:
        status = settings_reset(&session->settings, set->name, err);
        break;
    case AST_SET_FROM_CURRENT:
        status = ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "SET FROM CURRENT is not supported");
        break;
    case AST_SET_TRANSACTION:
        if (!session->is_block) {
            session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                           "SET TRANSACTION can only be used in transaction blocks");
        }
        status = transaction_modes(session, set->values, false, err);
        break;
    case AST_SET_SESSION_CHARACTERISTICS:
        status = transaction_modes(session, set->values, true, err);
        break;
    case AST_RESET_ALL:
        settings_reset_all(&session->settings);
        break;
    }
    ky_buffer_deinit(&text);
    session_apply_settings(session);
    return status;
}

const char *
session_show(struct session *session, const char *name, struct ky_buffer *scratch)
{
    static const char *const levels[] = {"read committed", "repeatable read", "serializable"};
    if (strcasecmp(name, "transaction_isolation") == 0) {
        return levels[session->isolation];
    }
    if (strcasecmp(name, "transaction_read_only") == 0) {
        return session->is_read_only ? "on" : "off";
    }
    return settings_show(&session->settings, name, scratch);
}

static ky_status
show_all(struct session *session, struct portal *portal, struct result_sink *sink)
{
    struct datum *values = ky_arena_array(&session->arena, struct datum, SETTING_COUNT * 3);
    uint32_t count = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct ky_buffer scratch = {0};
        if ((setting_info(i)->flags & SETTING_HIDDEN) == 0) {
            const char *value = session_show(session, setting_info(i)->name, &scratch);
            values[count * 3] = datum_cstr(setting_info(i)->name);
            values[count * 3 + 1] = datum_cstr(ky_arena_strdup(&session->arena, value));
            values[count * 3 + 2] = datum_cstr(setting_info(i)->text);
            count++;
        }
        ky_buffer_deinit(&scratch);
    }
    utility_emit(session, sink, portal->columns, 3, values, count);
    return KY_OK;
}

static ky_status
run_show(struct session *session, struct portal *portal, const struct ast_show *show,
         struct result_sink *sink, struct ky_error *err)
{
    struct ky_buffer scratch = {0};
    strcpy(session->tag, "SHOW");
    if (strcmp(show->name, "all") == 0) {
        send_columns(session, portal, sink);
        return show_all(session, portal, sink);
    }
    const char *value = session_show(session, show->name, &scratch);
    if (value == NULL) {
        ky_buffer_deinit(&scratch);
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"",
                            show->name);
    }
    struct datum row = datum_cstr(ky_arena_strdup(&session->arena, value));
    ky_buffer_deinit(&scratch);
    send_columns(session, portal, sink);
    utility_emit(session, sink, portal->columns, 1, &row, 1);
    return KY_OK;
}

static ky_status
run_discard(struct session *session, const struct ast_discard *discard, struct ky_error *err)
{
    switch (discard->type) {
    case AST_DISCARD_ALL:
        if (session->is_block) {
            return ky_error_set(err, KY_ACTIVE_SQL_TRANSACTION,
                                "DISCARD ALL cannot run inside a transaction block");
        }
        strcpy(session->tag, "DISCARD ALL");
        settings_reset_all(&session->settings);
        session_apply_settings(session);
        session_advisory_release(session);
        notify_unlisten(session, NULL);
        session->drop_prepared = true; /* once the statement itself is done with */
        ky_map64_clear(&session->sequences);
        session->has_last_value = false;
        ddl_session_end(session);
        break;
    case AST_DISCARD_PLANS:
        strcpy(session->tag, "DISCARD PLANS");
        break;
    case AST_DISCARD_SEQUENCES:
        strcpy(session->tag, "DISCARD SEQUENCES");
        ky_map64_clear(&session->sequences);
        session->has_last_value = false;
        break;
    case AST_DISCARD_TEMP:
        strcpy(session->tag, "DISCARD TEMP");
        ddl_session_end(session);
        break;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ EXPLAIN */

static ky_status
explain_flag(const struct ast_option *option, bool *out, struct ky_error *err)
{
    struct ky_buffer text = {0};
    *out = true;
    if (option->value == NULL) {
        return KY_OK;
    }
    ky_status status = value_text(option->value, &text, err);
    ky_buffer_append_byte(&text, 0);
    const char *word = (const char *)text.data;
    if (strcasecmp(word, "off") == 0 || strcasecmp(word, "false") == 0 || strcmp(word, "0") == 0) {
        *out = false;
    } else if (strcasecmp(word, "on") != 0 && strcasecmp(word, "true") != 0 &&
               strcmp(word, "1") != 0) {
        status = ky_error_set(err, KY_SYNTAX_ERROR, "%s requires a Boolean value", option->name);
    }
    ky_buffer_deinit(&text);
    return status;
}

static ky_status
explain_format(const struct ast_option *option, char *out, struct ky_error *err)
{
    struct ky_buffer text = {0};
    if (option->value != NULL) {
        KY_TRY(value_text(option->value, &text, err));
    }
    ky_buffer_append_byte(&text, 0);
    ky_status status = KY_OK;
    if (strcasecmp((const char *)text.data, "text") == 0) {
        *out = 't';
    } else if (strcasecmp((const char *)text.data, "json") == 0) {
        *out = 'j';
    } else if (strcasecmp((const char *)text.data, "xml") == 0 ||
               strcasecmp((const char *)text.data, "yaml") == 0) {
        status = ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "EXPLAIN FORMAT %s is not supported",
                              (const char *)text.data);
    } else {
        status = ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                              "unrecognized value for EXPLAIN option \"format\": \"%s\"",
                              (const char *)text.data);
    }
    ky_buffer_deinit(&text);
    return status;
}

static ky_status
explain_options(const struct ast_explain *explain, struct explain_options *options,
                struct ky_error *err)
{
    bool has_summary = false;
    *options = (struct explain_options){.has_costs = true, .has_timing = true, .format = 't'};
    for (int32_t i = 0; i < ast_list_count(explain->options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(explain->options, i);
        bool ignored;
        bool *flag = strcmp(option->name, "analyze") == 0    ? &options->is_analyze
                     : strcmp(option->name, "verbose") == 0  ? &options->is_verbose
                     : strcmp(option->name, "costs") == 0    ? &options->has_costs
                     : strcmp(option->name, "buffers") == 0  ? &options->has_buffers
                     : strcmp(option->name, "timing") == 0   ? &options->has_timing
                     : strcmp(option->name, "summary") == 0  ? &options->has_summary
                     : strcmp(option->name, "settings") == 0 ? &options->has_settings
                     : strcmp(option->name, "wal") == 0      ? &ignored
                                                             : NULL;
        if (strcmp(option->name, "format") == 0) {
            KY_TRY(explain_format(option, &options->format, err));
        } else if (flag == NULL) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"",
                                option->name);
        } else {
            KY_TRY(explain_flag(option, flag, err));
            has_summary = has_summary || flag == &options->has_summary;
        }
    }
    if (!has_summary) {
        options->has_summary = options->is_analyze;
    }
    return KY_OK;
}

/* The explained text, a row for each line; JSON is one row. */
static void
emit_explained(struct session *session, struct portal *portal, struct result_sink *sink,
               const struct ky_buffer *text, bool is_one_row)
{
    const char *line = (const char *)text->data;
    const char *end = line + text->size;
    size_t capacity = 1;
    for (size_t i = 0; i < text->size; i++) {
        capacity += text->data[i] == '\n';
    }
    struct datum *rows = ky_arena_array(&session->arena, struct datum, capacity);
    uint32_t count = 0;
    if (is_one_row) {
        rows[count++] = datum_bytes(text->data, text->size);
    }
    while (!is_one_row && line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t size = next == NULL ? (size_t)(end - line) : (size_t)(next - line);
        rows[count++] = datum_bytes(line, size);
        line += size + 1;
    }
    utility_emit(session, sink, portal->columns, 1, rows, count);
}

void
utility_explain_analyze(struct session *session, struct portal *portal)
{
    struct ky_buffer text = {0};
    struct portal *outer = session->explain_portal;
    plan_explain(portal->source->plan, portal->explain, exec_actual, portal->exec, &text);
    if (portal->explain->has_summary && portal->explain->format == 't') {
        ky_buffer_printf(&text, "\nExecution Time: %.3f ms",
                         (double)(ky_monotonic_ns() - session->begin_ns) / 1e6);
    }
    emit_explained(session, outer, session->sink, &text, portal->explain->format != 't');
    ky_buffer_deinit(&text);
    strcpy(session->tag, "EXPLAIN");
}

/* A portal of its own for the explained statement; its source lives in the outer portal's arena. */
static struct portal *
inner_portal(struct session *session, struct portal *outer, const struct ast_node *tree)
{
    struct plan_source *source = &session->inner_source;
    source_deinit(source);
    source_init(source, &outer->arena);
    source->tree = (struct ast_node *)(uintptr_t)tree;
    source->sql = outer->source->sql;
    source->own_sql = outer->source->own_sql;
    source->param_types = outer->source->param_types;
    source->param_count = outer->source->param_count;
    source->param_capacity = outer->source->param_capacity;
    struct portal *portal = portal_new("");
    portal->source = source;
    portal->params = outer->params;
    portal->param_count = outer->param_count;
    return portal;
}

static ky_status run_execute(struct session *session, struct portal *outer,
                             const struct ast_execute *execute, struct portal **portal_out,
                             struct ky_error *err);

static ky_status
run_explain(struct session *session, struct portal *outer, const struct ast_explain *explain,
            struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    struct explain_options *options = ky_arena_new(&session->arena, struct explain_options);
    struct portal *portal;
    KY_TRY(explain_options(explain, options, err));
    if (explain->statement->kind == AST_EXECUTE) {
        KY_TRY(run_execute(session, outer, (const void *)explain->statement, &portal, err));
    } else if (source_is_query(explain->statement)) {
        portal = inner_portal(session, outer, explain->statement);
    } else {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "EXPLAIN of this statement is not supported");
    }
    int64_t begin_ns = ky_monotonic_ns();
    if (source_plan(session, portal->source, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    send_columns(session, outer, sink);
    if (options->is_analyze) {
        portal->explain = options;
        session->explain_portal = outer;
        session->running = portal;
        session->owned_portal = portal;
        *answer_out = UTILITY_PORTAL;
        return KY_OK;
    }
    struct ky_buffer text = {0};
    plan_explain(portal->source->plan, options, NULL, NULL, &text);
    if (options->has_summary && options->format == 't') {
        ky_buffer_printf(&text, "\nPlanning Time: %.3f ms",
                         (double)(ky_monotonic_ns() - begin_ns) / 1e6);
    }
    emit_explained(session, outer, sink, &text, options->format != 't');
    ky_buffer_deinit(&text);
    portal_free(session, portal);
    strcpy(session->tag, "EXPLAIN");
    return KY_OK;
}

/* ------------------------------------------------------------------ PREPARE, EXECUTE */

static ky_status
run_prepare(struct session *session, const struct portal *outer, const struct ast_prepare *prepare,
            struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    if (ky_smap_find(&session->prepared, ky_slice_cstr(prepare->name)) != NULL) {
        return ky_error_set(err, KY_DUPLICATE_PREPARED_STATEMENT,
                            "prepared statement \"%s\" already exists", prepare->name);
    }
    /* The statement's text is parsed again so that its tree lives in the statement's own arena. */
    struct ky_buffer text = {0};
    ast_print(&text, prepare->statement);
    uint16_t type_count = (uint16_t)ast_list_count(prepare->types);
    struct prepared *prepared =
        prepared_new(prepare->name, ky_buffer_slice(&text), (uint16_t)(type_count + 256));
    ky_buffer_deinit(&text);
    prepared->is_from_sql = true;
    prepared->source.param_count = type_count;
    prepared->source.own_sql = ky_slice_dup(&prepared->arena, outer->source->own_sql);
    ky_status status = session_image(session, &image, err);
    if (status == KY_OK) {
        session_bind_context(session, &bind, &session->arena, image, &env, NULL);
        for (uint16_t i = 0; i < type_count && status == KY_OK; i++) {
            int32_t typmod;
            status = bind_type_name(&bind, (const void *)ast_list_get(prepare->types, i),
                                    &prepared->source.param_types[i], &typmod, err);
        }
        cat_image_release(image);
    }
    struct ast_list statements = {0};
    if (status == KY_OK) {
        status = parse_sql(&prepared->arena, prepared->source.sql, &statements, err);
    }
    if (status == KY_OK) {
        prepared->source.tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        status = prepared_analyze(session, &prepared->source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    (void)ky_smap_put(&session->prepared, ky_slice_cstr(prepare->name), prepared);
    strcpy(session->tag, "PREPARE");
    return KY_OK;
}

static ky_status
execute_args(struct session *session, struct portal *outer, struct portal *portal,
             const struct ast_execute *execute, struct ky_error *err)
{
    struct bind_context bind;
    struct exec_context context = {0};
    struct cat_image *image;
    uint16_t count = (uint16_t)ast_list_count(execute->args);
    const struct plan_source *source = portal->source;
    if (count != source->param_count) {
        (void)ky_error_set(err, KY_SYNTAX_ERROR,
                           "wrong number of parameters for prepared statement \"%s\"",
                           execute->name);
        return ky_error_detail(err, "Expected %u parameters but got %u.", source->param_count,
                               count);
    }
    portal->param_count = count;
    portal->params = ky_arena_array(&portal->arena, struct datum, count + 1U);
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &portal->arena, image, &context.env, outer->source);
    context.access = server_access(session->server);
    context.txn = session->txn;
    context.arena = &portal->arena;
    context.budget = &portal->budget;
    context.cancel = &session->cancel;
    context.image = image;
    context.session = session;
    context.params = outer->params;
    context.param_count = outer->param_count;
    portal_init_memory(session, portal);
    ky_status status = KY_OK;
    for (uint16_t i = 0; i < count && status == KY_OK; i++) {
        struct expr *expr;
        status = bind_argument(&bind, ast_list_get(execute->args, i), source->param_types[i], &expr,
                               err);
        if (status == KY_OK) {
            status = exec_eval_once(&context, expr, &portal->params[i], err);
        }
    }
    cat_image_release(image);
    return status;
}

static ky_status
run_execute(struct session *session, struct portal *outer, const struct ast_execute *execute,
            struct portal **portal_out, struct ky_error *err)
{
    struct prepared *prepared = session_find_prepared(session, execute->name, err);
    if (prepared == NULL) {
        return KY_ERR;
    }
    KY_TRY(prepared_analyze(session, &prepared->source, err));
    struct portal *portal = portal_new("");
    portal->prepared = prepared;
    portal->source = &prepared->source;
    prepared->reference_count++;
    portal->wants_columns = outer->wants_columns;
    portal->result_formats = outer->result_formats;
    portal->result_format_count = outer->result_format_count;
    if (execute_args(session, outer, portal, execute, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    *portal_out = portal;
    return KY_OK;
}

static ky_status
run_deallocate(struct session *session, const struct ast_deallocate *deallocate,
               struct ky_error *err)
{
    if (deallocate->name == NULL) {
        strcpy(session->tag, "DEALLOCATE ALL");
        session->drop_prepared = true;
        return KY_OK;
    }
    if (session_find_prepared(session, deallocate->name, err) == NULL) {
        return KY_ERR;
    }
    session_close_statement(session, deallocate->name);
    strcpy(session->tag, "DEALLOCATE");
    return KY_OK;
}

/* ------------------------------------------------------------------ cursors */

static ky_status
run_declare(struct session *session, struct portal *outer, const struct ast_declare_cursor *declare,
            struct ky_error *err)
{
    if (!session->is_block && !declare->is_with_hold) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "DECLARE CURSOR can only be used in transaction blocks");
    }
    if (declare->is_with_hold) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "DECLARE CURSOR WITH HOLD is not supported yet");
    }
    struct ky_slice key = ky_slice_cstr(declare->name);
    if (ky_smap_find(&session->portals, key) != NULL) {
        return ky_error_set(err, KY_DUPLICATE_CURSOR, "cursor \"%s\" already exists",
                            declare->name);
    }
    struct ky_buffer text = {0};
    ast_print(&text, &declare->query->node);
    struct prepared *prepared = prepared_new("", ky_buffer_slice(&text), outer->param_count);
    ky_buffer_deinit(&text);
    struct plan_source *source = &prepared->source;
    if (outer->param_count > 0) {
        memcpy(source->param_types, outer->source->param_types, outer->param_count * sizeof(oid_t));
    }
    source->param_count = outer->param_count;
    struct ast_list statements = {0};
    ky_status status = parse_sql(&prepared->arena, source->sql, &statements, err);
    if (status == KY_OK) {
        source->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        status = prepared_analyze(session, source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    struct portal *portal = portal_new(declare->name);
    portal->prepared = prepared; /* the portal's only reference */
    portal->source = source;
    portal->is_cursor = true;
    portal->cursor_sql = ky_arena_cstr(&portal->arena, outer->source->own_sql);
    portal->param_count = outer->param_count;
    portal->params = ky_arena_array(&portal->arena, struct datum, outer->param_count + 1U);
    for (uint16_t i = 0; i < outer->param_count; i++) {
        portal->params[i] = outer->params[i];
        if (!outer->params[i].is_null && type_get(source->param_types[i])->storage == TYPE_BYTES) {
            portal->params[i].bytes = ky_slice_dup(&portal->arena, outer->params[i].bytes);
        }
    }
    (void)ky_smap_put(&session->portals, key, portal);
    strcpy(session->tag, "DECLARE CURSOR");
    return KY_OK;
}

/* Where MOVE's rows go. */
static bool
null_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    (void)sink;
    (void)columns;
    (void)count;
    (void)batch;
    (void)types;
    return true;
}

/* FETCH FORWARD n: the cursor's portal runs for n rows with the fetching portal's formats. */
static ky_status
run_fetch(struct session *session, struct portal *outer, const struct ast_fetch *fetch,
          struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    struct portal *cursor = ky_smap_find(&session->portals, ky_slice_cstr(fetch->cursor));
    if (cursor == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            fetch->cursor);
    }
    bool is_forward = fetch->direction == AST_FETCH_FORWARD ||
                      (fetch->direction == AST_FETCH_RELATIVE && fetch->count > 0);
    if (!is_forward || fetch->count <= 0) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "cursor can only scan forward");
        return ky_error_hint(err, "Declare it with SCROLL option to enable backward scan.");
    }
    if (!session->is_fetching) {
        session->is_fetching = true;
        session->fetch_start = cursor->row_count;
        session->left_rows = fetch->count >= UINT32_MAX ? 0 : (uint32_t)fetch->count;
        cursor->columns = NULL;
        cursor->result_formats = outer->result_formats;
        cursor->result_format_count = outer->result_format_count;
        KY_TRY(source_plan(session, cursor->source, err));
        portal_make_columns(cursor);
        if (outer->wants_columns && !fetch->is_move) {
            sink->columns(sink, cursor->columns, cursor->column_count);
        }
    }
    struct result_sink nowhere = {.rows = null_rows};
    struct result_sink *target = fetch->is_move ? &nowhere : sink;
    enum session_answer answer = portal_run(session, cursor, session->left_rows, target, err);
    if (answer == SESSION_PENDING) {
        *answer_out = UTILITY_PENDING;
        return KY_OK;
    }
    session->is_fetching = false;
    if (answer == SESSION_ERROR) {
        return KY_ERR;
    }
    (void)snprintf(session->tag, sizeof(session->tag), "%s %llu", fetch->is_move ? "MOVE" : "FETCH",
                   (unsigned long long)(cursor->row_count - session->fetch_start));
    return KY_OK;
}

static ky_status
run_close(struct session *session, const struct ast_close *close, struct ky_error *err)
{
    if (close->cursor == NULL) {
        size_t cursor = 0;
        struct ky_slice name;
        void *value;
        strcpy(session->tag, "CLOSE CURSOR ALL");
        while (ky_smap_next(&session->portals, &cursor, &name, &value)) {
            struct portal *portal = value;
            if (portal->is_cursor) {
                (void)ky_smap_remove(&session->portals, name);
                portal_free(session, portal);
                cursor = 0;
            }
        }
        return KY_OK;
    }
    if (ky_smap_find(&session->portals, ky_slice_cstr(close->cursor)) == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            close->cursor);
    }
    session_close_portal(session, close->cursor);
    strcpy(session->tag, "CLOSE CURSOR");
    return KY_OK;
}

/* ------------------------------------------------------------------ the rest */

static ky_status
run_lock(struct session *session, const struct portal *outer, const struct ast_lock_table *lock,
         bool *is_pending_out, struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    if (!session->is_block) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "LOCK TABLE can only be used in transaction blocks");
    }
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &session->arena, image, &env, outer->source);
    ky_status status = KY_OK;
    for (int32_t i = 0; i < ast_list_count(lock->relations) && status == KY_OK; i++) {
        struct cat_table *table;
        status = bind_relation(&bind, (const void *)ast_list_get(lock->relations, i), false, &table,
                               err);
        if (status == KY_OK && table->sysview == NULL) {
            status = session_lock_table(session, table->oid, (enum table_lock_mode)lock->mode,
                                        lock->is_nowait, table->name, is_pending_out, err);
        }
        if (status == KY_OK && *is_pending_out) {
            break;
        }
    }
    cat_image_release(image);
    strcpy(session->tag, "LOCK TABLE");
    return status;
}

static ky_status
run_copy(struct session *session, struct portal *outer, const struct ast_copy *copy,
         struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    bool is_pending = false;
    if (copy->is_from) {
        if (session->is_read_only) {
            return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                                "cannot execute COPY FROM in a read-only transaction");
        }
        KY_TRY(copy_in_begin(session, copy, sink, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_COPY_IN;
        return KY_OK;
    }
    struct portal *portal = inner_portal(session, outer, NULL);
    if (copy_out_begin(session, copy, portal->source, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    session->running = portal;
    session->owned_portal = portal;
    *answer_out = UTILITY_PORTAL;
    return KY_OK;
}

static ky_status
run_create_table_as(struct session *session, struct portal *outer,
                    const struct ast_create_table_as *create, enum utility_answer *answer_out,
                    struct ky_error *err)
{
    struct query *query = NULL;
    bool is_done = false;
    bool is_pending = false;
    struct portal *portal = inner_portal(session, outer, &create->node);
    if (ddl_create_table_as(session, create, &portal->source->plan_arena, &query, &is_done,
                            &is_pending, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    if (is_pending || is_done) {
        portal_free(session, portal);
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    }
    portal->source->query_made = query;
    portal->forced_tag = "SELECT";
    session->running = portal;
    session->owned_portal = portal;
    *answer_out = UTILITY_PORTAL;
    return KY_OK;
}

/* Notifications reach listeners of a later version; until then LISTEN would only pretend. */
static ky_status
run_notify(struct session *session, const struct ast_notify *notify, struct ky_error *err)
{
    switch (notify->type) {
    case AST_NOTIFY_UNLISTEN:
        strcpy(session->tag, "UNLISTEN");
        notify_unlisten(session, notify->channel);
        return KY_OK;
    case AST_NOTIFY_NOTIFY:
        strcpy(session->tag, "NOTIFY");
        return notify_send(session, notify->channel, notify->payload == NULL ? "" : notify->payload,
                           err);
    case AST_NOTIFY_LISTEN:
        strcpy(session->tag, "LISTEN");
        return notify_listen(session, notify->channel, err);
    }
    KY_UNREACHABLE();
}

static ky_status
run_checkpoint(struct session *session, struct ky_error *err)
{
    lsn_t lsn;
    if (!session->is_superuser) {
        return ky_error_set(
            err, KY_INSUFFICIENT_PRIVILEGE,
            "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT");
    }
    strcpy(session->tag, "CHECKPOINT");
    return storage_checkpoint(server_storage(session->server), &lsn, err);
}

static ky_status
run_ddl(struct session *session, const struct portal *outer, enum utility_answer *answer_out,
        struct ky_error *err)
{
    bool is_pending = false;
    if (session->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute this command in a read-only transaction");
    }
    txn_statement_begin(access_storage_txn(session->txn));
    ky_status status = ddl_run(session, outer->source->tree, outer->source->sql, &is_pending, err);
    txn_statement_end(access_storage_txn(session->txn));
    txn_command_increment(access_storage_txn(session->txn));
    *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
    return status;
}

static ky_status
run_transaction(struct session *session, const struct ast_transaction *statement,
                enum utility_answer *answer_out, struct ky_error *err)
{
    bool wants_commit;
    KY_TRY(transaction_statement(session, statement, &wants_commit, err));
    *answer_out = wants_commit ? UTILITY_COMMIT : UTILITY_DONE;
    return KY_OK;
}

ky_status
utility_run(struct session *session, struct portal *portal, struct result_sink *sink,
            enum utility_answer *answer_out, struct ky_error *err)
{
    const struct ast_node *tree = portal->source->tree;
    bool is_pending = false;
    *answer_out = UTILITY_DONE;
    if (tree->kind == AST_TRANSACTION) {
        return run_transaction(session, (const void *)tree, answer_out, err);
    }
    if (ddl_handles(tree->kind)) {
        return run_ddl(session, portal, answer_out, err);
    }
    if (portal->source->column_count == 0) {
        KY_TRY(utility_describe(session, portal->source, err));
    }
    switch ((int)tree->kind) {
    case AST_SET:
        return run_set(session, (const void *)tree, err);
    case AST_SHOW:
        return run_show(session, portal, (const void *)tree, sink, err);
    case AST_DISCARD:
        return run_discard(session, (const void *)tree, err);
    case AST_EXPLAIN:
        return run_explain(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_PREPARE:
        return run_prepare(session, portal, (const void *)tree, err);
    case AST_EXECUTE:
        KY_TRY(run_execute(session, portal, (const void *)tree, &session->running, err));
        session->owned_portal = session->running;
        *answer_out = UTILITY_PORTAL;
        return KY_OK;
    case AST_DEALLOCATE:
        return run_deallocate(session, (const void *)tree, err);
    case AST_DECLARE_CURSOR:
        return run_declare(session, portal, (const void *)tree, err);
    case AST_FETCH:
        return run_fetch(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_CLOSE:
        return run_close(session, (const void *)tree, err);
    case AST_LOCK_TABLE:
        KY_TRY(run_lock(session, portal, (const void *)tree, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    case AST_COPY:
        return run_copy(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_CREATE_TABLE_AS:
        return run_create_table_as(session, portal, (const void *)tree, answer_out, err);
    case AST_CHECKPOINT:
        return run_checkpoint(session, err);
    case AST_ANALYZE:
        return maintenance_run(session, portal, (const void *)tree, err);
    case AST_NOTIFY:
        return run_notify(session, (const void *)tree, err);
    case AST_DO:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "DO is not supported");
    case AST_CALL:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "CALL is not supported");
    case AST_UNSUPPORTED:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "%s is not supported",
                            ((const struct ast_unsupported *)(const void *)tree)->command);
    default:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "this statement is not supported");
    }
}

/* ------------------------------------------------------------------ implicit tables */

ky_status
implicit_table(struct session *session, const struct ast_node *statement, bool *is_pending_out,
               struct ky_error *err)
{
    bool was_made;
    *is_pending_out = false;
    if (statement->kind != AST_INSERT ||
        !settings_bool(&session->settings, SETTING_IMPLICIT_TABLES)) {
        return KY_OK;
    }
    KY_TRY(ddl_implicit_table(session, (const void *)statement, &was_made, is_pending_out, err));
    if (was_made) {
        txn_command_increment(access_storage_txn(session->txn));
    }
    return KY_OK;
}
