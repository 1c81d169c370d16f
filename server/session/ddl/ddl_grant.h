/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/acl.h"
#include "server/session/ddl/ddl_private.h"

/* What GRANT, REVOKE, ALTER DEFAULT PRIVILEGES and role memberships share. */

/* A list of grants that is being changed; in an arena. */
struct grant_items {
    struct acl_item *items;
    uint16_t count;
    size_t capacity;
    struct ky_arena *arena;
};
/* What is done to a list: the rights for each grantee, by the grantor. */
struct grant_change {
    bool is_grant;
    bool is_option; /* WITH GRANT OPTION, or GRANT OPTION FOR */
    bool is_cascade;
    acl_rights rights;
    oid_t grantor;
    oid_t *grantees;
    uint16_t grantee_count;
};
void grant_items_copy(struct grant_items *out, const struct acl_item *items, size_t count,
                      struct ky_arena *arena);
/* 2BP01 when others have the rights from a grantee that loses them, and not is_cascade; 0LP01 when
 * a grant option goes back to whom it comes from; 54000. */
KY_MUST_CHECK ky_status grant_items_change(struct grant_items *items,
                                           const struct grant_change *change, oid_t owner,
                                           struct ky_error *err);
/* One role in place of another, as grantee and grantor. */
void grant_items_replace(struct grant_items *items, oid_t old, oid_t new);

/* All that the role was granted, and what it passed on. */
KY_MUST_CHECK ky_status grant_items_remove(struct grant_items *items, oid_t grantee,
                                           struct ky_error *err);

/* One word of a list of privileges: 42601 when there is none such, 0LP01 for what is not allowed.
 * "all" is all that are. */
KY_MUST_CHECK ky_status ddl_read_right(struct ddl *ddl, const struct ast_privilege *node,
                                       acl_rights allowed, const char *what, acl_rights *right_out);
/* Into change. 42704; 0LP01 for PUBLIC WITH GRANT OPTION. */
KY_MUST_CHECK ky_status ddl_read_grantees(struct ddl *ddl, const struct ast_list *nodes,
                                          struct grant_change *change);
/* One statement at a time changes grants and memberships. */
KY_MUST_CHECK ky_status ddl_lock_grants(struct ddl *ddl);
/* "relations", as pg_default_acl's r. */
const char *ddl_default_acl_word(char kind);
/* An entry of pg_default_acl that would change nothing. */
bool ddl_is_default_acl(char kind, oid_t role, oid_t schema, const struct grant_items *items);
/* In place of what is stored, or as the first. */
KY_MUST_CHECK ky_status ddl_write_acl(struct ddl *ddl, oid_t class_oid, oid_t object,
                                      int32_t column, const struct grant_items *items);
