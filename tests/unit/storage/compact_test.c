/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/storage_private.h"
#include "tests/unit/storage/storage_fixture.h"

enum { SEGMENT = 65536, BODY = 200 };

static void
small_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->disk = mem_disk_new();
    f->options = (struct storage_options){
        .dir = "data",
        .io = mem_disk_io(f->disk),
        .segment_size = SEGMENT,
        .chunk_size = 4096,
    };
    fixture_open(f);
}

/* Before the first storage of the process is opened. */
static void
slow_shown(void)
{
    (void)setenv("KYRO_FAILPOINT", "log-shown:sleep:100", 1);
}

static struct compact_result
compact(struct fixture *f, enum compact_depth depth)
{
    struct ky_error err;
    ky_error_init(&err);
    struct compact_result result;
    cr_assert_eq(storage_compact(f->storage, depth, NULL, &result, &err), KY_OK, "%s / %s",
                 err.message, err.detail);
    return result;
}

static const char *
text_of(uint64_t number)
{
    static char text[BODY + 1];
    memset(text, 'x', BODY);
    text[BODY] = '\0';
    int used = snprintf(text, sizeof(text), "%" PRIu64, number);
    text[used] = ' ';
    return text;
}

/* `rounds` updates of `rows` rows, one commit a round. */
static void
update_all(struct fixture *f, row_id_t rows, uint64_t rounds, uint64_t from)
{
    for (uint64_t round = 0; round < rounds; round++) {
        struct txn *txn = begin(f);
        for (row_id_t row = 1; row <= rows; row++) {
            update(txn, REL_A, row, text_of(from + round));
        }
        (void)commit(txn);
    }
}

static void
insert_many(struct fixture *f, rel_id_t rel, uint64_t count)
{
    struct txn *txn = begin(f);
    for (uint64_t i = 0; i < count; i++) {
        (void)insert(txn, rel, text_of(i));
    }
    (void)commit(txn);
}

static void
add_size(void *arg, const char *path)
{
    struct {
        struct fixture *f;
        uint64_t bytes;
    } *sum = arg;
    uint64_t size = 0;
    if (mem_disk_bytes(sum->f->disk, path, &size) != NULL) {
        sum->bytes += size;
    }
}

/* What is on the disk, whatever the storage says. */
static uint64_t
disk_bytes(struct fixture *f)
{
    struct {
        struct fixture *f;
        uint64_t bytes;
    } sum = {.f = f};
    mem_disk_each_file(f->disk, add_size, &sum);
    return sum.bytes;
}

static struct compact_stats
stats_of(struct fixture *f)
{
    struct compact_stats stats;
    storage_compact_stats(f->storage, &stats);
    return stats;
}

static void
expect_all(struct fixture *f, row_id_t rows, uint64_t number)
{
    struct txn *txn = begin(f);
    char wanted[BODY + 1];
    (void)snprintf(wanted, sizeof(wanted), "%s", text_of(number));
    for (row_id_t row = 1; row <= rows; row++) {
        cr_expect_str_eq(get(txn, REL_A, row), wanted, "row %" PRIu64, row);
    }
    cr_expect_eq(storage_count(txn, REL_A), rows);
    txn_rollback(txn);
}

/* The rows of insert_many, the first hundred of them updated to a number. */
static void
expect_some(struct fixture *f, uint64_t count, uint64_t number)
{
    struct txn *txn = begin(f);
    cr_expect_eq(storage_count(txn, REL_A), count);
    cr_expect_str_eq(get(txn, REL_A, 1), text_of(number));
    cr_expect_str_eq(get(txn, REL_A, 100), text_of(number));
    cr_expect_str_eq(get(txn, REL_A, 101), text_of(100));
    cr_expect_str_eq(get(txn, REL_A, count), text_of(count - 1));
    txn_rollback(txn);
}

Test(compact, rows_leave_the_log_and_stay_as_they_are)
{
    struct fixture f;
    small_init(&f);
    insert_many(&f, REL_A, 50);
    insert_many(&f, REL_B, 2000);
    struct txn *txn = begin(&f);
    event_offset_t event = 0;
    cr_assert(storage_row_event(txn, REL_B, 1500, &event));
    txn_rollback(txn);
    update_all(&f, 50, 40, 100);
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_gt(result.segments_dropped, 5);
    cr_expect_geq(result.rows_moved, 2000);
    cr_expect_lt(result.rows_moved, 2100);
    cr_expect_gt(storage_earliest_event(f.storage), 2000);
    for (int i = 0; i < 2; i++) {
        expect_all(&f, 50, 139);
        txn = begin(&f);
        cr_expect_eq(storage_count(txn, REL_B), 2000);
        cr_expect_str_eq(get(txn, REL_B, 1501), text_of(1500));
        event_offset_t now = 0;
        cr_expect(storage_row_event(txn, REL_B, 1500, &now));
        cr_expect_eq(now, event, "an event keeps its offset");
        txn_rollback(txn);
        fixture_reopen(&f);
    }
    fixture_deinit(&f);
}

