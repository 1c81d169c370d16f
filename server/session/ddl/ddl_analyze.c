/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/relation_stats.h"
#include "server/base/budget.h"
#include "server/base/map.h"
#include "server/base/random.h"
#include "server/session/ddl/ddl_private.h"

/*
 * ANALYZE: a sample of each table's rows, every row with the same chance, taken in one pass in
 * the order of the table; then each column's statistics become a row of the catalog.
 */
enum { ROWS_PER_ENTRY = 300, WIDE_BYTES = 1024, SCAN_BATCH = 256, SHORT_BYTES = 126 };

/* Samples are large: each table's go when it is done. */
struct sampling {
    struct ky_arena arena;
    struct ky_arena column;  /* what the statistics of one column take */
    struct ky_budget budget; /* the server's memory */
    uint64_t charged;
};

static void
sampling_init(struct sampling *sampling, struct ddl *ddl)
{
    sampling->charged = 0;
    ky_arena_init(&sampling->arena);
    ky_arena_init(&sampling->column);
    ky_budget_init(&sampling->budget, "work memory", 0, &ddl->session->server->memory);
}

static void
sampling_deinit(struct sampling *sampling)
{
    ky_arena_deinit(&sampling->arena);
    ky_arena_deinit(&sampling->column);
    ky_budget_release(&sampling->budget, sampling->charged);
}

/* What the arenas have come to hold. 53200. */
static ky_status
charge(struct sampling *sampling, struct ky_error *err)
{
    const uint64_t size = sampling->arena.allocated_size + sampling->column.allocated_size;
    if (size > sampling->charged) {
        KY_TRY(ky_budget_charge(&sampling->budget, size - sampling->charged, err));
        sampling->charged = size;
    }
    return KY_OK;
}

static void
sample_value(struct ky_arena *arena, struct column_sample *sample, struct datum value)
{
    if (value.is_null) {
        sample->null_count++;
        return;
    }
    if (sample->type->storage == TYPE_BYTES) {
        const size_t size = value.bytes.size;
        sample->width_sum += (double)size + (size <= SHORT_BYTES ? 1 : 4);
        if (size > WIDE_BYTES) {
            sample->wide_count++;
            return;
        }
        value.bytes = ky_slice_dup(arena, value.bytes);
    }
    sample->values[sample->value_count++] = value;
}

/* samples: one for each column of the table, type NULL where it is not wanted. 57014, 53200. */
static ky_status
sample_table(struct ddl *ddl, struct sampling *sampling, const struct cat_table *table,
             uint64_t wanted, struct column_sample *samples)
{
    const uint64_t total = storage_count(ddl->txn, table->rel);
    uint64_t seen = 0;
    uint64_t chosen = 0;
    struct ky_prng prng;
    uint64_t seed;
    ky_random_bytes(&seed, sizeof(seed));
    ky_prng_init(&prng, seed);
    wanted = KY_MIN(wanted, total);
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (samples[c].type != NULL) {
            samples[c].values = ky_arena_array(&sampling->arena, struct datum, wanted + 1);
            KY_TRY(charge(sampling, ddl->err));
        }
    }
    struct storage_scan scan;
    struct row_ref rows[SCAN_BATCH];
    storage_scan_init(&scan, ddl->txn, table->rel);
    for (uint32_t count;
         chosen < wanted && (count = storage_scan_next(&scan, rows, SCAN_BATCH)) > 0;) {
        if (session_is_cancelled(ddl->session)) {
            return ky_error_set(ddl->err, KY_QUERY_CANCELED,
                                "canceling statement due to user request");
        }
        KY_TRY(charge(sampling, ddl->err));
        ddl_analyze_progress(ddl, table, ANALYZE_SAMPLING, seen, total);
        for (uint32_t i = 0; i < count && chosen < wanted; i++, seen++) {
            /* As many are still wanted of those still to come. */
            if (seen < total && ky_prng_below(&prng, total - seen) >= wanted - chosen) {
                continue;
            }
            chosen++;
            for (uint16_t c = 0; c < table->column_count; c++) {
                if (samples[c].type != NULL) {
                    sample_value(&sampling->arena, &samples[c],
                                 row_get(&table->layout, rows[i].body, c));
                }
            }
        }
    }
    for (uint16_t c = 0; c < table->column_count; c++) {
        samples[c].row_count = (uint32_t)chosen;
        samples[c].table_rows = (double)KY_MAX(total, chosen);
    }
    ddl_analyze_progress(ddl, table, ANALYZE_COMPUTING, total, total);
    return KY_OK;
}

