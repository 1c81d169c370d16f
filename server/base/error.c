/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Texts are formatted aside and then copied, because arguments often point into the error that is
 * being replaced. A text that does not fit is cut between characters, so that what goes to the
 * client is still UTF-8.
 */

#include "server/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/utf8.h"

static const char sqlstate_codes[][6] = {
#define KY_SQLSTATE(name, code) code,
#include "server/base/sqlstate.def"
#undef KY_SQLSTATE
};
static const char *const sqlstate_names[] = {
#define KY_SQLSTATE(name, code) #name,
#include "server/base/sqlstate.def"
#undef KY_SQLSTATE
};
_Static_assert(KY_COUNT_OF(sqlstate_codes) == KY_SQLSTATE_COUNT, "one code for each constant");

/* A few bytes more than fit are formatted, to see whether the cut falls inside a character. */
KY_PRINTF(2, 0)
static void
format_text(char text_out[KY_ERROR_TEXT_SIZE], const char *format, va_list args)
{
    char aside[KY_ERROR_TEXT_SIZE + 8];
    int wanted = vsnprintf(aside, sizeof(aside), format, args);
    size_t size = wanted < 0 ? 0 : strlen(aside);
    size = ky_utf8_cut(aside, size, KY_ERROR_TEXT_SIZE - 1);
    memcpy(text_out, aside, size);
    text_out[size] = '\0';
}

#define FORMAT_INTO(field, format)            \
    do {                                      \
        va_list args;                         \
        va_start(args, format);               \
        format_text((field), (format), args); \
        va_end(args);                         \
    } while (0)

ky_status(ky_error_set)(struct ky_error *err, enum ky_sqlstate sqlstate, const char *format, ...)
{
    KY_ASSERT(sqlstate != KY_SUCCESSFUL_COMPLETION);
    char message[KY_ERROR_TEXT_SIZE];
    FORMAT_INTO(message, format);
    ky_error_init(err);
    err->sqlstate = sqlstate;
    memcpy(err->message, message, strlen(message) + 1);
    return KY_ERR;
}

ky_status(ky_error_set_errno)(struct ky_error *err, enum ky_sqlstate sqlstate, int saved_errno,
                              const char *format, ...)
{
    char message[KY_ERROR_TEXT_SIZE];
    FORMAT_INTO(message, format);
    char reason[128];
    (void)ky_error_set(err, sqlstate, "%s: %s", message,
                       strerror_r(saved_errno, reason, sizeof(reason)));
    err->saved_errno = saved_errno;
    return KY_ERR;
}

ky_status(ky_error_detail)(struct ky_error *err, const char *format, ...)
{
    FORMAT_INTO(err->detail, format);
    return KY_ERR;
}

ky_status(ky_error_hint)(struct ky_error *err, const char *format, ...)
{
    FORMAT_INTO(err->hint, format);
    return KY_ERR;
}

ky_status(ky_error_context)(struct ky_error *err, const char *format, ...)
{
    FORMAT_INTO(err->context, format);
    return KY_ERR;
}

ky_status(ky_error_at)(struct ky_error *err, int position)
{
    if (err->position == 0) {
        err->position = position;
    }
    return KY_ERR;
}

void
ky_error_name(char field[KY_ERROR_NAME_SIZE], const char *name)
{
    size_t size = ky_utf8_cut(name, strlen(name), KY_ERROR_NAME_SIZE - 1);
    memmove(field, name, size);
    field[size] = '\0';
}

const char *
ky_sqlstate_code(enum ky_sqlstate sqlstate)
{
    KY_ASSERT((unsigned)sqlstate < KY_SQLSTATE_COUNT);
    return sqlstate_codes[sqlstate];
}

enum ky_sqlstate
ky_sqlstate_find(const char code[5])
{
    for (unsigned i = 0; i < KY_SQLSTATE_COUNT; i++) {
        if (memcmp(sqlstate_codes[i], code, 5) == 0) {
            return (enum ky_sqlstate)i;
        }
    }
    return KY_SQLSTATE_COUNT;
}

void
ky_error_set_code(struct ky_error *err, const char code[5])
{
    const enum ky_sqlstate known = ky_sqlstate_find(code);
    err->code[0] = '\0';
    if (known != KY_SQLSTATE_COUNT) {
        err->sqlstate = known;
        return;
    }
    err->sqlstate = KY_RAISE_EXCEPTION;
    memcpy(err->code, code, 5);
    err->code[5] = '\0';
}

/* NULL_VALUE_NOT_ALLOWED__39 is null_value_not_allowed. */
static bool
is_condition(const char *constant, const char *name, size_t size)
{
    size_t i = 0;
    for (; i < size; i++) {
        const char c = constant[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != name[i]) {
            return false;
        }
    }
    return constant[i] == '\0' || (constant[i] == '_' && constant[i + 1] == '_');
}

bool
ky_condition_next(const char *name, size_t size, unsigned *place, enum ky_sqlstate *out)
{
    for (unsigned i = *place; i < KY_SQLSTATE_COUNT; i++) {
        if (strncmp(sqlstate_names[i], "SUCCESSFUL", 10) != 0 &&
            is_condition(sqlstate_names[i], name, size)) {
            *place = i + 1;
            *out = (enum ky_sqlstate)i;
            return true;
        }
    }
    return false;
}
