/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/map.h"
#include "server/exec/after.h"
#include "server/exec/op/recheck.h"

/*
 * What INSERT, UPDATE and DELETE share. The child's rows are changed one after another; where an
 * answer is PENDING, `stage` and `row` say what is done and the same step is taken again. RETURNING
 * rows are kept and given out once all is done, so that a restart never meets a half-read result.
 */
struct modify_checks {
    struct eval **generated;
    struct eval **checks;
    const struct column **check_columns;
};

struct op_modify {
    struct op op;
    const struct cat_table *table;
    struct after_queue *after; /* NULL: nothing watches the table */
    struct batch *batch;       /* the child's; NULL: to be fetched */
    uint32_t row;              /* of batch */
    int stage;                 /* of the row; 0: not begun */
    row_id_t row_id;           /* the row in work */
    struct column *columns;    /* new rows, by table column */
    struct eval **defaults;
    struct modify_checks checks;
    struct datum *values; /* the row in work, by table column */
    bool *is_changed;
    enum row_lock_mode lock_mode;
    bool is_key_change;  /* columns of keys are assigned; perhaps what they had */
    struct column nulls; /* all null */
    uint32_t null_room;
    /* Rows this command changed. */
    row_id_t first_touched;
    struct ky_map64 touched;
    uint64_t touched_charged;
    /* RETURNING */
    struct store returning;
    struct datum *returning_values;
    struct ky_arena returning_memory; /* of the row in work: a whole row as one value */
    uint32_t next_chunk;
    bool is_done;
    /* ON CONFLICT DO UPDATE */
    struct eval **conflict_values;
    struct eval *conflict_where;
    struct modify_checks conflict_checks;
    struct column *pair; /* existing row, excluded row: one place */
    struct datum *conflict_row;
    bool *conflict_changed;
    struct ky_arena conflict_memory;
    enum row_lock_mode conflict_lock_mode;
    enum row_lock_mode conflict_change_mode;
    /* READ COMMITTED: the row in work was changed by others; see recheck.h. */
    struct recheck *recheck; /* NULL: not made, or the plan is not of that kind */
    bool has_tried_recheck;
    struct batch *moved; /* its newest version as the child would give it; NULL: not moved */
    struct modify_checks moved_checks;
    struct column *moved_columns;
};

enum modify_answer { MODIFY_NEXT, MODIFY_PENDING, MODIFY_RESTART, MODIFY_ERROR };
typedef enum modify_answer (*modify_row)(struct op_modify *self, struct ky_error *err);
typedef ky_status (*modify_prepare)(struct op_modify *self, struct ky_error *err);

KY_MUST_CHECK ky_status modify_open(struct op *op, struct ky_error *err);
void modify_close(struct op *op);
void modify_renew(struct op *op);
ky_status modify_rescan(struct op *op, struct ky_error *err);
/* The loop: prepare for each batch (may be NULL), step for each row. */
enum exec_answer modify_run(struct op_modify *self, modify_prepare prepare, modify_row step,
                            struct batch **batch_out, struct ky_error *err);
KY_MUST_CHECK ky_status modify_compile_checks(struct op_modify *self, struct modify_checks *checks,
                                              struct ky_error *err);
/* Generated columns, then the checks' answers, for the rows of a batch over columns. */
KY_MUST_CHECK ky_status modify_compute(struct op_modify *self, struct modify_checks *checks,
                                       struct column *columns, const uint16_t *selection,
                                       uint32_t count, struct ky_arena *arena,
                                       struct ky_error *err);
/* NOT NULL and CHECK for the row in values, at place of the check columns. 23502, 23514. */
KY_MUST_CHECK ky_status modify_validate(struct op_modify *self, const struct modify_checks *checks,
                                        const struct datum *values, uint32_t place,
                                        struct ky_error *err);
/* An all-null column for these places. */
struct column modify_null_column(struct op_modify *self, const struct type *type, uint32_t extent);
bool modify_is_touched(const struct op_modify *self, row_id_t row_id);
KY_MUST_CHECK ky_status modify_touch(struct op_modify *self, row_id_t row_id, struct ky_error *err);
/* Counts the change and keeps its RETURNING row. is_locked: its xmax is this transaction, as of a
 * row that ON CONFLICT DO UPDATE found or DELETE took; else 0. */
KY_MUST_CHECK ky_status modify_changed(struct op_modify *self, const struct datum *values,
                                       row_id_t row_id, bool is_locked, struct ky_error *err);
/* Loads values from columns at the row in work; its place. */
uint32_t modify_load(struct op_modify *self);
/* Whether these columns are in a key that a foreign key may refer to. */
bool modify_is_key_change(const struct cat_table *table, const bool *is_changed);
/* After ACCESS_RESTART: looks at the newest version. MODIFY_NEXT with self->moved set: go on with
 * it; NULL: the row is none of ours any more. */
enum modify_answer modify_recheck(struct op_modify *self, struct ky_error *err);
/* Answers of access that end the step. */
enum modify_answer modify_answer_of(enum access_answer answer);
