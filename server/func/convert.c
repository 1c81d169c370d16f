/* SPDX-License-Identifier: Apache-2.0 */
#include <iconv.h>
#include <stdio.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/encoding.h"

/*
 * Text in other encodings as bytes: convert, convert_from, convert_to. Those of one byte to the
 * character are turned by tables, which iconv makes; SQL_ASCII is bytes that nothing is known of.
 * Encodings of several bytes are refused.
 */

enum { HIGH_COUNT = 128 };

static const char *const iconv_names[] = {
    [8] = "ISO-8859-1",   [9] = "ISO-8859-2",   [10] = "ISO-8859-3",  [11] = "ISO-8859-4",
    [12] = "ISO-8859-9",  [13] = "ISO-8859-10", [14] = "ISO-8859-13", [15] = "ISO-8859-14",
    [16] = "ISO-8859-15", [17] = "ISO-8859-16", [18] = "CP1256",      [20] = "CP866",
    [21] = "CP874",       [22] = "KOI8-R",      [23] = "CP1251",      [24] = "CP1252",
    [25] = "ISO-8859-5",  [26] = "ISO-8859-6",  [27] = "ISO-8859-7",  [28] = "ISO-8859-8",
    [29] = "CP1250",      [30] = "CP1253",      [31] = "CP1254",      [33] = "CP1257",
    [34] = "KOI8-U",
};

/* The characters of bytes 0x80 to 0xff; 0: the byte means nothing. The thread's last table. */
struct byte_table {
    int encoding;
    uint32_t characters[HIGH_COUNT];
};
static _Thread_local struct byte_table last_table = {.encoding = ENCODING_UNKNOWN};

static const struct byte_table *
table_of(int encoding)
{
    if (last_table.encoding == encoding) {
        return &last_table;
    }
    const bool is_known =
        encoding >= 0 && encoding < (int)KY_COUNT_OF(iconv_names) && iconv_names[encoding] != NULL;
    const iconv_t turn = is_known ? iconv_open("UTF-32LE", iconv_names[encoding]) : (iconv_t)-1;
    if (turn == (iconv_t)-1) {
        return NULL;
    }
    for (int i = 0; i < HIGH_COUNT; i++) {
        char byte = (char)(HIGH_COUNT + i);
        uint8_t wide[4] = {0};
        char *in = &byte;
        char *to = (char *)wide;
        size_t in_size = 1;
        size_t to_size = sizeof(wide);
        (void)iconv(turn, NULL, NULL, NULL, NULL);
        const bool is_done = iconv(turn, &in, &in_size, &to, &to_size) != (size_t)-1;
        last_table.characters[i] = is_done && to_size == 0 ? ky_load_le32(wide) : 0;
    }
    (void)iconv_close(turn);
    last_table.encoding = encoding;
    return &last_table;
}

static ky_status
untranslatable(struct ky_slice character, int from, int to, struct ky_error *err)
{
    char bytes[32] = "";
    size_t size = 0;
    for (size_t i = 0; i < character.size && i < 4; i++) {
        size += (size_t)snprintf(bytes + size, sizeof(bytes) - size, "%s0x%02x", i == 0 ? "" : " ",
                                 ((const uint8_t *)character.data)[i]);
    }
    return ky_error_set(err, KY_UNTRANSLATABLE_CHARACTER,
                        "character with byte sequence %s in encoding \"%s\" has no equivalent in "
                        "encoding \"%s\"",
                        bytes, encoding_name(from), encoding_name(to));
}

static ky_status
to_utf8(struct func_env *env, struct ky_slice text, int from, int to, struct ky_slice *out,
        struct ky_error *err)
{
    enum { UTF8_SIZE_MAX = 4 };
    const struct byte_table *table = table_of(from);
    const uint8_t *p = text.data;
    uint8_t *made = ky_arena_alloc(env->types.arena, text.size * UTF8_SIZE_MAX + 1);
    size_t size = 0;
    if (table == NULL) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "conversion between %s and UTF8 is not supported", encoding_name(from));
    }
    for (size_t i = 0; i < text.size; i++) {
        const uint32_t character = p[i] < HIGH_COUNT ? p[i] : table->characters[p[i] - HIGH_COUNT];
        if (p[i] == 0) {
            return ky_error_set(err, KY_CHARACTER_NOT_IN_REPERTOIRE,
                                "invalid byte sequence for encoding \"%s\": 0x00",
                                encoding_name(from));
        }
        if (character == 0) {
            return untranslatable(ky_slice(p + i, 1), from, to, err);
        }
        size += utext_put(made + size, character);
    }
    *out = ky_slice(made, size);
    return KY_OK;
}

