/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/assert.h"
#include "server/session/after.h"
#include "server/session/copy_private.h"

/*
 * COPY FROM STDIN. Lines are cut into fields, fields read by their types' input functions, and
 * COPY_ROWS rows at a time go through an ordinary INSERT plan with parameters: defaults, checks,
 * unique waits are the executor's, and a wait is PENDING like any other.
 */

/* "INSERT INTO s.t (a, b) VALUES ($1, $2), ($3, $4) ..." */
static ky_status
prepare_insert(struct session *session, struct copy *copy, const struct cat_table *table,
               const char *schema, uint32_t rows, struct plan_source *source, struct ky_error *err)
{
    struct ky_buffer text = {0};
    struct ast_list parsed = {0};
    uint32_t param = 1;
    ky_buffer_append_cstr(&text, "INSERT INTO ");
    ast_print_identifier(&text, schema);
    ky_buffer_append_byte(&text, '.');
    ast_print_identifier(&text, table->name);
    for (uint16_t i = 0; i < copy->column_count; i++) {
        ky_buffer_append_cstr(&text, i == 0 ? " (" : ", ");
        ast_print_identifier(&text, copy->names[i]);
    }
    /* What a file says counts, also where the column is GENERATED ALWAYS AS IDENTITY. */
    ky_buffer_append_cstr(&text, copy->column_count == 0 ? " DEFAULT VALUES"
                                                         : ") OVERRIDING SYSTEM VALUE ");
    if (copy->where != NULL) {
        ky_buffer_append_cstr(&text, "SELECT * FROM (");
    }
    ky_buffer_append_cstr(&text, copy->column_count == 0 ? "" : "VALUES ");
    for (uint32_t row = 0; copy->column_count > 0 && row < rows; row++) {
        ky_buffer_append_cstr(&text, row == 0 ? "(" : ", (");
        for (uint16_t i = 0; i < copy->column_count; i++) {
            ky_buffer_printf(&text, i == 0 ? "$%u" : ", $%u", param++);
        }
        ky_buffer_append_byte(&text, ')');
    }
    if (copy->where != NULL) {
        ky_buffer_append_cstr(&text, ") AS ");
        ast_print_identifier(&text, table->name);
        for (uint16_t i = 0; i < copy->column_count; i++) {
            ky_buffer_append_cstr(&text, i == 0 ? " (" : ", ");
            ast_print_identifier(&text, copy->names[i]);
        }
        ky_buffer_printf(&text, ") WHERE %s", copy->where);
    }
    source_init(source, &copy->arena);
    source->sql = source->own_sql = ky_slice_dup(&copy->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    source->param_count = source->param_capacity = (uint16_t)(param - 1);
    source->param_types = ky_arena_array(&copy->arena, oid_t, param);
    for (uint32_t i = 0; i + 1 < param; i++) {
        source->param_types[i] = copy->types[i % copy->column_count]->oid;
    }
    KY_TRY(parse_sql(&copy->arena, source->sql, &parsed, err));
    source->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    return source_plan(session, source, err);
}

/* The columns named, or all that can be given. */
static ky_status
choose_columns(struct copy *copy, const struct cat_table *table, const struct ast_list *names,
               struct ky_error *err)
{
    uint16_t room = (uint16_t)(table->column_count + 1);
    copy->types = ky_arena_array(&copy->arena, const struct type *, room);
    copy->names = ky_arena_array(&copy->arena, const char *, room);
    for (uint16_t i = 0; names == NULL && i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (!column->is_dropped && column->generated == 0) {
            copy->types[copy->column_count] = column->type;
            copy->names[copy->column_count++] = ky_arena_strdup(&copy->arena, column->name);
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
        copy->types[copy->column_count] = column->type;
        copy->names[copy->column_count++] = ky_arena_strdup(&copy->arena, column->name);
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
    if (statement->where != NULL) {
        struct ky_buffer where = {0};
        ast_print(&where, statement->where);
        copy->where = ky_arena_cstr(&copy->arena, ky_buffer_slice(&where));
        ky_buffer_deinit(&where);
    }
    KY_TRY(bind_relation(&bind, statement->relation, false, &table, err));
    if (table->kind != 'r' || table->sysview != NULL) {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "cannot copy to %s \"%s\"",
                            table->kind == 'v' ? "view" : "relation", table->name);
    }
    KY_TRY(session_lock_table(session, table->oid, LOCK_ROW_EXCLUSIVE, false, table->name,
                              is_pending_out, err));
    if (*is_pending_out) {
        return KY_OK;
    }
    const struct cat_schema *schema = cat_get_schema(image, table->schema);
    copy->table = ky_arena_strdup(&copy->arena, table->name);
    KY_TRY(choose_columns(copy, table, statement->columns, err));
    KY_TRY(prepare_insert(session, copy, table, schema->name, 1, &copy->one, err));
    if (copy->column_count > 0 && copy->column_count < 1000) {
        KY_TRY(prepare_insert(session, copy, table, schema->name, COPY_ROWS, &copy->many, err));
    }
    copy->values =
        ky_arena_array(&copy->arena, struct datum, (size_t)COPY_ROWS * (copy->column_count + 1U));
    return KY_OK;
}

ky_status
copy_in_begin(struct session *session, const struct ast_copy *statement, struct result_sink *sink,
              bool *is_pending_out, struct ky_error *err)
{
    struct cat_image *image;
    struct copy *copy = ky_calloc(1, sizeof(*copy));
    ky_arena_init(&copy->arena);
    ky_arena_init(&copy->rows_arena);
    source_init(&copy->one, &copy->arena);
    source_init(&copy->many, &copy->arena);
    ky_budget_init(&copy->budget, "work memory", 0, &session->server->memory);
    *is_pending_out = false;
    ky_status status = session_image(session, &image, err);
    if (status == KY_OK) {
        status = copy_read_options(session, statement, &copy->options, err);
        if (status == KY_OK) {
            status = prepare(session, copy, statement, image, is_pending_out, err);
        }
        cat_image_release(image);
    }
    if (status != KY_OK || *is_pending_out) {
        copy_free(copy);
        return status;
    }
    copy->is_header_due = copy->options.has_header;
    txn_statement_begin(access_storage_txn(session->txn));
    copy->has_statement = true;
    copy_free(session->copy);
    session->copy = copy;
    sink->copy_in(sink, copy->column_count, 0);
    return KY_OK;
}

void
copy_free(struct copy *copy)
{
    if (copy == NULL) {
        return;
    }
    if (copy->exec != NULL) {
        exec_close(copy->exec);
    }
    source_deinit(&copy->one);
    source_deinit(&copy->many);
    ky_buffer_deinit(&copy->field);
    ky_buffer_deinit(&copy->input);
    ky_buffer_deinit(&copy->out);
    ky_arena_deinit(&copy->rows_arena);
    ky_arena_deinit(&copy->arena);
    ky_free(copy);
}

/* ------------------------------------------------------------------ inserting */

static ky_status
open_run(struct session *session, struct copy *copy, uint32_t rows, struct ky_error *err)
{
    struct plan_source *source = rows == COPY_ROWS ? &copy->many : &copy->one;
    copy->running = rows;
    access_savepoint_set(session->txn, &copy->before);
    after_mark_set(session_after_queue(session), &copy->before_mark);
    copy->context = (struct exec_context){
        .access = server_access(session->server),
        .txn = session->txn,
        .arena = &copy->rows_arena,
        .budget = &copy->budget,
        .work_mem = (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024,
        .temp_dir = session->server->options.temp_dir,
        .params = copy->values + (size_t)(copy->row_count - rows) * copy->column_count,
        .param_count = source->param_count,
        .waiter = &session->waiter,
        .cancel = &session->cancel,
        .image = source->image,
        .after = session_after_queue(session),
        .session = session,
    };
    session_env(session, &copy->context.env, &copy->rows_arena, source->image);
    return exec_open(&copy->context, source->plan, &copy->exec, err);
}

/* Inserts the rows that wait: COPY_ROWS at once, fewer one by one from the last. */
static enum session_answer
insert_rows(struct session *session, struct copy *copy, struct ky_error *err)
{
    while (copy->row_count > 0 || copy->exec != NULL) {
        if (copy->exec == NULL) {
            bool is_whole = copy->row_count == COPY_ROWS && copy->many.plan != NULL &&
                            !copy->is_single && !copy->is_in_order;
            uint32_t rows = is_whole ? COPY_ROWS : 1;
            if (rows == 1 && !copy->is_in_order) {
                /* Left-over rows go in the order of the file. */
                copy->first = 0;
                copy->is_in_order = true;
                copy->waiting = copy->row_count;
            }
            if (rows == 1) {
                copy->row_count = copy->first + 1;
            }
            if (open_run(session, copy, rows, err) != KY_OK) {
                return SESSION_ERROR;
            }
        }
        struct batch *batch;
        enum exec_answer answer = exec_next(copy->exec, &batch, err);
        if (answer == EXEC_PENDING) {
            if (copy->context.is_yield) {
                copy->context.is_yield = false;
                continue;
            }
            return SESSION_PENDING;
        }
        if (answer == EXEC_BATCH) {
            continue;
        }
        const uint64_t changed = exec_rows_changed(copy->exec);
        exec_close(copy->exec);
        copy->exec = NULL;
        if (answer == EXEC_ERROR && copy->running == COPY_ROWS &&
            err->sqlstate != KY_QUERY_CANCELED) {
            /* One of many rows: they go in again one by one, so that the line can be named. */
            access_savepoint_rollback(session->txn, &copy->before, true);
            after_mark_rollback(session_after_queue(session), &copy->before_mark);
            copy->is_single = true;
            continue;
        }
        if (answer != EXEC_END) {
            if (answer == EXEC_RESTART) {
                (void)ky_error_set(err, KY_SERIALIZATION_FAILURE,
                                   "could not serialize access due to concurrent update");
            }
            if (err->context[0] == '\0') {
                (void)ky_error_context(err, "COPY %s, line %" PRIu64, copy->table,
                                       copy->lines[copy->row_count - copy->running]);
            }
            return SESSION_ERROR;
        }
        copy->inserted += changed;
        if (copy->is_in_order) {
            copy->first++;
            copy->row_count = copy->first < copy->waiting ? copy->waiting : 0;
            copy->is_in_order = copy->first < copy->waiting;
            if (copy->is_in_order) {
                copy->row_count = copy->first + 1;
            }
        } else {
            copy->row_count = 0;
        }
    }
    copy->is_single = false;
    ky_arena_reset(&copy->rows_arena);
    return SESSION_DONE;
}

/* ------------------------------------------------------------------ fields */

static ky_status
take_field(struct session *session, struct copy *copy, uint16_t column, struct ky_slice text,
           bool is_null, struct ky_error *err)
{
    if (column >= copy->column_count) {
        (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "extra data after last expected column");
        return KY_ERR;
    }
    struct datum *value = &copy->values[(size_t)copy->row_count * copy->column_count + column];
    if (is_null) {
        *value = datum_null();
        return KY_OK;
    }
    const struct type *type = copy->types[column];
    struct type_context *types = &session->types;
    types->arena = &copy->rows_arena;
    struct ky_slice kept = ky_slice_dup(&copy->rows_arena, text);
    if (type->input(type, types, kept, -1, value, err) != KY_OK) {
        if (err->context[0] == '\0') {
            (void)ky_error_context(err, "COPY %s, line %" PRIu64 ", column %s: \"%.*s\"",
                                   copy->table, copy->line, copy->names[column],
                                   (int)KY_MIN(text.size, (size_t)100), (const char *)text.data);
        }
        return KY_ERR;
    }
    return KY_OK;
}

static uint8_t
unescape(const char *text, size_t size, size_t *at)
{
    char c = text[(*at)++];
    static const char names[] = "bfnrtv";
    static const char codes[] = "\b\f\n\r\t\v";
    const char *known = memchr(names, c, sizeof(names) - 1);
    if (known != NULL) {
        return (uint8_t)codes[known - names];
    }
    unsigned value = 0;
    if (c >= '0' && c <= '7') {
        value = (unsigned)(c - '0');
        for (int i = 0; i < 2 && *at < size && text[*at] >= '0' && text[*at] <= '7'; i++) {
            value = value * 8 + (unsigned)(text[(*at)++] - '0');
        }
        return (uint8_t)value;
    }
    if (c == 'x') {
        int digits = 0;
        for (; digits < 2 && *at < size; digits++) {
            char h = text[*at];
            int digit = h >= '0' && h <= '9'   ? h - '0'
                        : h >= 'a' && h <= 'f' ? h - 'a' + 10
                        : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                               : -1;
            if (digit < 0) {
                break;
            }
            value = value * 16 + (unsigned)digit;
            (*at)++;
        }
        return digits == 0 ? 'x' : (uint8_t)value;
    }
    return (uint8_t)c;
}

static ky_status
text_line(struct session *session, struct copy *copy, struct ky_slice line, uint16_t *count_out,
          struct ky_error *err)
{
    const char *text = line.data;
    size_t at = 0;
    uint16_t column = 0;
    for (;;) {
        size_t begin = at;
        bool has_escape = false;
        while (at < line.size && text[at] != copy->options.delimiter) {
            has_escape = has_escape || text[at] == '\\';
            at += text[at] == '\\' && at + 1 < line.size ? 2 : 1;
        }
        struct ky_slice field = ky_slice(text + begin, at - begin);
        bool is_null = ky_slice_is(field, copy->options.null_text);
        if (has_escape && !is_null) {
            ky_buffer_clear(&copy->field);
            for (size_t i = begin; i < at;) {
                if (text[i] == '\\' && i + 1 < at) {
                    i++;
                    ky_buffer_append_byte(&copy->field, unescape(text, at, &i));
                } else {
                    ky_buffer_append_byte(&copy->field, (uint8_t)text[i++]);
                }
            }
            field = ky_buffer_slice(&copy->field);
        }
        KY_TRY(take_field(session, copy, column++, field, is_null, err));
        if (at >= line.size) {
            break;
        }
        at++;
    }
    *count_out = column;
    return KY_OK;
}

static ky_status
csv_line(struct session *session, struct copy *copy, struct ky_slice line, uint16_t *count_out,
         struct ky_error *err)
{
    const struct copy_options *options = &copy->options;
    const char *text = line.data;
    size_t at = 0;
    uint16_t column = 0;
    for (;;) {
        bool was_quoted = false;
        bool is_quoted = false;
        ky_buffer_clear(&copy->field);
        for (; at < line.size; at++) {
            char c = text[at];
            if (is_quoted && c == options->escape && at + 1 < line.size &&
                (text[at + 1] == options->quote || text[at + 1] == options->escape)) {
                ky_buffer_append_byte(&copy->field, (uint8_t)text[++at]);
            } else if (c == options->quote) {
                is_quoted = !is_quoted;
                was_quoted = true;
            } else if (!is_quoted && c == options->delimiter) {
                break;
            } else {
                ky_buffer_append_byte(&copy->field, (uint8_t)c);
            }
        }
        struct ky_slice field = ky_buffer_slice(&copy->field);
        bool is_null = !was_quoted && ky_slice_is(field, options->null_text);
        KY_TRY(take_field(session, copy, column++, field.data == NULL ? ky_slice("", 0) : field,
                          is_null, err));
        if (at >= line.size) {
            break;
        }
        at++;
    }
    *count_out = column;
    return KY_OK;
}

static ky_status
take_line(struct session *session, struct copy *copy, struct ky_slice line, struct ky_error *err)
{
    uint16_t count = 0;
    copy->line++;
    if (line.size > 0 && ((const char *)line.data)[line.size - 1] == '\r') {
        line.size--;
    }
    if (copy->is_header_due) {
        copy->is_header_due = false;
        return KY_OK;
    }
    if (ky_slice_is(line, "\\.")) {
        copy->is_ended = true;
        return KY_OK;
    }
    if (copy->column_count > 0 || line.size > 0) {
        ky_status status = copy->options.is_csv ? csv_line(session, copy, line, &count, err)
                                                : text_line(session, copy, line, &count, err);
        if (status == KY_OK && count < copy->column_count) {
            status = ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "missing data for column \"%s\"",
                                  copy->names[count]);
        }
        if (status != KY_OK) {
            if (err->context[0] == '\0') {
                (void)ky_error_context(err, "COPY %s, line %" PRIu64 ": \"%.*s\"", copy->table,
                                       copy->line, (int)KY_MIN(line.size, (size_t)100),
                                       (const char *)line.data);
            }
            return KY_ERR;
        }
    }
    copy->lines[copy->row_count++] = copy->line;
    return KY_OK;
}

/* Size of the line at text without its end; SIZE_MAX when the end is not there yet. */
static size_t
line_size(const struct copy *copy, const char *text, size_t size)
{
    if (!copy->options.is_csv) {
        const char *end = memchr(text, '\n', size);
        while (end != NULL) {
            /* A newline after an odd number of backslashes is data. */
            size_t slashes = 0;
            while ((size_t)(end - text) > slashes && end[-1 - (ptrdiff_t)slashes] == '\\') {
                slashes++;
            }
            if (slashes % 2 == 0) {
                return (size_t)(end - text);
            }
            end = memchr(end + 1, '\n', size - (size_t)(end + 1 - text));
        }
        return SIZE_MAX;
    }
    bool is_quoted = false;
    const char quote = copy->options.quote;
    const char escape = copy->options.escape;
    for (size_t i = 0; i < size; i++) {
        if (is_quoted && escape != quote && text[i] == escape && i + 1 < size &&
            (text[i + 1] == quote || text[i + 1] == escape)) {
            i++;
        } else if (text[i] == quote) {
            is_quoted = !is_quoted;
        } else if (text[i] == '\n' && !is_quoted) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Takes lines out of `input` until it runs dry or something must wait. */
static enum session_answer
take_input(struct session *session, struct copy *copy, struct ky_error *err)
{
    for (;;) {
        if (copy->exec != NULL || copy->is_in_order || copy->row_count == COPY_ROWS) {
            enum session_answer answer = insert_rows(session, copy, err);
            if (answer != SESSION_DONE) {
                return answer;
            }
        }
        const char *text = (const char *)copy->input.data + copy->input_used;
        size_t size = copy->input.size - copy->input_used;
        size_t found = copy->is_ended || size == 0 ? SIZE_MAX : line_size(copy, text, size);
        if (found == SIZE_MAX && copy->is_last && size > 0 && !copy->is_ended) {
            found = size; /* the last line has no end */
        }
        if (found == SIZE_MAX) {
            break;
        }
        copy->input_used += KY_MIN(found + 1, size);
        if (take_line(session, copy, ky_slice(text, found), err) != KY_OK) {
            return SESSION_ERROR;
        }
    }
    ky_buffer_consume(&copy->input, copy->is_ended ? copy->input.size : copy->input_used);
    copy->input_used = 0;
    return SESSION_DONE;
}

enum session_answer
copy_in_data(struct session *session, struct ky_slice data, struct ky_error *err)
{
    struct copy *copy = session->copy;
    if (!copy->is_ended) {
        ky_buffer_append_slice(&copy->input, data);
    }
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