static ky_status
write_statistics(struct ddl *ddl, const struct cat_statistics *old, struct cat_statistics *made)
{
    if (old == NULL) {
        return catalog_insert(ddl->txn, CAT_STATISTICS, made, ddl->err);
    }
    made->row_id = old->row_id;
    return catalog_update(ddl->txn, CAT_STATISTICS, made, ddl->err);
}

ky_status
ddl_drop_statistics(struct ddl *ddl, struct cat_column *column)
{
    const struct cat_statistics *statistics = column->statistics;
    column->statistics = NULL;
    return statistics == NULL ? KY_OK
                              : catalog_erase(ddl->txn, CAT_STATISTICS, statistics, ddl->err);
}

/* columns: AST_STRINGs; NULL: all. 42703, 42701. */
static ky_status
choose_columns(struct ddl *ddl, const struct cat_table *table, const struct ast_list *columns,
               struct column_sample *samples)
{
    for (uint16_t c = 0; columns == NULL && c < table->column_count; c++) {
        samples[c].type = table->columns[c].is_dropped ? NULL : table->columns[c].type;
    }
    for (int32_t i = 0; i < ast_list_count(columns); i++) {
        const char *name =
            ((const struct ast_string *)(const void *)ast_list_get(columns, i))->text;
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(name));
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" of relation \"%s\" does not exist", name,
                                table->name);
        }
        struct column_sample *sample = &samples[column->number - 1];
        if (sample->type != NULL) {
            return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                "column \"%s\" of relation \"%s\" appears more than once", name,
                                table->name);
        }
        sample->type = column->type;
    }
    return KY_OK;
}

static ky_status
analyze_table(struct ddl *ddl, const struct cat_table *table, const struct ast_list *columns)
{
    const uint32_t target =
        (uint32_t)settings_int(&ddl->session->settings, SETTING_DEFAULT_STATISTICS_TARGET);
    struct server *server = ddl->session->server;
    const uint64_t changes = storage_change_count(server_storage(server), table->rel);
    struct sampling sampling;
    sampling_init(&sampling, ddl);
    struct column_sample *samples =
        ky_arena_calloc(&sampling.arena, (size_t)table->column_count + 1, sizeof(*samples));
    ky_status status = choose_columns(ddl, table, columns, samples);
    if (status == KY_OK) {
        status = sample_table(ddl, &sampling, table, (uint64_t)target * ROWS_PER_ENTRY, samples);
    }
    for (uint16_t c = 0; status == KY_OK && c < table->column_count; c++) {
        if (samples[c].type == NULL || samples[c].row_count == 0) {
            continue;
        }
        struct cat_statistics made = {.table = table->oid, .column = table->columns[c].number};
        status =
            analyze_column(ddl->session, &sampling.column, &samples[c], target, &made, ddl->err);
        if (status == KY_OK) {
            status = charge(&sampling, ddl->err);
        }
        if (status == KY_OK) {
            status = write_statistics(ddl, table->columns[c].statistics, &made);
        }
        ky_arena_reset(&sampling.column);
    }
    sampling_deinit(&sampling);
    ddl_analyze_progress(ddl, NULL, ANALYZE_COMPUTING, 0, 0);
    if (status == KY_OK && columns == NULL) {
        access_note_analyzed(server_access(server), table, changes, ddl->session->is_autoanalyze);
    }
    return status;
}

static bool
is_sampled(const struct cat_table *table)
{
    return cat_keeps_rows(table) && table->row_id != 0;
}

