/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/datetime_unit.h"
#include "server/func/jsonpath_exec.h"
#include "server/func/to_char.h"
#include "server/types/numeric.h"

/* The values that SQL/JSON paths work on: reading, printing, comparing. */

struct path_item
path_item_of(struct ky_slice json)
{
    struct path_item item = {.text = json, .is_raw = true};
    switch (json_first(json)) {
    case '{':
        item.kind = PATH_ITEM_OBJECT;
        break;
    case '[':
        item.kind = PATH_ITEM_ARRAY;
        break;
    case '"':
        item.kind = PATH_ITEM_STRING;
        break;
    case '0':
        item.kind = PATH_ITEM_NUMBER;
        break;
    case 't':
    case 'f':
        item.kind = PATH_ITEM_BOOL;
        item.boolean = json_first(json) == 't';
        break;
    default:
        item.kind = PATH_ITEM_NULL;
    }
    return item;
}

static void
print_offset(int32_t offset, struct ky_buffer *out)
{
    const int32_t size = offset < 0 ? -offset : offset;
    ky_buffer_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600, size / 60 % 60);
    if (size % 60 != 0) {
        ky_buffer_printf(out, ":%02d", size % 60);
    }
}

/* In ISO 8601 with a T, and the zone that was read. */
static void
print_datetime(struct func_env *env, const struct path_item *item, struct ky_buffer *out)
{
    struct type_context iso = env->types;
    struct ky_buffer text = {0};
    const bool has_zone = item->type == OID_TIMETZ || item->type == OID_TIMESTAMPTZ;
    const struct type *type = type_get(item->type == OID_TIMETZ        ? OID_TIME
                                       : item->type == OID_TIMESTAMPTZ ? OID_TIMESTAMP
                                                                       : item->type);
    int64_t word = item->moment;
    if (item->type == OID_TIMESTAMPTZ) {
        word += item->zone_offset * INT64_C(1000000);
    }
    iso.date_style = 0;
    type->output(type, &iso, datum_word(word), &text);
    uint8_t *blank = memchr(text.data, ' ', text.size);
    if (blank != NULL && type->oid == OID_TIMESTAMP) {
        *blank = 'T';
    }
    ky_buffer_append_byte(out, '"');
    ky_buffer_append(out, text.data, text.size);
    if (has_zone) {
        print_offset(item->zone_offset, out);
    }
    ky_buffer_append_byte(out, '"');
    ky_buffer_deinit(&text);
}

void
path_item_print(struct func_env *env, const struct path_item *item, struct ky_buffer *out)
{
    const struct type *numeric = type_get(OID_NUMERIC);
    if (item->is_raw) {
        ky_buffer_append_slice(out, item->text);
        return;
    }
    switch (item->kind) {
    case PATH_ITEM_NULL:
        ky_buffer_append_cstr(out, "null");
        break;
    case PATH_ITEM_BOOL:
        ky_buffer_append_cstr(out, item->boolean ? "true" : "false");
        break;
    case PATH_ITEM_NUMBER:
        numeric->output(numeric, &env->types, (struct datum){.bytes = item->text}, out);
        break;
    case PATH_ITEM_STRING:
        json_write_string(out, item->text);
        break;
    case PATH_ITEM_DATETIME:
        print_datetime(env, item, out);
        break;
    case PATH_ITEM_ARRAY:
    case PATH_ITEM_OBJECT:
        KY_ASSERT(item->is_raw);
    }
}

const char *
path_item_type(const struct path_item *item)
{
    switch (item->kind) {
    case PATH_ITEM_NULL:
        return "null";
    case PATH_ITEM_BOOL:
        return "boolean";
    case PATH_ITEM_NUMBER:
        return "number";
    case PATH_ITEM_STRING:
        return "string";
    case PATH_ITEM_ARRAY:
        return "array";
    case PATH_ITEM_OBJECT:
        return "object";
    case PATH_ITEM_DATETIME:
        break;
    }
    return type_get(item->type)->sql_name;
}

ky_status
path_item_number(struct func_env *env, const struct path_item *item, struct ky_slice *number_out,
                 struct ky_error *err)
{
    struct datum number = {.bytes = item->text};
    if (item->is_raw) {
        const struct type *numeric = type_get(OID_NUMERIC);
        KY_TRY(numeric->input(numeric, &env->types, item->text, -1, &number, err));
    }
    *number_out = number.bytes;
    return KY_OK;
}

struct ky_slice
path_item_string(struct ky_arena *arena, const struct path_item *item)
{
    return item->is_raw ? json_decode(arena, item->text) : item->text;
}

/* The ISO 8601 forms that .datetime() knows, those of types that hold less first. */
static const char *const iso_templates[] = {
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM",
    "HH24:MI:SS.USTZH",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS.US",
    "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd HH24:MI:SS.USTZH",
    "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS.US",
    "yyyy-mm-dd HH24:MI:SS",
    "yyyy-mm-dd\"T\"HH24:MI:SS.US",
    "yyyy-mm-dd\"T\"HH24:MI:SS",
};

static struct path_item
datetime_item(const struct exact_datetime *value)
{
    return (struct path_item){.kind = PATH_ITEM_DATETIME,
                              .type = value->type,
                              .zone_offset = value->zone_offset,
                              .moment = value->moment};
}

ky_status
path_item_datetime(struct ky_slice text, const struct ky_slice *template, struct path_item *item,
                   bool *is_found_out, struct ky_error *err)
{
    struct exact_datetime value;
    if (template != NULL) {
        KY_TRY(datetime_read_exactly(text, *template, &value, err));
        *item = datetime_item(&value);
        *is_found_out = true;
        return KY_OK;
    }
    *is_found_out = false;
    for (size_t i = 0; i < KY_COUNT_OF(iso_templates) && !*is_found_out; i++) {
        if (datetime_read_exactly(text, ky_slice_cstr(iso_templates[i]), &value, err) == KY_OK) {
            *item = datetime_item(&value);
            *is_found_out = true;
        }
    }
    ky_error_init(err);
    return KY_OK;
}

