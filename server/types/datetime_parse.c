/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads dates and times written the ways people write them. One pass over the text; every piece
 * (a date with separators, a clock time, a number, a word, a zone) fills what it says, and what
 * is still missing or said twice at the end is an error. Loose numbers beside a named month are
 * told apart at the end: three digits or more are a year, the first short one is the day.
 */

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "server/types/datetime_private.h"

enum { LOOSE_COUNT_MAX = 3, ZONE_TEXT_MAX = 63, FRACTION_SIZE_MAX = 40 };

enum half { HALF_NONE, HALF_AM, HALF_PM };
enum outcome { OUT_OK, OUT_SYNTAX, OUT_FIELD, OUT_MONTH_OR_DAY, OUT_ZONE_OFFSET, OUT_ZONE_NAME };

struct number {
    int value;
    int digits;
};

struct reader {
    const struct type_context *context;
    const char *at;
    const char *end;
    struct parsed_datetime *out;
    struct number loose[LOOSE_COUNT_MAX];
    int loose_count;
    int month; /* by name, 0 none */
    int short_year_digits;
    bool is_time_only;
    bool is_bc;
    bool has_era;
    enum half half;
    char zone_text[ZONE_TEXT_MAX + 1];
};

static bool
at_digit(const struct reader *r, int ahead)
{
    return r->end - r->at > ahead && r->at[ahead] >= '0' && r->at[ahead] <= '9';
}

static char
peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static struct number
read_number(struct reader *r)
{
    struct number number = {0, 0};
    int64_t value = 0;
    for (; at_digit(r, 0); r->at++) {
        value = KY_MIN(value * 10 + (*r->at - '0'), INT_MAX);
        number.digits++;
    }
    number.value = (int)value;
    return number;
}

/* ".123456789" as microseconds; may be a full second after rounding. */
static int
read_fraction(struct reader *r)
{
    char text[FRACTION_SIZE_MAX] = "0";
    size_t size = 1;
    text[size++] = *r->at++;
    for (; at_digit(r, 0); r->at++) {
        if (size + 1 < sizeof(text)) {
            text[size++] = *r->at;
        }
    }
    /* As PostgreSQL rounds: half to even of the binary value. */
    return (int)rint(strtod(text, NULL) * 1e6);
}

static enum outcome
set_time(struct reader *r, int hour, int minute, int second, int us)
{
    struct civil_time *civil = &r->out->civil;
    if (r->out->has_time) {
        return OUT_SYNTAX;
    }
    if (hour > 24 || minute > 59 || second > 60 ||
        (hour == 24 && (minute > 0 || second > 0 || us > 0))) {
        return OUT_FIELD;
    }
    civil->hour = hour;
    civil->minute = minute;
    civil->second = second;
    civil->microsecond = us;
    r->out->has_time = true;
    return OUT_OK;
}

/* The hour has been read; at stands on the colon. */
static enum outcome
read_clock(struct reader *r, struct number hour)
{
    r->at++;
    if (!at_digit(r, 0)) {
        return OUT_SYNTAX;
    }
    struct number minute = read_number(r);
    struct number second = {0, 0};
    int us = 0;
    if (peek(r) == ':') {
        r->at++;
        if (!at_digit(r, 0)) {
            return OUT_SYNTAX;
        }
        second = read_number(r);
        if (peek(r) == '.') {
            us = read_fraction(r);
        }
    } else if (peek(r) == '.') {
        /* mm:ss.ffff */
        us = read_fraction(r);
        return set_time(r, 0, hour.value, minute.value, us);
    }
    return set_time(r, hour.value, minute.value, second.value, us);
}

static enum outcome
set_date(struct reader *r, struct number year, int month, int day)
{
    if (r->out->has_date) {
        return OUT_SYNTAX;
    }
    r->out->civil.year = year.value;
    r->out->civil.month = month;
    r->out->civil.day = day;
    r->short_year_digits = year.digits;
    r->out->has_date = true;
    return OUT_OK;
}