static ky_status
from_utf8(struct func_env *env, struct ky_slice text, int from, int to, struct ky_slice *out,
          struct ky_error *err)
{
    const struct byte_table *table = table_of(to);
    const uint8_t *p = text.data;
    const uint8_t *end = p + text.size;
    uint8_t *made = ky_arena_alloc(env->types.arena, text.size + 1);
    size_t size = 0;
    if (table == NULL) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "conversion between UTF8 and %s is not supported", encoding_name(to));
    }
    while (p < end) {
        const uint8_t *first = p;
        const uint32_t character = utext_next(&p, end);
        int place = 0;
        while (character >= HIGH_COUNT && place < HIGH_COUNT &&
               table->characters[place] != character) {
            place++;
        }
        if (place == HIGH_COUNT) {
            return untranslatable(ky_slice(first, (size_t)(p - first)), from, to, err);
        }
        made[size++] =
            (uint8_t)(character < HIGH_COUNT ? character : (uint32_t)HIGH_COUNT + (uint32_t)place);
    }
    *out = ky_slice(made, size);
    return KY_OK;
}

/* Pairs that PostgreSQL turns without being asked to go through UTF8. */
static bool
is_pair(int from, int to)
{
    const uint64_t cyrillic =
        UINT64_C(1) << 20 | UINT64_C(1) << 22 | UINT64_C(1) << 23 | UINT64_C(1) << 25;
    const uint64_t central = UINT64_C(1) << 9 | UINT64_C(1) << 29;
    const uint64_t both = UINT64_C(1) << from | UINT64_C(1) << to;
    return (both & ~cyrillic) == 0 || (both & ~central) == 0;
}

static ky_status
convert_between(struct func_env *env, struct ky_slice text, int from, int to, struct datum *out,
                struct ky_error *err)
{
    *out = (struct datum){.bytes = text};
    if (from == ENCODING_UTF8 || (from == ENCODING_SQL_ASCII && to == ENCODING_UTF8)) {
        KY_TRY(utf8_validate(text, err));
    }
    if (from == to || from == ENCODING_SQL_ASCII || to == ENCODING_SQL_ASCII) {
        return KY_OK;
    }
    if (from == ENCODING_UTF8) {
        return from_utf8(env, text, from, to, &out->bytes, err);
    }
    if (to == ENCODING_UTF8) {
        return to_utf8(env, text, from, to, &out->bytes, err);
    }
    if (!is_pair(from, to)) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "default conversion function for encoding \"%s\" to \"%s\" does not "
                            "exist",
                            encoding_name(from), encoding_name(to));
    }
    struct ky_slice middle;
    KY_TRY(to_utf8(env, text, from, to, &middle, err));
    return from_utf8(env, middle, from, to, &out->bytes, err);
}

static ky_status
encoding_of(struct ky_slice name, const char *role, int *out, struct ky_error *err)
{
    *out = encoding_find(name);
    return *out != ENCODING_UNKNOWN
               ? KY_OK
               : ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid %sencoding name \"%.*s\"",
                              role, (int)name.size, (const char *)name.data);
}

SCALAR(convert)
{
    int from;
    int to;
    KY_TRY(encoding_of(args[1].bytes, "source ", &from, err));
    KY_TRY(encoding_of(args[2].bytes, "destination ", &to, err));
    return convert_between(env, args[0].bytes, from, to, out, err);
}

SCALAR(convert_from)
{
    int from;
    KY_TRY(encoding_of(args[1].bytes, "source ", &from, err));
    return convert_between(env, args[0].bytes, from, ENCODING_UTF8, out, err);
}

SCALAR(convert_to)
{
    int to;
    KY_TRY(encoding_of(args[1].bytes, "destination ", &to, err));
    return convert_between(env, args[0].bytes, ENCODING_UTF8, to, out, err);
}

