/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/type_text.h"
#include "server/session/session_private.h"

enum { KEY_COLUMNS_MAX = 32, NEW_FOREIGN_MAX = 32 };

/* Images that a statement went through stay until it ends: what was found in them is still used. */
struct held_image {
    struct cat_image *image; /* a reference */
    struct held_image *next;
};

/* What the DDL handlers share. Each handler takes its locks through ddl_lock_*, then reads a fresh
 * image and changes the catalog; nothing is changed before the last lock is held. */
struct ddl {
    struct session *session;
    struct ky_arena *arena; /* of the statement */
    struct catalog *catalog;
    struct txn *txn;
    struct cat_image *image; /* the newest of held */
    struct held_image *held;
    struct bind_context bind;
    struct func_env env;
    struct ky_slice sql;
    bool is_pending;
    struct ky_error *err;
};

void ddl_init(struct ddl *ddl, struct session *session, struct ky_slice sql, struct ky_error *err);
void ddl_deinit(struct ddl *ddl);
/* Adds the place in the statement to the error. KY_ERR. */
KY_MUST_CHECK ky_status ddl_error_at(struct ddl *ddl, int location);
/* Reads the catalog anew, after locks were taken or changes made. */
KY_MUST_CHECK ky_status ddl_refresh(struct ddl *ddl);
KY_MUST_CHECK ky_status ddl_lock(struct ddl *ddl, const struct cat_table *table,
                                 enum table_lock_mode mode);
/* Two sessions that create the same name wait for each other. */
KY_MUST_CHECK ky_status ddl_lock_name(struct ddl *ddl, oid_t schema, const char *name);
/* Where a new relation goes. 3F000. */
KY_MUST_CHECK ky_status ddl_schema_of(struct ddl *ddl, const struct ast_range_var *name,
                                      oid_t *schema_out);
/* An existing relation by name; *table_out NULL when it is missing and is_missing_ok. */
KY_MUST_CHECK ky_status ddl_find(struct ddl *ddl, const struct ast_range_var *name,
                                 bool is_missing_ok, struct cat_table **table_out);
/* A row of the catalog (of a table, index, constraint, schema, role or extension) and its comments.
 */
KY_MUST_CHECK ky_status ddl_erase(struct ddl *ddl, enum cat_kind kind, const void *entry);
/* A column's comment (0: any of the object's). */
KY_MUST_CHECK ky_status ddl_drop_comments(struct ddl *ddl, oid_t object, int32_t column);
/* 42809 unless it is what the statement says: a table, a view or a sequence. */
KY_MUST_CHECK ky_status ddl_check_kind(struct ddl *ddl, const struct cat_table *table,
                                       enum ast_object_type wanted);
/* "table", "view", "sequence". */
const char *ddl_kind_word(char kind);
/* 42501 unless the role owns it, has the owner's rights or is a superuser. */
KY_MUST_CHECK ky_status ddl_check_owner(struct ddl *ddl, const struct cat_table *table);
KY_MUST_CHECK ky_status ddl_check_index_owner(struct ddl *ddl, const struct cat_index *index);
KY_MUST_CHECK ky_status ddl_check_schema_owner(struct ddl *ddl, const struct cat_schema *schema);
bool ddl_owns(const struct ddl *ddl, oid_t owner);
/* Who owns the schema that it is in may drop it too. */
KY_MUST_CHECK ky_status ddl_check_drop(struct ddl *ddl, const struct cat_table *table);
bool ddl_may_create_roles(const struct ddl *ddl);
/* ddl_role_uses.c: 2BP01 with what the role owns and has grants on. */
KY_MUST_CHECK ky_status ddl_check_role_unused(struct ddl *ddl, const struct cat_role *role);
/* 42501: an object can only be given to a role that one is in. */
KY_MUST_CHECK ky_status ddl_check_new_owner(struct ddl *ddl, const struct cat_role *role);
/* ddl_grant.c: the grants on an object, or on a column of it, go; those of an owner become the
 * next one's. */
