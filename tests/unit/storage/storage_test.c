/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/storage/storage_fixture.h"

Test(storage, a_committed_row_is_seen_by_the_next_statement)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct txn *reader = begin(&f);
    row_id_t row = insert_committed(&f, REL_A, "one");
    cr_expect_str_eq(get(reader, REL_A, row), "-");
    cr_expect_eq(storage_count(reader, REL_A), 0);
    txn_statement_end(reader);
    txn_statement_begin(reader);
    cr_expect_str_eq(get(reader, REL_A, row), "one");
    cr_expect_eq(storage_count(reader, REL_A), 1);
    (void)commit(reader);
    cr_expect_eq(storage_live_count(f.storage, REL_A), 1);
    fixture_deinit(&f);
}

Test(storage, repeatable_read_keeps_its_first_snapshot)
{
    struct fixture f;
    fixture_init(&f, 0);
    row_id_t row = insert_committed(&f, REL_A, "one");
    struct txn *old = txn_begin(f.storage, ISOLATION_REPEATABLE_READ);
    txn_statement_begin(old);
    for (int i = 0; i < 5; i++) {
        struct txn *txn = begin(&f);
        update(txn, REL_A, row, i == 4 ? "five" : "next");
        (void)commit(txn);
    }
    struct txn *txn = begin(&f);
    delete (txn, REL_A, row);
    (void)commit(txn);
    txn_statement_end(old);
    txn_statement_begin(old);
    cr_expect_str_eq(get(old, REL_A, row), "one");
    cr_expect_str_eq(scan_all(old, REL_A), "one");
    struct row_ref ref;
    cr_expect_eq(storage_row_state(old, REL_A, row, &ref), ROW_GONE);
    txn_rollback(old);
    txn = begin(&f);
    cr_expect_str_eq(get(txn, REL_A, row), "-");
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(storage, a_command_does_not_see_its_own_effects)
{
    struct fixture f;
    fixture_init(&f, 0);
    row_id_t old = insert_committed(&f, REL_A, "old");
    struct txn *txn = begin(&f);
    row_id_t row = insert(txn, REL_A, "mine");
    update(txn, REL_A, old, "changed");
    cr_expect_str_eq(get(txn, REL_A, row), "-");
    cr_expect_str_eq(scan_all(txn, REL_A), "old");
    cr_expect_eq(storage_count(txn, REL_A), 1);
    struct row_ref ref;
    cr_expect_eq(storage_row_state(txn, REL_A, row, &ref), ROW_OWN);
    txn_command_increment(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "changed,mine");
    cr_expect_eq(storage_count(txn, REL_A), 2);
    delete (txn, REL_A, old);
    cr_expect_str_eq(get(txn, REL_A, old), "changed");
    cr_expect_eq(storage_row_state(txn, REL_A, old, &ref), ROW_OWN_GONE);
    txn_command_increment(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "mine");
    cr_expect_eq(storage_count(txn, REL_A), 1);
    (void)commit(txn);
    txn = begin(&f);
    cr_expect_str_eq(scan_all(txn, REL_A), "mine");
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(storage, a_scan_keeps_the_snapshot_it_began_with)
{
    struct fixture f;
    fixture_init(&f, 0);
    (void)insert_committed(&f, REL_A, "one");
    struct txn *txn = begin(&f);
    struct storage_scan scan;
    storage_scan_init(&scan, txn, REL_A);
    (void)insert_committed(&f, REL_A, "two");
    txn_statement_begin(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "one,two");
    (void)insert(txn, REL_A, "own");
    txn_statement_end(txn);
    txn_command_increment(txn);
    struct row_ref rows[8];
    cr_expect_eq(storage_scan_next(&scan, rows, 8), 1);
    cr_expect_eq(storage_scan_next(&scan, rows, 8), 0);
    txn_rollback(txn);
    fixture_deinit(&f);
}

static void
check_savepoints(uint64_t chunk_size)
{
    struct fixture f;
    fixture_init(&f, chunk_size);
    char text[200];
    struct txn *txn = begin(&f);
    row_id_t first = 0;
    for (int i = 0; i < 300; i++) {
        memset(text, 'a', sizeof(text));
        (void)snprintf(text + 150, 50, "%d", i);
        row_id_t row = insert(txn, REL_A, text);
        first = first == 0 ? row : first;
        if (i % 10 == 9) {
            struct txn_savepoint mark;
            txn_savepoint_set(txn, &mark);
            for (int j = 0; j < 45; j++) {
                (void)insert(txn, REL_A, text);
            }
            update(txn, REL_A, first, "lost");
            txn_savepoint_rollback(txn, &mark, false);
        }
    }
    update(txn, REL_A, first, "kept");
    txn_command_increment(txn);
    cr_expect_eq(storage_count(txn, REL_A), 300);
    cr_expect_str_eq(get(txn, REL_A, first), "kept");
    struct txn_result result = commit(txn);
    cr_expect_eq(result.event_count, 301);
    for (int round = 0; round < 2; round++) {
        txn = begin(&f);
        cr_expect_eq(storage_count(txn, REL_A), 300);
        cr_expect_str_eq(get(txn, REL_A, first), "kept");
        event_offset_t offset = 0;
        cr_expect(storage_row_event(txn, REL_A, first, &offset));
        cr_expect_eq(offset, result.first_event + 300);
        cr_expect_eq(storage_live_count(f.storage, REL_A), 300);
        txn_rollback(txn);
        fixture_reopen(&f);
    }
    struct event_reader *reader = event_reader_open(f.storage, result.first_event);
    struct event event;
    enum event_answer answer = EVENT_END;
    struct ky_error err;
    for (uint64_t i = 0; i < 301; i++) {
        cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
        cr_assert_eq(answer, EVENT_READY);
        cr_assert_eq(event.offset, result.first_event + i);
        cr_assert_eq(event.kind, i == 300 ? EVENT_UPDATE : EVENT_INSERT);
        cr_assert_eq(event.is_last, i == 300);
    }
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_assert_eq(answer, EVENT_END);
    event_reader_close(reader);
    fixture_deinit(&f);
}

Test(storage, savepoints_cut_a_small_write_set)
{
    check_savepoints(0);
}

Test(storage, savepoints_cut_a_write_set_sent_ahead_in_chunks)
{
    check_savepoints(4096);
}

Test(storage, own_rows_numbered_in_a_row_are_found_after_every_change)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct txn *txn = begin(&f);
    static const char *const texts[] = {"a", "b", "c", "d", "e"};
    row_id_t rows[5];
    for (int i = 0; i < 5; i++) {
        rows[i] = insert(txn, REL_A, texts[i]);
    }
    struct txn_savepoint mark;
    struct txn_savepoint inner;
    txn_savepoint_set(txn, &mark);
    update(txn, REL_A, rows[1], "B");
    delete (txn, REL_A, rows[2]);
    txn_savepoint_set(txn, &inner);
    update(txn, REL_A, rows[1], "lost");
    (void)insert(txn, REL_A, "lost");
    (void)insert(txn, REL_B, "lost");
    (void)insert(txn, REL_A, "lost");
    txn_savepoint_rollback(txn, &inner, false);
    row_id_t last = insert(txn, REL_A, "f");
    row_id_t other = insert(txn, REL_B, "other");
    txn_command_increment(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "a,B,d,e,f");
    cr_expect_eq(storage_count(txn, REL_A), 5);
    cr_expect_eq(storage_count(txn, REL_B), 1);
    cr_expect_str_eq(get(txn, REL_A, rows[1]), "B");
    cr_expect_str_eq(get(txn, REL_A, rows[2]), "-");
    cr_expect_str_eq(get(txn, REL_A, last), "f");
    cr_expect_str_eq(get(txn, REL_B, other), "other");
    txn_savepoint_rollback(txn, &mark, false);
    txn_command_increment(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "a,b,c,d,e");
    cr_expect_str_eq(get(txn, REL_A, rows[1]), "b");
    struct row_ref ref;
    cr_expect_eq(storage_row_state(txn, REL_A, rows[4], &ref), ROW_OWN);
    cr_expect_neq(storage_row_state(txn, REL_A, last, &ref), ROW_OWN);
    (void)commit(txn);
    txn = begin(&f);
    cr_expect_str_eq(scan_all(txn, REL_A), "a,b,c,d,e");
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(storage, a_large_transaction_that_is_rolled_back_leaves_nothing)
{
    struct fixture f;
    fixture_init(&f, 4096);
    struct txn *txn = begin(&f);
    for (int i = 0; i < 500; i++) {
        (void)insert(txn, REL_A, "some text that is long enough to fill the chunks of this test");
    }
    txn_rollback(txn);
    txn = begin(&f);
    cr_expect_eq(storage_count(txn, REL_A), 0);
    (void)commit(txn);
    (void)insert_committed(&f, REL_A, "x");
    fixture_reopen(&f);
    txn = begin(&f);
    cr_expect_str_eq(scan_all(txn, REL_A), "x");
    (void)commit(txn);
    fixture_deinit(&f);
}

Test(storage, a_checkpoint_and_the_log_after_it_give_the_state_back)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    row_id_t rows[100];
    struct txn *txn = begin(&f);
    for (int i = 0; i < 100; i++) {
        rows[i] = insert(txn, REL_A, "before");
    }
    (void)insert(txn, REL_B, "b");
    cr_assert_eq(storage_counter_set(txn, COUNTER_A, 42, &err), KY_OK);
    (void)commit(txn);
    txn = begin(&f);
    for (int i = 0; i < 50; i++) {
        delete (txn, REL_A, rows[i]);
    }
    (void)commit(txn);
    lsn_t lsn = 0;
    cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK, "%s", err.message);
    cr_expect_eq(lsn, storage_visible_lsn(f.storage));
    txn = begin(&f);
    update(txn, REL_A, rows[99], "after");
    delete (txn, REL_A, rows[98]);
    (void)commit(txn);
    row_id_t next = storage_row_id_end(f.storage, REL_A);
    for (int round = 0; round < 3; round++) {
        fixture_reopen(&f);
        txn = begin(&f);
        cr_expect_eq(storage_count(txn, REL_A), 49);
        cr_expect_eq(storage_live_count(f.storage, REL_A), 49);
        cr_expect_str_eq(get(txn, REL_A, rows[99]), "after");
        cr_expect_str_eq(get(txn, REL_A, rows[60]), "before");
        cr_expect_str_eq(get(txn, REL_A, rows[98]), "-");
        cr_expect_str_eq(get(txn, REL_A, rows[3]), "-");
        cr_expect_str_eq(scan_all(txn, REL_B), "b");
        cr_expect_eq(storage_row_id_end(f.storage, REL_A), next);
        cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), 42);
        txn_rollback(txn);
        if (round == 1) {
            cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
        }
    }
    fixture_deinit(&f);
}

