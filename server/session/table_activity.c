/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/table_activity.h"

#include "server/base/clock.h"
#include "server/catalog/sysview.h"
#include "server/types/datetime.h"

/* Entries are made when a table is first asked about, under the server's activity_lock. */

static bool
has_statistics(const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].statistics != NULL) {
            return true;
        }
    }
    return false;
}

static struct table_activity *
get(struct server *server, const struct cat_table *table) KY_REQUIRES(server->activity_lock)
{
    bool is_new = false;
    uint64_t *place = ky_map64_put(&server->activity, table->oid, &is_new);
    if (is_new) {
        struct table_activity *made = ky_calloc(1, sizeof(*made));
        made->rel = table->rel;
        made->analyzed_at =
            has_statistics(table) ? storage_change_count(server_storage(server), table->rel) : 0;
        *place = (uint64_t)(uintptr_t)made;
    }
    struct table_activity *activity = (struct table_activity *)(uintptr_t)*place;
    if (activity->rel != table->rel) {
        activity->rel = table->rel;
        activity->analyzed_at = 0;
    }
    return activity;
}

void
activity_analyzed(struct server *server, const struct cat_table *table, uint64_t changes,
                  bool is_auto)
{
    ky_mutex_lock(&server->activity_lock);
    struct table_activity *activity = get(server, table);
    activity->analyzed_at = changes;
    if (is_auto) {
        activity->autoanalyzed_us = ky_wall_us();
        activity->autoanalyze_count++;
    } else {
        activity->analyzed_us = ky_wall_us();
        activity->analyze_count++;
    }
    ky_mutex_unlock(&server->activity_lock);
}

struct table_activity
activity_of(struct server *server, const struct cat_table *table)
{
    ky_mutex_lock(&server->activity_lock);
    const struct table_activity activity = *get(server, table);
    ky_mutex_unlock(&server->activity_lock);
    return activity;
}

uint64_t
activity_changes(struct server *server, const struct cat_table *table)
{
    const struct table_activity activity = activity_of(server, table);
    const uint64_t now = storage_change_count(server_storage(server), table->rel);
    return now > activity.analyzed_at ? now - activity.analyzed_at : 0;
}

void
activity_sweep(struct server *server, const struct cat_image *image)
{
    size_t cursor = 0;
    uint64_t oid;
    uint64_t activity;
    ky_mutex_lock(&server->activity_lock);
    while (ky_map64_next(&server->activity, &cursor, &oid, &activity)) {
        if (cat_get_table(image, (oid_t)oid) == NULL) {
            ky_free((void *)(uintptr_t)activity);
            (void)ky_map64_remove(&server->activity, oid);
            cursor = 0; /* the map moved */
        }
    }
    ky_mutex_unlock(&server->activity_lock);
}

void
activity_free(struct server *server)
{
    size_t cursor = 0;
    uint64_t oid;
    uint64_t activity;
    while (ky_map64_next(&server->activity, &cursor, &oid, &activity)) {
        ky_free((void *)(uintptr_t)activity);
    }
    ky_map64_deinit(&server->activity);
    ky_mutex_deinit(&server->activity_lock);
}

/* ------------------------------------------------------------------ views */

/* Scans, and which rows were inserted, updated and deleted, are not counted: null. */
static const struct sysview_column columns[] = {
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
enum { AT_LIVE = 11, AT_CHANGES = 13, AT_ANALYZED = 17, AT_COUNTS = 19 };

static struct datum
time_or_null(int64_t unix_us)
{
    return unix_us == 0 ? datum_null() : datum_word(unix_us - DATETIME_UNIX_TO_2000_US);
}

static void
add_row(const struct sysview_context *context, struct sysview_rows *rows,
        const struct cat_table *table)
{
    struct server *server = ((const struct session *)context->session)->server;
    const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
    struct datum *row = sysview_add(rows);
    row[0] = datum_word(table->oid);
    row[1] = schema == NULL ? datum_null() : datum_cstr(schema->name);
    row[2] = datum_cstr(table->name);
    for (size_t i = 3; i < KY_COUNT_OF(columns); i++) {
        row[i] = datum_null();
    }
    row[AT_LIVE] = row[AT_CHANGES] = datum_word(0);
    for (size_t i = AT_COUNTS; i < KY_COUNT_OF(columns); i++) {
        row[i] = datum_word(0);
    }
    if (table->sysview != NULL) {
        return;
    }
    const struct table_activity activity = activity_of(server, table);
    row[AT_LIVE] = datum_word((int64_t)storage_live_count(server_storage(server), table->rel));
    row[AT_CHANGES] = datum_word((int64_t)activity_changes(server, table));
    row[AT_ANALYZED] = time_or_null(activity.analyzed_us);
    row[AT_ANALYZED + 1] = time_or_null(activity.autoanalyzed_us);
    row[AT_COUNTS + 2] = datum_word((int64_t)activity.analyze_count);
    row[AT_COUNTS + 3] = datum_word((int64_t)activity.autoanalyze_count);
}

static void
add_rows(const struct sysview_context *context, struct sysview_rows *rows, bool wants_system,
         bool wants_user)
{
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        if (table->kind == 'r' && (table->sysview != NULL ? wants_system : wants_user)) {
            add_row(context, rows, table);
        }
    }
}

static ky_status
fill_all(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    add_rows(context, rows, true, true);
    return KY_OK;
}

static ky_status
fill_system(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    add_rows(context, rows, true, false);
    return KY_OK;
}

static ky_status
fill_user(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    add_rows(context, rows, false, true);
    return KY_OK;
}

#define VIEW(var, oid_, name_, fill_)                                        \
    static const struct sysview var = {.oid = (oid_),                        \
                                       .schema = OID_SCHEMA_PG_CATALOG,      \
                                       .name = (name_),                      \
                                       .kind = 'v',                          \
                                       .columns = columns,                   \
                                       .column_count = KY_COUNT_OF(columns), \
                                       .fill = (fill_)}
VIEW(all_tables, 12142, "pg_stat_all_tables", fill_all);
VIEW(system_tables, 12152, "pg_stat_sys_tables", fill_system);
VIEW(user_tables, 12161, "pg_stat_user_tables", fill_user);

void
activity_views_register(void)
{
    static const struct sysview *const views[] = {&all_tables, &system_tables, &user_tables};
    sysview_register(views, KY_COUNT_OF(views));
}
