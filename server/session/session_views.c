/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/catalog/opclass.h"
#include "server/catalog/sysview.h"
#include "server/session/cursor.h"
#include "server/session/rights.h"
#include "server/session/sequence.h"
#include "server/types/datetime.h"

/* Views of the session floor: what runs, settings, prepared statements, cursors, indexes. */

#define TEXT_COLUMN(name) \
    {                     \
        name, OID_TEXT    \
    }

static struct datum
text_copy(const struct sysview_rows *rows, const char *text)
{
    return text == NULL ? datum_null() : datum_cstr(ky_arena_strdup(rows->arena, text));
}

static struct datum
time_of(int64_t unix_us)
{
    return unix_us == 0 ? datum_null() : datum_word(unix_us - DATETIME_UNIX_TO_2000_US);
}

/* ------------------------------------------------------------------ pg_stat_activity */

static const struct sysview_column activity_columns[] = {
    {"datid", OID_OID},
    {"datname", OID_NAME},
    {"pid", OID_INT4},
    {"leader_pid", OID_INT4},
    {"usesysid", OID_OID},
    {"usename", OID_NAME},
    TEXT_COLUMN("application_name"),
    TEXT_COLUMN("client_addr"),
    TEXT_COLUMN("client_hostname"),
    {"client_port", OID_INT4},
    {"backend_start", OID_TIMESTAMPTZ},
    {"xact_start", OID_TIMESTAMPTZ},
    {"query_start", OID_TIMESTAMPTZ},
    {"state_change", OID_TIMESTAMPTZ},
    TEXT_COLUMN("wait_event_type"),
    TEXT_COLUMN("wait_event"),
    TEXT_COLUMN("state"),
    {"backend_xid", OID_XID},
    {"backend_xmin", OID_XID},
    {"query_id", OID_INT8},
    TEXT_COLUMN("query"),
    TEXT_COLUMN("backend_type"),
};

static const char *
state_name(int activity)
{
    switch (activity) {
    case ACTIVITY_ACTIVE:
        return "active";
    case ACTIVITY_IN_TRANSACTION:
        return "idle in transaction";
    case ACTIVITY_FAILED:
        return "idle in transaction (aborted)";
    default:
        return "idle";
    }
}

/* PostgreSQL's names. */
struct wait_name {
    const char *type; /* NULL: it does not wait */
    const char *event;
};
static const struct wait_name wait_names[] = {
    [WAIT_NOTHING] = {NULL, NULL},
    [WAIT_RELATION] = {"Lock", "relation"},
    [WAIT_ROW] = {"Lock", "transactionid"},
    [WAIT_ADVISORY] = {"Lock", "advisory"},
    [WAIT_SLEEP] = {"Timeout", "PgSleep"},
    [WAIT_CLIENT_WRITE] = {"Client", "ClientWrite"},
    [WAIT_BUILD] = {"IPC", "ParallelCreateIndexScan"},
};
static const struct wait_name client_read = {"Client", "ClientRead"};
static const struct wait_name commit_sync = {"IO", "WALSync"};

