/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/row.h"

#include <criterion/criterion.h>

#include "server/base/random.h"
#include "tests/unit/types/types_fixture.h"

static const oid_t COLUMNS[] = {OID_INT4,   OID_TEXT, OID_BOOL, OID_INT8, OID_FLOAT4, OID_UUID,
                                OID_FLOAT8, OID_TEXT, OID_OID,  OID_INT2, OID_VECTOR};
enum { COLUMN_COUNT = KY_COUNT_OF(COLUMNS) };

static void
make_layout(struct row_layout *layout, uint16_t count, struct ky_arena *arena)
{
    const struct type *types[COLUMN_COUNT];
    for (uint16_t i = 0; i < count; i++) {
        types[i] = type_get(COLUMNS[i]);
    }
    row_layout_init(layout, types, count, arena);
}

static struct datum
random_value(struct types_fixture *fixture, struct ky_prng *prng, oid_t oid)
{
    const char *text =
        ky_arena_printf(&fixture->arena, "%llu", (unsigned long long)ky_prng_below(prng, 30000));
    if (ky_prng_below(prng, 4) == 0) {
        return datum_null();
    }
    switch (oid) {
    case OID_BOOL:
        return datum_word((int64_t)ky_prng_below(prng, 2));
    case OID_UUID:
        return types_value(fixture, oid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    case OID_VECTOR:
        return types_value(fixture, oid, ky_arena_printf(&fixture->arena, "[%s]", text));
    case OID_TEXT:
        return datum_bytes(text, ky_prng_below(prng, strlen(text) + 1));
    case OID_OID:
        return datum_word(UINT32_MAX);
    case OID_INT4:
        return datum_word(-(int64_t)ky_prng_below(prng, 1000));
    default:
        return types_value(fixture, oid, text);
    }
}

static bool
is_same(const struct type *type, struct datum a, struct datum b)
{
    return a.is_null || b.is_null ? a.is_null == b.is_null : type->compare(type, a, b) == 0;
}

/* Rows of every number of columns, read through a layout that has them all. */
Test(row, every_column_reads_back_and_missing_ones_default)
{
    struct types_fixture fixture;
    types_start(&fixture);
    struct ky_prng prng;
    ky_prng_init(&prng, 1);
    struct row_layout full;
    make_layout(&full, COLUMN_COUNT, &fixture.arena);
    full.missing[9] = datum_word(77);
    enum { ROWS = 300 };
    struct ky_slice rows[ROWS];
    struct datum(*values)[COLUMN_COUNT] = ky_arena_calloc(&fixture.arena, ROWS, sizeof(*values));
    for (int r = 0; r < ROWS; r++) {
        uint16_t count = r % 3 == 0 ? (uint16_t)(1 + ky_prng_below(&prng, COLUMN_COUNT))
                                    : (uint16_t)COLUMN_COUNT;
        struct row_layout layout;
        make_layout(&layout, count, &fixture.arena);
        for (uint16_t i = 0; i < COLUMN_COUNT; i++) {
            values[r][i] = i < count ? random_value(&fixture, &prng, COLUMNS[i]) : full.missing[i];
        }
        struct ky_buffer row = {0};
        cr_assert_eq(row_encode(&layout, values[r], &row, &fixture.err), KY_OK);
        cr_expect_eq(row_verify(&full, ky_buffer_slice(&row), &fixture.err), KY_OK, "%s",
                     fixture.err.message);
        for (size_t cut = 0; cut < row.size; cut++) {
            struct ky_error err = {0};
            cr_expect_eq(row_verify(&full, ky_slice(row.data, cut), &err), KY_ERR);
        }
        rows[r] = ky_slice_dup(&fixture.arena, ky_buffer_slice(&row));
        ky_buffer_deinit(&row);
    }
    for (uint16_t i = 0; i < COLUMN_COUNT; i++) {
        struct column column;
        column_init(&column, full.types[i], ROWS, &fixture.arena);
        row_get_column(&full, rows, ROWS, i, &column);
        for (uint32_t r = 0; r < ROWS; r++) {
            struct datum one = row_get(&full, rows[r], i);
            cr_expect(is_same(full.types[i], one, values[r][i]), "row %u column %u", r, i);
            cr_expect(is_same(full.types[i], column_get(&column, r), one), "row %u column %u", r,
                      i);
        }
    }
    types_done(&fixture);
}

Test(row, too_large_is_refused_and_leaves_the_buffer)
{
    struct types_fixture fixture;
    types_start(&fixture);
    struct row_layout layout;
    const struct type *type = type_get(OID_TEXT);
    row_layout_init(&layout, &type, 1, &fixture.arena);
    size_t size = (size_t)12 * 1024 * 1024;
    struct datum value = datum_bytes(ky_arena_calloc(&fixture.arena, 1, size), size);
    struct ky_buffer row = {0};
    cr_expect_eq(row_encode(&layout, &value, &row, &fixture.err), KY_ERR);
    cr_expect_eq(fixture.err.sqlstate, KY_PROGRAM_LIMIT_EXCEEDED);
    cr_expect_eq(row.size, 0);
    ky_buffer_deinit(&row);
    types_done(&fixture);
}

static int
compare_key_column(const struct key_column *column, struct datum a, struct datum b)
{
    if (a.is_null || b.is_null) {
        int order = a.is_null - b.is_null;
        return column->is_nulls_first ? -order : order;
    }
    int order = column->type->compare(column->type, a, b);
    return column->is_descending ? -order : order;
}

Test(key, memcmp_order_is_the_index_order)
{
    struct types_fixture fixture;
    types_start(&fixture);
    struct ky_prng prng;
    ky_prng_init(&prng, 2);
    for (int round = 0; round < 3000; round++) {
        struct key_column columns[3];
        struct datum a[3];
        struct datum b[3];
        int expected = 0;
        for (int i = 0; i < 3; i++) {
            oid_t oid = COLUMNS[ky_prng_below(&prng, COLUMN_COUNT)];
            columns[i] = (struct key_column){type_get(oid), ky_prng_below(&prng, 2) != 0,
                                             ky_prng_below(&prng, 2) != 0};
            a[i] = random_value(&fixture, &prng, oid);
            b[i] = ky_prng_below(&prng, 2) != 0 ? a[i] : random_value(&fixture, &prng, oid);
            expected = expected != 0 ? expected : compare_key_column(&columns[i], a[i], b[i]);
        }
        struct ky_buffer x = {0};
        struct ky_buffer y = {0};
        key_encode(columns, 3, a, &x);
        key_encode(columns, 3, b, &y);
        int order = ky_slice_compare(ky_buffer_slice(&x), ky_buffer_slice(&y));
        cr_expect_eq((order > 0) - (order < 0), (expected > 0) - (expected < 0));
        ky_buffer_deinit(&x);
        ky_buffer_deinit(&y);
    }
    types_done(&fixture);
}
