/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/* OIDs of the functions that pg_type names for a type; 0: it has none. */
struct type_io {
    oid_t type;
    oid_t input, output, receive, send;
};
const struct type_io *type_io_of(const struct type *type);
