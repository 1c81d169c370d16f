/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/ddl/ddl_private.h"

/*
 * Graphs of new vector indexes are made by a thread of their own, while the statement waits without
 * a worker. The handler queues what is to be built, starts the thread and answers pending; when it
 * is called again it asks for the outcome first. A statement that is cancelled or whose session
 * ends stops its thread and waits for it. pg_stat_progress_create_index shows how far it is.
 */
struct ddl_build {
    struct session *session;
    struct build_item {
        oid_t table, index;
    } * items; /* owned */
    uint32_t count;
    bool is_started;
    struct ky_thread thread;
    _Atomic int cancel;
    atomic_bool is_done; /* release: after status and err */
    ky_status status;
    struct ky_error err;
};

/* ------------------------------------------------------------------ progress */

void
ddl_progress_begin(struct ddl *ddl, const struct cat_table *table, oid_t index, bool is_reindex)
{
    struct session_progress *progress = &ddl->session->progress;
    const int64_t rows =
        (int64_t)storage_live_count(server_storage(ddl->session->server), table->rel);
    /* relaxed: a view may see one index with the count of another for a moment. */
    atomic_store_explicit(&progress->is_reindex, is_reindex, memory_order_relaxed);
    atomic_store_explicit(&progress->table, table->oid, memory_order_relaxed);
    atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
    atomic_store_explicit(&progress->total, rows, memory_order_relaxed);
    atomic_store_explicit(&progress->phase, BUILD_SCANNING, memory_order_relaxed);
    atomic_store_explicit(&progress->index, index, memory_order_relaxed);
}

static void
progress_end(struct session *session)
{
    atomic_store_explicit(&session->progress.index, OID_NONE, memory_order_relaxed);
}

static void
note(void *arg, enum vector_phase phase, uint64_t done, uint64_t total)
{
    struct session_progress *progress = arg;
    static const int phases[] = {[VECTOR_PHASE_LOAD] = BUILD_INITIALIZING,
                                 [VECTOR_PHASE_LINK] = BUILD_LOADING,
                                 [VECTOR_PHASE_CALIBRATE] = BUILD_CALIBRATING};
    atomic_store_explicit(&progress->phase, phases[phase], memory_order_relaxed);
    atomic_store_explicit(&progress->done, (int64_t)done, memory_order_relaxed);
    atomic_store_explicit(&progress->total, (int64_t)total, memory_order_relaxed);
}

/* ------------------------------------------------------------------ building */

void
ddl_build_add(struct ddl *ddl, const struct cat_index *index)
{
    struct session *session = ddl->session;
    if (!cat_is_vector_method(index->method)) {
        return;
    }
    if (session->build == NULL) {
        session->build = ky_calloc(1, sizeof(*session->build));
        session->build->session = session;
    }
    struct ddl_build *build = session->build;
    build->items = ky_realloc(build->items, (build->count + 1U) * sizeof(*build->items));
    build->items[build->count++] = (struct build_item){index->table->oid, index->oid};
}

static ky_status
build_all(struct ddl_build *build, const _Atomic int *cancel, struct ky_error *err)
{
    struct session_progress *progress = &build->session->progress;
    const struct vector_work work = {.progress = note, .arg = progress, .is_cancelled = cancel};
    for (uint32_t i = 0; i < build->count; i++) {
        atomic_store_explicit(&progress->table, build->items[i].table, memory_order_relaxed);
        atomic_store_explicit(&progress->index, build->items[i].index, memory_order_relaxed);
        KY_TRY(access_vector_build(server_access(build->session->server), build->items[i].index,
                                   &work, err));
    }
    return KY_OK;
}

static void
build_free(struct session *session)
{
    ky_free(session->build->items);
    ky_free(session->build);
    session->build = NULL;
    progress_end(session);
}

ky_status
ddl_build_now(struct ddl *ddl)
{
    struct session *session = ddl->session;
    if (session->build == NULL) {
        progress_end(session);
        return KY_OK;
    }
    ky_status status = build_all(session->build, &session->cancel, ddl->err);
    build_free(session);
    return status;
}

static void *
run(void *arg)
{
    struct ddl_build *build = arg;
    struct session *session = build->session;
    build->status = build_all(build, &build->cancel, &build->err);
    atomic_store_explicit(&build->is_done, true, memory_order_release);
    session->hooks.wake(session->hooks.arg); /* the session waits for this thread before it ends */
    return NULL;
}