static char checkpoint_path[256];

static void
note_checkpoint(void *arg, const char *path)
{
    (void)arg;
    if (strstr(path, ".rows") != NULL) {
        (void)snprintf(checkpoint_path, sizeof(checkpoint_path), "%s", path);
    }
}

static void
count_line(void *arg, const char *line)
{
    (void)line;
    (*(int *)arg)++;
}

Test(storage, a_damaged_checkpoint_is_found_and_the_log_read_instead)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    row_id_t row = insert_committed(&f, REL_A, "one");
    lsn_t lsn = 0;
    cr_assert_eq(storage_checkpoint(f.storage, &lsn, &err), KY_OK);
    storage_close(f.storage);
    uint64_t damage_count = 9;
    int lines = 0;
    cr_assert_eq(
        storage_verify(f.options.io, f.options.dir, count_line, &lines, &damage_count, &err),
        KY_OK);
    cr_expect_eq(damage_count, 0);
    mem_disk_each_file(f.disk, note_checkpoint, NULL);
    uint64_t size = 0;
    uint8_t *bytes = mem_disk_bytes(f.disk, checkpoint_path, &size);
    cr_assert_not_null(bytes);
    bytes[size / 2] ^= 1;
    cr_assert_eq(
        storage_verify(f.options.io, f.options.dir, count_line, &lines, &damage_count, &err),
        KY_OK);
    cr_expect_eq(damage_count, 1);
    cr_expect_eq(lines, 1);
    fixture_open(&f);
    struct txn *txn = begin(&f);
    cr_expect_str_eq(get(txn, REL_A, row), "one");
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(storage, a_dropped_relation_is_gone_for_good)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    (void)insert_committed(&f, REL_A, "one");
    struct txn *txn = begin(&f);
    struct txn_savepoint mark;
    txn_savepoint_set(txn, &mark);
    cr_assert_eq(storage_drop(txn, REL_A, &err), KY_OK);
    txn_command_increment(txn);
    cr_expect_str_eq(scan_all(txn, REL_A), "");
    txn_savepoint_rollback(txn, &mark, false);
    cr_expect_str_eq(scan_all(txn, REL_A), "one");
    cr_assert_eq(storage_drop(txn, REL_A, &err), KY_OK);
    (void)commit(txn);
    for (int round = 0; round < 2; round++) {
        txn = begin(&f);
        cr_expect_eq(storage_count(txn, REL_A), 0);
        cr_expect_eq(storage_live_count(f.storage, REL_A), 0);
        txn_rollback(txn);
        fixture_reopen(&f);
    }
    fixture_deinit(&f);
}

