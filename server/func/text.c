/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/cast.h"

/* Text by characters: length, case, trimming, padding, parts, replacing. */

/* Longest text a function may make. */
enum { TEXT_SIZE_MAX = 256 * 1024 * 1024 };

static size_t
size_max(const struct func_env *env)
{
    return KY_MIN((size_t)TEXT_SIZE_MAX, func_size_max(env));
}

static ky_status
too_long(struct ky_error *err)
{
    return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
}

static struct datum
give(struct ky_slice text)
{
    return (struct datum){.bytes = text};
}

SCALAR(text_cat)
{
    const struct ky_slice a = args[0].bytes;
    const struct ky_slice b = args[1].bytes;
    uint8_t *text = ky_arena_alloc(env->types.arena, a.size + b.size);
    if (a.size > 0) {
        memcpy(text, a.data, a.size);
    }
    if (b.size > 0) {
        memcpy(text + a.size, b.data, b.size);
    }
    *out = datum_bytes(text, a.size + b.size);
    return KY_OK;
}

/* By the type's own cast, if it has one: true, not t, and no padding of char(n). */
static ky_status
as_text(struct func_env *env, const struct type *type, struct datum value, struct datum *out,
        struct ky_error *err)
{
    const struct cast *cast = type == NULL ? NULL : cast_find(type->oid, OID_TEXT);
    if (cast != NULL && cast->method == CAST_FUNCTION) {
        return cast_apply(cast, &env->types, value, -1, true, out, err);
    }
    *out = type == NULL || type->oid == OID_TEXT ? value : give(func_output(env, type, value));
    return KY_OK;
}

/* text || anything and anything || text */
SCALAR(text_cat_any)
{
    struct datum pair[2] = {args[0], args[1]};
    KY_TRY(as_text(env, func_arg_type(env, 1), args[1], &pair[1], err));
    return text_cat(env, pair, 2, out, err);
}

SCALAR(any_cat_text)
{
    struct datum pair[2] = {args[0], args[1]};
    KY_TRY(as_text(env, func_arg_type(env, 0), args[0], &pair[0], err));
    return text_cat(env, pair, 2, out, err);
}

