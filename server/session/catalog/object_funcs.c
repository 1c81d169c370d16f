/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "parser/parser.h"
#include "server/session/catalog/funcs_private.h"
#include "server/session/rights.h"
#include "server/session/sequence.h"
#include "server/types/array.h"

/* About single objects: their definitions, what belongs to what, what the path shows. */

FUNCTION(always)
{
    UNUSED_ARGS();
    *out = datum_word(true);
    return KY_OK;
}

FUNCTION(never)
{
    UNUSED_ARGS();
    *out = datum_word(false);
    return KY_OK;
}

/* Definitions of what the server does not have: no OID names one. */
FUNCTION(no_definition)
{
    UNUSED_ARGS();
    *out = datum_null();
    return KY_OK;
}

static void
append_arguments(struct ky_buffer *text, const struct func *func)
{
    for (uint8_t i = 0; i < func->arg_count; i++) {
        const struct type *type = type_find(func->args[i]);
        bool is_last = func->is_variadic && i + 1 == func->arg_count;
        ky_buffer_printf(text, "%s%s%s", i > 0 ? ", " : "", is_last ? "VARIADIC " : "",
                         type == NULL ? "???" : type->sql_name);
    }
}

FUNCTION(pg_get_function_arguments)
{
    UNUSED_ARGS();
    const struct func *func = func_find((oid_t)args[0].word);
    struct ky_buffer text = {0};
    if (func == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    append_arguments(&text, func);
    *out = funcs_text(env, ky_arena_cstr(env->types.arena, ky_buffer_slice(&text)));
    ky_buffer_deinit(&text);
    return KY_OK;
}

FUNCTION(pg_get_function_result)
{
    UNUSED_ARGS();
    const struct func *func = func_find((oid_t)args[0].word);
    const struct type *type = func == NULL ? NULL : type_find(func->result);
    *out = datum_null();
    if (type != NULL) {
        const bool is_set = func->is_set && !func->is_one_row;
        *out = funcs_text(
            env, ky_arena_printf(env->types.arena, "%s%s", is_set ? "SETOF " : "", type->sql_name));
    }
    return KY_OK;
}

/* The sequence that a serial or identity column owns, as text that regclass reads. */
FUNCTION(pg_get_serial_sequence)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    const struct reg_names *names = env->types.reg;
    oid_t oid;
    KY_TRY(names->find_oid(names->self, OID_REGCLASS, args[0].bytes, &oid, err));
    const struct cat_table *table = cat_get_table(image, oid);
    const struct cat_column *column = table == NULL ? NULL : cat_find_column(table, args[1].bytes);
    if (column == NULL) {
        return ky_error_set(
            err, KY_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
            ky_arena_cstr(env->types.arena, args[1].bytes), table == NULL ? "" : table->name);
    }
    *out = datum_null();
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *sequence = image->tables[i];
        if (sequence->kind == 'S' && sequence->owner_table == oid &&
            sequence->owner_column == column->number) {
            const struct cat_schema *schema = cat_get_schema(image, sequence->schema);
            struct ky_buffer text = {0};
            ast_print_identifier(&text, schema == NULL ? "" : schema->name);
            ky_buffer_append_byte(&text, '.');
            ast_print_identifier(&text, sequence->name);
            *out = funcs_text(env, ky_arena_cstr(env->types.arena, ky_buffer_slice(&text)));
            ky_buffer_deinit(&text);
            break;
        }
    }
    return KY_OK;
}

/* Tables take all of INSERT (8), UPDATE (4) and DELETE (16); views are read only. */
FUNCTION(pg_relation_is_updatable)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    bool is_table = table != NULL && table->kind == 'r' && table->sysview == NULL;
    *out = datum_word(is_table ? 4 + 8 + 16 : 0);
    return KY_OK;
}

FUNCTION(pg_column_is_updatable)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    *out = datum_word(table != NULL && table->kind == 'r' && table->sysview == NULL &&
                      args[1].word > 0);
    return KY_OK;
}

