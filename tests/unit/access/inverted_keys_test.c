/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "server/access/access_private.h"
#include "server/access/inverted.h"
#include "server/base/json.h"

/* Which keys a value has, and which a condition asks for: told by comparing sets of them. */

static struct ky_arena arena;
static struct type_context context;

static void
setup(void)
{
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
}

static void
teardown(void)
{
    ky_arena_deinit(&arena);
}

TestSuite(inverted_keys, .init = setup, .fini = teardown);

static struct datum
read(oid_t oid, const char *text)
{
    const struct type *type = type_get(oid);
    struct datum value;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert(type->input(type, &context, ky_slice_cstr(text), -1, &value, &err) == KY_OK, "%s: %s",
              text, err.message);
    return value;
}

static struct ky_slice
keys_in(uint16_t column, enum inverted_class class, const char *text)
{
    struct ky_buffer keys = {0};
    inverted_add_keys(class, column,
                      read(class == INVERTED_ARRAY ? OID_INT4_ARRAY : OID_JSONB, text), &keys);
    inverted_seal_keys(&keys, 0);
    const struct ky_slice copy = ky_slice_dup(&arena, ky_buffer_slice(&keys));
    ky_buffer_deinit(&keys);
    return copy;
}

static struct ky_slice
keys_of(enum inverted_class class, const char *text)
{
    return keys_in(0, class, text);
}

static size_t
count_of(enum inverted_class class, const char *text)
{
    return keys_of(class, text).size / INVERTED_KEY_SIZE;
}

static bool
is_same(enum inverted_class class, const char *a, const char *b)
{
    return ky_slice_equal(keys_of(class, a), keys_of(class, b));
}

static bool
has_all(struct ky_slice keys, struct ky_slice wanted)
{
    struct ky_buffer missing = {0};
    inverted_subtract(wanted, keys, &missing);
    const bool has = missing.size == 0;
    ky_buffer_deinit(&missing);
    return has;
}

static enum inverted_need
need_of(enum inverted_class class, enum gin_strategy strategy, oid_t type, const char *text,
        struct ky_slice *keys_out)
{
    struct ky_buffer keys = {0};
    const enum inverted_need need =
        inverted_query_keys(class, 0, strategy, read(type, text), &keys);
    *keys_out = ky_slice_dup(&arena, ky_buffer_slice(&keys));
    ky_buffer_deinit(&keys);
    return need;
}

Test(inverted_keys, are_ascending_and_each_there_once)
{
    const struct ky_slice keys =
        keys_of(INVERTED_JSONB, "{\"a\": [1, 1.0, \"a\", \"b\"], \"b\": {\"a\": \"c\"}}");
    cr_assert_eq(keys.size, 4 * INVERTED_KEY_SIZE); /* names a and b, number 1, string c */
    for (size_t i = INVERTED_KEY_SIZE; i < keys.size; i += INVERTED_KEY_SIZE) {
        const uint8_t *at = (const uint8_t *)keys.data + i;
        cr_expect_lt(memcmp(at - INVERTED_KEY_SIZE, at, INVERTED_KEY_SIZE), 0);
    }
}

Test(inverted_keys, tell_names_strings_numbers_and_words_apart)
{
    static const char *const values[] = {"{\"x\": \"1\"}", "{\"x\": 1}",       "{\"x\": true}",
                                         "{\"x\": false}", "{\"x\": null}",    "{\"x\": \"true\"}",
                                         "{\"1\": \"x\"}", "{\"x\": \"null\"}"};
    for (size_t i = 0; i < KY_COUNT_OF(values); i++) {
        for (size_t k = 0; k < i; k++) {
            cr_expect_not(is_same(INVERTED_JSONB, values[i], values[k]), "%s %s", values[i],
                          values[k]);
            cr_expect_not(is_same(INVERTED_JSONB_PATH, values[i], values[k]), "%s %s", values[i],
                          values[k]);
        }
    }
}

