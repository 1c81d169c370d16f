/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/error.h"

/* PostgreSQL's object identifiers. */
typedef uint32_t oid_t;
enum { OID_NONE = 0, OID_FIRST_USER = 16384 };

/* How values of a type lie in a column: one machine word, a double, or bytes. */
enum type_storage {
    TYPE_WORD,  /* int64_t: bool, "char", int2/4/8, oid and reg*, date, time, timestamp(tz),
                   xid, pg_lsn */
    TYPE_FLOAT, /* double: float4 (a value that a float holds), float8 */
    TYPE_BYTES, /* struct ky_slice: everything else, in the type's own encoding (see README) */
};

/* One SQL value. */
struct datum {
    union {
        int64_t word;
        double real;
        struct ky_slice bytes;
    };
    bool is_null;
};

static inline struct datum
datum_null(void)
{
    return (struct datum){.bytes = {NULL, 0}, .is_null = true};
}

static inline struct datum
datum_word(int64_t word)
{
    return (struct datum){.word = word};
}

static inline struct datum
datum_real(double real)
{
    return (struct datum){.real = real};
}

static inline struct datum
datum_bytes(const void *data, size_t size)
{
    return (struct datum){.bytes = {data, size}};
}

static inline struct datum
datum_cstr(const char *text)
{
    return datum_bytes(text, strlen(text));
}

/* What text input and output depend on; a session's settings. */
struct type_context {
    struct ky_arena *arena;      /* results are allocated here */
    int date_order;              /* 0 MDY, 1 DMY, 2 YMD */
    int date_style;              /* 0 ISO, 1 SQL, 2 Postgres, 3 German */
    int interval_style;          /* 0 postgres, 1 postgres_verbose, 2 sql_standard, 3 iso_8601 */
    int extra_float_digits;      /* > 0: shortest round-trip (PostgreSQL's default 1) */
    bool is_bytea_escape;        /* bytea_output = escape */
    const struct timezone *zone; /* timestamptz; never NULL */
    const struct reg_names *reg; /* names of objects for reg*; NULL: numbers only (reg.h) */
    int64_t now_us; /* start of the transaction, for 'now', 'today': us since 2000-01-01 UTC */
};

struct type;

/* Entry points of a type. Each reports PostgreSQL's SQLSTATE and text for bad input (22P02, 22007,
 * 22003, 22001, 22P03 ...). Results are in the context's arena. */
typedef ky_status (*type_input)(const struct type *type, const struct type_context *context,
                                struct ky_slice text, int32_t typmod, struct datum *out,
                                struct ky_error *err);
typedef void (*type_output)(const struct type *type, const struct type_context *context,
                            struct datum value, struct ky_buffer *out);
typedef ky_status (*type_receive)(const struct type *type, const struct type_context *context,
                                  struct ky_slice wire, int32_t typmod, struct datum *out,
                                  struct ky_error *err);
typedef void (*type_send)(const struct type *type, const struct type_context *context,
                          struct datum value, struct ky_buffer *out);
/* Total order of two non-null values as btree's. */
typedef int (*type_compare)(const struct type *type, struct datum a, struct datum b);
typedef uint64_t (*type_hash)(const struct type *type, struct datum value);
/* Appends bytes whose memcmp order is the type's order; self-delimiting (no value's key is a
 * proper prefix of another's). */
typedef void (*type_key)(const struct type *type, struct datum value, struct ky_buffer *out);
/* Applies a type modifier: varchar(n), char(n), numeric(p,s), timestamp(p), vector(n).
 * is_explicit cuts where an assignment fails. NULL: the type has none. */
typedef ky_status (*type_coerce)(const struct type *type, const struct type_context *context,
                                 struct datum value, int32_t typmod, bool is_explicit,
                                 struct datum *out, struct ky_error *err);

struct type {
    oid_t oid;
    /* Of a user's type these change when it is renamed; acquire, pairs with user_type_put. */
    const char *_Atomic name;     /* pg_type.typname: "int4" */
    const char *_Atomic sql_name; /* format_type's: "integer" */
    oid_t array_oid;              /* 0: none */
    oid_t element_oid;            /* arrays, int2vector, oidvector */
    char category;                /* pg_type.typcategory */
    bool is_preferred;
    char typtype;     /* b, p, e, d */
    char align;       /* pg_type.typalign, for the catalog only */
    char delimiter;   /* of array elements */
    int16_t typlen;   /* pg_type.typlen */
    bool is_by_value; /* pg_type.typbyval, for the catalog only */
    enum type_storage storage;
    uint8_t disk_size; /* fixed bytes in a row: 1, 2, 4, 8, 16; 0: variable */
    oid_t collation;   /* 100 for text-like types, else 0 */
    type_input input;
    type_output output;
    type_receive receive;
    type_send send;
    type_compare compare; /* NULL: no default order (json, point) */
    type_hash hash;       /* NULL with compare */
    type_key key;         /* NULL with compare */
    type_coerce coerce;
    /* Typmod from the words in parentheses, and back to "(10,2)". NULL: takes none. */
    ky_status (*typmod_in)(const int32_t *values, int count, int32_t *typmod_out,
                           struct ky_error *err);
    void (*typmod_out)(int32_t typmod, struct ky_buffer *out);
};

