/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/funcs_private.h"
#include "server/session/catalog/relation_stats.h"

/* The functions that the statistics views of PostgreSQL are made of, and those that reset. */

/* ------------------------------------------------------------------ counts of tables and indexes
 */

#define COUNT_FUNCTION(name_, which_)                                                              \
    FUNCTION(name_)                                                                                \
    {                                                                                              \
        struct relation_counts counts;                                                             \
        UNUSED_ARGS();                                                                             \
        access_counts_of(server_access(funcs_session(env)->server), (oid_t)args[0].word, &counts); \
        *out = datum_word((int64_t)counts.of[which_]);                                             \
        return KY_OK;                                                                              \
    }
COUNT_FUNCTION(numscans, COUNT_SCANS)
COUNT_FUNCTION(tuples_returned, COUNT_RETURNED)
COUNT_FUNCTION(tuples_inserted, COUNT_INSERTED)
COUNT_FUNCTION(tuples_updated, COUNT_UPDATED)
COUNT_FUNCTION(tuples_deleted, COUNT_DELETED)
COUNT_FUNCTION(tuples_hot_updated, COUNT_HOT_UPDATED)
COUNT_FUNCTION(tuples_fetched, COUNT_FETCHED)

/* ------------------------------------------------------------------ upkeep of tables */

static void
stats_of_oid(const struct func_env *env, oid_t oid, struct table_stats *stats)
{
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, oid);
    *stats = (struct table_stats){0};
    if (table != NULL && (table->kind == 'r' || table->kind == 'm')) {
        table_stats_of(funcs_session(env), table, stats);
    }
}

#define TABLE_FUNCTION(name_, value_)                   \
    FUNCTION(name_)                                     \
    {                                                   \
        struct table_stats stats;                       \
        UNUSED_ARGS();                                  \
        stats_of_oid(env, (oid_t)args[0].word, &stats); \
        *out = (value_);                                \
        return KY_OK;                                   \
    }
#define NUMBER(field_) datum_word((int64_t)stats.field_)
TABLE_FUNCTION(live_tuples, NUMBER(live))
TABLE_FUNCTION(dead_tuples, NUMBER(dead))
TABLE_FUNCTION(mod_since_analyze, NUMBER(changed_since_analyze))
TABLE_FUNCTION(ins_since_vacuum, NUMBER(inserted_since_vacuum))
TABLE_FUNCTION(vacuum_count, NUMBER(upkeep.vacuum.count))
TABLE_FUNCTION(autovacuum_count, NUMBER(upkeep.autovacuum.count))
TABLE_FUNCTION(analyze_count, NUMBER(upkeep.analyze.count))
TABLE_FUNCTION(autoanalyze_count, NUMBER(upkeep.autoanalyze.count))
TABLE_FUNCTION(last_vacuum_time, stat_time(stats.upkeep.vacuum.last_us))
TABLE_FUNCTION(last_autovacuum_time, stat_time(stats.upkeep.autovacuum.last_us))
TABLE_FUNCTION(last_analyze_time, stat_time(stats.upkeep.analyze.last_us))
TABLE_FUNCTION(last_autoanalyze_time, stat_time(stats.upkeep.autoanalyze.last_us))

/* ------------------------------------------------------------------ the database */

/* Null counts for a database that is not the one there is. */
static bool
is_own_database(const struct func_env *env, oid_t oid)
{
    const struct cat_database *own =
        cat_find_database(funcs_env(env)->image, ky_slice_cstr(funcs_env(env)->database));
    return own != NULL && own->oid == oid;
}

#define DATABASE_FUNCTION(name_, value_)                            \
    FUNCTION(name_)                                                 \
    {                                                               \
        struct server *server = funcs_session(env)->server;         \
        struct database_counts counts = {0};                        \
        UNUSED_ARGS();                                              \
        (void)server;                                               \
        if (is_own_database(env, (oid_t)args[0].word)) {            \
            access_database_counts(server_access(server), &counts); \
        }                                                           \
        *out = (value_);                                            \
        return KY_OK;                                               \
    }
#define DATABASE_COUNT(which_) datum_word((int64_t)counts.relations.of[which_])
DATABASE_FUNCTION(db_xact_commit, datum_word((int64_t)counts.commits))
DATABASE_FUNCTION(db_xact_rollback, datum_word((int64_t)counts.rollbacks))
DATABASE_FUNCTION(db_tuples_returned, DATABASE_COUNT(COUNT_RETURNED))
DATABASE_FUNCTION(db_tuples_fetched, DATABASE_COUNT(COUNT_FETCHED))
DATABASE_FUNCTION(db_tuples_inserted, DATABASE_COUNT(COUNT_INSERTED))
DATABASE_FUNCTION(db_tuples_updated, DATABASE_COUNT(COUNT_UPDATED))
DATABASE_FUNCTION(db_tuples_deleted, DATABASE_COUNT(COUNT_DELETED))
DATABASE_FUNCTION(db_stat_reset_time, stat_time(counts.reset_us))