static void
add_activity(struct sysview_rows *rows, struct session *session)
{
    char query[sizeof(session->query)];
    char application_name[sizeof(session->application_name)];
    int activity = atomic_load_explicit(&session->activity, memory_order_relaxed);
    const struct wait_name *wait =
        &wait_names[atomic_load_explicit(&session->wait, memory_order_relaxed)];
    bool waits_for_commit =
        atomic_load_explicit(&session->commit_state, memory_order_relaxed) == COMMIT_WAITING;
    ky_mutex_lock(&session->text_lock);
    memcpy(query, session->query, sizeof(query));
    memcpy(application_name, session->application_name, sizeof(application_name));
    ky_mutex_unlock(&session->text_lock);
    struct datum *row = sysview_add(rows);
    row[0] = datum_word(5);
    row[1] = text_copy(rows, session->database);
    row[2] = datum_word(session->pid);
    row[3] = datum_null();
    row[4] = datum_word(session->login_role);
    row[5] = text_copy(rows, session->login_user);
    row[6] = text_copy(rows, application_name);
    row[7] = session->client_address[0] == '\0' ? datum_null()
                                                : text_copy(rows, session->client_address);
    row[8] = datum_null();
    row[9] = datum_word(session->client_port);
    row[10] = time_of(session->started_us);
    row[11] = time_of(atomic_load_explicit(&session->transaction_us, memory_order_relaxed));
    row[12] = time_of(atomic_load_explicit(&session->statement_us, memory_order_relaxed));
    row[13] = time_of(atomic_load_explicit(&session->state_us, memory_order_relaxed));
    bool is_active = activity == ACTIVITY_ACTIVE;
    if (!is_active) {
        wait = &client_read;
    } else if (waits_for_commit) {
        wait = &commit_sync;
    }
    row[14] = wait->type == NULL ? datum_null() : datum_cstr(wait->type);
    row[15] = wait->type == NULL ? datum_null() : datum_cstr(wait->event);
    row[16] = datum_cstr(state_name(activity));
    row[17] = row[18] = row[19] = datum_null();
    row[20] = text_copy(rows, query);
    row[21] = datum_cstr("client backend");
}

void
session_views_each(const struct sysview_context *context, struct sysview_rows *rows,
                   void (*add)(struct sysview_rows *rows, struct session *session))
{
    struct server *server = ((const struct session *)context->session)->server;
    ky_mutex_lock(&server->lock);
    ky_list_foreach (item, &server->sessions) {
        add(rows, ky_list_entry(item, struct session, link));
    }
    ky_mutex_unlock(&server->lock);
}

/* What other roles do is theirs to see, and pg_read_all_stats'. */
static void
hide_activity(struct datum *row)
{
    for (int column = 7; column < 20; column++) {
        row[column] = datum_null();
    }
    row[20] = datum_cstr("<insufficient privilege>");
}

