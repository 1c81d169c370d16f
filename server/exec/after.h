/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"
#include "server/base/buffer.h"

/*
 * What a statement leaves to be looked at after its last row: foreign keys and deferrable unique
 * constraints. The operators that change rows note events here; the session runs them at the end of
 * the statement, or at COMMIT for constraints that are deferred. A transaction has one queue.
 */
enum after_kind {
    AFTER_CHILD,  /* a row with a foreign key came: does what it refers to exist? */
    AFTER_DELETE, /* a row that may be referred to went; its old body follows */
    AFTER_UPDATE, /* or its key changed */
    AFTER_UNIQUE, /* a row whose deferrable key was there already */
};

/* In the queue: this, then body_size bytes, then padding to 8. */
struct after_event {
    row_id_t row_id;
    oid_t table; /* that the row is of */
    oid_t constraint;
    uint32_t body_size;
    uint8_t kind; /* enum after_kind */
};

/* SET CONSTRAINTS: the last entry that names a constraint (or all, OID_NONE) counts. */
struct after_mode {
    oid_t constraint;
    bool is_deferred;
};

struct after_queue {
    struct ky_buffer events;   /* due at the end of the statement */
    struct ky_buffer deferred; /* due at COMMIT */
    struct ky_buffer modes;    /* struct after_mode */
};
struct after_mark {
    size_t events, deferred, modes;
};
void after_mark_set(const struct after_queue *queue, struct after_mark *mark_out);
void after_mark_rollback(struct after_queue *queue, const struct after_mark *mark);
void after_deinit(struct after_queue *queue);
bool after_is_deferred(const struct after_queue *queue, const struct cat_constraint *constraint);
void after_mode_set(struct after_queue *queue, oid_t constraint, bool is_deferred);

/* Is there anything to note for changes of this table? */
bool after_watches(const struct cat_table *table);
/* A row went in. */
void after_inserted(struct after_queue *queue, struct access_txn *txn,
                    const struct cat_table *table, const struct datum *values, row_id_t row_id);
/* A row with this body got these values; is_changed per column. */
void after_updated(struct after_queue *queue, struct access_txn *txn, const struct cat_table *table,
                   struct ky_slice old, const struct datum *values, const bool *is_changed,
                   row_id_t row_id);
void after_deleted(struct after_queue *queue, const struct cat_table *table, struct ky_slice old,
                   row_id_t row_id);

/* Reads the event at *offset and moves on; false at the end. body_out lies in the buffer. */
bool after_next(const struct ky_buffer *events, size_t *offset, struct after_event *event_out,
                struct ky_slice *body_out);
/* Moves the event to where it belongs now. */
void after_append(struct ky_buffer *events, const struct after_event *event, struct ky_slice body);
