/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/*
 * Sequences. A durable counter holds a mark: no value beyond it was ever handed out. The mark
 * goes SEQUENCE_RESERVE values ahead at a time, so that most calls write nothing; a crash
 * skips at most that many values. Not transactional, as in PostgreSQL.
 */
enum { SEQUENCE_RESERVE = 32 };

KY_MUST_CHECK ky_status sequence_next(struct session *session, const struct cat_table *sequence,
                                      int64_t *value_out, struct ky_error *err);
KY_MUST_CHECK ky_status sequence_set(struct session *session, const struct cat_table *sequence,
                                     int64_t value, bool is_called, struct ky_error *err);
/* The last value handed out by any session; false when none was. */
bool sequence_last(struct server *server, const struct cat_table *sequence, int64_t *value_out);
