/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/regex.h"
#include "server/func/utext.h"
#include "server/types/array.h"

/* The functions and operators of regular expressions. */

static const struct regex_flags plain = {.options = PCRE2_DOTALL};

static ky_status
is_matching(struct ky_slice text, struct ky_slice pattern, const struct regex_flags *flags,
            bool *is_match_out, struct ky_error *err)
{
    struct regex regex;
    KY_TRY(regex_get(pattern, flags, &regex, err));
    return regex_search(&regex, text, 0, is_match_out, err);
}

#define REGEX_OPERATOR(name, more_options, wanted)                                   \
    SCALAR(name)                                                                     \
    {                                                                                \
        const struct regex_flags flags = {.options = PCRE2_DOTALL | (more_options)}; \
        bool is_match;                                                               \
        KY_TRY(is_matching(args[0].bytes, args[1].bytes, &flags, &is_match, err));   \
        *out = datum_word(is_match == wanted);                                       \
        return KY_OK;                                                                \
    }
REGEX_OPERATOR(matches, 0, true)
REGEX_OPERATOR(matches_not, 0, false)
REGEX_OPERATOR(matches_any_case, PCRE2_CASELESS, true)
REGEX_OPERATOR(matches_not_any_case, PCRE2_CASELESS, false)

static ky_status
flags_at(const struct datum *args, int arg_count, int index, bool allows_global,
         const char *function, struct regex_flags *flags, struct ky_error *err)
{
    *flags = plain;
    if (index >= arg_count) {
        return KY_OK;
    }
    KY_TRY(regex_flags_parse(args[index].bytes, flags, err));
    if (flags->is_global && !allows_global) {
        ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "%s does not support the \"global\" option",
                     function);
        return ky_error_hint(err, "Use the regexp_matches function instead.");
    }
    return KY_OK;
}

SCALAR(regexp_like)
{
    struct regex_flags flags;
    bool is_match;
    KY_TRY(flags_at(args, arg_count, 2, false, "regexp_like()", &flags, err));
    KY_TRY(is_matching(args[0].bytes, args[1].bytes, &flags, &is_match, err));
    *out = datum_word(is_match);
    return KY_OK;
}

/* substring(text from pattern): the first group if the pattern has one, else the match. */
SCALAR(regex_substring)
{
    struct regex regex;
    bool is_match;
    struct ky_slice part;
    KY_TRY(regex_get(args[1].bytes, &plain, &regex, err));
    KY_TRY(regex_search(&regex, args[0].bytes, 0, &is_match, err));
    *out = datum_null();
    if (is_match && regex_group(&regex, args[0].bytes, regex.group_count > 0, &part)) {
        *out = (struct datum){.bytes = part};
    }
    return KY_OK;
}

/* Where to search next after a match: an empty one must not be found again. */
static size_t
after_match(const struct regex *regex, struct ky_slice text)
{
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex->match);
    const uint8_t *bytes = text.data;
    size_t end = offsets[1];
    if (offsets[0] == offsets[1]) {
        end += end < text.size ? utext_size(bytes[end]) : 1;
    }
    return end;
}

static void
append_replacement(const struct regex *regex, struct ky_slice text, struct ky_slice replacement,
                   struct ky_buffer *out)
{
    const char *p = replacement.data;
    for (size_t i = 0; i < replacement.size; i++) {
        if (p[i] != '\\' || i + 1 == replacement.size) {
            ky_buffer_append_byte(out, (uint8_t)p[i]);
            continue;
        }
        const char c = p[i + 1];
        struct ky_slice part;
        if ((c >= '1' && c <= '9') || c == '&') {
            if (regex_group(regex, text, c == '&' ? 0 : (uint32_t)(c - '0'), &part)) {
                ky_buffer_append_slice(out, part);
            }
            i++;
        } else if (c == '\\') {
            ky_buffer_append_byte(out, '\\');
            i++;
        } else {
            ky_buffer_append_byte(out, '\\');
        }
    }
}

