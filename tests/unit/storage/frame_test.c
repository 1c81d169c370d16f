/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/frame.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "storage/log/manifest.h"

static const uint8_t SYSTEM_ID[16] = "frame-test";

static size_t
make_frame(uint8_t *place, lsn_t lsn)
{
    struct frame_chunk_ref ref = {.lsn = 8192, .record_count = 3, .event_count = 2};
    memcpy(place + FRAME_HEADER_SIZE, &ref, sizeof(ref));
    size_t back = FRAME_HEADER_SIZE + sizeof(ref);
    struct record record = {.type = RECORD_UPDATE,
                            .flags = RECORD_IS_EVENT,
                            .rel = 16400,
                            .row_id = 77,
                            .frame_back = (uint32_t)back,
                            .event_index = 0,
                            .body = ky_slice_cstr("a row's bytes")};
    record_encode(place + back, &record);
    size_t size = back + record_size(record.body.size);
    struct frame frame = {.flags = FRAME_COMMIT,
                          .total_size = (uint32_t)size,
                          .record_count = 1,
                          .chunk_count = 1,
                          .lsn = lsn,
                          .txid = 5,
                          .commit_time = 123456789,
                          .epoch = 3,
                          .durable_lsn = lsn - 8,
                          .first_event = 41,
                          .event_count = 3};
    struct frame_sums sums = {.prev_sum = 1,
                              .payload_sum = frame_payload_sum(frame_seed(SYSTEM_ID),
                                                               place + FRAME_HEADER_SIZE,
                                                               size - FRAME_HEADER_SIZE)};
    frame_encode_header(place, &frame, sums);
    return size;
}

Test(frame, what_was_encoded_is_decoded)
{
    _Alignas(8) uint8_t bytes[256] = {0};
    size_t size = make_frame(bytes, 65536 + 4096);
    struct frame frame;
    struct frame_sums sums;
    struct record record;
    struct ky_error err = {0};
    cr_assert_eq(frame_decode(ky_slice(bytes, sizeof(bytes)), 65536 + 4096, &frame, &sums, &err),
                 KY_OK, "%s", err.message);
    cr_expect_eq(frame.total_size, size);
    cr_expect_eq(frame.txid, 5);
    cr_expect_eq(frame.commit_time, 123456789);
    cr_expect_eq(frame.epoch, 3);
    cr_expect_eq(frame.first_event, 41);
    cr_expect_eq(frame.event_count, 3);
    cr_expect_eq(frame.chunks[0].lsn, 8192);
    cr_expect_eq(sums.prev_sum, 1);
    cr_assert_eq(record_decode(frame.records, true, &record, &err), KY_OK, "%s", err.message);
    cr_expect_eq(record.type, RECORD_UPDATE);
    cr_expect_eq(record.rel, 16400);
    cr_expect_eq(record.row_id, 77);
    cr_expect_eq(record.frame_back, FRAME_HEADER_SIZE + 16);
    cr_expect(ky_slice_is(record.body, "a row's bytes"));
}

