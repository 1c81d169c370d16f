/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/compact/base_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "tests/support/mem_disk.h"

static const uint8_t SYSTEM_ID[16] = "base file tests";

struct base_fixture {
    struct mem_disk *disk;
    struct base_identity identity;
    struct log_file listed;
    lsn_t places[512];
    uint32_t count;
};

static struct ky_slice
body_of(uint32_t i)
{
    static char text[4000];
    int size = snprintf(text, sizeof(text), "row %u", i);
    /* Some long enough that a block holds few. */
    size_t more = i % 50 == 7 ? 3000 : i % 11;
    memset(text + size, 'x', more);
    return ky_slice(text, (size_t)size + more);
}

static struct base_record
record_of(uint32_t i)
{
    return (struct base_record){
        .rel = 100 + i / 40,
        .row_id = 1 + i % 40 / 2, /* two versions of a row */
        .commit_lsn = 1000 + (uint64_t)i * 8,
        .is_event = i % 3 == 0,
        .event = i % 3 == 0 ? 5000 + i : 0,
        .body = body_of(i),
    };
}

static struct base_file *
write_base(struct base_fixture *f, uint32_t count)
{
    struct ky_error err;
    ky_error_init(&err);
    f->disk = mem_disk_new();
    f->identity.id = 7;
    f->count = count;
    memcpy(f->identity.system_id, SYSTEM_ID, 16);
    struct io *io = mem_disk_io(f->disk);
    cr_assert_eq(io_make_dir(io, "data", &err), KY_OK);
    cr_assert_eq(io_make_dir(io, "data/base", &err), KY_OK);
    struct base_writer writer = {.io = io, .dir = "data", .identity = f->identity};
    cr_assert_eq(base_writer_begin(&writer, &err), KY_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct base_record record = record_of(i);
        cr_assert_eq(base_writer_add(&writer, &record, &f->places[i], &err), KY_OK);
    }
    struct base_file *file = NULL;
    cr_assert_eq(base_writer_finish(&writer, &file, &err), KY_OK, "%s", err.message);
    base_describe(file, &f->listed);
    return file;
}

static ky_status
open_and_check(struct base_fixture *f, struct ky_error *err)
{
    struct base_file *file = NULL;
    KY_TRY(base_file_open(mem_disk_io(f->disk), "data", &f->identity, &f->listed, &file, err));
    ky_status status = base_file_check(file, err);
    base_file_free(file);
    return status;
}

Test(base_file, what_was_written_is_read_back_by_place_and_by_block)
{
    struct base_fixture f;
    struct ky_error err;
    ky_error_init(&err);
    struct base_file *file = write_base(&f, 500);
    cr_expect_eq(file->record_count, 500);
    cr_expect_eq(file->min_commit_lsn, 1000);
    cr_expect_eq(file->max_commit_lsn, 1000 + 499 * 8);
    uint32_t in_blocks = 0;
    for (uint32_t i = 0; i < file->block_count; i++) {
        struct ky_slice records;
        cr_assert_eq(base_file_check_block(file, i, &records, &err), KY_OK);
        in_blocks += base_file_block(file, i).record_count;
    }
    cr_expect_eq(in_blocks, 500);
    cr_expect_eq(file->block_count, 13); /* one for each relation: 500 / 40 */
    for (uint32_t i = 0; i < 500; i++) {
        cr_assert(location_is_base(f.places[i]));
        cr_assert_eq(location_base_id(f.places[i]), 7);
        uint64_t offset = location_base_offset(f.places[i]);
        struct base_record record;
        size_t size = 0;
        cr_assert_eq(base_record_decode(ky_slice(file->bytes + offset, file->size - offset), true,
                                        &record, &size, &err),
                     KY_OK, "%s", err.message);
        struct base_record wanted = record_of(i);
        cr_assert_eq(record.rel, wanted.rel);
        cr_assert_eq(record.row_id, wanted.row_id);
        cr_assert_eq(record.commit_lsn, wanted.commit_lsn);
        cr_assert_eq(record.is_event, wanted.is_event);
        cr_assert_eq(record.event, wanted.event);
        cr_assert(ky_slice_equal(record.body, wanted.body));
    }
    base_file_free(file);
    cr_expect_eq(open_and_check(&f, &err), KY_OK, "%s", err.message);
    mem_disk_free(f.disk);
}