/* With SKIP_LOCKED, a table that is locked is left out with a warning. *is_locked_out is false also
 * when the lock is pending. */
static ky_status
lock_or_skip(struct ddl *ddl, const struct cat_table *table, const struct ast_analyze *statement,
             bool *is_locked_out)
{
    const bool is_skipping = maintenance_has(statement, "skip_locked");
    const ky_status status =
        session_lock_table(ddl->session, table->oid, LOCK_SHARE_UPDATE_EXCLUSIVE, is_skipping,
                           table->name, &ddl->is_pending, ddl->err);
    *is_locked_out = status == KY_OK && !ddl->is_pending;
    if (!is_skipping || status == KY_OK || ddl->err->sqlstate != KY_LOCK_NOT_AVAILABLE) {
        return status;
    }
    ky_error_init(ddl->err);
    session_notice(ddl->session, "WARNING", KY_LOCK_NOT_AVAILABLE,
                   "skipping %s of \"%s\" --- lock not available",
                   statement->is_vacuum ? "vacuum" : "analyze", table->name);
    return KY_OK;
}

static bool
may_analyze(const struct ddl *ddl, const struct cat_table *table)
{
    return ddl_owns(ddl, table->owner) || ddl_owns(ddl, OID_ROLE_DATABASE_OWNER);
}

/* What this role may analyze; temporary tables only when they are named. */
static bool
is_of_all(const struct ddl *ddl, const struct cat_table *table)
{
    return is_sampled(table) && table->persistence != 't' && may_analyze(ddl, table);
}

/* Whole database: all the locks first, so that nothing is done twice after a wait. */
static ky_status
analyze_all(struct ddl *ddl, const struct ast_analyze *statement)
{
    struct ky_map64 locked = {.count = 0};
    ky_status status = KY_OK;
    const struct cat_image *image = ddl->image;
    for (size_t i = 0; status == KY_OK && !ddl->is_pending && i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        bool is_locked = false;
        if (is_of_all(ddl, table)) {
            status = lock_or_skip(ddl, table, statement, &is_locked);
        }
        if (is_locked) {
            *ky_map64_put(&locked, table->oid, NULL) = 1;
        }
    }
    if (status == KY_OK && !ddl->is_pending) {
        status = ddl_refresh(ddl);
        image = ddl->image;
        for (size_t i = 0; status == KY_OK && i < image->table_count; i++) {
            const struct cat_table *table = image->tables[i];
            if (is_of_all(ddl, table) && ky_map64_find(&locked, table->oid) != NULL) {
                status = analyze_table(ddl, table, NULL);
            }
        }
    }
    ky_map64_deinit(&locked);
    return status;
}

static ky_status
analyze_named(struct ddl *ddl, const struct ast_analyze *statement,
              const struct ast_vacuum_relation *named)
{
    struct cat_table *table;
    bool is_locked = false;
    KY_TRY(bind_relation(&ddl->bind, named->relation, false, &table, ddl->err));
    if (!is_sampled(table)) {
        return KY_OK;
    }
    if (!may_analyze(ddl, table)) {
        session_notice(ddl->session, "WARNING", KY_WARNING,
                       "skipping \"%s\" --- only table or database owner can analyze it",
                       table->name);
        return KY_OK;
    }
    KY_TRY(lock_or_skip(ddl, table, statement, &is_locked));
    if (!is_locked) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(bind_relation(&ddl->bind, named->relation, false, &table, ddl->err));
    return analyze_table(ddl, table, named->columns);
}

ky_status
ddl_analyze(struct ddl *ddl, const struct ast_analyze *statement)
{
    if (ast_list_count(statement->relations) == 0) {
        KY_TRY(analyze_all(ddl, statement));
    }
    for (int32_t i = 0; !ddl->is_pending && i < ast_list_count(statement->relations); i++) {
        const struct ast_vacuum_relation *named =
            (const void *)ast_list_get(statement->relations, i);
        KY_TRY(analyze_named(ddl, statement, named));
    }
    return ddl->is_pending ? KY_OK : ddl_changed(ddl);
}
