/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/ddl/ddl_private.h"

/* What the files of ALTER TABLE share. Each command changes made, a copy of the table's catalog
 * entry; table is the entry as it was. */

bool ddl_alter_has_rows(struct ddl *ddl, const struct cat_table *table);
KY_MUST_CHECK ky_status ddl_alter_drop_index(struct ddl *ddl, struct new_table *made,
                                             struct cat_index *index);

/* ------------------------------------------------------------------ ddl_alter_column.c */

KY_MUST_CHECK ky_status ddl_alter_add_column(struct ddl *ddl, struct new_table *made,
                                             const struct ast_alter_command *command);
KY_MUST_CHECK ky_status ddl_alter_drop_column(struct ddl *ddl, struct new_table *made,
                                              const struct ast_alter_command *command);
KY_MUST_CHECK ky_status ddl_alter_column_type(struct ddl *ddl, struct new_table *made,
                                              const struct ast_alter_command *command,
                                              const struct cat_table *table);
/* ADD, SET and DROP IDENTITY. */
KY_MUST_CHECK ky_status ddl_alter_identity(struct ddl *ddl, struct new_table *made,
                                           const struct ast_alter_command *command);
KY_MUST_CHECK ky_status ddl_alter_drop_expression(struct ddl *ddl, struct new_table *made,
                                                  const struct ast_alter_command *command);
KY_MUST_CHECK ky_status ddl_alter_drop_not_null(struct ddl *ddl, struct new_table *made,
                                                const struct ast_alter_command *command);
/* SET and DROP DEFAULT. */
KY_MUST_CHECK ky_status ddl_alter_default(struct ddl *ddl, struct new_table *made,
                                          const struct ast_alter_command *command);
/* 23502 when a row has a null there. A column whose values are being computed is looked at when
 * they are. */
KY_MUST_CHECK ky_status ddl_alter_check_nulls(struct ddl *ddl, const struct new_table *made,
                                              int16_t number, const struct cat_table *old);

/* ------------------------------------------------------------------ ddl_alter_constraint.c */

KY_MUST_CHECK ky_status ddl_alter_add_constraint(struct ddl *ddl, struct new_table *made,
                                                 const struct ast_alter_command *command,
                                                 const struct cat_table *table);
KY_MUST_CHECK ky_status ddl_alter_drop_constraint(struct ddl *ddl, struct new_table *made,
                                                  const struct ast_alter_command *command);
KY_MUST_CHECK ky_status ddl_alter_validate(struct ddl *ddl, const struct new_table *made,
                                           const struct ast_alter_command *command);
/* ALTER CONSTRAINT: when it is checked. */
KY_MUST_CHECK ky_status ddl_alter_constraint(struct ddl *ddl, const struct new_table *made,
                                             const struct ast_alter_command *command);
/* 23514 when a row violates it. */
KY_MUST_CHECK ky_status ddl_alter_check_rows(struct ddl *ddl, const struct cat_table *table,
                                             const char *name, const char *sql);
