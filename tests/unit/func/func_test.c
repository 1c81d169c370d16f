/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "tests/unit/func/func_fixture.h"

/* What PostgreSQL 15 answers to the same expressions. */

#define EXPECT(expression, expected)                                                     \
    do {                                                                                 \
        const char *got_ = (expression);                                                 \
        cr_expect_str_eq(got_, expected, "%s: %s, not %s", #expression, got_, expected); \
    } while (0)

Test(func_integers, are_checked_for_range_and_zero)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("int4", "2", "+", "int4", "3"), "5");
    EXPECT(OPER("int4", "2147483647", "+", "int4", "1"), "22003: integer out of range");
    EXPECT(OPER("int8", "9223372036854775807", "+", "int4", "1"), "22003: bigint out of range");
    EXPECT(OPER("int2", "32767", "+", "int2", "1"), "22003: smallint out of range");
    EXPECT(OPER("int4", "7", "/", "int4", "-2"), "-3");
    EXPECT(OPER("int4", "7", "/", "int4", "0"), "22012: division by zero");
    EXPECT(OPER("int4", "-2147483648", "/", "int4", "-1"), "22003: integer out of range");
    EXPECT(OPER("int8", "-9223372036854775808", "%", "int8", "-1"), "0");
    EXPECT(OPER("int4", "7", "%", "int4", "-3"), "1");
    EXPECT(OPER("int4", "5", "%", "int4", "0"), "22012: division by zero");
    EXPECT(OPER("int4", "6", "&", "int4", "3"), "2");
    EXPECT(OPER("int4", "6", "#", "int4", "3"), "5");
    EXPECT(OPER("int4", "1", "<<", "int4", "31"), "-2147483648");
    EXPECT(OPER("int8", "1", "<<", "int4", "40"), "1099511627776");
    EXPECT(OPER("int4", "-8", ">>", "int4", "1"), "-4");
    EXPECT(OPER("int2", "3", "*", "int4", "100000"), "300000");
    EXPECT(OPER("int4", "1", "<", "int8", "2"), "t");
    EXPECT(OPER("int8", "5", "=", "int2", "5"), "t");
    EXPECT(OPER("int2", "3", ">=", "int4", "4"), "f");
    EXPECT(OPER("int8", "3000000000", "*", "int8", "4000000000"), "22003: bigint out of range");
    EXPECT(OPER("int4", "1", "=", "int4", NULL), "NULL");
    EXPECT(CALL("abs", "int4", "-5"), "5");
    EXPECT(CALL("abs", "int4", "-2147483648"), "22003: integer out of range");
    EXPECT(CALL("gcd", "int4", "12", "int4", "-18"), "6");
    EXPECT(CALL("lcm", "int8", "4", "int8", "6"), "12");
    EXPECT(CALL("to_hex", "int4", "-1"), "ffffffff");
    EXPECT(CALL("to_hex", "int8", "255"), "ff");
    EXPECT(CALL("mod", "int8", "10", "int8", "3"), "1");
    func_fixture_close(&fixture);
}

Test(func_floats, order_nan_and_report_overflow)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("float8", "1.5", "+", "float8", "2.25"), "3.75");
    EXPECT(OPER("float8", "1e308", "*", "float8", "10"), "22003: value out of range: overflow");
    EXPECT(OPER("float8", "1e-308", "*", "float8", "1e-308"),
           "22003: value out of range: underflow");
    EXPECT(OPER("float8", "1", "/", "float8", "0"), "22012: division by zero");
    EXPECT(OPER("float8", "NaN", "=", "float8", "NaN"), "t");
    EXPECT(OPER("float8", "NaN", ">", "float8", "Infinity"), "t");
    EXPECT(OPER("float8", "Infinity", "-", "float8", "Infinity"), "NaN");
    EXPECT(OPER("float4", "0.1", "+", "float4", "0.2"), "0.3");
    EXPECT(OPER("float4", "0.1", "+", "float8", "0.2"), "0.30000000149011613");
    EXPECT(OPER("float4", "3e38", "*", "float4", "10"), "22003: value out of range: overflow");
    EXPECT(OPER("float8", "NaN", "/", "float8", "0"), "NaN");
    EXPECT(OPER("float8", "2", "<", "float8", "NaN"), "t");
    EXPECT(CALL("round", "float8", "2.5"), "2");
    EXPECT(CALL("round", "float8", "-1.5"), "-2");
    EXPECT(CALL("sqrt", "float8", "2"), "1.4142135623730951");
    EXPECT(CALL("sqrt", "float8", "-1"), "2201F: cannot take square root of a negative number");
    EXPECT(CALL("ln", "float8", "0"), "2201E: cannot take logarithm of zero");
    EXPECT(CALL("exp", "float8", "1000"), "22003: value out of range: overflow");
    EXPECT(CALL("power", "float8", "2", "float8", "0.5"), "1.4142135623730951");
    EXPECT(CALL("power", "float8", "-8", "float8", "0.5"),
           "2201F: a negative number raised to a non-integer power yields a complex result");
    EXPECT(CALL("power", "float8", "0", "float8", "-1"),
           "2201F: zero raised to a negative power is undefined");
    EXPECT(CALL("log", "float8", "1000"), "3");
    EXPECT(CALL("sind", "float8", "30"), "0.5");
    EXPECT(CALL("cosd", "float8", "60"), "0.5");
    EXPECT(CALL("tand", "float8", "45"), "1");
    EXPECT(CALL("acos", "float8", "2"), "22003: input is out of range");
    EXPECT(
        CALL("width_bucket", "float8", "5.35", "float8", "0.024", "float8", "10.06", "int4", "5"),
        "3");
    EXPECT(CALL("trunc", "float8", "-1.7"), "-1");
    EXPECT(CALL("sign", "float8", "-3"), "-1");
    EXPECT(CALL("cbrt", "float8", "27"), "3.0000000000000004");
    EXPECT(CALL("degrees", "float8", "1"), "57.29577951308232");
    func_fixture_close(&fixture);
}