Test(compact, nothing_to_do_changes_nothing)
{
    struct fixture f;
    small_init(&f);
    insert_many(&f, REL_A, 10);
    struct compact_result result = compact(&f, COMPACT_FULL);
    cr_expect_eq(result.segments_dropped + result.files_written + result.files_removed, 0);
    fixture_deinit(&f);
}

Test(compact, history_is_kept_as_long_as_it_was_promised)
{
    struct fixture f;
    small_init(&f);
    struct storage_retention retention = {.bytes = 10 * SEGMENT};
    storage_set_retention(f.storage, &retention);
    insert_many(&f, REL_A, 50);
    update_all(&f, 50, 150, 0);
    (void)compact(&f, COMPACT_LOG);
    struct compact_stats stats = stats_of(&f);
    cr_expect_geq(stats.log_bytes, 10U * SEGMENT);
    cr_expect_lt(stats.log_bytes, 15U * SEGMENT);
    /* The earliest event is there, the one before is gone. */
    event_offset_t earliest = storage_earliest_event(f.storage);
    cr_assert_gt(earliest, 0);
    struct ky_error err;
    struct event event;
    enum event_answer answer = EVENT_END;
    struct event_reader *reader = event_reader_open(f.storage, earliest);
    cr_expect_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_READY);
    cr_expect_eq(event.offset, earliest);
    event_reader_close(reader);
    reader = event_reader_open(f.storage, earliest - 1);
    cr_expect_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_GONE);
    event_reader_close(reader);
    /* Everything was committed within the last hour. */
    retention = (struct storage_retention){.seconds = 3600};
    storage_set_retention(f.storage, &retention);
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_eq(result.segments_dropped, 0);
    cr_expect_str_eq(retention_reason_name(stats_of(&f).reason), "time");
    fixture_deinit(&f);
}

Test(compact, an_endless_update_load_stays_within_a_bound)
{
    struct fixture f;
    small_init(&f);
    insert_many(&f, REL_A, 100);
    uint64_t most = 0;
    for (int i = 0; i < 40; i++) {
        update_all(&f, 100, 10, (uint64_t)i * 10); /* 240 KB of log */
        (void)compact(&f, COMPACT_LOG);
        most = KY_MAX(most, disk_bytes(&f));
    }
    /* Live rows are 24 KB; the rest is the active segment, spares, and what one round wrote. */
    cr_expect_lt(most, 16U * SEGMENT, "%" PRIu64 " bytes", most);
    expect_all(&f, 100, 399);
    fixture_reopen(&f);
    expect_all(&f, 100, 399);
    fixture_deinit(&f);
}

/* Its snapshot needs the versions of when it began, not everything that was written since. */
Test(compact, an_open_snapshot_keeps_what_it_sees_and_not_the_disk)
{
    struct fixture f;
    small_init(&f);
    insert_many(&f, REL_A, 100);
    update_all(&f, 100, 5, 0);
    struct txn *old = txn_begin(f.storage, ISOLATION_REPEATABLE_READ);
    txn_statement_begin(old);
    char wanted[BODY + 1];
    (void)snprintf(wanted, sizeof(wanted), "%s", text_of(4));
    cr_expect_str_eq(get(old, REL_A, 7), wanted);
    uint64_t most = 0;
    for (int i = 1; i < 40; i++) {
        update_all(&f, 100, 10, (uint64_t)i * 10);
        (void)compact(&f, COMPACT_LOG);
        struct compact_stats stats = stats_of(&f);
        most = KY_MAX(most, disk_bytes(&f) + stats.retired_bytes);
    }
    for (row_id_t row = 1; row <= 100; row++) {
        cr_expect_str_eq(get(old, REL_A, row), wanted);
    }
    cr_expect_lt(most, 24U * SEGMENT, "%" PRIu64 " bytes", most);
    txn_rollback(old);
    (void)compact(&f, COMPACT_LOG);
    cr_expect_eq(stats_of(&f).retired_bytes, 0, "nobody looks at it any more");
    expect_all(&f, 100, 399);
    fixture_deinit(&f);
}