KY_MUST_CHECK ky_status ddl_drop_acls(struct ddl *ddl, oid_t object, int32_t column);
KY_MUST_CHECK ky_status ddl_change_acl_owner(struct ddl *ddl, oid_t object, oid_t old_owner,
                                             oid_t new_owner);
KY_MUST_CHECK ky_status ddl_grant(struct ddl *ddl, const struct ast_grant *statement);
/* What a new relation, or schema, begins with by ALTER DEFAULT PRIVILEGES; once it is written. */
KY_MUST_CHECK ky_status ddl_apply_default_acl(struct ddl *ddl, const struct cat_table *table);
KY_MUST_CHECK ky_status ddl_apply_default_schema_acl(struct ddl *ddl,
                                                     const struct cat_schema *schema);
KY_MUST_CHECK ky_status ddl_default_privileges(struct ddl *ddl,
                                               const struct ast_default_privileges *statement);
/* ddl_role_setting.c */
KY_MUST_CHECK ky_status ddl_alter_setting(struct ddl *ddl,
                                          const struct ast_alter_setting *statement);
KY_MUST_CHECK ky_status ddl_drop_role_settings(struct ddl *ddl, oid_t role);
KY_MUST_CHECK ky_status ddl_owned(struct ddl *ddl, const struct ast_owned *statement);
KY_MUST_CHECK ky_status ddl_grant_role(struct ddl *ddl, const struct ast_grant_role *statement);
struct cat_index *ddl_find_index(struct ddl *ddl, const struct ast_range_var *name);
bool ddl_name_exists(const struct ddl *ddl, oid_t schema, const char *name);
/* "t_a_key", with a number when that name is taken. */
const char *ddl_choose_name(struct ddl *ddl, oid_t schema, const char *table, const char *column,
                            const char *label);
/* "t_a_fkey", cut as PostgreSQL cuts it to fit a name. */
const char *ddl_relation_name(struct ddl *ddl, const char *table, const char *column,
                              const char *label);
oid_t ddl_new_oid(struct ddl *ddl);
/* Raises the durable OID mark, notes that the catalog changed. */
KY_MUST_CHECK ky_status ddl_changed(struct ddl *ddl);
const char *ddl_print(struct ddl *ddl, const struct ast_node *node);
const struct ast_option *ddl_option(const struct ast_list *options, const char *name);
/* An option's value as text; "" when it has none. */
const char *ddl_option_text(struct ddl *ddl, const struct ast_option *option);
int64_t ddl_option_int(const struct ast_option *option, int64_t fallback);

KY_MUST_CHECK ky_status ddl_create_table(struct ddl *ddl, const struct ast_create_table *statement);
KY_MUST_CHECK ky_status ddl_create_vectors(struct ddl *ddl,
                                           const struct ast_create_vectors *statement);
KY_MUST_CHECK ky_status ddl_create_index(struct ddl *ddl, const struct ast_create_index *statement);
KY_MUST_CHECK ky_status ddl_drop(struct ddl *ddl, const struct ast_drop *statement);
KY_MUST_CHECK ky_status ddl_truncate(struct ddl *ddl, const struct ast_truncate *statement);
KY_MUST_CHECK ky_status ddl_alter_table(struct ddl *ddl, const struct ast_alter_table *statement);
KY_MUST_CHECK ky_status ddl_rename(struct ddl *ddl, const struct ast_rename *statement);
KY_MUST_CHECK ky_status ddl_create_view(struct ddl *ddl, const struct ast_create_view *statement);
KY_MUST_CHECK ky_status ddl_create_sequence(struct ddl *ddl, const struct ast_sequence *statement);
KY_MUST_CHECK ky_status ddl_alter_sequence(struct ddl *ddl, const struct ast_sequence *statement);
KY_MUST_CHECK ky_status ddl_set_schema(struct ddl *ddl, const struct ast_set_schema *statement);
KY_MUST_CHECK ky_status ddl_create_schema(struct ddl *ddl,
                                          const struct ast_create_schema *statement);
