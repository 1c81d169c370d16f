/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/session/copy_private.h"

/* COPY TO: an ordinary query whose sink writes lines. */

/* Plans the query to know its columns where an option is about them. */
static ky_status
choose_columns(struct session *session, struct copy *copy, struct plan_source *source,
               struct ky_error *err)
{
    const struct copy_options *options = &copy->options;
    if (options->format != COPY_BINARY && options->force_quote == NULL &&
        !options->is_force_quote_all) {
        return KY_OK;
    }
    KY_TRY(source_plan(session, source, err));
    copy->column_count = source->column_count;
    copy->names = ky_arena_array(&copy->arena, const char *, source->column_count + 1U);
    for (uint16_t i = 0; i < source->column_count; i++) {
        const struct type *type = source->columns[i].type;
        copy->names[i] = ky_arena_strdup(&copy->arena, source->columns[i].name);
        if (options->format == COPY_BINARY && type->send == NULL) {
            return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                                "no binary output function available for type %s", type->sql_name);
        }
    }
    return KY_OK;
}

/* A table is copied by the query that reads it. */
static ky_status
table_query(struct session *session, const struct ast_copy *statement, struct copy *copy,
            struct plan_source *source, struct ky_error *err)
{
    struct ky_buffer text = {0};
    struct ast_list parsed = {0};
    struct cat_image *image;
    struct cat_table *table = NULL;
    struct bind_context bind;
    struct func_env env;
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &session->arena, image, &env, NULL);
    bind.role = session_limited_role(session);
    ky_status status = bind_relation(&bind, statement->relation, false, &table, err);
    if (status == KY_OK && cat_is_view(table)) {
        (void)ky_error_set(err, KY_WRONG_OBJECT_TYPE, "cannot copy from %sview \"%s\"",
                           table->kind == 'm' ? "materialized " : "", table->name);
        status = ky_error_hint(err, "Try the COPY (SELECT ...) TO variant.");
    }
    if (status != KY_OK) {
        cat_image_release(image);
        return KY_ERR;
    }
    copy->table_oid = table->oid;
    ky_buffer_append_cstr(&text, "SELECT ");
    uint16_t named = 0;
    for (uint16_t i = 0; statement->columns == NULL && i < table->column_count; i++) {
        if (!table->columns[i].is_dropped && table->columns[i].generated == 0) {
            ky_buffer_append_cstr(&text, named++ == 0 ? "" : ", ");
            ast_print_identifier(&text, table->columns[i].name);
        }
    }
    for (int32_t i = 0; i < ast_list_count(statement->columns); i++) {
        ky_buffer_append_cstr(&text, i == 0 ? "" : ", ");
        ast_print_identifier(&text, ast_list_text(statement->columns, i));
    }
    ky_buffer_append_cstr(&text, " FROM ");
    ast_print(&text, &statement->relation->node);
    struct ky_slice sql = ky_slice_dup(&session->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    status = parse_sql(&session->arena, sql, &parsed, err);
    if (status == KY_OK) {
        source->sql = source->own_sql = sql;
        source->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
        status = choose_columns(session, copy, source, err);
    }
    if (status == KY_OK) {
        status = copy_force_columns(copy, table, err);
    }
    cat_image_release(image);
    return status;
}

static ky_status
begin_query(struct session *session, const struct ast_copy *statement, struct copy *copy,
            struct plan_source *source, struct ky_error *err)
{
    KY_TRY(copy_read_options(statement, source->sql, &copy->options, err));
    copy->options.null_text = ky_slice_dup(&copy->arena, copy->options.null_text);
    if (statement->query == NULL) {
        return table_query(session, statement, copy, source, err);
    }
    source->tree = statement->query;
    if (source->tree->kind == AST_MERGE) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "MERGE not supported in COPY");
    }
    if (!source_is_query(source->tree)) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY of this kind of query is not supported");
    }
    KY_TRY(choose_columns(session, copy, source, err));
    return copy_force_columns(copy, NULL, err);
}