/* The index that names rows for followers: the primary key. */
FUNCTION(pg_get_replica_identity_index)
{
    UNUSED_ARGS();
    const struct cat_table *table = cat_get_table(funcs_env(env)->image, (oid_t)args[0].word);
    *out = datum_null();
    for (uint16_t i = 0; table != NULL && i < table->index_count; i++) {
        if (table->indexes[i]->is_primary) {
            *out = datum_word(table->indexes[i]->oid);
        }
    }
    return KY_OK;
}

FUNCTION(shobj_description)
{
    UNUSED_ARGS();
    const struct cat_image *image = funcs_env(env)->image;
    *out = datum_null();
    const struct cat_table *catalog = cat_find_table(image, OID_SCHEMA_PG_CATALOG, args[1].bytes);
    for (size_t i = 0; catalog != NULL && i < image->comment_count; i++) {
        const struct cat_comment *comment = image->comments[i];
        if (comment->object == (oid_t)args[0].word && comment->class_oid == catalog->oid) {
            *out = funcs_text(env, comment->text);
        }
    }
    return KY_OK;
}

/* The search path; pg_catalog in front, where nobody named it, counts as implicit. */
FUNCTION(current_schemas)
{
    UNUSED_ARGS();
    const struct cat_path *path = funcs_env(env)->path;
    struct datum names[KY_COUNT_OF(path->schemas)];
    uint32_t count = 0;
    for (uint16_t i = 0; i < path->count; i++) {
        const struct cat_schema *schema = cat_get_schema(funcs_env(env)->image, path->schemas[i]);
        bool is_implicit = i == 0 && path->schemas[i] == OID_SCHEMA_PG_CATALOG;
        const char *name = schema != NULL ? schema->name : is_implicit ? "pg_catalog" : NULL;
        if (name != NULL && (args[0].word != 0 || !is_implicit)) {
            names[count++] = datum_cstr(name);
        }
    }
    struct ky_slice array = array_make(env->types.arena, type_get(OID_NAME), names, count);
    *out = datum_bytes(array.data, array.size);
    return KY_OK;
}

/* ------------------------------------------------------------------ options as rows */

struct func_rows {
    struct array_view array;
    const uint8_t *cursor;
    uint32_t done;
};

static ky_status
options_open(struct func_env *env, const struct datum *args, int arg_count,
             struct func_rows **rows_out, struct ky_error *err)
{
    (void)arg_count;
    (void)err;
    struct func_rows *rows = ky_arena_new(env->types.arena, struct func_rows);
    *rows = (struct func_rows){0};
    array_open(args[0].bytes, &rows->array);
    rows->cursor = rows->array.first;
    *rows_out = rows;
    return KY_OK;
}

/* "name=value"; without "=" the value is null. */
static ky_status
options_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
             struct ky_error *err)
{
    (void)env;
    (void)err;
    *has_row_out = rows->done < rows->array.count;
    if (!*has_row_out) {
        return KY_OK;
    }
    rows->done++;
    struct datum item = array_next(&rows->array, &rows->cursor);
    const char *text = item.is_null ? "" : item.bytes.data;
    size_t size = item.is_null ? 0 : item.bytes.size;
    const char *sign = size == 0 ? NULL : memchr(text, '=', size);
    size_t name_size = sign == NULL ? size : (size_t)(sign - text);
    values[0] = datum_bytes(text, name_size);
    values[1] = sign == NULL ? datum_null() : datum_bytes(sign + 1, size - name_size - 1);
    return KY_OK;
}

static const struct func_set options_set = {
    .open = options_open,
    .next = options_next,
    .column_count = 2,
    .column_names = (const char *const[]){"option_name", "option_value"},
    .column_types = ARGS(OID_TEXT, OID_TEXT),
};

/* ------------------------------------------------------------------ sequences as rows */

enum { OID_SEQUENCE_STATE = 14990 };

struct sequence_row {
    const struct cat_table *sequence;
    bool is_done;
};

static ky_status
sequence_open(struct func_env *env, const struct datum *args, int arg_count,
              struct func_rows **rows_out, struct ky_error *err)
{
    (void)arg_count;
    struct sequence_row *row = ky_arena_new(env->types.arena, struct sequence_row);
    const struct cat_image *image = funcs_env(env)->image;
    row->sequence = cat_get_table(image, (oid_t)args[0].word);
    if (row->sequence != NULL) {
        KY_TRY(
            rights_check_table(funcs_session(env), image, row->sequence, ACL_SELECT, false, err));
    }
    row->is_done = row->sequence == NULL || row->sequence->kind != 'S';
    *rows_out = (struct func_rows *)(void *)row;
    return KY_OK;
}

