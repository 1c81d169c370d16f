/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/copy_private.h"
#include "server/session/session_private.h"

/* How far COPY is, in pg_stat_progress_copy. One thread writes at a time, any may read: relaxed. */

static void
set(struct copy_progress *progress, enum copy_command command, oid_t table)
{
    atomic_store_explicit(&progress->bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->rows, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->excluded, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->total, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->is_file, false, memory_order_relaxed);
    atomic_store_explicit(&progress->table, table, memory_order_relaxed);
    atomic_store_explicit(&progress->command, command, memory_order_relaxed);
}

void
copy_progress_begin(struct session *session, struct copy *copy, enum copy_command command)
{
    copy->progress = &session->copy_progress;
    set(copy->progress, command, copy->table_oid);
    atomic_store_explicit(&copy->progress->total, (int64_t)copy->file_size, memory_order_relaxed);
    atomic_store_explicit(&copy->progress->is_file, copy->file != NULL, memory_order_relaxed);
}

static void
add(_Atomic int64_t *count, uint64_t more)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + (int64_t)more,
                          memory_order_relaxed);
}

void
copy_progress_add(struct copy *copy, uint64_t bytes, uint64_t rows, uint64_t excluded)
{
    add(&copy->progress->bytes, bytes);
    add(&copy->progress->rows, rows);
    add(&copy->progress->excluded, excluded);
}

void
copy_progress_end(struct copy *copy)
{
    if (copy->progress != NULL) {
        set(copy->progress, COPY_NONE, OID_NONE);
    }
}

static const struct sysview_column columns[] = {
    {"pid", OID_INT4},
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"relid", OID_OID},
    {"command", OID_TEXT},
    {"type", OID_TEXT},
    {"bytes_processed", OID_INT8},
    {"bytes_total", OID_INT8},
    {"tuples_processed", OID_INT8},
    {"tuples_excluded", OID_INT8},
};

static void
add_row(struct sysview_rows *rows, struct session *session)
{
    struct copy_progress *progress = &session->copy_progress;
    const int command = atomic_load_explicit(&progress->command, memory_order_relaxed);
    if (command == COPY_NONE) {
        return;
    }
    struct datum *row = sysview_add(rows);
    row[0] = datum_word(session->pid);
    row[1] = datum_word(5);
    row[2] = datum_cstr("postgres");
    row[3] = datum_word(atomic_load_explicit(&progress->table, memory_order_relaxed));
    row[4] = datum_cstr(command == COPY_FROM ? "COPY FROM" : "COPY TO");
    const bool is_file = atomic_load_explicit(&progress->is_file, memory_order_relaxed);
    row[5] = datum_cstr(is_file ? "FILE" : "PIPE");
    row[6] = datum_word(atomic_load_explicit(&progress->bytes, memory_order_relaxed));
    row[7] = datum_word(atomic_load_explicit(&progress->total, memory_order_relaxed));
    row[8] = datum_word(atomic_load_explicit(&progress->rows, memory_order_relaxed));
    row[9] = datum_word(atomic_load_explicit(&progress->excluded, memory_order_relaxed));
}

static ky_status
fill(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    session_views_each(context, rows, add_row);
    return KY_OK;
}

void
copy_progress_register(void)
{
    static const struct sysview view = {
        .oid = 12322,
        .schema = OID_SCHEMA_PG_CATALOG,
        .name = "pg_stat_progress_copy",
        .kind = 'v',
        .columns = columns,
        .column_count = KY_COUNT_OF(columns),
        .fill = fill,
    };
    static const struct sysview *const views[] = {&view};
    sysview_register(views, KY_COUNT_OF(views));
}