KY_MUST_CHECK ky_status ddl_create_role(struct ddl *ddl, const struct ast_create_role *statement);
KY_MUST_CHECK ky_status ddl_alter_role(struct ddl *ddl, const struct ast_alter_role *statement);
KY_MUST_CHECK ky_status ddl_drop_role(struct ddl *ddl, const struct ast_drop_role *statement);
KY_MUST_CHECK ky_status ddl_comment(struct ddl *ddl, const struct ast_comment *statement);
/* ALTER SCHEMA .. OWNER TO; relations change theirs by ALTER TABLE. */
KY_MUST_CHECK ky_status ddl_set_owner(struct ddl *ddl, const struct ast_set_owner *statement);
/* 42704. */
KY_MUST_CHECK ky_status ddl_named_role(struct ddl *ddl, const struct ast_role *node,
                                       struct cat_role **role_out);
KY_MUST_CHECK ky_status ddl_create_extension(struct ddl *ddl,
                                             const struct ast_create_extension *statement);
/* The key has an operator class of the method for its type: what it says, or the default one. */
KY_MUST_CHECK ky_status ddl_check_class(struct ddl *ddl, enum index_method method,
                                        const struct cat_key *key);
/* What gin asks of an index: no order, comparable elements, options it knows. */
KY_MUST_CHECK ky_status ddl_check_gin_index(struct ddl *ddl, const struct cat_index *index,
                                            const struct ast_list *elements,
                                            const struct ast_list *options);
/* What hnsw and ivfflat ask of an index: one key, an operator class of its type, dimensions,
 * options within their ranges. */
KY_MUST_CHECK ky_status ddl_check_vector_index(struct ddl *ddl, const struct cat_index *index,
                                               const struct ast_list *elements,
                                               const struct ast_list *options);
/* ddl_build.c. An index that is about to be filled, for pg_stat_progress_create_index. */
void ddl_progress_begin(struct ddl *ddl, const struct cat_table *table, oid_t index,
                        bool is_reindex);
/* Queues the graph of a new vector index; nothing for others. */
void ddl_build_add(struct ddl *ddl, const struct cat_index *index);
/* Builds what was queued: at once, or on a thread: then the statement is pending, and the handler
 * that is called again goes on with ddl_build_finish. Nothing queued: nothing to do. */
KY_MUST_CHECK ky_status ddl_build_now(struct ddl *ddl);
void ddl_build_start(struct ddl *ddl);
bool ddl_build_is_under_way(const struct ddl *ddl);
/* Pending still, or the outcome. */
KY_MUST_CHECK ky_status ddl_build_finish(struct ddl *ddl);
/* ANALYZE and VACUUM (ANALYZE): samples tables, writes what the planner and pg_stats read. */
KY_MUST_CHECK ky_status ddl_analyze(struct ddl *ddl, const struct ast_analyze *statement);
/* What was found of a column that goes, or becomes another, goes with it. */
KY_MUST_CHECK ky_status ddl_drop_statistics(struct ddl *ddl, struct cat_column *column);

/* A sample of one column, in the order of the table. */
struct column_sample {
    const struct type *type;
    uint32_t row_count;   /* sampled */
    double table_rows;    /* of the whole table */
    uint32_t null_count;  /* of the sample */
    uint32_t wide_count;  /* values too long to be kept; they count as different ones */
    double width_sum;     /* bytes of values that are not null */
    struct datum *values; /* neither null nor too long */
    uint32_t value_count;
};
/* ddl_analyze_progress.c. done and total: rows; table NULL: over. */
void ddl_analyze_progress(struct ddl *ddl, const struct cat_table *table, enum analyze_phase phase,
                          uint64_t done, uint64_t total);
/* Fills in everything but the names of table and column. target: most entries of each list. 57014.
 */
KY_MUST_CHECK ky_status analyze_column(struct session *session, struct ky_arena *arena,
                                       const struct column_sample *sample, uint32_t target,
                                       struct cat_statistics *statistics_out, struct ky_error *err);

