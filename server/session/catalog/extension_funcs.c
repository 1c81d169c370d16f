/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/catalog/funcs_private.h"

/* What CREATE EXTENSION can name: the functions below the views of the same names. */

ROWS(extensions_open, 3)
{
    UNUSED_ROWS();
    size_t count;
    const struct cat_available_extension *extensions = cat_available_extensions(&count);
    for (size_t i = 0; i < count; i++) {
        struct datum *row = funcs_rows_add(rows);
        row[0] = datum_cstr(extensions[i].name);
        row[1] = datum_cstr(extensions[i].version);
        row[2] = datum_cstr(extensions[i].comment);
    }
    return KY_OK;
}

/* One version of each, for the superuser, in a schema of choice. */
ROWS(versions_open, 8)
{
    UNUSED_ROWS();
    size_t count;
    const struct cat_available_extension *extensions = cat_available_extensions(&count);
    for (size_t i = 0; i < count; i++) {
        struct datum *row = funcs_rows_add(rows);
        row[0] = datum_cstr(extensions[i].name);
        row[1] = datum_cstr(extensions[i].version);
        row[2] = datum_word(true);
        row[3] = datum_word(true);
        row[4] = datum_word(true);
        row[7] = datum_cstr(extensions[i].comment);
    }
    return KY_OK;
}

static const struct func_set extensions_set = {
    .open = extensions_open,
    .next = funcs_rows_next,
    .column_count = 3,
    .column_names = (const char *const[]){"name", "default_version", "comment"},
    .column_types = ARGS(OID_NAME, OID_TEXT, OID_TEXT),
};

static const struct func_set versions_set = {
    .open = versions_open,
    .next = funcs_rows_next,
    .column_count = 8,
    .column_names = (const char *const[]){"name", "version", "superuser", "trusted", "relocatable",
                                          "schema", "requires", "comment"},
    .column_types =
        ARGS(OID_NAME, OID_TEXT, OID_BOOL, OID_BOOL, OID_BOOL, OID_NAME, OID_NAME_ARRAY, OID_TEXT),
};

static const struct func funcs[] = {
    SET_FUNC(3082, "pg_available_extensions", OID_RECORD, 0, NULL, true, 's', &extensions_set),
    SET_FUNC(3083, "pg_available_extension_versions", OID_RECORD, 0, NULL, true, 's',
             &versions_set),
};

void
extension_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