static void
wait_for_wake(struct ddl *ddl)
{
    atomic_store_explicit(&ddl->session->wait, WAIT_BUILD, memory_order_relaxed);
    ddl->is_pending = true;
}

void
ddl_build_start(struct ddl *ddl)
{
    struct ddl_build *build = ddl->session->build;
    if (build == NULL) {
        progress_end(ddl->session);
        return;
    }
    ky_error_init(&build->err);
    build->is_started = true;
    wait_for_wake(ddl);
    ky_thread_start(&build->thread, "index build", run, build);
}

bool
ddl_build_is_under_way(const struct ddl *ddl)
{
    return ddl->session->build != NULL && ddl->session->build->is_started;
}

ky_status
ddl_build_finish(struct ddl *ddl)
{
    struct session *session = ddl->session;
    struct ddl_build *build = session->build;
    if (!atomic_load_explicit(&build->is_done, memory_order_acquire)) {
        wait_for_wake(ddl); /* somebody else's wake */
        return KY_OK;
    }
    ky_thread_join(&build->thread);
    const ky_status status = build->status;
    if (status != KY_OK) {
        *ddl->err = build->err;
    }
    build_free(session);
    return status;
}

void
ddl_build_stop(struct session *session)
{
    progress_end(session);
    if (session->build == NULL) {
        return;
    }
    if (session->build->is_started) {
        atomic_store_explicit(&session->build->cancel, 1, memory_order_relaxed);
        ky_thread_join(&session->build->thread);
    }
    build_free(session);
}

/* ------------------------------------------------------------------ pg_stat_progress_create_index
 */

static const struct sysview_column progress_columns[] = {
    {"pid", OID_INT4},
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"relid", OID_OID},
    {"index_relid", OID_OID},
    {"command", OID_TEXT},
    {"phase", OID_TEXT},
    {"lockers_total", OID_INT8},
    {"lockers_done", OID_INT8},
    {"current_locker_pid", OID_INT8},
    {"blocks_total", OID_INT8},
    {"blocks_done", OID_INT8},
    {"tuples_total", OID_INT8},
    {"tuples_done", OID_INT8},
    {"partitions_total", OID_INT8},
    {"partitions_done", OID_INT8},
};

/* The names are PostgreSQL's and pgvector's, but for the last, which they do not have. */
static const char *const phase_names[] = {
    [BUILD_SCANNING] = "building index: scanning table",
    [BUILD_INITIALIZING] = "building index: initializing",
    [BUILD_LOADING] = "building index: loading tuples",
    [BUILD_CALIBRATING] = "building index: measuring recall",
};

static void
add_progress(struct sysview_rows *rows, struct session *session)
{
    const struct session_progress *progress = &session->progress;
    const oid_t index = atomic_load_explicit(&progress->index, memory_order_relaxed);
    if (index == OID_NONE) {
        return;
    }
    struct datum *row = sysview_add(rows);
    for (size_t i = 7; i < KY_COUNT_OF(progress_columns); i++) {
        row[i] = datum_word(0);
    }
    row[0] = datum_word(session->pid);
    row[1] = datum_word(5);
    row[2] = datum_cstr("postgres");
    row[3] = datum_word(atomic_load_explicit(&progress->table, memory_order_relaxed));
    row[4] = datum_word(index);
    row[5] = datum_cstr(atomic_load_explicit(&progress->is_reindex, memory_order_relaxed)
                            ? "REINDEX"
                            : "CREATE INDEX");
    row[6] = datum_cstr(phase_names[atomic_load_explicit(&progress->phase, memory_order_relaxed)]);
    row[12] = datum_word(atomic_load_explicit(&progress->total, memory_order_relaxed));
    row[13] = datum_word(atomic_load_explicit(&progress->done, memory_order_relaxed));
}

static ky_status
fill_progress(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    session_views_each(context, rows, add_progress);
    return KY_OK;
}

void
ddl_build_register(void)
{
    static const struct sysview progress_view = {
        .oid = 12312,
        .schema = OID_SCHEMA_PG_CATALOG,
        .name = "pg_stat_progress_create_index",
        .kind = 'v',
        .columns = progress_columns,
        .column_count = KY_COUNT_OF(progress_columns),
        .fill = fill_progress,
    };
    static const struct sysview *const views[] = {&progress_view};
    sysview_register(views, KY_COUNT_OF(views));
}
