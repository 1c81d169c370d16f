/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/settings.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/types/datetime.h"
#include "server/types/encoding.h"

/*
 * Values are kept as canonical text, booleans and integers also as numbers. A change logs what
 * was there before; a rollback walks the log backwards, a commit undoes only SET LOCAL.
 */

static const struct setting_info infos[SETTING_COUNT] = {
#define SETTING(id, name_, kind_, value_, minimum_, maximum_, options_, unit_, category_, flags_, \
                text_)                                                                            \
    [SETTING_##id] = {name_,    kind_, value_,    minimum_, maximum_,                             \
                      options_, unit_, category_, flags_,   text_},
#include "server/session/settings.def"
#undef SETTING
};

struct setting_change {
    int setting; /* -1: custom */
    char *name;  /* custom; owned */
    char *value; /* before; owned; NULL: a custom setting that was not there */
    bool is_local;
};

const struct setting_info *
setting_info(int setting)
{
    return &infos[setting];
}

int
setting_find(const char *name)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (strcasecmp(infos[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ------------------------------------------------------------------ values */

static int64_t
base_unit_us(const char *unit)
{
    return strcmp(unit, "ms") == 0 ? 1000 : strcmp(unit, "s") == 0 ? 1000000 : 0;
}

static int64_t
base_unit_bytes(const char *unit)
{
    return strcmp(unit, "kB") == 0 ? 1024 : strcmp(unit, "8kB") == 0 ? 8192 : 0;
}

/* Multiplier of a unit word relative to the setting's own; 0: not a unit for it. */
static double
unit_factor(const char *word, const char *unit)
{
    static const struct {
        const char *word;
        double bytes, us;
    } units[] = {{"B", 1, 0},
                 {"kB", 1024, 0},
                 {"MB", 1048576, 0},
                 {"GB", 1073741824, 0},
                 {"TB", 1099511627776.0, 0},
                 {"us", 0, 1},
                 {"ms", 0, 1000},
                 {"s", 0, 1e6},
                 {"min", 0, 6e7},
                 {"h", 0, 3.6e9},
                 {"d", 0, 8.64e10}};
    for (size_t i = 0; i < KY_COUNT_OF(units); i++) {
        if (strcmp(units[i].word, word) == 0) {
            if (units[i].bytes > 0 && base_unit_bytes(unit) > 0) {
                return units[i].bytes / (double)base_unit_bytes(unit);
            }
            if (units[i].us > 0 && base_unit_us(unit) > 0) {
                return units[i].us / (double)base_unit_us(unit);
            }
        }
    }
    return 0;
}

static bool
parse_bool(const char *value, bool *out)
{
    static const struct {
        const char *word;
        size_t shortest;
        bool value;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    size_t size = strlen(value);
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (size >= words[i].shortest && strncasecmp(value, words[i].word, size) == 0 &&
            size <= strlen(words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static ky_status
parse_number(const struct setting_info *info, const char *value, double *out, struct ky_error *err)
{
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    bool is_valid = end != value && errno == 0 && isfinite(number);
    while (*end == ' ') {
        end++;
    }
    if (is_valid && *end != '\0') {
        double factor = unit_factor(end, info->unit);
        if (factor == 0) {
            (void)ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                               "invalid value for parameter \"%s\": \"%s\"", info->name, value);
            if (base_unit_us(info->unit) > 0) {
                return ky_error_hint(err, "Valid units for this parameter are \"us\", \"ms\", "
                                          "\"s\", \"min\", \"h\", and \"d\".");
            }
            if (base_unit_bytes(info->unit) > 0) {
                return ky_error_hint(err, "Valid units for this parameter are \"B\", \"kB\", "
                                          "\"MB\", \"GB\", and \"TB\".");
            }
            return KY_ERR;
        }
        number *= factor;
    }
    if (!is_valid) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "invalid value for parameter \"%s\": \"%s\"", info->name, value);
    }
    if (info->kind == SETTING_INT) {
        number = rint(number);
    }
    if (number < info->minimum || number > info->maximum) {
        const char *space = info->unit[0] == '\0' ? "" : " ";
        if (info->kind == SETTING_INT) {
            return ky_error_set(
                err, KY_INVALID_PARAMETER_VALUE,
                "%.0f%s%s is outside the valid range for parameter \"%s\" (%.0f .. %.0f)", number,
                space, info->unit, info->name, info->minimum, info->maximum);
        }
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "%g is outside the valid range for parameter \"%s\" (%g .. %g)", number,
                            info->name, info->minimum, info->maximum);
    }
    *out = number;
    return KY_OK;
}

/* The canonical spelling of an enum's word, as a heap string; NULL when it is not one. */
static char *
enum_word(const char *options, const char *value)
{
    size_t size = strlen(value);
    for (const char *option = options; *option != '\0';) {
        size_t option_size = strcspn(option, ",");
        if (option_size == size && strncasecmp(option, value, size) == 0) {
            char *word = ky_malloc(size + 1);
            memcpy(word, option, size);
            word[size] = '\0';
            return word;
        }
        option += option_size + (option[option_size] == ',');
    }
    return NULL;
}

static ky_status
enum_error(const struct setting_info *info, const char *value, struct ky_error *err)
{
    struct ky_buffer words = {0};
    for (const char *option = info->options; *option != '\0';) {
        size_t size = strcspn(option, ",");
        ky_buffer_append_cstr(&words, words.size == 0 ? "" : ", ");
        ky_buffer_append(&words, option, size);
        option += size + (option[size] == ',');
    }
    (void)ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                       "invalid value for parameter \"%s\": \"%s\"", info->name, value);
    (void)ky_error_hint(err, "Available values: %.*s.", (int)words.size, (const char *)words.data);
    ky_buffer_deinit(&words);
    return KY_ERR;
}

/* "iso", "German, DMY", "mdy": what is not said stays. */
static char *
date_style(const char *old, const char *value)
{
    static const char *const styles[] = {"ISO", "SQL", "Postgres", "German"};
    char style[16];
    char order[16];
    (void)sscanf(old, "%15[^,], %15s", style, order);
    for (const char *word = value; *word != '\0';) {
        size_t size = strcspn(word, ", ");
        bool is_known = size == 0;
        for (size_t i = 0; i < KY_COUNT_OF(styles); i++) {
            if (size == strlen(styles[i]) && strncasecmp(word, styles[i], size) == 0) {
                strcpy(style, styles[i]);
                is_known = true;
                if (i == 3) {
                    strcpy(order, "DMY");
                }
            }
        }
        if ((size == 3 && strncasecmp(word, "MDY", 3) == 0) ||
            (size == 2 && strncasecmp(word, "US", 2) == 0) ||
            (size == 10 && strncasecmp(word, "NonEuropean", 10) == 0)) {
            strcpy(order, "MDY");
            is_known = true;
        } else if ((size == 3 && strncasecmp(word, "DMY", 3) == 0) ||
                   (size == 8 && strncasecmp(word, "European", 8) == 0)) {
            strcpy(order, "DMY");
            is_known = true;
        } else if (size == 3 && strncasecmp(word, "YMD", 3) == 0) {
            strcpy(order, "YMD");
            is_known = true;
        } else if (size == 7 && strncasecmp(word, "DEFAULT", 7) == 0) {
            is_known = true;
        }
        if (!is_known) {
            return NULL;
        }
        word += size;
        word += strspn(word, ", ");
    }
    char text[40];
    (void)snprintf(text, sizeof(text), "%s, %s", style, order);
    return ky_strdup(text);
}

static ky_status
canonical_string(int setting, const char *old, const char *value, char **out, struct ky_error *err)
{
    if (setting == SETTING_DATESTYLE) {
        *out = date_style(old, value);
    } else if (setting == SETTING_CLIENT_ENCODING) {
        const int encoding = encoding_find(ky_slice_cstr(value));
        const bool is_known = encoding == ENCODING_UTF8 || encoding == ENCODING_SQL_ASCII;
        if (!is_known && encoding != ENCODING_UNKNOWN) {
            (void)ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                               "invalid value for parameter \"client_encoding\": \"%s\"", value);
            return ky_error_detail(err, "Conversion between %s and UTF8 is not supported.",
                                   encoding_name(encoding));
        }
        *out = is_known ? ky_strdup(encoding_name(encoding)) : NULL;
    } else if (setting == SETTING_TIMEZONE) {
        const struct timezone *zone = timezone_find(ky_slice_cstr(value));
        *out = zone == NULL ? NULL : ky_strdup(timezone_name(zone));
    } else {
        *out = ky_strdup(value);
    }
    return *out != NULL ? KY_OK
                        : ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                       "invalid value for parameter \"%s\": \"%s\"",
                                       infos[setting].name, value);
}

