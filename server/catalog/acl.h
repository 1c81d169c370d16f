/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/*
 * Who may what. A list of grants hangs on an object (a cat_acl); where there is none, the default
 * of its kind holds: everything to the owner, and to PUBLIC what everybody may. A role has what is
 * granted to it, to PUBLIC, and to the roles it is a member of and inherits from; a superuser has
 * everything. The names and letters are PostgreSQL's (5.7 Privileges, table 5.1).
 */

enum acl_right {
    ACL_INSERT = 1 << 0,
    ACL_SELECT = 1 << 1,
    ACL_UPDATE = 1 << 2,
    ACL_DELETE = 1 << 3,
    ACL_TRUNCATE = 1 << 4,
    ACL_REFERENCES = 1 << 5,
    ACL_TRIGGER = 1 << 6,
    ACL_EXECUTE = 1 << 7,
    ACL_USAGE = 1 << 8,
    ACL_CREATE = 1 << 9,
    ACL_TEMPORARY = 1 << 10,
    ACL_CONNECT = 1 << 11,
};
enum { ACL_RIGHT_COUNT = 12, ACL_PUBLIC = OID_NONE };
typedef uint16_t acl_rights; /* a set of acl_right */

/* What grants hang on: pg_class and so on, and of those which kind. */
enum acl_class {
    ACL_OF_TABLE, /* relations but sequences */
    ACL_OF_COLUMN,
    ACL_OF_SEQUENCE,
    ACL_OF_DATABASE,
    ACL_OF_SCHEMA,
    ACL_OF_FUNCTION, /* these two only in default privileges */
    ACL_OF_TYPE,
};
/* The catalogs, as cat_acl.class_oid names them. */
enum {
    CLASS_PG_CLASS = 1259,
    CLASS_PG_DATABASE = 1262,
    CLASS_PG_NAMESPACE = 2615,
};

/* What can be granted on such an object at all. */
acl_rights acl_all(enum acl_class class);
/* The letter of aclitem's text, and the SQL word ("SELECT"). right: one bit. */
char acl_letter(acl_rights right);
const char *acl_word(acl_rights right);
/* 0: there is no such word. Any case; TEMP is TEMPORARY. */
acl_rights acl_right_named(struct ky_slice word);

/* The grants on an object: those it has, or the default ones, in space. */
struct acl_list {
    const struct acl_item *items;
    size_t count;
    oid_t owner;
    bool is_default;
    struct acl_item space[2];
};
void acl_of_table(const struct cat_image *image, const struct cat_table *table,
                  struct acl_list *out);
/* Without default: a column has no grants of its own until somebody makes some. */
void acl_of_column(const struct cat_image *image, const struct cat_table *table, int16_t column,
                   struct acl_list *out);
void acl_of_schema(const struct cat_image *image, const struct cat_schema *schema,
                   struct acl_list *out);
void acl_of_database(const struct cat_image *image, const struct cat_database *database,
                     struct acl_list *out);
/* What an object of the kind and owner begins with. */
void acl_default(enum acl_class class, oid_t owner, struct acl_list *out);

/* Those of wanted that the role has; with options, those that it may grant (an owner may grant
 * everything). role: OID_NONE is PUBLIC alone. */
acl_rights acl_has(const struct cat_image *image, oid_t role, const struct acl_list *list,
                   acl_rights wanted);
acl_rights acl_may_grant(const struct cat_image *image, oid_t role, const struct acl_list *list,
                         acl_rights wanted);
/* Grant options of this very role, its memberships apart. */
acl_rights acl_own_options(oid_t role, const struct acl_list *list);

/* Those of the rights that the role has on a relation, by its grants and by predefined roles
 * (pg_read_all_data, pg_write_all_data). */
acl_rights acl_on_table(const struct cat_image *image, oid_t role, const struct cat_table *table,
                        acl_rights wanted);
acl_rights acl_on_column(const struct cat_image *image, oid_t role, const struct cat_table *table,
                         int16_t column, acl_rights wanted);
acl_rights acl_on_schema(const struct cat_image *image, oid_t role, const struct cat_schema *schema,
                         acl_rights wanted);
acl_rights acl_on_database(const struct cat_image *image, oid_t role,
                           const struct cat_database *database, acl_rights wanted);
/* The owner of public is who owns the database. */
oid_t acl_schema_owner(const struct cat_image *image, const struct cat_schema *schema);

/* Appends "grantee=rights/grantor". */
void acl_item_print(const struct cat_image *image, const struct acl_item *item,
                    struct ky_buffer *out);
/* As aclitem[], in arena; of an object without grants of its own: null. */
struct datum acl_print(const struct cat_image *image, const struct acl_list *list,
                       struct ky_arena *arena);

/* ------------------------------------------------------------------ roles */

bool acl_is_superuser(const struct cat_image *image, oid_t role);
/* member is role, a superuser, or in it, directly or through others ... */
bool acl_is_member(const struct cat_image *image, oid_t member, oid_t role);
/* ... each of which inherits: it has the role's rights without SET ROLE. */
bool acl_inherits(const struct cat_image *image, oid_t member, oid_t role);
/* A membership, of the role itself in the other too; superusers as anybody. */
bool acl_is_in(const struct cat_image *image, oid_t member, oid_t role);
/* It may grant the role: ADMIN OPTION, or a superuser. */
bool acl_may_admin(const struct cat_image *image, oid_t member, oid_t role);