SCALAR(length_in)
{
    int encoding;
    KY_TRY(encoding_of(args[1].bytes, "", &encoding, err));
    if (encoding != ENCODING_UTF8) {
        *out = datum_word((int64_t)args[0].bytes.size);
        return KY_OK;
    }
    KY_TRY(utf8_validate(args[0].bytes, err));
    *out = datum_word((int64_t)utf8_count(args[0].bytes));
    return KY_OK;
}

/* unistr: \\XXXX, \\+XXXXXX, \\uXXXX, \\UXXXXXXXX and \\\\ in a text. */

static ky_status
bad_escape(struct ky_error *err)
{
    ky_error_set(err, KY_SYNTAX_ERROR, "invalid Unicode escape");
    return ky_error_hint(err,
                         "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
}

static bool
read_hex(const uint8_t *p, const uint8_t *end, int count, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        const int c = p + i < end ? p[i] : 0;
        const int low = c | 32;
        if (c >= '0' && c <= '9') {
            *out = *out * 16 + (uint32_t)(c - '0');
        } else if (low >= 'a' && low <= 'f') {
            *out = *out * 16 + (uint32_t)(low - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* Reads what follows a backslash; moves past it. */
static ky_status
read_escape(const uint8_t **place, const uint8_t *end, uint32_t *out, struct ky_error *err)
{
    const uint8_t *p = *place;
    const bool has_mark = p < end && (*p == 'u' || *p == 'U' || *p == '+');
    const int count = !has_mark || *p == 'u' ? 4 : *p == 'U' ? 8 : 6;
    p += has_mark;
    if (!read_hex(p, end, count, out)) {
        return bad_escape(err);
    }
    *place = p + count;
    return *out != 0 && *out <= 0x10ffff ? KY_OK
                                         : ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                                        "invalid Unicode code point: %04X", *out);
}

SCALAR(unistr)
{
    enum { HIGH_FIRST = 0xd800, LOW_FIRST = 0xdc00, LOW_END = 0xe000, PLANE = 0x10000 };
    const uint8_t *p = args[0].bytes.data;
    const uint8_t *end = p + args[0].bytes.size;
    uint8_t *made = ky_arena_alloc(env->types.arena, args[0].bytes.size + 1);
    size_t size = 0;
    uint32_t high = 0; /* the first half of a pair */
    while (p < end) {
        uint32_t character;
        const bool is_escape = *p == '\\' && !(p + 1 < end && p[1] == '\\');
        if (is_escape) {
            p++;
            KY_TRY(read_escape(&p, end, &character, err));
        } else {
            p += *p == '\\';
            character = utext_next(&p, end);
        }
        const bool is_low = is_escape && character >= LOW_FIRST && character < LOW_END;
        if ((high != 0) != is_low) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "invalid Unicode surrogate pair");
        }
        if (is_escape && character >= HIGH_FIRST && character < LOW_FIRST) {
            high = character;
            continue;
        }
        if (is_low) {
            character = PLANE + ((high - HIGH_FIRST) << 10) + (character - LOW_FIRST);
            high = 0;
        }
        size += utext_put(made + size, character);
    }
    if (high != 0) {
        return ky_error_set(err, KY_SYNTAX_ERROR, "invalid Unicode surrogate pair");
    }
    *out = datum_bytes(made, size);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1813, "convert", OID_BYTEA, 's', true, ARGS(OID_BYTEA, OID_NAME, OID_NAME),
         .scalar = convert),
    FUNC(1714, "convert_from", OID_TEXT, 's', true, ARGS(OID_BYTEA, OID_NAME),
         .scalar = convert_from),
    FUNC(1717, "convert_to", OID_BYTEA, 's', true, ARGS(OID_TEXT, OID_NAME), .scalar = convert_to),
    FUNC(1713, "length", OID_INT4, 's', true, ARGS(OID_BYTEA, OID_NAME), .scalar = length_in),
    FUNC(6198, "unistr", OID_TEXT, 'i', true, ARGS(OID_TEXT), .scalar = unistr),
};

const struct func_table func_table_convert = {funcs, KY_COUNT_OF(funcs), NULL, 0};
