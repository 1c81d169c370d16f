/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"
#include "server/base/error.h"

/*
 * Messages to a client, appended to a buffer. Variable ones are written between pgw_begin and
 * pgw_end, which patches the length; the rest is one call.
 */

/* Starts a message; returns what pgw_end needs. */
size_t pgw_begin(struct ky_buffer *out, char type);
void pgw_end(struct ky_buffer *out, size_t mark);

/* A string and its zero byte. */
void pgw_put_cstr(struct ky_buffer *out, const char *text);

void pgw_encode_auth_ok(struct ky_buffer *out);
/* mechanisms: NULL at the end. */
void pgw_encode_auth_sasl(struct ky_buffer *out, const char *const *mechanisms);
void pgw_encode_auth_sasl_continue(struct ky_buffer *out, struct ky_slice data);
void pgw_encode_auth_sasl_final(struct ky_buffer *out, struct ky_slice data);
void pgw_encode_negotiate(struct ky_buffer *out, uint32_t minor_max, const char *const *unknown,
                          uint32_t unknown_count);
void pgw_encode_parameter_status(struct ky_buffer *out, const char *name, const char *value);
void pgw_encode_backend_key(struct ky_buffer *out, int32_t pid, int32_t key);
void pgw_encode_notification(struct ky_buffer *out, int32_t pid, const char *channel,
                             const char *payload);
void pgw_encode_ready(struct ky_buffer *out, char status);

/* severity "ERROR", "FATAL" and so on; type 'E' or 'N' follows from it. */
void pgw_encode_error(struct ky_buffer *out, const char *severity, const struct ky_error *err);

/* ParseComplete '1', BindComplete '2', CloseComplete '3', NoData 'n', PortalSuspended 's',
 * EmptyQueryResponse 'I', CopyDone 'c'. */
void pgw_encode_bare(struct ky_buffer *out, char type);
void pgw_encode_command_complete(struct ky_buffer *out, const char *tag);
void pgw_encode_parameter_description(struct ky_buffer *out, const uint32_t *types, uint16_t count);
/* One column of RowDescription, between pgw_begin('T') with the count, and pgw_end. */
struct pgw_column {
    const char *name;
    uint32_t table;
    int16_t column;
    uint32_t type;
    int16_t type_size;
    int32_t typmod;
    int16_t format;
};
void pgw_put_column(struct ky_buffer *out, const struct pgw_column *column);
/* type 'G' (in) or 'H' (out). */
void pgw_encode_copy_response(struct ky_buffer *out, char type, uint16_t column_count,
                              int16_t format);
void pgw_encode_copy_data(struct ky_buffer *out, struct ky_slice data);
