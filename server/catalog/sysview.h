/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/*
 * System catalogs and views: relations whose rows are made from the catalog image, the
 * built-in tables of types and functions, or a floor above (pg_stat_activity). The ordinary
 * engine scans, filters and joins them.
 */
struct sysview_column {
    const char *name;
    oid_t type;
};

/* Collects rows; values are copied shallowly, bytes must live in the arena or the image. */
struct sysview_rows {
    struct ky_arena *arena; /* the statement's */
    uint16_t column_count;
    struct datum **rows;
    size_t count;
    size_t capacity;
};
/* A zeroed (not null) row to fill in, already counted. Set is_null where it is null. */
struct datum *sysview_add(struct sysview_rows *rows);

struct sysview_context {
    const struct cat_image *image;
    const struct cat_path *path; /* NULL: none */
    struct storage *storage;
    void *session; /* for views of the session floor */
    oid_t role;    /* whose rights say what is shown; OID_NONE: a superuser's */
};

struct sysview {
    oid_t oid; /* PostgreSQL's for what it has; 14000-14999 else */
    oid_t schema;
    const char *name;
    char kind; /* 'r' for catalogs, 'v' for views */
    const struct sysview_column *columns;
    uint16_t column_count;
    ky_status (*fill)(const struct sysview_context *context, struct sysview_rows *rows,
                      struct ky_error *err);
};

/* At start, before the catalog is opened. Views are static objects. */
void sysview_register(const struct sysview *const *views, size_t count);
const struct sysview *const *sysview_all(size_t *count_out);

/* How kept expressions and queries are shown. The floor that can bind them fills it in; without it
 * they are shown as they are kept. */
struct sysview_texts {
    const char *(*expression)(const struct sysview_context *context, struct ky_arena *arena,
                              const struct cat_table *table, const char *sql);
    const char *(*view)(const struct sysview_context *context, struct ky_arena *arena,
                        const struct cat_table *view);
};
/* At start; texts is a static object. */
void sysview_show_texts(const struct sysview_texts *texts);
/* Over the table's columns; NULL sql is NULL. */
const char *sysview_expression(const struct sysview_context *context,
                               const struct sysview_rows *rows, const struct cat_table *table,
                               const char *sql);
const char *sysview_query(const struct sysview_context *context, const struct sysview_rows *rows,
                          const struct cat_table *view);
