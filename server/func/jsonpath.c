/* SPDX-License-Identifier: Apache-2.0 */

#include "server/base/thread_value.h"
#include "server/func/jsonpath_exec.h"
#include "server/func/regex.h"

/*
 * The functions and operators of SQL/JSON paths. A path comes as text with each row; the trees of
 * the last few are kept by the thread, as regular expressions are.
 */

enum { PATH_CACHE_SIZE = 16, PATH_TEXT_SIZE_MAX = 256 * 1024 * 1024 };

struct cached_path {
    struct ky_arena arena; /* the tree and the text */
    struct ky_slice text;
    struct jsonpath path;
    uint64_t used_at; /* 0: free */
};

struct path_cache {
    struct cached_path entries[PATH_CACHE_SIZE];
    uint64_t clock;
};

static void
cache_free(void *pointer)
{
    struct path_cache *cache = pointer;
    for (size_t i = 0; i < PATH_CACHE_SIZE; i++) {
        ky_arena_deinit(&cache->entries[i].arena);
    }
    ky_free(cache);
}

static void *
cache_new(void)
{
    struct path_cache *cache = ky_calloc(1, sizeof(*cache));
    for (size_t i = 0; i < PATH_CACHE_SIZE; i++) {
        ky_arena_init(&cache->entries[i].arena);
    }
    return cache;
}

static struct ky_thread_value caches = {.make = cache_new, .destroy = cache_free};

static ky_status
regex_of(const struct jsonpath_node *node, struct regex *regex, struct ky_error *err)
{
    struct regex_flags flags = {0};
    flags.is_literal = (node->regex_flags & JSONPATH_REGEX_Q) != 0;
    if ((node->regex_flags & JSONPATH_REGEX_I) != 0) {
        flags.options |= PCRE2_CASELESS;
    }
    if (!flags.is_literal && (node->regex_flags & JSONPATH_REGEX_S) != 0) {
        flags.options |= PCRE2_DOTALL;
    }
    if (!flags.is_literal && (node->regex_flags & JSONPATH_REGEX_M) != 0) {
        flags.options |= PCRE2_MULTILINE;
    }
    return regex_get(node->text, &flags, regex, err);
}

ky_status
path_regex_search(const struct jsonpath_node *node, struct ky_slice text, bool *is_match_out,
                  struct ky_error *err)
{
    struct regex regex;
    KY_TRY(regex_of(node, &regex, err));
    return regex_search(&regex, text, 0, is_match_out, err);
}

/* PostgreSQL refuses a wrong pattern when the path is read. */
static ky_status
check_regexes(const struct jsonpath_node *node, struct ky_error *err)
{
    for (; node != NULL; node = node->next) {
        if (node->kind == JSONPATH_LIKE_REGEX) {
            struct regex regex;
            KY_TRY(regex_of(node, &regex, err));
        }
        KY_TRY(check_regexes(node->left, err));
        KY_TRY(check_regexes(node->right, err));
        const struct jsonpath_subscript *subscript = node->subscripts;
        for (; subscript != NULL; subscript = subscript->next) {
            KY_TRY(check_regexes(subscript->from, err));
            KY_TRY(check_regexes(subscript->to, err));
        }
    }
    return KY_OK;
}

ky_status
path_get(struct func_env *env, struct ky_slice text, struct jsonpath *out, struct ky_error *err)
{
    struct path_cache *cache = ky_thread_value_get(&caches);
    struct cached_path *oldest = &cache->entries[0];
    for (size_t i = 0; i < PATH_CACHE_SIZE; i++) {
        struct cached_path *entry = &cache->entries[i];
        if (entry->used_at > 0 && ky_slice_equal(entry->text, text)) {
            entry->used_at = ++cache->clock;
            *out = entry->path;
            return KY_OK;
        }
        oldest = entry->used_at < oldest->used_at ? entry : oldest;
    }
    struct type_context context = env->types;
    ky_arena_reset(&oldest->arena);
    oldest->used_at = 0;
    context.arena = &oldest->arena;
    oldest->text = ky_slice_dup(context.arena, text);
    KY_TRY(jsonpath_parse(&context, oldest->text, &oldest->path, err));
    KY_TRY(check_regexes(oldest->path.root, err));
    oldest->used_at = ++cache->clock;
    *out = oldest->path;
    return KY_OK;
}