Test(storage, what_is_too_big_leaves_the_write_set_alone)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    struct txn *txn = begin(&f);
    row_id_t row = insert(txn, REL_A, "one");
    size_t size = 12 * 1024 * 1024 + 1;
    char *body = calloc(1, size);
    row_id_t ignored = 0;
    cr_expect_eq(storage_insert(txn, REL_A, true, ky_slice(body, size), &ignored, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_PROGRAM_LIMIT_EXCEEDED);
    row_id_t large = 0;
    cr_expect_eq(storage_insert(txn, REL_A, true, ky_slice(body, 900000), &large, &err), KY_OK);
    (void)commit(txn);
    txn = begin(&f);
    cr_expect_str_eq(get(txn, REL_A, row), "one");
    struct row_ref ref;
    cr_expect(storage_get(txn, REL_A, large, &ref));
    cr_expect_eq(ref.body.size, 900000);
    txn_rollback(txn);
    free(body);
    fixture_deinit(&f);
}

Test(storage, a_counter_is_durable_when_its_transaction_has_committed)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    struct txn *txn = begin(&f);
    for (uint64_t i = 1; i <= 40; i++) {
        cr_assert_eq(storage_counter_raise(txn, COUNTER_A, i * 10, &err), KY_OK);
    }
    cr_assert_eq(storage_counter_raise(txn, COUNTER_A, 7, &err), KY_OK);
    cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), 400);
    cr_expect_eq(commit(txn).lsn, 0);
    storage_close(f.storage);
    mem_disk_crash(f.disk, MEM_CRASH_DROP_ALL, 1);
    fixture_open(&f);
    cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), 400);
    fixture_deinit(&f);
}