static int
month_by_name(struct ky_slice word)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    if (datetime_word_is(word, "sept")) {
        return 9;
    }
    for (int i = 0; i < 12; i++) {
        char shorter[4] = {names[i][0], names[i][1], names[i][2], '\0'};
        if (datetime_word_is(word, names[i]) || datetime_word_is(word, shorter)) {
            return i + 1;
        }
    }
    return 0;
}

static bool
is_weekday(struct ky_slice word)
{
    static const char *const names[] = {"monday",   "tuesday", "wednesday", "thursday", "friday",
                                        "saturday", "sunday",  "mon",       "tue",      "wed",
                                        "thu",      "fri",     "sat",       "sun",      "tues",
                                        "thur",     "thurs",   "weds"};
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (datetime_word_is(word, names[i])) {
            return true;
        }
    }
    return false;
}

static struct ky_slice
read_letters(struct reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && isalpha((unsigned char)*r->at)) {
        r->at++;
    }
    return ky_slice(start, (size_t)(r->at - start));
}

/* "2026-11-23", "11/23/2026", "23-Nov-2026"; the first number has been read. */
static enum outcome
read_date(struct reader *r, struct number first)
{
    char separator = *r->at++;
    struct number second = {0, 0};
    int month = 0;
    if (at_digit(r, 0)) {
        second = read_number(r);
    } else {
        month = month_by_name(read_letters(r));
        if (month == 0) {
            return OUT_SYNTAX;
        }
    }
    if (peek(r) != separator || !at_digit(r, 1)) {
        /* "2026-327": the day of the year. */
        if (month == 0 && first.digits >= 3 && second.digits == 3) {
            enum outcome outcome = set_date(r, first, 1, 1);
            int64_t days = date_from_civil(first.value, 1, 1) + second.value - 1;
            int year = 0;
            date_to_civil(days, &year, &r->out->civil.month, &r->out->civil.day);
            return outcome != OUT_OK || (second.value >= 1 && year == first.value) ? outcome
                                                                                   : OUT_FIELD;
        }
        return OUT_SYNTAX;
    }
    r->at++;
    struct number third = read_number(r);
    if (month != 0) {
        return first.digits >= 3 || (r->context->date_order == 2 && third.digits < 3)
                   ? set_date(r, first, month, third.value)
                   : set_date(r, third, month, first.value);
    }
    if (first.digits >= 3) {
        return set_date(r, first, second.value, third.value);
    }
    switch (r->context->date_order) {
    case 2:
        return third.digits >= 3 ? OUT_FIELD : set_date(r, first, second.value, third.value);
    case 1:
        return set_date(r, third, second.value, first.value);
    default:
        return set_date(r, third, first.value, second.value);
    }
}

/* Said at once, or by a month's name and two numbers. */
static bool
is_date_known(const struct reader *r)
{
    return r->out->has_date || (r->month != 0 && r->loose_count == 2);
}

/* 20261123, 261123, or as a time 040506, 0405, 040506.789 */
static enum outcome
read_packed(struct reader *r, struct number number)
{
    bool may_be_time = !r->out->has_time && (is_date_known(r) || r->is_time_only);
    if (!is_date_known(r) && !(r->is_time_only && number.digits <= 6) && number.digits >= 6 &&
        number.digits <= 8 && number.digits != 7) {
        struct number year = {number.value / 10000, number.digits - 4};
        return set_date(r, year, number.value / 100 % 100, number.value % 100);
    }
    if (may_be_time && number.digits == 6) {
        int us = peek(r) == '.' ? read_fraction(r) : 0;
        return set_time(r, number.value / 10000, number.value / 100 % 100, number.value % 100, us);
    }
    if (may_be_time && number.digits == 4) {
        return set_time(r, number.value / 100, number.value % 100, 0, 0);
    }
    if (r->loose_count == LOOSE_COUNT_MAX) {
        return OUT_SYNTAX;
    }
    r->loose[r->loose_count++] = number;
    return OUT_OK;
}

