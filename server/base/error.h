/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/compiler.h"

enum { KY_ERROR_TEXT_SIZE = 512, KY_ERROR_NAME_SIZE = 64 };

/* SQLSTATEs: one enum constant KY_<NAME> for each line of sqlstate.def. */
enum ky_sqlstate {
#define KY_SQLSTATE(name, code) KY_##name,
#include "server/base/sqlstate.def"
#undef KY_SQLSTATE
    KY_SQLSTATE_COUNT
};

enum ky_status { KY_STATUS_OK = 0, KY_STATUS_ERR = -1 };
typedef enum ky_status ky_status;
#define KY_OK KY_STATUS_OK
#define KY_ERR KY_STATUS_ERR

/**
 * What went wrong, all inline so that running out of memory can be reported.
 * A caller starts with a zeroed one (KY_ERROR_INIT); a failing function fills it.
 */
struct ky_error {
    enum ky_sqlstate sqlstate; /* KY_SUCCESSFUL_COMPLETION when unset */
    int saved_errno;           /* 0 when no system call was involved */
    int position;              /* 1-based character in the query, 0 when unknown */
    int inner_position;        /* in inner_query, which is not the client's own */
    char code[6];              /* a SQLSTATE that the table does not have; "": sqlstate's own */
    char message[KY_ERROR_TEXT_SIZE];
    char detail[KY_ERROR_TEXT_SIZE];
    char hint[KY_ERROR_TEXT_SIZE];
    char context[KY_ERROR_TEXT_SIZE]; /* the W field: "COPY t, line 3, column a" */
    char inner_query[KY_ERROR_TEXT_SIZE];
    /* Names for drivers: fields s, t, c, d, n of ErrorResponse. Empty when absent. */
    char schema_name[KY_ERROR_NAME_SIZE];
    char table_name[KY_ERROR_NAME_SIZE];
    char column_name[KY_ERROR_NAME_SIZE];
    char type_name[KY_ERROR_NAME_SIZE];
    char constraint_name[KY_ERROR_NAME_SIZE];
};

/* Initialises only what decides whether the rest is read. */
static inline void
ky_error_init(struct ky_error *err)
{
    err->sqlstate = KY_SUCCESSFUL_COMPLETION;
    err->saved_errno = 0;
    err->position = err->inner_position = 0;
    err->code[0] = err->inner_query[0] = '\0';
    err->message[0] = err->detail[0] = err->hint[0] = err->context[0] = '\0';
    err->schema_name[0] = err->table_name[0] = err->column_name[0] = '\0';
    err->type_name[0] = err->constraint_name[0] = '\0';
}

/*
 * Raising. Each returns KY_ERR, so that it is one line; the macros say so in a way the compiler
 * sees, which lets it know that an output was set wherever the status is KY_OK.
 */
static inline ky_status
ky_error_raised(ky_status status)
{
    (void)status;
    return KY_ERR;
}

/* Fills err. Clears detail, hint, names, position. */
KY_COLD ky_status ky_error_set(struct ky_error *err, enum ky_sqlstate sqlstate, const char *format,
                               ...) KY_PRINTF(3, 4);
#define ky_error_set(...) ky_error_raised((ky_error_set)(__VA_ARGS__))
/* The same, with errno saved and its text appended as ": <strerror>". */
KY_COLD ky_status ky_error_set_errno(struct ky_error *err, enum ky_sqlstate sqlstate,
                                     int saved_errno, const char *format, ...) KY_PRINTF(4, 5);
#define ky_error_set_errno(...) ky_error_raised((ky_error_set_errno)(__VA_ARGS__))
/* Full sentences, added to an error that was raised. */
KY_COLD ky_status ky_error_detail(struct ky_error *err, const char *format, ...) KY_PRINTF(2, 3);
KY_COLD ky_status ky_error_hint(struct ky_error *err, const char *format, ...) KY_PRINTF(2, 3);
KY_COLD ky_status ky_error_context(struct ky_error *err, const char *format, ...) KY_PRINTF(2, 3);
#define ky_error_detail(...) ky_error_raised((ky_error_detail)(__VA_ARGS__))
#define ky_error_hint(...) ky_error_raised((ky_error_hint)(__VA_ARGS__))
#define ky_error_context(...) ky_error_raised((ky_error_context)(__VA_ARGS__))
/* Sets position (1-based, in characters) if it is not set yet. */
KY_COLD ky_status ky_error_at(struct ky_error *err, int position);
#define ky_error_at(...) ky_error_raised((ky_error_at)(__VA_ARGS__))
/* Copies a name into one of the *_name fields, cut at a UTF-8 boundary. */
void ky_error_name(char field[KY_ERROR_NAME_SIZE], const char *name);

/* The five characters of a SQLSTATE, and back (KY_SQLSTATE_COUNT when unknown). */
const char *ky_sqlstate_code(enum ky_sqlstate sqlstate);
/* The five characters of the error's. */
static inline const char *
ky_error_code(const struct ky_error *err)
{
    return err->code[0] != '\0' ? err->code : ky_sqlstate_code(err->sqlstate);
}
/* Gives it any code: five digits and capital letters. */
void ky_error_set_code(struct ky_error *err, const char code[5]);
/* The code of a condition name ("division_by_zero"); several may have one name, next goes on from
 * *place = 0. False: no more. */
bool ky_condition_next(const char *name, size_t size, unsigned *place, enum ky_sqlstate *out);
enum ky_sqlstate ky_sqlstate_find(const char code[5]);

/* Leaves the function on failure; only where there is nothing to clean up. */
#define KY_TRY(call)                        \
    do {                                    \
        if (KY_UNLIKELY((call) != KY_OK)) { \
            return KY_ERR;                  \
        }                                   \
    } while (0)
