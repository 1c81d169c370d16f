/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "storage/api/state.h"

/*
 * Saved bytes in blocks, each with its own sum:
 *
 *      0 u32 size, 0 in the last one    4 u32 crc32c of the number of the block and the bytes
 *      8 bytes
 *
 * private to vector. The reader gives out only bytes of blocks whose sum was right.
 */
enum { STREAM_BLOCK_SIZE = 64 * 1024, STREAM_HEADER_SIZE = 8 };

struct stream_writer {
    struct state_sink *sink;
    struct ky_buffer block; /* owned; header and bytes */
    uint32_t number;
};

void stream_writer_init(struct stream_writer *writer, struct state_sink *sink);
void stream_writer_deinit(struct stream_writer *writer);
KY_MUST_CHECK ky_status stream_put(struct stream_writer *writer, const void *bytes, size_t size,
                                   struct ky_error *err);
KY_MUST_CHECK ky_status stream_end(struct stream_writer *writer, struct ky_error *err);

struct stream_reader {
    struct ky_slice left;  /* blocks not looked at */
    struct ky_slice block; /* bytes not given out */
    uint32_t number;
};

/* XX001 when there are not as many bytes, or a sum is wrong. */
KY_MUST_CHECK ky_status stream_get(struct stream_reader *reader, void *out, size_t size,
                                   struct ky_error *err);
/* XX001 unless all has been given out. */
KY_MUST_CHECK ky_status stream_get_end(struct stream_reader *reader, struct ky_error *err);
KY_COLD ky_status stream_damaged(struct ky_error *err, const char *what);