static enum outcome
read_digits(struct reader *r)
{
    struct number number = read_number(r);
    char next = peek(r);
    if (next == ':') {
        return read_clock(r, number);
    }
    bool may_be_date = !r->out->has_date && r->month == 0 && r->end - r->at > 1 &&
                       number.digits <= 7 && r->loose_count == 0;
    if ((next == '-' || next == '/' || (next == '.' && number.digits <= 4)) && may_be_date &&
        (at_digit(r, 1) || isalpha((unsigned char)r->at[1]))) {
        return read_date(r, number);
    }
    enum outcome outcome = read_packed(r, number);
    if (r->month != 0 && !r->out->has_date && (peek(r) == '-' || peek(r) == '/')) {
        r->at++;
    }
    return outcome;
}

/* "+3", "+03", "+0330", "+03:30", "-03:30:15" */
static enum outcome
read_offset(struct reader *r)
{
    bool is_minus = *r->at++ == '-';
    if (!at_digit(r, 0)) {
        return OUT_SYNTAX;
    }
    struct number hour = read_number(r);
    int minute = 0;
    int second = 0;
    if (peek(r) == ':' && at_digit(r, 1)) {
        r->at++;
        minute = read_number(r).value;
        if (peek(r) == ':' && at_digit(r, 1)) {
            r->at++;
            second = read_number(r).value;
        }
    } else if (hour.digits > 4) {
        second = hour.value % 100;
        minute = hour.value / 100 % 100;
        hour.value /= 10000;
    } else if (hour.digits > 2) {
        minute = hour.value % 100;
        hour.value /= 100;
    }
    if (hour.value > 15 || minute > 59 || second > 59) {
        return OUT_ZONE_OFFSET;
    }
    if (r->out->has_zone || r->out->zone != NULL) {
        return OUT_SYNTAX;
    }
    int offset = hour.value * 3600 + minute * 60 + second;
    r->out->civil.zone_offset = is_minus ? -offset : offset;
    r->out->has_zone = true;
    return OUT_OK;
}

static enum outcome
read_julian(struct reader *r)
{
    struct number number = read_number(r);
    if (r->out->has_date) {
        return OUT_SYNTAX;
    }
    struct civil_time *civil = &r->out->civil;
    date_to_civil((int64_t)number.value + DATE_MIN, &civil->year, &civil->month, &civil->day);
    r->short_year_digits = INT_MAX; /* complete, and astronomical */
    r->out->has_date = true;
    return OUT_OK;
}

/* now, today and their neighbours, by the session's zone. */
static void
set_today(struct reader *r, int days, bool is_now)
{
    const struct type_context *context = r->context;
    int64_t now = context->now_us;
    if (context->zone != NULL) {
        now += timezone_offset_at(context->zone, now, NULL, NULL) * DATETIME_US_PER_SECOND;
    }
    struct civil_time *civil = &r->out->civil;
    int offset = civil->zone_offset;
    struct civil_time day;
    timestamp_to_civil(now + days * DATETIME_US_PER_DAY, &day);
    if (!is_now) {
        day.hour = r->out->has_time ? civil->hour : 0;
        day.minute = r->out->has_time ? civil->minute : 0;
        day.second = r->out->has_time ? civil->second : 0;
        day.microsecond = r->out->has_time ? civil->microsecond : 0;
    }
    *civil = day;
    civil->zone_offset = offset;
    r->out->has_date = true;
    r->out->has_time |= is_now;
    r->out->is_now = is_now;
    r->short_year_digits = INT_MAX;
}

