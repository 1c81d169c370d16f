/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/session/catalog/funcs_private.h"
#include "server/session/sequence.h"

/* What a sequence is made with, and where it is. */

FUNCTION(pg_sequence_last_value)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    int64_t last;
    if (table == NULL) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "could not open relation with OID %" PRId64,
                            args[0].word);
    }
    if (table->kind != 'S') {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", table->name);
    }
    const bool is_used = sequence_last(funcs_session(env)->server, table, &last);
    const bool is_inside = last >= table->sequence[2] && last <= table->sequence[3];
    *out = is_used && is_inside ? datum_word(last) : datum_null();
    return KY_OK;
}

ROWS(parameters_open, 7)
{
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    if (table == NULL) {
        return ky_error_set(err, KY_UNDEFINED_TABLE, "relation with OID %" PRId64 " does not exist",
                            args[0].word);
    }
    if (table->kind != 'S') {
        return ky_error_set(err, KY_INTERNAL_ERROR, "cache lookup failed for sequence %" PRIu32,
                            table->oid);
    }
    const int64_t *options = table->sequence; /* start, increment, minimum, maximum, cache, cycle */
    struct datum *row = funcs_rows_add(rows);
    row[0] = datum_word(options[0]);
    row[1] = datum_word(options[2]);
    row[2] = datum_word(options[3]);
    row[3] = datum_word(options[1]);
    row[4] = datum_word(options[5] != 0);
    row[5] = datum_word(options[4]);
    row[6] = datum_word(table->sequence_type);
    return KY_OK;
}

static const struct func_set parameters_set = {
    .open = parameters_open,
    .next = funcs_rows_next,
    .column_count = 7,
    .column_names = (const char *const[]){"start_value", "minimum_value", "maximum_value",
                                          "increment", "cycle_option", "cache_size", "data_type"},
    .column_types = ARGS(OID_INT8, OID_INT8, OID_INT8, OID_INT8, OID_BOOL, OID_INT8, OID_OID),
};

static const struct func funcs[] = {
    FUNC(4032, "pg_sequence_last_value", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v',
         pg_sequence_last_value),
    ONE_ROW_FUNC(3078, "pg_sequence_parameters", OID_RECORD, 1, ARGS(OID_OID), true, 's',
                 &parameters_set),
};

void
sequence_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
