/* SPDX-License-Identifier: Apache-2.0 */

/* Entry points of date, time, timetz, timestamp, timestamptz and interval. */

#include "server/base/map.h"
#include "server/types/datetime_private.h"
#include "server/types/types_private.h"

static int
precision_of(const struct type *type, int32_t typmod)
{
    if (typmod < 0) {
        return 6;
    }
    if (type->oid == OID_INTERVAL) {
        typmod &= INTERVAL_PRECISION_ALL;
    }
    return typmod > 6 ? 6 : (int)typmod;
}

static const struct timezone *
zone_of(const struct type_context *context)
{
    return context->zone != NULL ? context->zone : timezone_utc();
}

static int64_t
time_of_civil(const struct civil_time *civil)
{
    return civil->hour * DATETIME_US_PER_HOUR + civil->minute * DATETIME_US_PER_MINUTE +
           civil->second * DATETIME_US_PER_SECOND + civil->microsecond;
}

/* ---- date ---- */

static ky_status
date_input(const struct type *type, const struct type_context *context, struct ky_slice text,
           int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    (void)typmod;
    struct parsed_datetime parsed;
    KY_TRY(datetime_parse(context, text, "date", false, &parsed, err));
    switch (parsed.kind) {
    case PARSED_EPOCH:
        *out = datum_word(-DATETIME_UNIX_TO_2000_US / DATETIME_US_PER_DAY);
        return KY_OK;
    case PARSED_INFINITY:
        *out = datum_word(INT32_MAX);
        return KY_OK;
    case PARSED_MINUS_INFINITY:
        *out = datum_word(INT32_MIN);
        return KY_OK;
    case PARSED_VALUE:
        break;
    }
    if (!parsed.has_date) {
        return datetime_error_syntax(err, "date", text);
    }
    int64_t days = date_from_civil(parsed.civil.year, parsed.civil.month, parsed.civil.day);
    if (days < DATE_MIN || days >= DATE_END) {
        return datetime_error_range(err, "date", text);
    }
    *out = datum_word(days);
    return KY_OK;
}

static void
date_output(const struct type *type, const struct type_context *context, struct datum value,
            struct ky_buffer *out)
{
    (void)type;
    date_print(context, value.word, out);
}

static ky_status
date_receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
             int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    (void)context;
    (void)typmod;
    if (wire.size != 4) {
        return type_error_binary(err);
    }
    int64_t date = (int32_t)ky_load_be32(wire.data);
    if (date_is_finite(date) && (date < DATE_MIN || date >= DATE_END)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "date out of range");
    }
    *out = datum_word(date);
    return KY_OK;
}

static void
date_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    (void)type;
    (void)context;
    ky_buffer_append_be32(out, (uint32_t)value.word);
}

static void
word_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    (void)type;
    (void)context;
    ky_buffer_append_be64(out, (uint64_t)value.word);
}

/* ---- time and timetz ---- */

static ky_status
parse_time(const struct type *type, const struct type_context *context, struct ky_slice text,
           int32_t typmod, struct parsed_datetime *parsed, int64_t *out, struct ky_error *err)
{
    KY_TRY(datetime_parse(context, text, type->sql_name, true, parsed, err));
    /* A zone whose offset moves needs a day. */
    bool is_zone_vague = parsed->zone != NULL && !parsed->has_date && type->oid == OID_TIME;
    if (parsed->kind != PARSED_VALUE || !parsed->has_time || is_zone_vague) {
        return datetime_error_syntax(err, type->sql_name, text);
    }
    int64_t time = time_of_civil(&parsed->civil);
    if (time > DATETIME_US_PER_DAY) {
        return datetime_error_range(err, "date/time field value", text);
    }
    *out = datetime_round(time, precision_of(type, typmod));
    return KY_OK;
}

static ky_status
time_input(const struct type *type, const struct type_context *context, struct ky_slice text,
           int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct parsed_datetime parsed;
    int64_t time;
    KY_TRY(parse_time(type, context, text, typmod, &parsed, &time, err));
    *out = datum_word(time);
    return KY_OK;
}