Test(storage, a_counter_that_is_set_may_go_down)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    static const uint64_t values[] = {5, 900, 900, 12, 40, 3};
    struct txn *txn = begin(&f);
    for (size_t i = 0; i < KY_COUNT_OF(values); i++) {
        cr_assert_eq(storage_counter_set(txn, COUNTER_A, values[i], &err), KY_OK);
        cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), values[i]);
    }
    cr_expect_eq(commit(txn).lsn, 0);
    storage_close(f.storage);
    mem_disk_crash(f.disk, MEM_CRASH_DROP_ALL, 1);
    fixture_open(&f);
    cr_expect_eq(storage_counter_get(f.storage, COUNTER_A), 3);
    fixture_deinit(&f);
}

Test(storage, events_are_gone_at_the_end_and_ready_after_a_commit)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    struct event_reader *reader = event_reader_open(f.storage, 0);
    struct event event;
    enum event_answer answer = EVENT_READY;
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_END);
    row_id_t row = insert_committed(&f, REL_A, "one");
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_READY);
    cr_expect_eq(event.offset, 0);
    cr_expect_eq(event.row_id, row);
    cr_expect(ky_slice_is(event.body, "one"));
    cr_assert_eq(event_reader_next(reader, &event, &answer, &err), KY_OK);
    cr_expect_eq(answer, EVENT_END);
    event_reader_close(reader);
    fixture_deinit(&f);
}

Test(storage, two_servers_cannot_open_one_directory)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    struct storage *second = NULL;
    cr_expect_eq(storage_open(&f.options, &second, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_OBJECT_IN_USE);
    fixture_deinit(&f);
}

/* A full disk refuses what needs room, keeps what was promised, and lets rows be deleted. */
Test(storage, a_full_disk_refuses_inserts_and_allows_deletes)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    ky_error_init(&err);
    char body[4000];
    memset(body, 'x', sizeof(body));
    row_id_t first = insert_committed(&f, REL_A, "first");
    mem_disk_limit(f.disk, 4 * 1024 * 1024);
    bool is_refused = false;
    for (int i = 0; i < 3000 && !is_refused; i++) {
        struct txn *txn = begin(&f);
        row_id_t row = 0;
        if (storage_insert(txn, REL_A, true, ky_slice(body, sizeof(body)), &row, &err) == KY_OK) {
            (void)commit(txn);
        } else {
            is_refused = true;
            txn_rollback(txn);
        }
    }
    cr_assert(is_refused);
    cr_expect_eq(err.sqlstate, KY_DISK_FULL);
    struct txn *txn = begin(&f);
    delete (txn, REL_A, first);
    (void)commit(txn);
    txn = begin(&f);
    cr_expect_str_eq(get(txn, REL_A, first), "-");
    txn_rollback(txn);
    fixture_deinit(&f);
}

Test(storage, a_directory_keeps_the_segment_size_it_was_made_with)
{
    struct fixture f;
    fixture_init(&f, 0);
    storage_close(f.storage);
    f.options.segment_size = 0;
    fixture_open(&f);
    struct ky_error err;
    struct txn *txn = begin(&f);
    row_id_t row = 0;
    char *body = calloc(1, 2000000);
    cr_expect_eq(storage_insert(txn, REL_A, true, ky_slice(body, 2000000), &row, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_PROGRAM_LIMIT_EXCEEDED);
    for (int i = 0; i < 8; i++) {
        cr_expect_eq(storage_insert(txn, REL_A, true, ky_slice(body, 900000), &row, &err), KY_OK);
    }
    (void)commit(txn);
    free(body);
    fixture_deinit(&f);
}
