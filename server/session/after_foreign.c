/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/after_private.h"

/* One event of a foreign key: a row that refers came, a row that may be referred to went. */

static void
append_key(struct session *session, const struct cat_table *table, const int16_t *columns,
           uint16_t count, const struct datum *values, struct ky_buffer *out)
{
    struct type_context types = session->types;
    types.arena = &session->after->arena;
    ky_buffer_append_byte(out, '(');
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ", ");
        ky_buffer_append_cstr(out, table->columns[columns[i] - 1].name);
    }
    ky_buffer_append_cstr(out, ")=(");
    for (uint16_t i = 0; i < count; i++) {
        const struct type *type = table->columns[columns[i] - 1].type;
        ky_buffer_append_cstr(out, i == 0 ? "" : ", ");
        if (values[i].is_null) {
            ky_buffer_append_cstr(out, "null");
        } else {
            type->output(type, &types, values[i], out);
        }
    }
    ky_buffer_append_byte(out, ')');
}

static void
name_violation(const struct cat_image *image, const struct cat_constraint *constraint,
               struct ky_error *err)
{
    const struct cat_schema *schema = cat_get_schema(image, constraint->table->schema);
    if (schema != NULL) {
        ky_error_name(err->schema_name, schema->name);
    }
    ky_error_name(err->table_name, constraint->table->name);
    ky_error_name(err->constraint_name, constraint->name);
}

ky_status
after_child_error(struct session *session, const struct cat_image *image,
                  const struct cat_constraint *constraint, const struct datum *values,
                  struct ky_error *err)
{
    struct ky_buffer key = {0};
    bool has_null = false;
    (void)session_after_queue(session);
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        has_null = has_null || values[i].is_null;
    }
    (void)ky_error_set(err, KY_FOREIGN_KEY_VIOLATION,
                       "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                       constraint->table->name, constraint->name);
    if (has_null) {
        (void)ky_error_detail(err,
                              "MATCH FULL does not allow mixing of null and nonnull key values.");
    } else {
        append_key(session, constraint->table, constraint->columns, constraint->column_count,
                   values, &key);
        const struct cat_table *parent = cat_get_table(image, constraint->foreign_table);
        (void)ky_error_detail(err, "Key %.*s is not present in table \"%s\".", (int)key.size,
                              (const char *)key.data, parent->name);
        ky_buffer_deinit(&key);
    }
    name_violation(image, constraint, err);
    return KY_ERR;
}

static ky_status
parent_error(struct session *session, const struct datum *values, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct ky_buffer key = {0};
    append_key(session, after->table, constraint->foreign_columns, constraint->column_count, values,
               &key);
    (void)ky_error_set(err, KY_FOREIGN_KEY_VIOLATION,
                       "update or delete on table \"%s\" violates foreign key constraint \"%s\" on "
                       "table \"%s\"",
                       after->table->name, constraint->name, constraint->table->name);
    (void)ky_error_detail(err, "Key %.*s is still referenced from table \"%s\".", (int)key.size,
                          (const char *)key.data, constraint->table->name);
    ky_buffer_deinit(&key);
    name_violation(after->image, constraint, err);
    return KY_ERR;
}

static bool
is_integer(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8;
}

static bool
is_text(const struct type *type)
{
    return type->oid == OID_TEXT || type->oid == OID_VARCHAR;
}

bool
after_index_keys(const struct cat_constraint *constraint, const struct datum *values,
                 struct datum *keys)
{
    const struct cat_index *index = constraint->index;
    for (uint16_t k = 0; index != NULL && k < index->key_count; k++) {
        for (uint16_t i = 0; i < constraint->column_count; i++) {
            if (constraint->foreign_columns[i] == index->keys[k].column) {
                const struct type *from =
                    constraint->table->columns[constraint->columns[i] - 1].type;
                const struct type *to = index->keys[k].type;
                if (from != to && !(is_integer(from) && is_integer(to)) &&
                    !(is_text(from) && is_text(to))) {
                    return false;
                }
                keys[k] = values[i];
                /* A wider integer than the key can hold is in no row. */
                if (to->oid != OID_INT8 && is_integer(to) &&
                    values[i].word !=
                        (to->oid == OID_INT2 ? (int16_t)values[i].word : (int32_t)values[i].word)) {
                    return false;
                }
            }
        }
    }
    return index != NULL;
}