/* wanted: which match to replace, 0 all of them. */
static ky_status
replace(struct func_env *env, const struct datum *args, size_t start, int64_t wanted,
        const struct regex_flags *flags, struct datum *out, struct ky_error *err)
{
    const struct ky_slice text = args[0].bytes;
    struct regex regex;
    KY_TRY(regex_get(args[1].bytes, flags, &regex, err));
    struct ky_buffer result = {0};
    size_t copied = 0;
    size_t from = start;
    for (int64_t seen = 0; from <= text.size;) {
        bool is_match;
        if (regex_search(&regex, text, from, &is_match, err) != KY_OK) {
            ky_buffer_deinit(&result);
            return KY_ERR;
        }
        if (!is_match) {
            break;
        }
        const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex.match);
        seen++;
        if (wanted == 0 || seen == wanted) {
            ky_buffer_append_slice(&result, slice_part(text, copied, offsets[0]));
            append_replacement(&regex, text, args[2].bytes, &result);
            copied = offsets[1];
        }
        if (func_check_size(env, result.size, err) != KY_OK ||
            func_check_cancel(env, err) != KY_OK) {
            ky_buffer_deinit(&result);
            return KY_ERR;
        }
        if (seen == wanted) {
            break;
        }
        from = after_match(&regex, text);
    }
    ky_buffer_append_slice(&result, slice_part(text, copied, text.size));
    *out = func_take_buffer(env, &result);
    return KY_OK;
}

SCALAR(regexp_replace)
{
    struct regex_flags flags = plain;
    if (arg_count > 3) {
        KY_TRY(regex_flags_parse(args[3].bytes, &flags, err));
    }
    return replace(env, args, 0, flags.is_global ? 0 : 1, &flags, out, err);
}

static ky_status
start_of(struct ky_slice text, int64_t start, size_t *offset_out, struct ky_error *err)
{
    if (start <= 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for parameter \"%s\": %d", "start", (int)start);
    }
    *offset_out = utext_offset(text, (size_t)start - 1);
    return KY_OK;
}

SCALAR(regexp_replace_nth)
{
    struct regex_flags flags;
    size_t start;
    KY_TRY(start_of(args[0].bytes, args[3].word, &start, err));
    int64_t wanted = arg_count > 4 ? args[4].word : 1;
    if (wanted < 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for parameter \"%s\": %d", "n", (int)wanted);
    }
    KY_TRY(flags_at(args, arg_count, 5, true, "regexp_replace()", &flags, err));
    return replace(env, args, start, wanted, &flags, out, err);
}

SCALAR(regexp_count)
{
    const struct ky_slice text = args[0].bytes;
    struct regex_flags flags;
    struct regex regex;
    size_t from = 0;
    int64_t count = 0;
    if (arg_count > 2) {
        KY_TRY(start_of(text, args[2].word, &from, err));
    }
    KY_TRY(flags_at(args, arg_count, 3, false, "regexp_count()", &flags, err));
    KY_TRY(regex_get(args[1].bytes, &flags, &regex, err));
    while (from <= text.size) {
        bool is_match;
        KY_TRY(regex_search(&regex, text, from, &is_match, err));
        if (!is_match) {
            break;
        }
        count++;
        from = after_match(&regex, text);
    }
    *out = datum_word(count);
    return KY_OK;
}

static ky_status
check_at_least(int64_t value, int64_t least, const char *name, struct ky_error *err)
{
    return value >= least
               ? KY_OK
               : ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                              "invalid value for parameter \"%s\": %d", name, (int)value);
}

/* regexp_substr(text, pattern [, start [, n [, flags [, group]]]]) */
SCALAR(regexp_substr)
{
    const struct ky_slice text = args[0].bytes;
    struct regex_flags flags;
    struct regex regex;
    size_t from = 0;
    int64_t wanted = arg_count > 3 ? args[3].word : 1;
    const uint32_t group = arg_count > 5 ? (uint32_t)args[5].word : 0;
    if (arg_count > 2) {
        KY_TRY(start_of(text, args[2].word, &from, err));
    }
    KY_TRY(check_at_least(wanted, 1, "n", err));
    KY_TRY(check_at_least(arg_count > 5 ? args[5].word : 0, 0, "subexpr", err));
    KY_TRY(flags_at(args, arg_count, 4, false, "regexp_substr()", &flags, err));
    KY_TRY(regex_get(args[1].bytes, &flags, &regex, err));
    *out = datum_null();
    while (from <= text.size) {
        bool is_match;
        KY_TRY(regex_search(&regex, text, from, &is_match, err));
        if (!is_match) {
            return KY_OK;
        }
        if (--wanted <= 0) {
            struct ky_slice part;
            if (regex_group(&regex, text, group, &part)) {
                *out = (struct datum){.bytes = part};
            }
            return KY_OK;
        }
        from = after_match(&regex, text);
    }
    return KY_OK;
}