/* Header and index when the file is opened, blocks when they are checked: no byte is unguarded. */
Test(base_file, any_flipped_bit_is_found)
{
    struct base_fixture f;
    base_file_free(write_base(&f, 90));
    uint64_t size = 0;
    uint8_t *bytes = mem_disk_bytes(f.disk, "data/base/0000000000000007.base", &size);
    cr_assert_not_null(bytes);
    for (uint64_t i = 0; i < size; i++) {
        struct ky_error err;
        ky_error_init(&err);
        bytes[i] ^= (uint8_t)(1U << i % 8);
        cr_expect_eq(open_and_check(&f, &err), KY_ERR, "byte %" PRIu64, i);
        cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED, "byte %" PRIu64, i);
        cr_expect(strstr(err.message, "0000000000000007.base") != NULL, "byte %" PRIu64, i);
        bytes[i] ^= (uint8_t)(1U << i % 8);
    }
    struct ky_error err;
    cr_expect_eq(open_and_check(&f, &err), KY_OK);
    mem_disk_free(f.disk);
}

Test(base_file, another_file_in_its_place_is_refused)
{
    struct base_fixture f;
    base_file_free(write_base(&f, 90));
    struct ky_error err;
    ky_error_init(&err);
    struct base_fixture other = f;
    other.listed.checksum ^= 1;
    cr_expect_eq(open_and_check(&other, &err), KY_ERR);
    other = f;
    other.listed.size += 8;
    cr_expect_eq(open_and_check(&other, &err), KY_ERR);
    other = f;
    other.identity.system_id[0] ^= 1;
    cr_expect_eq(open_and_check(&other, &err), KY_ERR);
    other = f;
    other.identity.id = 8;
    cr_expect_eq(open_and_check(&other, &err), KY_ERR);
    cr_expect(strstr(err.message, "is missing") != NULL);
    mem_disk_free(f.disk);
}

Test(base_file, a_write_that_fails_anywhere_leaves_no_file)
{
    for (uint64_t at = 1;; at++) {
        struct ky_error err;
        ky_error_init(&err);
        struct mem_disk *disk = mem_disk_new();
        struct io *io = mem_disk_io(disk);
        cr_assert_eq(io_make_dir(io, "data", &err), KY_OK);
        cr_assert_eq(io_make_dir(io, "data/base", &err), KY_OK);
        struct base_writer writer = {.io = io, .dir = "data", .identity.id = 1};
        struct base_record record = record_of(1);
        struct base_file *file = NULL;
        lsn_t place = 0;
        mem_disk_fault(disk, MEM_FAULT_ERROR, ENOSPC, at);
        ky_status status = base_writer_begin(&writer, &err);
        if (status == KY_OK) {
            status = base_writer_add(&writer, &record, &place, &err);
        }
        if (status == KY_OK) {
            status = base_writer_finish(&writer, &file, &err);
        }
        bool was_hit = mem_disk_fault_hit(disk);
        mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
        base_writer_abandon(&writer);
        if (!was_hit) {
            cr_expect_eq(status, KY_OK);
            base_file_free(file);
            mem_disk_free(disk);
            cr_expect_gt(at, 4, "the sweep never ran");
            return;
        }
        cr_expect_eq(status, KY_ERR);
        cr_expect_eq(err.sqlstate, KY_DISK_FULL);
        uint64_t size = 0;
        cr_expect_null(mem_disk_bytes(disk, "data/base/0000000000000001.base", &size));
        mem_disk_free(disk);
    }
}
