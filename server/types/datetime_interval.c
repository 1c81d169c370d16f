/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads intervals: cuts the text into tokens and adds them up from the right, because
 * a number takes its unit from the word after it: in "1 2:03" the 1 counts days only because a
 * clock time follows. ISO 8601 durations ("P1Y2M3DT4H5M6S") have a reader of their own.
 */

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "server/types/datetime_private.h"

enum { TOKEN_COUNT_MAX = 32, NUMBER_SIZE_MAX = 48 };

enum outcome { OUT_OK, OUT_SYNTAX, OUT_RANGE };

enum unit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_AGO,
};

static const struct {
    char word[14];
    enum unit unit;
} units[] = {
    {"us", UNIT_MICROSECOND},
    {"usec", UNIT_MICROSECOND},
    {"usecs", UNIT_MICROSECOND},
    {"usecond", UNIT_MICROSECOND},
    {"useconds", UNIT_MICROSECOND},
    {"microsecond", UNIT_MICROSECOND},
    {"microseconds", UNIT_MICROSECOND},
    {"microsecon", UNIT_MICROSECOND},
    {"ms", UNIT_MILLISECOND},
    {"msec", UNIT_MILLISECOND},
    {"msecs", UNIT_MILLISECOND},
    {"msecond", UNIT_MILLISECOND},
    {"mseconds", UNIT_MILLISECOND},
    {"millisecond", UNIT_MILLISECOND},
    {"milliseconds", UNIT_MILLISECOND},
    {"s", UNIT_SECOND},
    {"sec", UNIT_SECOND},
    {"secs", UNIT_SECOND},
    {"second", UNIT_SECOND},
    {"seconds", UNIT_SECOND},
    {"m", UNIT_MINUTE},
    {"min", UNIT_MINUTE},
    {"mins", UNIT_MINUTE},
    {"minute", UNIT_MINUTE},
    {"minutes", UNIT_MINUTE},
    {"h", UNIT_HOUR},
    {"hr", UNIT_HOUR},
    {"hrs", UNIT_HOUR},
    {"hour", UNIT_HOUR},
    {"hours", UNIT_HOUR},
    {"d", UNIT_DAY},
    {"day", UNIT_DAY},
    {"days", UNIT_DAY},
    {"w", UNIT_WEEK},
    {"week", UNIT_WEEK},
    {"weeks", UNIT_WEEK},
    {"mon", UNIT_MONTH},
    {"mons", UNIT_MONTH},
    {"month", UNIT_MONTH},
    {"months", UNIT_MONTH},
    {"y", UNIT_YEAR},
    {"yr", UNIT_YEAR},
    {"yrs", UNIT_YEAR},
    {"year", UNIT_YEAR},
    {"years", UNIT_YEAR},
    {"dec", UNIT_DECADE},
    {"decs", UNIT_DECADE},
    {"decade", UNIT_DECADE},
    {"decades", UNIT_DECADE},
    {"c", UNIT_CENTURY},
    {"cent", UNIT_CENTURY},
    {"century", UNIT_CENTURY},
    {"centuries", UNIT_CENTURY},
    {"mil", UNIT_MILLENNIUM},
    {"mils", UNIT_MILLENNIUM},
    {"millennia", UNIT_MILLENNIUM},
    {"millennium", UNIT_MILLENNIUM},
    {"ago", UNIT_AGO},
};

/* Sums that are checked once at the end. */
struct total {
    __int128 time_us;
    __int128 days;
    __int128 months;
};

enum token_kind { TOKEN_NUMBER, TOKEN_CLOCK, TOKEN_YEAR_MONTH, TOKEN_WORD };

struct token {
    enum token_kind kind;
    enum unit unit;
    bool is_minus;
    bool has_sign;
    int64_t whole;
    double fraction;     /* 0 <= fraction < 1; of the unit */
    int64_t fraction_us; /* the same of a second, rounded */
    int64_t months;      /* TOKEN_YEAR_MONTH */
    int64_t time_us;     /* TOKEN_CLOCK */
};

/* Digits and fraction at p; false when there are none or too many. */
static bool
read_number(const char **at, const char *end, struct token *token)
{
    const char *p = *at;
    char text[NUMBER_SIZE_MAX];
    size_t size = 0;
    bool has_digit = false;
    __int128 whole = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        whole = whole * 10 + (*p - '0');
        has_digit = true;
        if (whole > INT64_MAX) {
            return false;
        }
    }
    token->whole = (int64_t)whole;
    if (p < end && *p == '.') {
        text[size++] = '0';
        text[size++] = '.';
        for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
            has_digit = true;
            if (size + 1 < sizeof(text)) {
                text[size++] = *p;
            }
        }
        text[size] = '\0';
        token->fraction = strtod(text, NULL);
        token->fraction_us = (int64_t)rint(token->fraction * 1e6);
    }
    *at = p;
    return has_digit;
}

