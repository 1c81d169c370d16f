/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/events.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "server/base/json.h"
#include "server/session/session_private.h"
#include "server/types/vector_value.h"

/* Tables are named by the catalog of now: an event of a table that was dropped since has its
 * number for a name and no row. */
struct event_stream {
    struct server *server;
    struct event_reader *reader;
    struct event_filter filter;
    struct cat_image *image; /* a reference; of a snapshot at or after the newest event read */
    struct ky_arena arena;   /* per event */
};

struct event_stream *
event_stream_open(struct server *server, uint64_t from, const struct event_filter *filter)
{
    struct event_stream *stream = ky_calloc(1, sizeof(*stream));
    stream->server = server;
    stream->filter = *filter;
    stream->reader = event_reader_open(server_storage(server), from);
    ky_arena_init(&stream->arena);
    return stream;
}

void
event_stream_close(struct event_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    event_reader_close(stream->reader);
    cat_image_release(stream->image);
    ky_arena_deinit(&stream->arena);
    ky_free(stream);
}

uint64_t
server_next_event(struct server *server)
{
    return storage_next_event(server_storage(server));
}

uint64_t
server_earliest_event(struct server *server)
{
    return storage_earliest_event(server_storage(server));
}

lsn_t
server_visible_lsn(struct server *server)
{
    return storage_visible_lsn(server_storage(server));
}

bool
server_has_space(struct server *server)
{
    return storage_has_space(server_storage(server));
}

ky_status
server_compact(struct server *server, struct server_compaction *result_out, struct ky_error *err)
{
    struct compact_result result;
    KY_TRY(background_compact(server_storage(server), COMPACT_LOG, NULL, &result, err));
    *result_out = (struct server_compaction){
        .segments_dropped = result.segments_dropped,
        .files_removed = result.files_removed,
        .files_written = result.files_written,
        .rows_moved = result.rows_moved,
        .bytes_written = result.bytes_written,
        .bytes_freed = result.bytes_freed,
    };
    return KY_OK;
}

ky_status
server_checkpoint(struct server *server, lsn_t *lsn_out, struct ky_error *err)
{
    return background_checkpoint(server_storage(server), lsn_out, err);
}

ky_status
server_backup(struct server *server, const char *directory, struct backup_result *result_out,
              struct ky_error *err)
{
    return storage_backup(server_storage(server), directory, result_out, err);
}

static void
add_damage(void *arg, const char *line)
{
    struct ky_buffer *out = arg;
    if (out->size > 0) {
        ky_buffer_append_byte(out, ',');
    }
    json_write_string(out, ky_slice_cstr(line));
}

ky_status
server_verify(const char *directory, struct ky_buffer *damages, uint64_t *count_out,
              struct ky_error *err)
{
    return storage_verify(NULL, directory, add_damage, damages, count_out, err);
}

/* The learned indexes of this name, or all. */
static uint32_t
rebuild_named(struct server *server, const struct cat_image *image, const char *name)
{
    uint32_t count = 0;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t j = 0; j < table->index_count; j++) {
            const struct cat_index *index = table->indexes[j];
            if (index->method == INDEX_RMI && (name == NULL || strcmp(index->name, name) == 0)) {
                count += access_index_rebuild(server_access(server), index->oid);
            }
        }
    }
    return count;
}

ky_status
server_rebuild_indexes(struct server *server, const char *name, uint32_t *count_out,
                       struct ky_error *err)
{
    struct cat_image *image = NULL;
    struct txn *txn = txn_begin(server_storage(server), ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    ky_status status = catalog_acquire(server_catalog(server), txn, false, &image, err);
    if (status == KY_OK) {
        *count_out = rebuild_named(server, image, name);
        cat_image_release(image);
    }
    txn_statement_end(txn);
    txn_rollback(txn);
    if (status == KY_OK && name != NULL && *count_out == 0) {
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "learned index \"%s\" does not exist", name);
    }
    return status;
}

/* ------------------------------------------------------------------ values */

