/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/to_char.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "server/func/datetime_unit.h"
#include "server/func/utext.h"

/*
 * to_char of times and intervals, to_date and to_timestamp: one table of template words, walked
 * once to print and once to read. The letter case of a word that gives text is the text's case.
 */

enum word {
    WORD_NONE,
    WORD_YEAR,
    WORD_YEAR_COMMA,
    WORD_ISO_YEAR,
    WORD_CENTURY,
    WORD_QUARTER,
    WORD_MONTH_NAME,
    WORD_MONTH_SHORT,
    WORD_MONTH,
    WORD_ROMAN,
    WORD_DAY_NAME,
    WORD_DAY_SHORT,
    WORD_DAY_OF_YEAR,
    WORD_DAY,
    WORD_WEEKDAY,
    WORD_ISO_WEEKDAY,
    WORD_ISO_WEEK,
    WORD_WEEK,
    WORD_WEEK_OF_MONTH,
    WORD_JULIAN,
    WORD_HOUR24,
    WORD_HOUR12,
    WORD_MINUTE,
    WORD_SECOND,
    WORD_MILLISECOND,
    WORD_MICROSECOND,
    WORD_FRACTION,
    WORD_DAY_SECOND,
    WORD_MERIDIEM,
    WORD_ERA,
    WORD_ZONE,
    WORD_ZONE_HOUR,
    WORD_ZONE_MINUTE,
    WORD_OFFSET,
};

