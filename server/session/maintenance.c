/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <strings.h>

#include "server/access/relation_stats.h"
#include "server/base/assert.h"
#include "server/catalog/sysview.h"
#include "server/session/rights.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"

/*
 * VACUUM and ANALYZE, and the views that show compaction. The log is one for all tables, so VACUUM
 * of a table compacts what can be compacted of all of them; FULL also rewrites base files that are
 * partly dead. What ANALYZE does is in ddl/ddl_analyze.c.
 */

/* (name [value]): off for false, off and 0. */
static bool
is_on(const struct ast_option *option)
{
    if (option->value == NULL) {
        return true;
    }
    if (option->value->kind == AST_STRING) {
        const char *text = ((const struct ast_string *)(const void *)option->value)->text;
        return strcasecmp(text, "false") != 0 && strcasecmp(text, "off") != 0;
    }
    const struct ast_const *constant = (const void *)option->value;
    if (option->value->kind != AST_CONST) {
        return true;
    }
    return constant->type == AST_CONST_BOOL ? constant->boolean : constant->integer != 0;
}

static ky_status
check_options(const struct ast_analyze *statement, struct ky_error *err)
{
    static const char *const vacuum_only[] = {
        "full",          "freeze",        "analyze",  "disable_page_skipping",
        "index_cleanup", "process_toast", "truncate", "parallel"};
    for (int32_t i = 0; i < ast_list_count(statement->options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(statement->options, i);
        bool is_known = strcasecmp(option->name, "verbose") == 0 ||
                        strcasecmp(option->name, "skip_locked") == 0;
        for (size_t j = 0; statement->is_vacuum && j < KY_COUNT_OF(vacuum_only); j++) {
            is_known |= strcasecmp(option->name, vacuum_only[j]) == 0;
        }
        if (!is_known) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "unrecognized %s option \"%s\"",
                                statement->is_vacuum ? "VACUUM" : "ANALYZE", option->name);
        }
    }
    return KY_OK;
}

bool
maintenance_has(const struct ast_analyze *statement, const char *name)
{
    bool is_set = false;
    for (int32_t i = 0; i < ast_list_count(statement->options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(statement->options, i);
        if (strcasecmp(option->name, name) == 0) {
            is_set = is_on(option);
        }
    }
    return is_set;
}

typedef void (*table_visitor)(struct session *session, const struct cat_table *table);

static bool
may_vacuum(const struct session *session, const struct cat_image *image,
           const struct cat_table *table)
{
    return rights_owns(session, image, table->owner) ||
           rights_owns(session, image, OID_ROLE_DATABASE_OWNER);
}

/* The tables that the statement names and the role may vacuum; all there are if it names none and
 * is_all. *count_out: of the named ones. */
static ky_status
each_table(struct session *session, const struct portal *outer, const struct ast_analyze *statement,
           bool is_all, table_visitor visit, uint32_t *count_out, struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &session->arena, image, &env, outer->source);
    bind.role = session_limited_role(session);
    ky_status status = KY_OK;
    *count_out = 0;
    const int32_t named_count = ast_list_count(statement->relations);
    for (int32_t i = 0; status == KY_OK && i < named_count; i++) {
        const struct ast_vacuum_relation *named =
            (const void *)ast_list_get(statement->relations, i);
        struct cat_table *table;
        status = bind_relation(&bind, named->relation, false, &table, err);
        if (status != KY_OK || table->sysview != NULL) {
            continue;
        }
        if (may_vacuum(session, image, table)) {
            visit(session, table);
            ++*count_out;
        } else if (statement->is_vacuum && !is_all) {
            session_notice(session, "WARNING", KY_WARNING,
                           "skipping \"%s\" --- only table or database owner can vacuum it",
                           table->name);
        }
    }
    for (size_t i = 0; is_all && named_count == 0 && i < image->table_count; i++) {
        if (cat_keeps_rows(image->tables[i]) && may_vacuum(session, image, image->tables[i])) {
            visit(session, image->tables[i]);
        }
    }
    cat_image_release(image);
    return status;
}

static void
tell_size(struct session *session, const struct cat_table *table)
{
    struct storage *storage = server_storage(session->server);
    session_notice(session, "INFO", KY_SUCCESSFUL_COMPLETION,
                   "table \"%s\": %" PRIu64 " live rows, %" PRIu64 " bytes on disk", table->name,
                   storage_live_count(storage, table->rel),
                   storage_relation_bytes(storage, table->rel));
}