/* What a comparison of dates and times works on: an instant, or a time of day and its zone. */
struct moment_key {
    int64_t us;
    int32_t zone_west;
};

static ky_status
check_zone(bool uses_zone, const char *from, const char *to, struct ky_error *err)
{
    if (uses_zone) {
        return KY_OK;
    }
    ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                 "cannot convert value from %s to %s without time zone usage", from, to);
    return ky_error_hint(err, "Use *_tz() function for time zone support.");
}

/* a as a value of a type that b can be compared with. */
static ky_status
moment_key(struct func_env *env, const struct path_item *a, const struct path_item *b,
           bool uses_zone, struct moment_key *key, struct ky_error *err)
{
    *key = (struct moment_key){a->moment, 0};
    switch (a->type) {
    case OID_TIME:
        if (b->type == OID_TIMETZ) {
            const int64_t now = env->transaction_start_us;
            KY_TRY(check_zone(uses_zone, "time", "timetz", err));
            key->zone_west = -timezone_offset_at(env->types.zone, now, NULL, NULL);
            key->us += key->zone_west * INT64_C(1000000);
        }
        return KY_OK;
    case OID_TIMETZ:
        key->zone_west = -a->zone_offset;
        key->us += key->zone_west * INT64_C(1000000);
        return KY_OK;
    case OID_DATE:
        /* Beyond timestamp's range a date is after, or before, all of them. */
        if (b->type != OID_DATE &&
            __builtin_mul_overflow(a->moment, DATETIME_US_PER_DAY, &key->us)) {
            key->us = a->moment < 0 ? INT64_MIN : INT64_MAX;
            return b->type == OID_TIMESTAMPTZ ? check_zone(uses_zone, "date", "timestamptz", err)
                                              : KY_OK;
        }
        break;
    default:
        break;
    }
    if (b->type == OID_TIMESTAMPTZ && a->type != OID_TIMESTAMPTZ) {
        KY_TRY(
            check_zone(uses_zone, a->type == OID_DATE ? "date" : "timestamp", "timestamptz", err));
        key->us = timezone_local_to_utc(env->types.zone, key->us);
    }
    return KY_OK;
}

static bool
is_time_of_day(const struct path_item *item)
{
    return item->type == OID_TIME || item->type == OID_TIMETZ;
}

static enum path_truth
truth_of(enum jsonpath_kind comparison, int order)
{
    switch (comparison) {
    case JSONPATH_EQUAL:
        return order == 0 ? PATH_TRUE : PATH_FALSE;
    case JSONPATH_NOT_EQUAL:
        return order != 0 ? PATH_TRUE : PATH_FALSE;
    case JSONPATH_LESS:
        return order < 0 ? PATH_TRUE : PATH_FALSE;
    case JSONPATH_LESS_EQUAL:
        return order <= 0 ? PATH_TRUE : PATH_FALSE;
    case JSONPATH_GREATER:
        return order > 0 ? PATH_TRUE : PATH_FALSE;
    default:
        return order >= 0 ? PATH_TRUE : PATH_FALSE;
    }
}

static enum path_truth
compare_datetimes(struct func_env *env, enum jsonpath_kind comparison, const struct path_item *a,
                  const struct path_item *b, bool uses_zone, struct ky_error *err)
{
    struct moment_key left;
    struct moment_key right;
    if (is_time_of_day(a) != is_time_of_day(b)) {
        return PATH_UNKNOWN;
    }
    if (moment_key(env, a, b, uses_zone, &left, err) != KY_OK ||
        moment_key(env, b, a, uses_zone, &right, err) != KY_OK) {
        return PATH_TRUTH_FAILED;
    }
    int order = (left.us > right.us) - (left.us < right.us);
    if (order == 0) {
        order = (left.zone_west > right.zone_west) - (left.zone_west < right.zone_west);
    }
    return truth_of(comparison, order);
}

enum path_truth
path_items_compare(struct func_env *env, enum jsonpath_kind comparison, const struct path_item *a,
                   const struct path_item *b, bool uses_zone, struct ky_error *err)
{
    if (a->kind != b->kind) {
        if (a->kind != PATH_ITEM_NULL && b->kind != PATH_ITEM_NULL) {
            return PATH_UNKNOWN;
        }
        return comparison == JSONPATH_NOT_EQUAL ? PATH_TRUE : PATH_FALSE;
    }
    switch (a->kind) {
    case PATH_ITEM_NULL:
        return truth_of(comparison, 0);
    case PATH_ITEM_BOOL:
        return truth_of(comparison, a->boolean - b->boolean);
    case PATH_ITEM_NUMBER: {
        struct ky_slice left;
        struct ky_slice right;
        if (path_item_number(env, a, &left, err) != KY_OK ||
            path_item_number(env, b, &right, err) != KY_OK) {
            return PATH_TRUTH_FAILED;
        }
        return truth_of(comparison, numeric_compare(left, right));
    }
    case PATH_ITEM_STRING:
        return truth_of(comparison, ky_slice_compare(path_item_string(env->types.arena, a),
                                                     path_item_string(env->types.arena, b)));
    case PATH_ITEM_DATETIME:
        return compare_datetimes(env, comparison, a, b, uses_zone, err);
    case PATH_ITEM_ARRAY:
    case PATH_ITEM_OBJECT:
        break;
    }
    return PATH_UNKNOWN;
}
