/* SPDX-License-Identifier: Apache-2.0 */

/* Doubling keeps appends at constant cost; owners that go idle give memory back themselves. */

#include "server/base/buffer.h"

#include <stdio.h>

#include "server/base/arena.h"
#include "server/base/assert.h"

enum { BUFFER_CAPACITY_MIN = 64 };

void
ky_buffer_free(struct ky_buffer *buffer)
{
    ky_free(buffer->data);
}

void
ky_buffer_grow(struct ky_buffer *buffer, size_t extra)
{
    KY_ASSERT(extra <= SIZE_MAX / 4);
    KY_ASSERT(buffer->size <= SIZE_MAX / 4);
    size_t need = buffer->size + extra;
    if (need <= buffer->capacity && buffer->data != NULL) {
        return;
    }
    size_t capacity = KY_MAX(buffer->capacity * 2, (size_t)BUFFER_CAPACITY_MIN);
    capacity = KY_MAX(capacity, need);
    buffer->data = (uint8_t *)ky_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

void
ky_buffer_append(struct ky_buffer *buffer, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(ky_buffer_extend(buffer, size), data, size);
    }
}

void
ky_buffer_printf(struct ky_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ky_buffer_vprintf(buffer, format, args);
    va_end(args);
}

/* vsnprintf wants room for its zero; the zero is not part of the contents. */
void
ky_buffer_vprintf(struct ky_buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    ky_buffer_grow(buffer, 1);
    size_t room = buffer->capacity - buffer->size;
    int result = vsnprintf((char *)buffer->data + buffer->size, room, format, args);
    KY_ASSERT(result >= 0);
    size_t size = (size_t)result;
    if (size >= room) {
        ky_buffer_grow(buffer, size + 1);
        (void)vsnprintf((char *)buffer->data + buffer->size, size + 1, format, again);
    }
    va_end(again);
    buffer->size += size;
}

void
ky_buffer_consume(struct ky_buffer *buffer, size_t size)
{
    KY_ASSERT(size <= buffer->size);
    if (size == 0) {
        return;
    }
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size);
}

void
ky_buffer_shrink(struct ky_buffer *buffer, size_t keep_capacity)
{
    if (buffer->size > 0 || buffer->capacity <= keep_capacity) {
        return;
    }
    if (keep_capacity == 0) {
        ky_buffer_deinit(buffer);
        return;
    }
    buffer->data = (uint8_t *)ky_realloc(buffer->data, keep_capacity);
    buffer->capacity = keep_capacity;
}
