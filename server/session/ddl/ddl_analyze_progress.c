/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/ddl/ddl_private.h"

/*
 * How far ANALYZE is, in pg_stat_progress_analyze. Rows have no blocks here: what is counted in
 * their place are rows of the table, and of them those that were passed by.
 */

/* All stores are relaxed: a view may see one table with the count of another for a moment. */
void
ddl_analyze_progress(struct ddl *ddl, const struct cat_table *table, enum analyze_phase phase,
                     uint64_t done, uint64_t total)
{
    struct analyze_progress *progress = &ddl->session->analyze_progress;
    atomic_store_explicit(&progress->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&progress->done, (int64_t)done, memory_order_relaxed);
    atomic_store_explicit(&progress->total, (int64_t)total, memory_order_relaxed);
    atomic_store_explicit(&progress->table, table == NULL ? OID_NONE : table->oid,
                          memory_order_relaxed);
}

static const struct sysview_column columns[] = {
    {"pid", OID_INT4},
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"relid", OID_OID},
    {"phase", OID_TEXT},
    {"sample_blks_total", OID_INT8},
    {"sample_blks_scanned", OID_INT8},
    {"ext_stats_total", OID_INT8},
    {"ext_stats_computed", OID_INT8},
    {"child_tables_total", OID_INT8},
    {"child_tables_done", OID_INT8},
    {"current_child_table_relid", OID_OID},
};

static const char *const phase_names[] = {
    [ANALYZE_SAMPLING] = "acquiring sample rows",
    [ANALYZE_COMPUTING] = "computing statistics",
};

static void
add_row(struct sysview_rows *rows, struct session *session)
{
    const struct analyze_progress *progress = &session->analyze_progress;
    const oid_t table = atomic_load_explicit(&progress->table, memory_order_relaxed);
    if (table == OID_NONE) {
        return;
    }
    struct datum *row = sysview_add(rows);
    for (size_t i = 0; i < KY_COUNT_OF(columns); i++) {
        row[i] = datum_word(0);
    }
    row[0] = datum_word(session->pid);
    row[1] = datum_word(5);
    row[2] = datum_cstr("postgres");
    row[3] = datum_word(table);
    row[4] = datum_cstr(phase_names[atomic_load_explicit(&progress->phase, memory_order_relaxed)]);
    row[5] = datum_word(atomic_load_explicit(&progress->total, memory_order_relaxed));
    row[6] = datum_word(atomic_load_explicit(&progress->done, memory_order_relaxed));
}

static ky_status
fill(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    session_views_each(context, rows, add_row);
    return KY_OK;
}

void
ddl_analyze_register(void)
{
    static const struct sysview view = {
        .oid = 12297,
        .schema = OID_SCHEMA_PG_CATALOG,
        .name = "pg_stat_progress_analyze",
        .kind = 'v',
        .columns = columns,
        .column_count = KY_COUNT_OF(columns),
        .fill = fill,
    };
    static const struct sysview *const views[] = {&view};
    sysview_register(views, KY_COUNT_OF(views));
}
