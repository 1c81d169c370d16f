/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"

/* ALTER TABLE forms that change every row: the rows are read through a query over the table as it
 * was, and written to a relation of their own. The old one goes at commit. */

struct rewrite {
    struct ddl *ddl;
    const struct new_table *made;
    struct row_layout layout;
    struct datum *values;
    struct ky_buffer row;
    uint16_t *places; /* of a column in the query's rows; UINT16_MAX: dropped, null */
};

static ky_status
write_rows(void *arg, struct batch *batch, bool *is_done_out, struct ky_error *err)
{
    struct rewrite *rewrite = arg;
    const struct cat_table *table = &rewrite->made->table;
    (void)is_done_out;
    for (uint32_t r = 0; r < batch->count; r++) {
        const uint32_t place = batch_place(batch, r);
        for (uint16_t i = 0; i < table->column_count; i++) {
            rewrite->values[i] = rewrite->places[i] == UINT16_MAX
                                     ? datum_null()
                                     : column_get(&batch->columns[rewrite->places[i]], place);
            const struct cat_column *column = &rewrite->made->columns[i];
            if (rewrite->values[i].is_null && column->is_not_null && !column->is_dropped) {
                return ky_error_set(err, KY_NOT_NULL_VIOLATION,
                                    "column \"%s\" of relation \"%s\" contains null values",
                                    column->name, table->name);
            }
        }
        row_id_t row_id;
        ky_buffer_clear(&rewrite->row);
        KY_TRY(row_encode(&rewrite->layout, rewrite->values, &rewrite->row, err));
        KY_TRY(storage_insert(rewrite->ddl->txn, table->rel, false, ky_buffer_slice(&rewrite->row),
                              &row_id, err));
    }
    return KY_OK;
}

static bool
is_new_generated(const struct cat_table *old, const struct cat_column *column)
{
    return column->number > old->column_count && column->generated != 0 && !column->is_dropped;
}

/* The rows as they will be. New generated columns read the others as they will be, everything else
 * reads the table as it was. */
static const char *
new_rows_query(struct ddl *ddl, const struct cat_table *old, const struct new_table *made,
               struct rewrite *rewrite)
{
    const uint16_t count = made->table.column_count;
    struct ky_buffer text = {0};
    struct ky_buffer generated = {0};
    uint16_t place = 0;
    for (uint16_t i = 0; i < count; i++) {
        const struct cat_column *column = &made->columns[i];
        rewrite->places[i] = UINT16_MAX;
        if (column->is_dropped || is_new_generated(old, column)) {
            continue;
        }
        ky_buffer_append_cstr(&text, place == 0 ? "SELECT " : ", ");
        rewrite->places[i] = place++;
        if (made->rewrites[i] != NULL) {
            ky_buffer_printf(&text, "%s AS ", made->rewrites[i]);
        } else if (column->number > old->column_count) {
            ky_buffer_printf(&text,
                             "(%s)::", column->default_sql == NULL ? "NULL" : column->default_sql);
            type_format(column->type->oid, column->typmod, &text);
            ky_buffer_append_cstr(&text, " AS ");
        }
        ast_print_identifier(&text, column->name);
    }
    ky_buffer_printf(&text, "%s FROM %s", place == 0 ? "SELECT" : "", ddl_qualified_name(ddl, old));
    for (uint16_t i = 0; i < count; i++) {
        if (is_new_generated(old, &made->columns[i])) {
            rewrite->places[i] = place++;
            ky_buffer_printf(&generated, ", %s", made->rewrites[i]);
        }
    }
    if (generated.size > 0) {
        struct ky_buffer inner = text;
        text = (struct ky_buffer){0};
        ky_buffer_append_cstr(&text, "SELECT ");
        ast_print_identifier(&text, old->name);
        ky_buffer_append_cstr(&text, ".*");
        ky_buffer_append_slice(&text, ky_buffer_slice(&generated));
        ky_buffer_append_cstr(&text, " FROM (");
        ky_buffer_append_slice(&text, ky_buffer_slice(&inner));
        ky_buffer_append_cstr(&text, ") AS ");
        ast_print_identifier(&text, old->name);
        ky_buffer_deinit(&inner);
    }
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&generated);
    ky_buffer_deinit(&text);
    return sql;
}

ky_status
ddl_rewrite(struct ddl *ddl, const struct cat_table *old, struct new_table *made)
{
    const uint16_t count = made->table.column_count;
    struct rewrite rewrite = {.ddl = ddl, .made = made};
    rewrite.values = ky_arena_array(ddl->arena, struct datum, count + 1U);
    rewrite.places = ky_arena_array(ddl->arena, uint16_t, count + 1U);
    const struct type **types = ky_arena_array(ddl->arena, const struct type *, count + 1U);
    const char *sql = new_rows_query(ddl, old, made, &rewrite);
    for (uint16_t i = 0; i < count; i++) {
        types[i] = made->columns[i].type;
    }
    row_layout_init(&rewrite.layout, types, count, ddl->arena);
    for (uint16_t i = 0; i < count; i++) {
        rewrite.layout.missing[i] = datum_null();
        made->columns[i].missing = datum_null();
    }
    made->table.rel = ddl_new_oid(ddl);
    ky_status status = ddl_select(ddl, sql, write_rows, &rewrite);
    ky_buffer_deinit(&rewrite.row);
    KY_TRY(status);
    return storage_drop(ddl->txn, old->rel, ddl->err);
}