static struct ky_slice
without_padding(struct ky_slice text)
{
    const uint8_t *bytes = text.data;
    while (text.size > 0 && bytes[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

SCALAR(char_length)
{
    *out = datum_word((int64_t)utf8_count(args[0].bytes));
    return KY_OK;
}

SCALAR(bpchar_length)
{
    *out = datum_word((int64_t)utf8_count(without_padding(args[0].bytes)));
    return KY_OK;
}

SCALAR(octet_length)
{
    *out = datum_word((int64_t)args[0].bytes.size);
    return KY_OK;
}

SCALAR(bit_length)
{
    *out = datum_word((int64_t)args[0].bytes.size * 8);
    return KY_OK;
}

/* Maps every character; the result may be longer in bytes. */
static struct ky_slice
map_characters(struct func_env *env, struct ky_slice text, uint32_t (*map)(uint32_t))
{
    const uint8_t *place = text.data;
    const uint8_t *end = place + text.size;
    uint8_t *result = ky_arena_alloc(env->types.arena, text.size * 2 + 4);
    size_t size = 0;
    while (place < end) {
        size += utext_put(result + size, map(utext_next(&place, end)));
    }
    return ky_slice(result, size);
}

SCALAR(lower)
{
    *out = give(map_characters(env, args[0].bytes, utext_lower));
    return KY_OK;
}

SCALAR(upper)
{
    *out = give(map_characters(env, args[0].bytes, utext_upper));
    return KY_OK;
}

SCALAR(initcap)
{
    const uint8_t *place = args[0].bytes.data;
    const uint8_t *end = place + args[0].bytes.size;
    uint8_t *result = ky_arena_alloc(env->types.arena, args[0].bytes.size * 2 + 4);
    size_t size = 0;
    bool is_in_word = false;
    while (place < end) {
        uint32_t character = utext_next(&place, end);
        size +=
            utext_put(result + size, is_in_word ? utext_lower(character) : utext_upper(character));
        is_in_word = utext_is_alnum(character);
    }
    *out = datum_bytes(result, size);
    return KY_OK;
}

/* substring(text from start for count), 1-based; count < 0: to the end. The part before the
 * first character uses up count, as the standard has it. */
static ky_status
cut(struct ky_slice text, int64_t start, bool has_count, int64_t count, bool is_text,
    struct datum *out, struct ky_error *err)
{
    if (has_count && count < 0) {
        return ky_error_set(err, KY_SUBSTRING_ERROR, "negative substring length not allowed");
    }
    int64_t end = has_count ? start + count : INT64_MAX; /* int4 arguments cannot overflow */
    start = KY_MAX(start, (int64_t)1);
    if (end <= start) {
        *out = datum_bytes("", 0);
        return KY_OK;
    }
    size_t from =
        is_text ? utext_offset(text, (size_t)start - 1) : KY_MIN((size_t)start - 1, text.size);
    struct ky_slice rest = slice_part(text, from, text.size);
    size_t wanted = end == INT64_MAX ? SIZE_MAX : (size_t)(end - start);
    size_t size =
        is_text && wanted != SIZE_MAX ? utext_offset(rest, wanted) : KY_MIN(wanted, rest.size);
    *out = give(slice_part(rest, 0, size));
    return KY_OK;
}

SCALAR(substring_from)
{
    return cut(args[0].bytes, args[1].word, false, 0, true, out, err);
}

SCALAR(substring_from_for)
{
    return cut(args[0].bytes, args[1].word, true, args[2].word, true, out, err);
}

SCALAR(bytea_substring_from)
{
    return cut(args[0].bytes, args[1].word, false, 0, false, out, err);
}

SCALAR(bytea_substring_from_for)
{
    return cut(args[0].bytes, args[1].word, true, args[2].word, false, out, err);
}

/* overlay(a placing b from start for count) */
static ky_status
overlay(struct func_env *env, const struct datum *args, int64_t count, bool is_text,
        struct datum *out, struct ky_error *err)
{
    struct datum head;
    struct datum tail;
    if (args[2].word <= 0) {
        return ky_error_set(err, KY_SUBSTRING_ERROR, "negative substring length not allowed");
    }
    if (args[2].word + count > INT32_MAX || args[2].word + count < INT32_MIN) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    }
    KY_TRY(cut(args[0].bytes, 1, true, args[2].word - 1, is_text, &head, err));
    KY_TRY(cut(args[0].bytes, args[2].word + count, false, 0, is_text, &tail, err));
    const struct ky_slice parts[] = {head.bytes, args[1].bytes, tail.bytes};
    uint8_t *result =
        ky_arena_alloc(env->types.arena, parts[0].size + parts[1].size + parts[2].size + 1);
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        if (parts[i].size > 0) {
            memcpy(result + size, parts[i].data, parts[i].size);
        }
        size += parts[i].size;
    }
    *out = datum_bytes(result, size);
    return KY_OK;
}

SCALAR(text_overlay)
{
    return overlay(env, args, args[3].word, true, out, err);
}

SCALAR(text_overlay_whole)
{
    return overlay(env, args, (int64_t)utf8_count(args[1].bytes), true, out, err);
}

SCALAR(bytea_overlay)
{
    return overlay(env, args, args[3].word, false, out, err);
}

SCALAR(bytea_overlay_whole)
{
    return overlay(env, args, (int64_t)args[1].bytes.size, false, out, err);
}

static const uint8_t *
find_bytes(struct ky_slice text, struct ky_slice part)
{
    if (part.size == 0) {
        return text.data;
    }
    if (text.size < part.size) {
        return NULL;
    }
    return memmem(text.data, text.size, part.data, part.size);
}

SCALAR(position_of)
{
    const struct ky_slice text = args[0].bytes;
    if (args[1].bytes.size == 0) {
        *out = datum_word(1);
        return KY_OK;
    }
    const uint8_t *found = find_bytes(text, args[1].bytes);
    *out = datum_word(0);
    if (found != NULL) {
        size_t before = (size_t)(found - (const uint8_t *)text.data);
        *out = datum_word((int64_t)utf8_count(slice_part(text, 0, before)) + 1);
    }
    return KY_OK;
}

SCALAR(bytea_position_of)
{
    const uint8_t *found = find_bytes(args[0].bytes, args[1].bytes);
    *out = datum_word(0);
    if (args[1].bytes.size == 0) {
        out->word = 1;
    } else if (found != NULL) {
        out->word = found - (const uint8_t *)args[0].bytes.data + 1;
    }
    return KY_OK;
}

SCALAR(starts_with)
{
    const struct ky_slice text = args[0].bytes;
    const struct ky_slice part = args[1].bytes;
    *out = datum_word(part.size <= text.size &&
                      (part.size == 0 || memcmp(text.data, part.data, part.size) == 0));
    return KY_OK;
}

static bool
holds(struct ky_slice set, const uint8_t *character, size_t size)
{
    const uint8_t *bytes = set.data;
    for (size_t i = 0; i < set.size; i += utext_size(bytes[i])) {
        if (utext_size(bytes[i]) == size && memcmp(bytes + i, character, size) == 0) {
            return true;
        }
    }
    return false;
}

static struct ky_slice
trim(struct ky_slice text, struct ky_slice set, bool is_left, bool is_right)
{
    const uint8_t *bytes = text.data;
    size_t from = 0;
    size_t to = text.size;
    while (is_left && from < to && holds(set, bytes + from, utext_size(bytes[from]))) {
        from += utext_size(bytes[from]);
    }
    while (is_right && to > from) {
        size_t last = to - 1;
        while (last > from && (bytes[last] & 0xc0) == 0x80) {
            last--;
        }
        if (!holds(set, bytes + last, to - last)) {
            break;
        }
        to = last;
    }
    return slice_part(text, from, to);
}

#define TRIM(name, is_left, is_right)                                           \
    SCALAR(name)                                                                \
    {                                                                           \
        struct ky_slice set = arg_count > 1 ? args[1].bytes : ky_slice(" ", 1); \
        *out = give(trim(args[0].bytes, set, is_left, is_right));               \
        return KY_OK;                                                           \
    }
TRIM(trim_both, true, true)
TRIM(trim_left, true, false)
TRIM(trim_right, false, true)

/* bytea: single bytes */
#define BYTEA_TRIM(name, is_left, is_right)                         \
    SCALAR(name)                                                    \
    {                                                               \
        struct ky_slice text = args[0].bytes;                       \
        const uint8_t *bytes = text.data;                           \
        const struct ky_slice set = args[1].bytes;                  \
        size_t from = 0;                                            \
        size_t to = text.size;                                      \
        while (is_left && set.size > 0 && from < to &&              \
               memchr(set.data, bytes[from], set.size) != NULL) {   \
            from++;                                                 \
        }                                                           \
        while (is_right && set.size > 0 && to > from &&             \
               memchr(set.data, bytes[to - 1], set.size) != NULL) { \
            to--;                                                   \
        }                                                           \
        *out = give(slice_part(text, from, to));                    \
        return KY_OK;                                               \
    }
BYTEA_TRIM(bytea_trim_both, true, true)
BYTEA_TRIM(bytea_trim_left, true, false)
BYTEA_TRIM(bytea_trim_right, false, true)

static ky_status
pad(struct func_env *env, const struct datum *args, int arg_count, bool is_left, struct datum *out,
    struct ky_error *err)
{
    const struct ky_slice text = args[0].bytes;
    const struct ky_slice fill = arg_count > 2 ? args[2].bytes : ky_slice(" ", 1);
    const size_t width = args[1].word < 0 ? 0 : (size_t)args[1].word;
    const size_t count = utf8_count(text);
    if (count >= width || fill.size == 0) {
        *out = give(slice_part(text, 0, utext_offset(text, width)));
        return KY_OK;
    }
    const size_t fill_count = utf8_count(fill);
    const size_t missing = width - count;
    const size_t rounds = missing / fill_count;
    const size_t part = utext_offset(fill, missing % fill_count);
    if (missing > size_max(env) || rounds * fill.size + part + text.size > size_max(env)) {
        return too_long(err);
    }
    const size_t padding = rounds * fill.size + part;
    uint8_t *result = ky_arena_alloc(env->types.arena, padding + text.size);
    uint8_t *place = result + (is_left ? 0 : text.size);
    for (size_t i = 0; i < rounds; i++) {
        memcpy(place, fill.data, fill.size);
        place += fill.size;
    }
    memcpy(place, fill.data, part);
    if (text.size > 0) {
        memcpy(result + (is_left ? padding : 0), text.data, text.size);
    }
    *out = datum_bytes(result, padding + text.size);
    return KY_OK;
}

SCALAR(lpad)
{
    return pad(env, args, arg_count, true, out, err);
}

SCALAR(rpad)
{
    return pad(env, args, arg_count, false, out, err);
}

SCALAR(replace)
{
    const struct ky_slice text = args[0].bytes;
    const struct ky_slice from = args[1].bytes;
    struct ky_buffer result = {0};
    *out = args[0];
    if (from.size == 0 || find_bytes(text, from) == NULL) {
        return KY_OK;
    }
    struct ky_slice rest = text;
    for (const uint8_t *found; (found = find_bytes(rest, from)) != NULL;) {
        size_t before = (size_t)(found - (const uint8_t *)rest.data);
        ky_buffer_append(&result, rest.data, before);
        ky_buffer_append_slice(&result, args[2].bytes);
        rest = slice_part(rest, before + from.size, rest.size);
        const bool is_long = result.size > size_max(env);
        if (is_long || func_check_cancel(env, err) != KY_OK) {
            ky_buffer_deinit(&result);
            return is_long ? too_long(err) : KY_ERR;
        }
    }
    ky_buffer_append_slice(&result, rest);
    *out = func_take_buffer(env, &result);
    return KY_OK;
}

SCALAR(repeat)
{
    const struct ky_slice text = args[0].bytes;
    const size_t count = args[1].word < 0 ? 0 : (size_t)args[1].word;
    if (text.size == 0 || count == 0) {
        *out = datum_bytes("", 0);
        return KY_OK;
    }
    if (text.size > size_max(env) / count) {
        return too_long(err);
    }
    uint8_t *result = ky_arena_alloc(env->types.arena, text.size * count);
    for (size_t i = 0; i < count; i++) {
        memcpy(result + i * text.size, text.data, text.size);
    }
    *out = datum_bytes(result, text.size * count);
    return KY_OK;
}

SCALAR(reverse)
{
    const struct ky_slice text = args[0].bytes;
    const uint8_t *bytes = text.data;
    uint8_t *result = ky_arena_alloc(env->types.arena, text.size);
    for (size_t i = 0; i < text.size;) {
        size_t size = KY_MIN(utext_size(bytes[i]), text.size - i);
        memcpy(result + text.size - i - size, bytes + i, size);
        i += size;
    }
    *out = datum_bytes(result, text.size);
    return KY_OK;
}

/* left(text, n), right(text, n): a negative n leaves out that many at the other end. */
SCALAR(left)
{
    const struct ky_slice text = args[0].bytes;
    int64_t count = args[1].word;
    if (count < 0) {
        count = KY_MAX((int64_t)utf8_count(text) + count, (int64_t)0);
    }
    *out = give(slice_part(text, 0, utext_offset(text, (size_t)count)));
    return KY_OK;
}

SCALAR(right)
{
    const struct ky_slice text = args[0].bytes;
    int64_t skip = -args[1].word;
    if (skip <= 0) {
        skip = KY_MAX((int64_t)utf8_count(text) + skip, (int64_t)0);
    }
    *out = give(slice_part(text, utext_offset(text, (size_t)skip), text.size));
    return KY_OK;
}

static bool
next_field(struct ky_slice *rest, struct ky_slice separator, struct ky_slice *field)
{
    const uint8_t *found = find_bytes(*rest, separator);
    if (found == NULL) {
        *field = *rest;
        return false;
    }
    size_t before = (size_t)(found - (const uint8_t *)rest->data);
    *field = slice_part(*rest, 0, before);
    *rest = slice_part(*rest, before + separator.size, rest->size);
    return true;
}

SCALAR(split_part)
{
    struct ky_slice rest = args[0].bytes;
    const struct ky_slice separator = args[1].bytes;
    int64_t wanted = args[2].word;
    if (wanted == 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "field position must not be zero");
    }
    *out = datum_bytes("", 0);
    if (rest.size == 0) {
        return KY_OK;
    }
    if (separator.size == 0) {
        if (wanted == 1 || wanted == -1) {
            *out = args[0];
        }
        return KY_OK;
    }
    struct ky_slice field;
    if (wanted < 0) {
        int64_t count = 1;
        while (next_field(&rest, separator, &field)) {
            count++;
        }
        wanted += count + 1;
        rest = args[0].bytes;
    }
    for (int64_t i = 1; i <= wanted; i++) {
        bool has_more = next_field(&rest, separator, &field);
        if (i == wanted) {
            *out = give(field);
        }
        if (!has_more) {
            break;
        }
    }
    return KY_OK;
}

