/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/clock.h"
#include "tests/support/log_fixture.h"
#include "tests/support/mem_disk.h"

static void
setup(void)
{
    ky_log_set_level(KY_LOG_ERROR);
}

TestSuite(log, .init = setup);

static void
open_ok(struct log_fixture *fixture)
{
    struct ky_error err = {0};
    cr_assert_eq(log_fixture_open(fixture, &err), KY_OK, "%s", err.message);
    cr_assert_str_empty(fixture->fault);
}

Test(log, a_new_log_is_empty_and_position_zero_is_never_used)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    cr_expect_eq(log_visible_lsn(fixture.log), FIXTURE_SEGMENT_SIZE + 4096);
    cr_expect_eq(log_next_event(fixture.log), 0);
    cr_expect_null(log_at(fixture.log, 0));
    cr_expect(log_has_space(fixture.log));
    cr_expect_eq(log_find_event(fixture.log, 0), LSN_MAX);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, commits_are_read_back_over_many_restarts_and_segments)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    uint32_t number = 1;
    for (uint32_t round = 0; round < 6; round++) {
        open_ok(&fixture);
        cr_expect_eq(fixture.seen_count, number - 1);
        for (uint32_t i = 0; i < 300; i++) {
            cr_assert(log_fixture_commit(&fixture, number++));
        }
        log_fixture_close(&fixture);
    }
    open_ok(&fixture);
    cr_assert_eq(fixture.seen_count, number - 1);
    for (uint32_t i = 0; i < fixture.seen_count; i++) {
        cr_assert_eq(fixture.seen[i], i + 1);
    }
    struct log_stats stats;
    log_stats(fixture.log, &stats);
    cr_expect_gt(stats.segment_count, 4);
    cr_expect_eq(stats.epoch, 7);
    cr_expect_eq(stats.highest_txid, number - 1);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

static void
check_events(struct log_fixture *fixture)
{
    event_offset_t next = log_next_event(fixture->log);
    for (event_offset_t event = 0; event < next; event += 1 + event % 3) {
        struct frame frame;
        struct ky_error err = {0};
        lsn_t lsn = log_find_event(fixture->log, event);
        cr_assert_eq(log_frame_at(fixture->log, lsn, &frame, &err), KY_OK, "event %" PRIu64 ": %s",
                     event, err.message);
        cr_assert(event >= frame.first_event);
        cr_assert(event - frame.first_event < frame.event_count);
    }
    cr_assert_eq(log_find_event(fixture->log, next), LSN_MAX);
}

Test(log, every_event_is_found_before_and_after_a_restart_from_a_checkpoint)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    for (uint32_t i = 1; i <= 1200; i++) {
        cr_assert(log_fixture_commit(&fixture, i));
    }
    check_events(&fixture);
    lsn_t checkpoint_lsn = log_visible_lsn(fixture.log);
    struct log_change change = {.checkpoint_name = "ckpt-1", .checkpoint_lsn = checkpoint_lsn};
    cr_assert_eq(log_install(fixture.log, &change, &err), KY_OK);
    for (uint32_t i = 1201; i <= 1500; i++) {
        cr_assert(log_fixture_commit(&fixture, i));
    }
    log_fixture_close(&fixture);

    struct log_manifest_info info;
    cr_assert_eq(log_read_manifest(mem_disk_io(disk), "data", &info, &err), KY_OK);
    cr_assert(info.exists);
    cr_assert_str_eq(info.checkpoint_name, "ckpt-1");
    cr_assert_eq(info.checkpoint_lsn, checkpoint_lsn);
    fixture.from = info.checkpoint_lsn;
    log_manifest_info_deinit(&info);
    open_ok(&fixture);
    cr_assert_eq(fixture.seen_count, 300);
    check_events(&fixture);
    uint32_t walked = 0;
    struct frame frame;
    for (lsn_t at = 0; log_next_commit(fixture.log, at, &frame);
         at = frame.lsn + frame.total_size) {
        cr_assert_eq(frame.txid, ++walked);
    }
    cr_assert_eq(walked, 1500);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

