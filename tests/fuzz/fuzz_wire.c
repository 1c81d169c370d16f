/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes from a client: framing makes progress, and every decoder answers without reading past.
 */

#include "server/base/assert.h"
#include "server/pgwire/codec/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode_all(struct ky_slice body, struct ky_arena *arena)
{
    struct ky_error err;
    struct ky_slice text;
    struct pgw_startup startup;
    struct pgw_sasl_initial sasl;
    struct pgw_parse parse;
    struct pgw_bind bind;
    struct pgw_target target;
    struct pgw_execute execute;
    (void)!pgw_decode_startup(body, arena, &startup, &err);
    (void)!pgw_decode_sasl_initial(body, &sasl, &err);
    (void)!pgw_decode_parse(body, arena, &parse, &err);
    (void)!pgw_decode_bind(body, arena, &bind, &err);
    (void)!pgw_decode_target(body, "CLOSE", &target, &err);
    (void)!pgw_decode_execute(body, &execute, &err);
    (void)!pgw_decode_empty(body, &err);
    (void)!pgw_check_utf8(body, &err);
    if (pgw_decode_string(body, &text, &err) == KY_OK) {
        KY_ASSERT(text.size + 1 == body.size);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_arena arena;
    struct pgw_frame frame;
    size_t offset = 0;
    ky_arena_init(&arena);
    if (pgw_frame_startup(ky_slice(data, size), &frame) == PGW_FRAME_WHOLE) {
        decode_all(frame.body, &arena);
        offset = frame.size;
    }
    while (pgw_frame_next(ky_slice(data + offset, size - offset), PGW_LOGIN_SIZE_MAX, &frame) ==
           PGW_FRAME_WHOLE) {
        KY_ASSERT(frame.size > 0);
        KY_ASSERT(frame.size <= size - offset);
        decode_all(frame.body, &arena);
        offset += frame.size;
    }
    ky_arena_deinit(&arena);
    return 0;
}
