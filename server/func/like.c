/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/func/utext.h"

/*
 * LIKE and ILIKE. The matcher walks pattern and text together and goes back only to the last %,
 * which is enough: an earlier % can always take what a later one gives up.
 */

struct like {
    bool folds_case;
    bool is_bytes; /* _ is a byte, not a character */
    int escape;    /* a byte, -1: none */
};

static bool
same_character(const struct like *like, const uint8_t **pattern, const uint8_t *pattern_end,
               const uint8_t **text, const uint8_t *text_end)
{
    if (!like->folds_case) {
        if (**pattern != **text) {
            return false;
        }
        (*pattern)++;
        (*text)++;
        return true;
    }
    const uint8_t *next_pattern = *pattern;
    const uint8_t *next_text = *text;
    if (utext_lower(utext_next(&next_pattern, pattern_end)) !=
        utext_lower(utext_next(&next_text, text_end))) {
        return false;
    }
    *pattern = next_pattern;
    *text = next_text;
    return true;
}

/* What _ takes. */
static size_t
like_step(const struct like *like, const uint8_t *text, const uint8_t *text_end)
{
    return like->is_bytes ? 1 : KY_MIN(utext_size(*text), (size_t)(text_end - text));
}

static ky_status
like_match(const struct like *like, struct ky_slice subject, struct ky_slice with,
           bool *is_match_out, struct ky_error *err)
{
    const uint8_t *text = subject.data;
    const uint8_t *text_end = text + subject.size;
    const uint8_t *pattern = with.data;
    const uint8_t *pattern_end = pattern + with.size;
    const uint8_t *retry_pattern = NULL;
    const uint8_t *retry_text = NULL;
    *is_match_out = false;
    for (;;) {
        bool is_step = false;
        if (pattern == pattern_end) {
            if (text == text_end) {
                *is_match_out = true;
                return KY_OK;
            }
        } else if (*pattern == like->escape) {
            if (text < text_end && pattern + 1 == pattern_end) {
                return ky_error_set(err, KY_INVALID_ESCAPE_SEQUENCE,
                                    "LIKE pattern must not end with escape character");
            }
            if (text < text_end) {
                const uint8_t *literal = pattern + 1;
                is_step = same_character(like, &literal, pattern_end, &text, text_end);
                pattern = is_step ? literal : pattern;
            }
        } else if (*pattern == '%') {
            retry_pattern = ++pattern;
            retry_text = text;
            continue;
        } else if (text < text_end && *pattern == '_') {
            text += like_step(like, text, text_end);
            pattern++;
            is_step = true;
        } else if (text < text_end) {
            is_step = same_character(like, &pattern, pattern_end, &text, text_end);
        }
        if (is_step) {
            continue;
        }
        if (retry_pattern == NULL || retry_text >= text_end) {
            return KY_OK;
        }
        retry_text += like_step(like, retry_text, text_end);
        text = retry_text;
        pattern = retry_pattern;
    }
}

#define LIKE(name, folds, has_bytes, wanted)                                                   \
    SCALAR(name)                                                                               \
    {                                                                                          \
        const struct like like = {.folds_case = folds, .is_bytes = has_bytes, .escape = '\\'}; \
        bool is_match;                                                                         \
        KY_TRY(like_match(&like, args[0].bytes, args[1].bytes, &is_match, err));               \
        *out = datum_word(is_match == wanted);                                                 \
        return KY_OK;                                                                          \
    }
LIKE(like, false, false, true)
LIKE(not_like, false, false, false)
LIKE(ilike, true, false, true)
LIKE(not_ilike, true, false, false)
LIKE(bytea_like, false, true, true)
LIKE(bytea_not_like, false, true, false)

/* Patterns that are a prefix and a %, by far the commonest, are compared as bytes. */
static bool
is_prefix_pattern(struct ky_slice pattern)
{
    const uint8_t *bytes = pattern.data;
    if (pattern.size == 0 || bytes[pattern.size - 1] != '%') {
        return false;
    }
    for (size_t i = 0; i + 1 < pattern.size; i++) {
        if (bytes[i] == '%' || bytes[i] == '_' || bytes[i] == '\\') {
            return false;
        }
    }
    return true;
}

struct like_cache {
    struct ky_slice pattern;
    bool is_set;
    bool is_prefix;
};

static inline ky_status
like_one(struct like_cache *cache, struct ky_slice text, struct ky_slice pattern, bool wanted,
         int64_t *out, struct ky_error *err)
{
    static const struct like plain = {.folds_case = false, .escape = '\\'};
    if (!cache->is_set || pattern.data != cache->pattern.data ||
        pattern.size != cache->pattern.size) {
        *cache = (struct like_cache){pattern, true, is_prefix_pattern(pattern)};
    }
    bool is_match;
    if (cache->is_prefix) {
        const size_t size = pattern.size - 1;
        is_match = text.size >= size && (size == 0 || memcmp(text.data, pattern.data, size) == 0);
    } else {
        KY_TRY(like_match(&plain, text, pattern, &is_match, err));
    }
    *out = is_match == wanted;
    return KY_OK;
}

KERNEL(like_kernel)
{
    struct like_cache cache = {0};
    EACH_PLACE(
        i, KY_TRY(like_one(&cache, args[0].bytes[i], args[1].bytes[i], true, &out->word[i], err)))
    return KY_OK;
}

KERNEL(not_like_kernel)
{
    struct like_cache cache = {0};
    EACH_PLACE(
        i, KY_TRY(like_one(&cache, args[0].bytes[i], args[1].bytes[i], false, &out->word[i], err)))
    return KY_OK;
}

