/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/*
 * What the server knows of its tables since it started: when each was analyzed, and how much has
 * changed since. pg_stat_all_tables and its kin show it; autoanalyze.c decides by it.
 */
struct table_activity {
    rel_id_t rel;            /* what the mark is of: TRUNCATE and rewrites begin anew */
    uint64_t analyzed_at;    /* storage_change_count() at that time */
    int64_t analyzed_us;     /* since 1970; 0: never */
    int64_t autoanalyzed_us; /* likewise */
    uint64_t analyze_count, autoanalyze_count;
};

/* All columns of the table were analyzed when its relation had seen so many changes. */
void activity_analyzed(struct server *server, const struct cat_table *table, uint64_t changes,
                       bool is_auto);
/* A table that has statistics when it is first asked about counts as analyzed just then. */
struct table_activity activity_of(struct server *server, const struct cat_table *table);
/* Rows inserted, updated and deleted since then, at least. */
uint64_t activity_changes(struct server *server, const struct cat_table *table);
/* Forgets tables that are not in the image. */
void activity_sweep(struct server *server, const struct cat_image *image);
void activity_free(struct server *server);
void activity_views_register(void);