SCALAR(translate)
{
    const struct ky_slice from = args[1].bytes;
    const struct ky_slice to = args[2].bytes;
    const uint8_t *bytes = args[0].bytes.data;
    const size_t size = args[0].bytes.size;
    uint8_t *result = ky_arena_alloc(env->types.arena, size * 4);
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        const size_t step = KY_MIN(utext_size(bytes[i]), size - i);
        const uint8_t *set = from.data;
        size_t index = 0;
        size_t at = 0;
        while (at < from.size &&
               (utext_size(set[at]) != step || memcmp(set + at, bytes + i, step) != 0)) {
            at += utext_size(set[at]);
            index++;
        }
        struct ky_slice piece = ky_slice(bytes + i, step);
        if (at < from.size) {
            size_t start = utext_offset(to, index);
            piece = slice_part(to, start, start + utext_offset(slice_part(to, start, to.size), 1));
        }
        if (piece.size > 0) {
            memcpy(result + used, piece.data, piece.size);
        }
        used += piece.size;
        i += step;
    }
    *out = datum_bytes(result, used);
    return KY_OK;
}

SCALAR(ascii)
{
    const uint8_t *place = args[0].bytes.data;
    *out = datum_word(
        args[0].bytes.size == 0 ? 0 : (int64_t)utext_next(&place, place + args[0].bytes.size));
    return KY_OK;
}

