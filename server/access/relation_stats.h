/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"

/*
 * What happens to tables and indexes, for pg_stat_all_tables and its kin. A transaction counts for
 * itself and adds what it has when it ends, however it ends. Checkpoints save all of it: after a
 * crash the numbers are those of the last one.
 */
enum relation_count {
    COUNT_SCANS, /* of a table: through all of its rows; of an index: keys and ranges looked up */
    COUNT_RETURNED, /* rows that scans of a table read; entries that an index gave */
    COUNT_FETCHED,  /* of an index: rows that the entries led to */
    COUNT_INSERTED,
    COUNT_UPDATED,
    COUNT_DELETED,
    COUNT_HOT_UPDATED, /* of the updated ones: those that put an entry into no index */
    RELATION_COUNTS,
};
struct relation_counts {
    uint64_t of[RELATION_COUNTS];
};

/* relation: the OID of a table or an index. */
void access_count(struct access_txn *txn, oid_t relation, enum relation_count which,
                  uint64_t count);
/* Zeroes for a relation that nothing is known of. */
void access_counts_of(struct access *access, oid_t relation, struct relation_counts *counts_out);

struct database_counts {
    struct relation_counts relations; /* summed over all there ever were */
    uint64_t commits;
    uint64_t rollbacks;
    int64_t reset_us; /* since 1970; 0: never */
};
void access_database_counts(struct access *access, struct database_counts *counts_out);

/* Upkeep of a table. */
struct upkeep_event {
    int64_t last_us; /* since 1970; 0: never */
    uint64_t count;
};
struct table_upkeep {
    rel_id_t rel;         /* what the marks are of: TRUNCATE and rewrites begin anew */
    uint64_t analyzed_at; /* storage_change_count() at that time */
    uint64_t inserted_at; /* COUNT_INSERTED when it was vacuumed or compacted */
    uint64_t obsolete_at; /* COUNT_UPDATED and COUNT_DELETED then */
    uint64_t compactions; /* of the storage, since the server started, that this has seen */
    struct upkeep_event vacuum, autovacuum, analyze, autoanalyze;
};
/* A table that has statistics when it is first asked about counts as analyzed just then. */
struct table_upkeep access_upkeep_of(struct access *access, const struct cat_table *table);
/* All columns of the table were analyzed when its relation had seen so many changes. */
void access_note_analyzed(struct access *access, const struct cat_table *table, uint64_t changes,
                          bool is_auto);
/* By VACUUM. Compaction that ran by itself is noticed when somebody asks. */
void access_note_vacuumed(struct access *access, const struct cat_table *table);
/* Rows inserted, updated and deleted since it was analyzed, at least. */
uint64_t access_changes_since_analyze(struct access *access, const struct cat_table *table);

/* All counts and upkeep become 0; of one table or index, unless relation is OID_NONE. */
void access_stats_reset(struct access *access, const struct cat_image *image, oid_t relation);
/* Forgets relations that are not in the image. */
void access_stats_sweep(struct access *access, const struct cat_image *image);
/* The next checkpoint saves what was counted, even if nothing was committed meanwhile. */
void access_stats_want_save(struct access *access);
