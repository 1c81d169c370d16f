/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"

#include "server/base/assert.h"

enum { SYSVIEWS_MAX = 512 };

static const struct sysview *registered[SYSVIEWS_MAX];
static size_t registered_count;

void
sysview_register(const struct sysview *const *views, size_t count)
{
    KY_ASSERT(registered_count + count <= SYSVIEWS_MAX);
    memcpy(registered + registered_count, views, count * sizeof(*views));
    registered_count += count;
}

const struct sysview *const *
sysview_all(size_t *count_out)
{
    *count_out = registered_count;
    return registered;
}

struct datum *
sysview_add(struct sysview_rows *rows)
{
    if (rows->count == rows->capacity) {
        size_t capacity = KY_MAX(rows->capacity * 2, (size_t)64);
        struct datum **grown = ky_arena_array(rows->arena, struct datum *, capacity);
        if (rows->count > 0) {
            memcpy(grown, rows->rows, rows->count * sizeof(*grown));
        }
        rows->rows = grown;
        rows->capacity = capacity;
    }
    struct datum *row = ky_arena_array(rows->arena, struct datum, rows->column_count);
    rows->rows[rows->count++] = row;
    return row;
}

static const struct sysview_texts *shown;

void
sysview_show_texts(const struct sysview_texts *texts)
{
    shown = texts;
}

const char *
sysview_expression(const struct sysview_context *context, const struct sysview_rows *rows,
                   const struct cat_table *table, const char *sql)
{
    return sql == NULL || shown == NULL ? sql : shown->expression(context, rows->arena, table, sql);
}

const char *
sysview_query(const struct sysview_context *context, const struct sysview_rows *rows,
              const struct cat_table *view)
{
    return view->view_sql == NULL || shown == NULL ? view->view_sql
                                                   : shown->view(context, rows->arena, view);
}
