/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/catalog/type_text.h"
#include "server/session/rights.h"

/* regclass, regtype, regnamespace, regrole, regproc: names to OIDs and back, by the session's
 * catalog and search path. */

enum { NAME_PARTS_MAX = 3 };

static const struct {
    const char *name;
    oid_t oid;
} collations[] = {{"default", 100}, {"C", 950}};

/* Splits "a"."B".c into parts, folded where unquoted. False: it is not a name. */
static bool
split_name(struct ky_slice text, char parts[NAME_PARTS_MAX][64], int *count_out)
{
    if (text.size == 0) {
        return false;
    }
    const char *at = text.data;
    const char *end = at + text.size;
    int count = 0;
    while (at < end && *at == ' ') {
        at++;
    }
    while (at < end && count < NAME_PARTS_MAX) {
        size_t size = 0;
        bool is_quoted = *at == '"';
        at += is_quoted;
        for (; at < end && (is_quoted || (*at != '.' && *at != ' ')); at++) {
            if (is_quoted && *at == '"') {
                if (at + 1 < end && at[1] == '"') {
                    at++;
                } else {
                    break;
                }
            }
            char c = *at;
            if (!is_quoted && c >= 'A' && c <= 'Z') {
                c = (char)(c - 'A' + 'a');
            }
            if (size < 63) {
                parts[count][size++] = c;
            }
        }
        at += is_quoted && at < end;
        parts[count++][size] = '\0';
        if (at < end && *at == '.') {
            at++;
            continue;
        }
        break;
    }
    while (at < end && *at == ' ') {
        at++;
    }
    *count_out = count;
    return count > 0 && at == end && parts[0][0] != '\0';
}

static struct session *
session_of(void *self)
{
    return self;
}

static ky_status
find_class(struct session *session, char parts[NAME_PARTS_MAX][64], int count, oid_t *out,
           struct ky_error *err)
{
    const struct cat_image *image = session->catalog_env.image;
    struct ky_slice name = ky_slice_cstr(parts[count - 1]);
    if (count == 3 && strcmp(parts[0], session->database) != 0) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "cross-database references are not implemented: \"%s.%s.%s\"", parts[0],
                            parts[1], parts[2]);
    }
    const struct cat_schema *schema =
        count > 1 ? cat_find_schema(image, ky_slice_cstr(parts[count - 2])) : NULL;
    if (count > 1 && schema == NULL) {
        return ky_error_set(err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                            parts[count - 2]);
    }
    if (schema != NULL) {
        KY_TRY(rights_check_schema(session, image, schema->oid, ACL_USAGE, err));
    }
    for (uint16_t i = 0; i < (schema != NULL ? 1 : session->path.count); i++) {
        oid_t where = schema != NULL ? schema->oid : session->path.schemas[i];
        const struct cat_table *table = cat_find_table(image, where, name);
        const struct cat_index *index = cat_find_index(image, where, name);
        if (table != NULL || index != NULL) {
            *out = table != NULL ? table->oid : index->oid;
            return KY_OK;
        }
    }
    if (count > 1) {
        return ky_error_set(err, KY_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist",
                            parts[count - 2], parts[count - 1]);
    }
    return ky_error_set(err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist", parts[0]);
}

static ky_status
find_type(struct session *session, struct ky_slice text, oid_t *out, struct ky_error *err)
{
    struct ky_arena arena;
    struct ast_type_name *name;
    struct bind_context bind;
    struct func_env env;
    int32_t typmod;
    ky_arena_init(&arena);
    ky_status status = parse_type_name(&arena, text, &name, err);
    if (status == KY_OK) {
        session_bind_context(session, &bind, &arena, session->catalog_env.image, &env, NULL);
        status = bind_type_name(&bind, name, out, &typmod, err);
    }
    ky_arena_deinit(&arena);
    return status;
}

static ky_status
find_proc(char parts[NAME_PARTS_MAX][64], int count, struct ky_slice text, oid_t *out,
          struct ky_error *err)
{
    size_t found;
    const struct func *const *funcs = func_candidates(ky_slice_cstr(parts[count - 1]), &found);
    if (found == 0) {
        return reg_error_missing(err, OID_REGPROC, text);
    }
    if (found > 1) {
        return ky_error_set(err, KY_AMBIGUOUS_FUNCTION, "more than one function named \"%s\"",
                            parts[count - 1]);
    }
    *out = funcs[0]->oid;
    return KY_OK;
}