/* How one function asks: its arguments are the value, the path and, if it has them, the variables
 * and whether it is silent. */
static ky_status
ask(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
    struct path_list *found, enum path_state *state_out, struct ky_error *err)
{
    struct jsonpath path;
    const bool has_options = arg_count > 2;
    const struct path_options options = {
        .vars = has_options ? &args[2].bytes : NULL,
        .is_silent = !has_options || args[3].word != 0,
        .uses_zone = uses_zone,
    };
    KY_TRY(path_get(env, args[1].bytes, &path, err));
    const enum path_state state = path_run(env, &path, args[0].bytes, &options, found, err);
    if (state == PATH_FAILED) {
        return KY_ERR;
    }
    *state_out = state;
    return KY_OK;
}

static ky_status
exists(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
       struct datum *out, struct ky_error *err)
{
    const struct ky_arena_mark mark = ky_arena_mark(env->types.arena);
    enum path_state state;
    const ky_status status = ask(env, args, arg_count, uses_zone, NULL, &state, err);
    ky_arena_rewind(env->types.arena, mark);
    KY_TRY(status);
    *out = state == PATH_ERROR ? datum_null() : datum_word(state == PATH_OK);
    return KY_OK;
}

static ky_status
match(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
      struct datum *out, struct ky_error *err)
{
    const struct ky_arena_mark mark = ky_arena_mark(env->types.arena);
    struct path_list found = {0};
    enum path_state state;
    const ky_status status = ask(env, args, arg_count, uses_zone, &found, &state, err);
    const struct path_item item = status == KY_OK && found.count == 1
                                      ? found.items[0]
                                      : (struct path_item){.kind = PATH_ITEM_ARRAY}; /* no truth */
    ky_arena_rewind(env->types.arena, mark);
    KY_TRY(status);
    *out = item.kind == PATH_ITEM_BOOL ? datum_word(item.boolean) : datum_null();
    const bool is_silent = arg_count <= 2 || args[3].word != 0;
    if (!is_silent && item.kind != PATH_ITEM_BOOL && item.kind != PATH_ITEM_NULL) {
        return ky_error_set(err, KY_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                            "single boolean result is expected");
    }
    return KY_OK;
}

static ky_status
first(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
      struct datum *out, struct ky_error *err)
{
    struct path_list found = {0};
    struct ky_buffer text = {0};
    enum path_state state;
    KY_TRY(ask(env, args, arg_count, uses_zone, &found, &state, err));
    *out = datum_null();
    if (found.count > 0) {
        path_item_print(env, &found.items[0], &text);
        *out = func_take_buffer(env, &text);
    }
    return KY_OK;
}

