/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pgwire/codec/backend.h"

#include <stdio.h>

#include "server/base/assert.h"

enum { AUTH_OK = 0, AUTH_SASL = 10, AUTH_SASL_CONTINUE = 11, AUTH_SASL_FINAL = 12 };

size_t
pgw_begin(struct ky_buffer *out, char type)
{
    uint8_t *header = ky_buffer_extend(out, 5);
    header[0] = (uint8_t)type;
    return out->size - 4;
}

void
pgw_end(struct ky_buffer *out, size_t mark)
{
    KY_ASSERT(out->size >= mark + 4);
    KY_ASSERT(out->size - mark <= INT32_MAX);
    ky_store_be32(out->data + mark, (uint32_t)(out->size - mark));
}

void
pgw_put_cstr(struct ky_buffer *out, const char *text)
{
    ky_buffer_append(out, text, strlen(text) + 1);
}

static void
encode_auth(struct ky_buffer *out, uint32_t kind, struct ky_slice data)
{
    size_t mark = pgw_begin(out, 'R');
    ky_buffer_append_be32(out, kind);
    if (data.size > 0) {
        ky_buffer_append_slice(out, data);
    }
    pgw_end(out, mark);
}

void
pgw_encode_auth_ok(struct ky_buffer *out)
{
    encode_auth(out, AUTH_OK, ky_slice(NULL, 0));
}

void
pgw_encode_auth_sasl(struct ky_buffer *out, const char *const *mechanisms)
{
    size_t mark = pgw_begin(out, 'R');
    ky_buffer_append_be32(out, AUTH_SASL);
    for (size_t i = 0; mechanisms[i] != NULL; i++) {
        pgw_put_cstr(out, mechanisms[i]);
    }
    ky_buffer_append_byte(out, 0);
    pgw_end(out, mark);
}

void
pgw_encode_auth_sasl_continue(struct ky_buffer *out, struct ky_slice data)
{
    encode_auth(out, AUTH_SASL_CONTINUE, data);
}

void
pgw_encode_auth_sasl_final(struct ky_buffer *out, struct ky_slice data)
{
    encode_auth(out, AUTH_SASL_FINAL, data);
}

void
pgw_encode_negotiate(struct ky_buffer *out, uint32_t minor_max, const char *const *unknown,
                     uint32_t unknown_count)
{
    size_t mark = pgw_begin(out, 'v');
    /* PostgreSQL 15 sends the whole version here, and its clients expect it. */
    ky_buffer_append_be32(out, 3U << 16 | minor_max);
    ky_buffer_append_be32(out, unknown_count);
    for (uint32_t i = 0; i < unknown_count; i++) {
        pgw_put_cstr(out, unknown[i]);
    }
    pgw_end(out, mark);
}

void
pgw_encode_parameter_status(struct ky_buffer *out, const char *name, const char *value)
{
    size_t mark = pgw_begin(out, 'S');
    pgw_put_cstr(out, name);
    pgw_put_cstr(out, value);
    pgw_end(out, mark);
}

void
pgw_encode_backend_key(struct ky_buffer *out, int32_t pid, int32_t key)
{
    size_t mark = pgw_begin(out, 'K');
    ky_buffer_append_be32(out, (uint32_t)pid);
    ky_buffer_append_be32(out, (uint32_t)key);
    pgw_end(out, mark);
}

void
pgw_encode_notification(struct ky_buffer *out, int32_t pid, const char *channel,
                        const char *payload)
{
    size_t mark = pgw_begin(out, 'A');
    ky_buffer_append_be32(out, (uint32_t)pid);
    pgw_put_cstr(out, channel);
    pgw_put_cstr(out, payload);
    pgw_end(out, mark);
}

void
pgw_encode_ready(struct ky_buffer *out, char status)
{
    size_t mark = pgw_begin(out, 'Z');
    ky_buffer_append_byte(out, (uint8_t)status);
    pgw_end(out, mark);
}

/* ------------------------------------------------------------------ errors */

