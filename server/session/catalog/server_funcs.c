/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/session/catalog/funcs_private.h"
#include "server/types/datetime.h"
#include "server/types/encoding.h"

/* What the server and the log are doing: positions, transaction ids, start, addresses. */

/* One server that writes: it is never a standby. */
FUNCTION(never)
{
    UNUSED_ARGS();
    *out = datum_word(false);
    return KY_OK;
}

FUNCTION(nothing)
{
    UNUSED_ARGS();
    *out = datum_null();
    return KY_OK;
}

FUNCTION(pg_conf_load_time)
{
    UNUSED_ARGS();
    *out = datum_word(funcs_session(env)->server->start_us - DATETIME_UNIX_TO_2000_US);
    return KY_OK;
}

/* Appended, inserted and flushed are one: what is visible is durable. */
FUNCTION(pg_current_wal_lsn)
{
    UNUSED_ARGS();
    *out = datum_word((int64_t)storage_visible_lsn(funcs_env(env)->storage));
    return KY_OK;
}

FUNCTION(txid_current)
{
    UNUSED_ARGS();
    *out = datum_word((int64_t)txn_id(funcs_env(env)->txn));
    return KY_OK;
}

FUNCTION(txid_current_if_assigned)
{
    UNUSED_ARGS();
    const struct txn *txn = funcs_env(env)->txn;
    *out = txn_has_writes(txn) ? datum_word((int64_t)txn_id(txn)) : datum_null();
    return KY_OK;
}

/* The only tablespaces are the built-in ones, which have no place of their own. */
FUNCTION(pg_tablespace_location)
{
    UNUSED_ARGS();
    *out = datum_cstr("");
    return KY_OK;
}

FUNCTION(client_encoding)
{
    UNUSED_ARGS();
    *out = datum_cstr("UTF8");
    return KY_OK;
}

FUNCTION(pg_char_to_encoding)
{
    UNUSED_ARGS();
    *out = datum_word(encoding_find(args[0].bytes));
    return KY_OK;
}

FUNCTION(no_recovery)
{
    UNUSED_ARGS();
    (void)out;
    ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE, "recovery is not in progress");
    return ky_error_hint(err, "Recovery control functions can only be executed during recovery.");
}

FUNCTION(pg_reload_conf)
{
    UNUSED_ARGS();
    const struct server_options *options = &funcs_session(env)->server->options;
    if (options->reload != NULL) {
        options->reload(options->arg);
    }
    *out = datum_word(true);
    return KY_OK;
}

/* The log goes to standard error; whoever keeps it turns the pages. */
FUNCTION(pg_rotate_logfile)
{
    UNUSED_ARGS();
    session_notice(funcs_session(env), "WARNING", KY_WARNING,
                   "rotation not possible because log collection not active");
    *out = datum_word(false);
    return KY_OK;
}

FUNCTION(pg_current_logfile)
{
    UNUSED_ARGS();
    *out = datum_null();
    if (args[0].is_null || ky_slice_is(args[0].bytes, "stderr") ||
        ky_slice_is(args[0].bytes, "csvlog") || ky_slice_is(args[0].bytes, "jsonlog")) {
        return KY_OK;
    }
    ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "log format \"%s\" is not supported",
                 ky_arena_cstr(env->types.arena, args[0].bytes));
    return ky_error_hint(err,
                         "The supported log formats are \"stderr\", \"csvlog\", and \"jsonlog\".");
}

/* No table has policies. */
FUNCTION(row_security_active)
{
    UNUSED_ARGS();
    const struct reg_names *names = env->types.reg;
    oid_t oid;
    KY_TRY(names->find_oid(names->self, OID_REGCLASS, args[0].bytes, &oid, err));
    *out = datum_word(false);
    return KY_OK;
}

/* Numbers do not run out, so nothing is old. */
FUNCTION(xid_age)
{
    UNUSED_ARGS();
    *out = datum_word(0);
    return KY_OK;
}

FUNCTION(pg_my_temp_schema)
{
    UNUSED_ARGS();
    char name[SESSION_TEMP_NAME_SIZE];
    session_temp_name(funcs_session(env), name);
    const struct cat_schema *schema = cat_find_schema(funcs_env(env)->image, ky_slice_cstr(name));
    *out = datum_word(schema == NULL ? 0 : schema->oid);
    return KY_OK;
}

FUNCTION(pg_encoding_max_length)
{
    UNUSED_ARGS();
    static const int8_t sizes[] = {1, 3, 3, 3, 4, 3, 4, 4}; /* SQL_ASCII .. MULE_INTERNAL */
    enum { FIRST_WIDE = 35 };                               /* SJIS and what follows */
    static const int8_t wide[] = {2, 2, 2, 2, 4, 3, 2};
    const int64_t number = args[0].word;
    *out = datum_null();
    if (number >= 0 && number < (int64_t)KY_COUNT_OF(sizes)) {
        *out = datum_word(sizes[number]);
    } else if (number >= FIRST_WIDE && number < FIRST_WIDE + (int64_t)KY_COUNT_OF(wide)) {
        *out = datum_word(wide[number - FIRST_WIDE]);
    } else if (number >= 0 && number < FIRST_WIDE) {
        *out = datum_word(1);
    }
    return KY_OK;
}