/* regexp_instr(text, pattern [, start [, n [, end [, flags [, group]]]]]): where a match begins, or
 * what follows it. */
SCALAR(regexp_instr)
{
    const struct ky_slice text = args[0].bytes;
    struct regex_flags flags;
    struct regex regex;
    size_t from = 0;
    int64_t wanted = arg_count > 3 ? args[3].word : 1;
    const int64_t end = arg_count > 4 ? args[4].word : 0;
    const int64_t group = arg_count > 6 ? args[6].word : 0;
    if (arg_count > 2) {
        KY_TRY(start_of(text, args[2].word, &from, err));
    }
    KY_TRY(check_at_least(wanted, 1, "n", err));
    if (end != 0 && end != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for parameter \"%s\": %d", "endoption", (int)end);
    }
    KY_TRY(check_at_least(group, 0, "subexpr", err));
    KY_TRY(flags_at(args, arg_count, 5, false, "regexp_instr()", &flags, err));
    KY_TRY(regex_get(args[1].bytes, &flags, &regex, err));
    *out = datum_word(0);
    while (from <= text.size) {
        bool is_match;
        struct ky_slice part;
        KY_TRY(regex_search(&regex, text, from, &is_match, err));
        if (!is_match) {
            return KY_OK;
        }
        if (--wanted > 0) {
            from = after_match(&regex, text);
            continue;
        }
        if (group <= regex.group_count && regex_group(&regex, text, (uint32_t)group, &part)) {
            const size_t offset = (size_t)((const char *)part.data - (const char *)text.data);
            const size_t place = offset + (end != 0 ? part.size : 0);
            *out = datum_word((int64_t)utf8_count(ky_slice(text.data, place)) + 1);
        }
        return KY_OK;
    }
    return KY_OK;
}

static struct datum
groups_of(struct func_env *env, const struct regex *regex, struct ky_slice text)
{
    const uint32_t count = KY_MAX(regex->group_count, 1u);
    struct datum *values = ky_arena_array(env->types.arena, struct datum, count);
    for (uint32_t i = 0; i < count; i++) {
        struct ky_slice part;
        bool has = regex_group(regex, text, regex->group_count == 0 ? 0 : i + 1, &part);
        values[i] = has ? (struct datum){.bytes = part} : datum_null();
    }
    struct ky_slice array = array_make(env->types.arena, type_get(OID_TEXT), values, count);
    return (struct datum){.bytes = array};
}

SCALAR(regexp_match)
{
    struct regex_flags flags;
    struct regex regex;
    bool is_match;
    KY_TRY(flags_at(args, arg_count, 2, false, "regexp_match()", &flags, err));
    KY_TRY(regex_get(args[1].bytes, &flags, &regex, err));
    KY_TRY(regex_search(&regex, args[0].bytes, 0, &is_match, err));
    *out = is_match ? groups_of(env, &regex, args[0].bytes) : datum_null();
    return KY_OK;
}

/* Rows of matches, or of what lies between them. The text lives as long as the arguments. */
struct match_rows {
    struct ky_slice text;
    struct ky_slice pattern;
    struct regex_flags flags;
    size_t from;
    size_t piece_start;
    bool is_done;
};

static ky_status
match_open(struct func_env *env, const struct datum *args, int arg_count, bool allows_global,
           const char *function, struct func_rows **rows_out, struct ky_error *err)
{
    struct match_rows *rows = ky_arena_new(env->types.arena, struct match_rows);
    rows->text = args[0].bytes;
    rows->pattern = args[1].bytes;
    KY_TRY(flags_at(args, arg_count, 2, allows_global, function, &rows->flags, err));
    *rows_out = (struct func_rows *)(void *)rows;
    return KY_OK;
}

static ky_status
matches_open(struct func_env *env, const struct datum *args, int arg_count,
             struct func_rows **rows_out, struct ky_error *err)
{
    return match_open(env, args, arg_count, true, "regexp_matches()", rows_out, err);
}