Test(compact, a_slow_reader_of_events_is_cut_off_and_told)
{
    struct fixture f;
    small_init(&f);
    struct storage_retention retention = {.reader_bytes = 4 * SEGMENT};
    storage_set_retention(f.storage, &retention);
    insert_many(&f, REL_A, 100);
    struct ky_error err;
    struct event event;
    enum event_answer answer = EVENT_END;
    lsn_t lsn = 0;
    struct event_reader *reader = event_reader_open(f.storage, 0);
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_assert_eq(answer, EVENT_READY);
    update_all(&f, 100, 8, 0);
    cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
    (void)compact(&f, COMPACT_LOG);
    /* Within what it may hold: nothing is gone. */
    for (event_offset_t i = 1; i < 50; i++) {
        cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
        cr_assert_eq(answer, EVENT_READY);
        cr_assert_eq(event.offset, i);
    }
    cr_expect_str_eq(retention_reason_name(stats_of(&f).reason), "reader");
    uint64_t most = 0;
    for (int i = 0; i < 20; i++) {
        update_all(&f, 100, 10, 0);
        (void)compact(&f, COMPACT_LOG);
        most = KY_MAX(most, disk_bytes(&f));
    }
    cr_expect_lt(most, 20U * SEGMENT);
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_GONE);
    event_reader_close(reader);
    fixture_deinit(&f);
}

Test(compact, a_dropped_relation_gives_its_space_back)
{
    struct fixture f;
    struct ky_error err;
    small_init(&f);
    insert_many(&f, REL_B, 3000);
    insert_many(&f, REL_A, 300);
    (void)compact(&f, COMPACT_LOG);
    cr_expect_gt(stats_of(&f).base_bytes, 3000U * BODY);
    cr_expect_geq(storage_relation_bytes(f.storage, REL_B), 3000U * BODY);
    struct txn *txn = begin(&f);
    cr_assert_eq(storage_drop(txn, REL_B, &err), KY_OK);
    (void)commit(txn);
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_geq(result.files_removed, 1);
    cr_expect_lt(stats_of(&f).base_bytes, 1000U * BODY);
    fixture_reopen(&f);
    txn = begin(&f);
    cr_expect_eq(storage_count(txn, REL_B), 0);
    cr_expect_eq(storage_count(txn, REL_A), 300);
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(compact, counters_and_transactions_in_parts_outlive_the_log_they_were_in)
{
    struct fixture f;
    struct ky_error err;
    small_init(&f);
    struct txn *txn = begin(&f);
    cr_assert_eq(storage_counter_set(txn, COUNTER_A, 77, &err), KY_OK);
    (void)commit(txn);
    /* One that never commits leaves its chunks behind; one that does lies across many segments. */
    struct txn *lost = begin(&f);
    for (int i = 0; i < 300; i++) {
        (void)insert(lost, REL_B, text_of(1));
    }
    struct txn *big = begin(&f);
    for (int i = 0; i < 1500; i++) {
        (void)insert(big, REL_A, text_of((uint64_t)i));
    }
    /* It is not over: its chunks stay. */
    insert_many(&f, REL_B, 500);
    (void)compact(&f, COMPACT_LOG);
    txn_command_increment(big);
    cr_expect_str_eq(get(big, REL_A, 3), text_of(2));
    (void)commit(big);
    txn_rollback(lost);
    update_all(&f, 100, 20, 9);
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_gt(result.segments_dropped, 3);
    for (int i = 0; i < 2; i++) {
        txn = begin(&f);
        cr_expect_eq(storage_count(txn, REL_A), 1500);
        cr_expect_eq(storage_count(txn, REL_B), 500);
        cr_expect_str_eq(get(txn, REL_A, 1500), text_of(1499));
        cr_expect_str_eq(get(txn, REL_A, 1), text_of(28));
        txn_rollback(txn);
        cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), 77);
        fixture_reopen(&f);
    }
    fixture_deinit(&f);
}

static void
ignore_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    (void)err;
}