Test(inverted_keys, of_equal_numbers_are_equal)
{
    static const char *const equal[][2] = {{"1", "1.0"},       {"1.50", "1.5"}, {"0", "-0.00"},
                                           {"100", "1e2"},     {"100", "1e+2"}, {"0.001", "1e-3"},
                                           {"-10.10", "-10.1"}};
    static const char *const unequal[][2] = {
        {"1", "10"}, {"1", "-1"}, {"1.05", "1.5"}, {"10", "100"}};
    for (size_t i = 0; i < KY_COUNT_OF(equal); i++) {
        cr_expect(is_same(INVERTED_JSONB, equal[i][0], equal[i][1]), "%s", equal[i][0]);
        cr_expect(is_same(INVERTED_JSONB_PATH, equal[i][0], equal[i][1]), "%s", equal[i][0]);
    }
    for (size_t i = 0; i < KY_COUNT_OF(unequal); i++) {
        cr_expect_not(is_same(INVERTED_JSONB, unequal[i][0], unequal[i][1]), "%s", unequal[i][0]);
    }
}

Test(inverted_keys, do_not_know_places_in_arrays_but_paths_know_names)
{
    cr_expect(is_same(INVERTED_JSONB, "{\"a\": {\"b\": 1}}", "{\"b\": {\"a\": 1}}"));
    cr_expect_not(is_same(INVERTED_JSONB_PATH, "{\"a\": {\"b\": 1}}", "{\"b\": {\"a\": 1}}"));
    cr_expect_not(is_same(INVERTED_JSONB_PATH, "{\"ab\": 1}", "{\"a\": {\"b\": 1}}"));
    cr_expect(is_same(INVERTED_JSONB_PATH, "{\"a\": [1, 2]}", "{\"a\": [2, [1]]}"));
    cr_expect(is_same(INVERTED_JSONB, "[\"a\", 1]", "{\"a\": 1}"));
}

Test(inverted_keys, of_nothing_are_none)
{
    cr_expect_eq(count_of(INVERTED_JSONB, "{}"), 0);
    cr_expect_eq(count_of(INVERTED_JSONB, "[[], {}]"), 0);
    cr_expect_eq(count_of(INVERTED_JSONB, "{\"a\": []}"), 1);
    cr_expect_eq(count_of(INVERTED_JSONB_PATH, "{\"a\": {\"b\": []}}"), 0);
    cr_expect_eq(count_of(INVERTED_ARRAY, "{}"), 1, "the empty array has a key of its own");
}

Test(inverted_keys, of_columns_differ)
{
    cr_expect_not(ky_slice_equal(keys_in(0, INVERTED_JSONB, "1"), keys_in(1, INVERTED_JSONB, "1")));
    cr_expect_not(
        ky_slice_equal(keys_in(0, INVERTED_ARRAY, "{1}"), keys_in(1, INVERTED_ARRAY, "{1}")));
    cr_expect_not(ky_slice_equal(keys_in(2, INVERTED_JSONB_PATH, "{\"a\": 1}"),
                                 keys_in(3, INVERTED_JSONB_PATH, "{\"a\": 1}")));
}

Test(inverted_keys, of_arrays_are_their_elements_and_one_for_nulls)
{
    cr_expect(is_same(INVERTED_ARRAY, "{1,2,2}", "{{2,1}}"));
    cr_expect_eq(count_of(INVERTED_ARRAY, "{1,NULL,NULL}"), 2);
    cr_expect_not(is_same(INVERTED_ARRAY, "{NULL}", "{}"));
}

Test(inverted_keys, asked_for_by_name_are_those_that_values_have)
{
    static const char *const names[] = {"a", "", "two words", "\"q\"", "line\nbreak", "\x01", "é"};
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        struct ky_buffer text = {0};
        struct ky_buffer wanted = {0};
        ky_buffer_append_byte(&text, '[');
        json_write_string(&text, ky_slice_cstr(names[i]));
        ky_buffer_append(&text, "]", 2);
        cr_expect_eq(
            inverted_query_keys(INVERTED_JSONB, 0, GIN_JSONB_EXISTS, datum_cstr(names[i]), &wanted),
            INVERTED_NEEDS_ALL);
        cr_expect(
            ky_slice_equal(ky_buffer_slice(&wanted), keys_of(INVERTED_JSONB, (char *)text.data)),
            "%s", names[i]);
        ky_buffer_deinit(&text);
        ky_buffer_deinit(&wanted);
    }
}