KY_MUST_CHECK ky_status ddl_reindex(struct ddl *ddl, const struct ast_reindex *statement);

/* A table in the making: columns and constraints collected before anything is written. */
struct new_table {
    struct cat_table table;
    struct cat_column *columns;
    uint16_t capacity;
    struct new_key {
        const struct ast_constraint *source;
        const char *name;
        int16_t columns[32];
        uint16_t column_count;
        bool is_primary;
        bool is_nulls_not_distinct;
        bool is_deferrable, is_deferred;
    } keys[32];
    uint16_t key_count;
    struct new_check {
        const char *name;
        const char *sql;
        bool is_not_valid;
    } checks[64];
    uint16_t check_count;
    struct new_sequence {
        int16_t column;
        const char *name;
        oid_t type;
        const struct ast_list *options;
        oid_t oid;
    } sequences[32];
    uint16_t sequence_count;
    struct new_foreign {
        const struct ast_constraint *source;
        int16_t own_column;
    } foreigns[NEW_FOREIGN_MAX];
    uint16_t foreign_count;
    /* ALTER TABLE: by column, the SQL of its new value over the table's columns as they were, of a
     * new generated column as they will be; NULL: as it was, or its default. NULL: rows stay as
     * they are. */
    const char **rewrites;
};
/* Adds a unique constraint's index and constraint rows, and builds it when the table has rows. */
KY_MUST_CHECK ky_status ddl_add_key(struct ddl *ddl, struct cat_table *table,
                                    const struct new_key *key, bool is_filled);
/* ddl_add_column_rules: its checks and its GENERATED AS, once the columns they may read are there.
 */
KY_MUST_CHECK ky_status ddl_add_column(struct ddl *ddl, struct new_table *made,
                                       const struct ast_column_def *definition);
KY_MUST_CHECK ky_status ddl_add_column_rules(struct ddl *ddl, struct new_table *made,
                                             const struct ast_column_def *definition);
/* NULL, or a node that is null: none. 42804 and what binding says. */
KY_MUST_CHECK ky_status ddl_set_default(struct ddl *ddl, const struct new_table *made,
                                        struct cat_column *column, const struct ast_node *node);
KY_MUST_CHECK ky_status ddl_set_generated(struct ddl *ddl, struct new_table *made,
                                          struct cat_column *column, const struct ast_node *node);
/* 22023 unless it is an integer. */
KY_MUST_CHECK ky_status ddl_check_identity(struct ddl *ddl, const struct cat_column *column);
KY_MUST_CHECK ky_status ddl_add_identity(struct ddl *ddl, struct new_table *made,
                                         struct cat_column *column,
                                         const struct ast_constraint *constraint);
/* 0: there is none. */
int16_t ddl_column_number(const struct new_table *made, const char *name);
KY_MUST_CHECK ky_status ddl_add_constraint(struct ddl *ddl, struct new_table *made,
                                           const struct ast_constraint *constraint,
                                           int16_t own_column);
/* Takes the name, before any change: fills made->table. *is_done_out: it exists, and IF NOT EXISTS
 * was said. 42P07, 42P16. */
KY_MUST_CHECK ky_status ddl_begin_table(struct ddl *ddl, const struct ast_range_var *name,
                                        enum ast_persistence persistence, bool is_if_not_exists,
                                        struct new_table *made, bool *is_done_out);
KY_MUST_CHECK ky_status ddl_write_table(struct ddl *ddl, struct new_table *made);
/* Another column at the end, without a name and type yet; columns got before may move. */
struct cat_column *ddl_append_column(struct ddl *ddl, struct new_table *made);
/* A column without a type yet. */
KY_MUST_CHECK ky_status ddl_new_column(struct ddl *ddl, struct new_table *made, const char *name,
                                       struct cat_column **column_out);
KY_MUST_CHECK ky_status ddl_add_named_check(struct ddl *ddl, struct new_table *made,
                                            const char *name, const char *sql);