static void
put_field(struct ky_buffer *out, char field, const char *text)
{
    if (text[0] != '\0') {
        ky_buffer_append_byte(out, (uint8_t)field);
        pgw_put_cstr(out, text);
    }
}

/* pgjdbc tells a stale prepared statement, which it may prepare again, by this routine's name. */
static const char *
routine_of(const struct ky_error *err)
{
    bool is_stale = err->sqlstate == KY_FEATURE_NOT_SUPPORTED &&
                    strcmp(err->message, "cached plan must not change result type") == 0;
    return is_stale ? "RevalidateCachedQuery" : "kyrodb";
}

void
pgw_encode_error(struct ky_buffer *out, const char *severity, const struct ky_error *err)
{
    bool is_error = strcmp(severity, "ERROR") == 0 || strcmp(severity, "FATAL") == 0 ||
                    strcmp(severity, "PANIC") == 0;
    size_t mark = pgw_begin(out, is_error ? 'E' : 'N');
    put_field(out, 'S', severity);
    put_field(out, 'V', severity);
    put_field(out, 'C', ky_error_code(err));
    /* Clients may rely on M being there. */
    put_field(out, 'M', err->message[0] == '\0' ? "unknown error" : err->message);
    put_field(out, 'D', err->detail);
    put_field(out, 'H', err->hint);
    if (err->position > 0) {
        char position[16];
        (void)snprintf(position, sizeof(position), "%d", err->position);
        put_field(out, 'P', position);
    }
    if (err->inner_position > 0) {
        char position[16];
        (void)snprintf(position, sizeof(position), "%d", err->inner_position);
        put_field(out, 'p', position);
    }
    put_field(out, 'q', err->inner_query);
    put_field(out, 'W', err->context);
    put_field(out, 's', err->schema_name);
    put_field(out, 't', err->table_name);
    put_field(out, 'c', err->column_name);
    put_field(out, 'd', err->type_name);
    put_field(out, 'n', err->constraint_name);
    put_field(out, 'R', routine_of(err));
    ky_buffer_append_byte(out, 0);
    pgw_end(out, mark);
}

/* ------------------------------------------------------------------ results */

void
pgw_encode_bare(struct ky_buffer *out, char type)
{
    size_t mark = pgw_begin(out, type);
    pgw_end(out, mark);
}

void
pgw_encode_command_complete(struct ky_buffer *out, const char *tag)
{
    size_t mark = pgw_begin(out, 'C');
    pgw_put_cstr(out, tag);
    pgw_end(out, mark);
}

void
pgw_encode_parameter_description(struct ky_buffer *out, const uint32_t *types, uint16_t count)
{
    size_t mark = pgw_begin(out, 't');
    ky_buffer_append_be16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_be32(out, types[i]);
    }
    pgw_end(out, mark);
}

void
pgw_put_column(struct ky_buffer *out, const struct pgw_column *column)
{
    pgw_put_cstr(out, column->name);
    ky_buffer_append_be32(out, column->table);
    ky_buffer_append_be16(out, (uint16_t)column->column);
    ky_buffer_append_be32(out, column->type);
    ky_buffer_append_be16(out, (uint16_t)column->type_size);
    ky_buffer_append_be32(out, (uint32_t)column->typmod);
    ky_buffer_append_be16(out, (uint16_t)column->format);
}

void
pgw_encode_copy_response(struct ky_buffer *out, char type, uint16_t column_count, int16_t format)
{
    size_t mark = pgw_begin(out, type);
    ky_buffer_append_byte(out, (uint8_t)format);
    ky_buffer_append_be16(out, column_count);
    for (uint16_t i = 0; i < column_count; i++) {
        ky_buffer_append_be16(out, (uint16_t)format);
    }
    pgw_end(out, mark);
}

void
pgw_encode_copy_data(struct ky_buffer *out, struct ky_slice data)
{
    size_t mark = pgw_begin(out, 'd');
    if (data.size > 0) {
        ky_buffer_append_slice(out, data);
    }
    pgw_end(out, mark);
}
