/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>

#include "server/base/endian.h"
#include "server/base/slice.h"

/* A growing run of bytes on the heap. Zeroed memory is a valid empty buffer. */
struct ky_buffer {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
};

/* What ky_buffer_deinit frees. */
void ky_buffer_free(struct ky_buffer *buffer);
void ky_buffer_grow(struct ky_buffer *buffer, size_t extra);
void ky_buffer_append(struct ky_buffer *buffer, const void *data, size_t size);
void ky_buffer_printf(struct ky_buffer *buffer, const char *format, ...) KY_PRINTF(2, 3);
void ky_buffer_vprintf(struct ky_buffer *buffer, const char *format, va_list args) KY_PRINTF(2, 0);
/* Drops the first size bytes. */
void ky_buffer_consume(struct ky_buffer *buffer, size_t size);
/* Frees memory beyond keep_capacity once empty, so that idle owners cost little. */
void ky_buffer_shrink(struct ky_buffer *buffer, size_t keep_capacity);

static inline void
ky_buffer_deinit(struct ky_buffer *buffer)
{
    if (buffer->data != NULL) {
        ky_buffer_free(buffer);
    }
    *buffer = (struct ky_buffer){0};
}

static inline void
ky_buffer_clear(struct ky_buffer *buffer)
{
    buffer->size = 0;
}

/* Room for size more bytes; returns where to write, and size has been added. */
static inline uint8_t *
ky_buffer_extend(struct ky_buffer *buffer, size_t size)
{
    if (KY_UNLIKELY(buffer->data == NULL || buffer->capacity - buffer->size < size)) {
        ky_buffer_grow(buffer, size);
    }
    uint8_t *place = buffer->data + buffer->size;
    buffer->size += size;
    return place;
}

static inline void
ky_buffer_append_slice(struct ky_buffer *buffer, struct ky_slice slice)
{
    ky_buffer_append(buffer, slice.data, slice.size);
}

static inline void
ky_buffer_append_cstr(struct ky_buffer *buffer, const char *text)
{
    ky_buffer_append(buffer, text, strlen(text));
}

static inline void
ky_buffer_append_byte(struct ky_buffer *buffer, uint8_t byte)
{
    *ky_buffer_extend(buffer, 1) = byte;
}

static inline void
ky_buffer_append_be16(struct ky_buffer *buffer, uint16_t value)
{
    ky_store_be16(ky_buffer_extend(buffer, 2), value);
}

static inline void
ky_buffer_append_be32(struct ky_buffer *buffer, uint32_t value)
{
    ky_store_be32(ky_buffer_extend(buffer, 4), value);
}

static inline void
ky_buffer_append_be64(struct ky_buffer *buffer, uint64_t value)
{
    ky_store_be64(ky_buffer_extend(buffer, 8), value);
}

static inline struct ky_slice
ky_buffer_slice(const struct ky_buffer *buffer)
{
    return ky_slice(buffer->data, buffer->size);
}
