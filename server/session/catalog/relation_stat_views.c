/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/catalog/relation_stats.h"
#include "server/types/datetime.h"

/* pg_stat_all_tables and pg_stat_all_indexes, and the halves of them. System relations are made
 * when they are asked for: nothing happens to them. */

static const struct sysview_column table_columns[] = {
    {"relid", OID_OID},
    {"schemaname", OID_NAME},
    {"relname", OID_NAME},
    {"seq_scan", OID_INT8},
    {"seq_tup_read", OID_INT8},
    {"idx_scan", OID_INT8},
    {"idx_tup_fetch", OID_INT8},
    {"n_tup_ins", OID_INT8},
    {"n_tup_upd", OID_INT8},
    {"n_tup_del", OID_INT8},
    {"n_tup_hot_upd", OID_INT8},
    {"n_live_tup", OID_INT8},
    {"n_dead_tup", OID_INT8},
    {"n_mod_since_analyze", OID_INT8},
    {"n_ins_since_vacuum", OID_INT8},
    {"last_vacuum", OID_TIMESTAMPTZ},
    {"last_autovacuum", OID_TIMESTAMPTZ},
    {"last_analyze", OID_TIMESTAMPTZ},
    {"last_autoanalyze", OID_TIMESTAMPTZ},
    {"vacuum_count", OID_INT8},
    {"autovacuum_count", OID_INT8},
    {"analyze_count", OID_INT8},
    {"autoanalyze_count", OID_INT8},
};
enum { NAME_COLUMNS = 3, INDEX_NAME_COLUMNS = 5 };

static const struct sysview_column index_columns[] = {
    {"relid", OID_OID},         {"indexrelid", OID_OID},    {"schemaname", OID_NAME},
    {"relname", OID_NAME},      {"indexrelname", OID_NAME}, {"idx_scan", OID_INT8},
    {"idx_tup_read", OID_INT8}, {"idx_tup_fetch", OID_INT8}};

/* ------------------------------------------------------------------ one relation */

static uint64_t
since(uint64_t now, uint64_t mark)
{
    return now > mark ? now - mark : 0;
}

void
table_stats_of(struct session *session, const struct cat_table *table, struct table_stats *out)
{
    struct access *access = server_access(session->server);
    *out = (struct table_stats){.has_index = table->index_count > 0 || table->sysview != NULL};
    if (table->sysview != NULL) {
        return;
    }
    access_counts_of(access, table->oid, &out->counts);
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct relation_counts counts;
        access_counts_of(access, table->indexes[i]->oid, &counts);
        out->index_scans += counts.of[COUNT_SCANS];
        out->index_fetched += counts.of[COUNT_FETCHED];
    }
    const uint64_t obsolete = out->counts.of[COUNT_UPDATED] + out->counts.of[COUNT_DELETED];
    out->upkeep = access_upkeep_of(access, table);
    out->live = storage_live_count(server_storage(session->server), table->rel);
    out->dead = since(obsolete, out->upkeep.obsolete_at);
    out->inserted_since_vacuum = since(out->counts.of[COUNT_INSERTED], out->upkeep.inserted_at);
    out->changed_since_analyze = since(
        storage_change_count(server_storage(session->server), table->rel), out->upkeep.analyzed_at);
}

struct datum
stat_time(int64_t unix_us)
{
    return unix_us == 0 ? datum_null() : datum_word(unix_us - DATETIME_UNIX_TO_2000_US);
}

/* ------------------------------------------------------------------ rows */

