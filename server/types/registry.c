/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of pg_type that are implemented, with PostgreSQL's facts and OIDs. plain_types holds
 * those made of shared parts, the rest have files of their own; all_types points to all by OID.
 */
#include "server/base/assert.h"
#include "server/types/types_private.h"

#define FACTS(oid_, name_, sql_, array_, element_, category_, preferred_, kind_, align_,   \
              delimiter_, length_, by_value_, collation_)                                  \
    .oid = (oid_), .name = (name_), .sql_name = (sql_), .array_oid = (array_),             \
    .element_oid = (element_), .category = (category_), .is_preferred = (preferred_),      \
    .typtype = (kind_), .align = (align_), .delimiter = (delimiter_), .typlen = (length_), \
    .is_by_value = (by_value_), .collation = (collation_)
#define STORE(storage_, size_) .storage = (storage_), .disk_size = (size_)
#define IO(family) \
    .input = family##_in, .output = family##_out, .receive = family##_recv, .send = family##_send
#define ORDER(family) .compare = family##_compare, .hash = family##_hash, .key = family##_key
#define TYPMOD(family) .typmod_in = family##_typmod_in, .typmod_out = family##_typmod_out

#define BOOL STORE(TYPE_WORD, 1), IO(bool), ORDER(word)
#define CHAR STORE(TYPE_WORD, 1), IO(char), ORDER(word)
#define INT(size) STORE(TYPE_WORD, size), IO(int), ORDER(word)
#define OID STORE(TYPE_WORD, 4), IO(oid), ORDER(word)
#define REG STORE(TYPE_WORD, 4), IO(reg), ORDER(word)
#define TID STORE(TYPE_WORD, 8), IO(tid), ORDER(unsigned)
#define XID8 STORE(TYPE_WORD, 8), IO(xid8), ORDER(unsigned)
#define LSN STORE(TYPE_WORD, 8), IO(lsn), ORDER(unsigned)
#define FLOAT(size) STORE(TYPE_FLOAT, size), IO(float), ORDER(real)
#define TEXT STORE(TYPE_BYTES, 0), IO(text), ORDER(bytes)
#define NAME STORE(TYPE_BYTES, 0), IO(name), ORDER(bytes)
#define VARCHAR \
    STORE(TYPE_BYTES, 0), IO(varchar), ORDER(bytes), .coerce = varchar_coerce, TYPMOD(varchar)
#define BPCHAR \
    STORE(TYPE_BYTES, 0), IO(bpchar), ORDER(bpchar), .coerce = bpchar_coerce, TYPMOD(bpchar)
#define BYTEA STORE(TYPE_BYTES, 0), IO(bytea), ORDER(bytes)
#define UUID STORE(TYPE_BYTES, 16), IO(uuid), ORDER(uuid)
#define JSON STORE(TYPE_BYTES, 0), IO(json)
#define JSONPATH STORE(TYPE_BYTES, 0), IO(jsonpath)
#define JSONB STORE(TYPE_BYTES, 0), IO(jsonb), ORDER(jsonb)
#define INTVECTOR STORE(TYPE_BYTES, 0), IO(intvector), ORDER(array)
#define ARRAY_UNORDERED STORE(TYPE_BYTES, 0), IO(array), .coerce = array_coerce
#define ARRAY ARRAY_UNORDERED, ORDER(array)
#define ARRAY_TYPMOD(family) ARRAY, TYPMOD(family)
#define ANYARRAY                                                                           \
    STORE(TYPE_BYTES, 0), .input = pseudo_in, .output = array_out, .receive = pseudo_recv, \
                          .send = array_send, ORDER(array)
#define VECTOR \
    STORE(TYPE_BYTES, 0), IO(vector), ORDER(vector), .coerce = vector_coerce, TYPMOD(vector)
#define HALFVEC                                      \
    STORE(TYPE_BYTES, 0), IO(vector), ORDER(vector), \
        .coerce = vector_coerce, .typmod_in = halfvec_typmod_in, .typmod_out = vector_typmod_out