/* Every call of the disk fails once; a failed sync ends the log. Restarted, nothing is lost. */
Test(compact, a_failure_at_any_step_loses_nothing, .timeout = 120)
{
    bool was_hit = true;
    for (uint64_t at = 1; was_hit; at++) {
        struct fixture f;
        struct ky_error err;
        ky_error_init(&err);
        small_init(&f);
        storage_close(f.storage);
        f.options.on_fatal = ignore_fatal;
        fixture_open(&f);
        insert_many(&f, REL_A, 200);
        update_all(&f, 100, 20, 0);
        struct compact_result result;
        mem_disk_fault(f.disk, MEM_FAULT_ERROR, at % 2 == 0 ? ENOSPC : EIO, at);
        ky_status status = storage_compact(f.storage, COMPACT_FULL, NULL, &result, &err);
        was_hit = mem_disk_fault_hit(f.disk);
        cr_expect(status == KY_OK || was_hit, "%s", err.message);
        mem_disk_fault(f.disk, MEM_FAULT_NONE, 0, 0);
        fixture_reopen(&f);
        expect_some(&f, 200, 19);
        (void)compact(&f, COMPACT_FULL);
        update_all(&f, 100, 1, 50);
        fixture_reopen(&f);
        expect_some(&f, 200, 50);
        fixture_deinit(&f);
        cr_assert_lt(at, 2000, "the sweep does not end");
    }
}

/* With a full disk writers are refused, and deleting and compacting make room from the reserve. */
Test(compact, compaction_makes_room_on_a_full_disk)
{
    struct fixture f;
    struct ky_error err;
    ky_error_init(&err);
    small_init(&f);
    insert_many(&f, REL_A, 100);
    lsn_t lsn = 0;
    cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
    mem_disk_limit(f.disk, disk_bytes(&f) + 8 * SEGMENT);
    bool is_refused = false;
    uint64_t number = 0;
    while (!is_refused) {
        struct txn *txn = begin(&f);
        is_refused = storage_update(txn, REL_A, 1 + number % 100, true,
                                    ky_slice_cstr(text_of(number)), &err) != KY_OK;
        if (is_refused) {
            txn_rollback(txn);
        } else {
            (void)commit(txn);
            number++;
        }
        cr_assert_lt(number, 100000);
    }
    cr_expect_eq(err.sqlstate, KY_DISK_FULL);
    cr_expect(!storage_has_space(f.storage));
    struct txn *txn = begin(&f);
    cr_expect_eq(storage_count(txn, REL_A), 100);
    delete (txn, REL_A, 100);
    (void)commit(txn);
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_gt(result.segments_dropped, 0);
    for (int i = 0; i < 5000 && !storage_has_space(f.storage); i++) {
        (void)usleep(1000);
    }
    cr_expect(storage_has_space(f.storage), "the maker found room");
    txn = begin(&f);
    cr_expect_eq(storage_count(txn, REL_A), 99);
    update(txn, REL_A, 1, "again");
    (void)commit(txn);
    fixture_reopen(&f);
    txn = begin(&f);
    cr_expect_str_eq(get(txn, REL_A, 1), "again");
    txn_rollback(txn);
    fixture_deinit(&f);
}

static uint64_t
file_size(const struct fixture *f, const char *path)
{
    uint64_t size = 0;
    return mem_disk_bytes(f->disk, path, &size) == NULL ? 0 : size;
}

static bool
gets_space(const struct fixture *f)
{
    for (int i = 0; i < 5000 && !storage_has_space(f->storage); i++) {
        (void)usleep(1000);
    }
    return storage_has_space(f->storage);
}

Test(compact, the_reserve_is_compactions_on_a_full_disk_and_is_made_again)
{
    enum { RESERVE = 8 * SEGMENT };
    struct fixture f;
    memset(&f, 0, sizeof(f));
    f.disk = mem_disk_new();
    f.options = (struct storage_options){
        .dir = "data", .io = mem_disk_io(f.disk), .segment_size = SEGMENT, .reserve_size = RESERVE};
    fixture_open(&f);
    insert_many(&f, REL_A, 100);
    (void)compact(&f, COMPACT_LOG);
    cr_assert_eq(file_size(&f, "data/reserve"), RESERVE);
    update_all(&f, 100, 30, 0);
    mem_disk_limit(f.disk, disk_bytes(&f)); /* not a byte more */
    struct compact_result result = compact(&f, COMPACT_LOG);
    cr_expect_gt(result.segments_dropped, 0, "the reserve was not enough");
    cr_expect_eq(file_size(&f, "data/reserve"), RESERVE, "it was not made again");
    cr_expect(gets_space(&f));
    expect_all(&f, 100, 29);
    fixture_deinit(&f);
}