/* The hour (or first part) has been read; p stands on ':'. */
static enum outcome
read_clock(const char **at, const char *end, struct token *token, int range)
{
    const char *p = *at + 1;
    int64_t parts[3] = {token->whole, 0, 0};
    int count = 1;
    int64_t us = 0;
    while (count < 3) {
        struct token part = {.whole = 0};
        if (!read_number(&p, end, &part)) {
            return OUT_SYNTAX;
        }
        parts[count++] = part.whole;
        us = part.fraction_us;
        if (p == end || *p != ':') {
            break;
        }
        p++;
    }
    if (count == 2 && (us != 0 || range == INTERVAL_MINUTE_TO_SECOND)) {
        /* mm:ss.ff */
        parts[2] = parts[1];
        parts[1] = parts[0];
        parts[0] = 0;
    }
    if (parts[1] > 59 || parts[2] > 60 || (parts[2] == 60 && us > 0) ||
        parts[0] > INT64_MAX / DATETIME_US_PER_HOUR - 1) {
        return OUT_RANGE;
    }
    token->kind = TOKEN_CLOCK;
    token->time_us = parts[0] * DATETIME_US_PER_HOUR + parts[1] * DATETIME_US_PER_MINUTE +
                     parts[2] * DATETIME_US_PER_SECOND + us;
    *at = p;
    return OUT_OK;
}

static enum outcome
read_word(const char **at, const char *end, struct token *token)
{
    const char *start = *at;
    while (*at < end && isalpha((unsigned char)**at)) {
        (*at)++;
    }
    struct ky_slice word = ky_slice(start, (size_t)(*at - start));
    token->kind = TOKEN_WORD;
    for (size_t i = 0; i < KY_COUNT_OF(units); i++) {
        if (datetime_word_is(word, units[i].word)) {
            token->unit = units[i].unit;
            *at += *at < end && **at == '.';
            return OUT_OK;
        }
    }
    return OUT_SYNTAX;
}

static enum outcome
read_token(const char **at, const char *end, struct token *token, int range)
{
    if (isalpha((unsigned char)**at)) {
        return read_word(at, end, token);
    }
    if (**at == '+' || **at == '-') {
        token->has_sign = true;
        token->is_minus = *(*at)++ == '-';
        while (*at < end && isspace((unsigned char)**at)) {
            (*at)++;
        }
    }
    const char *start = *at;
    token->kind = TOKEN_NUMBER;
    if (!read_number(at, end, token)) {
        return *at > start || (start < end && *start >= '0' && *start <= '9') ? OUT_RANGE
                                                                              : OUT_SYNTAX;
    }
    if (*at < end && **at == ':') {
        return token->fraction_us != 0 ? OUT_SYNTAX : read_clock(at, end, token, range);
    }
    if (end - *at > 1 && **at == '-' && isdigit((unsigned char)(*at)[1])) {
        (*at)++;
        struct token month = {.whole = 0};
        if (!read_number(at, end, &month)) {
            return OUT_RANGE;
        }
        if (month.whole > 11 || token->whole > INT32_MAX / 12) {
            return OUT_RANGE;
        }
        token->kind = TOKEN_YEAR_MONTH;
        token->months = token->whole * 12 + month.whole;
    }
    return OUT_OK;
}

static void
add_days(struct total *total, double days)
{
    double whole = trunc(days);
    total->days += (__int128)whole;
    total->time_us += (__int128)rint((days - whole) * (double)DATETIME_US_PER_DAY);
}