static ky_status
matches_next(struct func_env *env, struct func_rows *state, struct datum *values, bool *has_row_out,
             struct ky_error *err)
{
    struct match_rows *rows = (struct match_rows *)(void *)state;
    struct regex regex;
    bool is_match = false;
    if (!rows->is_done && rows->from <= rows->text.size) {
        KY_TRY(regex_get(rows->pattern, &rows->flags, &regex, err));
        KY_TRY(regex_search(&regex, rows->text, rows->from, &is_match, err));
    }
    *has_row_out = is_match;
    if (is_match) {
        values[0] = groups_of(env, &regex, rows->text);
        rows->from = after_match(&regex, rows->text);
        rows->is_done = !rows->flags.is_global;
    }
    return KY_OK;
}

static ky_status
split_open(struct func_env *env, const struct datum *args, int arg_count,
           struct func_rows **rows_out, struct ky_error *err)
{
    return match_open(env, args, arg_count, false, "regexp_split_to_table()", rows_out, err);
}

/* The next piece; an empty match at the very start or end, or right after a match, splits
 * nothing. */
static ky_status
split_piece(struct match_rows *rows, struct ky_slice *piece, struct ky_error *err)
{
    struct regex regex;
    KY_TRY(regex_get(rows->pattern, &rows->flags, &regex, err));
    while (rows->from <= rows->text.size) {
        bool is_match;
        KY_TRY(regex_search(&regex, rows->text, rows->from, &is_match, err));
        if (!is_match) {
            break;
        }
        const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(regex.match);
        const size_t start = offsets[0];
        const size_t end = offsets[1];
        rows->from = after_match(&regex, rows->text);
        if (start == end && (start == rows->piece_start || start == rows->text.size)) {
            continue;
        }
        *piece = slice_part(rows->text, rows->piece_start, start);
        rows->piece_start = end;
        return KY_OK;
    }
    *piece = slice_part(rows->text, rows->piece_start, rows->text.size);
    rows->is_done = true;
    return KY_OK;
}

static ky_status
split_next(struct func_env *env KY_UNUSED, struct func_rows *state, struct datum *values,
           bool *has_row_out, struct ky_error *err)
{
    struct match_rows *rows = (struct match_rows *)(void *)state;
    struct ky_slice piece;
    *has_row_out = !rows->is_done;
    if (!rows->is_done) {
        KY_TRY(split_piece(rows, &piece, err));
        values[0] = (struct datum){.bytes = piece};
    }
    return KY_OK;
}

static const oid_t text_array_column[] = {OID_TEXT_ARRAY};
static const oid_t text_column[] = {OID_TEXT};
static const char *const matches_name[] = {"regexp_matches"};
static const char *const split_name[] = {"regexp_split_to_table"};
static const struct func_set matches_set = {matches_open, matches_next, 1, matches_name,
                                            text_array_column};
static const struct func_set split_set = {split_open, split_next, 1, split_name, text_column};

SCALAR(regexp_split_to_array)
{
    struct match_rows rows = {.text = args[0].bytes, .pattern = args[1].bytes};
    KY_TRY(flags_at(args, arg_count, 2, false, "regexp_split_to_array()", &rows.flags, err));
    struct ky_buffer pieces = {0};
    while (!rows.is_done) {
        struct datum piece = {.is_null = false};
        if (split_piece(&rows, &piece.bytes, err) != KY_OK) {
            ky_buffer_deinit(&pieces);
            return KY_ERR;
        }
        ky_buffer_append(&pieces, &piece, sizeof(piece));
    }
    struct ky_slice array =
        array_make(env->types.arena, type_get(OID_TEXT), (const struct datum *)(void *)pieces.data,
                   (uint32_t)(pieces.size / sizeof(struct datum)));
    ky_buffer_deinit(&pieces);
    *out = (struct datum){.bytes = array};
    return KY_OK;
}