/* ddl_like.c: what LIKE takes over, in the order it is called; the locks first. */
KY_MUST_CHECK ky_status ddl_like_lock(struct ddl *ddl, const struct ast_list *elements);
KY_MUST_CHECK ky_status ddl_like_columns(struct ddl *ddl, struct new_table *made,
                                         const struct ast_table_like *like);
KY_MUST_CHECK ky_status ddl_like_constraints(struct ddl *ddl, struct new_table *made,
                                             const struct ast_table_like *like);
KY_MUST_CHECK ky_status ddl_like_indexes(struct ddl *ddl, oid_t table,
                                         const struct ast_table_like *like);
/* ddl_use_index.c: makes an index of the table the key's. */
KY_MUST_CHECK ky_status ddl_use_index(struct ddl *ddl, const struct cat_table *on,
                                      const struct ast_constraint *constraint,
                                      const struct cat_index **index_out);
KY_MUST_CHECK ky_status ddl_drop_table(struct ddl *ddl, struct cat_table *table);
/* Does the query read a temporary table, in a subquery or a view as well? */
bool ddl_reads_temporary(const struct query *query);

/* ------------------------------------------------------------------ ddl_create_as.c */

/* A kept query, bound anew; its errors have no position. */
KY_MUST_CHECK ky_status ddl_bind_text(struct ddl *ddl, const char *sql, struct query **query_out);
/* INSERT of the query's rows, whatever the kind of the table. */
struct query *ddl_insert_into(struct ky_arena *arena, struct cat_table *table,
                              struct query *source);
/* What such a query points into stays as long as the source. */
void ddl_hold_images(struct plan_source *source, struct cat_image *source_image,
                     struct cat_image *table_image);

/* ------------------------------------------------------------------ ddl_drop_none.c */

/* DROP of a kind of object of which there are none. 42704, 42883, 42P01, 2BP01; 0A000. */
KY_MUST_CHECK ky_status ddl_drop_none(struct ddl *ddl, const struct ast_drop *statement,
                                      const struct ast_node *object);

/* ------------------------------------------------------------------ ddl_type.c */

KY_MUST_CHECK ky_status ddl_create_enum(struct ddl *ddl, const struct ast_create_enum *statement);
KY_MUST_CHECK ky_status ddl_alter_enum(struct ddl *ddl, const struct ast_alter_enum *statement);
KY_MUST_CHECK ky_status ddl_type_rename(struct ddl *ddl, const struct ast_rename *statement);
KY_MUST_CHECK ky_status ddl_type_set_schema(struct ddl *ddl,
                                            const struct ast_set_schema *statement);
KY_MUST_CHECK ky_status ddl_type_set_owner(struct ddl *ddl, const struct ast_set_owner *statement);
/* A user's type that may be altered. 42704, 42809, 42501. */
KY_MUST_CHECK ky_status ddl_find_type(struct ddl *ddl, const struct ast_type_name *name,
                                      const struct cat_type **type_out);
/* The type of a name, locked and read anew; NULL: the lock is waited for. */
KY_MUST_CHECK ky_status ddl_take_type(struct ddl *ddl, const struct ast_list *names,
                                      enum table_lock_mode mode, const struct cat_type **type_out);
bool ddl_is_type_name_taken(const struct ddl *ddl, oid_t schema, const char *name);
/* 42710 for a relation or type of the name; hint: the new one is a relation. */
KY_MUST_CHECK ky_status ddl_check_type_name(struct ddl *ddl, oid_t schema, const char *name);
/* The types of new columns stay until the transaction ends. 55P03 when one is being dropped. */
KY_MUST_CHECK ky_status ddl_hold_types(struct ddl *ddl, const struct type *const *types,
                                       uint16_t count);
KY_MUST_CHECK ky_status ddl_hold_column_types(struct ddl *ddl, const struct cat_table *table);

/* ------------------------------------------------------------------ ddl_domain.c */

