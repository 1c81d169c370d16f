/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/identifier.h"

#include <stdlib.h>

/* PostgreSQL's words that cannot be a bare column name. */
static const char *const reserved_words[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
};

static int
compare_word(const void *key, const void *item)
{
    const struct ky_slice *word = key;
    return ky_slice_compare(*word, ky_slice_cstr(*(const char *const *)item));
}

void
identifier_append(struct ky_slice name, struct ky_buffer *out)
{
    const char *p = name.data;
    bool is_plain = name.size > 0 && ((p[0] >= 'a' && p[0] <= 'z') || p[0] == '_');
    for (size_t i = 0; i < name.size && is_plain; i++) {
        is_plain = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '_';
    }
    if (is_plain && bsearch(&name, reserved_words, KY_COUNT_OF(reserved_words),
                            sizeof(reserved_words[0]), compare_word) == NULL) {
        ky_buffer_append_slice(out, name);
        return;
    }
    ky_buffer_append_byte(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (p[i] == '"') {
            ky_buffer_append_byte(out, '"');
        }
        ky_buffer_append_byte(out, (uint8_t)p[i]);
    }
    ky_buffer_append_byte(out, '"');
}