/* Longer words before their prefixes. */
static const struct template_word {
    char text[6];
    enum word word;
    int width;
} template_words[] = {
    {"y,yyy", WORD_YEAR_COMMA, 5}, {"yyyy", WORD_YEAR, 4},        {"yyy", WORD_YEAR, 3},
    {"yy", WORD_YEAR, 2},          {"y", WORD_YEAR, 1},           {"iyyy", WORD_ISO_YEAR, 4},
    {"iyy", WORD_ISO_YEAR, 3},     {"iy", WORD_ISO_YEAR, 2},      {"id", WORD_ISO_WEEKDAY, 1},
    {"iw", WORD_ISO_WEEK, 2},      {"i", WORD_ISO_YEAR, 1},       {"cc", WORD_CENTURY, 2},
    {"q", WORD_QUARTER, 1},        {"month", WORD_MONTH_NAME, 9}, {"mon", WORD_MONTH_SHORT, 3},
    {"mm", WORD_MONTH, 2},         {"mi", WORD_MINUTE, 2},        {"ms", WORD_MILLISECOND, 3},
    {"rm", WORD_ROMAN, 4},         {"day", WORD_DAY_NAME, 9},     {"dy", WORD_DAY_SHORT, 3},
    {"ddd", WORD_DAY_OF_YEAR, 3},  {"dd", WORD_DAY, 2},           {"d", WORD_WEEKDAY, 1},
    {"ww", WORD_WEEK, 2},          {"w", WORD_WEEK_OF_MONTH, 1},  {"j", WORD_JULIAN, 7},
    {"hh24", WORD_HOUR24, 2},      {"hh12", WORD_HOUR12, 2},      {"hh", WORD_HOUR12, 2},
    {"sssss", WORD_DAY_SECOND, 5}, {"ssss", WORD_DAY_SECOND, 5},  {"ss", WORD_SECOND, 2},
    {"us", WORD_MICROSECOND, 6},   {"ff1", WORD_FRACTION, 1},     {"ff2", WORD_FRACTION, 2},
    {"ff3", WORD_FRACTION, 3},     {"ff4", WORD_FRACTION, 4},     {"ff5", WORD_FRACTION, 5},
    {"ff6", WORD_FRACTION, 6},     {"a.m.", WORD_MERIDIEM, 4},    {"p.m.", WORD_MERIDIEM, 4},
    {"am", WORD_MERIDIEM, 2},      {"pm", WORD_MERIDIEM, 2},      {"b.c.", WORD_ERA, 4},
    {"a.d.", WORD_ERA, 4},         {"bc", WORD_ERA, 2},           {"ad", WORD_ERA, 2},
    {"tzh", WORD_ZONE_HOUR, 2},    {"tzm", WORD_ZONE_MINUTE, 2},  {"tz", WORD_ZONE, 3},
    {"of", WORD_OFFSET, 3},
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const romans[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                     "VII", "VIII", "IX",  "X",  "XI", "XII"};

/* The next piece of a template: a word, or one literal character. */
struct piece {
    const struct template_word *word; /* NULL: literal */
    struct ky_slice text;             /* as written */
    bool is_fill;                     /* FM */
    bool has_ordinal;                 /* TH, th */
    bool is_upper_ordinal;
};

static bool
starts(struct ky_slice text, size_t at, const char *word)
{
    const size_t size = strlen(word);
    return text.size - at >= size && strncasecmp((const char *)text.data + at, word, size) == 0;
}

static bool
next_piece(struct ky_slice template, size_t *at, bool *is_quoted, struct piece *piece)
{
    const char *p = template.data;
    *piece = (struct piece){0};
    while (*at < template.size && p[*at] == '"') {
        *is_quoted = !*is_quoted;
        (*at)++;
    }
    if (*at >= template.size) {
        return false;
    }
    /* Small, if it is the letter that a word may begin with. */
    char first = (char)(p[*at] | 0x20);
    if (!*is_quoted && first >= 'a' && first <= 'z') {
        while (starts(template, *at, "fm") || starts(template, *at, "tm") ||
               starts(template, *at, "fx")) {
            piece->is_fill |= p[*at + 1] == 'm' || p[*at + 1] == 'M';
            *at += 2;
        }
        first = (char)(*at < template.size ? p[*at] | 0x20 : '\0');
        for (size_t i = 0; i < KY_COUNT_OF(template_words); i++) {
            if (template_words[i].text[0] == first &&
                starts(template, *at, template_words[i].text)) {
                const size_t size = strlen(template_words[i].text);
                piece->word = &template_words[i];
                piece->text = slice_part(template, *at, *at + size);
                *at += size;
                piece->has_ordinal = starts(template, *at, "th");
                piece->is_upper_ordinal = piece->has_ordinal && p[*at] == 'T';
                *at += piece->has_ordinal ? 2 : 0;
                return true;
            }
        }
    }
    if (*at >= template.size) {
        return false;
    }
    if (p[*at] == '\\' && *at + 1 < template.size && p[*at + 1] == '"') {
        (*at)++; /* the quote itself */
    }
    const size_t size = KY_MIN(utext_size((uint8_t)p[*at]), template.size - *at);
    piece->text = slice_part(template, *at, *at + size);
    *at += size;
    return true;
}

/* What is printed. */
struct moment {
    int64_t year, month, day, hour, minute, second, microsecond;
    int64_t days; /* since 2000-01-01 */
    int offset;   /* seconds east */
    const char *zone;
    bool is_interval;
};

static void
append_name(const char *name, const struct piece *piece, int width, struct ky_buffer *out)
{
    const char *as = piece->text.data;
    const bool is_upper = as[0] >= 'A' && as[0] <= 'Z';
    const bool is_all_upper = is_upper && as[1] >= 'A' && as[1] <= 'Z';
    size_t size = strlen(name);
    size = piece->word->word == WORD_MONTH_SHORT || piece->word->word == WORD_DAY_SHORT ? 3 : size;
    for (size_t i = 0; i < size; i++) {
        uint32_t c = (uint8_t)name[i];
        c = is_all_upper || (is_upper && i == 0) ? utext_upper(c) : utext_lower(c);
        ky_buffer_append_byte(out, (uint8_t)c);
    }
    for (size_t i = size; !piece->is_fill && i < (size_t)width; i++) {
        ky_buffer_append_byte(out, ' ');
    }
}

static int64_t
power_of_ten(int exponent)
{
    int64_t result = 1;
    while (exponent-- > 0) {
        result *= 10;
    }
    return result;
}

static void
append_number(int64_t value, int width, const struct piece *piece, struct ky_buffer *out)
{
    if (piece->is_fill) {
        ky_buffer_printf(out, "%lld", (long long)value);
    } else if (value >= 0 && value < power_of_ten(width)) {
        uint8_t *digits = ky_buffer_extend(out, (size_t)width);
        int64_t rest = value;
        for (int i = width; i > 0; i--, rest /= 10) {
            digits[i - 1] = (uint8_t)('0' + rest % 10);
        }
    } else {
        ky_buffer_printf(out, "%0*lld", width + (value < 0), (long long)value);
    }
    if (piece->has_ordinal) {
        const int64_t last = llabs(value) % 10;
        const bool is_teen = llabs(value) / 10 % 10 == 1;
        const char *suffix = is_teen     ? "th"
                             : last == 1 ? "st"
                             : last == 2 ? "nd"
                             : last == 3 ? "rd"
                                         : "th";
        for (int i = 0; i < 2; i++) {
            const uint32_t c = (uint8_t)suffix[i];
            ky_buffer_append_byte(out, (uint8_t)(piece->is_upper_ordinal ? utext_upper(c) : c));
        }
    }
}

static void
append_mark(const struct piece *piece, const char *plain, const char *dotted, struct ky_buffer *out)
{
    const char *mark = piece->word->width == 4 ? dotted : plain;
    const bool is_upper = *(const char *)piece->text.data <= 'Z';
    for (; *mark != '\0'; mark++) {
        const uint32_t c = (uint8_t)*mark;
        ky_buffer_append_byte(out, (uint8_t)(is_upper ? utext_upper(c) : c));
    }
}

static void
append_year(int64_t year, const struct piece *piece, struct ky_buffer *out)
{
    const int width = piece->word->width;
    year = year <= 0 && width == 4 ? 1 - year : year;
    if (width < 4) {
        year = llabs(year) % power_of_ten(width);
    }
    append_number(year, width, piece, out);
}

static void
print_zone(const struct moment *m, const struct piece *piece, struct ky_buffer *out)
{
    const int hours = abs(m->offset) / 3600;
    const int minutes = abs(m->offset) / 60 % 60;
    const char sign = m->offset < 0 ? '-' : '+';
    switch (piece->word->word) {
    case WORD_ZONE_HOUR:
        ky_buffer_printf(out, "%c%02d", sign, hours);
        break;
    case WORD_ZONE_MINUTE:
        ky_buffer_printf(out, "%02d", minutes);
        break;
    case WORD_OFFSET:
        ky_buffer_printf(out, "%c%02d", sign, hours);
        if (minutes != 0) {
            ky_buffer_printf(out, ":%02d", minutes);
        }
        break;
    default:
        append_mark(piece, m->zone, m->zone, out);
    }
}

static void
print_time(const struct moment *m, const struct piece *piece, struct ky_buffer *out)
{
    const int width = piece->word->width;
    switch (piece->word->word) {
    case WORD_HOUR24:
        append_number(m->hour, width, piece, out);
        break;
    case WORD_HOUR12:
        append_number(m->hour % 12 == 0 ? 12 : m->hour % 12, width, piece, out);
        break;
    case WORD_MINUTE:
        append_number(m->minute, width, piece, out);
        break;
    case WORD_SECOND:
        append_number(m->second, width, piece, out);
        break;
    case WORD_MILLISECOND:
        append_number(m->microsecond / 1000, width, piece, out);
        break;
    case WORD_MICROSECOND:
        append_number(m->microsecond, width, piece, out);
        break;
    case WORD_FRACTION:
        append_number(m->microsecond / power_of_ten(6 - width), width, piece, out);
        break;
    case WORD_DAY_SECOND:
        append_number(m->hour * 3600 + m->minute * 60 + m->second, 1, piece, out);
        break;
    case WORD_MERIDIEM:
        append_mark(piece, m->hour % 24 < 12 ? "am" : "pm", m->hour % 24 < 12 ? "a.m." : "p.m.",
                    out);
        break;
    default:
        print_zone(m, piece, out);
    }
}

static int64_t
year_day(const struct moment *m)
{
    return m->is_interval ? m->day : m->days - date_from_civil((int)m->year, 1, 1) + 1;
}

static void
print_word(const struct moment *m, const struct piece *piece, struct ky_buffer *out)
{
    const int width = piece->word->width;
    const int64_t weekday = m->days + 6 - floor_div(m->days + 6, 7) * 7; /* Sunday 0 */
    int iso_year;
    switch (piece->word->word) {
    case WORD_YEAR:
        append_year(m->year, piece, out);
        break;
    case WORD_YEAR_COMMA:
        ky_buffer_printf(out, "%lld,%03lld", (long long)(m->year / 1000),
                         (long long)(m->year % 1000));
        break;
    case WORD_ISO_YEAR:
        (void)datetime_iso_week(m->days, &iso_year);
        append_year(iso_year, piece, out);
        break;
    case WORD_CENTURY:
        append_number(m->year > 0 ? (m->year + 99) / 100 : m->year / 100 - 1, width, piece, out);
        break;
    case WORD_QUARTER:
        append_number((m->month - 1) / 3 + 1, width, piece, out);
        break;
    case WORD_MONTH_NAME:
    case WORD_MONTH_SHORT:
        append_name(month_names[KY_MAX(m->month, 1) - 1], piece, width, out);
        break;
    case WORD_MONTH:
        append_number(m->month, width, piece, out);
        break;
    case WORD_ROMAN:
        append_name(romans[KY_MAX(m->month, 1) - 1], piece, width, out);
        break;
    case WORD_DAY_NAME:
    case WORD_DAY_SHORT:
        append_name(day_names[weekday], piece, width, out);
        break;
    /* As in PostgreSQL, the sign of an interval's day is a part of its width. */
    case WORD_DAY_OF_YEAR:
        append_number(year_day(m), width - (year_day(m) < 0), piece, out);
        break;
    case WORD_DAY:
        append_number(m->day, width - (m->day < 0), piece, out);
        break;
    case WORD_WEEKDAY:
        append_number(weekday + 1, width, piece, out);
        break;
    case WORD_ISO_WEEKDAY:
        append_number(weekday == 0 ? 7 : weekday, width, piece, out);
        break;
    case WORD_ISO_WEEK:
        append_number(datetime_iso_week(m->days, &iso_year), width, piece, out);
        break;
    case WORD_WEEK:
        append_number((year_day(m) - 1) / 7 + 1, width, piece, out);
        break;
    case WORD_WEEK_OF_MONTH:
        append_number((m->day - 1) / 7 + 1, width, piece, out);
        break;
    case WORD_JULIAN:
        append_number(m->days + 2451545, 1, piece, out);
        break;
    case WORD_ERA:
        append_mark(piece, m->year <= 0 ? "bc" : "ad", m->year <= 0 ? "b.c." : "a.d.", out);
        break;
    default:
        print_time(m, piece, out);
    }
}

static struct datum
print_moment(struct func_env *env, const struct moment *moment, struct ky_slice template)
{
    struct ky_buffer text = {0};
    struct piece piece;
    bool is_quoted = false;
    for (size_t at = 0; next_piece(template, &at, &is_quoted, &piece);) {
        if (piece.word == NULL) {
            ky_buffer_append_slice(&text, piece.text);
        } else {
            print_word(moment, &piece, &text);
        }
    }
    return func_take_buffer(env, &text);
}

static struct datum
print_timestamp(struct func_env *env, int64_t local, int offset, const char *zone,
                struct ky_slice template)
{
    struct civil_time civil;
    timestamp_to_civil(local, &civil);
    const struct moment moment = {
        .year = civil.year,
        .month = civil.month,
        .day = civil.day,
        .hour = civil.hour,
        .minute = civil.minute,
        .second = civil.second,
        .microsecond = civil.microsecond,
        .days = floor_div(local, DATETIME_US_PER_DAY),
        .offset = offset,
        .zone = zone,
    };
    return print_moment(env, &moment, template);
}

SCALAR(to_char_timestamp)
{
    *out = timestamp_is_finite(args[0].word) && args[1].bytes.size > 0
               ? print_timestamp(env, args[0].word, 0, "", args[1].bytes)
               : datum_null();
    return KY_OK;
}

SCALAR(to_char_timestamptz)
{
    *out = datum_null();
    if (timestamp_is_finite(args[0].word) && args[1].bytes.size > 0) {
        const char *zone = "";
        int offset = timezone_offset_at(env->types.zone, args[0].word, &zone, NULL);
        const int64_t local = args[0].word + offset * INT64_C(1000000);
        *out = print_timestamp(env, local, offset, zone == NULL ? "" : zone, args[1].bytes);
    }
    return KY_OK;
}

SCALAR(to_char_interval)
{
    const struct interval value = interval_load(args[0].bytes);
    const struct moment moment = {
        .year = value.months / 12,
        .month = llabs(value.months % 12),
        .day = value.days,
        .hour = value.time_us / INT64_C(3600000000),
        .minute = value.time_us / 60000000 % 60,
        .second = value.time_us / 1000000 % 60,
        .microsecond = value.time_us % 1000000,
        .days = value.months * INT64_C(30) + value.days,
        .zone = "",
        .is_interval = true,
    };
    *out = args[1].bytes.size > 0 ? print_moment(env, &moment, args[1].bytes) : datum_null();
    return KY_OK;
}

/* Reading */

enum { ZONE_OFFSET_END = 16 * 3600 };

struct reading {
    struct ky_slice text;
    size_t at;
    int64_t year, month, day, year_day, hour, minute, second, microsecond, julian;
    int64_t offset; /* seconds east */
    bool is_afternoon, has_meridiem, is_bc, has_offset, has_julian, has_year_day;
    bool is_west;  /* of Greenwich: the offset is negative */
    bool is_exact; /* datetime_read_exactly */
    bool is_dated, is_timed;
};

static ky_status
read_number(struct reading *r, const struct piece *piece, int width, bool is_greedy, int64_t *value,
            int *digits_out, struct ky_error *err)
{
    const char *p = r->text.data;
    int64_t result = 0;
    int digits = 0;
    while (r->at < r->text.size && (is_greedy ? digits < 9 : digits < width) && p[r->at] >= '0' &&
           p[r->at] <= '9') {
        result = result * 10 + (p[r->at++] - '0');
        digits++;
    }
    if (digits == 0) {
        ky_error_set(err, KY_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%.*s\"",
                     (int)KY_MIN(r->text.size - r->at, (size_t)width), p + r->at,
                     (int)piece->text.size, (const char *)piece->text.data);
        return ky_error_detail(err, "Value must be an integer.");
    }
    *value = result;
    *digits_out = digits;
    return KY_OK;
}

static ky_status
read_name(struct reading *r, const struct piece *piece, const char *const *names, int count,
          bool is_short, int64_t *index_out, struct ky_error *err)
{
    const char *p = (const char *)r->text.data + r->at;
    const size_t left = r->text.size - r->at;
    for (int i = 0; i < count; i++) {
        const size_t size = is_short ? 3 : strlen(names[i]);
        if (left >= size && strncasecmp(p, names[i], size) == 0) {
            r->at += size;
            *index_out = i;
            return KY_OK;
        }
    }
    ky_error_set(err, KY_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%.*s\"",
                 (int)KY_MIN(left, (size_t)piece->word->width), p, (int)piece->text.size,
                 (const char *)piece->text.data);
    return ky_error_detail(err, "The given value did not match any of the allowed values for this "
                                "field.");
}

/* Two-digit years are those nearest 2020. */
static int64_t
full_year(int64_t year, int digits)
{
    if (digits > 3) {
        return year;
    }
    if (digits == 3) {
        return year >= 520 ? 1000 + year : 2000 + year;
    }
    return year < 70 ? 2000 + year : 1900 + year;
}

static ky_status
read_word(struct reading *r, const struct piece *piece, bool is_greedy, struct ky_error *err)
{
    static const char *const marks[] = {"a.m.", "p.m.", "am", "pm"};
    static const char *const eras[] = {"a.d.", "b.c.", "ad", "bc"};
    const int width = piece->word->width;
    int64_t value = 0;
    int digits = 0;
    switch (piece->word->word) {
    case WORD_MONTH_NAME:
    case WORD_MONTH_SHORT:
        KY_TRY(read_name(r, piece, month_names, 12, piece->word->word == WORD_MONTH_SHORT, &value,
                         err));
        r->month = value + 1;
        return KY_OK;
    case WORD_DAY_NAME:
    case WORD_DAY_SHORT:
        return read_name(r, piece, day_names, 7, piece->word->word == WORD_DAY_SHORT, &value, err);
    case WORD_MERIDIEM:
        KY_TRY(read_name(r, piece, marks, 4, false, &value, err));
        r->has_meridiem = true;
        r->is_afternoon = value % 2 == 1;
        return KY_OK;
    case WORD_ERA:
        KY_TRY(read_name(r, piece, eras, 4, false, &value, err));
        r->is_bc = value % 2 == 1;
        return KY_OK;
    case WORD_ZONE_HOUR: {
        const char *p = r->text.data;
        const bool has_sign = r->at < r->text.size && (p[r->at] == '-' || p[r->at] == '+');
        r->is_west = has_sign && p[r->at] == '-';
        r->at += has_sign;
        KY_TRY(read_number(r, piece, width, false, &value, &digits, err));
        r->offset = (r->is_west ? -3600 : 3600) * value;
        r->has_offset = true;
        return KY_OK;
    }
    default:
        break;
    }
    KY_TRY(read_number(r, piece, width, is_greedy, &value, &digits, err));
    switch (piece->word->word) {
    case WORD_YEAR:
        r->year = width < 4 || digits < 3 ? full_year(value, width < 4 ? digits : 4) : value;
        break;
    case WORD_MONTH:
        r->month = value;
        break;
    case WORD_DAY:
        r->day = value;
        break;
    case WORD_DAY_OF_YEAR:
        r->year_day = value;
        r->has_year_day = true;
        break;
    case WORD_JULIAN:
        r->julian = value;
        r->has_julian = true;
        break;
    case WORD_HOUR24:
        r->hour = value;
        break;
    case WORD_HOUR12:
        r->hour = value;
        break;
    case WORD_MINUTE:
        r->minute = value;
        break;
    case WORD_SECOND:
        r->second = value;
        break;
    case WORD_MILLISECOND:
    case WORD_MICROSECOND:
    case WORD_FRACTION:
        r->microsecond = value * power_of_ten(KY_MAX(6 - digits, 0));
        break;
    case WORD_DAY_SECOND:
        r->hour = value / 3600;
        r->minute = value / 60 % 60;
        r->second = value % 60;
        break;
    case WORD_ZONE_MINUTE:
        r->offset += (r->is_west ? -60 : 60) * value;
        if (value > 59) {
            r->offset = INT32_MAX; /* refused at the end */
        }
        break;
    default:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "formatting field \"%.*s\" is only supported in to_char",
                            (int)piece->text.size, (const char *)piece->text.data);
    }
    return KY_OK;
}

