/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* What a protocol's driver does next. */
enum step { STEP_DONE, STEP_PENDING, STEP_COMMIT, STEP_SUSPENDED, STEP_COPY_IN, STEP_ERROR };

/* Sets when the message came. Clocks are read at the begin of a visit and the end of a statement,
 * not for each message. */
void drive_look_at_clock(struct session *session);
/* Something begins that may run SQL; no text: it is not a statement of its own. */
void drive_enter(struct session *session, struct ky_slice sql, struct result_sink *sink);
/* The driver has an answer; PENDING leaves everything as it is. */
enum session_answer drive_leave(struct session *session, enum session_answer answer);
/* In a failed block only what ends it, or goes back in it, may run. */
KY_MUST_CHECK ky_status drive_check_failed(const struct session *session,
                                           const struct ast_node *tree, struct ky_error *err);
/* One statement of either protocol, from its portal; called again after PENDING. */
enum step drive_statement(struct session *session, struct portal *portal, struct ky_error *err);
/* What a statement leaves behind for its own end. */
void drive_end_statement(struct session *session);
/* Submits a commit, or takes the outcome of one that was submitted. */
enum step drive_commit(struct session *session, struct ky_error *err);
/* A commit was begun and its outcome is not known yet. */
bool drive_is_committing(const struct session *session);
/* SELECT .. INTO t is CREATE TABLE t AS SELECT. */
struct ast_node *drive_without_into(struct ky_arena *arena, struct ast_node *tree);
/* ParameterStatus for every reported setting whose value the client does not know. */
void session_report_changes(struct session *session, struct result_sink *sink);

/* The drivers, for session_resume. */
enum session_answer drive_simple(struct session *session, struct ky_error *err);
void drive_simple_end(struct session *session);
enum session_answer drive_execute(struct session *session, struct ky_error *err);
enum session_answer drive_sync(struct session *session, struct ky_error *err);
enum session_answer drive_copy_answer(struct session *session, enum session_answer answer,
                                      bool is_end, uint64_t row_count, struct ky_error *err);
