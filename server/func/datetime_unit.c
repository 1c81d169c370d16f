/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/datetime_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/types/numeric.h"
#include "server/types/utf8.h"

/*
 * extract and date_part: a field of a date, time, timestamp or interval. A field is worked out once
 * as an integer with a decimal scale; extract makes it numeric, date_part a double.
 */

/* In the order of strcmp. */
static const struct unit_word {
    const char *word;
    enum unit unit;
} words[] = {
    {"c", UNIT_CENTURY},
    {"cent", UNIT_CENTURY},
    {"centuries", UNIT_CENTURY},
    {"century", UNIT_CENTURY},
    {"d", UNIT_DAY},
    {"day", UNIT_DAY},
    {"days", UNIT_DAY},
    {"dec", UNIT_DECADE},
    {"decade", UNIT_DECADE},
    {"decades", UNIT_DECADE},
    {"decs", UNIT_DECADE},
    {"dow", UNIT_DOW},
    {"doy", UNIT_DOY},
    {"epoch", UNIT_EPOCH},
    {"h", UNIT_HOUR},
    {"hour", UNIT_HOUR},
    {"hours", UNIT_HOUR},
    {"hr", UNIT_HOUR},
    {"hrs", UNIT_HOUR},
    {"isodow", UNIT_ISODOW},
    {"isoyear", UNIT_ISOYEAR},
    {"jd", UNIT_JULIAN},
    {"julian", UNIT_JULIAN},
    {"m", UNIT_MINUTE},
    {"microsecond", UNIT_MICROSECOND},
    {"microseconds", UNIT_MICROSECOND},
    {"mil", UNIT_MILLENNIUM},
    {"millennia", UNIT_MILLENNIUM},
    {"millennium", UNIT_MILLENNIUM},
    {"millisecond", UNIT_MILLISECOND},
    {"milliseconds", UNIT_MILLISECOND},
    {"mils", UNIT_MILLENNIUM},
    {"min", UNIT_MINUTE},
    {"mins", UNIT_MINUTE},
    {"minute", UNIT_MINUTE},
    {"minutes", UNIT_MINUTE},
    {"mm", UNIT_MINUTE},
    {"mon", UNIT_MONTH},
    {"mons", UNIT_MONTH},
    {"month", UNIT_MONTH},
    {"months", UNIT_MONTH},
    {"ms", UNIT_MILLISECOND},
    {"msec", UNIT_MILLISECOND},
    {"mseconds", UNIT_MILLISECOND},
    {"msecs", UNIT_MILLISECOND},
    {"qtr", UNIT_QUARTER},
    {"quarter", UNIT_QUARTER},
    {"s", UNIT_SECOND},
    {"sec", UNIT_SECOND},
    {"second", UNIT_SECOND},
    {"seconds", UNIT_SECOND},
    {"secs", UNIT_SECOND},
    {"timezone", UNIT_TIMEZONE},
    {"timezone_hour", UNIT_TIMEZONE_HOUR},
    {"timezone_minute", UNIT_TIMEZONE_MINUTE},
    {"us", UNIT_MICROSECOND},
    {"usec", UNIT_MICROSECOND},
    {"useconds", UNIT_MICROSECOND},
    {"usecs", UNIT_MICROSECOND},
    {"w", UNIT_WEEK},
    {"week", UNIT_WEEK},
    {"weeks", UNIT_WEEK},
    {"y", UNIT_YEAR},
    {"year", UNIT_YEAR},
    {"years", UNIT_YEAR},
    {"yr", UNIT_YEAR},
    {"yrs", UNIT_YEAR},
};

enum { WORD_SIZE_MAX = 16 };

static int
compare_word(const void *word, const void *entry)
{
    return strcmp(word, ((const struct unit_word *)entry)->word);
}

