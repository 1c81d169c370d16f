/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/relation_stats.h"
#include "server/session/session_private.h"

/* What pg_stat_all_tables shows of a table, for the view and the functions beside it. */
struct table_stats {
    struct relation_counts counts;
    struct table_upkeep upkeep;
    bool has_index;
    uint64_t index_scans;
    uint64_t index_fetched;
    uint64_t live;
    uint64_t dead; /* updated and deleted since the table was vacuumed or compacted */
    uint64_t inserted_since_vacuum;
    uint64_t changed_since_analyze;
};
void table_stats_of(struct session *session, const struct cat_table *table,
                    struct table_stats *out);
/* A timestamptz of microseconds since 1970; null for 0. */
struct datum stat_time(int64_t unix_us);

void relation_stat_views_register(void);
void stat_funcs_register(void);
void database_stats_register(void);
void server_stats_register(void);