static void
tell_nothing(struct session *session, const struct cat_table *table)
{
    (void)session;
    (void)table;
}

static void
note_vacuumed(struct session *session, const struct cat_table *table)
{
    access_note_vacuumed(server_access(session->server), table);
}

static void
report(struct session *session, const struct compact_result *result)
{
    struct compact_stats stats;
    storage_compact_stats(server_storage(session->server), &stats);
    session_notice(session, "INFO", KY_SUCCESSFUL_COMPLETION,
                   "compaction: %" PRIu64 " log segments dropped, %" PRIu64
                   " base files removed, %" PRIu64 " written, %" PRIu64 " rows moved, %" PRIu64
                   " bytes written, %" PRIu64 " bytes freed",
                   result->segments_dropped, result->files_removed, result->files_written,
                   result->rows_moved, result->bytes_written, result->bytes_freed);
    session_notice(session, "INFO", KY_SUCCESSFUL_COMPLETION,
                   "now %" PRIu64 " bytes of log, kept from position %X/%X on (%s); %" PRIu64
                   " bytes in %" PRIu64 " base files, %" PRIu64 " of %" PRIu64
                   " row versions there are dead; %" PRIu64 " bytes wait for snapshots",
                   stats.log_bytes, (unsigned)(stats.floor >> 32), (unsigned)stats.floor,
                   retention_reason_name(stats.reason), stats.base_bytes, stats.base_files,
                   stats.base_dead, stats.base_rows, stats.retired_bytes);
}

static ky_status
run_vacuum(struct session *session, const struct portal *outer, const struct ast_analyze *statement,
           struct ky_error *err)
{
    const bool is_verbose = maintenance_has(statement, "verbose");
    const bool is_full = maintenance_has(statement, "full");
    struct compact_result result;
    uint32_t count;
    if (is_verbose) {
        session_notice(session, "INFO", KY_SUCCESSFUL_COMPLETION, "vacuuming \"postgres\"");
    }
    KY_TRY(background_compact(server_storage(session->server), is_full ? COMPACT_FULL : COMPACT_LOG,
                              &session->cancel, &result, err));
    if (is_verbose) {
        report(session, &result);
    }
    return each_table(session, outer, statement, true, note_vacuumed, &count, err);
}

/* What ANALYZE finds goes into the catalog, also in a read-only transaction. It may have to wait
 * for locks and be called again: it goes first, so that nothing is compacted twice. */
ky_status
maintenance_run(struct session *session, struct portal *outer, const struct ast_analyze *statement,
                bool *is_pending_out, struct ky_error *err)
{
    const char *name = statement->is_vacuum ? "VACUUM" : "ANALYZE";
    *is_pending_out = false;
    KY_TRY(check_options(statement, err));
    if (statement->is_vacuum && session->is_block) {
        return ky_error_set(err, KY_ACTIVE_SQL_TRANSACTION,
                            "VACUUM cannot run inside a transaction block");
    }
    if (!statement->is_vacuum || maintenance_has(statement, "analyze")) {
        KY_TRY(utility_change_catalog(session, outer, is_pending_out, err));
        if (*is_pending_out) {
            return KY_OK;
        }
    }
    /* The tables exist. */
    uint32_t count;
    KY_TRY(each_table(session, outer, statement, false,
                      maintenance_has(statement, "verbose") ? tell_size : tell_nothing, &count,
                      err));
    if (statement->is_vacuum && (count > 0 || statement->relations == NULL)) {
        KY_TRY(run_vacuum(session, outer, statement, err));
    }
    strcpy(session->tag, name);
    return KY_OK;
}

/* ------------------------------------------------------------------ views */

static const struct sysview_column progress_columns[] = {
    {"pid", OID_INT4},
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"relid", OID_OID},
    {"phase", OID_TEXT},
    {"heap_blks_total", OID_INT8},
    {"heap_blks_scanned", OID_INT8},
    {"heap_blks_vacuumed", OID_INT8},
    {"index_vacuum_count", OID_INT8},
    {"max_dead_tuples", OID_INT8},
    {"num_dead_tuples", OID_INT8},
};

static const char *
phase_name(enum compact_phase phase)
{
    switch (phase) {
    case COMPACT_IDLE:
        return "idle";
    case COMPACT_SCANNING:
        return "scanning heap";
    case COMPACT_WRITING:
        return "vacuuming heap";
    case COMPACT_INSTALLING:
        return "performing final cleanup";
    }
    return "unknown";
}

