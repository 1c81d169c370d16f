/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/number_text.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/random.h"

static int
digit_count(const char *text)
{
    int count = 0;
    int trailing = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) {
            count++;
            trailing = *text == '0' ? trailing + 1 : 0;
        }
    }
    return count - trailing;
}

static void
check_double(double value)
{
    char text[NUMBER_TEXT_SIZE_MAX + 1];
    size_t size = number_format_double(value, 1, text);
    cr_assert_leq(size, NUMBER_TEXT_SIZE_MAX);
    text[size] = '\0';
    cr_expect(strtod(text, NULL) == value, "%a printed as %s", value, text);
    double back;
    cr_expect_eq(number_parse_double(ky_slice(text, size), &back), NUMBER_OK);
    cr_expect(back == value, "%s read as %a", text, back);
    char shorter[64];
    int digits = digit_count(text);
    if (digits > 1) {
        snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, value);
        double near = strtod(shorter, NULL);
        /* A tie that reads back is not shown, as in PostgreSQL; those have 16 digits at least. */
        cr_expect(near != value || digits > 15, "%s is longer than %s", text, shorter);
    }
}

Test(number_text, doubles_read_back_from_the_fewest_digits)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 3);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = ky_prng_next(&prng);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            check_double(value);
        }
        check_double((double)ky_prng_below(&prng, 1000000) / 1000.0);
        check_double(ky_prng_double(&prng) * 1e6);
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        check_double(ldexp(1.0, exponent));
    }
}

Test(number_text, floats_read_back)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 4);
    for (int i = 0; i < 300000; i++) {
        uint32_t bits = (uint32_t)ky_prng_next(&prng);
        float value;
        memcpy(&value, &bits, sizeof(value));
        if (i % 2 == 0) {
            value = (float)(ky_prng_double(&prng) * 2 - 1);
        }
        if (!isfinite(value)) {
            continue;
        }
        char text[NUMBER_TEXT_SIZE_MAX + 1];
        size_t size = number_format_float(value, 1, text);
        text[size] = '\0';
        cr_expect(strtof(text, NULL) == value, "%a printed as %s", (double)value, text);
        float back;
        cr_expect_eq(number_parse_float(ky_slice(text, size), &back), NUMBER_OK);
        cr_expect(back == value, "%s", text);
    }
}

Test(number_text, reading_rounds_like_strtod)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 5);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%llu.%llue%d",
                 (unsigned long long)(ky_prng_next(&prng) >> ky_prng_below(&prng, 64)),
                 (unsigned long long)(ky_prng_next(&prng) >> ky_prng_below(&prng, 64)),
                 (int)ky_prng_below(&prng, 60) - 30);
        double value = 0;
        cr_expect_eq(number_parse_double(ky_slice_cstr(text), &value), NUMBER_OK, "%s", text);
        cr_expect(value == strtod(text, NULL), "%s", text);
        float narrow = 0;
        if (number_parse_float(ky_slice_cstr(text), &narrow) == NUMBER_OK) {
            cr_expect(narrow == strtof(text, NULL), "%s", text);
        }
    }
}

/* Decimals at and around the middle of two floats, where rounding twice would go wrong. */
Test(number_text, middles_of_floats_round_once)
{
    struct ky_prng prng;
    ky_prng_init(&prng, 6);
    for (int i = 0; i < 200000; i++) {
        const float low = ldexpf((float)(ky_prng_below(&prng, 1 << 23) + (1 << 23)),
                                 (int)ky_prng_below(&prng, 60) - 50);
        const double middle = ((double)low + (double)nextafterf(low, INFINITY)) / 2;
        const double near = i % 3 == 0   ? middle
                            : i % 3 == 1 ? nextafter(middle, 0)
                                         : nextafter(middle, (double)INFINITY);
        char text[64];
        snprintf(text, sizeof(text), "%.*g", 7 + (int)ky_prng_below(&prng, 14), near);
        float value = 0;
        bool is_overflow = true;
        cr_expect_eq(number_parse_float(ky_slice_cstr(text), &value), NUMBER_OK);
        cr_expect(value == strtof(text, NULL), "%s", text);
        cr_expect_eq(number_scan_float(ky_slice_cstr(text), &value, &is_overflow), strlen(text));
        cr_expect(value == strtof(text, NULL), "%s", text);
        cr_expect_not(is_overflow);
    }
    static const char *const texts[] = {"1.00000005960464477539062",
                                        "1.000000059604644775390625",
                                        "1.000000059604644776",
                                        "16777217",
                                        "16777219",
                                        "9007199791611905",
                                        "9007199791611904",
                                        "1e-38",
                                        "3.4028235e38",
                                        "340282356779733661637539395458142568447"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        float value = 0;
        cr_expect_eq(number_parse_float(ky_slice_cstr(texts[i]), &value), NUMBER_OK, "%s",
                     texts[i]);
        cr_expect(value == strtof(texts[i], NULL), "%s", texts[i]);
    }
}

Test(number_text, fewer_digits_on_request)
{
    char text[NUMBER_TEXT_SIZE_MAX + 1] = {0};
    text[number_format_double(0.1 + 0.2, 0, text)] = '\0';
    cr_expect_str_eq(text, "0.3");
    text[number_format_double(1.0 / 3, -15, text)] = '\0';
    cr_expect_str_eq(text, "0.3");
    text[number_format_int(INT64_MIN, text)] = '\0';
    cr_expect_str_eq(text, "-9223372036854775808");
}