static void
add_unit(struct total *total, enum unit unit, const struct token *token)
{
    int sign = token->is_minus ? -1 : 1;
    __int128 whole = (__int128)token->whole * sign;
    double fraction = token->fraction * sign;
    int months = 0;
    switch (unit) {
    case UNIT_MICROSECOND:
        total->time_us += whole + (__int128)rint(fraction);
        return;
    case UNIT_MILLISECOND:
        total->time_us += whole * 1000 + (__int128)rint(fraction * 1000);
        return;
    case UNIT_NONE:
    case UNIT_AGO:
    case UNIT_SECOND:
        total->time_us += whole * DATETIME_US_PER_SECOND + token->fraction_us * sign;
        return;
    case UNIT_MINUTE:
        total->time_us += whole * DATETIME_US_PER_MINUTE + (__int128)rint(fraction * 6e7);
        return;
    case UNIT_HOUR:
        total->time_us += whole * DATETIME_US_PER_HOUR + (__int128)rint(fraction * 3.6e9);
        return;
    case UNIT_DAY:
        total->days += whole;
        total->time_us += (__int128)rint(fraction * (double)DATETIME_US_PER_DAY);
        return;
    case UNIT_WEEK:
        total->days += whole * 7;
        add_days(total, fraction * 7);
        return;
    case UNIT_MONTH:
        total->months += whole;
        add_days(total, fraction * 30);
        return;
    case UNIT_YEAR:
        months = 12;
        break;
    case UNIT_DECADE:
        months = 120;
        break;
    case UNIT_CENTURY:
        months = 1200;
        break;
    case UNIT_MILLENNIUM:
        months = 12000;
        break;
    }
    total->months += whole * months + (__int128)rint(fraction * months);
}

/* The unit of a bare number when the type names fields. */
static enum unit
unit_of_range(int range)
{
    if (range == INTERVAL_RANGE_ALL || (range & INTERVAL_SECOND) != 0) {
        return UNIT_SECOND;
    }
    if ((range & INTERVAL_MINUTE) != 0) {
        return UNIT_MINUTE;
    }
    if ((range & INTERVAL_HOUR) != 0) {
        return UNIT_HOUR;
    }
    if ((range & INTERVAL_DAY) != 0) {
        return UNIT_DAY;
    }
    return (range & INTERVAL_MONTH) != 0 ? UNIT_MONTH : UNIT_YEAR;
}

#define CLOCK_UNITS (1U << UNIT_HOUR | 1U << UNIT_MINUTE | 1U << UNIT_SECOND)

static bool
mark_seen(uint32_t *seen, uint32_t unit)
{
    bool is_new = (*seen & unit) == 0;
    *seen |= unit;
    return is_new;
}

static enum outcome
add_tokens(struct token *tokens, int count, int range, int style, struct total *total)
{
    /* In SQL style a leading minus covers all fields when none has a sign of its own. */
    bool is_all_minus = style == 2 && count > 0 && tokens[0].is_minus;
    for (int i = 1; i < count; i++) {
        is_all_minus = is_all_minus && !tokens[i].has_sign;
    }
    uint32_t seen = 0; /* units, each at most once */
    bool is_ago = false;
    bool is_used = true;
    bool has_value = false;
    enum unit unit = UNIT_NONE;
    for (int i = count - 1; i >= 0; i--) {
        struct token *token = &tokens[i];
        token->is_minus = token->is_minus || is_all_minus;
        int sign = token->is_minus ? -1 : 1;
        switch (token->kind) {
        case TOKEN_WORD:
            if (token->unit == UNIT_AGO) {
                if (i != count - 1) {
                    return OUT_SYNTAX;
                }
                is_ago = true;
            } else {
                if (!is_used) {
                    return OUT_SYNTAX;
                }
                unit = token->unit;
                is_used = false;
            }
            continue;
        case TOKEN_CLOCK:
            if (!is_used || !mark_seen(&seen, CLOCK_UNITS)) {
                return OUT_SYNTAX;
            }
            total->time_us += (__int128)token->time_us * sign;
            unit = UNIT_DAY;
            break;
        case TOKEN_YEAR_MONTH:
            if (!mark_seen(&seen, 1U << UNIT_YEAR | 1U << UNIT_MONTH)) {
                return OUT_SYNTAX;
            }
            total->months += (__int128)token->months * sign;
            break;
        case TOKEN_NUMBER:
            if (unit == UNIT_NONE) {
                unit = unit_of_range(range);
            }
            if (!mark_seen(&seen, 1U << unit)) {
                return OUT_SYNTAX;
            }
            add_unit(total, unit, token);
            /* Before hours stand days, "1 02" of DAY TO HOUR; before another unit its own again. */
            unit = unit == UNIT_HOUR ? UNIT_DAY : unit;
            break;
        }
        is_used = true;
        has_value = true;
    }
    if (is_ago) {
        total->time_us = -total->time_us;
        total->days = -total->days;
        total->months = -total->months;
    }
    return has_value && is_used ? OUT_OK : OUT_SYNTAX;
}

