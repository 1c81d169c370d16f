/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "server/base/map.h"

/* A session's settings (PostgreSQL's GUCs): names, limits, SET, SET LOCAL, undo on rollback. */

/* Those the code asks for by name; the order is settings.def's. */
enum setting {
#define SETTING(id, name, kind, value, minimum, maximum, options, unit, category, flags, text) \
    SETTING_##id,
#include "server/session/settings.def"
#undef SETTING
    SETTING_COUNT
};

enum setting_kind { SETTING_BOOL, SETTING_INT, SETTING_REAL, SETTING_STRING, SETTING_ENUM };
enum setting_flag {
    SETTING_REPORT = 1,    /* ParameterStatus */
    SETTING_READ_ONLY = 2, /* 55P02 */
    SETTING_HIDDEN = 4,    /* not in SHOW ALL */
};

struct setting_info {
    const char *name; /* as shown: "DateStyle" */
    enum setting_kind kind;
    const char *value; /* the default */
    double minimum, maximum;
    const char *options; /* of an enum: "off,on,remote_apply" */
    const char *unit;    /* "ms", "kB", "" */
    const char *category;
    int flags;
    const char *text; /* pg_settings.short_desc */
};

struct setting_change;
struct settings {
    char *values[SETTING_COUNT];    /* owned; canonical text */
    int64_t numbers[SETTING_COUNT]; /* of BOOL and INT, in the base unit */
    double reals[SETTING_COUNT];
    char *resets[SETTING_COUNT];    /* what RESET goes back to; owned */
    struct ky_smap custom;          /* "my.name" -> char *, owned */
    struct setting_change *changes; /* since the transaction began, oldest first */
    size_t change_count, change_capacity;
    uint64_t version; /* +1 with each change */
};

void settings_init(struct settings *settings);
void settings_deinit(struct settings *settings);
/* Case-insensitive; -1 when unknown. */
int setting_find(const char *name);
const struct setting_info *setting_info(int setting);
/* 42704 for an unknown name without a dot, 22023 for a bad value, 55P02 for a read-only one.
 * is_local: until the transaction ends. is_start: a start-up value, which RESET goes back to. */
KY_MUST_CHECK ky_status settings_set(struct settings *settings, const char *name, const char *value,
                                     bool is_local, bool is_start, struct ky_error *err);
KY_MUST_CHECK ky_status settings_reset(struct settings *settings, const char *name,
                                       struct ky_error *err);
void settings_reset_all(struct settings *settings);
/* As SHOW prints it: with a unit. NULL when unknown. */
const char *settings_show(const struct settings *settings, const char *name,
                          struct ky_buffer *scratch);
/* For values that the server itself fixes (server_version, is_superuser ...). */
void settings_force(struct settings *settings, enum setting setting, const char *value);

static inline int64_t
settings_int(const struct settings *settings, enum setting setting)
{
    return settings->numbers[setting];
}

static inline bool
settings_bool(const struct settings *settings, enum setting setting)
{
    return settings->numbers[setting] != 0;
}

static inline const char *
settings_text(const struct settings *settings, enum setting setting)
{
    return settings->values[setting];
}

/* Undo: a mark, going back to it, and what a commit does (ends SET LOCAL). report is called for
 * every reported setting that changed. */
size_t settings_mark(const struct settings *settings);
void settings_rollback(struct settings *settings, size_t mark);
void settings_commit(struct settings *settings);
