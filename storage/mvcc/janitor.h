/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/mutex.h"
#include "storage/api/ids.h"

/*
 * Takes back what no snapshot can see: a queue in commit order of rows with old versions and of
 * dropped relations, worked off by a thread of its own as the horizon moves.
 */
struct storage;
struct fold_block;

struct janitor {
    struct storage *storage;
    struct ky_thread thread;
    struct ky_mutex lock;
    struct ky_cond cond;
    bool is_stopping;         /* guarded by lock */
    struct fold_block *first; /* guarded by lock; oldest */
    struct fold_block *last;
    uint64_t count;
};

struct fold_item {
    rel_id_t rel;
    row_id_t row_id; /* ROW_ID_NONE: the relation was dropped */
    lsn_t commit_lsn;
};

void janitor_start(struct janitor *janitor, struct storage *storage);
/* Ends the thread; pushing goes on to work until janitor_deinit. */
void janitor_stop(struct janitor *janitor);
void janitor_deinit(struct janitor *janitor);
/* In commit order; the log writer thread. */
void janitor_push(struct janitor *janitor, const struct fold_item *items, uint32_t count);
/* One round: everything below the horizon. Returns how many items were done. */
uint64_t janitor_run(struct janitor *janitor);