/* Checks value and gives its canonical text (heap) and number. */
static ky_status
canonical(int setting, const char *old, const char *value, char **text_out, double *number_out,
          struct ky_error *err)
{
    const struct setting_info *info = &infos[setting];
    char text[64];
    bool flag;
    *number_out = 0;
    switch (info->kind) {
    case SETTING_BOOL:
        if (!parse_bool(value, &flag)) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "parameter \"%s\" requires a Boolean value", info->name);
        }
        *number_out = flag;
        *text_out = ky_strdup(flag ? "on" : "off");
        return KY_OK;
    case SETTING_INT:
        KY_TRY(parse_number(info, value, number_out, err));
        (void)snprintf(text, sizeof(text), "%.0f", *number_out);
        *text_out = ky_strdup(text);
        return KY_OK;
    case SETTING_REAL:
        KY_TRY(parse_number(info, value, number_out, err));
        (void)snprintf(text, sizeof(text), "%g", *number_out);
        *text_out = ky_strdup(text);
        return KY_OK;
    case SETTING_ENUM:
        /* Booleans are good for those that have on and off. */
        *text_out = enum_word(info->options, value);
        if (*text_out == NULL && strstr(info->options, "on,off") != NULL &&
            parse_bool(value, &flag)) {
            *text_out = ky_strdup(flag ? "on" : "off");
        }
        return *text_out != NULL ? KY_OK : enum_error(info, value, err);
    case SETTING_STRING:
        return canonical_string(setting, old, value, text_out, err);
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ life */