KY_MUST_CHECK ky_status ddl_create_domain(struct ddl *ddl,
                                          const struct ast_create_domain *statement);
KY_MUST_CHECK ky_status ddl_alter_domain(struct ddl *ddl, const struct ast_alter_domain *statement);
/* A domain that may be altered. 42809 for another type, and as ddl_find_type. */
KY_MUST_CHECK ky_status ddl_find_domain(struct ddl *ddl, const struct ast_list *names,
                                        bool is_altering, const struct cat_type **type_out);
/* A column of the type that was just bound: of a domain's base type, and of the domain. */
void ddl_take_domain(struct ddl *ddl, struct cat_column *column);

/* ------------------------------------------------------------------ ddl_type_text.c */

/* Shows visit the users' types in all that is kept as text, and writes what is changed. */
KY_MUST_CHECK ky_status ddl_edit_texts(struct ddl *ddl, type_text_visit visit, void *self);
/* The type's new name and schema (NULL: they stay); type NULL: all types of the schema. */
KY_MUST_CHECK ky_status ddl_rename_in_texts(struct ddl *ddl, const struct cat_type *type,
                                            oid_t schema, const char *new_schema,
                                            const char *new_name);

/* ------------------------------------------------------------------ ddl_type_drop.c */

KY_MUST_CHECK ky_status ddl_drop_type(struct ddl *ddl, const struct ast_drop *statement);
/* Types that go, with what uses them. */
struct dependents;
struct type_drop;
struct type_drop *ddl_type_drop_new(struct ddl *ddl, struct dependents *found);
/* Adds to found what uses the type and does not go already; owner ("schema s"): the type itself. */
void ddl_type_drop_add(struct type_drop *drop, const struct cat_type *type, const char *owner);
/* After ddl_drop_found: tables lose what is of the types, and the types go. */
KY_MUST_CHECK ky_status ddl_type_drop_run(struct type_drop *drop);
/* Locks types, and what uses them: to be called before anything changes. */
KY_MUST_CHECK ky_status ddl_lock_types(struct ddl *ddl, const struct cat_type *const *types,
                                       size_t count, enum ast_behavior behavior);

/* ------------------------------------------------------------------ ddl_depend.c */

/* What goes with a thing, in the order it is told. */
struct dependents {
    struct cat_table **views; /* room for all of the image */
    size_t view_count;
    size_t count;          /* of lines below */
    const char *first;     /* "view v" */
    struct ky_buffer why;  /* "view v depends on table t", a line each */
    struct ky_buffer gone; /* "drop cascades to view v", a line each */
};
void ddl_dependents_init(struct ddl *ddl, struct dependents *found);
void ddl_dependents_deinit(struct dependents *found);
void ddl_add_dependent(struct ddl *ddl, struct dependents *found, const char *object,
                       const char *what);
/* Views that read the table or its column, and those that read them; not those it has. */
void ddl_add_views(struct ddl *ddl, const struct cat_table *table, int16_t column, const char *what,
                   struct dependents *found);
/* Those of them that keep rows are locked, before a CASCADE drops them. */
KY_MUST_CHECK ky_status ddl_lock_matviews(struct ddl *ddl, const struct cat_table *table);
bool ddl_is_dependent(const struct dependents *found, const struct cat_table *relation);
/* With CASCADE drops the relations that were found and tells of all, else says what they are:
 * 2BP01. what: "type mood"; NULL: several things. */
KY_MUST_CHECK ky_status ddl_drop_found(struct ddl *ddl, struct dependents *found,
                                       enum ast_behavior behavior, const char *what);

struct dependent_columns {
    const char **names;
    uint16_t count;
};
/* What uses the column, and the views that read such views: 2BP01, or with CASCADE the views are
 * dropped, and the caller drops the generated columns of columns_out. what: "column a of table t".
 * The image stays that of before. */
KY_MUST_CHECK ky_status ddl_drop_column_users(struct ddl *ddl, const struct cat_table *table,
                                              int16_t column, enum ast_behavior behavior,
                                              const char *what,
                                              struct dependent_columns *columns_out);
