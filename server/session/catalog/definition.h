/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"
#include "server/sql/deparse/deparse.h"

/*
 * What is kept as text (defaults, checks, index expressions, views) as PostgreSQL shows it: bound
 * again as it was written, and printed. A text that does not bind any more is shown as it is kept.
 */
struct definition_reader {
    struct session *session;
    const struct cat_image *image;
    struct ky_arena *arena; /* of the texts, and of what is made on the way */
};

/* An expression over a table's columns, or several with commas between (pg_index.indexprs). */
const char *definition_of_expression(const struct definition_reader *reader,
                                     const struct cat_table *table, const char *sql,
                                     struct deparse_style style);
/* is_call_out: is it spelled name(..)? */
const char *definition_of_key(const struct definition_reader *reader, const struct cat_table *table,
                              const char *sql, struct deparse_style style, bool *is_call_out);
/* With its semicolon. */
const char *definition_of_view(const struct definition_reader *reader, const struct cat_table *view,
                               struct deparse_style style);
/* Tells the views of the catalog (sysview_show_texts). At start. */
void definition_show_in_views(void);