/* last_value, log_cnt, is_called. Where setval(.., false) put it before its minimum, the next value
 * is shown as not called. */
static ky_status
sequence_next_row(struct func_env *env, struct func_rows *rows, struct datum *values,
                  bool *has_row_out, struct ky_error *err)
{
    struct sequence_row *row = (struct sequence_row *)(void *)rows;
    (void)err;
    *has_row_out = !row->is_done;
    if (row->is_done) {
        return KY_OK;
    }
    row->is_done = true;
    const int64_t *options = row->sequence->sequence; /* start, increment, minimum, maximum */
    int64_t last;
    bool is_called = sequence_last(funcs_session(env)->server, row->sequence, &last);
    if (!is_called) {
        last = options[0];
    } else if (last < options[2] || last > options[3]) {
        last += options[1];
        is_called = false;
    }
    values[0] = datum_word(last);
    values[1] = datum_word(0);
    values[2] = datum_word(is_called);
    return KY_OK;
}

static const struct func_set sequence_set_of_rows = {
    .open = sequence_open,
    .next = sequence_next_row,
    .column_count = 3,
    .column_names = (const char *const[]){"last_value", "log_cnt", "is_called"},
    .column_types = ARGS(OID_INT8, OID_INT8, OID_BOOL),
};

/* No table is a partition. */
static ky_status
no_rows_open(struct func_env *env, const struct datum *args, int arg_count,
             struct func_rows **rows_out, struct ky_error *err)
{
    (void)env;
    (void)args;
    (void)arg_count;
    (void)err;
    *rows_out = NULL;
    return KY_OK;
}

static ky_status
no_rows_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
             struct ky_error *err)
{
    (void)env;
    (void)rows;
    (void)values;
    (void)err;
    *has_row_out = false;
    return KY_OK;
}

/* ---- pg_get_keywords ---- */

static ky_status
keywords_open(struct func_env *env, const struct datum *args, int arg_count,
              struct func_rows **rows_out, struct ky_error *err)
{
    (void)args;
    (void)arg_count;
    (void)err;
    int *next = ky_arena_new(env->types.arena, int);
    *next = 0;
    *rows_out = (struct func_rows *)(void *)next;
    return KY_OK;
}

static const char *keyword_class_name(enum keyword_class class)
{
    switch (class) {
    case KEYWORD_UNRESERVED:
        return "unreserved";
    case KEYWORD_COL_NAME:
        return "unreserved (cannot be function or type name)";
    case KEYWORD_TYPE_FUNC_NAME:
        return "reserved (can be function or type name)";
    case KEYWORD_RESERVED:
        return "reserved";
    }
    return "";
}

static ky_status
keywords_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
              struct ky_error *err)
{
    int *next = (int *)(void *)rows;
    (void)env;
    (void)err;
    *has_row_out = *next < keyword_count;
    if (*has_row_out) {
        const struct keyword *keyword = &keyword_table[(*next)++];
        values[0] = datum_cstr(keyword->name);
        values[1] = datum_word((int64_t)keyword->class);
        values[2] = datum_word(keyword->is_bare_label);
        values[3] = datum_cstr(keyword_class_name(keyword->class));
        values[4] = datum_cstr(keyword->is_bare_label ? "can be bare label" : "requires AS");
    }
    return KY_OK;
}

static const struct func_set keywords_set = {
    .open = keywords_open,
    .next = keywords_next,
    .column_count = 5,
    .column_names = (const char *const[]){"word", "catcode", "barelabel", "catdesc", "baredesc"},
    .column_types = ARGS(OID_TEXT, OID_CHAR, OID_BOOL, OID_TEXT, OID_TEXT),
};

static const struct func_set ancestors_set = {
    .open = no_rows_open,
    .next = no_rows_next,
    .column_count = 1,
    .column_names = (const char *const[]){"relid"},
    .column_types = ARGS(OID_REGCLASS),
};

