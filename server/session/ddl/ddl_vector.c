/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/catalog/opclass.h"
#include "server/session/ddl/ddl_private.h"

/* What is special about hnsw and ivfflat: what CREATE INDEX may say, and how a graph is built. The
 * texts are pgvector's; its limits on dimensions are not. */

struct index_option {
    const char *name;
    int64_t fallback, low, high;
};
static const struct index_option hnsw_options[] = {{"m", 16, 2, 100},
                                                   {"ef_construction", 64, 4, 1000}};
static const struct index_option ivfflat_options[] = {{"lists", 100, 1, 32768}};

static ky_status
read_option(struct ddl *ddl, const struct ast_list *options, const struct index_option *wanted,
            int64_t *value_out)
{
    const struct ast_option *option = ddl_option(options, wanted->name);
    *value_out = wanted->fallback;
    if (option == NULL) {
        return KY_OK;
    }
    const char *text = ddl_option_text(ddl, option);
    char *end;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0') {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for integer option \"%s\": %s", wanted->name, text);
    }
    if (value < wanted->low || value > wanted->high) {
        (void)ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                           "value %s out of bounds for option \"%s\"", text, wanted->name);
        return ky_error_detail(ddl->err, "Valid values are between \"%lld\" and \"%lld\".",
                               (long long)wanted->low, (long long)wanted->high);
    }
    *value_out = value;
    return KY_OK;
}

static ky_status
check_options(struct ddl *ddl, const struct cat_index *index, const struct ast_list *options)
{
    const bool is_hnsw = index->method == INDEX_HNSW;
    const struct index_option *known = is_hnsw ? hnsw_options : ivfflat_options;
    const size_t count = is_hnsw ? KY_COUNT_OF(hnsw_options) : KY_COUNT_OF(ivfflat_options);
    int64_t values[KY_COUNT_OF(hnsw_options)] = {0};
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(options, i);
        bool is_known = false;
        for (size_t k = 0; k < count; k++) {
            is_known = is_known || strcmp(known[k].name, option->name) == 0;
        }
        if (!is_known) {
            return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized parameter \"%s\"", option->name);
        }
    }
    for (size_t k = 0; k < count; k++) {
        KY_TRY(read_option(ddl, options, &known[k], &values[k]));
    }
    if (is_hnsw && values[1] < 2 * values[0]) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "ef_construction must be greater than or equal to 2 * m");
    }
    return KY_OK;
}

static ky_status
check_dimensions(struct ddl *ddl, const struct cat_index *index)
{
    const struct cat_key *key = &index->keys[0];
    const int32_t typmod =
        key->column == 0 ? key->typmod : index->table->columns[key->column - 1].typmod;
    if (key->type->oid == OID_SPARSEVEC) {
        return KY_OK; /* searched by rows: any dimension will do */
    }
    if (typmod < 1) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "column does not have dimensions");
    }
    const int32_t most =
        key->type->oid == OID_BIT ? VECTOR_BIT_DIMENSION_MAX : VECTOR_DIMENSION_MAX;
    if (typmod > most) {
        return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "column cannot have more than %d dimensions for %s index", most,
                            cat_method_name(index->method));
    }
    return KY_OK;
}

ky_status
ddl_check_vector_index(struct ddl *ddl, const struct cat_index *index,
                       const struct ast_list *elements, const struct ast_list *options)
{
    const char *method = cat_method_name(index->method);
    const struct ast_index_element *element = (const void *)ast_list_get(elements, 0);
    const char *refused = index->is_unique                         ? "unique indexes"
                          : index->key_count > 1                   ? "multicolumn indexes"
                          : element->direction != AST_SORT_DEFAULT ? "ASC/DESC options"
                          : element->nulls != AST_NULLS_DEFAULT    ? "NULLS FIRST/LAST options"
                                                                   : NULL;
    if (refused != NULL) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "access method \"%s\" does not support %s", method, refused);
    }
    KY_TRY(ddl_check_class(ddl, index->method, &index->keys[0]));
    KY_TRY(check_dimensions(ddl, index));
    return check_options(ddl, index, options);
}