Test(compact, a_start_without_reserve_and_without_room_for_it_holds_the_log)
{
    enum { RESERVE = 8 * SEGMENT };
    struct fixture f;
    struct ky_error err;
    ky_error_init(&err);
    memset(&f, 0, sizeof(f));
    f.disk = mem_disk_new();
    f.options = (struct storage_options){
        .dir = "data", .io = mem_disk_io(f.disk), .segment_size = SEGMENT, .reserve_size = RESERVE};
    fixture_open(&f);
    insert_many(&f, REL_A, 100);
    storage_close(f.storage);
    cr_assert_eq(file_size(&f, "data/reserve"), 0, "a first start makes it later");
    mem_disk_limit(f.disk, disk_bytes(&f) + RESERVE / 2);
    fixture_open(&f);
    cr_expect(!storage_has_space(f.storage));
    struct txn *txn = begin(&f);
    cr_expect_neq(storage_update(txn, REL_A, 1, true, ky_slice_cstr("no"), &err), KY_OK);
    cr_expect_eq(err.sqlstate, KY_DISK_FULL);
    delete (txn, REL_A, 100);
    (void)commit(txn);
    mem_disk_limit(f.disk, 0);
    (void)compact(&f, COMPACT_LOG);
    cr_expect_eq(file_size(&f, "data/reserve"), RESERVE);
    cr_expect(gets_space(&f));
    fixture_reopen(&f);
    cr_expect(storage_has_space(f.storage));
    fixture_deinit(&f);
}

struct answer {
    _Atomic lsn_t lsn; /* 0: none yet */
};

static void
answered(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    struct answer *answer = arg;
    (void)err;
    cr_assert_eq(status, KY_OK);
    atomic_store(&answer->lsn, result->lsn);
}

Test(compact, nothing_is_dropped_before_what_replaced_it_is_durable, .init = slow_shown)
{
    struct fixture f;
    struct answer answer = {0};
    small_init(&f);
    insert_many(&f, REL_A, 400);
    insert_many(&f, REL_B, 400);
    cr_assert_gt(compact(&f, COMPACT_LOG).files_written, 0);
    /* The base file is dead once this commit is: it becomes visible, but not durable. */
    struct txn *txn = begin(&f);
    for (row_id_t row = 1; row <= 400; row++) {
        delete (txn, REL_A, row);
    }
    txn_commit(txn, TXN_ASYNC, answered, &answer);
    while (atomic_load(&answer.lsn) == 0) {
        (void)usleep(1000);
    }
    cr_expect_leq(log_durable_lsn(f.storage->log), atomic_load(&answer.lsn),
                  "the sync was not held up");
    cr_expect_gt(compact(&f, COMPACT_FULL).files_removed, 0);
    cr_expect_gt(log_durable_lsn(f.storage->log), atomic_load(&answer.lsn));
    fixture_deinit(&f);
}

Test(compact, a_damaged_base_file_stops_the_start_and_names_itself)
{
    struct fixture f;
    struct ky_error err;
    ky_error_init(&err);
    small_init(&f);
    insert_many(&f, REL_A, 100);
    update_all(&f, 50, 20, 0);
    (void)compact(&f, COMPACT_LOG);
    storage_close(f.storage);
    uint64_t size = 0;
    uint8_t *bytes = mem_disk_bytes(f.disk, "data/base/0000000000000001.base", &size);
    cr_assert_not_null(bytes);
    bytes[size - 20] ^= 4; /* in the index */
    cr_expect_eq(storage_open(&f.options, &f.storage, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    cr_expect(strstr(err.message, "base/0000000000000001.base") != NULL);
    bytes[size - 20] ^= 4;
    bytes[4096 + 200] ^= 1; /* in a row: found by verify, and by whoever would copy it */
    uint64_t damage_count = 0;
    cr_expect_eq(storage_verify(f.options.io, "data", NULL, NULL, &damage_count, &err), KY_OK);
    cr_expect_eq(damage_count, 1);
    fixture_open(&f);
    struct txn *txn = begin(&f);
    for (row_id_t row = 1; row <= 40; row++) {
        delete (txn, REL_A, row + 50);
    }
    (void)commit(txn);
    struct compact_result result;
    cr_expect_eq(storage_compact(f.storage, COMPACT_FULL, NULL, &result, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    fixture_deinit(&f);
}

Test(compact, the_thread_does_it_by_itself)
{
    struct fixture f;
    small_init(&f);
    storage_close(f.storage);
    f.options.compaction_poll_ms = 1;
    fixture_open(&f);
    insert_many(&f, REL_A, 100);
    for (int i = 0; i < 2000 && stats_of(&f).runs == 0; i++) {
        update_all(&f, 100, 2, 3);
    }
    cr_expect_gt(stats_of(&f).total.segments_dropped, 0);
    cr_expect_eq(stats_of(&f).failures, 0);
    expect_all(&f, 100, 4);
    fixture_deinit(&f);
}