/* Where c is first met outside of quotes and parentheses; size: nowhere. */
static size_t
find_char(struct ky_slice text, size_t from, char c)
{
    const char *p = text.data;
    bool is_quoted = false;
    int depth = 0;
    size_t at = from;
    for (; at < text.size && (is_quoted || depth > 0 || p[at] != c); at++) {
        is_quoted = is_quoted != (p[at] == '"');
        depth += is_quoted ? 0 : (p[at] == '(') - (p[at] == ')');
    }
    return at;
}

static bool
is_none(struct ky_slice text)
{
    const char *p = text.data;
    while (text.size > 0 && *p == ' ') {
        p++;
        text.size--;
    }
    while (text.size > 0 && p[text.size - 1] == ' ') {
        text.size--;
    }
    return text.size == 4 && strncasecmp(p, "none", 4) == 0;
}

/* The types in parentheses that begin at `at`. With operators' NONE is one. */
static ky_status
find_arguments(struct session *session, struct ky_slice text, size_t at, bool takes_none,
               oid_t types_out[FUNC_ARGS_MAX], int *count_out, struct ky_error *err)
{
    const char *p = text.data;
    size_t end = text.size;
    while (end > at + 1 && p[end - 1] == ' ') {
        end--;
    }
    if (end <= at + 1 || p[end - 1] != ')') {
        return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "expected a right parenthesis");
    }
    const struct ky_slice list = ky_slice(p + at + 1, end - at - 2);
    int count = 0;
    size_t from = 0;
    while (from < list.size && ((const char *)list.data)[from] == ' ') {
        from++;
    }
    while (from < list.size) {
        const size_t comma = find_char(list, from, ',');
        if (count == FUNC_ARGS_MAX) {
            return ky_error_set(err, KY_TOO_MANY_ARGUMENTS, "too many arguments");
        }
        const struct ky_slice item = ky_slice((const char *)list.data + from, comma - from);
        types_out[count] = OID_NONE;
        if (!takes_none || !is_none(item)) {
            KY_TRY(find_type(session, item, &types_out[count], err));
        }
        count++;
        from = comma + 1;
    }
    *count_out = count;
    return KY_OK;
}

/* "name(type, type)": the name without its schema, and the types. */
static ky_status
split_call(struct session *session, struct ky_slice text, bool takes_none, char name_out[64],
           oid_t types_out[FUNC_ARGS_MAX], int *count_out, struct ky_error *err)
{
    char parts[NAME_PARTS_MAX][64];
    int part_count = 0;
    const size_t at = find_char(text, 0, '(');
    if (at == text.size) {
        return ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "expected a left parenthesis");
    }
    if (!split_name(ky_slice(text.data, at), parts, &part_count)) {
        return ky_error_set(err, KY_INVALID_NAME, "invalid name syntax");
    }
    strcpy(name_out, parts[part_count - 1]);
    return find_arguments(session, text, at, takes_none, types_out, count_out, err);
}

/* name(type, type): the one function of exactly these arguments. */
static ky_status
find_procedure(struct session *session, struct ky_slice text, oid_t *out, struct ky_error *err)
{
    char name[64];
    oid_t types[FUNC_ARGS_MAX];
    int count = 0;
    KY_TRY(split_call(session, text, false, name, types, &count, err));
    size_t found;
    const struct func *const *funcs = func_candidates(ky_slice_cstr(name), &found);
    for (size_t i = 0; i < found; i++) {
        if (funcs[i]->arg_count == count &&
            (count == 0 || memcmp(funcs[i]->args, types, (size_t)count * sizeof(oid_t)) == 0)) {
            *out = funcs[i]->oid;
            return KY_OK;
        }
    }
    return reg_error_missing(err, OID_REGPROCEDURE, text);
}

static ky_status
find_operator(struct ky_slice name, struct ky_slice text, oid_t *out, struct ky_error *err)
{
    size_t found;
    const struct operator* const * operators = operator_candidates(name, &found);
    if (found == 0) {
        return reg_error_missing(err, OID_REGOPER, text);
    }
    if (found > 1) {
        return ky_error_set(err, KY_AMBIGUOUS_FUNCTION, "more than one operator named %.*s",
                            (int)text.size, (const char *)text.data);
    }
    *out = operators[0]->oid;
    return KY_OK;
}