static void
time_output(const struct type *type, const struct type_context *context, struct datum value,
            struct ky_buffer *out)
{
    (void)type;
    (void)context;
    time_print(value.word, out);
}

static ky_status
check_time(int64_t time, struct ky_error *err)
{
    if (time < 0 || time > DATETIME_US_PER_DAY) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "time out of range");
    }
    return KY_OK;
}

static ky_status
time_receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
             int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)context;
    if (wire.size != 8) {
        return type_error_binary(err);
    }
    int64_t time = (int64_t)ky_load_be64(wire.data);
    KY_TRY(check_time(time, err));
    *out = datum_word(datetime_round(time, precision_of(type, typmod)));
    return KY_OK;
}

static struct datum
timetz_store(struct ky_arena *arena, int64_t time, int32_t west)
{
    uint8_t *bytes = ky_arena_alloc(arena, 12);
    ky_store_le64(bytes, (uint64_t)time);
    ky_store_le32(bytes + 8, (uint32_t)west);
    return datum_bytes(bytes, 12);
}

static int64_t
timetz_time(struct datum value)
{
    return (int64_t)ky_load_le64(value.bytes.data);
}

static int32_t
timetz_west(struct datum value)
{
    return (int32_t)ky_load_le32((const uint8_t *)value.bytes.data + 8);
}

static ky_status
timetz_input(const struct type *type, const struct type_context *context, struct ky_slice text,
             int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct parsed_datetime parsed;
    int64_t time;
    KY_TRY(parse_time(type, context, text, typmod, &parsed, &time, err));
    int offset = parsed.civil.zone_offset;
    if (!parsed.has_zone) {
        const struct timezone *zone = parsed.zone != NULL ? parsed.zone : zone_of(context);
        int64_t moment = context->now_us;
        if (parsed.has_date) {
            int64_t day = date_from_civil(parsed.civil.year, parsed.civil.month, parsed.civil.day);
            day = KY_MIN(day, TIMESTAMP_DATE_END - 2);
            moment = timezone_local_to_utc(zone, day * DATETIME_US_PER_DAY + time);
        }
        offset = timezone_offset_at(zone, moment, NULL, NULL);
    }
    *out = timetz_store(context->arena, time, -offset);
    return KY_OK;
}

static void
timetz_output(const struct type *type, const struct type_context *context, struct datum value,
              struct ky_buffer *out)
{
    (void)type;
    (void)context;
    time_print(timetz_time(value), out);
    zone_print(-timetz_west(value), out);
}

static ky_status
timetz_receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
               int32_t typmod, struct datum *out, struct ky_error *err)
{
    if (wire.size != 12) {
        return type_error_binary(err);
    }
    int64_t time = (int64_t)ky_load_be64(wire.data);
    int32_t west = (int32_t)ky_load_be32((const uint8_t *)wire.data + 8);
    KY_TRY(check_time(time, err));
    if (west < -ZONE_OFFSET_MAX || west > ZONE_OFFSET_MAX) {
        return ky_error_set(err, KY_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                            "time zone displacement out of range");
    }
    *out = timetz_store(context->arena, datetime_round(time, precision_of(type, typmod)), west);
    return KY_OK;
}

static void
timetz_send(const struct type *type, const struct type_context *context, struct datum value,
            struct ky_buffer *out)
{
    (void)type;
    (void)context;
    ky_buffer_append_be64(out, (uint64_t)timetz_time(value));
    ky_buffer_append_be32(out, (uint32_t)timetz_west(value));
}

/* By the moment in UTC, then by zone. */
static int
timetz_compare(const struct type *type, struct datum a, struct datum b)
{
    (void)type;
    int64_t left = timetz_time(a) + timetz_west(a) * DATETIME_US_PER_SECOND;
    int64_t right = timetz_time(b) + timetz_west(b) * DATETIME_US_PER_SECOND;
    if (left != right) {
        return left > right ? 1 : -1;
    }
    return (timetz_west(a) > timetz_west(b)) - (timetz_west(a) < timetz_west(b));
}