static bool
read_special(struct reader *r, struct ky_slice word)
{
    struct parsed_datetime *out = r->out;
    if (out->has_date || out->kind != PARSED_VALUE) {
        if (out->has_time || !datetime_word_is(word, "allballs")) {
            return false;
        }
        out->has_time = true;
        out->has_zone = true;
        return true;
    }
    if (datetime_word_is(word, "now")) {
        set_today(r, 0, true);
    } else if (datetime_word_is(word, "today")) {
        set_today(r, 0, false);
    } else if (datetime_word_is(word, "tomorrow")) {
        set_today(r, 1, false);
    } else if (datetime_word_is(word, "yesterday")) {
        set_today(r, -1, false);
    } else if (datetime_word_is(word, "epoch")) {
        out->kind = PARSED_EPOCH;
    } else if (datetime_word_is(word, "infinity")) {
        out->kind = PARSED_INFINITY;
    } else if (datetime_word_is(word, "-infinity")) {
        out->kind = PARSED_MINUS_INFINITY;
    } else if (datetime_word_is(word, "allballs")) {
        out->has_time = true;
        out->has_zone = true;
    } else {
        return false;
    }
    return true;
}

static enum outcome
read_zone(struct reader *r, const char *start)
{
    struct parsed_datetime *out = r->out;
    while (r->at < r->end && (isalnum((unsigned char)*r->at) || strchr("_/+-:", *r->at) != NULL)) {
        r->at++;
    }
    size_t size = (size_t)(r->at - start);
    if (size > ZONE_TEXT_MAX || out->has_zone || out->zone != NULL) {
        return OUT_SYNTAX;
    }
    memcpy(r->zone_text, start, size);
    r->zone_text[size] = '\0';
    char lower[ZONE_TEXT_MAX + 1];
    for (size_t i = 0; i <= size; i++) {
        lower[i] = (char)tolower((unsigned char)r->zone_text[i]);
    }
    memcpy(r->zone_text, lower, size);
    bool is_dst;
    if (timezone_abbreviation(ky_slice(lower, size), &out->civil.zone_offset, &is_dst)) {
        out->has_zone = true;
        return OUT_OK;
    }
    /* A word alone must be a name of the database, or "Nonsense" would be a POSIX zone. */
    out->zone = timezone_find(ky_slice(start, size));
    if (out->zone != NULL) {
        return OUT_OK;
    }
    return memchr(start, '/', size) != NULL ? OUT_ZONE_NAME : OUT_SYNTAX;
}

static enum outcome
read_word(struct reader *r)
{
    const char *start = r->at;
    struct ky_slice word = read_letters(r);
    int month = month_by_name(word);
    if (month != 0) {
        if (r->month != 0 || r->out->has_date) {
            return OUT_SYNTAX;
        }
        r->month = month;
        if (peek(r) == '-' || peek(r) == '/' || peek(r) == '.') {
            r->at++;
        }
        return OUT_OK;
    }
    if (is_weekday(word)) {
        r->at += peek(r) == '.';
        return OUT_OK;
    }
    if (datetime_word_is(word, "am")) {
        r->half = HALF_AM;
        return OUT_OK;
    }
    if (datetime_word_is(word, "pm")) {
        r->half = HALF_PM;
        return OUT_OK;
    }
    bool is_bc = datetime_word_is(word, "bc");
    if (is_bc || datetime_word_is(word, "ad")) {
        r->is_bc = is_bc;
        r->has_era = true;
        return OUT_OK;
    }
    if (datetime_word_is(word, "t") && (at_digit(r, 0) || r->at == r->end)) {
        return at_digit(r, 0) && (is_date_known(r) || r->is_time_only) ? OUT_OK : OUT_SYNTAX;
    }
    if (datetime_word_is(word, "j") && at_digit(r, 0)) {
        return read_julian(r);
    }
    if (read_special(r, word) || datetime_word_is(word, "at") || datetime_word_is(word, "on")) {
        return OUT_OK;
    }
    return read_zone(r, start);
}

/* Loose numbers beside a named month. */
static enum outcome
place_loose(struct reader *r)
{
    if (r->loose_count == 0 && r->month == 0) {
        return OUT_OK;
    }
    if (r->month == 0 || r->loose_count != 2 || r->out->has_date) {
        return OUT_SYNTAX;
    }
    bool is_year_first =
        r->loose[0].digits >= 3 || (r->context->date_order == 2 && r->loose[1].digits < 3);
    struct number year = r->loose[is_year_first ? 0 : 1];
    struct number day = r->loose[is_year_first ? 1 : 0];
    return day.digits > 2 ? OUT_SYNTAX : set_date(r, year, r->month, day.value);
}

