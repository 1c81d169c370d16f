/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <time.h>

#include "server/base/log.h"
#include "tests/unit/storage/storage_fixture.h"

/* Backups, restoring them as far as wanted, and ending a log on purpose. */
enum { ROWS = 40 };

static lsn_t after[ROWS]; /* position after the commit of row number i */

static void
ignore_line(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static uint64_t
count_damage(struct fixture *f, const char *dir)
{
    struct ky_error err;
    uint64_t count = 99;
    cr_assert_eq(storage_verify(f->options.io, dir, ignore_line, NULL, &count, &err), KY_OK);
    return count;
}

/* One row for each commit, of a kilobyte, so that they fill several segments. */
static void
add_rows(struct fixture *f, int first, int end)
{
    static char text[30000];
    memset(text, 'x', sizeof(text) - 1);
    for (int i = first; i < end; i++) {
        int size = snprintf(text, 20, "row %d ", i);
        text[size] = '.';
        row_id_t row = insert_committed(f, REL_A, text);
        cr_assert_eq(row, (row_id_t)i + 1);
        after[i] = storage_visible_lsn(f->storage);
    }
}

static void
init(struct fixture *f)
{
    ky_log_set_level(KY_LOG_ERROR);
    memset(f, 0, sizeof(*f));
    f->disk = mem_disk_new();
    f->options = (struct storage_options){
        .dir = "data", .io = mem_disk_io(f->disk), .segment_size = 131072, .chunk_size = 0};
    fixture_open(f);
}

/* Opens dir and expects rows 1..count, events and room for more. */
static void
expect_rows(struct fixture *f, const char *dir, uint64_t count)
{
    struct fixture other = *f;
    struct ky_error err;
    cr_assert_eq(count_damage(f, dir), 0, "%s", dir);
    other.options.dir = dir;
    for (int round = 0; round < 2; round++) {
        fixture_open(&other);
        struct txn *txn = begin(&other);
        cr_assert_eq(storage_count(txn, REL_A), count + (uint64_t)round, "%s", dir);
        for (row_id_t row = 1; row <= count; row++) {
            struct row_ref ref;
            char text[20];
            int size = snprintf(text, sizeof(text), "row %d ", (int)row - 1);
            cr_assert(storage_get(txn, REL_A, row, &ref));
            cr_assert_eq(memcmp(ref.body.data, text, (size_t)size), 0);
        }
        txn_rollback(txn);
        cr_assert_eq(storage_next_event(other.storage), count + (uint64_t)round);
        (void)insert_committed(&other, REL_A, "more");
        lsn_t lsn = 0;
        cr_assert_eq(storage_checkpoint(other.storage, &lsn, &err), KY_OK);
        storage_close(other.storage);
    }
    cr_assert_eq(count_damage(f, dir), 0, "%s", dir);
}

static struct backup_result
backup(struct fixture *f, const char *target)
{
    struct backup_result result;
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(storage_backup(f->storage, target, &result, &err), KY_OK, "%s", err.message);
    return result;
}

Test(backup, is_a_data_directory_of_its_own)
{
    struct fixture f;
    struct ky_error err;
    struct backup_result result;
    init(&f);
    add_rows(&f, 0, 12);
    result = backup(&f, "backup");
    cr_expect_eq(result.lsn, after[11]);
    cr_expect_eq(result.next_event, 12);
    add_rows(&f, 12, 15);
    cr_expect_eq(storage_backup(f.storage, "backup", &result, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DUPLICATE_FILE);
    expect_rows(&f, "backup", 12);
    add_rows(&f, 15, 16);
    storage_close(f.storage);
    expect_rows(&f, "data", 16);
    mem_disk_free(f.disk);
}

Test(backup, of_an_empty_directory_can_be_opened)
{
    struct fixture f;
    init(&f);
    (void)backup(&f, "backup");
    storage_close(f.storage);
    expect_rows(&f, "backup", 0);
    mem_disk_free(f.disk);
}

static void
restore(struct fixture *f, const char *target, const char *log, struct storage_cut cut)
{
    const struct restore_options options = {
        .io = f->options.io, .backup = "backup", .log = log, .target = target, .cut = cut};
    struct ky_error err;
    lsn_t lsn = 0;
    ky_error_init(&err);
    cr_assert_eq(storage_restore(&options, &lsn, &err), KY_OK, "%s: %s %s", target, err.message,
                 err.detail);
    cr_expect_geq(lsn, after[5]);
}

static ky_status
try_restore(struct fixture *f, const char *target, const char *log, struct storage_cut cut,
            struct ky_error *err)
{
    const struct restore_options options = {
        .io = f->options.io, .backup = "backup", .log = log, .target = target, .cut = cut};
    lsn_t lsn = 0;
    return storage_restore(&options, &lsn, err);
}

Test(backup, is_restored_to_the_end_a_position_or_a_time)
{
    struct fixture f;
    struct ky_error err;
    init(&f);
    add_rows(&f, 0, 6);
    (void)backup(&f, "backup");
    add_rows(&f, 6, 20);
    fixture_reopen(&f);
    add_rows(&f, 20, 30);
    storage_close(f.storage);
    restore(&f, "same", NULL, (struct storage_cut){0});
    expect_rows(&f, "same", 6);
    restore(&f, "end", "data", (struct storage_cut){0});
    expect_rows(&f, "end", 30);
    for (int i = 5; i < 30; i += 3) {
        char target[32];
        (void)snprintf(target, sizeof(target), "to-%d", i);
        restore(&f, target, "data", (struct storage_cut){.lsn = after[i]});
        expect_rows(&f, target, (uint64_t)i + 1);
    }
    /* Not quite the next commit. */
    restore(&f, "between", "data", (struct storage_cut){.lsn = after[8] - 8});
    expect_rows(&f, "between", 8);
    restore(&f, "now", "data", (struct storage_cut){.time_us = INT64_MAX});
    expect_rows(&f, "now", 30);
    cr_expect_eq(try_restore(&f, "early", "data", (struct storage_cut){.lsn = after[2]}, &err),
                 KY_ERR);
    cr_expect_eq(err.sqlstate, KY_INVALID_PARAMETER_VALUE);
    cr_expect_eq(try_restore(&f, "now", "data", (struct storage_cut){0}, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DUPLICATE_FILE);
    cr_expect_eq(try_restore(&f, "none", "nowhere", (struct storage_cut){0}, &err), KY_ERR);
    mem_disk_free(f.disk);
}

Test(backup, a_time_between_two_commits_divides_them)
{
    struct fixture f;
    init(&f);
    add_rows(&f, 0, 6);
    (void)backup(&f, "backup");
    add_rows(&f, 6, 8);
    struct event event = {0};
    enum event_answer answer;
    struct ky_error err;
    struct event_reader *reader = event_reader_open(f.storage, 6);
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_assert_eq(answer, EVENT_READY);
    int64_t time_us = event.commit_time;
    event_reader_close(reader);
    storage_close(f.storage);
    restore(&f, "at", "data", (struct storage_cut){.time_us = time_us});
    struct fixture other = f;
    other.options.dir = "at";
    fixture_open(&other);
    /* Two commits may be of one microsecond. */
    cr_expect_geq(storage_next_event(other.storage), 7);
    storage_close(other.storage);
    mem_disk_free(f.disk);
}

Test(backup, damage_is_refused_until_the_log_is_ended_before_it)
{
    struct fixture f;
    struct ky_error err;
    lsn_t lsn = 0;
    init(&f);
    add_rows(&f, 0, 20);
    storage_close(f.storage);
    char path[64];
    uint64_t size = 0;
    uint64_t number = after[9] / 131072;
    (void)snprintf(path, sizeof(path), "data/log/%016" PRIx64 ".seg", number * 131072);
    uint8_t *bytes = mem_disk_bytes(f.disk, path, &size);
    cr_assert_not_null(bytes);
    bytes[after[9] % 131072 + 200] ^= 1; /* in the frame of row 10 */
    cr_assert_geq(count_damage(&f, "data"), 1);
    cr_assert_eq(storage_open(&f.options, &f.storage, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    /* Damage below the end that was asked for is said, not cut. */
    cr_assert_eq(
        storage_truncate(f.options.io, "data", &(struct storage_cut){.lsn = after[15]}, &lsn, &err),
        KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    cr_assert_eq(
        storage_truncate(f.options.io, "data", &(struct storage_cut){.lsn = after[9]}, &lsn, &err),
        KY_OK, "%s", err.message);
    cr_expect_eq(lsn, after[9]);
    expect_rows(&f, "data", 10);
    mem_disk_free(f.disk);
}

Test(backup, a_log_is_not_ended_below_a_checkpoint_that_it_needs)
{
    struct fixture f;
    struct ky_error err;
    lsn_t lsn = 0;
    init(&f);
    add_rows(&f, 0, 10);
    cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
    add_rows(&f, 10, 12);
    storage_close(f.storage);
    /* The whole log is there: without the checkpoint it tells the same. */
    cr_assert_eq(
        storage_truncate(f.options.io, "data", &(struct storage_cut){.lsn = after[4]}, &lsn, &err),
        KY_OK, "%s", err.message);
    expect_rows(&f, "data", 5);
    mem_disk_free(f.disk);
}

/* The log makes spare segments by itself: what is to fail is a call of the backup, not one of
 * those. */
static void
await_quiet_disk(struct mem_disk *disk)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    uint64_t calls = mem_disk_calls(disk);
    for (int quiet = 0; quiet < 5; quiet++) {
        nanosleep(&pause, NULL);
        const uint64_t now = mem_disk_calls(disk);
        quiet = now == calls ? quiet : -1;
        calls = now;
    }
}

/* One disk call fails in turn: the source is not touched, and the target is either whole or no data
 * directory, so that it can be made again elsewhere. */
static void
fail_calls(enum mem_fault fault, int error)
{
    struct fixture f;
    bool is_hit = true;
    init(&f);
    add_rows(&f, 0, 6);
    for (uint64_t at = 1; is_hit; at++) {
        char target[32];
        struct backup_result result;
        struct ky_error err;
        cr_assert_lt(at, 1000);
        lsn_t lsn = 0;
        cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
        (void)snprintf(target, sizeof(target), "backup-%d", (int)at);
        await_quiet_disk(f.disk);
        mem_disk_fault(f.disk, fault, error, at);
        ky_status status = storage_backup(f.storage, target, &result, &err);
        is_hit = mem_disk_fault_hit(f.disk);
        mem_disk_fault(f.disk, MEM_FAULT_NONE, 0, 0);
        cr_assert(status == KY_OK || is_hit);
        if (status == KY_OK && (!is_hit || at % 8 == 0)) {
            expect_rows(&f, target, 6);
        } else if (status != KY_OK) {
            /* The last calls make it whole and may fail after that. */
            char restored[32];
            (void)snprintf(restored, sizeof(restored), "restored-%d", (int)at);
            const struct restore_options options = {
                .io = f.options.io, .backup = target, .target = restored};
            if (storage_restore(&options, &lsn, &err) == KY_OK) {
                expect_rows(&f, restored, 6);
            }
        }
    }
    storage_close(f.storage);
    expect_rows(&f, "data", 6);
    mem_disk_free(f.disk);
}

Test(backup, a_failure_at_any_call_leaves_the_source_alone)
{
    fail_calls(MEM_FAULT_ERROR, 5);
    fail_calls(MEM_FAULT_TORN, 28);
    fail_calls(MEM_FAULT_SHORT, 0);
    fail_calls(MEM_FAULT_INTERRUPTED, 0);
}