Test(func_numerics, keep_postgresql_scale)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("numeric", "1.50", "+", "numeric", "2.250"), "3.750");
    EXPECT(OPER("numeric", "10", "/", "numeric", "3"), "3.3333333333333333");
    EXPECT(OPER("numeric", "1", "/", "numeric", "0"), "22012: division by zero");
    EXPECT(OPER("numeric", "7.5", "%", "numeric", "2"), "1.5");
    EXPECT(OPER("numeric", "2", "^", "numeric", "10"), "1024.0000000000000000");
    EXPECT(OPER("numeric", "NaN", "=", "numeric", "NaN"), "t");
    EXPECT(OPER("numeric", "1.0", "=", "numeric", "1.00"), "t");
    EXPECT(OPER("numeric", "99999999999999999999", "*", "numeric", "99999999999999999999"),
           "9999999999999999999800000000000000000001");
    EXPECT(OPER("numeric", "1", "<", "numeric", "NaN"), "t");
    EXPECT(CALL("round", "numeric", "2.5"), "3");
    EXPECT(CALL("round", "numeric", "2.345", "int4", "2"), "2.35");
    EXPECT(CALL("round", "numeric", "1234", "int4", "-2"), "1200");
    EXPECT(CALL("trunc", "numeric", "-2.567", "int4", "1"), "-2.5");
    EXPECT(CALL("ceil", "numeric", "-1.5"), "-1");
    EXPECT(CALL("floor", "numeric", "-1.5"), "-2");
    EXPECT(CALL("abs", "numeric", "-1.50"), "1.50");
    EXPECT(CALL("sign", "numeric", "-2"), "-1");
    EXPECT(CALL("sqrt", "numeric", "2"), "1.414213562373095");
    EXPECT(CALL("exp", "numeric", "1"), "2.7182818284590452");
    EXPECT(CALL("ln", "numeric", "10"), "2.3025850929940457");
    EXPECT(CALL("log", "numeric", "100"), "2.0000000000000000");
    EXPECT(CALL("log", "numeric", "2", "numeric", "64"), "6.0000000000000000");
    EXPECT(CALL("log", "numeric", "0"), "2201E: cannot take logarithm of zero");
    EXPECT(CALL("div", "numeric", "9", "numeric", "4"), "2");
    EXPECT(CALL("div", "numeric", "-9", "numeric", "4"), "-2");
    EXPECT(CALL("mod", "numeric", "-9", "numeric", "4"), "-1");
    EXPECT(CALL("power", "numeric", "2", "numeric", "0.5"), "1.4142135623730950");
    EXPECT(CALL("factorial", "int8", "20"), "2432902008176640000");
    EXPECT(CALL("factorial", "int8", "-1"), "22003: factorial of a negative number is undefined");
    EXPECT(CALL("scale", "numeric", "8.4100"), "4");
    EXPECT(CALL("min_scale", "numeric", "8.4100"), "2");
    EXPECT(CALL("trim_scale", "numeric", "8.4100"), "8.41");
    EXPECT(CALL("gcd", "numeric", "1071", "numeric", "462"), "21");
    EXPECT(CALL("lcm", "numeric", "330", "numeric", "24"), "1320");
    EXPECT(CALL("width_bucket", "numeric", "5.35", "numeric", "0.024", "numeric", "10.06", "int4",
                "5"),
           "3");
    func_fixture_close(&fixture);
}