static const struct func funcs[] = {
    {.oid = 1686,
     .name = "pg_get_keywords",
     .result = OID_RECORD,
     .is_strict = true,
     .volatility = 's',
     .kind = FUNC_SCALAR,
     .is_set = true,
     .set = &keywords_set},
    {.oid = 3425,
     .name = "pg_partition_ancestors",
     .result = OID_REGCLASS,
     .arg_count = 1,
     .args = ARGS(OID_REGCLASS),
     .is_strict = true,
     .volatility = 'v',
     .kind = FUNC_SCALAR,
     .is_set = true,
     .set = &ancestors_set},
    {.oid = OID_SEQUENCE_STATE,
     .name = "kyro_sequence_state",
     .result = OID_RECORD,
     .arg_count = 1,
     .args = ARGS(OID_OID),
     .is_strict = true,
     .volatility = 'v',
     .kind = FUNC_SCALAR,
     .is_set = true,
     .set = &sequence_set_of_rows},
    FUNC(1403, "current_schemas", OID_NAME_ARRAY, 1, ARGS(OID_BOOL), true, 's', current_schemas),
    FUNC(3815, "pg_collation_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(2093, "pg_conversion_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(2083, "pg_opclass_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3829, "pg_opfamily_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(2082, "pg_operator_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3403, "pg_statistics_obj_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3758, "pg_ts_config_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3757, "pg_ts_dict_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3756, "pg_ts_parser_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(3768, "pg_ts_template_is_visible", OID_BOOL, 1, ARGS(OID_OID), true, 's', always),
    FUNC(2855, "pg_is_other_temp_schema", OID_BOOL, 1, ARGS(OID_OID), true, 's', never),
    FUNC(1662, "pg_get_triggerdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(2730, "pg_get_triggerdef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's', no_definition),
    FUNC(1573, "pg_get_ruledef", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(2504, "pg_get_ruledef", OID_TEXT, 2, ARGS(OID_OID, OID_BOOL), true, 's', no_definition),
    FUNC(2098, "pg_get_functiondef", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(6197, "pg_get_function_sqlbody", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(3352, "pg_get_partkeydef", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(3415, "pg_get_statisticsobjdef", OID_TEXT, 1, ARGS(OID_OID), true, 's', no_definition),
    FUNC(2162, "pg_get_function_arguments", OID_TEXT, 1, ARGS(OID_OID), true, 's',
         pg_get_function_arguments),
    FUNC(2232, "pg_get_function_identity_arguments", OID_TEXT, 1, ARGS(OID_OID), true, 's',
         pg_get_function_arguments),
    FUNC(2165, "pg_get_function_result", OID_TEXT, 1, ARGS(OID_OID), true, 's',
         pg_get_function_result),
    FUNC(1665, "pg_get_serial_sequence", OID_TEXT, 2, ARGS(OID_TEXT, OID_TEXT), true, 's',
         pg_get_serial_sequence),
    FUNC(3842, "pg_relation_is_updatable", OID_INT4, 2, ARGS(OID_REGCLASS, OID_BOOL), true, 's',
         pg_relation_is_updatable),
    FUNC(3843, "pg_column_is_updatable", OID_BOOL, 3, ARGS(OID_REGCLASS, OID_INT2, OID_BOOL), true,
         's', pg_column_is_updatable),
    FUNC(6120, "pg_get_replica_identity_index", OID_REGCLASS, 1, ARGS(OID_REGCLASS), true, 's',
         pg_get_replica_identity_index),
    FUNC(1993, "shobj_description", OID_TEXT, 2, ARGS(OID_OID, OID_NAME), true, 's',
         shobj_description),
    {.oid = 2289,
     .name = "pg_options_to_table",
     .result = OID_RECORD,
     .arg_count = 1,
     .args = ARGS(OID_TEXT_ARRAY),
     .is_strict = true,
     .volatility = 's',
     .kind = FUNC_SCALAR,
     .is_set = true,
     .set = &options_set},
};

void
object_funcs_register(void)
{
    func_register(funcs, KY_COUNT_OF(funcs));
}
