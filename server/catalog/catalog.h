/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/row.h"
#include "server/types/user_type.h"
#include "storage/storage.h"

/*
 * What exists: schemas, tables, columns, indexes, roles, databases. Kept in storage as rows of
 * relations numbered as PostgreSQL's catalogs (pg_class 1259 ...), read into an image:
 * immutable, counted, the state as of one snapshot. A statement pins one image; a transaction
 * that changed the catalog has an image of its own until it ends.
 */
enum {
    OID_SCHEMA_PG_CATALOG = 11,
    OID_SCHEMA_PG_TOAST = 99,
    OID_SCHEMA_PUBLIC = 2200,
    OID_SCHEMA_INFORMATION = 13000,
    OID_SCHEMA_KYRO = 13001,
    OID_EXTENSION_KYRO = 13002,
    OID_ROLE_POSTGRES = 10,
    OID_ROLE_DATABASE_OWNER = 6171, /* pg_database_owner: the owner of the database one is in */
    /* The other predefined roles: 22.5 of PostgreSQL's manual. */
    OID_ROLE_READ_ALL_DATA = 6181,
    OID_ROLE_WRITE_ALL_DATA = 6182,
    OID_ROLE_MONITOR = 3373,
    OID_ROLE_READ_ALL_SETTINGS = 3374,
    OID_ROLE_READ_ALL_STATS = 3375,
    OID_ROLE_STAT_SCAN_TABLES = 3377,
    OID_ROLE_READ_SERVER_FILES = 4569,
    OID_ROLE_WRITE_SERVER_FILES = 4570,
    OID_ROLE_EXECUTE_SERVER_PROGRAM = 4571,
    OID_ROLE_SIGNAL_BACKEND = 4200,
    OID_ROLE_CHECKPOINT = 4544,
    OID_COLLATION_DEFAULT = 100,
    OID_COLLATION_C = 950,
};

struct catalog;

/*
 * pg_statistic: what ANALYZE found in a sample of a column. Fractions are of all rows, nulls
 * included; values are in the column's encoding.
 */
struct cat_statistics {
    row_id_t row_id;
    oid_t table;
    int16_t column;          /* attnum */
    const struct type *type; /* the column's */
    double row_count;        /* of the table then */
    double null_fraction;
    int32_t average_width; /* bytes of values that are not null */
    double distinct; /* > 0: so many values; < 0: minus their fraction of the rows; 0: unknown */
    uint16_t common_count;
    struct datum *common; /* most common values, the most frequent one first */
    double *frequencies;  /* of common */
    uint16_t bound_count; /* 0 or at least 2 */
    struct datum *bounds; /* ascending; between two lie as many of the values that are not common */
    bool has_correlation;
    double correlation; /* of value and place in the table, -1 to 1 */
};

struct cat_column {
    const char *name;
    int16_t number; /* attnum, from 1; its place in rows is number - 1 */
    const struct type *type;
    int32_t typmod; /* -1: none */
    bool is_not_null;
    bool is_dropped;
    char identity;                     /* 'a', 'd' or 0 */
    char generated;                    /* 's' or 0 */
    const char *default_sql;           /* NULL: none. Also the expression of a generated column */
    oid_t default_oid;                 /* pg_attrdef.oid */
    struct datum missing;              /* what rows from before ADD COLUMN have here */
    oid_t domain;                      /* whose base type `type` is; OID_NONE: of none */
    struct cat_statistics *statistics; /* NULL: never analyzed. Not stored with the column */
};

/* As pg_attribute has them: of a domain its OID, and no modifier. */
static inline oid_t
cat_column_type(const struct cat_column *column)
{
    return column->domain != OID_NONE ? column->domain : column->type->oid;
}
static inline int32_t
cat_column_typmod(const struct cat_column *column)
{
    return column->domain != OID_NONE ? -1 : column->typmod;
}

struct cat_key {
    int16_t column;             /* attnum; 0: expression */
    const char *expression_sql; /* for column 0 */
    const struct type *type;
    bool is_descending;
    bool is_nulls_first;
    const char *opclass; /* NULL: the default one */
    int32_t typmod;      /* of an expression's result; -1: none */
};

enum index_method {
    INDEX_BTREE = 403,
    INDEX_HASH = 405,
    INDEX_GIN = 2742,
    INDEX_RMI = 15001,
    INDEX_HNSW = 15002,
    INDEX_IVFFLAT = 15003
};

