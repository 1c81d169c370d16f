/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/catalog/opclass.h"
#include "server/session/ddl/ddl_private.h"
#include "server/types/type.h"

/* What is special about gin: what CREATE INDEX may say, in PostgreSQL's words. Entries go into the
 * tree at once, so that what is said of pending lists is kept and means nothing. */

static ky_status
check_fastupdate(struct ddl *ddl, const char *text)
{
    const struct type *type = type_get(OID_BOOL);
    struct type_context context;
    struct datum value;
    struct ky_error ignored;
    ky_error_init(&ignored);
    type_context_init(&context, ddl->arena);
    /* An option without a value is on. */
    if (*text == '\0' ||
        type->input(type, &context, ky_slice_cstr(text), -1, &value, &ignored) == KY_OK) {
        return KY_OK;
    }
    return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                        "invalid value for boolean option \"fastupdate\": %s", text);
}

static ky_status
check_pending_list(struct ddl *ddl, const char *text)
{
    enum { KILOBYTES_MIN = 64 };
    char *end;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0') {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for integer option \"gin_pending_list_limit\": %s",
                            text);
    }
    if (value < KILOBYTES_MIN || value > INT32_MAX) {
        (void)ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                           "value %s out of bounds for option \"gin_pending_list_limit\"", text);
        return ky_error_detail(ddl->err, "Valid values are between \"%d\" and \"%d\".",
                               (int)KILOBYTES_MIN, (int)INT32_MAX);
    }
    return KY_OK;
}

static ky_status
check_options(struct ddl *ddl, const struct ast_list *options)
{
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(options, i);
        const char *text = ddl_option_text(ddl, option);
        if (strcmp(option->name, "fastupdate") == 0) {
            KY_TRY(check_fastupdate(ddl, text));
        } else if (strcmp(option->name, "gin_pending_list_limit") == 0) {
            KY_TRY(check_pending_list(ddl, text));
        } else {
            return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized parameter \"%s\"", option->name);
        }
    }
    return KY_OK;
}

/* Elements of arrays are told apart by their order. */
static ky_status
check_elements(struct ddl *ddl, const struct cat_key *key)
{
    const struct type *element =
        key->type->element_oid == OID_NONE ? NULL : type_get(key->type->element_oid);
    if (element != NULL && element->key == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_FUNCTION,
                            "could not identify a comparison function for type %s",
                            element->sql_name);
    }
    return KY_OK;
}

ky_status
ddl_check_gin_index(struct ddl *ddl, const struct cat_index *index, const struct ast_list *elements,
                    const struct ast_list *options)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        const struct ast_index_element *element = (const void *)ast_list_get(elements, i);
        const char *refused = element->direction != AST_SORT_DEFAULT ? "ASC/DESC options"
                              : element->nulls != AST_NULLS_DEFAULT  ? "NULLS FIRST/LAST options"
                                                                     : NULL;
        if (refused != NULL) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                                "access method \"gin\" does not support %s", refused);
        }
        KY_TRY(check_elements(ddl, &index->keys[i]));
    }
    return check_options(ddl, options);
}