/* A block here is a log segment or a base file. */
static ky_status
fill_progress(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    struct compact_stats stats;
    storage_compact_stats(context->storage, &stats);
    if (stats.started_us == 0) {
        return KY_OK;
    }
    struct datum *row = sysview_add(rows);
    row[2] = datum_cstr("postgres");
    row[4] = datum_cstr(phase_name(stats.phase));
    row[5] = datum_word((int64_t)stats.sources_total);
    row[6] = datum_word((int64_t)stats.sources_scanned);
    return KY_OK;
}

static const struct sysview_column compaction_columns[] = {
    {"phase", OID_TEXT},
    {"started", OID_TIMESTAMPTZ},
    {"sources_total", OID_INT8},
    {"sources_scanned", OID_INT8},
    {"rows_to_move", OID_INT8},
    {"rows_moved", OID_INT8},
    {"runs", OID_INT8},
    {"failures", OID_INT8},
    {"total_segments_dropped", OID_INT8},
    {"total_files_removed", OID_INT8},
    {"total_files_written", OID_INT8},
    {"total_rows_moved", OID_INT8},
    {"total_bytes_written", OID_INT8},
    {"total_bytes_freed", OID_INT8},
    {"log_bytes", OID_INT8},
    {"base_bytes", OID_INT8},
    {"base_files", OID_INT8},
    {"base_rows", OID_INT8},
    {"base_dead_rows", OID_INT8},
    {"retired_bytes", OID_INT8},
    {"debt_bytes", OID_INT8},
    {"retention_floor", OID_INT8},
    {"retention_reason", OID_TEXT},
    {"retention_bytes", OID_INT8},
    {"retention_seconds", OID_INT8},
    {"slot_keep_bytes", OID_INT8},
    {"earliest_event", OID_INT8},
    {"oldest_snapshot_seconds", OID_FLOAT8},
};

static ky_status
fill_compaction(const struct sysview_context *context, struct sysview_rows *rows,
                struct ky_error *err)
{
    (void)err;
    struct compact_stats stats;
    struct storage_retention retention;
    storage_compact_stats(context->storage, &stats);
    storage_get_retention(context->storage, &retention);
    const uint64_t numbers[] = {
        stats.sources_total,
        stats.sources_scanned,
        stats.rows_to_move,
        stats.rows_moved,
        stats.runs,
        stats.failures,
        stats.total.segments_dropped,
        stats.total.files_removed,
        stats.total.files_written,
        stats.total.rows_moved,
        stats.total.bytes_written,
        stats.total.bytes_freed,
        stats.log_bytes,
        stats.base_bytes,
        stats.base_files,
        stats.base_rows,
        stats.base_dead,
        stats.retired_bytes,
        stats.debt_bytes,
        stats.floor,
    };
    struct datum *row = sysview_add(rows);
    size_t at = 0;
    row[at++] = datum_cstr(phase_name(stats.phase));
    row[at++] = stats.started_us == 0 ? datum_null()
                                      : datum_word(stats.started_us - DATETIME_UNIX_TO_2000_US);
    for (size_t i = 0; i < KY_COUNT_OF(numbers); i++) {
        row[at++] = datum_word((int64_t)numbers[i]);
    }
    row[at++] = datum_cstr(retention_reason_name(stats.reason));
    row[at++] = datum_word((int64_t)retention.bytes);
    row[at++] = datum_word(retention.seconds);
    row[at++] = datum_word((int64_t)retention.reader_bytes);
    row[at++] = datum_word((int64_t)storage_earliest_event(context->storage));
    row[at++] = (struct datum){.real = storage_oldest_snapshot_seconds(context->storage)};
    KY_ASSERT(at == KY_COUNT_OF(compaction_columns));
    return KY_OK;
}

void
maintenance_register(void)
{
    static const struct sysview progress_view = {
        .oid = 12302,
        .schema = OID_SCHEMA_PG_CATALOG,
        .name = "pg_stat_progress_vacuum",
        .kind = 'v',
        .columns = progress_columns,
        .column_count = KY_COUNT_OF(progress_columns),
        .fill = fill_progress,
    };
    static const struct sysview compaction_view = {
        .oid = 14910,
        .schema = OID_SCHEMA_KYRO,
        .name = "stat_compaction",
        .kind = 'v',
        .columns = compaction_columns,
        .column_count = KY_COUNT_OF(compaction_columns),
        .fill = fill_compaction,
    };
    static const struct sysview *const views[] = {&progress_view, &compaction_view};
    sysview_register(views, KY_COUNT_OF(views));
}
