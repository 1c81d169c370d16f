/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/recheck.h"

/*
 * From a row that was given out back to the row of a table. A node's rows have the places of its
 * input, and Limit and the like only select: as long as there is nothing else above a scan, a place
 * in the last batch is a place in the scan's.
 */

struct walk {
    struct exec_origin *origins;
    uint16_t count;
};

static void
add(struct walk *walk, const struct cat_table *table, const struct op *op, uint16_t place,
    bool is_locked)
{
    if (walk->count < EXEC_ORIGINS_MAX) {
        walk->origins[walk->count++] = (struct exec_origin){table, is_locked, op, place};
    }
}

static void
visit(struct walk *walk, const struct op *op)
{
    const struct plan *plan = op->plan;
    switch (plan->kind) {
    case PLAN_SEQ_SCAN:
    case PLAN_INDEX_SCAN:
    case PLAN_BITMAP_SCAN:
    case PLAN_VECTOR_SCAN:
        add(walk, plan->scan.table, op, 0, false);
        break;
    case PLAN_LOCK_ROWS:
        for (uint16_t i = 0; i < plan->lock.count; i++) {
            add(walk, plan->lock.tables[i], op, i, true);
        }
        break;
    case PLAN_RESULT:
    case PLAN_LIMIT:
        if (op->left != NULL) {
            visit(walk, op->left);
        }
        break;
    case PLAN_APPEND: {
        struct op *const *children = NULL;
        (void)append_current(op, &children);
        for (uint16_t i = 0; i < plan->append.child_count; i++) {
            visit(walk, children[i]);
        }
        break;
    }
    default:
        break;
    }
}

uint16_t
exec_origins(const struct exec *exec, struct exec_origin *origins_out)
{
    struct walk walk = {.origins = origins_out};
    visit(&walk, exec->root);
    return walk.count;
}

bool
exec_may_restart(const struct exec *exec)
{
    const struct op *op = exec->root;
    while (op != NULL && (op->plan->kind == PLAN_RESULT || op->plan->kind == PLAN_LIMIT)) {
        op = op->left;
    }
    return op != NULL && op->plan->kind == PLAN_LOCK_ROWS &&
           (op->plan->lock.count > 1 || recheck_scan(op->left) == NULL);
}

/* Does the last batch of `top` come through op? */
static bool
is_source(const struct op *top, const struct op *op)
{
    while (top != NULL && top != op) {
        struct op *const *children = NULL;
        top = top->plan->kind == PLAN_APPEND ? append_current(top, &children) : top->left;
    }
    return top == op;
}

row_id_t
exec_origin_row(const struct exec_origin *origin, uint32_t place)
{
    const struct op *op = origin->op;
    return is_source(op->exec->root, op) ? op->class->row_id(op, origin->place, place)
                                         : ROW_ID_NONE;
}