SCALAR(chr)
{
    const int64_t code = args[0].word;
    if (code == 0) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "null character not permitted");
    }
    if (code < 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "character number must be positive");
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "requested character too large for encoding: %d", (int)code);
    }
    uint8_t *text = ky_arena_alloc(env->types.arena, 4);
    size_t size = utext_put(text, (uint32_t)code);
    *out = datum_bytes(text, size);
    return KY_OK;
}

SCALAR(text_larger)
{
    *out = ky_slice_compare(args[0].bytes, args[1].bytes) > 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(text_smaller)
{
    *out = ky_slice_compare(args[0].bytes, args[1].bytes) < 0 ? args[0] : args[1];
    return KY_OK;
}

SCALAR(get_byte)
{
    const struct ky_slice bytes = args[0].bytes;
    if (args[1].word < 0 || (uint64_t)args[1].word >= bytes.size) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "index %lld out of valid range, 0..%lld",
                            (long long)args[1].word, (long long)bytes.size - 1);
    }
    *out = datum_word(((const uint8_t *)bytes.data)[args[1].word]);
    return KY_OK;
}

SCALAR(set_byte)
{
    KY_TRY(get_byte(env, args, 2, out, err));
    const struct ky_slice copy = args[0].bytes;
    uint8_t *bytes = ky_arena_alloc(env->types.arena, copy.size);
    memcpy(bytes, copy.data, copy.size);
    bytes[args[1].word] = (uint8_t)args[2].word;
    *out = datum_bytes(bytes, copy.size);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1258, "textcat", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = text_cat),
    FUNC(2003, "textanycat", OID_TEXT, 's', true, ARGS(OID_TEXT, OID_ANYNONARRAY),
         .scalar = text_cat_any),
    FUNC(2004, "anytextcat", OID_TEXT, 's', true, ARGS(OID_ANYNONARRAY, OID_TEXT),
         .scalar = any_cat_text),
    FUNC(2011, "byteacat", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA), .scalar = text_cat),
    FUNC(1317, "length", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = char_length),
    FUNC(1318, "length", OID_INT4, 'i', true, ARGS(OID_BPCHAR), .scalar = bpchar_length),
    FUNC(2010, "length", OID_INT4, 'i', true, ARGS(OID_BYTEA), .scalar = octet_length),
    FUNC(1381, "char_length", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = char_length),
    FUNC(1372, "char_length", OID_INT4, 'i', true, ARGS(OID_BPCHAR), .scalar = bpchar_length),
    FUNC(1369, "character_length", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = char_length),
    FUNC(1367, "character_length", OID_INT4, 'i', true, ARGS(OID_BPCHAR), .scalar = bpchar_length),
    FUNC(1257, "textlen", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = char_length),
    FUNC(1374, "octet_length", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = octet_length),
    FUNC(720, "octet_length", OID_INT4, 'i', true, ARGS(OID_BYTEA), .scalar = octet_length),
    FUNC(1375, "octet_length", OID_INT4, 'i', true, ARGS(OID_BPCHAR), .scalar = octet_length),
    FUNC(1811, "bit_length", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = bit_length),
    FUNC(1810, "bit_length", OID_INT4, 'i', true, ARGS(OID_BYTEA), .scalar = bit_length),
    FUNC(870, "lower", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = lower),
    FUNC(871, "upper", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = upper),
    FUNC(872, "initcap", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = initcap),
    FUNC(937, "substring", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = substring_from),
    FUNC(936, "substring", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4, OID_INT4),
         .scalar = substring_from_for),
    FUNC(1404, "overlay", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4, OID_INT4),
         .scalar = text_overlay),
    FUNC(1405, "overlay", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = text_overlay_whole),
    FUNC(749, "overlay", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA, OID_INT4, OID_INT4),
         .scalar = bytea_overlay),
    FUNC(752, "overlay", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA, OID_INT4),
         .scalar = bytea_overlay_whole),
    FUNC(883, "substr", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = substring_from),
    FUNC(877, "substr", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4, OID_INT4),
         .scalar = substring_from_for),
    FUNC(2013, "substring", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT4),
         .scalar = bytea_substring_from),
    FUNC(2012, "substring", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT4, OID_INT4),
         .scalar = bytea_substring_from_for),
    FUNC(2086, "substr", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT4),
         .scalar = bytea_substring_from),
    FUNC(2085, "substr", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT4, OID_INT4),
         .scalar = bytea_substring_from_for),
    FUNC(849, "position", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = position_of),
    FUNC(868, "strpos", OID_INT4, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = position_of),
    FUNC(2014, "position", OID_INT4, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_position_of),
    FUNC(3696, "starts_with", OID_BOOL, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = starts_with),
    FUNC(885, "btrim", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = trim_both),
    FUNC(884, "btrim", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = trim_both),
    FUNC(881, "ltrim", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = trim_left),
    FUNC(875, "ltrim", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = trim_left),
    FUNC(882, "rtrim", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = trim_right),
    FUNC(876, "rtrim", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = trim_right),
    FUNC(2015, "btrim", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_trim_both),
    FUNC(6195, "ltrim", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_trim_left),
    FUNC(6196, "rtrim", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_BYTEA),
         .scalar = bytea_trim_right),
    FUNC(873, "lpad", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4, OID_TEXT), .scalar = lpad,
         .can_grow = true),
    FUNC(879, "lpad", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = lpad,
         .can_grow = true),
    FUNC(874, "rpad", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4, OID_TEXT), .scalar = rpad,
         .can_grow = true),
    FUNC(880, "rpad", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = rpad,
         .can_grow = true),
    FUNC(2087, "replace", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = replace, .can_grow = true),
    FUNC(1622, "repeat", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = repeat,
         .can_grow = true),
    FUNC(3062, "reverse", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = reverse),
    FUNC(3060, "left", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = left),
    FUNC(3061, "right", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_INT4), .scalar = right),
    FUNC(2088, "split_part", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_INT4),
         .scalar = split_part),
    FUNC(878, "translate", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT, OID_TEXT),
         .scalar = translate, .can_grow = true),
    FUNC(1620, "ascii", OID_INT4, 'i', true, ARGS(OID_TEXT), .scalar = ascii),
    FUNC(1621, "chr", OID_TEXT, 'i', true, ARGS(OID_INT4), .scalar = chr),
    FUNC(458, "text_larger", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT), .scalar = text_larger),
    FUNC(459, "text_smaller", OID_TEXT, 'i', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = text_smaller),
    FUNC(721, "get_byte", OID_INT4, 'i', true, ARGS(OID_BYTEA, OID_INT4), .scalar = get_byte),
    FUNC(722, "set_byte", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT4, OID_INT4),
         .scalar = set_byte),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(3877, "^@", OID_TEXT, OID_TEXT, OID_BOOL, 3696, 0, 0, 0, false),
    OPERATOR(654, "||", OID_TEXT, OID_TEXT, OID_TEXT, 1258, 0, 0, 0, false),
    OPERATOR(2018, "||", OID_BYTEA, OID_BYTEA, OID_BYTEA, 2011, 0, 0, 0, false),
    OPERATOR(2779, "||", OID_TEXT, OID_ANYNONARRAY, OID_TEXT, 2003, 0, 0, 0, false),
    OPERATOR(2780, "||", OID_ANYNONARRAY, OID_TEXT, OID_TEXT, 2004, 0, 0, 0, false),
};

const struct func_table func_table_text = {funcs, KY_COUNT_OF(funcs), operators,
                                           KY_COUNT_OF(operators)};