/* Did a receive function refuse a value for being too long (or not of its format)? PostgreSQL names
 * the parameter then. */
bool type_is_error_binary(const struct ky_error *err);
/* Built-in types, pseudo-types included, and users' (user_type.h). NULL when unknown. type_get
 * asserts. */
const struct type *type_find(oid_t oid);
const struct type *type_get(oid_t oid);
/* Equal values of the two types have equal hashes, and lie alike. */
bool types_hash_alike(const struct type *a, const struct type *b);
/* By pg_type.typname ("int4", "_text", "vector"). SQL spellings are the parser's and binder's. */
const struct type *type_find_name(struct ky_slice name);
/* All built-in types, for pg_type. */
const struct type *const *type_all(size_t *count_out);
/* "character varying(20)", "integer[]", "vector(3)". */
void type_format(oid_t oid, int32_t typmod, struct ky_buffer *out);
/* The same, with the schema of a user's type: means the same under every search path. */
void type_format_full(oid_t oid, int32_t typmod, struct ky_buffer *out);

/* ISO, MDY, UTC, shortest floats; the zone is UTC. */
void type_context_init(struct type_context *context, struct ky_arena *arena);

/* Named OIDs. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT2VECTOR = 22,
    OID_INT4 = 23,
    OID_REGPROC = 24,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_TID = 27,
    OID_XID = 28,
    OID_CID = 29,
    OID_OIDVECTOR = 30,
    OID_JSON = 114,
    OID_XML = 142,
    OID_PG_NODE_TREE = 194,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_INET = 869,
    OID_CIDR = 650,
    OID_MACADDR = 829,
    OID_ACLITEM = 1033,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_TIMETZ = 1266,
    OID_BIT = 1560,
    OID_VARBIT = 1562,
    OID_NUMERIC = 1700,
    OID_REFCURSOR = 1790,
    OID_REGPROCEDURE = 2202,
    OID_REGOPER = 2203,
    OID_REGOPERATOR = 2204,
    OID_REGCLASS = 2205,
    OID_REGTYPE = 2206,
    OID_RECORD = 2249,
    OID_CSTRING = 2275,
    OID_ANY = 2276,
    OID_ANYARRAY = 2277,
    OID_VOID = 2278,
    OID_TRIGGER = 2279,
    OID_INTERNAL = 2281,
    OID_ANYELEMENT = 2283,
    OID_ANYNONARRAY = 2776,
    OID_UUID = 2950,
    OID_PG_LSN = 3220,
    OID_ANYENUM = 3500,
    OID_TSVECTOR = 3614,
    OID_TSQUERY = 3615,
    OID_REGCONFIG = 3734,
    OID_REGDICTIONARY = 3769,
    OID_JSONB = 3802,
    OID_ANYRANGE = 3831,
    OID_INT4RANGE = 3904,
    OID_JSONPATH = 4072,
    OID_REGNAMESPACE = 4089,
    OID_REGROLE = 4096,
    OID_REGCOLLATION = 4191,
    OID_ANYCOMPATIBLE = 5077,
    OID_ANYCOMPATIBLEARRAY = 5078,
    OID_XID8 = 5069,
    OID_PG_SNAPSHOT = 5038,
    OID_BOOL_ARRAY = 1000,
    OID_BYTEA_ARRAY = 1001,
    OID_CHAR_ARRAY = 1002,
    OID_NAME_ARRAY = 1003,
    OID_INT2_ARRAY = 1005,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_BPCHAR_ARRAY = 1014,
    OID_VARCHAR_ARRAY = 1015,
    OID_INT8_ARRAY = 1016,
    OID_FLOAT4_ARRAY = 1021,
    OID_FLOAT8_ARRAY = 1022,
    OID_INTERVAL_ARRAY = 1187,
    OID_OID_ARRAY = 1028,
    OID_ACLITEM_ARRAY = 1034,
    OID_NUMERIC_ARRAY = 1231,
    OID_BIT_ARRAY = 1561,
    OID_VARBIT_ARRAY = 1563,
    OID_RECORD_ARRAY = 2287,
    /* Not PostgreSQL's: constant across restarts, just above its built-in range. Functions,
     * operators and classes of ours begin here too. */
    OID_OURS_FIRST = 15000,
    OID_VECTOR = 16000,
    OID_VECTOR_ARRAY = 16001,
    OID_HALFVEC = 16002,
    OID_HALFVEC_ARRAY = 16003,
    OID_SPARSEVEC = 16004,
    OID_SPARSEVEC_ARRAY = 16005,
};
