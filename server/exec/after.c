/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/after.h"

#include "server/exec/exec_private.h"

/* Noting what foreign keys and deferrable keys have to look at later. Only changes that can matter
 * are noted: a null in the key, a key that stays the same, need no look. */

void
after_mark_set(const struct after_queue *queue, struct after_mark *mark_out)
{
    *mark_out = (struct after_mark){queue->events.size, queue->deferred.size, queue->modes.size};
}

void
after_mark_rollback(struct after_queue *queue, const struct after_mark *mark)
{
    queue->events.size = KY_MIN(queue->events.size, mark->events);
    queue->deferred.size = KY_MIN(queue->deferred.size, mark->deferred);
    queue->modes.size = KY_MIN(queue->modes.size, mark->modes);
}

void
after_deinit(struct after_queue *queue)
{
    ky_buffer_deinit(&queue->events);
    ky_buffer_deinit(&queue->deferred);
    ky_buffer_deinit(&queue->modes);
    *queue = (struct after_queue){.events = {0}};
}

bool
after_is_deferred(const struct after_queue *queue, const struct cat_constraint *constraint)
{
    struct after_mode mode;
    if (!constraint->is_deferrable) {
        return false;
    }
    for (size_t at = queue->modes.size; at >= sizeof(mode); at -= sizeof(mode)) {
        memcpy(&mode, queue->modes.data + at - sizeof(mode), sizeof(mode));
        if (mode.constraint == constraint->oid || mode.constraint == OID_NONE) {
            return mode.is_deferred;
        }
    }
    return constraint->is_deferred;
}

void
after_mode_set(struct after_queue *queue, oid_t constraint, bool is_deferred)
{
    struct after_mode mode;
    memset(&mode, 0, sizeof(mode));
    mode.constraint = constraint;
    mode.is_deferred = is_deferred;
    ky_buffer_append(&queue->modes, &mode, sizeof(mode));
}

bool
after_watches(const struct cat_table *table)
{
    if (table->foreign_count > 0 || table->reference_count > 0) {
        return true;
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i]->is_deferrable) {
            return true;
        }
    }
    return false;
}

void
after_append(struct ky_buffer *events, const struct after_event *event, struct ky_slice body)
{
    const size_t size = sizeof(*event) + body.size;
    uint8_t *place = ky_buffer_extend(events, ky_align_up(size, 8));
    memcpy(place, event, sizeof(*event));
    if (body.size > 0) {
        memcpy(place + sizeof(*event), body.data, body.size);
    }
}

bool
after_next(const struct ky_buffer *events, size_t *offset, struct after_event *event_out,
           struct ky_slice *body_out)
{
    if (*offset >= events->size) {
        return false;
    }
    const uint8_t *place = events->data + *offset;
    memcpy(event_out, place, sizeof(*event_out));
    *body_out = ky_slice(place + sizeof(*event_out), event_out->body_size);
    *offset += ky_align_up(sizeof(*event_out) + event_out->body_size, 8);
    return true;
}

static void
note(struct after_queue *queue, const struct cat_table *table,
     const struct cat_constraint *constraint, enum after_kind kind, row_id_t row_id,
     struct ky_slice body)
{
    struct after_event event;
    memset(&event, 0, sizeof(event));
    event.row_id = row_id;
    event.table = table->oid;
    event.constraint = constraint->oid;
    event.body_size = (uint32_t)body.size;
    event.kind = (uint8_t)kind;
    /* Only checks wait for COMMIT; what changes rows does so at once. */
    bool is_check = kind == AFTER_CHILD || kind == AFTER_UNIQUE ||
                    (kind == AFTER_DELETE ? constraint->on_delete : constraint->on_update) == 'a';
    after_append(is_check && after_is_deferred(queue, constraint) ? &queue->deferred
                                                                  : &queue->events,
                 &event, body);
}

/* MATCH SIMPLE: one null is enough to refer to nothing. MATCH FULL: a mix is an error, found later.
 */
static bool
refers(const struct cat_constraint *constraint, const struct datum *values)
{
    uint16_t nulls = 0;
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        nulls = (uint16_t)(nulls + values[constraint->columns[i] - 1].is_null);
    }
    return nulls == 0 || (constraint->match == 'f' && nulls < constraint->column_count);
}

static bool
differs(const struct cat_table *table, const int16_t *columns, uint16_t count, struct ky_slice old,
        const struct datum *values, const bool *is_changed)
{
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t column = (uint16_t)(columns[i] - 1);
        if (is_changed[column] &&
            !datum_same(table->columns[column].type, row_get(&table->layout, old, column),
                        values[column])) {
            return true;
        }
    }
    return false;
}

/* A deferrable key is noted when its index holds another entry with it. */
static void
note_unique(struct after_queue *queue, struct access_txn *txn, const struct cat_table *table,
            const struct datum *values, const bool *is_changed, row_id_t row_id)
{
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        if (!constraint->is_deferrable || constraint->index == NULL ||
            constraint->kind == CONSTRAINT_FOREIGN) {
            continue;
        }
        bool is_touched = is_changed == NULL;
        bool has_null = false;
        for (uint16_t c = 0; c < constraint->column_count; c++) {
            is_touched = is_touched || is_changed[constraint->columns[c] - 1];
            has_null = has_null || values[constraint->columns[c] - 1].is_null;
        }
        if (is_touched && (!has_null || constraint->index->is_nulls_not_distinct) &&
            access_has_twin(txn, constraint->index, values)) {
            note(queue, table, constraint, AFTER_UNIQUE, row_id, ky_slice(NULL, 0));
        }
    }
}

void
after_inserted(struct after_queue *queue, struct access_txn *txn, const struct cat_table *table,
               const struct datum *values, row_id_t row_id)
{
    for (uint16_t i = 0; table->foreign_count > 0 && i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        if (constraint->kind == CONSTRAINT_FOREIGN && refers(constraint, values)) {
            note(queue, table, constraint, AFTER_CHILD, row_id, ky_slice(NULL, 0));
        }
    }
    note_unique(queue, txn, table, values, NULL, row_id);
}

void
after_updated(struct after_queue *queue, struct access_txn *txn, const struct cat_table *table,
              struct ky_slice old, const struct datum *values, const bool *is_changed,
              row_id_t row_id)
{
    for (uint16_t i = 0; i < table->reference_count; i++) {
        const struct cat_constraint *constraint = table->references[i];
        if (differs(table, constraint->foreign_columns, constraint->column_count, old, values,
                    is_changed)) {
            note(queue, table, constraint, AFTER_UPDATE, row_id, old);
        }
    }
    for (uint16_t i = 0; table->foreign_count > 0 && i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        if (constraint->kind == CONSTRAINT_FOREIGN && refers(constraint, values) &&
            differs(table, constraint->columns, constraint->column_count, old, values,
                    is_changed)) {
            note(queue, table, constraint, AFTER_CHILD, row_id, ky_slice(NULL, 0));
        }
    }
    note_unique(queue, txn, table, values, is_changed, row_id);
}

void
after_deleted(struct after_queue *queue, const struct cat_table *table, struct ky_slice old,
              row_id_t row_id)
{
    for (uint16_t i = 0; i < table->reference_count; i++) {
        note(queue, table, table->references[i], AFTER_DELETE, row_id, old);
    }
}