static void
write_text_value(struct ky_buffer *out, const struct type_context *types, const struct type *type,
                 struct datum value)
{
    struct ky_buffer text = {0};
    type->output(type, types, value, &text);
    json_write_string(out, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
}

static void
write_array(struct ky_buffer *out, const struct type_context *types, struct ky_slice array)
{
    struct array_view view;
    array_open(array, &view);
    const uint8_t *cursor = view.first;
    ky_buffer_append_byte(out, '[');
    for (uint32_t i = 0; i < view.count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ",");
        event_write_value(out, types, view.element, array_next(&view, &cursor));
    }
    ky_buffer_append_byte(out, ']');
}

static bool
is_plain_number(const struct ky_buffer *text, size_t from)
{
    uint8_t last = text->size > from ? text->data[text->size - 1] : 0;
    return last >= '0' && last <= '9'; /* not NaN, Infinity */
}

static void
write_number(struct ky_buffer *out, const struct type_context *types, const struct type *type,
             struct datum value)
{
    size_t from = out->size;
    type->output(type, types, value, out);
    if (!is_plain_number(out, from)) {
        struct ky_slice word = ky_slice(out->data + from, out->size - from);
        struct ky_buffer quoted = {0};
        json_write_string(&quoted, word);
        out->size = from;
        ky_buffer_append_slice(out, ky_buffer_slice(&quoted));
        ky_buffer_deinit(&quoted);
    }
}

void
event_write_value(struct ky_buffer *out, const struct type_context *types, const struct type *type,
                  struct datum value)
{
    if (value.is_null) {
        ky_buffer_append_cstr(out, "null");
        return;
    }
    switch (type->oid) {
    case OID_BOOL:
        ky_buffer_append_cstr(out, value.word != 0 ? "true" : "false");
        break;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
    case OID_FLOAT4:
    case OID_FLOAT8:
    case OID_NUMERIC:
        write_number(out, types, type, value);
        break;
    case OID_JSON:
    case OID_JSONB:
    case OID_VECTOR: /* its text form is a JSON array */
        type->output(type, types, value, out);
        break;
    default:
        if (type->element_oid != OID_NONE && type->category == 'A') {
            write_array(out, types, value.bytes);
        } else {
            write_text_value(out, types, type, value);
        }
        break;
    }
}

/* ------------------------------------------------------------------ events */

static const char *
event_type(const struct event *event)
{
    switch (event->kind) {
    case EVENT_INSERT:
        return event->rel == OID_TABLE_EVENTS ? "event" : "insert";
    case EVENT_UPDATE:
        return "update";
    case EVENT_DELETE:
        return "delete";
    }
    return "unknown";
}

static const struct cat_table *
table_of_rel(const struct cat_image *image, rel_id_t rel)
{
    for (size_t i = 0; i < image->table_count; i++) {
        if (image->tables[i]->rel == rel && image->tables[i]->sysview == NULL) {
            return image->tables[i];
        }
    }
    return NULL;
}

/* The catalog as of the event or later. */
static ky_status
refresh_image(struct event_stream *stream, lsn_t lsn, struct ky_error *err)
{
    if (stream->image != NULL && stream->image->lsn > lsn) {
        return KY_OK;
    }
    struct cat_image *image;
    KY_TRY(catalog_acquire(server_catalog(stream->server), NULL, false, &image, err));
    cat_image_release(stream->image);
    stream->image = image;
    return KY_OK;
}

static void
write_time(struct ky_buffer *out, int64_t unix_us)
{
    struct tm parts;
    time_t seconds = (time_t)(unix_us / 1000000);
    (void)gmtime_r(&seconds, &parts);
    ky_buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (int)(unix_us % 1000000));
}

static void
write_row(struct event_stream *stream, struct ky_buffer *out, const struct cat_table *table,
          const struct event *event)
{
    struct type_context types;
    bool is_first = true;
    type_context_init(&types, &stream->arena);
    ky_buffer_append_cstr(out, ",\"row\":{");
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].is_dropped) {
            continue;
        }
        struct datum value = row_get(&table->layout, event->body, i);
        /* A deletion carries the key only. */
        if (event->kind == EVENT_DELETE && value.is_null) {
            continue;
        }
        ky_buffer_append_cstr(out, is_first ? "" : ",");
        is_first = false;
        json_write_string(out, ky_slice_cstr(table->columns[i].name));
        ky_buffer_append_byte(out, ':');
        event_write_value(out, &types, table->columns[i].type, value);
    }
    ky_buffer_append_byte(out, '}');
}

