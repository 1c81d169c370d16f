/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"

/* Storage and access of one table in memory, with answers to order. */
struct fake_access {
    int pending_locks; /* access_lock answers PENDING this many times more */
    int pending_inserts;
    int lock_calls, insert_calls, update_calls;
    row_id_t next_row_id;
    int64_t inserted[64]; /* first column of each inserted row */
    int inserted_count;
};
extern struct fake_access fake;