enum unit
datetime_unit(struct ky_slice word)
{
    char lower[WORD_SIZE_MAX];
    if (word.size >= sizeof(lower) || memchr(word.data, '\0', word.size) != NULL) {
        return UNIT_UNKNOWN;
    }
    for (size_t i = 0; i < word.size; i++) {
        const char c = ((const char *)word.data)[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    lower[word.size] = '\0';
    const struct unit_word *found =
        bsearch(lower, words, KY_COUNT_OF(words), sizeof(words[0]), compare_word);
    return found == NULL ? UNIT_UNKNOWN : found->unit;
}

ky_status
datetime_unit_error(enum unit unit, struct ky_slice word, oid_t type, struct ky_error *err)
{
    enum { SHOWN_SIZE_MAX = 63 };
    char shown[SHOWN_SIZE_MAX + 1];
    const size_t size = utf8_cut(word, SHOWN_SIZE_MAX);
    for (size_t i = 0; i < size; i++) {
        const char c = ((const char *)word.data)[i];
        shown[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    shown[size] = '\0';
    return unit == UNIT_UNKNOWN ? ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                               "unit \"%s\" not recognized for type %s", shown,
                                               type_get(type)->sql_name)
                                : ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                               "unit \"%s\" not supported for type %s", shown,
                                               type_get(type)->sql_name);
}

int
datetime_iso_week(int64_t days, int *iso_year_out)
{
    int64_t weekday =
        (days + 5) - floor_div(days + 5, 7) * 7; /* Monday 0; 2000-01-01 is Saturday */
    int64_t thursday = days - weekday + 3;
    int month;
    int day;
    date_to_civil(thursday, iso_year_out, &month, &day);
    return (int)((thursday - date_from_civil(*iso_year_out, 1, 1)) / 7) + 1;
}

/* A field: value / 10^scale; or infinite; or null. */
struct field {
    int64_t value;
    int scale;
    int infinity; /* -1, 1 */
    bool is_null;
};

static bool
time_field(enum unit unit, int64_t us, struct field *field)
{
    switch (unit) {
    case UNIT_MICROSECOND:
        field->value = us % 60000000;
        return true;
    case UNIT_MILLISECOND:
        field->value = us % 60000000;
        field->scale = 3;
        return true;
    case UNIT_SECOND:
        field->value = us % 60000000;
        field->scale = 6;
        return true;
    case UNIT_MINUTE:
        field->value = us / 60000000 % 60;
        return true;
    case UNIT_HOUR:
        field->value = us / INT64_C(3600000000);
        return true;
    default:
        return false;
    }
}

static int64_t
decade_of(int64_t year)
{
    return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

static int64_t
century_of(int64_t year, int64_t size)
{
    return year > 0 ? (year + size - 1) / size : -((size - 1 - (year - 1)) / size);
}

static bool
date_field(enum unit unit, int64_t days, struct field *field)
{
    int year;
    int month;
    int day;
    date_to_civil(days, &year, &month, &day);
    switch (unit) {
    case UNIT_DAY:
        field->value = day;
        return true;
    case UNIT_MONTH:
        field->value = month;
        return true;
    case UNIT_QUARTER:
        field->value = (month - 1) / 3 + 1;
        return true;
    case UNIT_YEAR:
        field->value = year > 0 ? year : year - 1;
        return true;
    case UNIT_DECADE:
        field->value = decade_of(year);
        return true;
    case UNIT_CENTURY:
        field->value = century_of(year, 100);
        return true;
    case UNIT_MILLENNIUM:
        field->value = century_of(year, 1000);
        return true;
    case UNIT_WEEK:
        field->value = datetime_iso_week(days, &year);
        return true;
    case UNIT_ISOYEAR:
        datetime_iso_week(days, &year);
        field->value = year > 0 ? year : year - 1;
        return true;
    case UNIT_DOW:
        field->value = days + 6 - floor_div(days + 6, 7) * 7;
        return true;
    case UNIT_ISODOW:
        field->value = days + 5 - floor_div(days + 5, 7) * 7 + 1;
        return true;
    case UNIT_DOY:
        field->value = days - date_from_civil(year, 1, 1) + 1;
        return true;
    case UNIT_JULIAN:
        field->value = days + 2451545;
        return true;
    default:
        return false;
    }
}

/* Fields that grow with time keep an infinity; the others are null. */
static void
infinite_field(enum unit unit, bool is_positive, struct field *field)
{
    switch (unit) {
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM:
    case UNIT_JULIAN:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH:
        field->infinity = is_positive ? 1 : -1;
        break;
    default:
        field->is_null = true;
    }
}

static bool
zone_field(enum unit unit, int offset, struct field *field)
{
    switch (unit) {
    case UNIT_TIMEZONE:
        field->value = offset;
        return true;
    case UNIT_TIMEZONE_HOUR:
        field->value = offset / 3600;
        return true;
    case UNIT_TIMEZONE_MINUTE:
        field->value = offset / 60 % 60;
        return true;
    default:
        return false;
    }
}

static bool
timestamp_field(enum unit unit, int64_t local, struct field *field)
{
    if (!timestamp_is_finite(local)) {
        infinite_field(unit, local > 0, field);
        return unit != UNIT_UNKNOWN;
    }
    int64_t days = floor_div(local, DATETIME_US_PER_DAY);
    int64_t us = local - days * DATETIME_US_PER_DAY;
    return time_field(unit, us, field) || date_field(unit, days, field);
}

static int64_t
epoch_us(int64_t timestamp)
{
    int64_t result;
    if (__builtin_add_overflow(timestamp, DATETIME_UNIX_TO_2000_US, &result)) {
        return INT64_MAX;
    }
    return result;
}

static bool
interval_field(enum unit unit, struct interval value, struct field *field)
{
    if (time_field(unit, value.time_us, field)) {
        return true;
    }
    const int64_t years = value.months / 12;
    switch (unit) {
    case UNIT_DAY:
        field->value = value.days;
        return true;
    case UNIT_MONTH:
        field->value = value.months % 12;
        return true;
    case UNIT_QUARTER:
        field->value = value.months % 12 / 3 + 1;
        return true;
    case UNIT_YEAR:
        field->value = years;
        return true;
    case UNIT_DECADE:
        field->value = years / 10;
        return true;
    case UNIT_CENTURY:
        field->value = years / 100;
        return true;
    case UNIT_MILLENNIUM:
        field->value = years / 1000;
        return true;
    case UNIT_EPOCH: {
        int64_t quarter_days =
            1461 * years + 120 * (int64_t)(value.months % 12) + 4 * (int64_t)value.days;
        __int128 us = (__int128)quarter_days * 21600 * 1000000 + value.time_us;
        field->value = us > INT64_MAX ? INT64_MAX : us < INT64_MIN ? INT64_MIN : (int64_t)us;
        field->scale = 6;
        return true;
    }
    default:
        return false;
    }
}

static ky_status
find_field(struct func_env *env, const struct datum *args, oid_t type, bool is_extract,
           struct field *field, struct ky_error *err)
{
    const enum unit unit = datetime_unit(args[0].bytes);
    const int64_t value = args[1].word;
    bool is_known = false;
    *field = (struct field){0};
    switch (type) {
    case OID_DATE:
        if (!date_is_finite(value)) {
            infinite_field(unit, value > 0, field);
            is_known = unit != UNIT_UNKNOWN;
        } else if (unit == UNIT_EPOCH) {
            field->value = (value + 10957) * 86400;
            is_known = true;
        } else {
            is_known =
                date_field(unit, value, field) || (!is_extract && time_field(unit, 0, field));
        }
        break;
    case OID_TIME:
        if (unit == UNIT_EPOCH) {
            field->value = value;
            field->scale = 6;
            is_known = true;
        } else {
            is_known = time_field(unit, value, field);
        }
        break;
    case OID_TIMETZ: {
        const int64_t us = (int64_t)ky_load_le64(args[1].bytes.data);
        const int west = (int)ky_load_le32((const uint8_t *)args[1].bytes.data + 8);
        if (unit == UNIT_EPOCH) {
            field->value = us + west * INT64_C(1000000);
            field->scale = 6;
            is_known = true;
        } else {
            is_known = time_field(unit, us, field) || zone_field(unit, -west, field);
        }
        break;
    }
    case OID_INTERVAL:
        is_known = interval_field(unit, interval_load(args[1].bytes), field);
        break;
    default: {
        const bool has_zone = type == OID_TIMESTAMPTZ;
        if (unit == UNIT_EPOCH && timestamp_is_finite(value)) {
            field->value = epoch_us(value);
            field->scale = 6;
            is_known = true;
        } else if (has_zone && timestamp_is_finite(value) &&
                   zone_field(unit, timezone_offset_at(env->types.zone, value, NULL, NULL),
                              field)) {
            is_known = true;
        } else {
            int64_t local = has_zone ? instant_to_local(env->types.zone, value) : value;
            is_known = timestamp_field(unit, local, field);
        }
    }
    }
    return is_known ? KY_OK : datetime_unit_error(unit, args[0].bytes, type, err);
}

/* julian of a timestamp has the time as its fraction; this is the time. */
static int64_t
julian_time(const struct datum *args, const struct func_env *env, oid_t type)
{
    int64_t local =
        type == OID_TIMESTAMPTZ ? instant_to_local(env->types.zone, args[1].word) : args[1].word;
    return local - floor_div(local, DATETIME_US_PER_DAY) * DATETIME_US_PER_DAY;
}

static ky_status
extract_julian(struct func_env *env, const struct datum *args, oid_t type, int64_t days,
               struct datum *out, struct ky_error *err)
{
    struct ky_arena *arena = env->types.arena;
    struct ky_slice time = numeric_from_int64(arena, julian_time(args, env, type));
    struct ky_slice fraction;
    struct ky_slice result;
    KY_TRY(
        numeric_div(arena, time, numeric_from_int64(arena, DATETIME_US_PER_DAY), &fraction, err));
    KY_TRY(numeric_add(arena, numeric_from_int64(arena, days), fraction, &result, err));
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

static bool
is_timestamp_julian(const struct datum *args, const struct field *field, oid_t type)
{
    return (type == OID_TIMESTAMP || type == OID_TIMESTAMPTZ) && field->infinity == 0 &&
           datetime_unit(args[0].bytes) == UNIT_JULIAN;
}

static ky_status
date_part(struct func_env *env, const struct datum *args, oid_t type, struct datum *out,
          struct ky_error *err)
{
    static const double powers[] = {1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6};
    struct field field;
    KY_TRY(find_field(env, args, type, false, &field, err));
    if (field.is_null) {
        *out = datum_null();
    } else if (field.infinity != 0) {
        *out = datum_real(field.infinity * __builtin_inf());
    } else if (is_timestamp_julian(args, &field, type)) {
        *out = datum_real((double)field.value +
                          (double)julian_time(args, env, type) / (double)DATETIME_US_PER_DAY);
    } else {
        *out = datum_real((double)field.value / powers[field.scale]);
    }
    return KY_OK;
}

static ky_status
extract(struct func_env *env, const struct datum *args, oid_t type, struct datum *out,
        struct ky_error *err)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    struct field field;
    KY_TRY(find_field(env, args, type, true, &field, err));
    if (field.is_null) {
        *out = datum_null();
        return KY_OK;
    }
    if (is_timestamp_julian(args, &field, type)) {
        return extract_julian(env, args, type, field.value, out, err);
    }
    if (field.infinity == 0 && field.scale == 0) {
        *out = (struct datum){.bytes = numeric_from_int64(env->types.arena, field.value)};
        return KY_OK;
    }
    char text[64];
    if (field.infinity != 0) {
        snprintf(text, sizeof(text), "%s", field.infinity > 0 ? "Infinity" : "-Infinity");
    } else {
        const int64_t unit = powers[field.scale];
        const char *sign = field.value < 0 ? "-" : "";
        uint64_t size = field.value < 0 ? 0 - (uint64_t)field.value : (uint64_t)field.value;
        snprintf(text, sizeof(text), "%s%llu.%0*llu", sign,
                 (unsigned long long)(size / (uint64_t)unit), field.scale,
                 (unsigned long long)(size % (uint64_t)unit));
    }
    const struct type *numeric = type_get(OID_NUMERIC);
    return numeric->input(numeric, &env->types, ky_slice_cstr(text), -1, out, err);
}

#define PART_OF(name, oid)                          \
    SCALAR(date_part_##name)                        \
    {                                               \
        return date_part(env, args, oid, out, err); \
    }                                               \
    SCALAR(extract_##name)                          \
    {                                               \
        return extract(env, args, oid, out, err);   \
    }
SCALAR(extract_date)
{
    return extract(env, args, OID_DATE, out, err);
}

/* As of the midnight that begins it. */
SCALAR(date_part_of_date)
{
    struct datum as_timestamp[2] = {args[0], args[1]};
    int64_t timestamp;
    KY_TRY(datetime_from_date(args[1].word, &timestamp, err));
    as_timestamp[1] = datum_word(timestamp);
    return date_part(env, as_timestamp, OID_TIMESTAMP, out, err);
}

PART_OF(time, OID_TIME)
PART_OF(timetz, OID_TIMETZ)
PART_OF(timestamp, OID_TIMESTAMP)
PART_OF(timestamptz, OID_TIMESTAMPTZ)
PART_OF(interval, OID_INTERVAL)

/* date_trunc: the start of the unit a local timestamp lies in. */
static bool
truncate_local(enum unit unit, int64_t local, int64_t *out)
{
    int64_t days = floor_div(local, DATETIME_US_PER_DAY);
    int64_t us = local - days * DATETIME_US_PER_DAY;
    int year;
    int month;
    int day;
    date_to_civil(days, &year, &month, &day);
    int64_t first = days;
    switch (unit) {
    case UNIT_MICROSECOND:
        *out = local;
        return true;
    case UNIT_MILLISECOND:
        *out = local - us % 1000;
        return true;
    case UNIT_SECOND:
        *out = local - us % 1000000;
        return true;
    case UNIT_MINUTE:
        *out = local - us % 60000000;
        return true;
    case UNIT_HOUR:
        *out = local - us % INT64_C(3600000000);
        return true;
    case UNIT_DAY:
        break;
    case UNIT_WEEK:
        first = days - (days + 5 - floor_div(days + 5, 7) * 7);
        break;
    case UNIT_MONTH:
        first = date_from_civil(year, month, 1);
        break;
    case UNIT_QUARTER:
        first = date_from_civil(year, (month - 1) / 3 * 3 + 1, 1);
        break;
    case UNIT_YEAR:
        first = date_from_civil(year, 1, 1);
        break;
    case UNIT_DECADE:
        first = date_from_civil((int)decade_of(year) * 10, 1, 1);
        break;
    case UNIT_CENTURY:
        first = date_from_civil(
            (int)(year > 0 ? century_of(year, 100) * 100 - 99 : century_of(year, 100) * 100 + 1), 1,
            1);
        break;
    case UNIT_MILLENNIUM:
        first = date_from_civil((int)(year > 0 ? century_of(year, 1000) * 1000 - 999
                                               : century_of(year, 1000) * 1000 + 1),
                                1, 1);
        break;
    default:
        return false;
    }
    *out = first * DATETIME_US_PER_DAY;
    return true;
}

SCALAR(trunc_timestamp)
{
    const enum unit unit = datetime_unit(args[0].bytes);
    *out = args[1];
    if (timestamp_is_finite(args[1].word) && !truncate_local(unit, args[1].word, &out->word)) {
        return datetime_unit_error(unit, args[0].bytes, OID_TIMESTAMP, err);
    }
    return KY_OK;
}

static ky_status
trunc_instant(const struct timezone *zone, const struct datum *args, struct datum *out,
              struct ky_error *err)
{
    const enum unit unit = datetime_unit(args[0].bytes);
    int64_t local;
    *out = args[1];
    if (!timestamp_is_finite(args[1].word)) {
        return KY_OK;
    }
    const int64_t wall = instant_to_local(zone, args[1].word);
    if (!truncate_local(unit, wall, &local)) {
        return datetime_unit_error(unit, args[0].bytes, OID_TIMESTAMPTZ, err);
    }
    /* Within an hour the offset stays as it was, so a repeated hour keeps its side. */
    *out = datum_word(unit <= UNIT_HOUR ? args[1].word - (wall - local)
                                        : local_to_instant(zone, local));
    return KY_OK;
}

SCALAR(trunc_timestamptz)
{
    return trunc_instant(env->types.zone, args, out, err);
}

SCALAR(trunc_timestamptz_zone)
{
    const struct timezone *zone;
    KY_TRY(datetime_zone(args[2].bytes, &zone, err));
    return trunc_instant(zone, args, out, err);
}

SCALAR(trunc_interval)
{
    const enum unit unit = datetime_unit(args[0].bytes);
    struct interval value = interval_load(args[1].bytes);
    int32_t months = 0;
    switch (unit) {
    case UNIT_MILLENNIUM:
        months = 12000;
        break;
    case UNIT_CENTURY:
        months = 1200;
        break;
    case UNIT_DECADE:
        months = 120;
        break;
    case UNIT_YEAR:
        months = 12;
        break;
    case UNIT_QUARTER:
        months = 3;
        break;
    case UNIT_MONTH:
        months = 1;
        break;
    case UNIT_DAY:
        value.time_us = 0;
        break;
    case UNIT_HOUR:
        value.time_us -= value.time_us % INT64_C(3600000000);
        break;
    case UNIT_MINUTE:
        value.time_us -= value.time_us % 60000000;
        break;
    case UNIT_SECOND:
        value.time_us -= value.time_us % 1000000;
        break;
    case UNIT_MILLISECOND:
        value.time_us -= value.time_us % 1000;
        break;
    case UNIT_MICROSECOND:
        break;
    default:
        return datetime_unit_error(unit, args[0].bytes, OID_INTERVAL, err);
    }
    if (months > 0) {
        value = (struct interval){.months = value.months - value.months % months};
    }
    *out = (struct datum){.bytes = interval_store(env->types.arena, value)};
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(1384, "date_part", OID_FLOAT8, 'i', true, ARGS(OID_TEXT, OID_DATE),
         .scalar = date_part_of_date),
    FUNC(1385, "date_part", OID_FLOAT8, 'i', true, ARGS(OID_TEXT, OID_TIME),
         .scalar = date_part_time),
    FUNC(1273, "date_part", OID_FLOAT8, 'i', true, ARGS(OID_TEXT, OID_TIMETZ),
         .scalar = date_part_timetz),
    FUNC(2021, "date_part", OID_FLOAT8, 'i', true, ARGS(OID_TEXT, OID_TIMESTAMP),
         .scalar = date_part_timestamp),
    FUNC(1171, "date_part", OID_FLOAT8, 's', true, ARGS(OID_TEXT, OID_TIMESTAMPTZ),
         .scalar = date_part_timestamptz),
    FUNC(1172, "date_part", OID_FLOAT8, 'i', true, ARGS(OID_TEXT, OID_INTERVAL),
         .scalar = date_part_interval),
    FUNC(6199, "extract", OID_NUMERIC, 'i', true, ARGS(OID_TEXT, OID_DATE), .scalar = extract_date),
    FUNC(6200, "extract", OID_NUMERIC, 'i', true, ARGS(OID_TEXT, OID_TIME), .scalar = extract_time),
    FUNC(6201, "extract", OID_NUMERIC, 'i', true, ARGS(OID_TEXT, OID_TIMETZ),
         .scalar = extract_timetz),
    FUNC(6202, "extract", OID_NUMERIC, 'i', true, ARGS(OID_TEXT, OID_TIMESTAMP),
         .scalar = extract_timestamp),
    FUNC(6203, "extract", OID_NUMERIC, 's', true, ARGS(OID_TEXT, OID_TIMESTAMPTZ),
         .scalar = extract_timestamptz),
    FUNC(6204, "extract", OID_NUMERIC, 'i', true, ARGS(OID_TEXT, OID_INTERVAL),
         .scalar = extract_interval),
    FUNC(2020, "date_trunc", OID_TIMESTAMP, 'i', true, ARGS(OID_TEXT, OID_TIMESTAMP),
         .scalar = trunc_timestamp),
    FUNC(1217, "date_trunc", OID_TIMESTAMPTZ, 's', true, ARGS(OID_TEXT, OID_TIMESTAMPTZ),
         .scalar = trunc_timestamptz),
    FUNC(1284, "date_trunc", OID_TIMESTAMPTZ, 's', true, ARGS(OID_TEXT, OID_TIMESTAMPTZ, OID_TEXT),
         .scalar = trunc_timestamptz_zone),
    FUNC(1218, "date_trunc", OID_INTERVAL, 'i', true, ARGS(OID_TEXT, OID_INTERVAL),
         .scalar = trunc_interval),
};

const struct func_table func_table_datetime_unit = {funcs, KY_COUNT_OF(funcs), NULL, 0};