static bool
is_separator(char c)
{
    return (uint8_t)c < 0x80 && !utext_is_alnum((uint8_t)c);
}

static void
skip_spaces(struct reading *r)
{
    const char *p = r->text.data;
    while (r->at < r->text.size && p[r->at] == ' ') {
        r->at++;
    }
}

/* What a template has that stands for itself must stand in the text. */
static ky_status
read_exact_literal(struct reading *r, const struct piece *piece, bool is_quoted,
                   struct ky_error *err)
{
    const struct ky_slice literal = piece->text;
    if (!is_quoted && memchr("-./,':; ", *(const char *)literal.data, 8) == NULL) {
        return ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                            "invalid datetime format separator: \"%.*s\"", (int)literal.size,
                            (const char *)literal.data);
    }
    if (r->text.size - r->at < literal.size ||
        !ky_slice_equal(slice_part(r->text, r->at, r->at + literal.size), literal)) {
        return ky_error_set(err, KY_INVALID_DATETIME_FORMAT, "unmatched format %s \"%.*s\"",
                            is_quoted ? "character" : "separator", (int)literal.size,
                            (const char *)literal.data);
    }
    r->at += literal.size;
    return KY_OK;
}

static void
note_word(struct reading *r, enum word word)
{
    switch (word) {
    case WORD_HOUR24:
    case WORD_HOUR12:
    case WORD_MINUTE:
    case WORD_SECOND:
    case WORD_MILLISECOND:
    case WORD_MICROSECOND:
    case WORD_FRACTION:
    case WORD_DAY_SECOND:
    case WORD_MERIDIEM:
        r->is_timed = true;
        break;
    case WORD_ZONE:
    case WORD_ZONE_HOUR:
    case WORD_ZONE_MINUTE:
    case WORD_OFFSET:
        break;
    default:
        r->is_dated = true;
    }
}