static uint64_t
timetz_hash(const struct type *type, struct datum value)
{
    (void)type;
    return ky_hash_bytes(value.bytes.data, 12, 0);
}

static void
timetz_key(const struct type *type, struct datum value, struct ky_buffer *out)
{
    (void)type;
    type_key_word(out, timetz_time(value) + timetz_west(value) * DATETIME_US_PER_SECOND);
    type_key_word(out, timetz_west(value));
}

/* ---- timestamp and timestamptz ---- */

static ky_status
round_timestamp(const struct type *type, int64_t timestamp, int32_t typmod, struct datum *out,
                struct ky_error *err)
{
    if (timestamp_is_finite(timestamp)) {
        timestamp = datetime_round(timestamp, precision_of(type, typmod));
        if (!timestamp_is_valid(timestamp)) {
            return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
        }
    }
    *out = datum_word(timestamp);
    return KY_OK;
}

static ky_status
timestamp_input(const struct type *type, const struct type_context *context, struct ky_slice text,
                int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct parsed_datetime parsed;
    KY_TRY(datetime_parse(context, text, type->sql_name, false, &parsed, err));
    switch (parsed.kind) {
    case PARSED_EPOCH:
        *out = datum_word(-DATETIME_UNIX_TO_2000_US);
        return KY_OK;
    case PARSED_INFINITY:
        *out = datum_word(INT64_MAX);
        return KY_OK;
    case PARSED_MINUS_INFINITY:
        *out = datum_word(INT64_MIN);
        return KY_OK;
    case PARSED_VALUE:
        break;
    }
    if (!parsed.has_date) {
        return datetime_error_syntax(err, type->sql_name, text);
    }
    if (parsed.is_now && type->oid == OID_TIMESTAMPTZ) {
        return round_timestamp(type, context->now_us, typmod, out, err);
    }
    int64_t days = date_from_civil(parsed.civil.year, parsed.civil.month, parsed.civil.day);
    if (days < DATE_MIN - 1 || days > TIMESTAMP_DATE_END) {
        return datetime_error_range(err, "timestamp", text);
    }
    /* Within a day of the limits the sum may still wrap before a zone brings it back. */
    __int128 wide = (__int128)days * DATETIME_US_PER_DAY + time_of_civil(&parsed.civil);
    if (type->oid == OID_TIMESTAMPTZ && parsed.has_zone) {
        wide -= parsed.civil.zone_offset * DATETIME_US_PER_SECOND;
    }
    if (wide < TIMESTAMP_MIN - DATETIME_US_PER_DAY || wide >= TIMESTAMP_END) {
        return datetime_error_range(err, "timestamp", text);
    }
    int64_t timestamp = (int64_t)wide;
    if (type->oid == OID_TIMESTAMPTZ && !parsed.has_zone) {
        const struct timezone *zone = parsed.zone != NULL ? parsed.zone : zone_of(context);
        timestamp = timezone_local_to_utc(zone, timestamp);
    }
    if (!timestamp_is_valid(timestamp)) {
        return datetime_error_range(err, "timestamp", text);
    }
    return round_timestamp(type, timestamp, typmod, out, err);
}

static void
timestamp_output(const struct type *type, const struct type_context *context, struct datum value,
                 struct ky_buffer *out)
{
    timestamp_print(context, value.word, type->oid == OID_TIMESTAMPTZ ? zone_of(context) : NULL,
                    out);
}

static ky_status
timestamp_receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
                  int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)context;
    if (wire.size != 8) {
        return type_error_binary(err);
    }
    int64_t timestamp = (int64_t)ky_load_be64(wire.data);
    if (timestamp_is_finite(timestamp) && !timestamp_is_valid(timestamp)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    }
    return round_timestamp(type, timestamp, typmod, out, err);
}

/* ---- interval ---- */

static int64_t
truncate_time(int64_t time_us, int64_t unit)
{
    return time_us / unit * unit;
}