/* name(left, right), NONE where a prefix operator has no left. */
static ky_status
find_operator_of(struct session *session, struct ky_slice text, oid_t *out, struct ky_error *err)
{
    char name[64];
    oid_t types[FUNC_ARGS_MAX];
    int count = 0;
    KY_TRY(split_call(session, text, true, name, types, &count, err));
    if (count == 1) {
        ky_error_set(err, KY_UNDEFINED_PARAMETER, "missing argument");
        return ky_error_hint(err, "Use NONE to denote the missing argument of a unary operator.");
    }
    if (count != 2) {
        ky_error_set(err, KY_TOO_MANY_ARGUMENTS, "too many arguments");
        return ky_error_hint(err, "Provide two argument types for operator.");
    }
    const struct operator* operator= operator_exact(ky_slice_cstr(name), types[0], types[1]);
    if (operator== NULL) {
        return reg_error_missing(err, OID_REGOPERATOR, text);
    }
    *out = operator->oid;
    return KY_OK;
}

static ky_status
find_collation(const char *name, struct ky_slice text, oid_t *out, struct ky_error *err)
{
    for (size_t i = 0; i < KY_COUNT_OF(collations); i++) {
        if (strcmp(collations[i].name, name) == 0) {
            *out = collations[i].oid;
            return KY_OK;
        }
    }
    return reg_error_missing(err, OID_REGCOLLATION, text);
}

static ky_status
find_oid(void *self, oid_t reg_type, struct ky_slice text, oid_t *oid_out, struct ky_error *err)
{
    struct session *session = session_of(self);
    const struct cat_image *image = session->catalog_env.image;
    char parts[NAME_PARTS_MAX][64];
    int count = 0;
    if (reg_type == OID_REGTYPE) {
        return find_type(session, text, oid_out, err);
    }
    if (reg_type == OID_REGPROCEDURE) {
        return find_procedure(session, text, oid_out, err);
    }
    if (reg_type == OID_REGOPERATOR) {
        return find_operator_of(session, text, oid_out, err);
    }
    if (!split_name(text, parts, &count)) {
        return ky_error_set(err, KY_INVALID_NAME, "invalid name syntax");
    }
    if (reg_type == OID_REGCLASS) {
        return find_class(session, parts, count, oid_out, err);
    }
    if (reg_type == OID_REGNAMESPACE) {
        const struct cat_schema *schema = cat_find_schema(image, ky_slice_cstr(parts[0]));
        if (schema != NULL) {
            *oid_out = schema->oid;
            return KY_OK;
        }
    } else if (reg_type == OID_REGROLE) {
        const struct cat_role *role = cat_find_role(image, ky_slice_cstr(parts[0]));
        if (role != NULL) {
            *oid_out = role->oid;
            return KY_OK;
        }
    } else if (reg_type == OID_REGPROC) {
        return find_proc(parts, count, text, oid_out, err);
    } else if (reg_type == OID_REGOPER) {
        return find_operator(ky_slice_cstr(parts[count - 1]), text, oid_out, err);
    } else if (reg_type == OID_REGCOLLATION) {
        return find_collation(parts[count - 1], text, oid_out, err);
    }
    return reg_error_missing(err, reg_type, text);
}

/* ------------------------------------------------------------------ names of OIDs */

static void
append_identifier(struct ky_buffer *out, const char *name)
{
    ast_print_identifier(out, name);
}

static bool
append_class(const struct session *session, oid_t oid, struct ky_buffer *out)
{
    const struct cat_image *image = session->catalog_env.image;
    const struct cat_table *table = cat_get_table(image, oid);
    const struct cat_index *index = table == NULL ? cat_get_index(image, oid) : NULL;
    if (table == NULL && index == NULL) {
        return false;
    }
    const char *name = table != NULL ? table->name : index->name;
    oid_t schema_oid = table != NULL ? table->schema : index->table->schema;
    bool is_visible = false;
    for (uint16_t i = 0; i < session->path.count && !is_visible; i++) {
        oid_t where = session->path.schemas[i];
        if (where == schema_oid) {
            is_visible = true;
        } else if (cat_find_table(image, where, ky_slice_cstr(name)) != NULL) {
            break;
        }
    }
    const struct cat_schema *schema = cat_get_schema(image, schema_oid);
    if (!is_visible && schema != NULL) {
        append_identifier(out, schema->name);
        ky_buffer_append_byte(out, '.');
    }
    append_identifier(out, name);
    return true;
}

