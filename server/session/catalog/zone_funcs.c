/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/datetime.h"

/* pg_timezone_names and pg_timezone_abbrevs, functions and views. */

static struct datum
offset_of(struct ky_arena *arena, int seconds)
{
    const struct interval offset = {.time_us = (int64_t)seconds * 1000000};
    return (struct datum){.bytes = interval_store(arena, offset)};
}

/* Where rows go: a function's or a view's. */
struct zone_rows {
    struct funcs_rows *rows;
    struct sysview_rows *view_rows;
    struct ky_arena *arena;
    int64_t now_us;
};

static struct datum *
add_row(const struct zone_rows *zones)
{
    return zones->rows != NULL ? funcs_rows_add(zones->rows) : sysview_add(zones->view_rows);
}

static void
add_zone(void *arg, const struct timezone *zone)
{
    const struct zone_rows *zones = arg;
    const char *abbreviation = "";
    bool is_dst = false;
    const int offset = timezone_offset_at(zone, zones->now_us, &abbreviation, &is_dst);
    struct datum *row = add_row(zones);
    row[0] = datum_cstr(ky_arena_strdup(zones->arena, timezone_name(zone)));
    row[1] = datum_cstr(ky_arena_strdup(zones->arena, abbreviation));
    row[2] = offset_of(zones->arena, offset);
    row[3] = datum_word(is_dst);
}

static void
add_abbreviations(const struct zone_rows *zones)
{
    const char *text;
    int offset;
    bool is_dst;
    for (size_t i = 0; timezone_abbreviation_at(i, &text, &offset, &is_dst); i++) {
        char *upper = ky_arena_strdup(zones->arena, text);
        for (char *p = upper; *p != '\0'; p++) {
            *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
        }
        struct datum *row = add_row(zones);
        row[0] = datum_cstr(upper);
        row[1] = offset_of(zones->arena, offset);
        row[2] = datum_word(is_dst);
    }
}

ROWS(names_open, 4)
{
    UNUSED_ROWS();
    struct zone_rows zones = {rows, NULL, env->types.arena, env->transaction_start_us};
    timezone_each(add_zone, &zones);
    return KY_OK;
}

ROWS(abbreviations_open, 3)
{
    UNUSED_ROWS();
    add_abbreviations(&(struct zone_rows){.rows = rows, .arena = env->types.arena});
    return KY_OK;
}

static const struct func_set names_set = {
    .open = names_open,
    .next = funcs_rows_next,
    .column_count = 4,
    .column_names = (const char *const[]){"name", "abbrev", "utc_offset", "is_dst"},
    .column_types = ARGS(OID_TEXT, OID_TEXT, OID_INTERVAL, OID_BOOL),
};
static const struct func_set abbreviations_set = {
    .open = abbreviations_open,
    .next = funcs_rows_next,
    .column_count = 3,
    .column_names = (const char *const[]){"abbrev", "utc_offset", "is_dst"},
    .column_types = ARGS(OID_TEXT, OID_INTERVAL, OID_BOOL),
};

static const struct sysview_column names_columns[] = {
    {"name", OID_TEXT}, {"abbrev", OID_TEXT}, {"utc_offset", OID_INTERVAL}, {"is_dst", OID_BOOL}};
static const struct sysview_column abbreviations_columns[] = {
    {"abbrev", OID_TEXT}, {"utc_offset", OID_INTERVAL}, {"is_dst", OID_BOOL}};

static ky_status
fill_names(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    const struct session *session = context->session;
    struct zone_rows zones = {NULL, rows, rows->arena, session->transaction_start_us};
    (void)err;
    timezone_each(add_zone, &zones);
    return KY_OK;
}

static ky_status
fill_abbreviations(const struct sysview_context *context, struct sysview_rows *rows,
                   struct ky_error *err)
{
    (void)context;
    (void)err;
    add_abbreviations(&(struct zone_rows){.view_rows = rows, .arena = rows->arena});
    return KY_OK;
}

static const struct sysview names_view = {.oid = 12126,
                                          .schema = OID_SCHEMA_PG_CATALOG,
                                          .name = "pg_timezone_names",
                                          .kind = 'v',
                                          .columns = names_columns,
                                          .column_count = KY_COUNT_OF(names_columns),
                                          .fill = fill_names};
static const struct sysview abbreviations_view = {.oid = 12122,
                                                  .schema = OID_SCHEMA_PG_CATALOG,
                                                  .name = "pg_timezone_abbrevs",
                                                  .kind = 'v',
                                                  .columns = abbreviations_columns,
                                                  .column_count =
                                                      KY_COUNT_OF(abbreviations_columns),
                                                  .fill = fill_abbreviations};

static const struct func funcs[] = {
    SET_FUNC(2856, "pg_timezone_names", OID_RECORD, 0, NULL, true, 's', &names_set),
    SET_FUNC(2599, "pg_timezone_abbrevs", OID_RECORD, 0, NULL, true, 's', &abbreviations_set),
};

void
zone_funcs_register(void)
{
    static const struct sysview *const views[] = {&names_view, &abbreviations_view};
    sysview_register(views, KY_COUNT_OF(views));
    func_register(funcs, KY_COUNT_OF(funcs));
}