/* Fields to the right of the last named one are dropped. */
static ky_status
adjust_interval(struct interval *interval, int32_t typmod, struct ky_error *err)
{
    if (typmod < 0) {
        return KY_OK;
    }
    int range = (typmod >> 16) & INTERVAL_RANGE_ALL;
    int precision = typmod & INTERVAL_PRECISION_ALL;
    if (range != INTERVAL_RANGE_ALL && (range & INTERVAL_SECOND) == 0) {
        if ((range & INTERVAL_MINUTE) != 0) {
            interval->time_us = truncate_time(interval->time_us, DATETIME_US_PER_MINUTE);
        } else if ((range & INTERVAL_HOUR) != 0) {
            interval->time_us = truncate_time(interval->time_us, DATETIME_US_PER_HOUR);
        } else {
            interval->time_us = 0;
            interval->days = (range & INTERVAL_DAY) != 0 ? interval->days : 0;
            if ((range & (INTERVAL_DAY | INTERVAL_MONTH)) == 0) {
                interval->months = interval->months / 12 * 12;
            }
        }
    }
    if (precision < 6) {
        if (interval->time_us > INT64_MAX - DATETIME_US_PER_SECOND ||
            interval->time_us < INT64_MIN + DATETIME_US_PER_SECOND) {
            return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "interval out of range");
        }
        interval->time_us = datetime_round(interval->time_us, precision);
    }
    return KY_OK;
}

static ky_status
interval_finish(const struct type_context *context, struct interval interval, int32_t typmod,
                struct datum *out, struct ky_error *err)
{
    KY_TRY(adjust_interval(&interval, typmod, err));
    struct ky_slice bytes = interval_store(context->arena, interval);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

static ky_status
interval_input(const struct type *type, const struct type_context *context, struct ky_slice text,
               int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    struct interval interval;
    KY_TRY(interval_parse(text, typmod, context->interval_style, &interval, err));
    return interval_finish(context, interval, typmod, out, err);
}

static void
interval_output(const struct type *type, const struct type_context *context, struct datum value,
                struct ky_buffer *out)
{
    (void)type;
    interval_print(context->interval_style, interval_load(value.bytes), out);
}

static ky_status
interval_receive(const struct type *type, const struct type_context *context, struct ky_slice wire,
                 int32_t typmod, struct datum *out, struct ky_error *err)
{
    (void)type;
    if (wire.size != 16) {
        return type_error_binary(err);
    }
    const uint8_t *at = wire.data;
    struct interval interval = {(int64_t)ky_load_be64(at), (int32_t)ky_load_be32(at + 8),
                                (int32_t)ky_load_be32(at + 12)};
    return interval_finish(context, interval, typmod, out, err);
}

static void
interval_send(const struct type *type, const struct type_context *context, struct datum value,
              struct ky_buffer *out)
{
    (void)type;
    (void)context;
    struct interval interval = interval_load(value.bytes);
    ky_buffer_append_be64(out, (uint64_t)interval.time_us);
    ky_buffer_append_be32(out, (uint32_t)interval.days);
    ky_buffer_append_be32(out, (uint32_t)interval.months);
}

static int
interval_order(const struct type *type, struct datum a, struct datum b)
{
    (void)type;
    return interval_compare(interval_load(a.bytes), interval_load(b.bytes));
}

/* The length that interval_compare goes by, biased: 16 bytes, big-endian. */
static void
interval_length(struct datum value, uint8_t out[16])
{
    struct interval i = interval_load(value.bytes);
    __int128 length =
        i.time_us + ((__int128)i.months * 30 + i.days) * (__int128)DATETIME_US_PER_DAY;
    unsigned __int128 biased = (unsigned __int128)length ^ ((unsigned __int128)1 << 127);
    ky_store_be64(out, (uint64_t)(biased >> 64));
    ky_store_be64(out + 8, (uint64_t)biased);
}

static uint64_t
interval_hash(const struct type *type, struct datum value)
{
    (void)type;
    uint8_t length[16];
    interval_length(value, length);
    return ky_hash_bytes(length, sizeof(length), 0);
}

static void
interval_key(const struct type *type, struct datum value, struct ky_buffer *out)
{
    (void)type;
    interval_length(value, ky_buffer_extend(out, 16));
}

/* ---- type modifiers ---- */

static ky_status
coerce(const struct type *type, const struct type_context *context, struct datum value,
       int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)is_explicit;
    if (type->oid == OID_INTERVAL) {
        return interval_finish(context, interval_load(value.bytes), typmod, out, err);
    }
    if (type->oid == OID_TIMETZ) {
        int64_t time = datetime_round(timetz_time(value), precision_of(type, typmod));
        *out = timetz_store(context->arena, time, timetz_west(value));
        return KY_OK;
    }
    if (type->oid == OID_TIME) {
        *out = datum_word(datetime_round(value.word, precision_of(type, typmod)));
        return KY_OK;
    }
    return round_timestamp(type, value.word, typmod, out, err);
}

