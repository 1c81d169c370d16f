/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/error.h"
#include "server/base/slice.h"
#include "storage/api/ids.h"

/*
 * How derived state (indexes, vector collections) is saved with a checkpoint and found again.
 * The owner of the checkpoint implements both structs; the saved object knows its own format,
 * carries its own version and checksums, and believes nothing before it has checked them.
 * Saved state is never the truth: whoever cannot load it says XX001 and it is rebuilt from rows.
 */

/* Where the bytes of one part go, in order. Synced by the owner when all parts are written. */
struct state_sink {
    KY_MUST_CHECK ky_status (*write)(struct state_sink *sink, struct ky_slice bytes,
                                     struct ky_error *err);
};

/*
 * One saved part, mapped read-only, page-aligned, as it was written. Whoever takes it may keep
 * pointers into bytes and calls release once, when nothing points there any more; the file may be
 * unlinked before that.
 */
struct state_map {
    struct ky_slice bytes;
    void (*release)(struct state_map *map);
};