static bool
is_named(void *arg, const struct log_file *file)
{
    return strcmp(file->name, arg) == 0;
}

Test(log, listed_files_come_and_go_with_switches_and_outlive_restarts)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    struct log_file files[] = {{.name = "base/1", .kind = LOG_FILE_BASE, .size = 10},
                               {.name = "base/2", .kind = LOG_FILE_BASE, .size = 20}};
    struct log_change change = {.add = files, .add_count = 2};
    cr_assert_eq(log_install(fixture.log, &change, &err), KY_OK);
    cr_assert(log_fixture_commit(&fixture, 1));
    log_fixture_close(&fixture);
    open_ok(&fixture);

    char gone[] = "base/1";
    struct log_file more = {.name = "base/3", .kind = LOG_FILE_BASE, .size = 30};
    change = (struct log_change){.add = &more, .add_count = 1, .removes = is_named, .arg = gone};
    /* A refused switch changes nothing. */
    struct log_change early = change;
    early.checkpoint_name = "ckpt";
    early.checkpoint_lsn = LSN_MAX;
    cr_assert_eq(log_install(fixture.log, &early, &err), KY_ERR);
    cr_assert_eq(log_install(fixture.log, &change, &err), KY_OK);
    log_fixture_close(&fixture);

    struct log_manifest_info info;
    cr_assert_eq(log_read_manifest(mem_disk_io(disk), "data", &info, &err), KY_OK);
    cr_assert_eq(info.file_count, 2);
    cr_expect_str_eq(info.files[0].name, "base/2");
    cr_expect_str_eq(info.files[1].name, "base/3");
    cr_expect_eq(info.files[1].size, 30);
    cr_expect_str_eq(info.checkpoint_name, "");
    log_manifest_info_deinit(&info);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, a_part_without_its_commit_is_not_applied)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    cr_assert(log_fixture_commit(&fixture, 1));
    log_fixture_orphan_chunk(&fixture, 14);
    cr_assert(log_fixture_commit(&fixture, 2));
    log_fixture_close(&fixture);
    open_ok(&fixture);
    cr_expect_eq(fixture.seen_count, 2);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, another_system_id_is_refused)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    log_fixture_close(&fixture);
    struct log_options options = {.io = mem_disk_io(disk),
                                  .dir = "data",
                                  .segment_size = FIXTURE_SEGMENT_SIZE,
                                  .spare_segments = 1,
                                  .system_id = "another"};
    struct log *log = NULL;
    struct ky_error err = {0};
    cr_expect_eq(log_open(&options, 0, NULL, NULL, &log, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, a_full_disk_stops_writers_and_lets_them_go_on_later)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    mem_disk_limit(disk, 5 * FIXTURE_SEGMENT_SIZE);
    uint32_t number = 1;
    bool is_taken = true;
    while (number < FIXTURE_TXNS_MAX && is_taken && log_has_space(fixture.log)) {
        is_taken = log_fixture_commit(&fixture, number);
        number += is_taken;
    }
    cr_assert_lt(number, FIXTURE_TXNS_MAX, "the disk never filled");
    /* The reserve still takes what was on its way, unless the thread that finds the disk full was
     * so late that all of it is used. */
    cr_assert(is_taken || fixture.is_refused[number], "a commit was lost to a full disk");
    /* Past the reserve commits are refused, never lost. */
    while (log_fixture_commit(&fixture, number)) {
        number++;
    }
    cr_assert(fixture.is_refused[number]);
    cr_assert_eq(fixture.fatal_count, 0);
    mem_disk_limit(disk, 0);
    for (int i = 0; i < 100 && !log_has_space(fixture.log); i++) {
        struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
    cr_assert(log_has_space(fixture.log));
    cr_assert(log_fixture_commit(&fixture, number + 1));
    log_fixture_close(&fixture);
    open_ok(&fixture);
    for (uint32_t i = 1; i <= number + 1; i++) {
        cr_assert_eq(log_fixture_has(&fixture, i), i != number);
    }
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, a_held_log_says_that_there_is_no_space_and_takes_what_comes_nevertheless)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    uint32_t number = 1;
    cr_assert(log_fixture_commit(&fixture, number++));
    log_hold(fixture.log, true);
    cr_assert(!log_has_space(fixture.log));
    /* What comes nevertheless (deletes make room in the end) is taken, over more than one segment.
     */
    while (number < 1000) {
        cr_assert(log_fixture_commit(&fixture, number++));
        cr_assert(!log_has_space(fixture.log));
    }
    cr_assert_eq(fixture.fatal_count, 0);
    log_hold(fixture.log, false);
    for (int i = 0; i < 100 && !log_has_space(fixture.log); i++) {
        struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
    cr_assert(log_has_space(fixture.log));
    cr_assert(log_fixture_commit(&fixture, number));
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

/* The fixture's odd transactions may be synced where they are submitted. */
Test(log, a_lone_commit_is_answered_before_submit_returns)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    uint32_t at_once = 0;
    for (uint32_t number = 1; number < 400; number += 2) {
        log_fixture_submit(&fixture, number, false);
        at_once += fixture.is_acked[number];
        log_fixture_wait(&fixture);
        cr_assert(fixture.is_acked[number]);
    }
    /* Each but those for which a segment had to be ended, or that met the writer at its end. */
    cr_expect_gt(at_once, 100);
    log_fixture_close(&fixture);
    open_ok(&fixture);
    for (uint32_t i = 0; i < fixture.seen_count; i++) {
        cr_assert_eq(fixture.seen[i], 2 * i + 1);
    }
    cr_expect_eq(fixture.seen_count, 200);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

Test(log, a_frame_larger_than_a_segment_is_refused)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    cr_expect_eq(log_frame_size_max(fixture.log), FIXTURE_SEGMENT_SIZE - 4096);
    cr_assert(log_fixture_commit(&fixture, 1));
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}

/* The server was killed, so no manifest knows of these commits: only later frames do. */
Test(log, damage_to_an_acknowledged_commit_is_refused_with_its_place_and_changes_nothing)
{
    static const char SEGMENT[] = "data/log/0000000000010000.seg";
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    log_fixture_init(&fixture, mem_disk_io(disk));
    open_ok(&fixture);
    for (uint32_t i = 1; i <= 30; i++) {
        cr_assert(log_fixture_commit(&fixture, i));
    }
    mem_disk_fault(disk, MEM_FAULT_POWER, EIO, 1);
    (void)log_fixture_commit(&fixture, 31);
    log_fixture_close(&fixture);
    mem_disk_crash(disk, MEM_CRASH_DROP_ALL, 1);

    uint64_t size = 0;
    uint8_t *bytes = mem_disk_bytes(disk, SEGMENT, &size);
    bytes[4096 + 130] ^= 1;
    uint8_t *before = malloc(size);
    memcpy(before, bytes, size);
    mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
    struct ky_error err = {0};
    cr_assert_eq(log_fixture_open(&fixture, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    cr_expect_not_null(strstr(err.message, SEGMENT), "%s", err.message);
    cr_expect_not_null(strstr(err.message, "offset 4096, position 69632"), "%s", err.message);
    cr_expect_eq(mem_disk_calls(disk), 0, "recovery wrote before it was sure");
    cr_expect_arr_eq(mem_disk_bytes(disk, SEGMENT, &size), before, size);
    free(before);

    bytes[4096 + 130] ^= 1;
    open_ok(&fixture);
    cr_expect_eq(fixture.seen_count, 30);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_free(disk);
}