static ky_status
precision_in(const char *name, const char *suffix, const int32_t *values, int count,
             int32_t *typmod_out, struct ky_error *err)
{
    if (count != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (values[0] < 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "%s(%d)%s precision must not be negative", name, values[0], suffix);
    }
    /* PostgreSQL only warns about a larger one. */
    *typmod_out = KY_MIN(values[0], 6);
    return KY_OK;
}

static ky_status
time_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return precision_in("TIME", "", values, count, typmod_out, err);
}

static ky_status
timetz_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return precision_in("TIME", " WITH TIME ZONE", values, count, typmod_out, err);
}

static ky_status
timestamp_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return precision_in("TIMESTAMP", "", values, count, typmod_out, err);
}

static ky_status
timestamptz_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return precision_in("TIMESTAMP", " WITH TIME ZONE", values, count, typmod_out, err);
}

static void
plain_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 0) {
        ky_buffer_printf(out, "(%d) without time zone", typmod);
    }
}

static void
zoned_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod >= 0) {
        ky_buffer_printf(out, "(%d) with time zone", typmod);
    }
}

/* values: the mask of fields, then the precision; 6 digits are the default. */
static ky_status
interval_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    if (count < 1 || count > 2) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier");
    }
    if (count == 1) {
        *typmod_out = values[0] == INTERVAL_RANGE_ALL
                          ? -1
                          : (int32_t)((uint32_t)values[0] << 16 | INTERVAL_PRECISION_ALL);
        return KY_OK;
    }
    if (values[1] < 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "INTERVAL(%d) precision must not be negative", values[1]);
    }
    *typmod_out = (int32_t)((uint32_t)values[0] << 16 | (uint32_t)KY_MIN(values[1], 6));
    return KY_OK;
}

static void
interval_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    static const struct {
        int bit;
        const char *name;
    } fields[] = {{INTERVAL_YEAR, "year"},     {INTERVAL_MONTH, "month"},
                  {INTERVAL_DAY, "day"},       {INTERVAL_HOUR, "hour"},
                  {INTERVAL_MINUTE, "minute"}, {INTERVAL_SECOND, "second"}};
    if (typmod < 0) {
        return;
    }
    int range = (typmod >> 16) & INTERVAL_RANGE_ALL;
    if (range != INTERVAL_RANGE_ALL) {
        const char *first = NULL;
        const char *last = NULL;
        for (size_t i = 0; i < KY_COUNT_OF(fields); i++) {
            if ((range & fields[i].bit) != 0) {
                first = first == NULL ? fields[i].name : first;
                last = fields[i].name;
            }
        }
        if (first != NULL) {
            ky_buffer_printf(out, first == last ? " %s" : " %s to %s", first, last);
        }
    }
    int precision = typmod & INTERVAL_PRECISION_ALL;
    if (precision != INTERVAL_PRECISION_ALL) {
        ky_buffer_printf(out, "(%d)", precision);
    }
}

