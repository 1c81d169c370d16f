/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"
#include "server/session/cursor.h"
#include "server/session/plpgsql/plpgsql_private.h"

/*
 * COMMIT and ROLLBACK in a block that is a transaction of its own: the block goes on in the next
 * one. Loops over rows go on, too: their rows are read to the end and kept before the transaction
 * goes. The commit may have to wait like any; nothing is entered meanwhile but this instruction.
 */

static ky_status
check_place(const struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct session *session = run->session;
    for (size_t i = 0; i < run->frame_count; i++) {
        const struct plpgsql_frame *frame = &run->frames[i];
        if (frame->kind == FRAME_TRY) {
            return ky_error_set(err, KY_INVALID_TRANSACTION_TERMINATION,
                                "cannot %s while a subtransaction is active",
                                op->what[0] == 'C' ? "commit" : "roll back");
        }
        if (frame->kind == FRAME_QUERY && portal_changes_rows(frame->portal)) {
            return ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                                "cannot perform transaction commands inside a cursor loop that is "
                                "not read-only");
        }
    }
    if (session->is_block || session->program_depth > 1 ||
        (session->job == JOB_SIMPLE && session->statements.count > 1)) {
        return ky_error_set(err, KY_INVALID_TRANSACTION_TERMINATION,
                            "invalid transaction termination");
    }
    return KY_OK;
}

static enum step
hold_loops(struct plpgsql_run *run, struct ky_error *err)
{
    for (size_t i = 0; i < run->frame_count; i++) {
        struct plpgsql_frame *frame = &run->frames[i];
        if (frame->kind != FRAME_QUERY || frame->is_ended || frame->is_held) {
            continue;
        }
        const enum session_answer answer = cursor_hold_portal(run->session, frame->portal, err);
        if (answer != SESSION_DONE) {
            return answer == SESSION_ERROR ? STEP_ERROR : STEP_PENDING;
        }
        frame->is_held = true;
    }
    return STEP_DONE;
}

/* A chain keeps what the last transaction was; otherwise it is what the settings say. */
static ky_status
begin_next(struct plpgsql_run *run, bool is_chain, struct ky_error *err)
{
    struct session *session = run->session;
    const int64_t clock_us = session->clock_us;
    session->clock_us = ky_wall_us();
    session->is_block = is_chain;
    const ky_status status = transaction_ensure(session, err);
    session->is_block = false;
    session->clock_us = clock_us;
    plpgsql_forget_image(run);
    session_apply_settings(session);
    return status;
}

enum step
plpgsql_end_transaction(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    struct session *session = run->session;
    const struct plpgsql_end *node = op->node;
    if (!run->is_ending) {
        if (check_place(run, op, err) != KY_OK) {
            return STEP_ERROR;
        }
        const enum step step = hold_loops(run, err);
        if (step != STEP_DONE) {
            return step;
        }
    }
    if (node->node.kind == PLPGSQL_COMMIT) {
        run->is_ending = true;
        const enum step step = drive_commit(session, err);
        if (step == STEP_PENDING) {
            return STEP_PENDING;
        }
        run->is_ending = false;
        if (step == STEP_ERROR) {
            return STEP_ERROR;
        }
    } else if (!transaction_is_settled(session)) {
        return STEP_PENDING;
    } else {
        transaction_rollback(session);
    }
    return begin_next(run, node->is_chain, err) == KY_OK ? STEP_DONE : STEP_ERROR;
}
