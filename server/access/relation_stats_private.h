/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/access/relation_stats.h"
#include "server/base/map.h"
#include "server/base/mutex.h"

enum { STATS_SHARDS = 8, STATS_PENDING_MAX = 6 };

/* What a transaction has counted of one relation: a cache line. */
struct pending_counts {
    oid_t relation;
    struct relation_counts counts;
};

/* The numbers are the sums over all shards. */
struct stats_shard {
    struct ky_mutex lock KY_ALIGNED(64);
    struct ky_map64 relations KY_GUARDED_BY(lock); /* oid -> struct relation_counts, owned */
    struct relation_counts total KY_GUARDED_BY(lock);
    /* Relaxed: each for itself. The log writer counts them, and waits for nobody. */
    _Atomic uint64_t commits;
    _Atomic uint64_t rollbacks;
};

struct relation_stats {
    struct stats_shard shards[STATS_SHARDS];
    struct ky_mutex lock;                       /* taken before that of a shard */
    struct ky_map64 upkeep KY_GUARDED_BY(lock); /* oid -> struct table_upkeep, owned */
    int64_t reset_us KY_GUARDED_BY(lock);
    bool is_loaded; /* the opening thread's */
};

void stats_init(struct relation_stats *stats);
void stats_deinit(struct relation_stats *stats);
/* Adds what the transaction has counted. */
void stats_flush(struct access_txn *txn);
/* It has ended so. */
void stats_end(struct access_txn *txn, bool is_committed);

/* Makes the relation's place in the first shard, for loading. */
struct relation_counts *stats_place(struct relation_stats *stats, oid_t relation)
    KY_REQUIRES(stats->shards[0].lock);
struct table_upkeep *stats_upkeep_place(struct relation_stats *stats, oid_t table, bool *is_new_out)
    KY_REQUIRES(stats->lock);

/* relation_stats_state.c: one part of a checkpoint. Loading believes a whole part or nothing, and
 * does so once. */
KY_MUST_CHECK ky_status stats_save(struct access *access, const struct cat_image *image,
                                   struct checkpoint_writer *writer, struct ky_error *err);
void stats_load(struct access *access, const struct cat_image *image);
/* Adds what the part's bytes say of the image's relations; NULL: of all that they name. False, and
 * nothing added, when they are not sound. */
bool stats_decode(struct relation_stats *stats, const struct cat_image *image,
                  struct ky_slice bytes);