Test(inverted_keys, conditions_need_what_their_rows_have)
{
    struct ky_slice keys;
    const struct ky_slice row = keys_of(INVERTED_ARRAY, "{1,2,NULL}");
    const struct ky_slice empty = keys_of(INVERTED_ARRAY, "{}");
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_CONTAINS, OID_INT4_ARRAY, "{2,1}", &keys),
                 INVERTED_NEEDS_ALL);
    cr_expect(has_all(row, keys));
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_CONTAINS, OID_INT4_ARRAY, "{}", &keys),
                 INVERTED_NEEDS_NOTHING);
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_CONTAINS, OID_INT4_ARRAY, "{1,NULL}", &keys),
                 INVERTED_NEEDS_ANY);
    cr_expect_eq(keys.size, 0, "nothing contains a null");
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_CONTAINED, OID_INT4_ARRAY, "{7}", &keys),
                 INVERTED_NEEDS_ANY);
    cr_expect(has_all(keys, empty), "the empty array is contained in any");
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_EQUAL, OID_INT4_ARRAY, "{1,2,NULL}", &keys),
                 INVERTED_NEEDS_ALL);
    cr_expect(ky_slice_equal(keys, row));
    cr_expect_eq(need_of(INVERTED_ARRAY, GIN_ARRAY_OVERLAPS, OID_INT4_ARRAY, "{NULL}", &keys),
                 INVERTED_NEEDS_ANY);
    cr_expect_eq(keys.size, 0);
    cr_expect_eq(need_of(INVERTED_JSONB, GIN_JSONB_EXISTS_ALL, OID_TEXT_ARRAY, "{NULL}", &keys),
                 INVERTED_NEEDS_NOTHING);
    cr_expect_eq(need_of(INVERTED_JSONB, GIN_JSONB_EXISTS_ANY, OID_TEXT_ARRAY, "{NULL}", &keys),
                 INVERTED_NEEDS_ANY);
    cr_expect_eq(need_of(INVERTED_JSONB, GIN_JSONB_CONTAINS, OID_JSONB, "{}", &keys),
                 INVERTED_NEEDS_NOTHING);
}

Test(inverted_keys, of_a_very_large_value_are_found_one_by_one)
{
    enum { ELEMENTS = 200000 };
    struct ky_buffer text = {0};
    for (int i = 0; i < ELEMENTS; i++) {
        ky_buffer_printf(&text, "%c%d", i == 0 ? '[' : ',', i);
    }
    ky_buffer_append(&text, "]", 2);
    cr_expect_eq(count_of(INVERTED_JSONB, (char *)text.data), ELEMENTS);
    cr_expect(
        has_all(keys_of(INVERTED_JSONB, (char *)text.data), keys_of(INVERTED_JSONB, "[777]")));
    ky_buffer_deinit(&text);
}

Test(inverted_keys, sets_are_subtracted_and_searched)
{
    const struct ky_slice all = keys_of(INVERTED_ARRAY, "{1,2,3,4,5}");
    const struct ky_slice some = keys_of(INVERTED_ARRAY, "{2,4,6}");
    struct ky_buffer left = {0};
    inverted_subtract(all, some, &left);
    cr_expect(ky_slice_equal(ky_buffer_slice(&left), keys_of(INVERTED_ARRAY, "{1,3,5}")));
    cr_expect(inverted_has(all, keys_of(INVERTED_ARRAY, "{5}")));
    cr_expect_not(inverted_has(all, keys_of(INVERTED_ARRAY, "{6}")));
    cr_expect_not(inverted_has(ky_slice(NULL, 0), keys_of(INVERTED_ARRAY, "{6}")));
    ky_buffer_deinit(&left);
}