Test(frame, any_flipped_header_byte_and_any_other_position_is_refused)
{
    _Alignas(8) uint8_t bytes[256] = {0};
    size_t size = make_frame(bytes, 65536 + 4096);
    struct frame frame;
    struct ky_error err = {0};
    for (size_t i = 0; i < FRAME_HEADER_SIZE * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_expect_eq(frame_decode(ky_slice(bytes, size), 65536 + 4096, &frame, NULL, &err), KY_ERR);
        cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    cr_expect_eq(frame_decode(ky_slice(bytes, size), 65536 + 4104, &frame, NULL, &err), KY_ERR);
    for (size_t cut = 0; cut < size; cut++) {
        cr_expect_eq(frame_decode(ky_slice(bytes, cut), 65536 + 4096, &frame, NULL, &err), KY_ERR);
    }
}

Test(frame, any_flipped_record_byte_is_refused)
{
    _Alignas(8) uint8_t bytes[128];
    struct record record = {
        .type = RECORD_INSERT, .rel = 1, .row_id = 2, .body = ky_slice_cstr("0123456789")};
    record_encode(bytes, &record);
    size_t size = record_size(10);
    cr_assert_eq(size, 48);
    struct ky_error err = {0};
    for (size_t i = 0; i < (RECORD_HEADER_SIZE + 10) * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_expect_eq(record_decode(ky_slice(bytes, size), true, &record, &err), KY_ERR, "bit %zu",
                     i);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        cr_expect_eq(record_decode(ky_slice(bytes, cut), true, &record, &err), KY_ERR);
    }
    cr_expect_eq(record_decode(ky_slice(bytes, size), true, &record, &err), KY_OK);
}

Test(frame, a_manifest_round_trips_and_any_flipped_bit_is_refused)
{
    struct manifest_segment segments[] = {{.number = 1, .end_offset = 5000, .epoch = 1},
                                          {.number = 4, .first_event = 12, .epoch = 2}};
    struct log_file files[] = {
        {.name = "base/1.base", .kind = LOG_FILE_BASE, .size = 3, .checksum = 4, .info = {5, 6}},
        {.name = "checkpoint-1/rows", .kind = LOG_FILE_CHECKPOINT, .size = 7}};
    struct manifest manifest = {.generation = 9,
                                .prev_crc = 7,
                                .segment_size = 65536,
                                .epoch = 2,
                                .durable_lsn = 70000,
                                .next_event = 12,
                                .last_sum = 99,
                                .highest_txid = 1000,
                                .checkpoint_lsn = 69632,
                                .checkpoint_name = "a",
                                .segments = segments,
                                .segment_count = 2,
                                .files = files,
                                .file_count = 2,
                                .history_event = 11};
    memcpy(manifest.system_id, SYSTEM_ID, 16);
    struct ky_buffer bytes = {0};
    manifest_encode(&manifest, &bytes);
    struct manifest back;
    struct ky_error err = {0};
    cr_assert_eq(manifest_decode(ky_buffer_slice(&bytes), "m", &back, &err), KY_OK, "%s",
                 err.message);
    cr_expect_eq(back.generation, 9);
    cr_expect_eq(back.segment_count, 2);
    cr_expect_arr_eq(back.segments, segments, sizeof(segments));
    cr_expect_str_eq(back.checkpoint_name, "a");
    cr_assert_eq(back.file_count, 2);
    cr_expect_eq(back.history_event, 11);
    cr_expect_arr_eq(back.files[0].name, files[0].name, sizeof(files[0].name));
    cr_expect_eq(back.files[0].kind, LOG_FILE_BASE);
    cr_expect_eq(back.files[0].size, 3);
    cr_expect_eq(back.files[0].checksum, 4);
    cr_expect_eq(back.files[0].info[1], 6);
    cr_expect_str_eq(back.files[1].name, "checkpoint-1/rows");
    manifest_deinit(&back);
    for (size_t i = 0; i < bytes.size * 8; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_expect_eq(manifest_decode(ky_buffer_slice(&bytes), "m", &back, &err), KY_ERR);
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    ky_buffer_deinit(&bytes);
}

/* What the server opens by a manifest's word must lie in its own directory. */
Test(frame, a_manifest_with_a_file_outside_the_data_directory_is_refused)
{
    static const char *const names[] = {"/etc/passwd", "base/../../x", "", "..", "a"};
    struct manifest_segment segments[] = {{.number = 1}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct log_file file = {.kind = LOG_FILE_BASE};
        memcpy(file.name, names[i], strlen(names[i]));
        struct manifest manifest = {.segment_size = 65536,
                                    .segments = segments,
                                    .segment_count = 1,
                                    .files = &file,
                                    .file_count = 1};
        struct ky_buffer bytes = {0};
        manifest_encode(&manifest, &bytes);
        struct manifest back = {0};
        struct ky_error err = {0};
        bool is_good = i == 4;
        cr_expect_eq(manifest_decode(ky_buffer_slice(&bytes), "m", &back, &err) == KY_OK, is_good);
        manifest_deinit(&back);
        ky_buffer_deinit(&bytes);
    }
}