static void
add_table(const struct sysview_context *context, struct sysview_rows *rows,
          const struct cat_table *table)
{
    struct table_stats stats;
    const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
    table_stats_of(context->session, table, &stats);
    struct datum *row = sysview_add(rows);
    row[0] = datum_word(table->oid);
    row[1] = schema == NULL ? datum_null() : datum_cstr(schema->name);
    row[2] = datum_cstr(table->name);
    const uint64_t *counts = stats.counts.of;
    const struct table_upkeep *upkeep = &stats.upkeep;
    const struct datum numbers[] = {
        datum_word((int64_t)counts[COUNT_SCANS]),
        datum_word((int64_t)counts[COUNT_RETURNED]),
        stats.has_index ? datum_word((int64_t)stats.index_scans) : datum_null(),
        stats.has_index ? datum_word((int64_t)stats.index_fetched) : datum_null(),
        datum_word((int64_t)counts[COUNT_INSERTED]),
        datum_word((int64_t)counts[COUNT_UPDATED]),
        datum_word((int64_t)counts[COUNT_DELETED]),
        datum_word((int64_t)counts[COUNT_HOT_UPDATED]),
        datum_word((int64_t)stats.live),
        datum_word((int64_t)stats.dead),
        datum_word((int64_t)stats.changed_since_analyze),
        datum_word((int64_t)stats.inserted_since_vacuum),
        stat_time(upkeep->vacuum.last_us),
        stat_time(upkeep->autovacuum.last_us),
        stat_time(upkeep->analyze.last_us),
        stat_time(upkeep->autoanalyze.last_us),
        datum_word((int64_t)upkeep->vacuum.count),
        datum_word((int64_t)upkeep->autovacuum.count),
        datum_word((int64_t)upkeep->analyze.count),
        datum_word((int64_t)upkeep->autoanalyze.count),
    };
    _Static_assert(KY_COUNT_OF(numbers) + NAME_COLUMNS == KY_COUNT_OF(table_columns), "a row");
    memcpy(row + NAME_COLUMNS, numbers, sizeof(numbers));
}

static void
add_indexes(const struct sysview_context *context, struct sysview_rows *rows,
            const struct cat_table *table)
{
    struct session *session = context->session;
    const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
    for (uint16_t i = 0; i < table->index_count; i++) {
        struct relation_counts counts;
        const struct cat_index *index = table->indexes[i];
        access_counts_of(server_access(session->server), index->oid, &counts);
        struct datum *row = sysview_add(rows);
        row[0] = datum_word(table->oid);
        row[1] = datum_word(index->oid);
        row[2] = schema == NULL ? datum_null() : datum_cstr(schema->name);
        row[3] = datum_cstr(table->name);
        row[4] = datum_cstr(index->name);
        for (int c = COUNT_SCANS; c <= COUNT_FETCHED; c++) {
            row[INDEX_NAME_COLUMNS + c] = datum_word((int64_t)counts.of[c]);
        }
    }
}

typedef void (*adder)(const struct sysview_context *context, struct sysview_rows *rows,
                      const struct cat_table *table);

static ky_status
add_all(const struct sysview_context *context, struct sysview_rows *rows, adder add,
        bool wants_system, bool wants_user)
{
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if ((table->kind == 'r' || table->kind == 'm') &&
            (table->sysview != NULL ? wants_system : wants_user)) {
            add(context, rows, table);
        }
    }
    return KY_OK;
}

#define VIEW(var, oid_, name_, columns_, add_, wants_system_, wants_user_)                        \
    static ky_status fill_##var(const struct sysview_context *context, struct sysview_rows *rows, \
                                struct ky_error *err)                                             \
    {                                                                                             \
        (void)err;                                                                                \
        return add_all(context, rows, add_, wants_system_, wants_user_);                          \
    }                                                                                             \
    static const struct sysview var = {.oid = (oid_),                                             \
                                       .schema = OID_SCHEMA_PG_CATALOG,                           \
                                       .name = (name_),                                           \
                                       .kind = 'v',                                               \
                                       .columns = (columns_),                                     \
                                       .column_count = KY_COUNT_OF(columns_),                     \
                                       .fill = fill_##var}
VIEW(all_tables, 12142, "pg_stat_all_tables", table_columns, add_table, true, true);
VIEW(system_tables, 12152, "pg_stat_sys_tables", table_columns, add_table, true, false);
VIEW(user_tables, 12161, "pg_stat_user_tables", table_columns, add_table, false, true);
VIEW(all_indexes, 12183, "pg_stat_all_indexes", index_columns, add_indexes, true, true);
VIEW(system_indexes, 12188, "pg_stat_sys_indexes", index_columns, add_indexes, true, false);
VIEW(user_indexes, 12192, "pg_stat_user_indexes", index_columns, add_indexes, false, true);

void
relation_stat_views_register(void)
{
    static const struct sysview *const views[] = {&all_tables,  &system_tables,  &user_tables,
                                                  &all_indexes, &system_indexes, &user_indexes};
    sysview_register(views, KY_COUNT_OF(views));
}