static ky_status
fill_activity(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)err;
    session_views_each(context, rows, add_activity);
    for (size_t i = 0; context->role != OID_NONE && i < rows->count; i++) {
        struct datum *row = rows->rows[i];
        if (!acl_inherits(context->image, context->role, (oid_t)row[4].word) &&
            !acl_inherits(context->image, context->role, OID_ROLE_READ_ALL_STATS)) {
            hide_activity(row);
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ pg_settings */

static const struct sysview_column settings_columns[] = {
    TEXT_COLUMN("name"),      TEXT_COLUMN("setting"),        TEXT_COLUMN("unit"),
    TEXT_COLUMN("category"),  TEXT_COLUMN("short_desc"),     TEXT_COLUMN("extra_desc"),
    TEXT_COLUMN("context"),   TEXT_COLUMN("vartype"),        TEXT_COLUMN("source"),
    TEXT_COLUMN("min_val"),   TEXT_COLUMN("max_val"),        {"enumvals", OID_TEXT_ARRAY},
    TEXT_COLUMN("boot_val"),  TEXT_COLUMN("reset_val"),      TEXT_COLUMN("sourcefile"),
    {"sourceline", OID_INT4}, {"pending_restart", OID_BOOL},
};

static struct datum
enum_values(const struct sysview_rows *rows, const char *options)
{
    struct datum words[16];
    uint32_t count = 0;
    while (*options != '\0' && count < KY_COUNT_OF(words)) {
        size_t size = strcspn(options, ",");
        words[count++] = datum_bytes(options, size);
        options += size + (options[size] == ',');
    }
    struct ky_slice array = array_make(rows->arena, type_get(OID_TEXT), words, count);
    return datum_bytes(array.data, array.size);
}

static struct datum
number_text(const struct sysview_rows *rows, double number)
{
    return datum_cstr(ky_arena_printf(rows->arena, "%.15g", number));
}

static ky_status
fill_settings(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    static const char *const kinds[] = {"bool", "integer", "real", "string", "enum"};
    struct session *session = context->session;
    (void)err;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info(i);
        if ((info->flags & SETTING_HIDDEN) != 0) {
            continue;
        }
        bool is_number = info->kind == SETTING_INT || info->kind == SETTING_REAL;
        const char *value = session->settings.values[i];
        bool is_default = strcmp(value, info->value) == 0;
        struct datum *row = sysview_add(rows);
        row[0] = datum_cstr(info->name);
        row[1] = text_copy(rows, value);
        row[2] = info->unit[0] == '\0' ? datum_null() : datum_cstr(info->unit);
        row[3] = datum_cstr(info->category);
        row[4] = datum_cstr(info->text);
        row[5] = datum_null();
        row[6] = datum_cstr((info->flags & SETTING_READ_ONLY) != 0 ? "internal" : "user");
        row[7] = datum_cstr(kinds[info->kind]);
        row[8] = datum_cstr(is_default ? "default" : "session");
        row[9] = is_number ? number_text(rows, info->minimum) : datum_null();
        row[10] = is_number ? number_text(rows, info->maximum) : datum_null();
        row[11] = info->kind == SETTING_ENUM ? enum_values(rows, info->options) : datum_null();
        row[12] = datum_cstr(info->value);
        row[13] = text_copy(rows, session->settings.resets[i]);
        row[14] = row[15] = datum_null();
        row[16] = datum_word(0);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ prepared statements, cursors
 */

static const struct sysview_column prepared_columns[] = {
    TEXT_COLUMN("name"),       TEXT_COLUMN("statement"),    {"prepare_time", OID_TIMESTAMPTZ},
    {"parameter_types", 2211}, /* regtype[] */
    {"from_sql", OID_BOOL},    {"generic_plans", OID_INT8}, {"custom_plans", OID_INT8},
};

static ky_status
fill_prepared(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    const struct session *session = context->session;
    size_t cursor = 0;
    struct ky_slice name;
    void *value;
    (void)err;
    while (ky_smap_next(&session->prepared, &cursor, &name, &value)) {
        const struct prepared *prepared = value;
        if (name.size == 0) {
            continue;
        }
        uint16_t count = prepared->source.param_count;
        struct datum *types = ky_arena_array(rows->arena, struct datum, count + 1U);
        for (uint16_t i = 0; i < count; i++) {
            types[i] = datum_word(prepared->source.param_types[i]);
        }
        struct ky_slice array = array_make(rows->arena, type_get(OID_REGTYPE), types, count);
        struct datum *row = sysview_add(rows);
        row[0] = text_copy(rows, prepared->name);
        row[1].bytes = ky_slice_dup(rows->arena, prepared->source.own_sql);
        row[2] = time_of(prepared->created_us);
        row[3] = datum_bytes(array.data, array.size);
        row[4] = datum_word(prepared->is_from_sql);
        row[5] = datum_word(0);
        row[6] = datum_word(0);
    }
    return KY_OK;
}

static const struct sysview_column cursor_columns[] = {
    TEXT_COLUMN("name"),     TEXT_COLUMN("statement"),    {"is_holdable", OID_BOOL},
    {"is_binary", OID_BOOL}, {"is_scrollable", OID_BOOL}, {"creation_time", OID_TIMESTAMPTZ},
};

static ky_status
fill_cursors(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct session *session = context->session;
    size_t cursor = 0;
    const struct portal *portal;
    (void)err;
    while ((portal = session_next_portal(session, &cursor)) != NULL) {
        struct datum *row = sysview_add(rows);
        row[0] = text_copy(rows, portal->name);
        row[1] = portal->cursor_sql != NULL
                     ? text_copy(rows, portal->cursor_sql)
                     : (struct datum){.bytes = ky_slice_dup(rows->arena, portal->source->sql)};
        row[2] = datum_word(portal->is_with_hold);
        row[3] = datum_word(cursor_is_binary(portal));
        row[4] = datum_word(cursor_is_scrollable(portal));
        row[5] = time_of(portal->created_us);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ pg_locks */

/* Table, advisory and transaction locks as the lock manager has them; row locks show, as in
 * PostgreSQL, only by who waits for whose transaction. */
static const struct sysview_column lock_columns[] = {
    TEXT_COLUMN("locktype"),
    {"database", OID_OID},
    {"relation", OID_OID},
    {"page", OID_INT4},
    {"tuple", OID_INT2},
    TEXT_COLUMN("virtualxid"),
    {"transactionid", OID_XID},
    {"classid", OID_OID},
    {"objid", OID_OID},
    {"objsubid", OID_INT2},
    TEXT_COLUMN("virtualtransaction"),
    {"pid", OID_INT4},
    TEXT_COLUMN("mode"),
    {"granted", OID_BOOL},
    {"fastpath", OID_BOOL},
    {"waitstart", OID_TIMESTAMPTZ},
};

enum { LOCKS_DATABASE = 5 };

static struct datum *
add_lock(struct sysview_rows *rows, const char *type, int pid, const char *mode, bool is_granted)
{
    struct datum *row = sysview_add(rows);
    for (uint16_t i = 0; i < rows->column_count; i++) {
        row[i] = datum_null();
    }
    row[0] = datum_cstr(type);
    row[10] = datum_cstr(ky_arena_printf(rows->arena, "%d/1", pid));
    row[11] = pid == 0 ? datum_null() : datum_word(pid);
    row[12] = datum_cstr(mode);
    row[13] = datum_word(is_granted);
    row[14] = datum_word(0);
    return row;
}

static void
add_lock_info(void *arg, const struct lock_info *info)
{
    struct sysview_rows *rows = arg;
    struct datum *row;
    switch (info->kind) {
    case LOCK_INFO_ROW:
    case LOCK_INFO_TXN:
        if (info->is_granted && info->kind == LOCK_INFO_ROW) {
            return;
        }
        row = add_lock(rows, "transactionid", info->pid,
                       info->is_granted ? info->mode : "ShareLock", info->is_granted);
        row[6] = datum_word((int64_t)(info->is_granted ? info->txid : info->blocker_txid));
        return;
    case LOCK_INFO_TABLE:
        row = add_lock(rows, "relation", info->pid, info->mode, info->is_granted);
        row[1] = datum_word(LOCKS_DATABASE);
        row[2] = datum_word(info->rel);
        row[14] = datum_word(info->is_fast_path);
        return;
    case LOCK_INFO_ADVISORY:
        row = add_lock(rows, "advisory", info->pid, info->mode, info->is_granted);
        row[1] = datum_word(LOCKS_DATABASE);
        row[7] = datum_word((int64_t)(info->id >> 32));
        row[8] = datum_word((int64_t)(info->id & UINT32_MAX));
        row[9] = datum_word(info->rel);
        return;
    }
}

/* A transaction's own number, and since when it waits. */
static void
add_session_locks(struct sysview_rows *rows, const struct session *session, size_t first,
                  size_t end)
{
    int64_t waits_us = atomic_load_explicit(&session->lock_wait_us, memory_order_relaxed);
    if (atomic_load_explicit(&session->transaction_us, memory_order_relaxed) == 0) {
        return;
    }
    for (size_t i = first; i < end; i++) {
        struct datum *row = rows->rows[i];
        if (row[13].word == 0 && row[11].word == session->pid) {
            row[15] = time_of(waits_us);
        }
    }
    struct datum *row = add_lock(rows, "virtualxid", session->pid, "ExclusiveLock", true);
    row[5] = row[10];
    row[14] = datum_word(1);
}

static ky_status
fill_locks(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct session *self = context->session;
    (void)err;
    storage_locks_visit(server_storage(self->server), add_lock_info, rows);
    size_t end = rows->count;
    ky_mutex_lock(&self->server->lock);
    ky_list_foreach (item, &self->server->sessions) {
        add_session_locks(rows, ky_list_entry(item, struct session, link), 0, end);
    }
    ky_mutex_unlock(&self->server->lock);
    return KY_OK;
}

/* ------------------------------------------------------------------ kyro.stat_index */

static const struct sysview_column index_columns[] = {
    {"indexrelid", OID_OID},
    {"schemaname", OID_NAME},
    {"relname", OID_NAME},
    {"indexrelname", OID_NAME},
    TEXT_COLUMN("kind"),
    {"entries", OID_INT8},
    {"bytes", OID_INT8},
    {"height", OID_INT4},
    {"run_entries", OID_INT8},
    {"dead_entries", OID_INT8},
    {"delta_entries", OID_INT8},
    {"odd_entries", OID_INT8},
    {"leaves", OID_INT8},
    {"model_leaves", OID_INT8},
    {"packed_leaves", OID_INT8},
    {"wide_leaves", OID_INT8},
    {"error_p50", OID_INT4},
    {"error_p99", OID_INT4},
    {"error_max", OID_INT4},
    {"bytes_per_key", OID_FLOAT8},
    {"model_bytes_per_key", OID_FLOAT8},
    {"build_ms", OID_FLOAT8},
    {"rebuilds", OID_INT8},
    {"fallbacks", OID_INT8},
    {"measured_ns", OID_INT8},
    {"measured_btree_ns", OID_INT8},
    TEXT_COLUMN("reason"),
};

static void
add_learned(struct datum *row, const struct index_stats *stats)
{
    const double entries = stats->entries == 0 ? 1.0 : (double)stats->entries;
    const uint64_t numbers[] = {stats->run_entries,   stats->dead_entries, stats->delta_entries,
                                stats->odd_entries,   stats->leaves,       stats->model_leaves,
                                stats->packed_leaves, stats->wide_leaves,  stats->error_p50,
                                stats->error_p99,     stats->error_max};
    size_t at = 0;
    for (; at < KY_COUNT_OF(numbers); at++) {
        row[at] = datum_word((int64_t)numbers[at]);
    }
    row[at++] = datum_real((double)stats->bytes / entries);
    row[at++] = datum_real((double)stats->model_bytes / entries);
    row[at++] = datum_real((double)stats->build_ns / 1e6);
    row[at++] = datum_word((int64_t)stats->rebuilds);
    row[at++] = datum_word((int64_t)stats->fallbacks);
    row[at++] = datum_word(stats->judged_ns);
    row[at++] = datum_word(stats->judged_tree_ns);
    row[at++] = stats->reason == NULL ? datum_null() : datum_cstr(stats->reason);
}

static ky_status
fill_index(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct session *session = context->session;
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t j = 0; j < table->index_count; j++) {
            const struct cat_index *index = table->indexes[j];
            struct access_index_stats stats;
            if (!access_index_stats(server_access(session->server), index->oid, &stats)) {
                continue;
            }
            const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
            struct datum *row = sysview_add(rows);
            row[0] = datum_word(index->oid);
            row[1] = schema == NULL ? datum_null() : datum_cstr(schema->name);
            row[2] = datum_cstr(table->name);
            row[3] = datum_cstr(index->name);
            row[4] = datum_cstr(cat_method_name(index->method));
            row[5] = datum_word((int64_t)stats.entries);
            row[6] = datum_word((int64_t)stats.bytes);
            row[7] = datum_word(stats.height);
            add_learned(row + 8, &stats.tree);
        }
    }
    return KY_OK;
}

static const struct sysview_column indexes_columns[] = {{"schemaname", OID_NAME},
                                                        {"tablename", OID_NAME},
                                                        {"indexname", OID_NAME},
                                                        {"tablespace", OID_NAME},
                                                        {"indexdef", OID_TEXT}};

static ky_status
fill_indexes(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *table = context->image->tables[i];
        for (uint16_t j = 0; j < table->index_count; j++) {
            const struct cat_schema *schema = cat_get_schema(context->image, table->schema);
            struct ky_buffer text = {0};
            struct datum *row = sysview_add(rows);
            session_index_definition(context->session, context->image, rows->arena,
                                     table->indexes[j], &text);
            row[0] = schema == NULL ? datum_null() : datum_cstr(schema->name);
            row[1] = datum_cstr(table->name);
            row[2] = datum_cstr(table->indexes[j]->name);
            row[3] = datum_null();
            row[4] = datum_cstr(ky_arena_cstr(rows->arena, ky_buffer_slice(&text)));
            ky_buffer_deinit(&text);
        }
    }
    return KY_OK;
}

static const struct sysview_column sequences_columns[] = {
    {"schemaname", OID_NAME},   {"sequencename", OID_NAME}, {"sequenceowner", OID_NAME},
    {"data_type", OID_REGTYPE}, {"start_value", OID_INT8},  {"min_value", OID_INT8},
    {"max_value", OID_INT8},    {"increment_by", OID_INT8}, {"cycle", OID_BOOL},
    {"cache_size", OID_INT8},   {"last_value", OID_INT8}};

static ky_status
fill_sequences(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err)
{
    const struct session *session = context->session;
    (void)err;
    for (size_t i = 0; i < context->image->table_count; i++) {
        const struct cat_table *sequence = context->image->tables[i];
        int64_t last;
        if (sequence->kind != 'S') {
            continue;
        }
        const struct cat_schema *schema = cat_get_schema(context->image, sequence->schema);
        const struct cat_role *owner = cat_get_role(context->image, sequence->owner);
        struct datum *row = sysview_add(rows);
        row[0] = schema == NULL ? datum_null() : datum_cstr(schema->name);
        row[1] = datum_cstr(sequence->name);
        row[2] = owner == NULL ? datum_null() : datum_cstr(owner->name);
        row[3] = datum_word(sequence->sequence_type);
        row[4] = datum_word(sequence->sequence[0]);
        row[5] = datum_word(sequence->sequence[2]);
        row[6] = datum_word(sequence->sequence[3]);
        row[7] = datum_word(sequence->sequence[1]);
        row[8] = datum_word(sequence->sequence[5]);
        row[9] = datum_word(sequence->sequence[4]);
        row[10] = sequence_last(session->server, sequence, &last) ? datum_word(last) : datum_null();
    }
    return KY_OK;
}

#define VIEW(var, oid_, schema_, name_, columns_, fill_)                      \
    static const struct sysview var = {.oid = (oid_),                         \
                                       .schema = (schema_),                   \
                                       .name = (name_),                       \
                                       .kind = 'v',                           \
                                       .columns = (columns_),                 \
                                       .column_count = KY_COUNT_OF(columns_), \
                                       .fill = (fill_)}

VIEW(activity_view, 12250, OID_SCHEMA_PG_CATALOG, "pg_stat_activity", activity_columns,
     fill_activity);
VIEW(settings_view, 12110, OID_SCHEMA_PG_CATALOG, "pg_settings", settings_columns, fill_settings);
VIEW(prepared_view, 12105, OID_SCHEMA_PG_CATALOG, "pg_prepared_statements", prepared_columns,
     fill_prepared);
VIEW(cursors_view, 12085, OID_SCHEMA_PG_CATALOG, "pg_cursors", cursor_columns, fill_cursors);
VIEW(locks_view, 12081, OID_SCHEMA_PG_CATALOG, "pg_locks", lock_columns, fill_locks);
VIEW(indexes_view, 12059, OID_SCHEMA_PG_CATALOG, "pg_indexes", indexes_columns, fill_indexes);
VIEW(sequences_view, 12048, OID_SCHEMA_PG_CATALOG, "pg_sequences", sequences_columns,
     fill_sequences);
VIEW(index_view, 14900, OID_SCHEMA_KYRO, "stat_index", index_columns, fill_index);
/* The same where no schema need be named. */
VIEW(index_alias, 14901, OID_SCHEMA_PG_CATALOG, "kyro_stat_index", index_columns, fill_index);

void
session_views_register(void)
{
    static const struct sysview *const views[] = {&activity_view, &settings_view,  &prepared_view,
                                                  &cursors_view,  &locks_view,     &index_view,
                                                  &indexes_view,  &sequences_view, &index_alias};
    sysview_register(views, KY_COUNT_OF(views));
}
