/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* What others must know of cursors; the statements are in utility.h. */

/* The portal's state as a cursor. */
void cursor_free(struct portal *portal);
bool cursor_is_scrollable(const struct portal *portal);
/* It may go back to rows that it has not kept: its statement has no end before the cursor has. */
bool cursor_may_rewind(const struct portal *portal);
bool cursor_is_binary(const struct portal *portal);
/* Its rows are all kept and its transaction has ended. */
bool cursor_is_held(const struct portal *portal);
/* Before a commit: cursors WITH HOLD read all their rows. May answer PENDING. */
enum session_answer cursor_hold(struct session *session, struct ky_error *err);
/* A portal that gives out rows reads those that are left, keeps them and outlives the transaction.
 * May answer PENDING. */
enum session_answer cursor_hold_portal(struct session *session, struct portal *portal,
                                       struct ky_error *err);
/* One of those rows, from 0: the batch it is in and its place there. NULL: no more. */
const struct batch *cursor_held_row(const struct portal *portal, uint64_t index,
                                    uint32_t *place_out);
/* WHERE CURRENT OF, as struct exec_context wants it. */
KY_MUST_CHECK ky_status cursor_current_row(void *session, const char *name,
                                           const struct cat_table *table, row_id_t *row_id_out,
                                           struct ky_error *err);
/* 55006 when a cursor, or another statement that is not through, reads the table. */
KY_MUST_CHECK ky_status cursor_check_table(const struct session *session,
                                           const struct cat_table *table, const char *command,
                                           struct ky_error *err);
void cursor_close_all(struct session *session);
/* RELEASE: cursors declared after the savepoint are as if declared before it. */
void cursor_release(struct session *session, size_t savepoint_count);