/* SIMILAR TO's pattern as a regular expression. */
static ky_status
similar_pattern(struct func_env *env, struct ky_slice pattern, struct ky_slice escape,
                struct datum *out, struct ky_error *err)
{
    const char *p = pattern.data;
    if (utf8_count(escape) > 1) {
        ky_error_set(err, KY_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        return ky_error_hint(err, "Escape string must be empty or one character.");
    }
    struct ky_buffer result = {0};
    bool is_in_bracket = false;
    int quotes = 0;
    ky_buffer_append_cstr(&result, "^(?:");
    for (size_t i = 0; i < pattern.size; i++) {
        if (escape.size > 0 && pattern.size - i >= escape.size &&
            memcmp(p + i, escape.data, escape.size) == 0 && i + escape.size < pattern.size) {
            i += escape.size;
            if (p[i] == '"' && !is_in_bracket) {
                /* escape-" marks the part that substring() gives back */
                ky_buffer_append_cstr(&result, quotes == 0 ? "){1,1}?(" : "){1,1}(?:");
                quotes++;
            } else {
                ky_buffer_append_byte(&result, '\\');
                ky_buffer_append_byte(&result, (uint8_t)p[i]);
            }
        } else if (is_in_bracket) {
            if (p[i] == '\\') {
                ky_buffer_append_byte(&result, '\\');
            }
            is_in_bracket = p[i] != ']';
            ky_buffer_append_byte(&result, (uint8_t)p[i]);
        } else if (p[i] == '%') {
            ky_buffer_append_cstr(&result, ".*");
        } else if (p[i] == '_') {
            ky_buffer_append_byte(&result, '.');
        } else if (p[i] == '(') {
            ky_buffer_append_cstr(&result, "(?:");
        } else {
            is_in_bracket = p[i] == '[';
            if (p[i] == '.' || p[i] == '^' || p[i] == '$' || p[i] == '\\') {
                ky_buffer_append_byte(&result, '\\');
            }
            ky_buffer_append_byte(&result, (uint8_t)p[i]);
        }
    }
    ky_buffer_append_cstr(&result, ")$");
    *out = func_take_buffer(env, &result);
    return KY_OK;
}

SCALAR(similar_to_escape)
{
    struct ky_slice escape = arg_count > 1 ? args[1].bytes : ky_slice("\\", 1);
    return similar_pattern(env, args[0].bytes, escape, out, err);
}

/* substring(text from pattern for escape) */
SCALAR(similar_substring)
{
    struct datum pair[2] = {args[0]};
    KY_TRY(similar_pattern(env, args[1].bytes, args[2].bytes, &pair[1], err));
    return regex_substring(env, pair, 2, out, err);
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1254, "textregexeq", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = matches,
         .can_grow = true),
    FUNC(1256, "textregexne", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = matches_not,
         .can_grow = true),
    FUNC(1238, "texticregexeq", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = matches_any_case, .can_grow = true),
    FUNC(1239, "texticregexne", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = matches_not_any_case, .can_grow = true),
    FUNC(79, "nameregexeq", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = matches,
         .can_grow = true),
    FUNC(1252, "nameregexne", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = matches_not,
         .can_grow = true),
    FUNC(1240, "nameicregexeq", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT),
         .scalar = matches_any_case, .can_grow = true),
    FUNC(1241, "nameicregexne", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT),
         .scalar = matches_not_any_case, .can_grow = true),
    FUNC(1658, "bpcharregexeq", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT), .scalar = matches,
         .can_grow = true),
    FUNC(1659, "bpcharregexne", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT),
         .scalar = matches_not, .can_grow = true),
    FUNC(1656, "bpcharicregexeq", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT),
         .scalar = matches_any_case, .can_grow = true),
    FUNC(1657, "bpcharicregexne", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT),
         .scalar = matches_not_any_case, .can_grow = true),
    FUNC(6263, "regexp_like", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = regexp_like,
         .can_grow = true),
    FUNC(6264, "regexp_like", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = regexp_like, .can_grow = true),
    FUNC(2073, "substring", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regex_substring, .can_grow = true),
    FUNC(2074, "substring", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = similar_substring, .can_grow = true),
    FUNC(2284, "regexp_replace", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = regexp_replace, .can_grow = true),
    FUNC(2285, "regexp_replace", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = regexp_replace, .can_grow = true),
    FUNC(6253, "regexp_replace", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = regexp_replace_nth, .can_grow = true),
    FUNC(6252, "regexp_replace", OID_TEXT, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_TEXT, OID_INT4, OID_INT4), .scalar = regexp_replace_nth,
         .can_grow = true),
    FUNC(6251, "regexp_replace", OID_TEXT, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_TEXT),
         .scalar = regexp_replace_nth, .can_grow = true),
    FUNC(6254, "regexp_count", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regexp_count, .can_grow = true),
    FUNC(6255, "regexp_count", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = regexp_count, .can_grow = true),
    FUNC(6256, "regexp_count", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_TEXT),
         .scalar = regexp_count, .can_grow = true),
    FUNC(6257, "regexp_instr", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regexp_instr, .can_grow = true),
    FUNC(6258, "regexp_instr", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = regexp_instr, .can_grow = true),
    FUNC(6259, "regexp_instr", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4),
         .scalar = regexp_instr, .can_grow = true),
    FUNC(6260, "regexp_instr", OID_INT4, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_INT4), .scalar = regexp_instr,
         .can_grow = true),
    FUNC(6261, "regexp_instr", OID_INT4, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_INT4, OID_TEXT), .scalar = regexp_instr,
         .can_grow = true),
    FUNC(6262, "regexp_instr", OID_INT4, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_INT4, OID_TEXT, OID_INT4),
         .scalar = regexp_instr, .can_grow = true),
    FUNC(6265, "regexp_substr", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regexp_substr, .can_grow = true),
    FUNC(6266, "regexp_substr", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = regexp_substr, .can_grow = true),
    FUNC(6267, "regexp_substr", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4),
         .scalar = regexp_substr, .can_grow = true),
    FUNC(6268, "regexp_substr", OID_TEXT, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_TEXT), .scalar = regexp_substr,
         .can_grow = true),
    FUNC(6269, "regexp_substr", OID_TEXT, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4, OID_TEXT, OID_INT4), .scalar = regexp_substr,
         .can_grow = true),
    FUNC(3396, "regexp_match", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regexp_match, .can_grow = true),
    FUNC(3397, "regexp_match", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = regexp_match, .can_grow = true),
    FUNC(2763, "regexp_matches", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .is_set = true, .set = &matches_set),
    FUNC(2764, "regexp_matches", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .is_set = true, .set = &matches_set),
    FUNC(2765, "regexp_split_to_table", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .is_set = true, .set = &split_set),
    FUNC(2766, "regexp_split_to_table", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .is_set = true, .set = &split_set),
    FUNC(2767, "regexp_split_to_array", OID_TEXT_ARRAY, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = regexp_split_to_array, .can_grow = true),
    FUNC(2768, "regexp_split_to_array", OID_TEXT_ARRAY, 'i', true,
         ARGS(OID_TEXT, OID_TEXT, OID_TEXT), .scalar = regexp_split_to_array, .can_grow = true),
    FUNC(1986, "similar_to_escape", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = similar_to_escape),
    FUNC(1987, "similar_to_escape", OID_TEXT, 'i', true, ARGS(OID_TEXT),
         .scalar = similar_to_escape),
    FUNC(1623, "similar_escape", OID_TEXT, 'i', false, ARGS(OID_TEXT, OID_TEXT),
         .scalar = similar_to_escape),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(639, "~", OID_NAME, OID_TEXT, OID_BOOL, 79, 0, 640, 0, false),
    OPERATOR(640, "!~", OID_NAME, OID_TEXT, OID_BOOL, 1252, 0, 639, 0, false),
    OPERATOR(641, "~", OID_TEXT, OID_TEXT, OID_BOOL, 1254, 0, 642, 0, false),
    OPERATOR(642, "!~", OID_TEXT, OID_TEXT, OID_BOOL, 1256, 0, 641, 0, false),
    OPERATOR(1055, "~", OID_BPCHAR, OID_TEXT, OID_BOOL, 1658, 0, 1056, 0, false),
    OPERATOR(1056, "!~", OID_BPCHAR, OID_TEXT, OID_BOOL, 1659, 0, 1055, 0, false),
    OPERATOR(1226, "~*", OID_NAME, OID_TEXT, OID_BOOL, 1240, 0, 1227, 0, false),
    OPERATOR(1227, "!~*", OID_NAME, OID_TEXT, OID_BOOL, 1241, 0, 1226, 0, false),
    OPERATOR(1228, "~*", OID_TEXT, OID_TEXT, OID_BOOL, 1238, 0, 1229, 0, false),
    OPERATOR(1229, "!~*", OID_TEXT, OID_TEXT, OID_BOOL, 1239, 0, 1228, 0, false),
    OPERATOR(1234, "~*", OID_BPCHAR, OID_TEXT, OID_BOOL, 1656, 0, 1235, 0, false),
    OPERATOR(1235, "!~*", OID_BPCHAR, OID_TEXT, OID_BOOL, 1657, 0, 1234, 0, false),
};

const struct func_table func_table_regex_func = {funcs, KY_COUNT_OF(funcs), operators,
                                                 KY_COUNT_OF(operators)};
