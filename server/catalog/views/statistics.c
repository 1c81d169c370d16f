/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views_private.h"
#include "server/types/array.h"

/* What ANALYZE found, as pg_statistic keeps it and as pg_stats shows it. */

enum { SLOTS = 5, KIND_COMMON = 1, KIND_BOUNDS = 2, KIND_CORRELATION = 3 };

static const struct sysview_column stats_columns[] = {
    {"schemaname", OID_NAME},
    {"tablename", OID_NAME},
    {"attname", OID_NAME},
    {"inherited", OID_BOOL},
    {"null_frac", OID_FLOAT4},
    {"avg_width", OID_INT4},
    {"n_distinct", OID_FLOAT4},
    {"most_common_vals", OID_ANYARRAY},
    {"most_common_freqs", OID_FLOAT4_ARRAY},
    {"histogram_bounds", OID_ANYARRAY},
    {"correlation", OID_FLOAT4},
    {"most_common_elems", OID_ANYARRAY},
    {"most_common_elem_freqs", OID_FLOAT4_ARRAY},
    {"elem_count_histogram", OID_FLOAT4_ARRAY},
};

static struct datum
values_array(struct ky_arena *arena, const struct type *type, const struct datum *values,
             uint16_t count)
{
    const struct ky_slice array = array_make(arena, type, values, count);
    return datum_bytes(array.data, array.size);
}

static struct datum
reals_array(struct ky_arena *arena, const double *reals, uint16_t count)
{
    struct datum *values = ky_arena_array(arena, struct datum, (size_t)count + 1);
    for (uint16_t i = 0; i < count; i++) {
        values[i] = datum_real((double)(float)reals[i]);
    }
    return values_array(arena, type_get(OID_FLOAT4), values, count);
}

static struct datum
common_values(struct ky_arena *arena, const struct cat_statistics *s)
{
    return s->common_count == 0 ? datum_null()
                                : values_array(arena, s->type, s->common, s->common_count);
}

static struct datum
common_frequencies(struct ky_arena *arena, const struct cat_statistics *s)
{
    return s->common_count == 0 ? datum_null()
                                : reals_array(arena, s->frequencies, s->common_count);
}

static struct datum
bounds_values(struct ky_arena *arena, const struct cat_statistics *s)
{
    return s->bound_count == 0 ? datum_null()
                               : values_array(arena, s->type, s->bounds, s->bound_count);
}

static bool
may_read(const struct sysview_context *context, const struct cat_table *table, uint16_t column)
{
    return context->role == OID_NONE || acl_on_column(context->image, context->role, table,
                                                      (int16_t)(column + 1), ACL_SELECT) != 0;
}

/* A row of a view for each column that was analyzed and may be read. */
static void
fill_columns(const struct sysview_context *context, struct sysview_rows *rows,
             void (*put)(const struct cat_image *image, const struct cat_table *table,
                         const struct cat_column *column, struct sysview_rows *rows))
{
    const struct cat_image *image = context->image;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        for (uint16_t c = 0; c < table->column_count; c++) {
            if (table->columns[c].statistics != NULL && may_read(context, table, c)) {
                put(image, table, &table->columns[c], rows);
            }
        }
    }
}

static void
put_stats(const struct cat_image *image, const struct cat_table *table,
          const struct cat_column *column, struct sysview_rows *rows)
{
    const struct cat_statistics *s = column->statistics;
    struct datum *at = sysview_add(rows);
    put_text(&at, view_schema_name(image, table->schema));
    put_text(&at, table->name);
    put_text(&at, column->name);
    put_word(&at, false);
    put_real(&at, (double)(float)s->null_fraction);
    put_word(&at, s->average_width);
    put_real(&at, (double)(float)s->distinct);
    *at++ = common_values(rows->arena, s);
    *at++ = common_frequencies(rows->arena, s);
    *at++ = bounds_values(rows->arena, s);
    *at++ = s->has_correlation ? datum_real((double)(float)s->correlation) : datum_null();
    put_nulls(&at, 3);
}