struct cat_index {
    row_id_t row_id; /* of its stored row, for updates */
    oid_t oid;
    const char *name;
    struct cat_table *table;
    enum index_method method;
    bool is_unique;
    bool is_primary;
    bool is_nulls_not_distinct;
    bool is_valid;
    bool is_deferrable;    /* its constraint's, not stored: duplicates are looked for later */
    oid_t constraint;      /* 0: a plain index */
    uint16_t key_count;    /* columns that order it */
    uint16_t column_count; /* with INCLUDE columns */
    struct cat_key *keys;
    const char *predicate_sql;  /* NULL: all rows */
    const char *const *options; /* "m=16", NULL-terminated; NULL: none */
    _Atomic(void *) runtime;    /* access's cache of the live index; not part of the catalog */
};

enum constraint_kind {
    CONSTRAINT_PRIMARY = 'p',
    CONSTRAINT_UNIQUE = 'u',
    CONSTRAINT_CHECK = 'c',
    CONSTRAINT_FOREIGN = 'f'
};
struct cat_constraint {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    struct cat_table *table;
    enum constraint_kind kind;
    const int16_t *columns; /* attnums */
    uint16_t column_count;
    /* PRIMARY, UNIQUE: its own; FOREIGN: the referenced one, found anew in each image (NULL when
     * there is none left). */
    struct cat_index *index;
    const char *check_sql;
    oid_t foreign_table;
    const int16_t *foreign_columns;
    char on_update, on_delete; /* pg_constraint's letters: a, r, c, n, d */
    char match;                /* s, f */
    bool is_deferrable, is_deferred, is_validated;
    const int16_t *delete_columns; /* ON DELETE SET NULL (..): these only */
    uint16_t delete_column_count;  /* 0: all */
};
/* What on_update and on_delete say in SQL. */
const char *cat_action_words(char action);

struct sysview;
struct cat_table {
    row_id_t row_id; /* 0: a system relation */
    oid_t oid;
    const char *name;
    oid_t schema;
    char kind;        /* pg_class.relkind: r, v, m, S, i (system indexes are not listed) */
    char persistence; /* p, u, t */
    rel_id_t rel;     /* relfilenode: changes on TRUNCATE and rewrites */
    oid_t owner;
    oid_t row_type; /* pg_class.reltype */
    struct cat_column *columns;
    uint16_t column_count; /* dropped ones included */
    struct row_layout layout;
    struct cat_index **indexes;
    uint16_t index_count;
    struct cat_constraint **constraints;
    uint16_t constraint_count;
    struct cat_constraint **references; /* foreign keys of any table that refer to this one */
    uint16_t reference_count;
    uint16_t foreign_count;        /* of constraints: its own foreign keys */
    const char *view_sql;          /* kinds v, m */
    bool is_populated;             /* kind m: it holds rows, as of its last REFRESH */
    const struct sysview *sysview; /* system catalogs and views: rows come from there */
    const char *const *options;
    bool is_vectors;     /* made by CREATE VECTORS */
    int64_t sequence[6]; /* kind S: start, increment, min, max, cache, cycle */
    oid_t sequence_type;
    oid_t owner_table; /* a sequence's owning column */
    int16_t owner_column;
};

/* Does the relation keep rows of its own? */
static inline bool
cat_keeps_rows(const struct cat_table *table)
{
    return (table->kind == 'r' || table->kind == 'm') && table->sysview == NULL;
}
/* Is it a user's view, materialized or not? */
static inline bool
cat_is_view(const struct cat_table *table)
{
    return (table->kind == 'v' || table->kind == 'm') && table->sysview == NULL;
}

struct cat_schema {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    oid_t owner;
};
enum { CAT_DOMAIN_VALUES = 'd' }; /* cat_table.kind of cat_domain_values */
struct cat_domain_check {
    oid_t oid;
    const char *name;
    const char *sql; /* of VALUE */
    bool is_validated;
};
struct cat_domain {
    oid_t base_oid;                  /* of the type in the end */
    const struct type *base;         /* not stored */
    int32_t typmod;                  /* of the base type; -1: none */
    oid_t parent;                    /* the domain it is over; OID_NONE: over base itself */
    bool is_not_null;                /* says so itself, whatever its parents say */
    const char *default_sql;         /* NULL: none */
    struct cat_domain_check *checks; /* its own, in the order of their making */
    uint16_t check_count;
};
/* An enum or a domain. Values of an enum are typed by what type_find gives for oid, those of a
 * domain by its base type. */