static ky_status
read_template(struct reading *r, struct ky_slice template, struct ky_error *err)
{
    const char *p = r->text.data;
    struct piece piece;
    struct piece following;
    bool is_quoted = false;
    for (size_t at = 0; next_piece(template, &at, &is_quoted, &piece);) {
        if (r->is_exact && r->at >= r->text.size) {
            return ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                                "input string is too short for datetime format");
        }
        if (r->is_exact && piece.word == NULL) {
            KY_TRY(read_exact_literal(r, &piece, is_quoted, err));
            continue;
        }
        if (piece.word == NULL) {
            const char c = *(const char *)piece.text.data;
            const bool takes = r->at < r->text.size && (!is_separator(c) || is_separator(p[r->at]));
            if (takes && !(c == ' ' && p[r->at] != ' ' && !is_separator(p[r->at]))) {
                r->at += KY_MIN(utext_size((uint8_t)p[r->at]), r->text.size - r->at);
            }
            continue;
        }
        if (!r->is_exact) {
            skip_spaces(r);
        }
        if (r->at >= r->text.size) {
            break;
        }
        note_word(r, piece.word->word);
        /* A number ends where its digits end unless the next word follows at once. */
        size_t ahead = at;
        bool ahead_quoted = is_quoted;
        const bool has_more = next_piece(template, &ahead, &ahead_quoted, &following);
        const bool is_greedy = piece.is_fill || !has_more || following.word == NULL;
        KY_TRY(read_word(r, &piece, is_greedy, err));
    }
    if (r->is_exact) {
        skip_spaces(r);
        if (r->at < r->text.size) {
            return ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                                "trailing characters remain in input string after datetime "
                                "format");
        }
    }
    return KY_OK;
}

