/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a row: what row_verify lets pass can be read column by column and encoded again. */
#include "server/base/assert.h"
#include "server/types/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const oid_t OIDS[] = {OID_INT4, OID_TEXT, OID_BOOL,   OID_INT8, OID_FLOAT4,
                                 OID_UUID, OID_TEXT, OID_FLOAT8, OID_INT2, OID_BYTEA};
    const struct type *types[KY_COUNT_OF(OIDS)];
    for (size_t i = 0; i < KY_COUNT_OF(OIDS); i++) {
        types[i] = type_get(OIDS[i]);
    }
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct row_layout layout;
    row_layout_init(&layout, types, KY_COUNT_OF(OIDS), &arena);
    struct ky_error err = {0};
    struct ky_slice row = ky_slice(data, size);
    if (row_verify(&layout, row, &err) == KY_OK) {
        struct datum values[KY_COUNT_OF(OIDS)];
        for (uint16_t i = 0; i < layout.column_count; i++) {
            struct column column;
            column_init(&column, types[i], 1, &arena);
            values[i] = row_get(&layout, row, i);
            row_get_column(&layout, &row, 1, i, &column);
            struct datum other = column_get(&column, 0);
            KY_ASSERT(other.is_null == values[i].is_null);
            KY_ASSERT(other.is_null || types[i]->compare(types[i], other, values[i]) == 0);
        }
        struct ky_buffer again = {0};
        ky_status status = row_encode(&layout, values, &again, &err);
        KY_ASSERT(status == KY_OK || err.sqlstate == KY_PROGRAM_LIMIT_EXCEEDED);
        ky_buffer_deinit(&again);
    }
    ky_arena_deinit(&arena);
    return 0;
}