/* Most sessions keep most defaults: such a value is the table's own text, never freed. */
static char *
share(int setting, const char *text)
{
    const char *value = infos[setting].value;
    return strcmp(text, value) == 0 ? (char *)(uintptr_t)value : ky_strdup(text);
}

static void
drop_text(int setting, char *text)
{
    if (text != infos[setting].value) {
        ky_free(text);
    }
}

static void
store(struct settings *settings, int setting, char *text, double number)
{
    drop_text(setting, settings->values[setting]);
    settings->values[setting] = text;
    settings->numbers[setting] = (int64_t)number;
    settings->reals[setting] = number;
    settings->version++;
}

/* Numbers of a canonical text. */
static double
number_of(int setting, const char *text)
{
    switch (infos[setting].kind) {
    case SETTING_BOOL:
        return strcmp(text, "on") == 0;
    case SETTING_INT:
    case SETTING_REAL:
        return strtod(text, NULL);
    case SETTING_STRING:
    case SETTING_ENUM:
        return 0;
    }
    KY_UNREACHABLE();
}

static struct settings defaults;

static void
make_defaults(void)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        store(&defaults, i, share(i, infos[i].value), number_of(i, infos[i].value));
        defaults.resets[i] = share(i, infos[i].value);
    }
}

void
settings_init(struct settings *settings)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_defaults);
    *settings = defaults;
}

static void
drop_changes(struct settings *settings, size_t from)
{
    for (size_t i = from; i < settings->change_count; i++) {
        ky_free(settings->changes[i].name);
        ky_free(settings->changes[i].value);
    }
    settings->change_count = from;
}