const struct type date_type = {
    .oid = OID_DATE,
    .name = "date",
    .sql_name = "date",
    .array_oid = 1182,
    .category = 'D',
    .typtype = 'b',
    .align = 'i',
    .delimiter = ',',
    .typlen = 4,
    .is_by_value = true,
    .storage = TYPE_WORD,
    .disk_size = 4,
    .input = date_input,
    .output = date_output,
    .receive = date_receive,
    .send = date_send,
    .compare = word_compare,
    .hash = word_hash,
    .key = word_key,
};

const struct type time_type = {
    .oid = OID_TIME,
    .name = "time",
    .sql_name = "time without time zone",
    .array_oid = 1183,
    .category = 'D',
    .typtype = 'b',
    .align = 'd',
    .delimiter = ',',
    .typlen = 8,
    .is_by_value = true,
    .storage = TYPE_WORD,
    .disk_size = 8,
    .input = time_input,
    .output = time_output,
    .receive = time_receive,
    .send = word_send,
    .compare = word_compare,
    .hash = word_hash,
    .key = word_key,
    .coerce = coerce,
    .typmod_in = time_typmod_in,
    .typmod_out = plain_typmod_out,
};

const struct type timetz_type = {
    .oid = OID_TIMETZ,
    .name = "timetz",
    .sql_name = "time with time zone",
    .array_oid = 1270,
    .category = 'D',
    .typtype = 'b',
    .align = 'd',
    .delimiter = ',',
    .typlen = 12,
    .storage = TYPE_BYTES,
    .input = timetz_input,
    .output = timetz_output,
    .receive = timetz_receive,
    .send = timetz_send,
    .compare = timetz_compare,
    .hash = timetz_hash,
    .key = timetz_key,
    .coerce = coerce,
    .typmod_in = timetz_typmod_in,
    .typmod_out = zoned_typmod_out,
};

const struct type timestamp_type = {
    .oid = OID_TIMESTAMP,
    .name = "timestamp",
    .sql_name = "timestamp without time zone",
    .array_oid = 1115,
    .category = 'D',
    .typtype = 'b',
    .align = 'd',
    .delimiter = ',',
    .typlen = 8,
    .is_by_value = true,
    .storage = TYPE_WORD,
    .disk_size = 8,
    .input = timestamp_input,
    .output = timestamp_output,
    .receive = timestamp_receive,
    .send = word_send,
    .compare = word_compare,
    .hash = word_hash,
    .key = word_key,
    .coerce = coerce,
    .typmod_in = timestamp_typmod_in,
    .typmod_out = plain_typmod_out,
};

const struct type timestamptz_type = {
    .oid = OID_TIMESTAMPTZ,
    .name = "timestamptz",
    .sql_name = "timestamp with time zone",
    .array_oid = 1185,
    .category = 'D',
    .is_preferred = true,
    .typtype = 'b',
    .align = 'd',
    .delimiter = ',',
    .typlen = 8,
    .is_by_value = true,
    .storage = TYPE_WORD,
    .disk_size = 8,
    .input = timestamp_input,
    .output = timestamp_output,
    .receive = timestamp_receive,
    .send = word_send,
    .compare = word_compare,
    .hash = word_hash,
    .key = word_key,
    .coerce = coerce,
    .typmod_in = timestamptz_typmod_in,
    .typmod_out = zoned_typmod_out,
};

const struct type interval_type = {
    .oid = OID_INTERVAL,
    .name = "interval",
    .sql_name = "interval",
    .array_oid = 1187,
    .category = 'T',
    .is_preferred = true,
    .typtype = 'b',
    .align = 'd',
    .delimiter = ',',
    .typlen = 16,
    .storage = TYPE_BYTES,
    .disk_size = 16,
    .input = interval_input,
    .output = interval_output,
    .receive = interval_receive,
    .send = interval_send,
    .compare = interval_order,
    .hash = interval_hash,
    .key = interval_key,
    .coerce = coerce,
    .typmod_in = interval_typmod_in,
    .typmod_out = interval_typmod_out,
};
