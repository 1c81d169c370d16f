/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/cursor_private.h"

/*
 * WHERE CURRENT OF: from a cursor to the row of a table. While the plan is open, its operators know
 * (exec_origins); rows that are kept have the ids of their rows beside them.
 */

void
cursor_note_origins(struct portal *portal)
{
    struct exec_origin found[EXEC_ORIGINS_MAX];
    struct cursor *cursor = portal->cursor;
    cursor->origin_count = exec_origins(portal->exec, found);
    cursor->origins = ky_arena_array(&portal->arena, struct exec_origin, cursor->origin_count + 1U);
    memcpy(cursor->origins, found, cursor->origin_count * sizeof(found[0]));
}

struct batch
cursor_with_ids(struct portal *portal, const struct batch *batch, uint16_t count)
{
    struct cursor *cursor = portal->cursor;
    struct exec_origin origins[EXEC_ORIGINS_MAX];
    struct batch whole = *batch;
    if (cursor->origin_count == 0 || batch->count == 0) {
        return whole;
    }
    const uint32_t width = (uint32_t)count + cursor->origin_count;
    (void)exec_origins(portal->exec, origins); /* a statement that ran again has other operators */
    ky_arena_reset(&cursor->scratch);
    whole.column_count = width;
    whole.columns = ky_arena_array(&cursor->scratch, struct column, width);
    memcpy(whole.columns, batch->columns, count * sizeof(struct column));
    for (uint32_t i = count; i < width; i++) {
        column_init(&whole.columns[i], type_get(OID_INT8), BATCH_SIZE_MAX, &cursor->scratch);
        whole.columns[i].has_nulls = false;
        for (uint32_t row = 0; row < batch->count; row++) {
            const uint32_t place = batch_place(batch, row);
            column_set(&whole.columns[i], place,
                       datum_word((int64_t)exec_origin_row(&origins[i - count], place)));
        }
    }
    return whole;
}

/* Which of the cursor's tables is meant. */
static ky_status
find_origin(const struct portal *portal, const struct exec_origin *origins, uint16_t count,
            const struct cat_table *table, uint16_t *index_out, struct ky_error *err)
{
    uint16_t matches = 0;
    const bool is_locked = count > 0 && origins[0].is_locked;
    for (uint16_t i = 0; i < count; i++) {
        if (origins[i].table->oid == table->oid) {
            *index_out = i;
            matches++;
        }
    }
    if (matches == 1) {
        return KY_OK;
    }
    return !is_locked ? ky_error_set(err, KY_INVALID_CURSOR_STATE,
                                     "cursor \"%s\" is not a simply updatable scan of table \"%s\"",
                                     portal->name, table->name)
           : matches == 0
               ? ky_error_set(err, KY_INVALID_CURSOR_STATE,
                              "cursor \"%s\" does not have a FOR UPDATE/SHARE reference to table "
                              "\"%s\"",
                              portal->name, table->name)
               : ky_error_set(err, KY_INVALID_CURSOR_STATE,
                              "cursor \"%s\" has multiple FOR UPDATE/SHARE references to table "
                              "\"%s\"",
                              portal->name, table->name);
}

static ky_status
check_select(const struct portal *portal, struct ky_error *err)
{
    const struct plan_source *source = portal->source;
    if (source->tree == NULL || source->tree->kind != AST_SELECT ||
        (source->plan != NULL && portal_changes_rows(portal))) {
        return ky_error_set(err, KY_INVALID_CURSOR_STATE, "cursor \"%s\" is not a SELECT query",
                            portal->name);
    }
    if (cursor_is_held(portal) || portal->is_broken) {
        return ky_error_set(err, KY_INVALID_CURSOR_STATE,
                            "cursor \"%s\" is held from a previous transaction", portal->name);
    }
    return KY_OK;
}

static bool
is_on_row(const struct portal *portal)
{
    const struct cursor *cursor = portal->cursor;
    return cursor != NULL ? cursor->position > 0 && !cursor->is_after
                          : portal->row_count > 0 && portal->phase == PORTAL_RUNNING;
}

static row_id_t
row_of(const struct portal *portal, const struct exec_origin *origins, uint16_t index)
{
    const struct cursor *cursor = portal->cursor;
    if (cursor == NULL || !cursor->keeps_rows) {
        return exec_origin_row(&origins[index], portal->last_place);
    }
    return (row_id_t)store_get(&cursor->rows, cursor->position - 1,
                               (uint32_t)portal->column_count + index)
        .word;
}

ky_status
cursor_current_row(void *session_pointer, const char *name, const struct cat_table *table,
                   row_id_t *row_id_out, struct ky_error *err)
{
    const struct session *session = session_pointer;
    const struct portal *portal = session_find_portal(session, name);
    struct exec_origin running[EXEC_ORIGINS_MAX];
    uint16_t index = 0;
    if (portal == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist", name);
    }
    KY_TRY(check_select(portal, err));
    const struct exec_origin *origins = portal->cursor == NULL ? NULL : portal->cursor->origins;
    uint16_t count = portal->cursor == NULL ? 0 : portal->cursor->origin_count;
    if (portal->exec != NULL) {
        const uint16_t all = exec_origins(portal->exec, running);
        count = portal->is_cursor ? count : all;
        origins = running;
    }
    /* A portal of the extended protocol that does not run knows no tables, and is on no row. */
    if (portal->is_cursor || origins != NULL) {
        KY_TRY(find_origin(portal, origins, count, table, &index, err));
    }
    if (origins == NULL || !is_on_row(portal)) {
        return ky_error_set(err, KY_INVALID_CURSOR_STATE,
                            "cursor \"%s\" is not positioned on a row", name);
    }
    /* Row ids are of a relation: a table that was emptied or rewritten since has another. */
    *row_id_out =
        origins[index].table->rel == table->rel ? row_of(portal, origins, index) : ROW_ID_NONE;
    return KY_OK;
}
