/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/sysview.h"
#include "server/session/catalog/funcs_private.h"
#include "server/types/array.h"
#include "server/types/cast.h"

/* pg_proc, pg_aggregate, pg_operator, pg_cast, pg_language: the built-in tables as rows. */

enum {
    LANGUAGE_INTERNAL = 12,
    LANGUAGE_SQL = 14,
    LANGUAGE_PLPGSQL = 13570, /* the extension is 13569 */
    FUNC_COST = 1,
    SET_ROWS = 1000
};

static void
put(struct datum **at, int64_t word)
{
    *(*at)++ = datum_word(word);
}

static void
put_nulls(struct datum **at, int count)
{
    while (count-- > 0) {
        *(*at)++ = datum_null();
    }
}

static struct datum
bytes_of(struct ky_slice slice)
{
    return datum_bytes(slice.data, slice.size);
}

/* An object of ours (15000 and above) came with an extension: it shows in public, as pgvector's
 * would. */
static oid_t
schema_of(oid_t oid)
{
    return oid >= 15000 ? OID_SCHEMA_PUBLIC : OID_SCHEMA_PG_CATALOG;
}

/* ------------------------------------------------------------------ pg_proc */

static const struct sysview_column proc_columns[] = {
    {"oid", OID_OID},
    {"proname", OID_NAME},
    {"pronamespace", OID_OID},
    {"proowner", OID_OID},
    {"prolang", OID_OID},
    {"procost", OID_FLOAT4},
    {"prorows", OID_FLOAT4},
    {"provariadic", OID_OID},
    {"prosupport", OID_REGPROC},
    {"prokind", OID_CHAR},
    {"prosecdef", OID_BOOL},
    {"proleakproof", OID_BOOL},
    {"proisstrict", OID_BOOL},
    {"proretset", OID_BOOL},
    {"provolatile", OID_CHAR},
    {"proparallel", OID_CHAR},
    {"pronargs", OID_INT2},
    {"pronargdefaults", OID_INT2},
    {"prorettype", OID_OID},
    {"proargtypes", OID_OIDVECTOR},
    {"proallargtypes", OID_OID_ARRAY},
    {"proargmodes", OID_CHAR_ARRAY},
    {"proargnames", OID_TEXT_ARRAY},
    {"proargdefaults", OID_PG_NODE_TREE},
    {"protrftypes", OID_OID_ARRAY},
    {"prosrc", OID_TEXT},
    {"probin", OID_TEXT},
    {"prosqlbody", OID_PG_NODE_TREE},
    {"proconfig", OID_TEXT_ARRAY},
    {"proacl", OID_ACLITEM_ARRAY},
};

static struct datum
oid_vector(struct ky_arena *arena, const oid_t *oids, int count)
{
    struct datum values[FUNC_ARGS_MAX];
    for (int i = 0; i < count; i++) {
        values[i] = datum_word(oids[i]);
    }
    const int32_t size = count;
    const int32_t lower = 0;
    return bytes_of(
        array_make_shaped(arena, type_get(OID_OID), values, count > 0 ? 1 : 0, &size, &lower));
}

/* Columns that a set function gives out: all types, modes and names. */
static void
put_out_columns(struct datum **at, struct ky_arena *arena, const struct func *func)
{
    struct datum types[FUNC_ARGS_MAX], modes[FUNC_ARGS_MAX], names[FUNC_ARGS_MAX];
    uint32_t count = 0;
    if (!func->is_set || func->set == NULL || func->set->column_count < 2 ||
        func->arg_count + func->set->column_count > FUNC_ARGS_MAX) {
        put_nulls(at, 3);
        return;
    }
    for (int i = 0; i < func->arg_count; i++, count++) {
        types[count] = datum_word(func->args[i]);
        modes[count] = datum_word('i');
        names[count] = datum_cstr("");
    }
    for (int i = 0; i < func->set->column_count; i++, count++) {
        types[count] = datum_word(func->set->column_types[i]);
        modes[count] = datum_word('o');
        names[count] = datum_cstr(func->set->column_names[i]);
    }
    *(*at)++ = bytes_of(array_make(arena, type_get(OID_OID), types, count));
    *(*at)++ = bytes_of(array_make(arena, type_get(OID_CHAR), modes, count));
    *(*at)++ = bytes_of(array_make(arena, type_get(OID_TEXT), names, count));
}

