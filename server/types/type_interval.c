/* SPDX-License-Identifier: Apache-2.0 */

/* Entry points of interval. */

#include "server/base/map.h"
#include "server/types/datetime_private.h"
#include "server/types/types_private.h"

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
    KY_TRY(type_check_wire(wire, 16, err));
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

static ky_status
interval_coerce(const struct type *type, const struct type_context *context, struct datum value,
                int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    (void)type;
    (void)is_explicit;
    return interval_finish(context, interval_load(value.bytes), typmod, out, err);
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
    .coerce = interval_coerce,
    .typmod_in = interval_typmod_in,
    .typmod_out = interval_typmod_out,
};