struct cat_type {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    oid_t schema;
    oid_t owner;
    oid_t array_oid;        /* OID_NONE: a domain */
    const char *array_name; /* "_mood" */
    struct enum_labels labels;
    struct cat_domain *domain; /* NULL: an enum */
};
struct cat_role {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    bool is_superuser, can_login, can_create_db, can_create_role, can_inherit, can_replicate,
        can_bypass_rls;
    int32_t connection_limit;
    const char *password; /* SCRAM-SHA-256$... or NULL */
    int64_t valid_until;  /* INT64_MAX: no limit */
};
struct cat_database {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    oid_t owner;
    bool is_template;
    bool can_connect;
};
/* The pgvector whose language is spoken. */
#define CAT_VECTOR_VERSION "0.8.0"
struct cat_extension {
    row_id_t row_id;
    oid_t oid;
    const char *name;
    const char *version;
    oid_t schema;
};
/* What CREATE EXTENSION can name; static. */
struct cat_available_extension {
    const char *name, *version, *comment;
};
const struct cat_available_extension *cat_available_extensions(size_t *count_out);
const struct cat_available_extension *cat_find_available(const char *name);
/* pg_description: any object. */
struct cat_comment {
    row_id_t row_id;
    oid_t class_oid;
    oid_t object;
    int32_t column;
    const char *text;
};

/* A grant: who got what from whom; options: what of it may be passed on. acl.h. */
struct acl_item {
    oid_t grantee; /* OID_NONE: PUBLIC */
    oid_t grantor;
    uint16_t rights;
    uint16_t options;
};
/* The grants on an object that has other ones than its default. */
struct cat_acl {
    row_id_t row_id;
    oid_t class_oid;
    oid_t object;
    int32_t column; /* 0: the object itself */
    struct acl_item *items;
    uint16_t count;
};
/* pg_default_acl: what new objects of a role begin with. */
struct cat_default_acl {
    row_id_t row_id;
    oid_t oid;
    oid_t role;
    oid_t schema; /* OID_NONE: in place of the kind's default; else on top of it */
    char kind;    /* r, S, n, f, T */
    struct acl_item *items;
    uint16_t count;
};
/* pg_auth_members. */
struct cat_member {
    row_id_t row_id;
    oid_t role;
    oid_t member;
    oid_t grantor;
    bool is_admin;
};
/* pg_db_role_setting: what sessions begin with. */
struct cat_role_setting {
    row_id_t row_id;
    oid_t database;            /* OID_NONE: all */
    oid_t role;                /* OID_NONE: all */
    const char *const *values; /* "name=value", NULL-terminated */
};

/* An enumerable state. All pointers live as long as the image. */
struct cat_image {
    lsn_t lsn;       /* the snapshot it shows */
    uint64_t number; /* from 1, no other image's, of this catalog or another */
    struct cat_table **tables;
    size_t table_count; /* user ones, then system ones */
    struct cat_schema **schemas;
    size_t schema_count;
    struct cat_type **types;
    size_t type_count;
    struct cat_role **roles;
    size_t role_count;
    struct cat_database **databases;
    size_t database_count;
    struct cat_extension **extensions;
    size_t extension_count;
    struct cat_comment **comments;
    size_t comment_count;
    struct cat_statistics **statistics; /* also each column's */
    size_t statistics_count;
    struct cat_acl **acls; /* by object and column */
    size_t acl_count;
    struct cat_default_acl **default_acls;
    size_t default_acl_count;
    struct cat_member **members;
    size_t member_count;
    struct cat_role_setting **role_settings;
    size_t role_setting_count;
    void *private_state; /* hash maps, arena, count: catalog's */
};

KY_MUST_CHECK ky_status catalog_open(struct storage *storage, struct catalog **catalog_out,
                                     struct ky_error *err);
void catalog_close(struct catalog *catalog);

/* The image that a transaction sees; release it when the statement ends. Rebuilt only when a
 * committed catalog change lies between. has_own_changes: txn changed the catalog itself. */
KY_MUST_CHECK ky_status catalog_acquire(struct catalog *catalog, struct txn *txn,
                                        bool has_own_changes, struct cat_image **image_out,
                                        struct ky_error *err);
/* Whether a transaction without catalog changes of its own would be given this image, to which the
 * caller has a reference. */
bool catalog_is_current(const struct catalog *catalog, const struct cat_image *image);
void cat_image_retain(struct cat_image *image);
void cat_image_release(struct cat_image *image);