static ky_status
array(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
      struct datum *out, struct ky_error *err)
{
    struct path_list found = {0};
    struct ky_buffer text = {0};
    enum path_state state;
    KY_TRY(ask(env, args, arg_count, uses_zone, &found, &state, err));
    ky_buffer_append_byte(&text, '[');
    for (size_t i = 0; i < found.count; i++) {
        ky_buffer_append_cstr(&text, i == 0 ? "" : ", ");
        path_item_print(env, &found.items[i], &text);
        if (text.size > PATH_TEXT_SIZE_MAX) {
            ky_buffer_deinit(&text);
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
        }
    }
    ky_buffer_append_byte(&text, ']');
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

struct found_rows {
    struct path_list found;
    size_t next;
};

static ky_status
rows_open(struct func_env *env, const struct datum *args, int arg_count, bool uses_zone,
          struct func_rows **rows_out, struct ky_error *err)
{
    struct found_rows *rows = ky_arena_new(env->types.arena, struct found_rows);
    enum path_state state;
    KY_TRY(ask(env, args, arg_count, uses_zone, &rows->found, &state, err));
    *rows_out = (struct func_rows *)(void *)rows;
    return KY_OK;
}

static ky_status
rows_next(struct func_env *env, struct func_rows *state, struct datum *values, bool *has_row_out,
          struct ky_error *err KY_UNUSED)
{
    struct found_rows *rows = (struct found_rows *)(void *)state;
    struct ky_buffer text = {0};
    *has_row_out = rows->next < rows->found.count;
    if (*has_row_out) {
        path_item_print(env, &rows->found.items[rows->next++], &text);
        values[0] = func_take_buffer(env, &text);
    }
    return KY_OK;
}

/* Each function twice: the name with _tz uses the session's time zone. */
#define PATH_SCALARS(name, does)                            \
    SCALAR(name)                                            \
    {                                                       \
        return does(env, args, arg_count, false, out, err); \
    }                                                       \
    SCALAR(name##_tz)                                       \
    {                                                       \
        return does(env, args, arg_count, true, out, err);  \
    }
PATH_SCALARS(jsonb_path_exists, exists)
PATH_SCALARS(jsonb_path_match, match)
PATH_SCALARS(jsonb_path_query_first, first)
PATH_SCALARS(jsonb_path_query_array, array)

static ky_status
query_open(struct func_env *env, const struct datum *args, int arg_count,
           struct func_rows **rows_out, struct ky_error *err)
{
    return rows_open(env, args, arg_count, false, rows_out, err);
}

static ky_status
query_tz_open(struct func_env *env, const struct datum *args, int arg_count,
              struct func_rows **rows_out, struct ky_error *err)
{
    return rows_open(env, args, arg_count, true, rows_out, err);
}

static const oid_t row_types[] = {OID_JSONB};
static const char *const query_columns[] = {"jsonb_path_query"};
static const char *const query_tz_columns[] = {"jsonb_path_query_tz"};
static const struct func_set query_set = {query_open, rows_next, 1, query_columns, row_types};
static const struct func_set query_tz_set = {query_tz_open, rows_next, 1, query_tz_columns,
                                             row_types};
static const char *const defaults[] = {"{}", "false"};
static const char *const names[] = {"target", "path", "vars", "silent"};

/* Facts as in pg_proc. */
#define PATH_FUNC(oid, name, result, volatility, ...)                                             \
    FUNC(oid, name, result, volatility, true, ARGS(OID_JSONB, OID_JSONPATH, OID_JSONB, OID_BOOL), \
         .arg_names = names, .default_count = 2, .default_texts = defaults, __VA_ARGS__)
static const struct func funcs[] = {
    PATH_FUNC(4005, "jsonb_path_exists", OID_BOOL, 'i', .scalar = jsonb_path_exists),
    PATH_FUNC(4006, "jsonb_path_query", OID_JSONB, 'i', .is_set = true, .set = &query_set),
    PATH_FUNC(4007, "jsonb_path_query_array", OID_JSONB, 'i', .scalar = jsonb_path_query_array),
    PATH_FUNC(4008, "jsonb_path_query_first", OID_JSONB, 'i', .scalar = jsonb_path_query_first),
    PATH_FUNC(4009, "jsonb_path_match", OID_BOOL, 'i', .scalar = jsonb_path_match),
    PATH_FUNC(1177, "jsonb_path_exists_tz", OID_BOOL, 's', .scalar = jsonb_path_exists_tz),
    PATH_FUNC(1179, "jsonb_path_query_tz", OID_JSONB, 's', .is_set = true, .set = &query_tz_set),
    PATH_FUNC(1180, "jsonb_path_query_array_tz", OID_JSONB, 's',
              .scalar = jsonb_path_query_array_tz),
    PATH_FUNC(2023, "jsonb_path_query_first_tz", OID_JSONB, 's',
              .scalar = jsonb_path_query_first_tz),
    PATH_FUNC(2030, "jsonb_path_match_tz", OID_BOOL, 's', .scalar = jsonb_path_match_tz),
    FUNC(4010, "jsonb_path_exists_opr", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_JSONPATH),
         .scalar = jsonb_path_exists),
    FUNC(4011, "jsonb_path_match_opr", OID_BOOL, 'i', true, ARGS(OID_JSONB, OID_JSONPATH),
         .scalar = jsonb_path_match),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(4012, "@?", OID_JSONB, OID_JSONPATH, OID_BOOL, 4010, 0, 0, 0, false),
    OPERATOR(4013, "@@", OID_JSONB, OID_JSONPATH, OID_BOOL, 4011, 0, 0, 0, false),
};

const struct func_table func_table_jsonpath = {funcs, KY_COUNT_OF(funcs), operators,
                                               KY_COUNT_OF(operators)};
