/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/clock.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/datetime.h"

/*
 * pg_control_system and its kin: PostgreSQL's control file as rows. Where there is nothing of the
 * kind here they say what a PostgreSQL 15 that was just set up would.
 */

enum { CONTROL_VERSION = 1300, CATALOG_VERSION = 202209061, WAL_SEGMENT_SIZE = 16 * 1024 * 1024 };

/* The database's own number: nothing that can be known here, but the same as long as it runs. */
ROWS(system_open, 4)
{
    UNUSED_ROWS();
    const int64_t start_us = funcs_session(env)->server->start_us;
    struct datum *row = funcs_rows_add(rows);
    row[0] = datum_word(CONTROL_VERSION);
    row[1] = datum_word(CATALOG_VERSION);
    row[2] = datum_word(start_us);
    row[3] = datum_word(start_us - DATETIME_UNIX_TO_2000_US);
    return KY_OK;
}

ROWS(init_open, 11)
{
    UNUSED_ROWS();
    static const int32_t values[] = {8,    8192, 131072, 8192, WAL_SEGMENT_SIZE, 64, 32,
                                     1996, 2048, 1,      0};
    struct datum *row = funcs_rows_add(rows);
    for (size_t i = 0; i < KY_COUNT_OF(values); i++) {
        row[i] = datum_word(values[i]);
    }
    return KY_OK;
}

ROWS(recovery_open, 5)
{
    UNUSED_ROWS();
    struct datum *row = funcs_rows_add(rows);
    for (int i = 0; i < 5; i++) {
        row[i] = datum_word(0);
    }
    return KY_OK;
}

ROWS(config_open, 2)
{
    UNUSED_ROWS();
    struct datum *row = funcs_rows_add(rows);
    row[0] = datum_cstr("VERSION");
    row[1] = funcs_text(env, ky_arena_printf(env->types.arena, "KyroDB %s",
                                             funcs_session(env)->server->options.version));
    return KY_OK;
}

/* The built-in tablespaces: all that is there is in pg_default. */
ROWS(tablespace_open, 1)
{
    enum { OID_PG_DEFAULT = 1663 };
    const struct cat_image *image = funcs_env(env)->image;
    (void)err;
    for (size_t i = 0; args[0].word == OID_PG_DEFAULT && i < image->database_count; i++) {
        funcs_rows_add(rows)[0] = datum_word(image->databases[i]->oid);
    }
    return KY_OK;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__})
static const struct func_set system_set = {
    .open = system_open,
    .next = funcs_rows_next,
    .column_count = 4,
    .column_names = NAMES("pg_control_version", "catalog_version_no", "system_identifier",
                          "pg_control_last_modified"),
    .column_types = ARGS(OID_INT4, OID_INT4, OID_INT8, OID_TIMESTAMPTZ),
};
static const struct func_set init_set = {
    .open = init_open,
    .next = funcs_rows_next,
    .column_count = 11,
    .column_names = NAMES("max_data_alignment", "database_block_size", "blocks_per_segment",
                          "wal_block_size", "bytes_per_wal_segment", "max_identifier_length",
                          "max_index_columns", "max_toast_chunk_size", "large_object_chunk_size",
                          "float8_pass_by_value", "data_page_checksum_version"),
    .column_types = ARGS(OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4, OID_INT4,
                         OID_INT4, OID_INT4, OID_BOOL, OID_INT4),
};
static const struct func_set recovery_set = {
    .open = recovery_open,
    .next = funcs_rows_next,
    .column_count = 5,
    .column_names = NAMES("min_recovery_end_lsn", "min_recovery_end_timeline", "backup_start_lsn",
                          "backup_end_lsn", "end_of_backup_record_required"),
    .column_types = ARGS(OID_PG_LSN, OID_INT4, OID_PG_LSN, OID_PG_LSN, OID_BOOL),
};
static const struct func_set config_set = {
    .open = config_open,
    .next = funcs_rows_next,
    .column_count = 2,
    .column_names = NAMES("name", "setting"),
    .column_types = ARGS(OID_TEXT, OID_TEXT),
};
static const struct func_set tablespace_set = {
    .open = tablespace_open,
    .next = funcs_rows_next,
    .column_count = 1,
    .column_names = NAMES("pg_tablespace_databases"),
    .column_types = ARGS(OID_OID),
};

static const struct func funcs[] = {
    ONE_ROW_FUNC(3441, "pg_control_system", OID_RECORD, 0, NULL, true, 'v', &system_set),
    ONE_ROW_FUNC(3444, "pg_control_init", OID_RECORD, 0, NULL, true, 'v', &init_set),
    ONE_ROW_FUNC(3443, "pg_control_recovery", OID_RECORD, 0, NULL, true, 'v', &recovery_set),
    SET_FUNC(3400, "pg_config", OID_RECORD, 0, NULL, true, 's', &config_set),
    SET_FUNC(2556, "pg_tablespace_databases", OID_OID, 1, ARGS(OID_OID), true, 's',
             &tablespace_set),
};

void
control_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
