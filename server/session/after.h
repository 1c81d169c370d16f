/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/after.h"
#include "server/session/session_private.h"

/* Running what statements left in session->after: foreign keys, deferrable unique constraints. */

/* Runs the events due at the end of a statement; with is_commit those that were deferred as well.
 * DONE, PENDING (call again after the wake) or ERROR. */
enum session_answer after_run(struct session *session, bool is_commit, struct ky_error *err);
/* SET CONSTRAINTS .. IMMEDIATE: runs the deferred events that are not deferred any more. */
enum session_answer after_run_due(struct session *session, struct ky_error *err);
/* 23503 of a row whose foreign key (these values) refers to nothing. */
ky_status after_child_error(struct session *session, const struct cat_image *image,
                            const struct cat_constraint *constraint, const struct datum *values,
                            struct ky_error *err);
/* A foreign key's values as the referenced index's keys; false: they need a cast, or cannot be said
 * in its types. */
bool after_index_keys(const struct cat_constraint *constraint, const struct datum *values,
                      struct datum *keys);
/* Gives up a run: the statement failed. Before portals and transaction go. */
void after_stop(struct session *session);
/* The transaction ended. */
void after_forget(struct session *session);
/* The session ends. */
void after_close(struct session *session);
/* 55006 when events of the table wait, or a cursor reads it: its rows and columns must stay as they
 * are. */
KY_MUST_CHECK ky_status after_check_table(const struct session *session,
                                          const struct cat_table *table, const char *command,
                                          struct ky_error *err);
/* SET CONSTRAINTS: the modes; after_run_due comes next. 42704, 42809. */
KY_MUST_CHECK ky_status after_set_constraints(struct session *session,
                                              const struct ast_set_constraints *statement,
                                              const struct cat_image *image, struct ky_error *err);
