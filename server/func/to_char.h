/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func_private.h"

/* A date or time with the type that its template gives it. */
struct exact_datetime {
    oid_t type;          /* date, time, timetz, timestamp, timestamptz */
    int32_t zone_offset; /* of those with a zone: seconds east */
    int64_t moment;      /* the type's word; of timetz the time of day in its zone */
};

/* Reads text by a template as SQL's standard wants: separators must match, nothing may be missing
 * or left over. 22007, 22008. */
KY_MUST_CHECK ky_status datetime_read_exactly(struct ky_slice text, struct ky_slice template,
                                              struct exact_datetime *out, struct ky_error *err);
