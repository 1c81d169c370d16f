/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/row.h"

enum { KEY_NULL_FIRST = 0x00, KEY_VALUE = 0x01, KEY_NULL_LAST = 0x02 };

void
key_encode(const struct key_column *columns, uint32_t count, const struct datum *values,
           struct ky_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct key_column *column = &columns[i];
        if (values[i].is_null) {
            ky_buffer_append_byte(out, column->is_nulls_first ? KEY_NULL_FIRST : KEY_NULL_LAST);
            continue;
        }
        ky_buffer_append_byte(out, KEY_VALUE);
        size_t start = out->size;
        column->type->key(column->type, values[i], out);
        if (column->is_descending) {
            for (size_t at = start; at < out->size; at++) {
                out->data[at] = (uint8_t)~out->data[at];
            }
        }
    }
}