/* Its schema where the name alone would not say which it is. */
static bool
append_operator(oid_t oid, bool has_arguments, struct ky_buffer *out)
{
    const struct operator* operator= operator_find(oid);
    size_t count;
    if (operator== NULL) {
        return false;
    }
    (void)operator_candidates(ky_slice_cstr(operator->name), &count);
    if (!has_arguments && count > 1) {
        ky_buffer_append_cstr(out, oid < OID_OURS_FIRST ? "pg_catalog." : "public.");
    }
    ky_buffer_append_cstr(out, operator->name);
    if (has_arguments) {
        const struct type *left = type_find(operator->left);
        const struct type *right = type_find(operator->right);
        ky_buffer_printf(out, "(%s,%s)", left == NULL ? "NONE" : left->sql_name,
                         right == NULL ? "NONE" : right->sql_name);
    }
    return true;
}

static bool
append_user_type(const struct session *session, oid_t oid, struct ky_buffer *out)
{
    const struct cat_image *image = session->catalog_env.image;
    const struct cat_type *type = cat_get_type(image, oid);
    if (type == NULL) {
        return false;
    }
    const struct cat_schema *schema = cat_get_schema(image, type->schema);
    if (schema != NULL && !cat_is_type_visible(image, &session->path, type)) {
        append_identifier(out, schema->name);
        ky_buffer_append_byte(out, '.');
    }
    append_identifier(out, type->name);
    ky_buffer_append_cstr(out, oid == type->oid ? "" : "[]");
    return true;
}

/* What the transaction did to types itself others do not see before its commit. */
static const struct enum_labels *
find_labels(void *self, oid_t oid)
{
    const struct session *session = session_of(self);
    if (!session->has_catalog_changes || session->catalog_env.image == NULL) {
        return NULL;
    }
    const struct cat_type *type = cat_get_type(session->catalog_env.image, oid);
    return type == NULL ? NULL : &type->labels;
}

static bool
append_name(void *self, oid_t reg_type, oid_t oid, struct ky_buffer *out)
{
    const struct session *session = session_of(self);
    const struct cat_image *image = session->catalog_env.image;
    if (image == NULL) {
        return false;
    }
    if (reg_type == OID_REGCLASS) {
        return append_class(session, oid, out);
    }
    if (reg_type == OID_REGTYPE && oid >= OID_FIRST_USER) {
        return append_user_type(session, oid, out);
    }
    if (reg_type == OID_REGTYPE) {
        const struct type *type = type_find(oid);
        if (type != NULL) {
            ky_buffer_append_cstr(out, type->sql_name);
        }
        return type != NULL;
    }
    if (reg_type == OID_REGNAMESPACE) {
        const struct cat_schema *schema = cat_get_schema(image, oid);
        if (schema != NULL) {
            append_identifier(out, schema->name);
        }
        return schema != NULL;
    }
    if (reg_type == OID_REGROLE) {
        const struct cat_role *role = cat_get_role(image, oid);
        if (role != NULL) {
            append_identifier(out, role->name);
        }
        return role != NULL;
    }
    if (reg_type == OID_REGPROC || reg_type == OID_REGPROCEDURE) {
        const struct func *func = func_find(oid);
        if (func != NULL) {
            append_identifier(out, func->name);
        }
        if (func != NULL && reg_type == OID_REGPROCEDURE) {
            ky_buffer_append_byte(out, '(');
            for (int i = 0; i < func->arg_count; i++) {
                const struct type *type = type_find(func->args[i]);
                ky_buffer_append_cstr(out, i == 0 ? "" : ",");
                ky_buffer_append_cstr(out, type == NULL ? "???" : type->sql_name);
            }
            ky_buffer_append_byte(out, ')');
        }
        return func != NULL;
    }
    if (reg_type == OID_REGOPER || reg_type == OID_REGOPERATOR) {
        return append_operator(oid, reg_type == OID_REGOPERATOR, out);
    }
    for (size_t i = 0; reg_type == OID_REGCOLLATION && i < KY_COUNT_OF(collations); i++) {
        if (collations[i].oid == oid) {
            append_identifier(out, collations[i].name);
            return true;
        }
    }
    return false;
}

void
session_reg_init(struct session *session)
{
    session->reg = (struct reg_names){.self = session,
                                      .find_oid = find_oid,
                                      .append_name = append_name,
                                      .find_labels = find_labels};
    session->types.reg = &session->reg;
}