static ky_status
read_timestamp(struct ky_slice text, struct ky_slice template, struct reading *r, int64_t *days_out,
               int64_t *us_out, struct ky_error *err)
{
    *r = (struct reading){.text = text, .year = 0, .month = 1, .day = 1, .is_exact = r->is_exact};
    KY_TRY(read_template(r, template, err));
    if (r->has_meridiem) {
        if (r->hour < 1 || r->hour > 12) {
            ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                         "hour \"%d\" is invalid for the 12-hour clock", (int)r->hour);
            return ky_error_hint(err, "Use the 24-hour clock, or give an hour between 1 and 12.");
        }
        r->hour = r->hour % 12 + (r->is_afternoon ? 12 : 0);
    }
    const int64_t year = r->is_bc && r->year > 0 ? 1 - r->year : r->year;
    int back_year = 0;
    int back_month = 0;
    int back_day = 0;
    int64_t days = 0;
    if (r->month >= 1 && r->month <= 12 && r->day >= 1 && r->day <= 31 && year < 5900000) {
        days = date_from_civil((int)year, (int)r->month, (int)r->day);
        date_to_civil(days, &back_year, &back_month, &back_day);
    }
    if (r->has_year_day) {
        days = date_from_civil((int)year, 1, 1) + r->year_day - 1;
    } else if (r->has_julian) {
        days = r->julian - 2451545;
    } else if (back_month != r->month || back_day != r->day) {
        days = DATE_END;
    }
    if (days < DATE_MIN || days >= DATE_END || r->hour > 23 || r->minute > 59 || r->second > 59 ||
        r->microsecond > 999999) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW,
                            "date/time field value out of range: \"%.*s\"", (int)text.size,
                            (const char *)text.data);
    }
    if (r->offset <= -ZONE_OFFSET_END || r->offset >= ZONE_OFFSET_END) {
        return ky_error_set(err, KY_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                            "time zone displacement out of range: \"%.*s\"", (int)text.size,
                            (const char *)text.data);
    }
    *days_out = days;
    *us_out = ((r->hour * 60 + r->minute) * 60 + r->second) * INT64_C(1000000) + r->microsecond;
    return KY_OK;
}