Test(func_texts, count_characters_and_match_patterns)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("text", "ab", "||", "text", "cd"), "abcd");
    EXPECT(OPER("text", "a", "<", "text", "b"), "t");
    EXPECT(OPER("text", "a", "<>", "text", "a"), "f");
    EXPECT(OPER("name", "abc", "=", "text", "abc"), "t");
    EXPECT(OPER("text", "abc", "~~", "text", "a%"), "t");
    EXPECT(OPER("text", "abc", "~~", "text", "_b_"), "t");
    EXPECT(OPER("text", "a%c", "~~", "text", "a\\%c"), "t");
    EXPECT(OPER("text", "héllo", "~~", "text", "h_llo"), "t");
    EXPECT(OPER("text", "ABC", "~~*", "text", "%bc"), "t");
    EXPECT(OPER("text", "abc", "!~~", "text", "ab"), "t");
    EXPECT(OPER("text", "abc", "~~", "text", "abc\\"), "f");
    EXPECT(OPER("text", "abcabc", "~~", "text", "%b%bc"), "t");
    EXPECT(OPER("text", "", "~~", "text", "%"), "t");
    EXPECT(OPER("text", "foobar", "~", "text", "^fo+b"), "t");
    EXPECT(OPER("text", "FOO", "~*", "text", "foo"), "t");
    EXPECT(OPER("text", "foo", "!~", "text", "bar"), "t");
    EXPECT(OPER("text", "foo", "~", "text", "("),
           "2201B: invalid regular expression: parentheses () not balanced");
    EXPECT(OPER("text", "foo", "~", "text", "[a"),
           "2201B: invalid regular expression: brackets [] not balanced");
    EXPECT(OPER("text", "foo bar", "~", "text", "\\yba"), "t");
    EXPECT(OPER("text", "a.b", "~", "text", "^a\\.b$"), "t");
    EXPECT(OPER("text", "x", "~", "text", "*a"),
           "2201B: invalid regular expression: quantifier operand invalid");
    EXPECT(OPER("text", "aéz", "~", "text", "^a\\wz$"), "t");
    EXPECT(OPER("bpchar", "ab ", "=", "bpchar", "ab"), "t");
    EXPECT(OPER("bytea", "\\x01", "||", "bytea", "\\x02"), "\\x0102");
    EXPECT(OPER("bytea", "\\x01", "<", "bytea", "\\x02"), "t");
    EXPECT(OPER("bool", "t", ">", "bool", "f"), "t");
    EXPECT(OPER("text", "a", "^@", "text", "a"), "t");
    EXPECT(CALL("length", "text", "héllo"), "5");
    EXPECT(CALL("octet_length", "text", "héllo"), "6");
    EXPECT(CALL("bit_length", "text", "ab"), "16");
    EXPECT(CALL("lower", "text", "ÀBC"), "àbc");
    EXPECT(CALL("upper", "text", "éa"), "ÉA");
    EXPECT(CALL("initcap", "text", "hello wORLD-x"), "Hello World-X");
    EXPECT(CALL("substring", "text", "héllo", "int4", "2"), "éllo");
    EXPECT(CALL("substring", "text", "hello", "int4", "2", "int4", "3"), "ell");
    EXPECT(CALL("substring", "text", "hello", "int4", "-1", "int4", "3"), "h");
    EXPECT(CALL("substring", "text", "hello", "int4", "2", "int4", "-1"),
           "22011: negative substring length not allowed");
    EXPECT(CALL("substring", "text", "foobar", "text", "o(.)b"), "o");
    EXPECT(CALL("substring", "text", "foobar", "text", "o.b"), "oob");
    EXPECT(CALL("strpos", "text", "héllo", "text", "l"), "3");
    EXPECT(CALL("strpos", "text", "abc", "text", "z"), "0");
    EXPECT(CALL("btrim", "text", "xxhixx", "text", "x"), "hi");
    EXPECT(CALL("ltrim", "text", "  a "), "a ");
    EXPECT(CALL("rtrim", "text", " a  "), " a");
    EXPECT(CALL("lpad", "text", "hi", "int4", "5", "text", "xy"), "xyxhi");
    EXPECT(CALL("rpad", "text", "hi", "int4", "5"), "hi   ");
    EXPECT(CALL("lpad", "text", "hello", "int4", "2"), "he");
    EXPECT(CALL("replace", "text", "abcabc", "text", "b", "text", "XX"), "aXXcaXXc");
    EXPECT(CALL("repeat", "text", "ab", "int4", "3"), "ababab");
    EXPECT(CALL("repeat", "text", "ab", "int4", "-1"), "");
    EXPECT(CALL("reverse", "text", "héllo"), "olléh");
    EXPECT(CALL("left", "text", "hello", "int4", "-2"), "hel");
    EXPECT(CALL("right", "text", "hello", "int4", "2"), "lo");
    EXPECT(CALL("right", "text", "hello", "int4", "-2"), "llo");
    EXPECT(CALL("split_part", "text", "a,b,c", "text", ",", "int4", "2"), "b");
    EXPECT(CALL("split_part", "text", "a,b,c", "text", ",", "int4", "-1"), "c");
    EXPECT(CALL("split_part", "text", "a,b,c", "text", ",", "int4", "0"),
           "22023: field position must not be zero");
    EXPECT(CALL("translate", "text", "12345", "text", "143", "text", "ax"), "a2x5");
    EXPECT(CALL("concat", "text", "a", "int4", "1", "text", NULL, "bool", "t"), "a1t");
    EXPECT(CALL("concat_ws", "text", ",", "text", "a", "text", NULL, "int4", "2"), "a,2");
    EXPECT(CALL("format", "text", "Hello %s, %1$s %%", "text", "World"), "Hello World, World %");
    EXPECT(CALL("format", "text", "%I %L", "text", "my col", "text", "it's"), "\"my col\" 'it''s'");
    EXPECT(CALL("format", "text", "|%10s|%-5s|", "text", "a", "text", "b"), "|         a|b    |");
    EXPECT(CALL("format", "text", "%s"), "22023: too few arguments for format()");
    EXPECT(CALL("format", "text", "%y", "text", "a"),
           "22023: unrecognized format() type specifier \"y\"");
    EXPECT(CALL("quote_ident", "text", "select"), "\"select\"");
    EXPECT(CALL("quote_ident", "text", "abc"), "abc");
    EXPECT(CALL("quote_ident", "text", "A\"b"), "\"A\"\"b\"");
    EXPECT(CALL("quote_literal", "text", "O'Reilly\\"), "E'O''Reilly\\\\'");
    EXPECT(CALL("quote_nullable", "text", NULL), "NULL");
    EXPECT(CALL("md5", "text", "hello"), "5d41402abc4b2a76b9719d911017c592");
    EXPECT(CALL("sha256", "bytea", "\\x616263"),
           "\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT(CALL("encode", "bytea", "\\x0001ff", "text", "base64"), "AAH/");
    EXPECT(CALL("encode", "bytea", "\\x00ff41", "text", "escape"), "\\000\\377A");
    EXPECT(CALL("encode", "bytea", "\\x00ff41", "text", "hex"), "00ff41");
    EXPECT(CALL("encode", "bytea", "\\x00", "text", "foo"),
           "22023: unrecognized encoding: \"foo\"");
    EXPECT(CALL("decode", "text", "AAH/", "text", "base64"), "\\x0001ff");
    EXPECT(CALL("decode", "text", "0g", "text", "hex"), "22023: invalid hexadecimal digit: \"g\"");
    EXPECT(CALL("decode", "text", "abc", "text", "hex"),
           "22023: invalid hexadecimal data: odd number of digits");
    EXPECT(CALL("ascii", "text", "é"), "233");
    EXPECT(CALL("chr", "int4", "233"), "é");
    EXPECT(CALL("chr", "int4", "0"), "54000: null character not permitted");
    EXPECT(CALL("starts_with", "text", "alphabet", "text", "alph"), "t");
    EXPECT(CALL("get_byte", "bytea", "\\x0102", "int4", "1"), "2");
    EXPECT(CALL("get_byte", "bytea", "\\x0102", "int4", "2"),
           "2202E: index 2 out of valid range, 0..1");
    EXPECT(CALL("num_nulls", "int4", "1", "int4", NULL), "1");
    EXPECT(CALL("pg_size_pretty", "int8", "10239"), "10239 bytes");
    EXPECT(CALL("pg_size_pretty", "int8", "123456789"), "118 MB");
    EXPECT(CALL("like_escape", "text", "a#%b", "text", "#"), "a\\%b");
    func_fixture_close(&fixture);
}

Test(func_regexes, follow_advanced_regular_expressions)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(CALL("regexp_replace", "text", "foobarbaz", "text", "b..", "text", "X"), "fooXbaz");
    EXPECT(CALL("regexp_replace", "text", "foobarbaz", "text", "b..", "text", "X", "text", "g"),
           "fooXX");
    EXPECT(
        CALL("regexp_replace", "text", "foobarbaz", "text", "b(..)", "text", "X\\1Y", "text", "g"),
        "fooXarYXazY");
    EXPECT(CALL("regexp_replace", "text", "abc", "text", "x*", "text", "-", "text", "g"),
           "-a-b-c-");
    EXPECT(CALL("regexp_replace", "text", "A PostgreSQL function", "text", "a|e|i|o|u", "text", "X",
                "int4", "1", "int4", "3", "text", "i"),
           "A PostgrXSQL function");
    EXPECT(CALL("regexp_match", "text", "foobarbequebaz", "text", "(bar)(beque)"), "{bar,beque}");
    EXPECT(CALL("regexp_match", "text", "abc", "text", "x"), "NULL");
    EXPECT(CALL("regexp_match", "text", "abc", "text", "b", "text", "g"),
           "22023: regexp_match() does not support the \"global\" option");
    EXPECT(CALL("regexp_split_to_array", "text", "hello world", "text", "\\s+"), "{hello,world}");
    EXPECT(CALL("regexp_split_to_array", "text", "hello", "text", "\\s*"), "{h,e,l,l,o}");
    EXPECT(CALL("regexp_count", "text", "123123", "text", "\\d{2}"), "3");
    EXPECT(CALL("regexp_like", "text", "Hello", "text", "world$", "text", "i"), "f");
    EXPECT(CALL("regexp_substr", "text", "number of your street, town", "text", "[^,]+", "int4",
                "1", "int4", "2"),
           " town");
    EXPECT(CALL("regexp_replace", "text", "abc", "text", "b", "text", "[\\&]"), "a[b]c");
    EXPECT(CALL("regexp_like", "text", "a", "text", "a", "text", "z"),
           "22023: invalid regular expression option: \"z\"");
    EXPECT(ROWS("regexp_matches", "text", "foobarbequebazilbarfbonk", "text", "(b[^b]+)(b[^b]+)",
                "text", "g"),
           "{bar,beque} {bazil,barf}");
    EXPECT(ROWS("regexp_split_to_table", "text", "a1b2c", "text", "\\d"), "a b c");
    func_fixture_close(&fixture);
}