/* like_escape(pattern, escape): the pattern with backslash as its escape character. */
SCALAR(like_escape)
{
    const struct ky_slice pattern = args[0].bytes;
    const struct ky_slice escape = args[1].bytes;
    const uint8_t *bytes = pattern.data;
    if (utf8_count(escape) > 1) {
        ky_error_set(err, KY_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        return ky_error_hint(err, "Escape string must be empty or one character.");
    }
    if (ky_slice_is(escape, "\\")) {
        *out = args[0];
        return KY_OK;
    }
    uint8_t *result = ky_arena_alloc(env->types.arena, pattern.size * 2 + 1);
    size_t size = 0;
    bool is_escaped = false;
    for (size_t i = 0; i < pattern.size;) {
        const size_t step = KY_MIN(utext_size(bytes[i]), pattern.size - i);
        if (!is_escaped && escape.size == step && memcmp(bytes + i, escape.data, step) == 0) {
            result[size++] = '\\';
            is_escaped = true;
        } else {
            if (bytes[i] == '\\' && !is_escaped) {
                result[size++] = '\\';
            }
            memcpy(result + size, bytes + i, step);
            size += step;
            is_escaped = false;
        }
        i += step;
    }
    *out = datum_bytes(result, size);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(850, "textlike", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = like,
         .kernel = like_kernel),
    FUNC(851, "textnlike", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = not_like,
         .kernel = not_like_kernel),
    FUNC(858, "namelike", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = like,
         .kernel = like_kernel),
    FUNC(859, "namenlike", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = not_like,
         .kernel = not_like_kernel),
    FUNC(1631, "bpcharlike", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT), .scalar = like,
         .kernel = like_kernel),
    FUNC(1632, "bpcharnlike", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT), .scalar = not_like,
         .kernel = not_like_kernel),
    FUNC(1569, "like", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = like,
         .kernel = like_kernel),
    FUNC(1570, "notlike", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = not_like,
         .kernel = not_like_kernel),
    FUNC(1571, "like", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = like,
         .kernel = like_kernel),
    FUNC(1572, "notlike", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = not_like,
         .kernel = not_like_kernel),
    FUNC(2005, "bytealike", OID_BOOL, 'i', true, ARGS(OID_BYTEA, OID_BYTEA), .scalar = bytea_like),
    FUNC(2006, "byteanlike", OID_BOOL, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_not_like),
    FUNC(2007, "like", OID_BOOL, 'i', true, ARGS(OID_BYTEA, OID_BYTEA), .scalar = bytea_like),
    FUNC(2008, "notlike", OID_BOOL, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_not_like),
    FUNC(1633, "texticlike", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = ilike),
    FUNC(1634, "texticnlike", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = not_ilike),
    FUNC(1635, "nameiclike", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = ilike),
    FUNC(1636, "nameicnlike", OID_BOOL, 'i', true, ARGS(OID_NAME, OID_TEXT), .scalar = not_ilike),
    FUNC(1660, "bpchariclike", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT), .scalar = ilike),
    FUNC(1661, "bpcharicnlike", OID_BOOL, 'i', true, ARGS(OID_BPCHAR, OID_TEXT),
         .scalar = not_ilike),
    FUNC(1637, "like_escape", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = like_escape),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1207, "~~", OID_NAME, OID_TEXT, OID_BOOL, 858, 0, 1208, 0, false),
    OPERATOR(1208, "!~~", OID_NAME, OID_TEXT, OID_BOOL, 859, 0, 1207, 0, false),
    OPERATOR(1209, "~~", OID_TEXT, OID_TEXT, OID_BOOL, 850, 0, 1210, 0, false),
    OPERATOR(1210, "!~~", OID_TEXT, OID_TEXT, OID_BOOL, 851, 0, 1209, 0, false),
    OPERATOR(1211, "~~", OID_BPCHAR, OID_TEXT, OID_BOOL, 1631, 0, 1212, 0, false),
    OPERATOR(1212, "!~~", OID_BPCHAR, OID_TEXT, OID_BOOL, 1632, 0, 1211, 0, false),
    OPERATOR(2016, "~~", OID_BYTEA, OID_BYTEA, OID_BOOL, 2005, 0, 2017, 0, false),
    OPERATOR(2017, "!~~", OID_BYTEA, OID_BYTEA, OID_BOOL, 2006, 0, 2016, 0, false),
    OPERATOR(1625, "~~*", OID_NAME, OID_TEXT, OID_BOOL, 1635, 0, 1626, 0, false),
    OPERATOR(1626, "!~~*", OID_NAME, OID_TEXT, OID_BOOL, 1636, 0, 1625, 0, false),
    OPERATOR(1627, "~~*", OID_TEXT, OID_TEXT, OID_BOOL, 1633, 0, 1628, 0, false),
    OPERATOR(1628, "!~~*", OID_TEXT, OID_TEXT, OID_BOOL, 1634, 0, 1627, 0, false),
    OPERATOR(1629, "~~*", OID_BPCHAR, OID_TEXT, OID_BOOL, 1660, 0, 1630, 0, false),
    OPERATOR(1630, "!~~*", OID_BPCHAR, OID_TEXT, OID_BOOL, 1661, 0, 1629, 0, false),
};

const struct func_table func_table_like = {funcs, KY_COUNT_OF(funcs), operators,
                                           KY_COUNT_OF(operators)};