void
settings_deinit(struct settings *settings)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        drop_text(i, settings->values[i]);
        drop_text(i, settings->resets[i]);
    }
    size_t cursor = 0;
    struct ky_slice name;
    void *value;
    while (ky_smap_next(&settings->custom, &cursor, &name, &value)) {
        ky_free(value);
    }
    ky_smap_deinit(&settings->custom);
    drop_changes(settings, 0);
    ky_free(settings->changes);
}

void
settings_force(struct settings *settings, enum setting setting, const char *value)
{
    store(settings, (int)setting, share((int)setting, value), number_of((int)setting, value));
    drop_text((int)setting, settings->resets[setting]);
    settings->resets[setting] = share((int)setting, value);
}

/* ------------------------------------------------------------------ changing */

static void
log_change(struct settings *settings, int setting, const char *name, const char *value,
           bool is_local)
{
    if (settings->change_count == settings->change_capacity) {
        settings->change_capacity = KY_MAX(settings->change_capacity * 2, (size_t)8);
        settings->changes =
            ky_realloc(settings->changes, settings->change_capacity * sizeof(*settings->changes));
    }
    settings->changes[settings->change_count++] = (struct setting_change){
        .setting = setting,
        .name = setting < 0 ? ky_strdup(name) : NULL,
        .value = value == NULL ? NULL : ky_strdup(value),
        .is_local = is_local,
    };
}

static void
set_custom(struct settings *settings, const char *name, const char *value)
{
    struct ky_slice key = ky_slice_cstr(name);
    ky_free(value == NULL ? ky_smap_remove(&settings->custom, key)
                          : ky_smap_put(&settings->custom, key, ky_strdup(value)));
    settings->version++;
}

/* Prefixes whose names are all known: pgvector reserves its own, and so do we. */
static bool
is_reserved(const char *name)
{
    return strncasecmp(name, "hnsw.", 5) == 0 || strncasecmp(name, "ivfflat.", 8) == 0 ||
           strncasecmp(name, "kyro.", 5) == 0;
}

static ky_status
set_unknown(struct settings *settings, const char *name, const char *value, bool is_local,
            struct ky_error *err)
{
    if (strchr(name, '.') == NULL) {
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"",
                            name);
    }
    if (is_reserved(name)) {
        (void)ky_error_set(err, KY_INVALID_NAME, "invalid configuration parameter name \"%s\"",
                           name);
        return ky_error_detail(err, "\"%.*s\" is a reserved prefix.", (int)strcspn(name, "."),
                               name);
    }
    log_change(settings, -1, name, ky_smap_find(&settings->custom, ky_slice_cstr(name)), is_local);
    set_custom(settings, name, value);
    return KY_OK;
}

ky_status
settings_set(struct settings *settings, const char *name, const char *value, bool is_local,
             bool is_start, struct ky_error *err)
{
    int setting = setting_find(name);
    if (setting < 0) {
        return set_unknown(settings, name, value, is_local, err);
    }
    if ((infos[setting].flags & SETTING_READ_ONLY) != 0) {
        return ky_error_set(err, KY_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed",
                            infos[setting].name);
    }
    char *text;
    double number;
    KY_TRY(canonical(setting, settings->values[setting], value, &text, &number, err));
    if (is_start) {
        drop_text(setting, settings->resets[setting]);
        settings->resets[setting] = share(setting, text);
    } else {
        log_change(settings, setting, NULL, settings->values[setting], is_local);
    }
    store(settings, setting, text, number);
    return KY_OK;
}

