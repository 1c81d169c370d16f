/* SPDX-License-Identifier: Apache-2.0 */

/* Expected texts are PostgreSQL 15's. */

#include "server/types/numeric.h"

#include <criterion/criterion.h>

#include "server/types/types_private.h"

static struct ky_arena arena;
static struct type_context context;

static void
setup(void)
{
    ky_arena_init(&arena);
    context = (struct type_context){.arena = &arena, .extra_float_digits = 1};
}

static void
teardown(void)
{
    ky_arena_deinit(&arena);
}

TestSuite(numeric, .init = setup, .fini = teardown);

static struct datum
parse(const char *text)
{
    struct datum value = datum_null();
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(numeric_type.input(&numeric_type, &context, ky_slice_cstr(text), -1, &value, &err),
                 KY_OK, "%s: %s", text, err.message);
    return value;
}

static const char *
print(struct ky_slice value)
{
    struct ky_buffer out = {0};
    numeric_type.output(&numeric_type, &context, datum_bytes(value.data, value.size), &out);
    const char *text = ky_arena_cstr(&arena, ky_buffer_slice(&out));
    ky_buffer_deinit(&out);
    return text;
}

Test(numeric, text_keeps_the_scale_that_was_written)
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"1.500", "1.500"},
        {"-.5e3", "-500"},
        {" 5. ", "5"},
        {"1e-5", "0.00001"},
        {"1.5e1", "15"},
        {"nan", "NaN"},
        {"-inf", "-Infinity"},
        {"-0.00", "0.00"},
        {"170141183460469231731687303715884105728", "170141183460469231731687303715884105728"},
        {"-170141183460469231731687303715884105728.25",
         "-170141183460469231731687303715884105728.25"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(cases); i++) {
        cr_expect_str_eq(print(parse(cases[i][0]).bytes), cases[i][1]);
    }
}

Test(numeric, bad_text_is_refused_with_the_right_sqlstate)
{
    static const char *const syntax[] = {"", ".", "1.2.3", "--1", "1e", "0x10", "1_000", "-nan"};
    struct datum value;
    struct ky_error err;
    for (size_t i = 0; i < KY_COUNT_OF(syntax); i++) {
        ky_error_init(&err);
        cr_expect_eq(
            numeric_type.input(&numeric_type, &context, ky_slice_cstr(syntax[i]), -1, &value, &err),
            KY_ERR);
        cr_expect_eq(err.sqlstate, KY_INVALID_TEXT_REPRESENTATION, "%s", syntax[i]);
    }
    static const char *const range[] = {"1e131072", "1e-16384", "1e200000000"};
    for (size_t i = 0; i < KY_COUNT_OF(range); i++) {
        ky_error_init(&err);
        cr_expect_eq(
            numeric_type.input(&numeric_type, &context, ky_slice_cstr(range[i]), -1, &value, &err),
            KY_ERR);
        cr_expect_eq(err.sqlstate, KY_NUMERIC_VALUE_OUT_OF_RANGE, "%s", range[i]);
    }
}

Test(numeric, arithmetic_has_postgres_result_scales)
{
    static const struct {
        numeric_binary fn;
        const char *a;
        const char *b;
        const char *result;
    } cases[] = {
        {numeric_add, "1.10", "2.005", "3.105"},
        {numeric_sub, "1", "1.00", "0.00"},
        {numeric_mul, "1.5", "1.50", "2.250"},
        {numeric_div, "1", "3", "0.33333333333333333333"},
        {numeric_div, "10", "3", "3.3333333333333333"},
        {numeric_div, "100000", "7", "14285.714285714286"},
        {numeric_div, "1", "100000000000", "0.0000000000100000000000000000"},
        {numeric_mod, "-7.5", "2", "-1.5"},
        {numeric_add, "99999999999999999999999999999999999999", "1",
         "100000000000000000000000000000000000000"},
        {numeric_mul, "99999999999999999999", "99999999999999999999",
         "9999999999999999999800000000000000000001"},
        {numeric_power, "2", "10", "1024.0000000000000000"},
        {numeric_power, "2.5", "100", "6223015277861141707144064053780124240590.2521687211671331"},
        {numeric_power, "1234.5", "0.5", "35.135452181521729"},
        {numeric_power, "2", "0.5", "1.4142135623730950"},
        {numeric_add, "Infinity", "-Infinity", "NaN"},
        {numeric_div, "1", "Infinity", "0"},
        {numeric_mul, "Infinity", "0", "NaN"},
        {numeric_power, "NaN", "0", "1"},
    };
    struct ky_error err;
    for (size_t i = 0; i < KY_COUNT_OF(cases); i++) {
        struct ky_slice result;
        ky_error_init(&err);
        cr_assert_eq(
            cases[i].fn(&arena, parse(cases[i].a).bytes, parse(cases[i].b).bytes, &result, &err),
            KY_OK, "%s", err.message);
        cr_expect_str_eq(print(result), cases[i].result, "%s %s: %s", cases[i].a, cases[i].b,
                         print(result));
    }
}