static const struct func funcs[] = {
    FUNC(3810, "pg_is_in_recovery", OID_BOOL, 0, NULL, true, 'v', never),
    FUNC(3073, "pg_is_wal_replay_paused", OID_BOOL, 0, NULL, true, 'v', never),
    FUNC(315, "pg_jit_available", OID_BOOL, 0, NULL, true, 'v', never),
    FUNC(3820, "pg_last_wal_receive_lsn", OID_PG_LSN, 0, NULL, true, 'v', nothing),
    FUNC(3821, "pg_last_wal_replay_lsn", OID_PG_LSN, 0, NULL, true, 'v', nothing),
    FUNC(2034, "pg_conf_load_time", OID_TIMESTAMPTZ, 0, NULL, true, 's', pg_conf_load_time),
    FUNC(2849, "pg_current_wal_lsn", OID_PG_LSN, 0, NULL, true, 'v', pg_current_wal_lsn),
    FUNC(2852, "pg_current_wal_insert_lsn", OID_PG_LSN, 0, NULL, true, 'v', pg_current_wal_lsn),
    FUNC(3330, "pg_current_wal_flush_lsn", OID_PG_LSN, 0, NULL, true, 'v', pg_current_wal_lsn),
    FUNC(2848, "pg_switch_wal", OID_PG_LSN, 0, NULL, true, 'v', pg_current_wal_lsn),
    FUNC(3830, "pg_last_xact_replay_timestamp", OID_TIMESTAMPTZ, 0, NULL, true, 'v', nothing),
    FUNC(3071, "pg_wal_replay_pause", OID_VOID, 0, NULL, true, 'v', no_recovery),
    FUNC(3072, "pg_wal_replay_resume", OID_VOID, 0, NULL, true, 'v', no_recovery),
    FUNC(1137, "pg_get_wal_replay_pause_state", OID_TEXT, 0, NULL, true, 'v', no_recovery),
    {.oid = 3436,
     .name = "pg_promote",
     .result = OID_BOOL,
     .arg_count = 2,
     .default_count = 2,
     .default_texts = (const char *const[]){"true", "60"},
     .args = ARGS(OID_BOOL, OID_INT4),
     .arg_names = (const char *const[]){"wait", "wait_seconds"},
     .is_strict = true,
     .volatility = 'v',
     .kind = FUNC_SCALAR,
     .scalar = no_recovery},
    FUNC(2621, "pg_reload_conf", OID_BOOL, 0, NULL, true, 'v', pg_reload_conf),
    FUNC(2622, "pg_rotate_logfile", OID_BOOL, 0, NULL, true, 'v', pg_rotate_logfile),
    FUNC(4099, "pg_rotate_logfile_old", OID_BOOL, 0, NULL, true, 'v', pg_rotate_logfile),
    FUNC(3800, "pg_current_logfile", OID_TEXT, 0, NULL, false, 'v', nothing),
    FUNC(3801, "pg_current_logfile", OID_TEXT, 1, ARGS(OID_TEXT), false, 'v', pg_current_logfile),
    FUNC(3163, "pg_trigger_depth", OID_INT4, 0, NULL, true, 's', never),
    FUNC(3298, "row_security_active", OID_BOOL, 1, ARGS(OID_OID), true, 's', never),
    FUNC(3299, "row_security_active", OID_BOOL, 1, ARGS(OID_TEXT), true, 's', row_security_active),
    FUNC(1181, "age", OID_INT4, 1, ARGS(OID_XID), true, 's', xid_age),
    FUNC(3939, "mxid_age", OID_INT4, 1, ARGS(OID_XID), true, 's', xid_age),
    FUNC(2854, "pg_my_temp_schema", OID_OID, 0, NULL, true, 's', pg_my_temp_schema),
    FUNC(2319, "pg_encoding_max_length", OID_INT4, 1, ARGS(OID_INT4), true, 'i',
         pg_encoding_max_length),
    FUNC(3448, "pg_collation_actual_version", OID_TEXT, 1, ARGS(OID_OID), true, 'v', nothing),
    FUNC(6249, "pg_database_collation_actual_version", OID_TEXT, 1, ARGS(OID_OID), true, 'v',
         nothing),
    FUNC(2943, "txid_current", OID_INT8, 0, NULL, true, 's', txid_current),
    FUNC(3348, "txid_current_if_assigned", OID_INT8, 0, NULL, true, 's', txid_current_if_assigned),
    FUNC(5060, "pg_current_xact_id_if_assigned", OID_XID8, 0, NULL, true, 's',
         txid_current_if_assigned),
    FUNC(5059, "pg_current_xact_id", OID_XID8, 0, NULL, true, 's', txid_current),
    FUNC(3778, "pg_tablespace_location", OID_TEXT, 1, ARGS(OID_OID), true, 's',
         pg_tablespace_location),
    FUNC(810, "pg_client_encoding", OID_NAME, 0, NULL, true, 's', client_encoding),
    FUNC(1039, "getdatabaseencoding", OID_NAME, 0, NULL, true, 's', client_encoding),
    FUNC(1264, "pg_char_to_encoding", OID_INT4, 1, ARGS(OID_NAME), true, 's', pg_char_to_encoding),
    FUNC(2196, "inet_client_addr", OID_TEXT, 0, NULL, false, 's', nothing),
    FUNC(2197, "inet_client_port", OID_INT4, 0, NULL, false, 's', nothing),
    FUNC(2198, "inet_server_addr", OID_TEXT, 0, NULL, false, 's', nothing),
    FUNC(2199, "inet_server_port", OID_INT4, 0, NULL, false, 's', nothing),
};

void
server_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
