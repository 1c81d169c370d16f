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

FUNCTION(pg_wal_lsn_diff)
{
    UNUSED_ARGS();
    *out = datum_word(args[0].word - args[1].word);
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
    FUNC(3165, "pg_wal_lsn_diff", OID_INT8, 2, ARGS(OID_PG_LSN, OID_PG_LSN), true, 'i',
         pg_wal_lsn_diff),
    FUNC(2943, "txid_current", OID_INT8, 0, NULL, true, 's', txid_current),
    FUNC(3348, "txid_current_if_assigned", OID_INT8, 0, NULL, true, 's', txid_current_if_assigned),
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
