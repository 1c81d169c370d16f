/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/acl.h"
#include "server/session/session_private.h"

/*
 * What the session's role may do, as PostgreSQL has it: 42501 with its texts where it may not.
 * A query is looked through when it is bound; the tables of a view are read as the view's owner.
 */

/* Every table that the query reads, changes or locks, column by column where the role has not the
 * right on the whole table. */
KY_MUST_CHECK ky_status rights_check_query(const struct cat_image *image, oid_t role,
                                           struct query *query, struct ky_error *err);
/* All of the rights; any: one of them is enough. */
KY_MUST_CHECK ky_status rights_check_table(const struct session *session,
                                           const struct cat_image *image,
                                           const struct cat_table *table, acl_rights rights,
                                           bool any, struct ky_error *err);
KY_MUST_CHECK ky_status rights_check_schema(const struct session *session,
                                            const struct cat_image *image, oid_t schema,
                                            acl_rights right, struct ky_error *err);
KY_MUST_CHECK ky_status rights_check_database(const struct session *session,
                                              const struct cat_image *image, acl_rights right,
                                              struct ky_error *err);
/* Is the role the owner, or one that has its rights? */
bool rights_owns(const struct session *session, const struct cat_image *image, oid_t owner);
/* "permission denied for table t". */
ky_status rights_denied(const struct cat_table *table, struct ky_error *err);
/* table, view, sequence. */
const char *rights_kind_word(const struct cat_table *table);
