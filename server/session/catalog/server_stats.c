/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/catalog/relation_stats.h"
#include "server/types/numeric.h"

/* pg_stat_bgwriter, pg_stat_wal and pg_stat_archiver: what checkpoints and the log have done since
 * the server started, a row each. What there is nothing of here is 0: nobody archives, and there
 * are no buffers but the pages of row positions that checkpoints write. */

static const struct sysview_column bgwriter_columns[] = {
    {"checkpoints_timed", OID_INT8},       {"checkpoints_req", OID_INT8},
    {"checkpoint_write_time", OID_FLOAT8}, /* milliseconds */
    {"checkpoint_sync_time", OID_FLOAT8},  {"buffers_checkpoint", OID_INT8},
    {"buffers_clean", OID_INT8},           {"maxwritten_clean", OID_INT8},
    {"buffers_backend", OID_INT8},         {"buffers_backend_fsync", OID_INT8},
    {"buffers_alloc", OID_INT8},           {"stats_reset", OID_TIMESTAMPTZ},
};
static const struct sysview_column wal_columns[] = {
    {"wal_records", OID_INT8},        {"wal_fpi", OID_INT8},         {"wal_bytes", OID_NUMERIC},
    {"wal_buffers_full", OID_INT8},   {"wal_write", OID_INT8},       {"wal_sync", OID_INT8},
    {"wal_write_time", OID_FLOAT8},   {"wal_sync_time", OID_FLOAT8}, /* milliseconds */
    {"stats_reset", OID_TIMESTAMPTZ},
};
static const struct sysview_column archiver_columns[] = {
    {"archived_count", OID_INT8},
    {"last_archived_wal", OID_TEXT},
    {"last_archived_time", OID_TIMESTAMPTZ},
    {"failed_count", OID_INT8},
    {"last_failed_wal", OID_TEXT},
    {"last_failed_time", OID_TIMESTAMPTZ},
    {"stats_reset", OID_TIMESTAMPTZ},
};

static struct server *
server_of(const struct sysview_context *context)
{
    return ((const struct session *)context->session)->server;
}

static struct datum
milliseconds(uint64_t ns)
{
    return datum_real((double)ns / 1e6);
}

static ky_status
fill_bgwriter(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    struct server *server = server_of(context);
    struct checkpoint_counts counts;
    (void)err;
    storage_checkpoint_counts(server_storage(server), &counts);
    struct datum *row = sysview_add(rows);
    row[0] = datum_word((int64_t)counts.timed);
    row[1] = datum_word((int64_t)counts.requested);
    row[2] = milliseconds(counts.took_ns);
    row[3] = datum_real(0);
    row[4] = datum_word((int64_t)counts.pages);
    for (int i = 5; i < 10; i++) {
        row[i] = datum_word(0);
    }
    row[10] = stat_time(server->start_us);
    return KY_OK;
}

static ky_status
fill_wal(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    struct log_counts counts;
    (void)err;
    storage_log_counts(&counts);
    const struct ky_slice bytes = numeric_from_int64(rows->arena, (int64_t)counts.bytes);
    struct datum *row = sysview_add(rows);
    row[0] = datum_word((int64_t)counts.frames);
    row[1] = datum_word(0);
    row[2] = datum_bytes(bytes.data, bytes.size);
    row[3] = datum_word(0);
    row[4] = datum_word((int64_t)counts.writes);
    row[5] = datum_word((int64_t)counts.syncs);
    row[6] = datum_real(0);
    row[7] = milliseconds(counts.sync_ns);
    row[8] = stat_time(server_of(context)->start_us);
    return KY_OK;
}

static ky_status
fill_archiver(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    struct datum *row = sysview_add(rows);
    for (size_t i = 0; i < KY_COUNT_OF(archiver_columns); i++) {
        row[i] = archiver_columns[i].type == OID_INT8 ? datum_word(0) : datum_null();
    }
    row[KY_COUNT_OF(archiver_columns) - 1] = stat_time(server_of(context)->start_us);
    return KY_OK;
}

#define VIEW(var, oid_, name_, columns_, fill_)                               \
    static const struct sysview var = {.oid = (oid_),                         \
                                       .schema = OID_SCHEMA_PG_CATALOG,       \
                                       .name = (name_),                       \
                                       .kind = 'v',                           \
                                       .columns = (columns_),                 \
                                       .column_count = KY_COUNT_OF(columns_), \
                                       .fill = (fill_)}
VIEW(bgwriter, 12289, "pg_stat_bgwriter", bgwriter_columns, fill_bgwriter);
VIEW(wal, 12293, "pg_stat_wal", wal_columns, fill_wal);
VIEW(archiver, 12285, "pg_stat_archiver", archiver_columns, fill_archiver);

void
server_stats_register(void)
{
    static const struct sysview *const views[] = {&bgwriter, &wal, &archiver};
    sysview_register(views, KY_COUNT_OF(views));
}
