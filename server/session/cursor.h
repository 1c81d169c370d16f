/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* What others must know of cursors; the statements are in utility.h. */

/* The portal's state as a cursor. */
void cursor_free(struct portal *portal);
bool cursor_is_scrollable(const struct portal *portal);
bool cursor_is_binary(const struct portal *portal);
/* Its rows are all kept and its transaction has ended. */
bool cursor_is_held(const struct portal *portal);
/* Before a change by `writer` (or by a utility statement: NULL): the transaction's other cursors
 * read what is left of their rows. May answer PENDING. */
enum session_answer cursor_freeze(struct session *session, const struct portal *writer,
                                  struct ky_error *err);
/* Before a commit: cursors WITH HOLD read all their rows. May answer PENDING. */
enum session_answer cursor_hold(struct session *session, struct ky_error *err);
void cursor_close_all(struct session *session);
/* RELEASE: cursors declared after the savepoint are as if declared before it. */
void cursor_release(struct session *session, size_t savepoint_count);
