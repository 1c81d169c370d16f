/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/buffer.h"
#include "storage/api/state.h"

/* Saved state in memory, for whoever tests saving and loading: a sink that fails when it is told
 * to, and maps of what it got, page-aligned as in a checkpoint. */
struct buffer_sink {
    struct state_sink sink;
    struct ky_buffer bytes; /* owned */
    size_t fail_above;      /* bytes it takes; 0: any number */
};

static inline ky_status
buffer_sink_write(struct state_sink *sink, struct ky_slice bytes, struct ky_error *err)
{
    struct buffer_sink *buffer = (struct buffer_sink *)sink;
    if (buffer->fail_above != 0 && buffer->bytes.size + bytes.size > buffer->fail_above) {
        return ky_error_set(err, KY_DISK_FULL, "the test's disk is full");
    }
    ky_buffer_append_slice(&buffer->bytes, bytes);
    return KY_OK;
}

static inline void
buffer_sink_init(struct buffer_sink *buffer)
{
    *buffer = (struct buffer_sink){.sink = {.write = buffer_sink_write}};
}

struct buffer_map {
    struct state_map map;
    void *copy;
};

static inline void
buffer_map_release(struct state_map *map)
{
    struct buffer_map *buffer = (struct buffer_map *)map;
    free(buffer->copy);
    free(buffer);
}

static inline struct state_map *
buffer_map_new(const void *bytes, size_t size)
{
    struct buffer_map *buffer = (struct buffer_map *)calloc(1, sizeof(*buffer));
    KY_ASSERT(buffer != NULL);
    int failed = posix_memalign(&buffer->copy, 4096, size + 1);
    KY_ASSERT(failed == 0);
    if (size > 0) {
        memcpy(buffer->copy, bytes, size);
    }
    buffer->map.bytes = ky_slice(buffer->copy, size);
    buffer->map.release = buffer_map_release;
    return &buffer->map;
}