ky_status
settings_reset(struct settings *settings, const char *name, struct ky_error *err)
{
    int setting = setting_find(name);
    if (setting < 0) {
        if (strchr(name, '.') == NULL) {
            return ky_error_set(err, KY_UNDEFINED_OBJECT,
                                "unrecognized configuration parameter \"%s\"", name);
        }
        log_change(settings, -1, name, ky_smap_find(&settings->custom, ky_slice_cstr(name)), false);
        set_custom(settings, name, NULL);
        return KY_OK;
    }
    if ((infos[setting].flags & SETTING_READ_ONLY) != 0) {
        return ky_error_set(err, KY_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed",
                            infos[setting].name);
    }
    log_change(settings, setting, NULL, settings->values[setting], false);
    const char *reset = settings->resets[setting];
    store(settings, setting, share(setting, reset), number_of(setting, reset));
    return KY_OK;
}

void
settings_reset_all(struct settings *settings)
{
    struct ky_error ignored;
    for (int i = 0; i < SETTING_COUNT; i++) {
        bool is_kept = (infos[i].flags & (SETTING_READ_ONLY | SETTING_HIDDEN)) != 0;
        if (!is_kept && strcmp(settings->values[i], settings->resets[i]) != 0) {
            ky_error_init(&ignored);
            if (settings_reset(settings, infos[i].name, &ignored) != KY_OK) {
                continue; /* a built-in name cannot be unknown */
            }
        }
    }
}

const char *
settings_show(const struct settings *settings, const char *name, struct ky_buffer *scratch)
{
    int setting = setting_find(name);
    if (setting < 0) {
        return ky_smap_find(&settings->custom, ky_slice_cstr(name));
    }
    static const struct {
        const char *unit, *larger;
        int64_t factor;
    } steps[] = {{"ms", "s", 1000},  {"s", "min", 60},   {"min", "h", 60},  {"h", "d", 24},
                 {"kB", "MB", 1024}, {"MB", "GB", 1024}, {"GB", "TB", 1024}};
    const struct setting_info *info = &infos[setting];
    int64_t number = settings->numbers[setting];
    if (info->kind != SETTING_INT || info->unit[0] == '\0' || number <= 0) {
        return settings->values[setting];
    }
    const char *unit = info->unit;
    if (strcmp(unit, "8kB") == 0) {
        unit = "kB";
        number *= 8;
    }
    for (size_t i = 0; i < KY_COUNT_OF(steps); i++) {
        if (strcmp(unit, steps[i].unit) == 0 && number % steps[i].factor == 0) {
            number /= steps[i].factor;
            unit = steps[i].larger;
        }
    }
    ky_buffer_clear(scratch);
    ky_buffer_printf(scratch, "%lld%s", (long long)number, unit);
    ky_buffer_append_byte(scratch, 0);
    return (const char *)scratch->data;
}

/* ------------------------------------------------------------------ undo */

size_t
settings_mark(const struct settings *settings)
{
    return settings->change_count;
}

static void
undo(struct settings *settings, const struct setting_change *change)
{
    if (change->setting < 0) {
        set_custom(settings, change->name, change->value);
    } else {
        store(settings, change->setting, ky_strdup(change->value),
              number_of(change->setting, change->value));
    }
}

void
settings_rollback(struct settings *settings, size_t mark)
{
    for (size_t i = settings->change_count; i > mark; i--) {
        undo(settings, &settings->changes[i - 1]);
    }
    drop_changes(settings, mark);
}

/* A plain SET after a SET LOCAL of the same name is what lasts, so a local change is undone only
 * if nothing plain follows it. */
static bool
is_overridden(const struct settings *settings, size_t index)
{
    const struct setting_change *change = &settings->changes[index];
    for (size_t i = index + 1; i < settings->change_count; i++) {
        const struct setting_change *later = &settings->changes[i];
        bool is_same = change->setting >= 0
                           ? later->setting == change->setting
                           : later->setting < 0 && strcmp(later->name, change->name) == 0;
        if (is_same && !later->is_local) {
            return true;
        }
    }
    return false;
}

void
settings_commit(struct settings *settings)
{
    for (size_t i = settings->change_count; i > 0; i--) {
        if (settings->changes[i - 1].is_local && !is_overridden(settings, i - 1)) {
            undo(settings, &settings->changes[i - 1]);
        }
    }
    drop_changes(settings, 0);
}