static ky_status
may_use_file(struct session *session, const struct ast_copy *statement, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(session_image(session, &image, err));
    const ky_status status = copy_file_allow(session, image, statement, err);
    cat_image_release(image);
    return status;
}

ky_status
copy_out_begin(struct session *session, const struct ast_copy *statement,
               struct plan_source *source, struct ky_error *err)
{
    struct copy *copy = ky_calloc(1, sizeof(*copy));
    ky_arena_init(&copy->arena);
    ky_arena_init(&copy->rows_arena);
    source_init(&copy->insert, &copy->arena);
    ky_status status = may_use_file(session, statement, err);
    if (status == KY_OK) {
        status = begin_query(session, statement, copy, source, err);
    }
    /* The file stays as it is if these fail. */
    if (status == KY_OK && statement->file != NULL) {
        status = source_plan(session, source, err);
    }
    if (status == KY_OK && statement->file != NULL) {
        status = source_check_rights(source, err);
    }
    if (status == KY_OK && statement->file != NULL) {
        status = copy_file_open(session, copy, statement, err);
    }
    if (status != KY_OK) {
        copy_free(copy);
        return KY_ERR;
    }
    copy_free(session->copy);
    session->copy = copy;
    copy_progress_begin(session, copy, COPY_TO);
    return KY_OK;
}

/* ------------------------------------------------------------------ lines */

static void
text_field(struct copy *copy, struct ky_slice value)
{
    static const char codes[] = "\b\f\n\r\t\v\\";
    static const char names[] = "bfnrtv\\";
    const char *text = value.data;
    for (size_t i = 0; i < value.size; i++) {
        const char *special = text[i] == '\0' ? NULL : strchr(codes, text[i]);
        if (special != NULL) {
            ky_buffer_append_byte(&copy->out, '\\');
            ky_buffer_append_byte(&copy->out, (uint8_t)names[special - codes]);
        } else {
            if (text[i] == copy->options.delimiter) {
                ky_buffer_append_byte(&copy->out, '\\');
            }
            ky_buffer_append_byte(&copy->out, (uint8_t)text[i]);
        }
    }
}

static void
csv_field(struct copy *copy, struct ky_slice value, bool is_forced, bool is_only)
{
    const struct copy_options *options = &copy->options;
    const char *text = value.data;
    bool needs_quotes = is_forced || ky_slice_equal(value, options->null_text) ||
                        (is_only && ky_slice_is(value, "\\."));
    for (size_t i = 0; i < value.size && !needs_quotes; i++) {
        needs_quotes = text[i] == options->delimiter || text[i] == options->quote ||
                       text[i] == '\n' || text[i] == '\r';
    }
    if (!needs_quotes) {
        ky_buffer_append_slice(&copy->out, value);
        return;
    }
    ky_buffer_append_byte(&copy->out, (uint8_t)options->quote);
    for (size_t i = 0; i < value.size; i++) {
        if (text[i] == options->quote || text[i] == options->escape) {
            ky_buffer_append_byte(&copy->out, (uint8_t)options->escape);
        }
        ky_buffer_append_byte(&copy->out, (uint8_t)text[i]);
    }
    ky_buffer_append_byte(&copy->out, (uint8_t)options->quote);
}

static void
write_field(struct copy *copy, uint16_t column, struct ky_slice value, bool is_forced, bool is_only)
{
    if (column > 0) {
        ky_buffer_append_byte(&copy->out, (uint8_t)copy->options.delimiter);
    }
    if (copy->options.format == COPY_CSV) {
        csv_field(copy, value, is_forced, is_only);
    } else {
        text_field(copy, value);
    }
}