static ky_status
fill_proc(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    size_t count;
    const struct func *const *funcs = func_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct func *func = funcs[i];
        struct datum *at = sysview_add(rows);
        put(&at, func->oid);
        *at++ = datum_cstr(func->name);
        put(&at,
            func_is_of_information_schema(func) ? OID_SCHEMA_INFORMATION : schema_of(func->oid));
        put(&at, OID_ROLE_POSTGRES);
        put(&at, LANGUAGE_INTERNAL);
        *at++ = datum_real(FUNC_COST);
        const bool is_set = func->is_set && !func->is_one_row;
        *at++ = datum_real(is_set ? SET_ROWS : 0);
        put(&at, func->is_variadic ? func->variadic_element : OID_NONE);
        put(&at, OID_NONE);
        put(&at, func->kind);
        put(&at, false);
        put(&at, false);
        put(&at, func->is_strict);
        put(&at, is_set);
        put(&at, func->volatility);
        put(&at, 's');
        put(&at, func->arg_count);
        put(&at, func->default_count);
        put(&at, func->result);
        *at++ = oid_vector(rows->arena, func->args, func->arg_count);
        put_out_columns(&at, rows->arena, func);
        put_nulls(&at, 2);
        *at++ = datum_cstr(func->kind == FUNC_AGGREGATE ? "aggregate_dummy" : func->name);
        put_nulls(&at, 4);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ pg_aggregate */

static const struct sysview_column aggregate_columns[] = {
    {"aggfnoid", OID_REGPROC},       {"aggkind", OID_CHAR},          {"aggnumdirectargs", OID_INT2},
    {"aggtransfn", OID_REGPROC},     {"aggfinalfn", OID_REGPROC},    {"aggcombinefn", OID_REGPROC},
    {"aggserialfn", OID_REGPROC},    {"aggdeserialfn", OID_REGPROC}, {"aggmtransfn", OID_REGPROC},
    {"aggminvtransfn", OID_REGPROC}, {"aggmfinalfn", OID_REGPROC},   {"aggfinalextra", OID_BOOL},
    {"aggmfinalextra", OID_BOOL},    {"aggfinalmodify", OID_CHAR},   {"aggmfinalmodify", OID_CHAR},
    {"aggsortop", OID_OID},          {"aggtranstype", OID_OID},      {"aggtransspace", OID_INT4},
    {"aggmtranstype", OID_OID},      {"aggmtransspace", OID_INT4},   {"agginitval", OID_TEXT},
    {"aggminitval", OID_TEXT},
};

/* The transition functions are not functions of SQL here. */
static ky_status
fill_aggregate(const struct sysview_context *context, struct sysview_rows *rows,
               struct ky_error *err)
{
    size_t count;
    const struct func *const *funcs = func_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        if (funcs[i]->kind != FUNC_AGGREGATE) {
            continue;
        }
        struct datum *at = sysview_add(rows);
        put(&at, funcs[i]->oid);
        put(&at, funcs[i]->aggregate->is_hypothetical  ? 'h'
                 : funcs[i]->aggregate->is_ordered_set ? 'o'
                                                       : 'n');
        put(&at, funcs[i]->aggregate->direct_count);
        for (int k = 0; k < 8; k++) {
            put(&at, 0);
        }
        put(&at, false);
        put(&at, false);
        put(&at, 'r');
        put(&at, 'r');
        put(&at, 0);
        put(&at, OID_INTERNAL);
        for (int k = 0; k < 3; k++) {
            put(&at, 0);
        }
        put_nulls(&at, 2);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ pg_operator */

static const struct sysview_column operator_columns[] = {
    {"oid", OID_OID},         {"oprname", OID_NAME},    {"oprnamespace", OID_OID},
    {"oprowner", OID_OID},    {"oprkind", OID_CHAR},    {"oprcanmerge", OID_BOOL},
    {"oprcanhash", OID_BOOL}, {"oprleft", OID_OID},     {"oprright", OID_OID},
    {"oprresult", OID_OID},   {"oprcom", OID_OID},      {"oprnegate", OID_OID},
    {"oprcode", OID_REGPROC}, {"oprrest", OID_REGPROC}, {"oprjoin", OID_REGPROC},
};

static ky_status
fill_operator(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    size_t count;
    const struct operator* const * operators = operator_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct operator* operator= operators[i];
        struct datum *at = sysview_add(rows);
        put(&at, operator->oid);
        *at++ = datum_cstr(operator->name);
        put(&at, schema_of(operator->oid));
        put(&at, OID_ROLE_POSTGRES);
        put(&at, operator->left == OID_NONE ? 'l' : 'b');
        put(&at, operator->strategy == 3);
        put(&at, operator->is_hashable);
        put(&at, operator->left);
        put(&at, operator->right);
        put(&at, operator->result);
        put(&at, operator->commutator);
        put(&at, operator->negator);
        put(&at, operator->function == NULL ? OID_NONE : operator->function->oid);
        put(&at, 0);
        put(&at, 0);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ pg_cast, pg_language */

static const struct sysview_column cast_columns[] = {
    {"oid", OID_OID},      {"castsource", OID_OID},   {"casttarget", OID_OID},
    {"castfunc", OID_OID}, {"castcontext", OID_CHAR}, {"castmethod", OID_CHAR},
};

/* pg_cast's OIDs mean nothing to anybody: they are numbered from PostgreSQL's first one. */
static ky_status
fill_cast(const struct sysview_context *context, struct sysview_rows *rows, struct ky_error *err)
{
    enum { FIRST_OID = 10035 };
    size_t count;
    const struct cast *casts = cast_all(&count);
    (void)context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        const struct cast *cast = &casts[i];
        struct datum *at = sysview_add(rows);
        put(&at, FIRST_OID + (int64_t)i);
        put(&at, cast->source);
        put(&at, cast->target);
        put(&at, cast->function_oid);
        put(&at, cast->context);
        put(&at, cast->function_oid != OID_NONE ? 'f' : cast->method == CAST_RELABEL ? 'b' : 'i');
    }
    return KY_OK;
}

static const struct sysview_column language_columns[] = {
    {"oid", OID_OID},       {"lanname", OID_NAME},      {"lanowner", OID_OID},
    {"lanispl", OID_BOOL},  {"lanpltrusted", OID_BOOL}, {"lanplcallfoid", OID_OID},
    {"laninline", OID_OID}, {"lanvalidator", OID_OID},  {"lanacl", OID_ACLITEM_ARRAY},
};

static ky_status
fill_language(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    static const struct {
        oid_t oid;
        const char *name;
        bool is_procedural;
        bool is_trusted;
    } languages[] = {{LANGUAGE_INTERNAL, "internal", false, false},
                     {13, "c", false, false},
                     {LANGUAGE_SQL, "sql", false, true},
                     {LANGUAGE_PLPGSQL, "plpgsql", true, true}};
    (void)context;
    (void)err;
    for (size_t i = 0; i < KY_COUNT_OF(languages); i++) {
        struct datum *at = sysview_add(rows);
        put(&at, languages[i].oid);
        *at++ = datum_cstr(languages[i].name);
        put(&at, OID_ROLE_POSTGRES);
        put(&at, languages[i].is_procedural);
        put(&at, languages[i].is_trusted);
        put(&at, 0);
        put(&at, 0);
        put(&at, 0);
        put_nulls(&at, 1);
    }
    return KY_OK;
}

#define VIEW(variable_, oid_, name_, columns_, fill_)                               \
    static const struct sysview variable_ = {.oid = (oid_),                         \
                                             .schema = OID_SCHEMA_PG_CATALOG,       \
                                             .name = (name_),                       \
                                             .kind = 'r',                           \
                                             .columns = (columns_),                 \
                                             .column_count = KY_COUNT_OF(columns_), \
                                             .fill = (fill_)}

VIEW(proc_view, 1255, "pg_proc", proc_columns, fill_proc);
VIEW(aggregate_view, 2600, "pg_aggregate", aggregate_columns, fill_aggregate);
VIEW(operator_view, 2617, "pg_operator", operator_columns, fill_operator);
VIEW(cast_view, 2605, "pg_cast", cast_columns, fill_cast);
VIEW(language_view, 2612, "pg_language", language_columns, fill_language);

void
proc_views_register(void)
{
    static const struct sysview *const views[] = {&proc_view, &aggregate_view, &operator_view,
                                                  &cast_view, &language_view};
    sysview_register(views, KY_COUNT_OF(views));
}