SCALAR(to_date)
{
    struct reading reading = {0};
    int64_t days;
    int64_t us;
    KY_TRY(read_timestamp(args[0].bytes, args[1].bytes, &reading, &days, &us, err));
    *out = datum_word(days);
    return KY_OK;
}

SCALAR(to_timestamp)
{
    struct reading reading = {0};
    int64_t days;
    int64_t us;
    int64_t local;
    KY_TRY(read_timestamp(args[0].bytes, args[1].bytes, &reading, &days, &us, err));
    KY_TRY(datetime_from_date(days, &local, err));
    local += us;
    *out = datum_word(reading.has_offset ? local - reading.offset * INT64_C(1000000)
                                         : local_to_instant(env->types.zone, local));
    return KY_OK;
}

ky_status
datetime_read_exactly(struct ky_slice text, struct ky_slice template, struct exact_datetime *out,
                      struct ky_error *err)
{
    struct reading reading = {.is_exact = true};
    int64_t days;
    int64_t us;
    int64_t local;
    KY_TRY(read_timestamp(text, template, &reading, &days, &us, err));
    if (!reading.is_timed) {
        if (reading.has_offset || !reading.is_dated) {
            return ky_error_set(err, KY_INVALID_DATETIME_FORMAT,
                                reading.is_dated ? "datetime format is zoned but not timed"
                                                 : "datetime format is not dated and not timed");
        }
        *out = (struct exact_datetime){.type = OID_DATE, .moment = days};
        return KY_OK;
    }
    *out = (struct exact_datetime){.type = reading.has_offset ? OID_TIMETZ : OID_TIME,
                                   .zone_offset = (int32_t)reading.offset,
                                   .moment = us};
    if (reading.is_dated) {
        KY_TRY(datetime_from_date(days, &local, err));
        out->type = reading.has_offset ? OID_TIMESTAMPTZ : OID_TIMESTAMP;
        out->moment = local + us - reading.offset * INT64_C(1000000);
    }
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(2049, "to_char", OID_TEXT, 's', true, ARGS(OID_TIMESTAMP, OID_TEXT),
         .scalar = to_char_timestamp),
    FUNC(1770, "to_char", OID_TEXT, 's', true, ARGS(OID_TIMESTAMPTZ, OID_TEXT),
         .scalar = to_char_timestamptz),
    FUNC(1768, "to_char", OID_TEXT, 's', true, ARGS(OID_INTERVAL, OID_TEXT),
         .scalar = to_char_interval),
    FUNC(1780, "to_date", OID_DATE, 's', true, ARGS(OID_TEXT, OID_TEXT), .scalar = to_date),
    FUNC(1778, "to_timestamp", OID_TIMESTAMPTZ, 's', true, ARGS(OID_TEXT, OID_TEXT),
         .scalar = to_timestamp),
};

const struct func_table func_table_to_char = {funcs, KY_COUNT_OF(funcs), NULL, 0};
