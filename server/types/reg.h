/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

struct enum_labels;

/**
 * How regclass, regtype, regproc and the others find names: filled in by the floor that has a
 * catalog and a search path, and put into a session's type_context. Callbacks run on the
 * statement's thread and may use its arena.
 */
struct reg_names {
    void *self;
    /* reg_type is OID_REGCLASS and so on; text is as the user wrote it, quotes and schema included.
     * Reports what PostgreSQL would when there is no such object (42P01, 42704, 42883, 3F000). */
    ky_status (*find_oid)(void *self, oid_t reg_type, struct ky_slice text, oid_t *oid_out,
                          struct ky_error *err);
    /* Appends the name, quoted and qualified where needed. False, and nothing appended, when
     * unknown: the number is shown instead. */
    bool (*append_name)(void *self, oid_t reg_type, oid_t oid, struct ky_buffer *out);
    /* The labels of an enum where the transaction changed types itself; NULL: those that all see.
     * The pointer may be NULL. */
    const struct enum_labels *(*find_labels)(void *self, oid_t type);
};

/* The SQLSTATE and text for a name that no object of the kind has. */
KY_COLD ky_status reg_error_missing(struct ky_error *err, oid_t reg_type, struct ky_slice name);