/* A row of kyro.events: its id, if it has one, and the payload as the JSON it is. */
static void
write_appended(struct ky_buffer *out, const struct cat_table *table, const struct event *event)
{
    struct datum id = row_get(&table->layout, event->body, 0);
    struct datum payload = row_get(&table->layout, event->body, 1);
    if (!id.is_null) {
        ky_buffer_append_cstr(out, ",\"id\":");
        json_write_string(out, id.bytes);
    }
    ky_buffer_append_cstr(out, ",\"payload\":");
    struct ky_error ignored;
    ky_error_init(&ignored);
    if (payload.is_null) {
        ky_buffer_append_cstr(out, "null");
    } else if (json_validate(payload.bytes, &ignored) == KY_OK) {
        ky_buffer_append_slice(out, payload.bytes);
    } else {
        json_write_string(out, payload.bytes); /* inserted by SQL: any text */
    }
}

static void
write_event(struct event_stream *stream, struct ky_buffer *out, const struct cat_table *table,
            const struct event *event, const char *type, const char *name)
{
    ky_buffer_printf(out, "{\"offset\":%" PRIu64 ",\"type\":\"%s\"", event->offset, type);
    if (table != NULL && table->oid == OID_TABLE_EVENTS && event->kind == EVENT_INSERT) {
        write_appended(out, table, event);
    } else {
        ky_buffer_append_cstr(out, ",\"table\":");
        json_write_string(out, ky_slice_cstr(name));
        if (table != NULL) {
            write_row(stream, out, table, event);
        }
    }
    ky_buffer_printf(out, ",\"txid\":%" PRIu64 ",\"lsn\":\"%X/%X\",\"time\":\"", event->txid,
                     (unsigned)(event->commit_lsn >> 32), (unsigned)event->commit_lsn);
    write_time(out, event->commit_time);
    ky_buffer_printf(out, "\",\"last\":%s}", event->is_last ? "true" : "false");
}

static bool
passes(const struct event_filter *filter, const char *name, const char *type)
{
    if (filter->type[0] != '\0' && strcmp(filter->type, type) != 0) {
        return false;
    }
    if (filter->table[0] == '\0' || strcmp(filter->table, name) == 0) {
        return true;
    }
    const char *dot = strchr(name, '.');
    return dot != NULL && strchr(filter->table, '.') == NULL && strcmp(dot + 1, filter->table) == 0;
}

ky_status
event_stream_next(struct event_stream *stream, struct ky_buffer *out, uint64_t *offset_out,
                  const char **type_out, enum event_stream_answer *answer_out, struct ky_error *err)
{
    struct event event;
    enum event_answer answer;
    KY_TRY(event_reader_next(stream->reader, &event, &answer, err));
    if (answer != EVENT_READY) {
        *answer_out = answer == EVENT_END ? EVENT_STREAM_END : EVENT_STREAM_GONE;
        return KY_OK;
    }
    KY_TRY(refresh_image(stream, event.commit_lsn, err));
    ky_arena_reset(&stream->arena);
    const struct cat_table *table = table_of_rel(stream->image, event.rel);
    const struct cat_schema *schema =
        table == NULL ? NULL : cat_get_schema(stream->image, table->schema);
    const char *name = table == NULL
                           ? ky_arena_printf(&stream->arena, "%u", event.rel)
                           : ky_arena_printf(&stream->arena, "%s.%s",
                                             schema == NULL ? "?" : schema->name, table->name);
    *type_out = event_type(&event);
    *offset_out = event.offset;
    if (!passes(&stream->filter, name, *type_out)) {
        *answer_out = EVENT_STREAM_SKIPPED;
        return KY_OK;
    }
    write_event(stream, out, table, &event, *type_out, name);
    *answer_out = EVENT_STREAM_EVENT;
    return KY_OK;
}

/* ------------------------------------------------------------------ waking */

void
server_set_visible_listener(struct server *server, void (*listener)(void *arg), void *arg)
{
    ky_mutex_lock(&server->listener_lock);
    server->listener = listener;
    server->listener_arg = arg;
    ky_mutex_unlock(&server->listener_lock);
}

void
server_notify_visible(struct server *server)
{
    ky_mutex_lock(&server->listener_lock);
    if (server->listener != NULL) {
        server->listener(server->listener_arg);
    }
    ky_mutex_unlock(&server->listener_lock);
}