Test(func_datetimes, calculate_and_take_apart)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("date", "2020-02-28", "+", "int4", "2"), "2020-03-01");
    EXPECT(OPER("date", "2020-03-01", "-", "date", "2020-02-01"), "29");
    EXPECT(OPER("date", "2020-01-31", "+", "interval", "1 month"), "2020-02-29 00:00:00");
    EXPECT(OPER("timestamp", "2020-01-01 10:00", "-", "interval", "1 day 2 hours"),
           "2019-12-31 08:00:00");
    EXPECT(OPER("timestamp", "2020-03-01", "-", "timestamp", "2020-02-01 12:00"),
           "28 days 12:00:00");
    EXPECT(OPER("timestamptz", "2020-01-01 00:00+00", "+", "interval", "1 mon"),
           "2020-02-01 00:00:00+00");
    EXPECT(OPER("date", "2020-01-01", "<", "timestamp", "2020-01-01 00:01"), "t");
    EXPECT(OPER("timestamp", "2020-01-01", "=", "timestamptz", "2020-01-01 00:00+00"), "t");
    EXPECT(OPER("interval", "1 day", "=", "interval", "24 hours"), "t");
    EXPECT(OPER("interval", "1 mon", "*", "float8", "1.5"), "1 mon 15 days");
    EXPECT(OPER("interval", "1 hour", "/", "float8", "1.5"), "00:40:00");
    EXPECT(OPER("interval", "1 day", "/", "float8", "0"), "22012: division by zero");
    EXPECT(OPER("time", "23:00", "+", "interval", "2 hours"), "01:00:00");
    EXPECT(OPER("time", "01:00", "-", "time", "02:00"), "-01:00:00");
    EXPECT(OPER("date", "2020-01-01", "+", "time", "10:30"), "2020-01-01 10:30:00");
    EXPECT(OPER("date", "infinity", "-", "date", "2020-01-01"),
           "22008: cannot subtract infinite dates");
    EXPECT(OPER("interval", "1 mon 2 days", "+", "interval", "03:00"), "1 mon 2 days 03:00:00");
    EXPECT(OPER("date", "2020-01-01", "+", "int4", "2147483647"), "22008: date out of range");
    EXPECT(CALL("extract", "text", "century", "timestamp", "2001-02-16 20:38:40.123456"), "21");
    EXPECT(CALL("extract", "text", "day", "timestamp", "2001-02-16 20:38:40.123456"), "16");
    EXPECT(CALL("extract", "text", "decade", "timestamp", "2001-02-16 20:38:40.123456"), "200");
    EXPECT(CALL("extract", "text", "dow", "timestamp", "2001-02-16 20:38:40.123456"), "5");
    EXPECT(CALL("extract", "text", "doy", "timestamp", "2001-02-16 20:38:40.123456"), "47");
    EXPECT(CALL("extract", "text", "epoch", "timestamp", "2001-02-16 20:38:40.123456"),
           "982355920.123456");
    EXPECT(CALL("extract", "text", "hour", "timestamp", "2001-02-16 20:38:40.123456"), "20");
    EXPECT(CALL("extract", "text", "isodow", "timestamp", "2001-02-16 20:38:40.123456"), "5");
    EXPECT(CALL("extract", "text", "isoyear", "timestamp", "2001-02-16 20:38:40.123456"), "2001");
    EXPECT(CALL("extract", "text", "julian", "timestamp", "2001-02-16 20:38:40.123456"),
           "2451957.86018661407407407407");
    EXPECT(CALL("extract", "text", "microseconds", "timestamp", "2001-02-16 20:38:40.123456"),
           "40123456");
    EXPECT(CALL("extract", "text", "millennium", "timestamp", "2001-02-16 20:38:40.123456"), "3");
    EXPECT(CALL("extract", "text", "milliseconds", "timestamp", "2001-02-16 20:38:40.123456"),
           "40123.456");
    EXPECT(CALL("extract", "text", "minute", "timestamp", "2001-02-16 20:38:40.123456"), "38");
    EXPECT(CALL("extract", "text", "month", "timestamp", "2001-02-16 20:38:40.123456"), "2");
    EXPECT(CALL("extract", "text", "quarter", "timestamp", "2001-02-16 20:38:40.123456"), "1");
    EXPECT(CALL("extract", "text", "second", "timestamp", "2001-02-16 20:38:40.123456"),
           "40.123456");
    EXPECT(CALL("extract", "text", "week", "timestamp", "2001-02-16 20:38:40.123456"), "7");
    EXPECT(CALL("extract", "text", "year", "timestamp", "2001-02-16 20:38:40.123456"), "2001");
    EXPECT(CALL("extract", "text", "foo", "timestamp", "2001-02-16 20:38:40.123456"),
           "22023: unit \"foo\" not recognized for type timestamp without time zone");
    EXPECT(CALL("extract", "text", "timezone", "timestamp", "2001-02-16 20:38:40.123456"),
           "0A000: unit \"timezone\" not supported for type timestamp without time zone");
    EXPECT(CALL("extract", "text", "day", "date", "2001-02-16"), "16");
    EXPECT(CALL("extract", "text", "month", "date", "2001-02-16"), "2");
    EXPECT(CALL("extract", "text", "epoch", "date", "2001-02-16"), "982281600");
    EXPECT(CALL("extract", "text", "hour", "date", "2001-02-16"),
           "0A000: unit \"hour\" not supported for type date");
    EXPECT(CALL("extract", "text", "week", "date", "2001-02-16"), "7");
    EXPECT(CALL("extract", "text", "day", "interval", "3 years 2 mons 5 days 04:05:06.7"), "5");
    EXPECT(CALL("extract", "text", "month", "interval", "3 years 2 mons 5 days 04:05:06.7"), "2");
    EXPECT(CALL("extract", "text", "epoch", "interval", "3 years 2 mons 5 days 04:05:06.7"),
           "100303506.700000");
    EXPECT(CALL("extract", "text", "hour", "interval", "3 years 2 mons 5 days 04:05:06.7"), "4");
    EXPECT(CALL("extract", "text", "year", "interval", "3 years 2 mons 5 days 04:05:06.7"), "3");
    EXPECT(CALL("extract", "text", "second", "interval", "3 years 2 mons 5 days 04:05:06.7"),
           "6.700000");
    EXPECT(CALL("extract", "text", "week", "interval", "3 years 2 mons 5 days 04:05:06.7"),
           "0A000: unit \"week\" not supported for type interval");
    EXPECT(CALL("extract", "text", "quarter", "interval", "3 years 2 mons 5 days 04:05:06.7"), "1");
    EXPECT(CALL("extract", "text", "timezone", "timestamptz", "2020-01-01 00:00+00"), "0");
    EXPECT(CALL("date_part", "text", "second", "timestamp", "2001-02-16 20:38:40.123456"),
           "40.123456");
    EXPECT(CALL("date_part", "text", "epoch", "timestamptz", "1999-01-01 00:00:00.5+00"),
           "915148800.5");
    EXPECT(CALL("extract", "text", "hour", "time", "10:20:30.5"), "10");
    EXPECT(CALL("extract", "text", "year", "timestamp", "infinity"), "Infinity");
    EXPECT(CALL("extract", "text", "day", "timestamp", "infinity"), "NULL");
    EXPECT(CALL("extract", "text", "year", "date", "0044-03-15 BC"), "-44");
    EXPECT(CALL("extract", "text", "century", "date", "0044-03-15 BC"), "-1");
    EXPECT(CALL("date_trunc", "text", "microseconds", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 20:38:40.123456");
    EXPECT(CALL("date_trunc", "text", "milliseconds", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 20:38:40.123");
    EXPECT(CALL("date_trunc", "text", "second", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 20:38:40");
    EXPECT(CALL("date_trunc", "text", "minute", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 20:38:00");
    EXPECT(CALL("date_trunc", "text", "hour", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 20:00:00");
    EXPECT(CALL("date_trunc", "text", "day", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-16 00:00:00");
    EXPECT(CALL("date_trunc", "text", "week", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-12 00:00:00");
    EXPECT(CALL("date_trunc", "text", "month", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-02-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "quarter", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-01-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "year", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-01-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "decade", "timestamp", "2001-02-16 20:38:40.123456"),
           "2000-01-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "century", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-01-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "millennium", "timestamp", "2001-02-16 20:38:40.123456"),
           "2001-01-01 00:00:00");
    EXPECT(CALL("date_trunc", "text", "foo", "timestamp", "2001-02-16 20:38:40.123456"),
           "22023: unit \"foo\" not recognized for type timestamp without time zone");
    EXPECT(CALL("date_trunc", "text", "day", "timestamptz", "2001-02-16 20:38:40+00", "text",
                "Australia/Sydney"),
           "2001-02-16 13:00:00+00");
    EXPECT(CALL("date_trunc", "text", "hour", "interval", "3 days 02:47:33"), "3 days 02:00:00");
    EXPECT(CALL("age", "timestamp", "2001-04-10", "timestamp", "1957-06-13"),
           "43 years 9 mons 27 days");
    EXPECT(CALL("age", "timestamp", "1957-06-13", "timestamp", "2001-04-10 01:02:03.5"),
           "-43 years -9 mons -27 days -01:02:03.5");
    EXPECT(CALL("age", "timestamp", "2020-03-31", "timestamp", "2020-02-29"), "1 mon 2 days");
    EXPECT(CALL("make_date", "int4", "2013", "int4", "7", "int4", "15"), "2013-07-15");
    EXPECT(CALL("make_date", "int4", "2013", "int4", "2", "int4", "30"),
           "22008: date field value out of range: 2013-02-30");
    EXPECT(CALL("make_date", "int4", "-44", "int4", "3", "int4", "15"), "0044-03-15 BC");
    EXPECT(CALL("make_time", "int4", "8", "int4", "15", "float8", "23.5"), "08:15:23.5");
    EXPECT(CALL("make_time", "int4", "25", "int4", "0", "float8", "0"),
           "22008: time field value out of range: 25:00:00");
    EXPECT(CALL("make_timestamp", "int4", "2013", "int4", "7", "int4", "15", "int4", "8", "int4",
                "15", "float8", "23.5"),
           "2013-07-15 08:15:23.5");
    EXPECT(CALL("make_interval", "int4", "1", "int4", "2", "int4", "3", "int4", "4"),
           "1 year 2 mons 25 days");
    EXPECT(CALL("to_timestamp", "float8", "1284352323.5"), "2010-09-13 04:32:03.5+00");
    EXPECT(CALL("to_timestamp", "float8", "Infinity"), "infinity");
    EXPECT(CALL("timezone", "text", "America/New_York", "timestamp", "2020-07-01 12:00"),
           "2020-07-01 16:00:00+00");
    EXPECT(CALL("timezone", "text", "America/New_York", "timestamptz", "2020-07-01 12:00+00"),
           "2020-07-01 08:00:00");
    EXPECT(CALL("timezone", "text", "Nowhere", "timestamptz", "2020-07-01 12:00+00"),
           "22023: time zone \"Nowhere\" not recognized");
    EXPECT(CALL("timezone", "interval", "-05:00", "timestamptz", "2020-07-01 12:00+00"),
           "2020-07-01 07:00:00");
    EXPECT(CALL("justify_days", "interval", "35 days"), "1 mon 5 days");
    EXPECT(CALL("justify_hours", "interval", "27 hours"), "1 day 03:00:00");
    EXPECT(CALL("justify_interval", "interval", "1 mon -1 hour"), "29 days 23:00:00");
    EXPECT(CALL("isfinite", "date", "infinity"), "f");
    EXPECT(CALL("date_bin", "interval", "15 minutes", "timestamp", "2020-02-11 15:44:17",
                "timestamp", "2001-01-01"),
           "2020-02-11 15:30:00");
    EXPECT(CALL("overlaps", "timestamp", "2020-01-01", "timestamp", "2020-01-03", "timestamp",
                "2020-01-02", "timestamp", "2020-01-04"),
           "t");
    func_fixture_close(&fixture);
}

Test(func_arrays, join_search_and_compare)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("_int4", "{1,2}", "=", "_int4", "{1,2}"), "t");
    EXPECT(OPER("_int4", "{1,2}", "<", "_int4", "{1,3}"), "t");
    EXPECT(OPER("_int4", "{1,2}", "||", "_int4", "{3}"), "{1,2,3}");
    EXPECT(OPER("_int4", "{1,2}", "||", "int4", "3"), "{1,2,3}");
    EXPECT(OPER("int4", "0", "||", "_int4", "{1,2}"), "{0,1,2}");
    EXPECT(OPER("_int4", "{{1,2}}", "||", "_int4", "{3,4}"), "{{1,2},{3,4}}");
    EXPECT(OPER("_int4", "{1,2,3}", "@>", "_int4", "{1,3}"), "t");
    EXPECT(OPER("_int4", "{1}", "<@", "_int4", "{1,3}"), "t");
    EXPECT(OPER("_text", "{a}", "&&", "_text", "{b,a}"), "t");
    EXPECT(OPER("_int4", "{1}", "&&", "_int4", "{}"), "f");
    EXPECT(OPER("_int4", "{{1,2}}", "||", "_int4", "{3}"),
           "2202E: cannot concatenate incompatible arrays");
    EXPECT(CALL("array_append", "_int4", "{1}", "int4", "2"), "{1,2}");
    EXPECT(CALL("array_prepend", "int4", "0", "_int4", "{1}"), "{0,1}");
    EXPECT(CALL("array_cat", "_int4", "{1}", "_int4", "{2}"), "{1,2}");
    EXPECT(CALL("array_length", "_int4", "{1,2,3}", "int4", "1"), "3");
    EXPECT(CALL("array_length", "_int4", "{}", "int4", "1"), "NULL");
    EXPECT(CALL("array_upper", "_int4", "[0:2]={1,2,3}", "int4", "1"), "2");
    EXPECT(CALL("array_lower", "_int4", "[0:2]={1,2,3}", "int4", "1"), "0");
    EXPECT(CALL("array_ndims", "_int4", "{{1},{2}}"), "2");
    EXPECT(CALL("array_dims", "_int4", "{{1,2},{3,4}}"), "[1:2][1:2]");
    EXPECT(CALL("cardinality", "_int4", "{{1,2},{3,4}}"), "4");
    EXPECT(CALL("array_position", "_text", "{a,b,c}", "text", "b"), "2");
    EXPECT(CALL("array_position", "_text", "{a,b,a}", "text", "a", "int4", "2"), "3");
    EXPECT(CALL("array_positions", "_text", "{a,b,a}", "text", "a"), "{1,3}");
    EXPECT(CALL("array_remove", "_int4", "{1,2,1}", "int4", "1"), "{2}");
    EXPECT(CALL("array_replace", "_int4", "{1,2,1}", "int4", "1", "int4", "9"), "{9,2,9}");
    EXPECT(CALL("array_fill", "int4", "7", "_int4", "{2,2}"), "{{7,7},{7,7}}");
    EXPECT(CALL("array_fill", "int4", "7", "_int4", "{3}", "_int4", "{2}"), "[2:4]={7,7,7}");
    EXPECT(CALL("trim_array", "_int4", "{1,2,3}", "int4", "2"), "{1}");
    EXPECT(CALL("trim_array", "_int4", "{1}", "int4", "2"),
           "2202E: number of elements to trim must be between 0 and 1");
    EXPECT(CALL("array_to_string", "_int4", "{1,NULL,3}", "text", ",", "text", "*"), "1,*,3");
    EXPECT(CALL("array_to_string", "_int4", "{1,NULL,3}", "text", ","), "1,3");
    EXPECT(CALL("string_to_array", "text", "a,b,,c", "text", ","), "{a,b,\"\",c}");
    EXPECT(CALL("string_to_array", "text", "a,b,,c", "text", ",", "text", ""), "{a,b,NULL,c}");
    EXPECT(CALL("string_to_array", "text", "abc", "text", NULL), "{a,b,c}");
    EXPECT(CALL("string_to_array", "text", "", "text", ","), "{}");
    func_fixture_close(&fixture);
}

Test(func_sets, give_rows_in_order)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(ROWS("generate_series", "int4", "1", "int4", "5", "int4", "2"), "1 3 5");
    EXPECT(ROWS("generate_series", "int4", "3", "int4", "1", "int4", "-1"), "3 2 1");
    EXPECT(ROWS("generate_series", "int4", "1", "int4", "2", "int4", "0"),
           "22023: step size cannot equal zero");
    EXPECT(ROWS("generate_series", "int8", "9223372036854775806", "int8", "9223372036854775807"),
           "9223372036854775806 9223372036854775807");
    EXPECT(ROWS("generate_series", "numeric", "0", "numeric", "1", "numeric", "0.5"), "0 0.5 1.0");
    EXPECT(ROWS("generate_series", "timestamp", "2020-01-30", "timestamp", "2020-03-01", "interval",
                "1 mon"),
           "2020-01-30 00:00:00 2020-02-29 00:00:00");
    EXPECT(ROWS("unnest", "_int4", "{{1,NULL},{3,4}}"), "1 NULL 3 4");
    EXPECT(ROWS("generate_subscripts", "_int4", "{5,6,7}", "int4", "1"), "1 2 3");
    EXPECT(ROWS("string_to_table", "text", "a-b-c", "text", "-"), "a b c");
    EXPECT(ROWS("json_array_elements", "json", "[1, {\"a\":2},\"x\"]"), "1 {\"a\":2} \"x\"");
    EXPECT(ROWS("json_array_elements_text", "json", "[\"a\",null,1]"), "a NULL 1");
    EXPECT(ROWS("json_each", "json", "{\"a\":1,\"b\":\"x\"}"), "a=1 b=\"x\"");
    EXPECT(ROWS("jsonb_each_text", "jsonb", "{\"a\":1,\"b\":\"x\"}"), "a=1 b=x");
    EXPECT(ROWS("json_object_keys", "json", "{\"b\":1,\"a\":2}"), "b a");
    EXPECT(ROWS("json_array_elements", "json", "{}"),
           "22023: cannot call json_array_elements on a non-array");
    EXPECT(ROWS("json_each", "json", "[1]"), "22023: cannot deconstruct an array as an object");
    func_fixture_close(&fixture);
}

Test(func_jsons, read_build_and_change)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(OPER("json", "{\"a\": {\"b\":  1}}", "->", "text", "a"), "{\"b\":  1}");
    EXPECT(OPER("json", "{\"a\":\"x\\ny\"}", "->>", "text", "a"), "x\ny");
    EXPECT(OPER("json", "[1,2,3]", "->", "int4", "-1"), "3");
    EXPECT(OPER("json", "[1,2]", "->", "int4", "5"), "NULL");
    EXPECT(OPER("jsonb", "{\"a\":[1,{\"b\":null}]}", "#>", "_text", "{a,1}"), "{\"b\": null}");
    EXPECT(OPER("jsonb", "{\"a\":[1,{\"b\":null}]}", "#>>", "_text", "{a,1,b}"), "NULL");
    EXPECT(OPER("jsonb", "{\"a\":1,\"b\":2}", "@>", "jsonb", "{\"a\":1.0}"), "t");
    EXPECT(OPER("jsonb", "[1,2,[3]]", "@>", "jsonb", "[[3],1]"), "t");
    EXPECT(OPER("jsonb", "[1,2]", "@>", "jsonb", "2"), "t");
    EXPECT(OPER("jsonb", "{\"a\":1}", "<@", "jsonb", "{\"a\":1,\"c\":3}"), "t");
    EXPECT(OPER("jsonb", "{\"a\":1}", "?", "text", "a"), "t");
    EXPECT(OPER("jsonb", "[\"a\"]", "?|", "_text", "{z,a}"), "t");
    EXPECT(OPER("jsonb", "[\"a\"]", "?&", "_text", "{z,a}"), "f");
    EXPECT(OPER("jsonb", "{\"a\":1}", "||", "jsonb", "{\"b\":2,\"a\":3}"), "{\"a\": 3, \"b\": 2}");
    EXPECT(OPER("jsonb", "[1]", "||", "jsonb", "2"), "[1, 2]");
    EXPECT(OPER("jsonb", "{\"a\":1,\"b\":2}", "-", "text", "a"), "{\"b\": 2}");
    EXPECT(OPER("jsonb", "[\"a\",\"b\"]", "-", "text", "a"), "[\"b\"]");
    EXPECT(OPER("jsonb", "[1,2,3]", "-", "int4", "-1"), "[1, 2]");
    EXPECT(OPER("jsonb", "{\"a\":{\"b\":1,\"c\":2}}", "#-", "_text", "{a,b}"),
           "{\"a\": {\"c\": 2}}");
    EXPECT(OPER("jsonb", "{\"a\":1}", "=", "jsonb", "{\"a\":1.0}"), "t");
    EXPECT(CALL("json_typeof", "json", "[1]"), "array");
    EXPECT(CALL("json_typeof", "json", " \"x\""), "string");
    EXPECT(CALL("jsonb_typeof", "jsonb", "1.5"), "number");
    EXPECT(CALL("json_array_length", "json", "[1,[2,3]]"), "2");
    EXPECT(CALL("json_array_length", "json", "{}"),
           "22023: cannot get array length of a non-array");
    EXPECT(CALL("json_array_length", "json", "1"), "22023: cannot get array length of a scalar");
    EXPECT(CALL("to_json", "text", "a\"b"), "\"a\\\"b\"");
    EXPECT(CALL("to_json", "timestamp", "2020-01-02 03:04:05"), "\"2020-01-02T03:04:05\"");
    EXPECT(CALL("to_json", "timestamptz", "2020-01-02 03:04:05+00"),
           "\"2020-01-02T03:04:05+00:00\"");
    EXPECT(CALL("to_json", "_int4", "{{1,2},{3,NULL}}"), "[[1,2],[3,null]]");
    EXPECT(CALL("to_json", "numeric", "1.50"), "1.50");
    EXPECT(CALL("to_json", "float8", "NaN"), "\"NaN\"");
    EXPECT(CALL("to_jsonb", "bool", "t"), "true");
    EXPECT(CALL("json_build_array", "int4", "1", "text", "x", "bool", "f", "text", NULL),
           "[1, \"x\", false, null]");
    EXPECT(CALL("json_build_object", "text", "a", "int4", "1", "text", "b", "json", "[1]"),
           "{\"a\" : 1, \"b\" : [1]}");
    EXPECT(CALL("json_build_object", "text", "a"),
           "22023: argument list must have even number of elements");
    EXPECT(CALL("jsonb_build_object", "text", "b", "int4", "1", "text", "a", "_int4", "{1,2}"),
           "{\"a\": [1, 2], \"b\": 1}");
    EXPECT(CALL("json_extract_path", "json", "{\"a\":{\"b\":[5]}}", "text", "a", "text", "b",
                "text", "0"),
           "5");
    EXPECT(
        CALL("json_extract_path_text", "json", "{\"a\":{\"b\":\"q\"}}", "text", "a", "text", "b"),
        "q");
    EXPECT(CALL("jsonb_set", "jsonb", "{\"a\":[1,2]}", "_text", "{a,0}", "jsonb", "9"),
           "{\"a\": [9, 2]}");
    EXPECT(CALL("jsonb_set", "jsonb", "{\"a\":1}", "_text", "{b}", "jsonb", "9"),
           "{\"a\": 1, \"b\": 9}");
    EXPECT(CALL("jsonb_set", "jsonb", "{\"a\":1}", "_text", "{b}", "jsonb", "9", "bool", "f"),
           "{\"a\": 1}");
    EXPECT(CALL("jsonb_insert", "jsonb", "{\"a\":[0,1,2]}", "_text", "{a,1}", "jsonb", "\"new\""),
           "{\"a\": [0, \"new\", 1, 2]}");
    EXPECT(CALL("jsonb_insert", "jsonb", "{\"a\":[0,1,2]}", "_text", "{a,1}", "jsonb", "\"new\"",
                "bool", "t"),
           "{\"a\": [0, 1, \"new\", 2]}");
    EXPECT(CALL("jsonb_insert", "jsonb", "{\"a\":1}", "_text", "{a}", "jsonb", "2"),
           "22023: cannot replace existing key");
    EXPECT(CALL("json_strip_nulls", "json", "[{\"f1\":1,\"f2\":null},2,null,3]"),
           "[{\"f1\":1},2,null,3]");
    EXPECT(CALL("jsonb_pretty", "jsonb", "[{\"f1\":1,\"f2\":null},2]"),
           "[\n    {\n        \"f1\": 1,\n        \"f2\": null\n    },\n    2\n]");
    func_fixture_close(&fixture);
}

Test(func_aggregates, have_postgresql_types_and_digits)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(AGG("sum", "int2", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "int2", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("min", "int2", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "int2", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "int2", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "int2", "1", "2", NULL, "4"), "1.5275252316519467");
    EXPECT(AGG("var_pop", "int2", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "int2", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("stddev_pop", "int2", "1", "2", NULL, "4"), "1.2472191289246471");
    EXPECT(AGG("sum", "int4", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "int4", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("min", "int4", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "int4", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "int4", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "int4", "1", "2", NULL, "4"), "1.5275252316519467");
    EXPECT(AGG("var_pop", "int4", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "int4", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("stddev_pop", "int4", "1", "2", NULL, "4"), "1.2472191289246471");
    EXPECT(AGG("sum", "int8", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "int8", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("min", "int8", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "int8", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "int8", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "int8", "1", "2", NULL, "4"), "1.5275252316519467");
    EXPECT(AGG("var_pop", "int8", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "int8", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("stddev_pop", "int8", "1", "2", NULL, "4"), "1.2472191289246471");
    EXPECT(AGG("sum", "numeric", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "numeric", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("min", "numeric", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "numeric", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "numeric", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "numeric", "1", "2", NULL, "4"), "1.5275252316519467");
    EXPECT(AGG("var_pop", "numeric", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "numeric", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG("stddev_pop", "numeric", "1", "2", NULL, "4"), "1.2472191289246471");
    EXPECT(AGG("sum", "float4", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "float4", "1", "2", NULL, "4"), "2.3333333333333335");
    EXPECT(AGG("min", "float4", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "float4", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "float4", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "float4", "1", "2", NULL, "4"), "1.5275252316519468");
    EXPECT(AGG("var_pop", "float4", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "float4", "1", "2", NULL, "4"), "2.3333333333333335");
    EXPECT(AGG("stddev_pop", "float4", "1", "2", NULL, "4"), "1.247219128924647");
    EXPECT(AGG("sum", "float8", "1", "2", NULL, "4"), "7");
    EXPECT(AGG("avg", "float8", "1", "2", NULL, "4"), "2.3333333333333335");
    EXPECT(AGG("min", "float8", "1", "2", NULL, "4"), "1");
    EXPECT(AGG("max", "float8", "1", "2", NULL, "4"), "4");
    EXPECT(AGG("count", "float8", "1", "2", NULL, "4"), "3");
    EXPECT(AGG("stddev", "float8", "1", "2", NULL, "4"), "1.5275252316519468");
    EXPECT(AGG("var_pop", "float8", "1", "2", NULL, "4"), "1.5555555555555556");
    EXPECT(AGG("variance", "float8", "1", "2", NULL, "4"), "2.3333333333333335");
    EXPECT(AGG("stddev_pop", "float8", "1", "2", NULL, "4"), "1.247219128924647");
    EXPECT(AGG_COLUMN("sum", "int4", "1", "2", NULL, "4"), "7");
    EXPECT(AGG_COLUMN("sum", "int8", "1", "2", NULL, "4"), "7");
    EXPECT(AGG_COLUMN("avg", "int4", "1", "2", NULL, "4"), "2.3333333333333333");
    EXPECT(AGG_COLUMN("sum", "float8", "1", "2", NULL, "4"), "7");
    EXPECT(AGG_COLUMN("avg", "float8", "1", "2", NULL, "4"), "2.3333333333333335");
    EXPECT(AGG_COLUMN("max", "int8", "1", "2", NULL, "4"), "4");
    EXPECT(AGG_COLUMN("min", "float8", "1", "2", NULL, "4"), "1");
    EXPECT(AGG_COLUMN("bool_and", "bool", "t", "f"), "f");
    EXPECT(AGG("sum", "int8", "9223372036854775807", "9223372036854775807"),
           "18446744073709551614");
    EXPECT(AGG("sum", "float8", "1e308", "1e308"), "22003: value out of range: overflow");
    EXPECT(AGG("min", "text", "b", "a"), "a");
    EXPECT(AGG("max", "text", "b", "abc", "c"), "c");
    EXPECT(AGG("max", "date", "2020-01-01", "2021-01-01"), "2021-01-01");
    EXPECT(AGG("sum", "interval", "1 day", "2 hours"), "1 day 02:00:00");
    EXPECT(AGG("avg", "interval", "1 day", "2 hours"), "13:00:00");
    EXPECT(AGG("bool_or", "bool", "f", NULL, "t"), "t");
    EXPECT(AGG("every", "bool", "t", "f"), "f");
    EXPECT(AGG("bit_and", "int4", "7", "3"), "3");
    EXPECT(AGG("bit_or", "int4", "4", "3"), "7");
    EXPECT(AGG("bit_xor", "int4", "7", "3"), "4");
    EXPECT(AGG("array_agg", "int4", "1", NULL, "3"), "{1,NULL,3}");
    EXPECT(AGG("array_agg", "text", "a", "b"), "{a,b}");
    EXPECT(AGG("json_agg", "int4", "1", NULL), "[1, null]");
    EXPECT(AGG("jsonb_agg", "text", "x", "y"), "[\"x\", \"y\"]");
    EXPECT(AGG("array_agg", "_int4", "{1,2}", "{3,4}"), "{{1,2},{3,4}}");
    EXPECT(AGG("max", "_int4", "{1,2}", "{3}"), "{3}");
    EXPECT(AGG("min", "float8", "NaN", "1"), "1");
    EXPECT(AGG("max", "float8", "NaN", "1"), "NaN");
    EXPECT(AGG("sum", "int4", NULL), "NULL");
    func_fixture_close(&fixture);
}

Test(func_formats, print_and_parse_templates)
{
    struct func_fixture fixture;
    func_fixture_open(&fixture);
    EXPECT(CALL("to_char", "numeric", "1234.5", "text", "9,999.99"), " 1,234.50");
    EXPECT(CALL("to_char", "int4", "485", "text", "999"), " 485");
    EXPECT(CALL("to_char", "numeric", "-485", "text", "999"), "-485");
    EXPECT(CALL("to_char", "numeric", "12.4", "text", "FM990.00"), "12.40");
    EXPECT(CALL("to_char", "int4", "5", "text", "000"), " 005");
    EXPECT(CALL("to_char", "int4", "-5", "text", "S99"), " -5");
    EXPECT(CALL("to_char", "int4", "485", "text", "999MI"), "485 ");
    EXPECT(CALL("to_char", "numeric", "0.5", "text", "9.9"), "  .5");
    EXPECT(CALL("to_char", "numeric", "0.1", "text", "0.9"), " 0.1");
    EXPECT(CALL("to_char", "int4", "12345", "text", "999"), " ###");
    EXPECT(CALL("to_char", "timestamp", "2002-04-20 17:31:12.66", "text", "HH12:MI:SS"),
           "05:31:12");
    EXPECT(
        CALL("to_char", "timestamp", "2002-04-20 17:31:12.66", "text", "YYYY-MM-DD HH24:MI:SS.MS"),
        "2002-04-20 17:31:12.660");
    EXPECT(CALL("to_char", "timestamp", "2002-04-20 17:31:12.66", "text", "Day, DD Mon YYYY"),
           "Saturday , 20 Apr 2002");
    EXPECT(CALL("to_char", "timestamp", "2002-04-20 17:31:12.66", "text",
                "FMDay, FMDD FMMonth YY AM Q DDD IW \"week\""),
           "Saturday, 20 April 02 PM 2 110 16 week");
    EXPECT(CALL("to_char", "interval", "15 hours 2 minutes 12 seconds", "text", "HH24:MI:SS"),
           "15:02:12");
    EXPECT(CALL("to_date", "text", "05 Dec 2000", "text", "DD Mon YYYY"), "2000-12-05");
    EXPECT(CALL("to_timestamp", "text", "2020-01-02 03:04:05", "text", "YYYY-MM-DD HH24:MI:SS"),
           "2020-01-02 03:04:05+00");
    EXPECT(CALL("to_number", "text", "12,454.8-", "text", "99G999D9S"), "-12454.8");
    EXPECT(CALL("to_number", "text", "-34.5", "text", "99.99"), "-34.5");
    EXPECT(CALL("to_date", "text", "20000431", "text", "YYYYMMDD"),
           "22008: date/time field value out of range: \"20000431\"");
    func_fixture_close(&fixture);
}