/* ------------------------------------------------------------------ changing */

enum cat_kind {
    CAT_TYPE, /* first: others are of them */
    CAT_TABLE,
    CAT_INDEX,
    CAT_CONSTRAINT,
    CAT_SCHEMA,
    CAT_ROLE,
    CAT_DATABASE,
    CAT_EXTENSION,
    CAT_COMMENT,
    CAT_STATISTICS,
    CAT_ACL,
    CAT_DEFAULT_ACL,
    CAT_MEMBER,
    CAT_ROLE_SETTING
};
enum { CAT_KIND_COUNT = CAT_ROLE_SETTING + 1 };

/* Writes an object (struct cat_table, cat_index, ... by kind) as a row of txn. Pointers between
 * objects are written as OIDs: a cat_index needs table->oid, a cat_constraint table->oid and
 * index->oid. Not written: what the image derives (layout, indexes, constraints). update and
 * erase use object's row_id; a concurrent change is 40001. The caller holds the locks. */
KY_MUST_CHECK ky_status catalog_insert(struct txn *txn, enum cat_kind kind, const void *object,
                                       struct ky_error *err);
KY_MUST_CHECK ky_status catalog_update(struct txn *txn, enum cat_kind kind, const void *object,
                                       struct ky_error *err);
KY_MUST_CHECK ky_status catalog_erase(struct txn *txn, enum cat_kind kind, const void *object,
                                      struct ky_error *err);
/* Numbers objects and relfilenodes; never gives one twice, also across restarts. */
oid_t catalog_new_oid(struct catalog *catalog);
/* The highest one given out. A transaction that used new OIDs raises this counter with it. */
oid_t catalog_last_oid(struct catalog *catalog);
enum { CATALOG_OID_COUNTER = 1 };
/* Around the commit of a transaction with catalog changes: begin before it is submitted, end in
 * its done (lsn 0 when it failed). Between them no image is taken from the cache. */
void catalog_change_begin(struct catalog *catalog);
void catalog_change_end(struct catalog *catalog, lsn_t lsn);

/* ------------------------------------------------------------------ finding */

/* NULL when absent. Unqualified names: cat_resolve_table. */
struct cat_table *cat_find_table(const struct cat_image *image, oid_t schema, struct ky_slice name);
struct cat_table *cat_get_table(const struct cat_image *image, oid_t oid);
struct cat_index *cat_find_index(const struct cat_image *image, oid_t schema, struct ky_slice name);
struct cat_index *cat_get_index(const struct cat_image *image, oid_t oid);
struct cat_schema *cat_find_schema(const struct cat_image *image, struct ky_slice name);
struct cat_schema *cat_get_schema(const struct cat_image *image, oid_t oid);
/* Users' types by name, their array types too; by either's OID. */
const struct type *cat_find_type(const struct cat_image *image, oid_t schema, struct ky_slice name);
struct cat_type *cat_get_type(const struct cat_image *image, oid_t oid);
/* The domain of the OID, or NULL. */
const struct cat_domain *cat_get_domain(const struct cat_image *image, oid_t oid);
/* Is the first the second, or a domain over it? */
bool cat_is_over(const struct cat_image *image, oid_t domain, oid_t parent);
/* A table of one column, "value", of the base type: what a domain's checks are over. */
struct cat_table *cat_domain_values(struct ky_arena *arena, const struct cat_domain *domain);
/* Are nulls refused, by it or by a parent? */
bool cat_domain_is_not_null(const struct cat_image *image, const struct cat_domain *domain);
struct cat_role *cat_find_role(const struct cat_image *image, struct ky_slice name);
struct cat_role *cat_get_role(const struct cat_image *image, oid_t oid);
struct cat_database *cat_find_database(const struct cat_image *image, struct ky_slice name);
struct cat_column *cat_find_column(const struct cat_table *table, struct ky_slice name);
struct cat_acl *cat_find_acl(const struct cat_image *image, oid_t class_oid, oid_t object,
                             int32_t column);

/* The schemas that unqualified names are looked up in: pg_catalog first unless named. */
struct cat_path {
    oid_t schemas[16];
    uint16_t count;
    oid_t creation; /* where CREATE puts things; OID_NONE when the path is empty */
};
/* First match along the path. */
struct cat_table *cat_resolve_table(const struct cat_image *image, const struct cat_path *path,
                                    struct ky_slice name);
const struct type *cat_resolve_type(const struct cat_image *image, const struct cat_path *path,
                                    struct ky_slice name);
