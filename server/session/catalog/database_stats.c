/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/spill.h"
#include "server/catalog/sysview.h"
#include "server/session/catalog/relation_stats.h"

/* pg_stat_database and pg_stat_database_conflicts. There are no blocks to count: those columns are
 * 0, as are the times. */

static const struct sysview_column columns[] = {
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"numbackends", OID_INT4},
    {"xact_commit", OID_INT8},
    {"xact_rollback", OID_INT8},
    {"blks_read", OID_INT8},
    {"blks_hit", OID_INT8},
    {"tup_returned", OID_INT8},
    {"tup_fetched", OID_INT8},
    {"tup_inserted", OID_INT8},
    {"tup_updated", OID_INT8},
    {"tup_deleted", OID_INT8},
    {"conflicts", OID_INT8},
    {"temp_files", OID_INT8},
    {"temp_bytes", OID_INT8},
    {"deadlocks", OID_INT8},
    {"checksum_failures", OID_INT8},
    {"checksum_last_failure", OID_TIMESTAMPTZ},
    {"blk_read_time", OID_FLOAT8},
    {"blk_write_time", OID_FLOAT8},
    {"session_time", OID_FLOAT8},
    {"active_time", OID_FLOAT8},
    {"idle_in_transaction_time", OID_FLOAT8},
    {"sessions", OID_INT8},
    {"sessions_abandoned", OID_INT8},
    {"sessions_fatal", OID_INT8},
    {"sessions_killed", OID_INT8},
    {"stats_reset", OID_TIMESTAMPTZ},
};
enum {
    AT_BACKENDS = 2,
    AT_RETURNED = 7,
    AT_TEMP_FILES = 13,
    AT_DEADLOCKS = 15,
    AT_LAST_FAILURE = 17,
    AT_SESSIONS = 23,
    AT_RESET = 27,
};

static void
fill_numbers(struct server *server, struct datum *row)
{
    struct database_counts database;
    access_database_counts(server_access(server), &database);
    row[AT_BACKENDS] = datum_word(server_session_count(server));
    row[AT_BACKENDS + 1] = datum_word((int64_t)database.commits);
    row[AT_BACKENDS + 2] = datum_word((int64_t)database.rollbacks);
    for (int i = COUNT_RETURNED; i <= COUNT_DELETED; i++) {
        row[AT_RETURNED + i - COUNT_RETURNED] = datum_word((int64_t)database.relations.of[i]);
    }
    row[AT_TEMP_FILES] = datum_word((int64_t)ky_spill_files());
    row[AT_TEMP_FILES + 1] = datum_word((int64_t)ky_spill_bytes());
    row[AT_DEADLOCKS] = datum_word((int64_t)storage_deadlock_count());
    row[AT_SESSIONS] = datum_word((int64_t)server_session_total(server));
    row[AT_RESET] = stat_time(database.reset_us);
}

static ky_status
fill(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->database_count; i++) {
        const struct cat_database *database = context->image->databases[i];
        struct datum *row = sysview_add(rows);
        for (size_t c = 0; c < KY_COUNT_OF(columns); c++) {
            row[c] = columns[c].type == OID_FLOAT8 ? datum_real(0) : datum_word(0);
        }
        row[0] = datum_word(database->oid);
        row[1] = datum_cstr(database->name);
        row[AT_LAST_FAILURE] = row[AT_RESET] = datum_null();
        if (database->can_connect && !database->is_template) {
            fill_numbers(((const struct session *)context->session)->server, row);
        }
    }
    return KY_OK;
}

/* Nothing is replayed from elsewhere, so no query stands in the way of that. */
static const struct sysview_column conflict_columns[] = {
    {"datid", OID_OID},           {"datname", OID_NAME},        {"confl_tablespace", OID_INT8},
    {"confl_lock", OID_INT8},     {"confl_snapshot", OID_INT8}, {"confl_bufferpin", OID_INT8},
    {"confl_deadlock", OID_INT8},
};

static ky_status
fill_conflicts(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->database_count; i++) {
        struct datum *row = sysview_add(rows);
        row[0] = datum_word(context->image->databases[i]->oid);
        row[1] = datum_cstr(context->image->databases[i]->name);
        for (size_t c = 2; c < KY_COUNT_OF(conflict_columns); c++) {
            row[c] = datum_word(0);
        }
    }
    return KY_OK;
}

void
database_stats_register(void)
{
    static const struct sysview conflicts = {.oid = 12271,
                                             .schema = OID_SCHEMA_PG_CATALOG,
                                             .name = "pg_stat_database_conflicts",
                                             .kind = 'v',
                                             .columns = conflict_columns,
                                             .column_count = KY_COUNT_OF(conflict_columns),
                                             .fill = fill_conflicts};
    static const struct sysview view = {.oid = 12266,
                                        .schema = OID_SCHEMA_PG_CATALOG,
                                        .name = "pg_stat_database",
                                        .kind = 'v',
                                        .columns = columns,
                                        .column_count = KY_COUNT_OF(columns),
                                        .fill = fill};
    static const struct sysview *const views[] = {&view, &conflicts};
    sysview_register(views, KY_COUNT_OF(views));
}