static ky_status
fill_stats(const struct sysview_context *context, struct sysview_rows *rows,
           struct ky_error *err KY_UNUSED)
{
    fill_columns(context, rows, put_stats);
    return KY_OK;
}
VIEW(view_pg_stats, 12053, OID_SCHEMA_PG_CATALOG, "pg_stats", 'v', stats_columns, fill_stats);

static const struct sysview_column statistic_columns[] = {
    {"starelid", OID_OID},
    {"staattnum", OID_INT2},
    {"stainherit", OID_BOOL},
    {"stanullfrac", OID_FLOAT4},
    {"stawidth", OID_INT4},
    {"stadistinct", OID_FLOAT4},
    {"stakind1", OID_INT2},
    {"stakind2", OID_INT2},
    {"stakind3", OID_INT2},
    {"stakind4", OID_INT2},
    {"stakind5", OID_INT2},
    {"staop1", OID_OID},
    {"staop2", OID_OID},
    {"staop3", OID_OID},
    {"staop4", OID_OID},
    {"staop5", OID_OID},
    {"stacoll1", OID_OID},
    {"stacoll2", OID_OID},
    {"stacoll3", OID_OID},
    {"stacoll4", OID_OID},
    {"stacoll5", OID_OID},
    {"stanumbers1", OID_FLOAT4_ARRAY},
    {"stanumbers2", OID_FLOAT4_ARRAY},
    {"stanumbers3", OID_FLOAT4_ARRAY},
    {"stanumbers4", OID_FLOAT4_ARRAY},
    {"stanumbers5", OID_FLOAT4_ARRAY},
    {"stavalues1", OID_ANYARRAY},
    {"stavalues2", OID_ANYARRAY},
    {"stavalues3", OID_ANYARRAY},
    {"stavalues4", OID_ANYARRAY},
    {"stavalues5", OID_ANYARRAY},
};

/* Slots are taken from the left, as PostgreSQL does; operators are not known here. */
static void
fill_slots(struct ky_arena *arena, struct datum *at, const struct cat_statistics *s)
{
    struct datum *kinds = at;
    struct datum *collations = at + 2 * SLOTS;
    struct datum *numbers = at + 3 * SLOTS;
    struct datum *values = at + 4 * SLOTS;
    int slot = 0;
    for (int i = 0; i < SLOTS; i++) {
        numbers[i] = values[i] = datum_null();
    }
    if (s->common_count > 0) {
        kinds[slot] = datum_word(KIND_COMMON);
        numbers[slot] = common_frequencies(arena, s);
        values[slot++] = common_values(arena, s);
    }
    if (s->bound_count > 0) {
        kinds[slot] = datum_word(KIND_BOUNDS);
        values[slot++] = bounds_values(arena, s);
    }
    if (s->has_correlation) {
        kinds[slot] = datum_word(KIND_CORRELATION);
        numbers[slot++] = reals_array(arena, &s->correlation, 1);
    }
    for (int i = 0; i < slot; i++) {
        collations[i] = datum_word(s->type->collation);
    }
}

static void
put_statistic(const struct cat_image *image KY_UNUSED, const struct cat_table *table,
              const struct cat_column *column, struct sysview_rows *rows)
{
    const struct cat_statistics *s = column->statistics;
    struct datum *at = sysview_add(rows);
    put_word(&at, table->oid);
    put_word(&at, s->column);
    put_word(&at, false);
    put_real(&at, (double)(float)s->null_fraction);
    put_word(&at, s->average_width);
    put_real(&at, (double)(float)s->distinct);
    fill_slots(rows->arena, at, s);
}

static ky_status
fill_statistic(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err KY_UNUSED)
{
    fill_columns(context, rows, put_statistic);
    return KY_OK;
}
VIEW(view_pg_statistic, 2619, OID_SCHEMA_PG_CATALOG, "pg_statistic", 'r', statistic_columns,
     fill_statistic);