Test(numeric, roots_and_logarithms_have_postgres_digits)
{
    struct ky_slice result;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(numeric_sqrt(&arena, parse("2").bytes, &result, &err), KY_OK);
    cr_expect_str_eq(print(result), "1.414213562373095");
    cr_assert_eq(numeric_sqrt(&arena, parse("0.000000002").bytes, &result, &err), KY_OK);
    cr_expect_str_eq(print(result), "0.000044721359549995794");
    cr_assert_eq(numeric_exp(&arena, parse("1").bytes, &result, &err), KY_OK);
    cr_expect_str_eq(print(result), "2.7182818284590452");
    cr_assert_eq(numeric_ln(&arena, parse("2").bytes, &result, &err), KY_OK);
    cr_expect_str_eq(print(result), "0.6931471805599453");
    cr_expect_eq(numeric_ln(&arena, parse("0").bytes, &result, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_INVALID_ARGUMENT_FOR_LOGARITHM);
    cr_expect_eq(numeric_div(&arena, parse("NaN").bytes, parse("0").bytes, &result, &err), KY_OK);
    cr_expect_eq(numeric_div(&arena, parse("1").bytes, parse("0.0").bytes, &result, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DIVISION_BY_ZERO);
}

Test(numeric, rounding_goes_away_from_zero)
{
    cr_expect_str_eq(print(numeric_round(&arena, parse("2.5").bytes, 0)), "3");
    cr_expect_str_eq(print(numeric_round(&arena, parse("-2.5").bytes, 0)), "-3");
    cr_expect_str_eq(print(numeric_round(&arena, parse("1250").bytes, -2)), "1300");
    cr_expect_str_eq(print(numeric_round(&arena, parse("1.5").bytes, 4)), "1.5000");
    cr_expect_str_eq(print(numeric_trunc(&arena, parse("-1.99").bytes, 1)), "-1.9");
    cr_expect_str_eq(print(numeric_ceil(&arena, parse("-1.5").bytes)), "-1");
    cr_expect_str_eq(print(numeric_floor(&arena, parse("-1.5").bytes)), "-2");
}

Test(numeric, a_modifier_rounds_and_limits)
{
    struct datum value;
    struct ky_error err;
    ky_error_init(&err);
    int32_t typmod = -1;
    const int32_t words[] = {4, 2};
    cr_assert_eq(numeric_type.typmod_in(words, 2, &typmod, &err), KY_OK);
    cr_assert_eq(
        numeric_type.coerce(&numeric_type, &context, parse("99.994"), typmod, true, &value, &err),
        KY_OK);
    cr_expect_str_eq(print(value.bytes), "99.99");
    cr_assert_eq(
        numeric_type.coerce(&numeric_type, &context, parse("99.995"), typmod, true, &value, &err),
        KY_ERR);
    cr_expect_eq(err.sqlstate, KY_NUMERIC_VALUE_OUT_OF_RANGE);
    cr_expect_str_eq(err.message, "numeric field overflow");
    cr_expect_str_eq(err.detail, "A field with precision 4, scale 2 must round to an absolute "
                                 "value less than 10^2.");
    const int32_t negative[] = {3, -4};
    cr_assert_eq(numeric_type.typmod_in(negative, 2, &typmod, &err), KY_OK);
    cr_assert_eq(
        numeric_type.coerce(&numeric_type, &context, parse("1234567"), typmod, true, &value, &err),
        KY_OK);
    cr_expect_str_eq(print(value.bytes), "1230000");
}

Test(numeric, order_key_and_hash_agree)
{
    static const char *const sorted[] = {"-Infinity", "-170141183460469231731687303715884105729",
                                         "-1e20",     "-10.5",
                                         "-10.05",    "-1",
                                         "-0.001",    "0",
                                         "0.0000001", "0.1",
                                         "1",         "1.0001",
                                         "9",         "10",
                                         "99.99",     "100",
                                         "1e40",      "Infinity",
                                         "NaN"};
    struct ky_buffer a = {0};
    struct ky_buffer b = {0};
    for (size_t i = 0; i < KY_COUNT_OF(sorted); i++) {
        for (size_t j = 0; j < KY_COUNT_OF(sorted); j++) {
            int expected = (i > j) - (i < j);
            ky_buffer_clear(&a);
            ky_buffer_clear(&b);
            numeric_type.key(&numeric_type, parse(sorted[i]), &a);
            numeric_type.key(&numeric_type, parse(sorted[j]), &b);
            int order = ky_slice_compare(ky_buffer_slice(&a), ky_buffer_slice(&b));
            cr_expect_eq((order > 0) - (order < 0), expected, "%s %s", sorted[i], sorted[j]);
            cr_expect_eq(numeric_compare(parse(sorted[i]).bytes, parse(sorted[j]).bytes), expected,
                         "%s %s", sorted[i], sorted[j]);
        }
    }
    ky_buffer_deinit(&a);
    ky_buffer_deinit(&b);
    static const char *const equal[][2] = {
        {"1", "1.000"},
        {"0", "0.00"},
        {"10", "1e1"},
        {"1", "1.00000000000000000000000000000000000000000000000000"},
        {"170141183460469231731687303715884105728", "170141183460469231731687303715884105728.0"}};
    for (size_t i = 0; i < KY_COUNT_OF(equal); i++) {
        cr_expect_eq(numeric_type.hash(&numeric_type, parse(equal[i][0])),
                     numeric_type.hash(&numeric_type, parse(equal[i][1])), "%s", equal[i][1]);
    }
}

Test(numeric, the_wire_form_is_base_ten_thousand)
{
    static const uint8_t expected[] = {0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x11, 0xd0};
    struct ky_buffer out = {0};
    numeric_type.send(&numeric_type, &context, parse("-12345.456"), &out);
    cr_expect(ky_slice_equal(ky_buffer_slice(&out), ky_slice(expected, sizeof(expected))));
    struct datum value;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(
        numeric_type.receive(&numeric_type, &context, ky_buffer_slice(&out), -1, &value, &err),
        KY_OK);
    cr_expect_str_eq(print(value.bytes), "-12345.456");
    out.size--;
    cr_expect_eq(
        numeric_type.receive(&numeric_type, &context, ky_buffer_slice(&out), -1, &value, &err),
        KY_ERR);
    cr_expect_eq(err.sqlstate, KY_INVALID_BINARY_REPRESENTATION);
    ky_buffer_deinit(&out);
}

Test(numeric, a_sum_outgrows_128_bits_and_keeps_its_scale)
{
    struct numeric_sum *sum = numeric_sum_new(&arena);
    struct ky_slice large = parse("99999999999999999999999999999999999999").bytes;
    for (int i = 0; i < 10; i++) {
        numeric_sum_add(sum, large);
    }
    numeric_sum_add(sum, parse("0.25").bytes);
    numeric_sum_add_int64(sum, INT64_MIN);
    cr_expect_str_eq(print(numeric_sum_result(&arena, sum)),
                     "999999999999999999990776627963145224182.25");
}