/* The views that read the table, likewise. what: "table t"; is_one_of_many: others are dropped with
 * it, and the error names none. */
KY_MUST_CHECK ky_status ddl_drop_readers(struct ddl *ddl, const struct cat_table *table,
                                         enum ast_behavior behavior, const char *what,
                                         bool is_one_of_many);
/* What is in the schema, and the views elsewhere that read it: 2BP01, or with CASCADE dropped. */
KY_MUST_CHECK ky_status ddl_drop_contents(struct ddl *ddl, const struct cat_schema *schema,
                                          enum ast_behavior behavior);
/* 0A000 when a view or a generated column of made, which the table is becoming, reads the column.
 */
KY_MUST_CHECK ky_status ddl_check_type_users(struct ddl *ddl, const struct cat_table *table,
                                             const struct cat_column *column,
                                             const struct new_table *made);
/* Views that name what watch looks for say its new name. 0A000 for a column merged by USING. */
KY_MUST_CHECK ky_status ddl_rename_in_views(struct ddl *ddl, struct bind_watch *watch);
/* The same for a column in the table's own expressions: those of constraints and indexes are
 * written, those of generated columns go into columns, which the caller writes. */
KY_MUST_CHECK ky_status ddl_rename_in_table(struct ddl *ddl, const struct cat_table *table,
                                            struct bind_watch *watch, struct cat_column *columns);
/* Does an expression over the table read the column? */
bool ddl_expression_uses(struct ddl *ddl, const struct cat_table *table, const char *sql,
                         int16_t number);
/* Does a key or the condition of the index? */
bool ddl_index_uses(struct ddl *ddl, const struct cat_index *index, int16_t number);
/* Binds the expression of a new CHECK, and sets the columns that it reads. */
KY_MUST_CHECK ky_status ddl_check_columns(struct ddl *ddl, const struct cat_table *table,
                                          struct cat_constraint *check);
/* ddl_alter.c: the table as something that ddl_add_column and ddl_add_constraint can extend. */
struct new_table *ddl_as_new_table(struct ddl *ddl, const struct cat_table *table);
/* 42703. */
KY_MUST_CHECK ky_status ddl_find_column(struct ddl *ddl, struct new_table *made, const char *name,
                                        struct cat_column **out);

/* ------------------------------------------------------------------ ddl_select.c */

/* One batch of a query's rows; *is_done_out: no more are wanted. */
typedef ky_status (*ddl_row_function)(void *arg, struct batch *batch, bool *is_done_out,
                                      struct ky_error *err);
/* Runs a query over tables that are locked. */
KY_MUST_CHECK ky_status ddl_select(struct ddl *ddl, const char *sql, ddl_row_function visit,
                                   void *arg);
/* The first row's first count values, in the statement's arena. */
KY_MUST_CHECK ky_status ddl_first_row(struct ddl *ddl, const char *sql, struct datum *values,
                                      uint16_t count, bool *is_found_out);
void ddl_exec_context(struct ddl *ddl, struct exec_context *context, struct ky_budget *budget);
/* schema.table, quoted where needed. */
const char *ddl_qualified_name(struct ddl *ddl, const struct cat_table *table);
/* As messages about objects name it: with its schema only where the search path does not find it.
 */
const char *ddl_shown_name(struct ddl *ddl, const struct cat_table *table);

/* ------------------------------------------------------------------ ddl_foreign.c */

/* Locks the tables that foreign keys among CREATE TABLE's elements or ALTER TABLE's commands refer
 * to, before anything changes. */
KY_MUST_CHECK ky_status ddl_lock_parents(struct ddl *ddl, const struct ast_list *elements);
/* Writes made->foreigns for a table that is in the image, and checks its rows. */
KY_MUST_CHECK ky_status ddl_add_foreign_keys(struct ddl *ddl, oid_t table,
                                             const struct new_table *made);