enum session_answer
after_check_child(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct row_ref row;
    struct datum *values = ky_arena_array(&after->arena, struct datum, constraint->column_count);
    struct datum keys[AFTER_COLUMNS_MAX];
    enum access_answer answer = ACCESS_DONE;
    uint16_t nulls = 0;
    if (storage_row_state(access_storage_txn(session->txn), after->table->rel, after->event.row_id,
                          &row) != ROW_OWN) {
        return SESSION_DONE; /* it went again */
    }
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        values[i] =
            row_get(&after->table->layout, row.body, (uint16_t)(constraint->columns[i] - 1));
        nulls = (uint16_t)(nulls + values[i].is_null);
    }
    if (nulls == constraint->column_count || (nulls > 0 && constraint->match != 'f')) {
        return SESSION_DONE;
    }
    if (nulls > 0) {
        (void)after_child_error(session, after->image, constraint, values, err);
        return SESSION_ERROR;
    }
    if (!after_index_keys(constraint, values, keys)) {
        enum session_answer ran = after_action_run(session, 'p', values, err);
        if (ran != SESSION_DONE) {
            return ran;
        }
        answer = after->is_found ? ACCESS_DONE : ACCESS_SKIPPED;
    } else if (access_share_key(session->txn, constraint->index, keys, &after->awaited,
                                &session->waiter, &answer, err) != KY_OK) {
        return SESSION_ERROR;
    }
    if (answer == ACCESS_PENDING) {
        return session_wait_for_row(session);
    }
    if (answer == ACCESS_SKIPPED) {
        (void)after_child_error(session, after->image, constraint, values, err);
        return SESSION_ERROR;
    }
    return SESSION_DONE;
}

/* NO ACTION: another row may have the key by now. */
static enum session_answer
find_successor(struct session *session, const struct datum *values, bool *is_found_out,
               struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct datum keys[AFTER_COLUMNS_MAX];
    enum access_answer answer = ACCESS_SKIPPED;
    for (uint16_t k = 0; constraint->index != NULL && k < constraint->index->key_count; k++) {
        for (uint16_t i = 0; i < constraint->column_count; i++) {
            if (constraint->foreign_columns[i] == constraint->index->keys[k].column) {
                keys[k] = values[i];
            }
        }
    }
    if (constraint->index != NULL &&
        access_share_key(session->txn, constraint->index, keys, &after->awaited, &session->waiter,
                         &answer, err) != KY_OK) {
        return SESSION_ERROR;
    }
    *is_found_out = answer == ACCESS_DONE;
    return answer == ACCESS_PENDING ? session_wait_for_row(session) : SESSION_DONE;
}

/* is_hidden: the action has changed every row it saw, what is left is beyond the snapshot. */
static enum session_answer
look_for_children(struct session *session, const struct datum *values, bool is_hidden,
                  struct ky_error *err)
{
    enum session_answer answer = after_action_run(session, 's', values, err);
    if (answer == SESSION_DONE && session->after->is_found) {
        if (is_hidden) {
            (void)ky_error_set(err, KY_SERIALIZATION_FAILURE,
                               "could not serialize access due to concurrent update");
        } else {
            (void)parent_error(session, values, err);
        }
        return SESSION_ERROR;
    }
    return answer;
}

enum session_answer
after_run_parent(struct session *session, bool is_update, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    const uint16_t count = constraint->column_count;
    const char letter = is_update ? constraint->on_update : constraint->on_delete;
    struct datum *values = ky_arena_array(&after->arena, struct datum, (size_t)count * 2);
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t column = (uint16_t)(constraint->foreign_columns[i] - 1);
        values[i] = row_get(&after->table->layout, after->body, column);
        if (values[i].is_null) {
            return SESSION_DONE; /* nothing can refer to it */
        }
    }
    if (letter == 'a' || letter == 'r' || after->is_second) {
        bool is_found = false;
        if (letter != 'r' && !after->is_second && after->exec == NULL) {
            enum session_answer answer = find_successor(session, values, &is_found, err);
            if (answer != SESSION_DONE || is_found) {
                return answer;
            }
        }
        return look_for_children(session, values, after->is_second && letter != 'd', err);
    }
    if (letter == 'c' && is_update) {
        struct row_ref row;
        if (storage_row_state(access_storage_txn(session->txn), after->table->rel,
                              after->event.row_id, &row) != ROW_OWN) {
            return SESSION_DONE; /* deleted since; that has an event of its own */
        }
        for (uint16_t i = 0; i < count; i++) {
            values[count + i] = row_get(&after->table->layout, row.body,
                                        (uint16_t)(constraint->foreign_columns[i] - 1));
        }
    }
    enum session_answer answer =
        after_action_run(session, is_update ? (char)(letter - 'a' + 'A') : letter, values, err);
    if (answer == SESSION_DONE &&
        (letter == 'd' || session->isolation != ISOLATION_READ_COMMITTED)) {
        /* Rows that have the default already were not changed, and may refer to nothing. Rows that
         * the snapshot does not see were not changed either. */
        after->is_second = true;
        txn_command_increment(access_storage_txn(session->txn));
        return after_run_parent(session, is_update, err);
    }
    return answer;
}