static enum outcome
finish(struct reader *r)
{
    struct civil_time *civil = &r->out->civil;
    enum outcome outcome = place_loose(r);
    if (outcome != OUT_OK) {
        return outcome;
    }
    if (r->half != HALF_NONE) {
        if (!r->out->has_time || civil->hour > 12) {
            return OUT_FIELD;
        }
        civil->hour = civil->hour % 12 + (r->half == HALF_PM ? 12 : 0);
    }
    if (!r->out->has_date) {
        return r->has_era ? OUT_SYNTAX : OUT_OK;
    }
    if (r->short_year_digits != INT_MAX) {
        if (r->is_bc) {
            if (civil->year <= 0) {
                return OUT_FIELD;
            }
            civil->year = 1 - civil->year;
        } else if (r->short_year_digits <= 2 && !r->has_era) {
            civil->year += civil->year < 70 ? 2000 : 1900;
        } else if (civil->year <= 0) {
            return OUT_FIELD;
        }
    }
    if (civil->month < 1 || civil->month > 12 || civil->day < 1 || civil->day > 31) {
        return OUT_MONTH_OR_DAY;
    }
    return civil->day > datetime_days_in_month(civil->year, civil->month) ? OUT_FIELD : OUT_OK;
}

static enum outcome
read_all(struct reader *r)
{
    struct ky_slice whole = ky_slice(r->at, (size_t)(r->end - r->at));
    if (whole.size > 0 && (*r->at == '-' || *r->at == '+')) {
        return read_special(r, whole) ? OUT_OK : OUT_SYNTAX;
    }
    bool is_empty = true;
    while (r->at < r->end) {
        enum outcome outcome = OUT_OK;
        char c = *r->at;
        if (isspace((unsigned char)c) || c == ',') {
            r->at++;
            continue;
        }
        is_empty = false;
        if (c >= '0' && c <= '9') {
            outcome = read_digits(r);
        } else if ((c == '+' || c == '-') && (r->out->has_time || is_date_known(r))) {
            outcome = read_offset(r);
        } else if (isalpha((unsigned char)c)) {
            outcome = read_word(r);
        } else {
            outcome = OUT_SYNTAX;
        }
        if (outcome != OUT_OK) {
            return outcome;
        }
    }
    return is_empty ? OUT_SYNTAX : finish(r);
}

ky_status
datetime_parse(const struct type_context *context, struct ky_slice text, const char *type_name,
               bool is_time_only, struct parsed_datetime *out, struct ky_error *err)
{
    *out = (struct parsed_datetime){.kind = PARSED_VALUE};
    const char *start = text.data;
    const char *end = start + text.size;
    while (start < end && isspace((unsigned char)*start)) {
        start++;
    }
    while (end > start && isspace((unsigned char)end[-1])) {
        end--;
    }
    struct reader r = {
        .context = context, .at = start, .end = end, .out = out, .is_time_only = is_time_only};
    switch (read_all(&r)) {
    case OUT_OK:
        return KY_OK;
    case OUT_SYNTAX:
        break;
    case OUT_FIELD:
        return datetime_error_range(err, "date/time field value", text);
    case OUT_MONTH_OR_DAY:
        (void)datetime_error_range(err, "date/time field value", text);
        return ky_error_hint(err, "Perhaps you need a different \"datestyle\" setting.");
    case OUT_ZONE_OFFSET:
        return ky_error_set(err, KY_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                            "time zone displacement out of range: \"%.*s\"",
                            (int)KY_MIN(text.size, 400), (const char *)text.data);
    case OUT_ZONE_NAME:
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "time zone \"%s\" not recognized",
                            r.zone_text);
    }
    return datetime_error_syntax(err, type_name, text);
}
