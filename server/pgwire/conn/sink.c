/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/metric.h"
#include "server/pgwire/conn/conn_private.h"

/* Results as messages. DataRow is the hot path: values go straight into the output buffer. */

static struct conn *
conn_of(struct result_sink *sink)
{
    return (struct conn *)(void *)sink;
}

void
conn_encode_columns(struct conn *conn, const struct result_column *columns, uint16_t count)
{
    size_t mark = pgw_begin(&conn->out, 'T');
    ky_buffer_append_be16(&conn->out, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct pgw_column column = {.name = columns[i].name,
                                          .table = columns[i].table,
                                          .column = columns[i].column,
                                          .type = columns[i].type->oid,
                                          .type_size = columns[i].type->typlen,
                                          .typmod = columns[i].typmod,
                                          .format = columns[i].format};
        pgw_put_column(&conn->out, &column);
    }
    pgw_end(&conn->out, mark);
}

static void
sink_columns(struct result_sink *sink, const struct result_column *columns, uint16_t count)
{
    conn_encode_columns(conn_of(sink), columns, count);
}

static void
put_value(struct ky_buffer *out, const struct type *type, int16_t format,
          const struct type_context *types, struct datum value)
{
    if (value.is_null) {
        ky_buffer_append_be32(out, UINT32_MAX);
        return;
    }
    size_t mark = out->size;
    (void)ky_buffer_extend(out, 4);
    if (format == 1 && type->send != NULL) {
        type->send(type, types, value, out);
    } else {
        type->output(type, types, value, out);
    }
    ky_store_be32(out->data + mark, (uint32_t)(out->size - mark - 4));
}

static bool
sink_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    struct conn *conn = conn_of(sink);
    struct ky_buffer *out = &conn->out;
    for (uint32_t row = 0; row < batch->count; row++) {
        uint32_t place = batch_place(batch, row);
        const size_t start = out->size;
        size_t mark = pgw_begin(out, 'D');
        ky_buffer_append_be16(out, count);
        for (uint16_t i = 0; i < count; i++) {
            put_value(out, batch->columns[i].type, columns[i].format, types,
                      column_get(&batch->columns[i], place));
            if (KY_UNLIKELY(out->size - start > SESSION_ROW_OUT_MAX)) {
                out->size = start;
                sink->has_long_row = true;
                return false;
            }
        }
        pgw_end(out, mark);
    }
    return out->size - conn->out_sent < CONN_OUT_MAX;
}

static void
sink_complete(struct result_sink *sink, const char *tag)
{
    pgw_encode_command_complete(&conn_of(sink)->out, tag);
}

static void
sink_empty(struct result_sink *sink)
{
    pgw_encode_bare(&conn_of(sink)->out, 'I');
}

static void
sink_copy_out(struct result_sink *sink, uint16_t column_count, int16_t format)
{
    pgw_encode_copy_response(&conn_of(sink)->out, 'H', column_count, format);
}

static void
sink_copy_in(struct result_sink *sink, uint16_t column_count, int16_t format)
{
    pgw_encode_copy_response(&conn_of(sink)->out, 'G', column_count, format);
}

static bool
sink_copy_data(struct result_sink *sink, struct ky_slice data)
{
    struct conn *conn = conn_of(sink);
    pgw_encode_copy_data(&conn->out, data);
    return conn->out.size - conn->out_sent < CONN_OUT_MAX;
}

static void
sink_copy_out_end(struct result_sink *sink)
{
    pgw_encode_bare(&conn_of(sink)->out, 'c');
}

static void
sink_notice(struct result_sink *sink, const char *severity, const struct ky_error *notice)
{
    struct conn *conn = conn_of(sink);
    pgw_encode_error(&conn->out, severity, notice);
    conn->must_flush = true; /* seen while the statement goes on, should it wait */
}

static void
sink_parameter(struct result_sink *sink, const char *name, const char *value)
{
    pgw_encode_parameter_status(&conn_of(sink)->out, name, value);
}

void
conn_sink_init(struct result_sink *sink)
{
    *sink = (struct result_sink){
        .columns = sink_columns,
        .rows = sink_rows,
        .complete = sink_complete,
        .empty = sink_empty,
        .copy_out = sink_copy_out,
        .copy_data = sink_copy_data,
        .copy_out_end = sink_copy_out_end,
        .copy_in = sink_copy_in,
        .notice = sink_notice,
        .parameter = sink_parameter,
    };
}
