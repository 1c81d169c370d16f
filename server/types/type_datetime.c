/* SPDX-License-Identifier: Apache-2.0 */

/* Entry points of date, time, timetz, timestamp and timestamptz. */

#include "server/base/map.h"
#include "server/types/datetime_private.h"
#include "server/types/types_private.h"

static int
precision_of(int32_t typmod)
{
    if (typmod < 0) {
        return 6;
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

/* As error messages name the type: without "without time zone". */
static const char *
message_name(const struct type *type)
{
    return type->oid == OID_TIME || type->oid == OID_TIMESTAMP ? type->name : type->sql_name;
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
    KY_TRY(type_check_wire(wire, 4, err));
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
    KY_TRY(datetime_parse(context, text, message_name(type), true, parsed, err));
    /* A zone whose offset moves needs a day. */
    bool is_zone_vague = parsed->zone != NULL && !parsed->has_date && type->oid == OID_TIME;
    if (parsed->kind != PARSED_VALUE || !parsed->has_time || is_zone_vague) {
        return datetime_error_syntax(err, message_name(type), text);
    }
    int64_t time = time_of_civil(&parsed->civil);
    if (time > DATETIME_US_PER_DAY) {
        return datetime_error_range(err, "date/time field value", text);
    }
    *out = datetime_round(time, precision_of(typmod));
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
    (void)type;
    (void)context;
    KY_TRY(type_check_wire(wire, 8, err));
    int64_t time = (int64_t)ky_load_be64(wire.data);
    KY_TRY(check_time(time, err));
    *out = datum_word(datetime_round(time, precision_of(typmod)));
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
    (void)type;
    KY_TRY(type_check_wire(wire, 12, err));
    int64_t time = (int64_t)ky_load_be64(wire.data);
    int32_t west = (int32_t)ky_load_be32((const uint8_t *)wire.data + 8);
    KY_TRY(check_time(time, err));
    if (west < -ZONE_OFFSET_MAX || west > ZONE_OFFSET_MAX) {
        return ky_error_set(err, KY_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                            "time zone displacement out of range");
    }
    *out = timetz_store(context->arena, datetime_round(time, precision_of(typmod)), west);
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
round_timestamp(int64_t timestamp, int32_t typmod, struct datum *out, struct ky_error *err)
{
    if (timestamp_is_finite(timestamp)) {
        timestamp = datetime_round(timestamp, precision_of(typmod));
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
    KY_TRY(datetime_parse(context, text, message_name(type), false, &parsed, err));
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
        return datetime_error_syntax(err, message_name(type), text);
    }
    if (parsed.is_now && type->oid == OID_TIMESTAMPTZ) {
        return round_timestamp(context->now_us, typmod, out, err);
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
    return round_timestamp(timestamp, typmod, out, err);
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
    (void)type;
    (void)context;
    KY_TRY(type_check_wire(wire, 8, err));
    int64_t timestamp = (int64_t)ky_load_be64(wire.data);
    if (timestamp_is_finite(timestamp) && !timestamp_is_valid(timestamp)) {
        return ky_error_set(err, KY_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    }
    return round_timestamp(timestamp, typmod, out, err);
}

/* ---- type modifiers ---- */

static ky_status
coerce(const struct type *type, const struct type_context *context, struct datum value,
       int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)is_explicit;
    if (type->oid == OID_TIMETZ) {
        int64_t time = datetime_round(timetz_time(value), precision_of(typmod));
        *out = timetz_store(context->arena, time, timetz_west(value));
        return KY_OK;
    }
    if (type->oid == OID_TIME) {
        *out = datum_word(datetime_round(value.word, precision_of(typmod)));
        return KY_OK;
    }
    return round_timestamp(value.word, typmod, out, err);
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