static void
begin_out(struct copy *copy, const struct result_column *columns, uint16_t count)
{
    copy->has_begun = true;
    copy->target->copy_out(copy->target, count, copy->options.format == COPY_BINARY);
    if (copy->options.format == COPY_BINARY) {
        copy_binary_begin(&copy->out); /* goes out with the first row */
        return;
    }
    if (copy->options.header == COPY_HEADER_NONE) {
        return;
    }
    for (uint16_t i = 0; i < count; i++) {
        write_field(copy, i, ky_slice_cstr(columns[i].name), false, count == 1);
    }
    ky_buffer_append_byte(&copy->out, '\n');
    (void)copy->target->copy_data(copy->target, ky_buffer_slice(&copy->out));
    ky_buffer_clear(&copy->out);
}

static struct copy *
copy_of(struct result_sink *sink)
{
    return (struct copy *)(void *)((char *)sink - offsetof(struct copy, sink));
}

static void
write_line(struct copy *copy, const struct batch *batch, uint32_t place, uint16_t count,
           const struct type_context *types)
{
    for (uint16_t i = 0; i < count; i++) {
        struct datum value = column_get(&batch->columns[i], place);
        const struct type *type = batch->columns[i].type;
        if (value.is_null) {
            if (i > 0) {
                ky_buffer_append_byte(&copy->out, (uint8_t)copy->options.delimiter);
            }
            ky_buffer_append_slice(&copy->out, copy->options.null_text);
            continue;
        }
        ky_buffer_clear(&copy->scratch);
        type->output(type, types, value, &copy->scratch);
        write_field(copy, i, ky_buffer_slice(&copy->scratch),
                    i < copy->column_count && (copy->force[i] & COPY_FORCE_QUOTE) != 0, count == 1);
    }
    ky_buffer_append_byte(&copy->out, '\n');
}

static bool
out_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
         const struct batch *batch, const struct type_context *types)
{
    struct copy *copy = copy_of(sink);
    uint64_t bytes = 0;
    bool has_room = true;
    if (!copy->has_begun) {
        begin_out(copy, columns, count);
    }
    for (uint32_t row = 0; row < batch->count; row++) {
        uint32_t place = batch_place(batch, row);
        if (copy->options.format == COPY_BINARY) {
            copy_binary_row(copy, batch, place, count, types);
        } else {
            write_line(copy, batch, place, count, types);
        }
        if (KY_UNLIKELY(copy->out.size > SESSION_ROW_OUT_MAX)) {
            ky_buffer_clear(&copy->out);
            sink->has_long_row = true;
            return false;
        }
        has_room = copy->target->copy_data(copy->target, ky_buffer_slice(&copy->out));
        bytes += copy->out.size;
        ky_buffer_clear(&copy->out);
    }
    copy_progress_add(copy, bytes, batch->count, 0);
    return has_room;
}

static void
no_columns(struct result_sink *sink, const struct result_column *columns, uint16_t count)
{
    struct copy *copy = copy_of(sink);
    if (!copy->has_begun) {
        begin_out(copy, columns, count);
    }
}

struct result_sink *
copy_out_sink(struct session *session, struct result_sink *target)
{
    struct copy *copy = session->copy;
    copy->target = copy->file != NULL ? copy_file_sink(copy) : target;
    copy->sink = (struct result_sink){.columns = no_columns, .rows = out_rows};
    if (session->running != NULL) {
        session->running->wants_columns = true; /* an empty result still begins the stream */
    }
    return &copy->sink;
}

ky_status
copy_out_end(struct session *session, uint64_t row_count, struct ky_error *err)
{
    struct copy *copy = session->copy;
    if (copy->options.format == COPY_BINARY) {
        ky_buffer_append_be16(&copy->out, UINT16_MAX);
        (void)copy->target->copy_data(copy->target, ky_buffer_slice(&copy->out));
    }
    copy->target->copy_out_end(copy->target);
    KY_TRY(copy_file_check(copy, err));
    (void)snprintf(session->tag, SESSION_TAG_SIZE, "COPY %" PRIu64, row_count);
    copy_free(copy);
    session->copy = NULL;
    return KY_OK;
}
