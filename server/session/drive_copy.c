/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/session/drive.h"

/* COPY FROM STDIN's messages, in either protocol. */

/* The statement's work is done: its tag, and for a simple query what follows. */
static enum session_answer
copy_ended(struct session *session, uint64_t row_count, struct ky_error *err)
{
    (void)snprintf(session->tag, sizeof(session->tag), "COPY %" PRIu64, row_count);
    copy_free(session->copy);
    session->copy = NULL;
    if (session->copy_job == JOB_EXECUTE) {
        session->running = NULL;
        session->sink->complete(session->sink, session->tag);
        return drive_leave(session, SESSION_DONE);
    }
    session->job = JOB_SIMPLE;
    drive_simple_end(session);
    session->has_tag = true;
    session->wants_commit = session->statement_index == session->statements.count &&
                            session->txn != NULL && !session->is_block;
    return drive_simple(session, err);
}

enum session_answer
drive_copy_answer(struct session *session, enum session_answer answer, bool is_end,
                  uint64_t row_count, struct ky_error *err)
{
    if (answer == SESSION_ERROR) {
        return session_fail(session, err);
    }
    if (answer == SESSION_DONE && is_end) {
        return copy_ended(session, row_count, err);
    }
    return answer == SESSION_DONE ? drive_leave(session, SESSION_COPY_IN) : answer;
}

enum session_answer
session_copy_data(struct session *session, struct ky_slice data, struct result_sink *sink,
                  struct ky_error *err)
{
    session->sink = sink;
    if (session->copy == NULL) {
        return SESSION_DONE; /* after an error: thrown away */
    }
    if (session->job != JOB_COPY) {
        session->copy_job = session->job;
        session->job = JOB_COPY;
    }
    session->is_copy_ending = false;
    if (atomic_load_explicit(&session->cancel, memory_order_relaxed) != CANCEL_NONE) {
        session_cancel_error(session, err);
        return session_fail(session, err);
    }
    return drive_copy_answer(session, copy_in_data(session, data, err), false, 0, err);
}

enum session_answer
session_copy_end(struct session *session, const char *failure, struct result_sink *sink,
                 struct ky_error *err)
{
    uint64_t row_count = 0;
    session->sink = sink;
    if (session->copy == NULL) {
        return SESSION_DONE;
    }
    if (session->job != JOB_COPY) {
        session->copy_job = session->job;
        session->job = JOB_COPY;
    }
    if (failure != NULL) {
        (void)ky_error_set(err, KY_QUERY_CANCELED, "COPY from stdin failed: %s", failure);
        struct ky_error kept = *err;
        atomic_store_explicit(&session->cancel, CANCEL_NONE, memory_order_relaxed);
        (void)session_fail(session, err); /* 57014: at once */
        *err = kept;
        return SESSION_ERROR;
    }
    session->is_copy_ending = true;
    enum session_answer answer = copy_in_end(session, &row_count, err);
    return drive_copy_answer(session, answer, true, row_count, err);
}