/* 23503 when a row refers to nothing. */
KY_MUST_CHECK ky_status ddl_validate_foreign(struct ddl *ddl,
                                             const struct cat_constraint *constraint);
/* Drops the foreign keys of others that refer to the table (column 0, index NULL), to a column, or
 * through an index. 2BP01 without CASCADE; what names the thing that goes: "table p". */
KY_MUST_CHECK ky_status ddl_drop_references(struct ddl *ddl, const struct cat_table *table,
                                            int16_t column, const struct cat_index *index,
                                            enum ast_behavior behavior, const char *what);
KY_MUST_CHECK ky_status ddl_lock_references(struct ddl *ddl, const struct cat_table *table);

/* ------------------------------------------------------------------ ddl_text.c */

/* An expression over the table's columns as it is kept. */
const char *ddl_expression_text(struct ddl *ddl, const struct cat_table *table,
                                const struct ast_node *node, const struct type *wanted);
const char *ddl_default_text(struct ddl *ddl, const struct cat_column *column,
                             const struct ast_node *node);
/* A type as it is written in such a text; without a modifier (-1) bpchar, where character would be
 * character(1). */
const char *ddl_type_text(struct ddl *ddl, oid_t type, int32_t typmod);
/* As messages name a type: quoted, with its schema where the search path does not find it. */
const char *ddl_shown_type(struct ddl *ddl, oid_t type);

/* ------------------------------------------------------------------ ddl_sequence.c */

/* Locks the name and looks whether it is free. */
KY_MUST_CHECK ky_status ddl_fresh_relation(struct ddl *ddl, const struct ast_range_var *name,
                                           oid_t *schema_out, struct cat_table **existing_out);
KY_MUST_CHECK ky_status ddl_fresh_relation_in(struct ddl *ddl, oid_t schema, const char *name,
                                              struct cat_table **existing_out);
/* The six numbers of a sequence from its options; old NULL: a new one. */
KY_MUST_CHECK ky_status ddl_sequence_options(struct ddl *ddl, const struct ast_list *options,
                                             oid_t type, const int64_t *old, int64_t out[6]);
/* ALTER SEQUENCE of one that is locked. */
KY_MUST_CHECK ky_status ddl_change_sequence(struct ddl *ddl, const struct cat_table *sequence,
                                            const struct ast_list *options);
/* The next value is *value, or the start again; the caller writes the sequence. */
KY_MUST_CHECK ky_status ddl_restart_sequence(struct ddl *ddl, struct cat_table *sequence,
                                             const int64_t *value);

/* ------------------------------------------------------------------ ddl_rewrite.c */

/* Copies all rows of old into a new relation, made->table.rel, as made->rewrites say. 23502. */
KY_MUST_CHECK ky_status ddl_rewrite(struct ddl *ddl, const struct cat_table *old,
                                    struct new_table *made);
/* ddl_index.c: the same index under a new OID, built anew over table's rows. */
KY_MUST_CHECK ky_status ddl_rebuild_index(struct ddl *ddl, struct cat_index *old,
                                          struct cat_table *table);
/* The default of a serial column. */
const char *ddl_nextval_text(struct ddl *ddl, oid_t schema, const char *sequence);
const char *ddl_nextval_text_of(struct ddl *ddl, const char *schema, const char *sequence);
KY_MUST_CHECK ky_status ddl_write_sequences(struct ddl *ddl, const struct new_table *made);

/* ------------------------------------------------------------------ ddl_temp.c */

/* The session's schema of temporary tables, made when it is not there. */
KY_MUST_CHECK ky_status ddl_temp_schema(struct ddl *ddl, oid_t *schema_out);
void ddl_temp_on_commit(struct session *session, oid_t table, char action);
/* A fresh empty relation and fresh indexes. */
KY_MUST_CHECK ky_status ddl_truncate_table(struct ddl *ddl, struct cat_table *table);

/* What kyro.default_index says of an index whose method is not named. */
enum index_method ddl_default_method(struct ddl *ddl);
const char *const *ddl_default_index_options(struct ddl *ddl);