#define SPARSEVEC                                                                            \
    STORE(TYPE_BYTES, 0), IO(sparsevec), ORDER(sparsevec), .coerce = sparsevec_coerce,       \
                                                           .typmod_in = sparsevec_typmod_in, \
                                                           .typmod_out = sparsevec_typmod_out
#define BIT STORE(TYPE_BYTES, 0), IO(bit), ORDER(bit), .coerce = bit_coerce, TYPMOD(bit)
#define VARBIT STORE(TYPE_BYTES, 0), IO(bit), ORDER(bit), .coerce = varbit_coerce, TYPMOD(varbit)
#define RECORD STORE(TYPE_BYTES, 0), IO(record), ORDER(record)
#define VOID STORE(TYPE_BYTES, 0), IO(void)
#define ENUM STORE(TYPE_WORD, 8), IO(enum), ORDER(word)
#define PSEUDO STORE(TYPE_BYTES, 0), IO(pseudo)

static const struct type plain_types[] = {
    {FACTS(16, "bool", "boolean", 1000, 0, 'B', true, 'b', 'c', ',', 1, true, 0), BOOL},
    {FACTS(17, "bytea", "bytea", 1001, 0, 'U', false, 'b', 'i', ',', -1, false, 0), BYTEA},
    {FACTS(18, "char", "\"char\"", 1002, 0, 'Z', false, 'b', 'c', ',', 1, true, 0), CHAR},
    {FACTS(19, "name", "name", 1003, 0, 'S', false, 'b', 'c', ',', 64, false, 950), NAME},
    {FACTS(20, "int8", "bigint", 1016, 0, 'N', false, 'b', 'd', ',', 8, true, 0), INT(8)},
    {FACTS(21, "int2", "smallint", 1005, 0, 'N', false, 'b', 's', ',', 2, true, 0), INT(2)},
    {FACTS(22, "int2vector", "int2vector", 1006, 21, 'A', false, 'b', 'i', ',', -1, false, 0),
     INTVECTOR},
    {FACTS(23, "int4", "integer", 1007, 0, 'N', false, 'b', 'i', ',', 4, true, 0), INT(4)},
    {FACTS(24, "regproc", "regproc", 1008, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(25, "text", "text", 1009, 0, 'S', true, 'b', 'i', ',', -1, false, 100), TEXT},
    {FACTS(26, "oid", "oid", 1028, 0, 'N', true, 'b', 'i', ',', 4, true, 0), OID},
    {FACTS(27, "tid", "tid", 1010, 0, 'U', false, 'b', 's', ',', 6, false, 0), TID},
    {FACTS(28, "xid", "xid", 1011, 0, 'U', false, 'b', 'i', ',', 4, true, 0), OID},
    {FACTS(29, "cid", "cid", 1012, 0, 'U', false, 'b', 'i', ',', 4, true, 0), OID},
    {FACTS(30, "oidvector", "oidvector", 1013, 26, 'A', false, 'b', 'i', ',', -1, false, 0),
     INTVECTOR},
    {FACTS(32, "pg_ddl_command", "pg_ddl_command", 0, 0, 'P', false, 'p', 'd', ',', 8, true, 0),
     PSEUDO},
    {FACTS(114, "json", "json", 199, 0, 'U', false, 'b', 'i', ',', -1, false, 0), JSON},
    {FACTS(194, "pg_node_tree", "pg_node_tree", 0, 0, 'Z', false, 'b', 'i', ',', -1, false, 100),
     TEXT},
    {FACTS(199, "_json", "json[]", 0, 114, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_UNORDERED},
    {FACTS(269, "table_am_handler", "table_am_handler", 0, 0, 'P', false, 'p', 'i', ',', 4, true,
           0),
     PSEUDO},
    {FACTS(271, "_xid8", "xid8[]", 0, 5069, 'A', false, 'b', 'd', ',', -1, false, 0), ARRAY},
    {FACTS(325, "index_am_handler", "index_am_handler", 0, 0, 'P', false, 'p', 'i', ',', 4, true,
           0),
     PSEUDO},
    {FACTS(700, "float4", "real", 1021, 0, 'N', false, 'b', 'i', ',', 4, true, 0), FLOAT(4)},
    {FACTS(701, "float8", "double precision", 1022, 0, 'N', true, 'b', 'd', ',', 8, true, 0),
     FLOAT(8)},
    {FACTS(705, "unknown", "unknown", 0, 0, 'X', false, 'p', 'c', ',', -2, false, 0), TEXT},
    {FACTS(1000, "_bool", "boolean[]", 0, 16, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1001, "_bytea", "bytea[]", 0, 17, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1002, "_char", "\"char\"[]", 0, 18, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1003, "_name", "name[]", 0, 19, 'A', false, 'b', 'i', ',', -1, false, 950), ARRAY},
    {FACTS(1005, "_int2", "smallint[]", 0, 21, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1006, "_int2vector", "int2vector[]", 0, 22, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(1007, "_int4", "integer[]", 0, 23, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1008, "_regproc", "regproc[]", 0, 24, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1009, "_text", "text[]", 0, 25, 'A', false, 'b', 'i', ',', -1, false, 100), ARRAY},
    {FACTS(1010, "_tid", "tid[]", 0, 27, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1011, "_xid", "xid[]", 0, 28, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1012, "_cid", "cid[]", 0, 29, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1013, "_oidvector", "oidvector[]", 0, 30, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(1014, "_bpchar", "character[]", 0, 1042, 'A', false, 'b', 'i', ',', -1, false, 100),
     ARRAY_TYPMOD(bpchar)},
    {FACTS(1015, "_varchar", "character varying[]", 0, 1043, 'A', false, 'b', 'i', ',', -1, false,
           100),
     ARRAY_TYPMOD(varchar)},
    {FACTS(1016, "_int8", "bigint[]", 0, 20, 'A', false, 'b', 'd', ',', -1, false, 0), ARRAY},
    {FACTS(1021, "_float4", "real[]", 0, 700, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1022, "_float8", "double precision[]", 0, 701, 'A', false, 'b', 'd', ',', -1, false, 0),
     ARRAY},
    {FACTS(1028, "_oid", "oid[]", 0, 26, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1033, "aclitem", "aclitem", 1034, 0, 'U', false, 'b', 'i', ',', 12, false, 0), TEXT},
    {FACTS(1034, "_aclitem", "aclitem[]", 0, 1033, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1042, "bpchar", "character", 1014, 0, 'S', false, 'b', 'i', ',', -1, false, 100),
     BPCHAR},
    {FACTS(1043, "varchar", "character varying", 1015, 0, 'S', false, 'b', 'i', ',', -1, false,
           100),
     VARCHAR},
    {FACTS(1115, "_timestamp", "timestamp without time zone[]", 0, 1114, 'A', false, 'b', 'd', ',',
           -1, false, 0),
     ARRAY},
    {FACTS(1182, "_date", "date[]", 0, 1082, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1183, "_time", "time without time zone[]", 0, 1083, 'A', false, 'b', 'd', ',', -1, false,
           0),
     ARRAY},
    {FACTS(1185, "_timestamptz", "timestamp with time zone[]", 0, 1184, 'A', false, 'b', 'd', ',',
           -1, false, 0),
     ARRAY},
    {FACTS(1187, "_interval", "interval[]", 0, 1186, 'A', false, 'b', 'd', ',', -1, false, 0),
     ARRAY},
    {FACTS(1231, "_numeric", "numeric[]", 0, 1700, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1263, "_cstring", "cstring[]", 0, 2275, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(1270, "_timetz", "time with time zone[]", 0, 1266, 'A', false, 'b', 'd', ',', -1, false,
           0),
     ARRAY},
    {FACTS(1790, "refcursor", "refcursor", 2201, 0, 'U', false, 'b', 'i', ',', -1, false, 0), TEXT},
    {FACTS(2201, "_refcursor", "refcursor[]", 0, 1790, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(2202, "regprocedure", "regprocedure", 2207, 0, 'N', false, 'b', 'i', ',', 4, true, 0),
     REG},
    {FACTS(2203, "regoper", "regoper", 2208, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(2204, "regoperator", "regoperator", 2209, 0, 'N', false, 'b', 'i', ',', 4, true, 0),
     REG},
    {FACTS(2205, "regclass", "regclass", 2210, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(2206, "regtype", "regtype", 2211, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(2207, "_regprocedure", "regprocedure[]", 0, 2202, 'A', false, 'b', 'i', ',', -1, false,
           0),
     ARRAY},
    {FACTS(2208, "_regoper", "regoper[]", 0, 2203, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(2209, "_regoperator", "regoperator[]", 0, 2204, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(2210, "_regclass", "regclass[]", 0, 2205, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(2211, "_regtype", "regtype[]", 0, 2206, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(2249, "record", "record", 2287, 0, 'P', false, 'p', 'd', ',', -1, false, 0), RECORD},
    {FACTS(2275, "cstring", "cstring", 1263, 0, 'P', false, 'p', 'c', ',', -2, false, 0), TEXT},
    {FACTS(2276, "any", "\"any\"", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0), PSEUDO},
    {FACTS(2277, "anyarray", "anyarray", 0, 0, 'P', false, 'p', 'd', ',', -1, false, 0), ANYARRAY},
    {FACTS(2278, "void", "void", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0), VOID},
    {FACTS(2279, "trigger", "trigger", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0), PSEUDO},
    {FACTS(2280, "language_handler", "language_handler", 0, 0, 'P', false, 'p', 'i', ',', 4, true,
           0),
     PSEUDO},
    {FACTS(2281, "internal", "internal", 0, 0, 'P', false, 'p', 'd', ',', 8, true, 0), PSEUDO},
    {FACTS(2283, "anyelement", "anyelement", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0), PSEUDO},
    {FACTS(2287, "_record", "record[]", 0, 2249, 'P', false, 'p', 'd', ',', -1, false, 0), ARRAY},
    {FACTS(2776, "anynonarray", "anynonarray", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0),
     PSEUDO},
    {FACTS(2950, "uuid", "uuid", 2951, 0, 'U', false, 'b', 'c', ',', 16, false, 0), UUID},
    {FACTS(2951, "_uuid", "uuid[]", 0, 2950, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(3115, "fdw_handler", "fdw_handler", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0),
     PSEUDO},
    {FACTS(3220, "pg_lsn", "pg_lsn", 3221, 0, 'U', false, 'b', 'd', ',', 8, true, 0), LSN},
    {FACTS(3221, "_pg_lsn", "pg_lsn[]", 0, 3220, 'A', false, 'b', 'd', ',', -1, false, 0), ARRAY},
    {FACTS(3310, "tsm_handler", "tsm_handler", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0),
     PSEUDO},
    {FACTS(3500, "anyenum", "anyenum", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0), PSEUDO},
    {FACTS(3734, "regconfig", "regconfig", 3735, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(3735, "_regconfig", "regconfig[]", 0, 3734, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY},
    {FACTS(3769, "regdictionary", "regdictionary", 3770, 0, 'N', false, 'b', 'i', ',', 4, true, 0),
     REG},
    {FACTS(3770, "_regdictionary", "regdictionary[]", 0, 3769, 'A', false, 'b', 'i', ',', -1, false,
           0),
     ARRAY},
    {FACTS(3802, "jsonb", "jsonb", 3807, 0, 'U', false, 'b', 'i', ',', -1, false, 0), JSONB},
    {FACTS(3807, "_jsonb", "jsonb[]", 0, 3802, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(3831, "anyrange", "anyrange", 0, 0, 'P', false, 'p', 'd', ',', -1, false, 0), PSEUDO},
    {FACTS(3838, "event_trigger", "event_trigger", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0),
     PSEUDO},
    {FACTS(4089, "regnamespace", "regnamespace", 4090, 0, 'N', false, 'b', 'i', ',', 4, true, 0),
     REG},
    {FACTS(4090, "_regnamespace", "regnamespace[]", 0, 4089, 'A', false, 'b', 'i', ',', -1, false,
           0),
     ARRAY},
    {FACTS(4096, "regrole", "regrole", 4097, 0, 'N', false, 'b', 'i', ',', 4, true, 0), REG},
    {FACTS(4097, "_regrole", "regrole[]", 0, 4096, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY},
    {FACTS(4191, "regcollation", "regcollation", 4192, 0, 'N', false, 'b', 'i', ',', 4, true, 0),
     REG},
    {FACTS(4192, "_regcollation", "regcollation[]", 0, 4191, 'A', false, 'b', 'i', ',', -1, false,
           0),
     ARRAY},
    {FACTS(4537, "anymultirange", "anymultirange", 0, 0, 'P', false, 'p', 'd', ',', -1, false, 0),
     PSEUDO},
    {FACTS(4538, "anycompatiblemultirange", "anycompatiblemultirange", 0, 0, 'P', false, 'p', 'd',
           ',', -1, false, 0),
     PSEUDO},
    {FACTS(5069, "xid8", "xid8", 271, 0, 'U', false, 'b', 'd', ',', 8, true, 0), XID8},
    {FACTS(5077, "anycompatible", "anycompatible", 0, 0, 'P', false, 'p', 'i', ',', 4, true, 0),
     PSEUDO},
    {FACTS(5078, "anycompatiblearray", "anycompatiblearray", 0, 0, 'P', false, 'p', 'd', ',', -1,
           false, 0),
     ANYARRAY},
    {FACTS(5079, "anycompatiblenonarray", "anycompatiblenonarray", 0, 0, 'P', false, 'p', 'i', ',',
           4, true, 0),
     PSEUDO},
    {FACTS(5080, "anycompatiblerange", "anycompatiblerange", 0, 0, 'P', false, 'p', 'd', ',', -1,
           false, 0),
     PSEUDO},
    {FACTS(16000, "vector", "vector", 16001, 0, 'U', false, 'b', 'i', ',', -1, false, 0), VECTOR},
    {FACTS(16001, "_vector", "vector[]", 0, 16000, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_TYPMOD(vector)},
    {FACTS(16002, "halfvec", "halfvec", 16003, 0, 'U', false, 'b', 'i', ',', -1, false, 0),
     HALFVEC},
    {FACTS(16003, "_halfvec", "halfvec[]", 0, 16002, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY, .typmod_in = halfvec_typmod_in, .typmod_out = vector_typmod_out},
    {FACTS(16004, "sparsevec", "sparsevec", 16005, 0, 'U', false, 'b', 'i', ',', -1, false, 0),
     SPARSEVEC},
    {FACTS(16005, "_sparsevec", "sparsevec[]", 0, 16004, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_TYPMOD(sparsevec)},
    {FACTS(1560, "bit", "bit", 1561, 0, 'V', false, 'b', 'i', ',', -1, false, 0), BIT},
    {FACTS(1561, "_bit", "bit[]", 0, 1560, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_TYPMOD(bit)},
    {FACTS(1562, "varbit", "bit varying", 1563, 0, 'V', true, 'b', 'i', ',', -1, false, 0), VARBIT},
    {FACTS(1563, "_varbit", "bit varying[]", 0, 1562, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_TYPMOD(varbit)},
    {FACTS(4072, "jsonpath", "jsonpath", 4073, 0, 'U', false, 'b', 'i', ',', -1, false, 0),
     JSONPATH},
    {FACTS(4073, "_jsonpath", "jsonpath[]", 0, 4072, 'A', false, 'b', 'i', ',', -1, false, 0),
     ARRAY_UNORDERED},
};

static const struct type *const all_types[] = {
    &plain_types[0],   /* bool */
    &plain_types[1],   /* bytea */
    &plain_types[2],   /* char */
    &plain_types[3],   /* name */
    &plain_types[4],   /* int8 */
    &plain_types[5],   /* int2 */
    &plain_types[6],   /* int2vector */
    &plain_types[7],   /* int4 */
    &plain_types[8],   /* regproc */
    &plain_types[9],   /* text */
    &plain_types[10],  /* oid */
    &plain_types[11],  /* tid */
    &plain_types[12],  /* xid */
    &plain_types[13],  /* cid */
    &plain_types[14],  /* oidvector */
    &plain_types[15],  /* pg_ddl_command */
    &plain_types[16],  /* json */
    &plain_types[17],  /* pg_node_tree */
    &plain_types[18],  /* _json */
    &plain_types[19],  /* table_am_handler */
    &plain_types[20],  /* _xid8 */
    &plain_types[21],  /* index_am_handler */
    &plain_types[22],  /* float4 */
    &plain_types[23],  /* float8 */
    &plain_types[24],  /* unknown */
    &plain_types[25],  /* _bool */
    &plain_types[26],  /* _bytea */
    &plain_types[27],  /* _char */
    &plain_types[28],  /* _name */
    &plain_types[29],  /* _int2 */
    &plain_types[30],  /* _int2vector */
    &plain_types[31],  /* _int4 */
    &plain_types[32],  /* _regproc */
    &plain_types[33],  /* _text */
    &plain_types[34],  /* _tid */
    &plain_types[35],  /* _xid */
    &plain_types[36],  /* _cid */
    &plain_types[37],  /* _oidvector */
    &plain_types[38],  /* _bpchar */
    &plain_types[39],  /* _varchar */
    &plain_types[40],  /* _int8 */
    &plain_types[41],  /* _float4 */
    &plain_types[42],  /* _float8 */
    &plain_types[43],  /* _oid */
    &plain_types[44],  /* aclitem */
    &plain_types[45],  /* _aclitem */
    &plain_types[46],  /* bpchar */
    &plain_types[47],  /* varchar */
    &date_type,        /* date */
    &time_type,        /* time */
    &timestamp_type,   /* timestamp */
    &plain_types[48],  /* _timestamp */
    &plain_types[49],  /* _date */
    &plain_types[50],  /* _time */
    &timestamptz_type, /* timestamptz */
    &plain_types[51],  /* _timestamptz */
    &interval_type,    /* interval */
    &plain_types[52],  /* _interval */
    &plain_types[53],  /* _numeric */
    &plain_types[54],  /* _cstring */
    &timetz_type,      /* timetz */
    &plain_types[55],  /* _timetz */
    &plain_types[113], /* bit */
    &plain_types[114], /* _bit */
    &plain_types[115], /* varbit */
    &plain_types[116], /* _varbit */
    &numeric_type,     /* numeric */
    &plain_types[56],  /* refcursor */
    &plain_types[57],  /* _refcursor */
    &plain_types[58],  /* regprocedure */
    &plain_types[59],  /* regoper */
    &plain_types[60],  /* regoperator */
    &plain_types[61],  /* regclass */
    &plain_types[62],  /* regtype */
    &plain_types[63],  /* _regprocedure */
    &plain_types[64],  /* _regoper */
    &plain_types[65],  /* _regoperator */
    &plain_types[66],  /* _regclass */
    &plain_types[67],  /* _regtype */
    &plain_types[68],  /* record */
    &plain_types[69],  /* cstring */
    &plain_types[70],  /* any */
    &plain_types[71],  /* anyarray */
    &plain_types[72],  /* void */
    &plain_types[73],  /* trigger */
    &plain_types[74],  /* language_handler */
    &plain_types[75],  /* internal */
    &plain_types[76],  /* anyelement */
    &plain_types[77],  /* _record */
    &plain_types[78],  /* anynonarray */
    &plain_types[79],  /* uuid */
    &plain_types[80],  /* _uuid */
    &plain_types[81],  /* fdw_handler */
    &plain_types[82],  /* pg_lsn */
    &plain_types[83],  /* _pg_lsn */
    &plain_types[84],  /* tsm_handler */
    &plain_types[85],  /* anyenum */
    &plain_types[86],  /* regconfig */
    &plain_types[87],  /* _regconfig */
    &plain_types[88],  /* regdictionary */
    &plain_types[89],  /* _regdictionary */
    &plain_types[90],  /* jsonb */
    &plain_types[91],  /* _jsonb */
    &plain_types[92],  /* anyrange */
    &plain_types[93],  /* event_trigger */
    &plain_types[117], /* jsonpath */
    &plain_types[118], /* _jsonpath */
    &plain_types[94],  /* regnamespace */
    &plain_types[95],  /* _regnamespace */
    &plain_types[96],  /* regrole */
    &plain_types[97],  /* _regrole */
    &plain_types[98],  /* regcollation */
    &plain_types[99],  /* _regcollation */
    &plain_types[100], /* anymultirange */
    &plain_types[101], /* anycompatiblemultirange */
    &plain_types[102], /* xid8 */
    &plain_types[103], /* anycompatible */
    &plain_types[104], /* anycompatiblearray */
    &plain_types[105], /* anycompatiblenonarray */
    &plain_types[106], /* anycompatiblerange */
    &plain_types[107], /* vector */
    &plain_types[108], /* _vector */
    &plain_types[109], /* halfvec */
    &plain_types[110], /* _halfvec */
    &plain_types[111], /* sparsevec */
    &plain_types[112], /* _sparsevec */
};

const struct type *const *
type_all(size_t *count_out)
{
    *count_out = KY_COUNT_OF(all_types);
    return all_types;
}

void
type_init_enum(struct type *type, oid_t oid, oid_t array_oid)
{
    const struct type made = {
        FACTS(oid, NULL, NULL, array_oid, 0, 'E', false, 'e', 'i', ',', 4, true, 0), ENUM};
    memcpy(type, &made, sizeof(made));
}

void
type_init_array(struct type *type, oid_t oid, oid_t element_oid)
{
    const struct type made = {
        FACTS(oid, NULL, NULL, 0, element_oid, 'A', false, 'b', 'i', ',', -1, false, 0), ARRAY};
    memcpy(type, &made, sizeof(made));
}

const struct type *
type_find(oid_t oid)
{
    if (oid >= OID_FIRST_USER) {
        return type_find_user(oid);
    }
    size_t low = 0;
    size_t high = KY_COUNT_OF(all_types);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (all_types[middle]->oid == oid) {
            return all_types[middle];
        }
        if (all_types[middle]->oid < oid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct type *
type_get(oid_t oid)
{
    const struct type *type = type_find(oid);
    KY_ASSERT(type != NULL);
    return type;
}

const struct type *
type_find_name(struct ky_slice name)
{
    const char *text = name.data;
    for (size_t i = 0; i < KY_COUNT_OF(all_types); i++) {
        const char *candidate = all_types[i]->name;
        if (name.size > 0 && candidate[0] == text[0] && ky_slice_is(name, candidate)) {
            return all_types[i];
        }
    }
    return NULL;
}

/* "timestamp(3) without time zone": there typmod_out writes all that follows the first word. */
static void
format_plain(const struct type *type, int32_t typmod, struct ky_buffer *out)
{
    const char *name = type->sql_name;
    if (typmod < 0 || type->typmod_out == NULL) {
        /* A bare "character" or "bit" would be read as one of length 1. */
        ky_buffer_append_cstr(out, type->oid == OID_BPCHAR ? "bpchar"
                                   : type->oid == OID_BIT  ? "\"bit\""
                                                           : name);
        return;
    }
    const char *space = strncmp(name, "time", 4) == 0 ? strchr(name, ' ') : NULL;
    size_t head = space == NULL ? strlen(name) : (size_t)(space - name);
    ky_buffer_append(out, name, head);
    type->typmod_out(typmod, out);
}

void
type_format(oid_t oid, int32_t typmod, struct ky_buffer *out)
{
    const struct type *type = type_find(oid);
    if (type == NULL) {
        ky_buffer_append_cstr(out, oid == OID_NONE ? "-" : "???");
        return;
    }
    const struct type *element =
        type->category == 'A' && type->name[0] == '_' ? type_find(type->element_oid) : NULL;
    format_plain(element == NULL ? type : element, typmod, out);
    if (element != NULL) {
        ky_buffer_append_cstr(out, "[]");
    }
}