FUNCTION(db_numbackends)
{
    UNUSED_ARGS();
    const bool is_own = is_own_database(env, (oid_t)args[0].word);
    *out = datum_word(is_own ? server_session_count(funcs_session(env)->server) : 0);
    return KY_OK;
}

/* ------------------------------------------------------------------ resetting */

FUNCTION(reset)
{
    UNUSED_ARGS();
    access_stats_reset(server_access(funcs_session(env)->server), funcs_env(env)->image, OID_NONE);
    *out = datum_bytes("", 0);
    return KY_OK;
}

FUNCTION(reset_single)
{
    UNUSED_ARGS();
    const oid_t oid = (oid_t)args[0].word;
    const struct cat_image *image = funcs_env(env)->image;
    if (cat_get_table(image, oid) != NULL || cat_get_index(image, oid) != NULL) {
        access_stats_reset(server_access(funcs_session(env)->server), image, oid);
    }
    *out = datum_bytes("", 0);
    return KY_OK;
}

/* Every question is answered with the numbers as they are, and a transaction's are there when it
 * has ended: there is no snapshot to clear and nothing to force. */
FUNCTION(nothing_to_do)
{
    UNUSED_ARGS();
    *out = datum_bytes("", 0);
    return KY_OK;
}

FUNCTION(no_snapshot)
{
    UNUSED_ARGS();
    *out = datum_null();
    return KY_OK;
}

#define OF_OID(oid_, name_, result_) \
    FUNC(oid_, "pg_stat_get_" #name_, result_, 1, ARGS(OID_OID), true, 's', name_)
static const struct func funcs[] = {
    OF_OID(1928, numscans, OID_INT8),
    OF_OID(1929, tuples_returned, OID_INT8),
    OF_OID(1930, tuples_fetched, OID_INT8),
    OF_OID(1931, tuples_inserted, OID_INT8),
    OF_OID(1932, tuples_updated, OID_INT8),
    OF_OID(1933, tuples_deleted, OID_INT8),
    OF_OID(1972, tuples_hot_updated, OID_INT8),
    OF_OID(2878, live_tuples, OID_INT8),
    OF_OID(2879, dead_tuples, OID_INT8),
    OF_OID(3177, mod_since_analyze, OID_INT8),
    OF_OID(5053, ins_since_vacuum, OID_INT8),
    OF_OID(2781, last_vacuum_time, OID_TIMESTAMPTZ),
    OF_OID(2782, last_autovacuum_time, OID_TIMESTAMPTZ),
    OF_OID(2783, last_analyze_time, OID_TIMESTAMPTZ),
    OF_OID(2784, last_autoanalyze_time, OID_TIMESTAMPTZ),
    OF_OID(3054, vacuum_count, OID_INT8),
    OF_OID(3055, autovacuum_count, OID_INT8),
    OF_OID(3056, analyze_count, OID_INT8),
    OF_OID(3057, autoanalyze_count, OID_INT8),
    OF_OID(1941, db_numbackends, OID_INT4),
    OF_OID(1942, db_xact_commit, OID_INT8),
    OF_OID(1943, db_xact_rollback, OID_INT8),
    OF_OID(2758, db_tuples_returned, OID_INT8),
    OF_OID(2759, db_tuples_fetched, OID_INT8),
    OF_OID(2760, db_tuples_inserted, OID_INT8),
    OF_OID(2761, db_tuples_updated, OID_INT8),
    OF_OID(2762, db_tuples_deleted, OID_INT8),
    OF_OID(3074, db_stat_reset_time, OID_TIMESTAMPTZ),
    FUNC(2274, "pg_stat_reset", OID_VOID, 0, NULL, false, 'v', reset),
    FUNC(3776, "pg_stat_reset_single_table_counters", OID_VOID, 1, ARGS(OID_OID), true, 'v',
         reset_single),
    FUNC(2230, "pg_stat_clear_snapshot", OID_VOID, 0, NULL, false, 'v', nothing_to_do),
    FUNC(2137, "pg_stat_force_next_flush", OID_VOID, 0, NULL, false, 'v', nothing_to_do),
    FUNC(3788, "pg_stat_get_snapshot_timestamp", OID_TIMESTAMPTZ, 0, NULL, true, 's', no_snapshot),
};

void
stat_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
