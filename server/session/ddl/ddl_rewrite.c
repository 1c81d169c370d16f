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

ky_status
ddl_rewrite(struct ddl *ddl, const struct cat_table *old, struct new_table *made,
            const char *const *exprs)
{
    const uint16_t count = made->table.column_count;
    struct rewrite rewrite = {.ddl = ddl, .made = made};
    struct ky_buffer text = {0};
    uint16_t place = 0;
    rewrite.values = ky_arena_array(ddl->arena, struct datum, count + 1U);
    rewrite.places = ky_arena_array(ddl->arena, uint16_t, count + 1U);
    const struct type **types = ky_arena_array(ddl->arena, const struct type *, count + 1U);
    ky_buffer_append_cstr(&text, "SELECT ");
    for (uint16_t i = 0; i < count; i++) {
        types[i] = made->columns[i].type;
        rewrite.places[i] = UINT16_MAX;
        if (made->columns[i].is_dropped) {
            continue;
        }
        rewrite.places[i] = place++;
        ky_buffer_append_cstr(&text, rewrite.places[i] == 0 ? "" : ", ");
        if (exprs[i] != NULL) {
            ky_buffer_append_cstr(&text, exprs[i]);
        } else {
            ast_print_identifier(&text, made->columns[i].name);
        }
    }
    ky_buffer_printf(&text, " FROM %s", ddl_qualified_name(ddl, old));
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
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