/* The rest of "0001-02-03" or "04:05:06"; the first number has been read. */
static bool
read_iso_group(const char **at, const char *end, const struct token *first, bool is_time,
               struct total *total)
{
    static const enum unit dates[] = {UNIT_YEAR, UNIT_MONTH, UNIT_DAY};
    static const enum unit times[] = {UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND};
    const enum unit *order = is_time ? times : dates;
    add_unit(total, order[0], first);
    for (int i = 1; i < 3 && *at < end && **at == (is_time ? ':' : '-'); i++) {
        (*at)++;
        struct token token = {.kind = TOKEN_NUMBER, .is_minus = first->is_minus};
        if (!read_number(at, end, &token)) {
            return false;
        }
        add_unit(total, order[i], &token);
    }
    return *at == end || (!is_time && **at == 'T');
}

/* P1Y2M3W4DT5H6M7.8S, P0001-02-03T04:05:06 */
static enum outcome
read_iso(const char *at, const char *end, struct total *total)
{
    bool is_time = false;
    bool has_value = false;
    while (at < end) {
        if (*at == 'T' && !is_time) {
            is_time = true;
            has_value = false;
            at++;
            continue;
        }
        struct token token = {.kind = TOKEN_NUMBER};
        if (*at == '-' || *at == '+') {
            token.is_minus = *at++ == '-';
        }
        if (!read_number(&at, end, &token)) {
            return OUT_SYNTAX;
        }
        if (at < end && *at == (is_time ? ':' : '-')) {
            if (has_value || !read_iso_group(&at, end, &token, is_time, total)) {
                return OUT_SYNTAX;
            }
            has_value = true;
            continue;
        }
        if (at == end) {
            return OUT_SYNTAX;
        }
        enum unit unit = UNIT_NONE;
        switch (*at++) {
        case 'Y':
            unit = is_time ? UNIT_NONE : UNIT_YEAR;
            break;
        case 'M':
            unit = is_time ? UNIT_MINUTE : UNIT_MONTH;
            break;
        case 'W':
            unit = is_time ? UNIT_NONE : UNIT_WEEK;
            break;
        case 'D':
            unit = is_time ? UNIT_NONE : UNIT_DAY;
            break;
        case 'H':
            unit = is_time ? UNIT_HOUR : UNIT_NONE;
            break;
        case 'S':
            unit = is_time ? UNIT_SECOND : UNIT_NONE;
            break;
        default:
            break;
        }
        if (unit == UNIT_NONE) {
            return OUT_SYNTAX;
        }
        add_unit(total, unit, &token);
        has_value = true;
    }
    return has_value ? OUT_OK : OUT_SYNTAX;
}

static enum outcome
read_all(const char *at, const char *end, int range, int style, struct total *total)
{
    struct token tokens[TOKEN_COUNT_MAX];
    int count = 0;
    if (at < end && *at == 'P') {
        return read_iso(at + 1, end, total);
    }
    while (at < end) {
        if (isspace((unsigned char)*at) || *at == '@' || *at == ',') {
            at++;
            continue;
        }
        if (count == TOKEN_COUNT_MAX) {
            return OUT_SYNTAX;
        }
        tokens[count] = (struct token){.kind = TOKEN_NUMBER};
        enum outcome outcome = read_token(&at, end, &tokens[count++], range);
        if (outcome != OUT_OK) {
            return outcome;
        }
    }
    return add_tokens(tokens, count, range, style, total);
}

ky_status
interval_parse(struct ky_slice text, int32_t typmod, int style, struct interval *out,
               struct ky_error *err)
{
    const char *at = text.data;
    const char *end = at + text.size;
    while (at < end && isspace((unsigned char)*at)) {
        at++;
    }
    while (end > at && isspace((unsigned char)end[-1])) {
        end--;
    }
    struct total total = {0, 0, 0};
    int range = typmod < 0 ? INTERVAL_RANGE_ALL : (typmod >> 16) & INTERVAL_RANGE_ALL;
    enum outcome outcome = read_all(at, end, range, style, &total);
    if (outcome == OUT_SYNTAX) {
        return datetime_error_syntax(err, "interval", text);
    }
    if (outcome == OUT_RANGE || total.time_us > INT64_MAX || total.time_us < INT64_MIN ||
        total.days > INT32_MAX || total.days < INT32_MIN || total.months > INT32_MAX ||
        total.months < INT32_MIN) {
        return ky_error_set(err, KY_INTERVAL_FIELD_OVERFLOW,
                            "interval field value out of range: \"%.*s\"",
                            (int)KY_MIN(text.size, 400), (const char *)text.data);
    }
    *out = (struct interval){(int64_t)total.time_us, (int32_t)total.days, (int32_t)total.months};
    return KY_OK;
}
