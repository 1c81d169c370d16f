/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/session/copy_private.h"

/* COPY TO STDOUT: an ordinary query whose sink writes lines. */

/* A table is copied by the query that reads it. */
static ky_status
table_query(struct session *session, const struct ast_copy *statement, struct plan_source *source,
            struct ky_error *err)
{
    struct ky_buffer text = {0};
    struct ast_list parsed = {0};
    struct cat_image *image;
    struct cat_table *table = NULL;
    struct bind_context bind;
    struct func_env env;
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &session->arena, image, &env, NULL);
    ky_status status = bind_relation(&bind, statement->relation, false, &table, err);
    if (status == KY_OK && table->kind == 'v' && table->sysview == NULL) {
        (void)ky_error_set(err, KY_WRONG_OBJECT_TYPE, "cannot copy from view \"%s\"", table->name);
        status = ky_error_hint(err, "Try the COPY (SELECT ...) TO variant.");
    }
    if (status != KY_OK) {
        cat_image_release(image);
        return KY_ERR;
    }
    ky_buffer_append_cstr(&text, "SELECT ");
    uint16_t named = 0;
    for (uint16_t i = 0; statement->columns == NULL && i < table->column_count; i++) {
        if (!table->columns[i].is_dropped && table->columns[i].generated == 0) {
            ky_buffer_append_cstr(&text, named++ == 0 ? "" : ", ");
            ast_print_identifier(&text, table->columns[i].name);
        }
    }
    cat_image_release(image);
    for (int32_t i = 0; i < ast_list_count(statement->columns); i++) {
        ky_buffer_append_cstr(&text, i == 0 ? "" : ", ");
        ast_print_identifier(&text, ast_list_text(statement->columns, i));
    }
    ky_buffer_append_cstr(&text, " FROM ");
    ast_print(&text, &statement->relation->node);
    struct ky_slice sql = ky_slice_dup(&session->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    KY_TRY(parse_sql(&session->arena, sql, &parsed, err));
    source->sql = source->own_sql = sql;
    source->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    return KY_OK;
}

ky_status
copy_out_begin(struct session *session, const struct ast_copy *statement,
               struct plan_source *source, struct ky_error *err)
{
    struct copy_options options;
    KY_TRY(copy_read_options(session, statement, &options, err));
    if (statement->query != NULL) {
        source->tree = statement->query;
        if (!source_is_query(source->tree)) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "COPY of this kind of query is not supported");
        }
    } else {
        KY_TRY(table_query(session, statement, source, err));
    }
    copy_free(session->copy);
    session->copy = ky_calloc(1, sizeof(*session->copy));
    session->copy->options = options;
    ky_arena_init(&session->copy->arena);
    ky_arena_init(&session->copy->rows_arena);
    source_init(&session->copy->one, &session->copy->arena);
    source_init(&session->copy->many, &session->copy->arena);
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
csv_field(struct copy *copy, struct ky_slice value, bool is_only)
{
    const struct copy_options *options = &copy->options;
    const char *text = value.data;
    bool needs_quotes =
        ky_slice_is(value, options->null_text) || (is_only && ky_slice_is(value, "\\."));
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
write_field(struct copy *copy, uint16_t column, struct ky_slice value, bool is_only)
{
    if (column > 0) {
        ky_buffer_append_byte(&copy->out, (uint8_t)copy->options.delimiter);
    }
    if (copy->options.is_csv) {
        csv_field(copy, value, is_only);
    } else {
        text_field(copy, value);
    }
}

static void
begin_out(struct copy *copy, const struct result_column *columns, uint16_t count)
{
    copy->has_begun = true;
    copy->target->copy_out(copy->target, count, 0);
    if (!copy->options.has_header) {
        return;
    }
    for (uint16_t i = 0; i < count; i++) {
        write_field(copy, i, ky_slice_cstr(columns[i].name), count == 1);
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

static bool
out_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
         const struct batch *batch, const struct type_context *types)
{
    struct copy *copy = copy_of(sink);
    bool has_room = true;
    if (!copy->has_begun) {
        begin_out(copy, columns, count);
    }
    for (uint32_t row = 0; row < batch->count; row++) {
        uint32_t place = batch_place(batch, row);
        ky_buffer_clear(&copy->out);
        for (uint16_t i = 0; i < count; i++) {
            struct datum value = column_get(&batch->columns[i], place);
            const struct type *type = batch->columns[i].type;
            if (value.is_null) {
                if (i > 0) {
                    ky_buffer_append_byte(&copy->out, (uint8_t)copy->options.delimiter);
                }
                ky_buffer_append_cstr(&copy->out, copy->options.null_text);
                continue;
            }
            ky_buffer_clear(&copy->field);
            type->output(type, types, value, &copy->field);
            write_field(copy, i, ky_buffer_slice(&copy->field), count == 1);
        }
        ky_buffer_append_byte(&copy->out, '\n');
        has_room = copy->target->copy_data(copy->target, ky_buffer_slice(&copy->out));
    }
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
    copy->target = target;
    copy->sink = (struct result_sink){.columns = no_columns, .rows = out_rows};
    if (session->running != NULL) {
        session->running->wants_columns = true; /* an empty result still begins the stream */
    }
    return &copy->sink;
}

void
copy_out_end(struct session *session, uint64_t row_count)
{
    struct copy *copy = session->copy;
    copy->target->copy_out_end(copy->target);
    (void)snprintf(session->tag, SESSION_TAG_SIZE, "COPY %" PRIu64, row_count);
    copy_free(copy);
    session->copy = NULL;
}
