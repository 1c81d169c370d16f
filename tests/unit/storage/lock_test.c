/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "tests/unit/storage/storage_fixture.h"

struct session {
    struct txn *txn;
    struct lock_waiter waiter;
    int wake_count;
};

static void
session_wake(struct lock_waiter *waiter)
{
    KY_CONTAINER_OF(waiter, struct session, waiter)->wake_count++;
}

static void
session_begin(struct session *session, struct fixture *f, int pid)
{
    memset(session, 0, sizeof(*session));
    session->txn = begin(f);
    session->waiter.wake = session_wake;
    session->waiter.pid = pid;
}

static enum lock_answer
row_lock(struct session *s, row_id_t row, enum row_lock_mode mode, enum lock_policy policy)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    cr_assert_eq(storage_lock_row(s->txn, REL_A, row, mode, policy, &s->waiter, &answer, &err),
                 KY_OK, "%s", err.message);
    return answer;
}

static enum lock_answer
table_lock(struct session *s, uint32_t table, enum table_lock_mode mode, enum lock_policy policy)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    cr_assert_eq(storage_lock_table(s->txn, table, mode, policy, &s->waiter, &answer, &err), KY_OK,
                 "%s", err.message);
    return answer;
}

Test(lock, row_modes_conflict_as_in_postgresql)
{
    enum { MODES = ROW_LOCK_CHANGE_KEY + 1 };
    /* Whoever writes the row conflicts like a lock for it, and with those that look. */
    static const char *const conflicts[MODES] = {
        [ROW_LOCK_KEY_SHARE] = "-----x--x",     [ROW_LOCK_SHARE] = "----xxxxx",
        [ROW_LOCK_LOOK] = "------xxx",          [ROW_LOCK_LOOK_KEY] = "-------xx",
        [ROW_LOCK_NO_KEY_UPDATE] = "-x--xxxxx", [ROW_LOCK_UPDATE] = "xx--xxxxx",
        [ROW_LOCK_CHANGE] = "-xx-xxxxx",        [ROW_LOCK_CHANGE_ENTRY] = "-xxxxxxxx",
        [ROW_LOCK_CHANGE_KEY] = "xxxxxxxxx",
    };
    struct fixture f;
    fixture_init(&f, 0);
    for (unsigned a = 0; a < MODES; a++) {
        for (unsigned b = 0; b < MODES; b++) {
            struct session one;
            struct session two;
            session_begin(&one, &f, 1);
            session_begin(&two, &f, 2);
            cr_assert_eq(row_lock(&one, 5, a, LOCK_POLICY_WAIT), LOCK_GRANTED);
            cr_expect_eq(row_lock(&two, 5, b, LOCK_POLICY_NOWAIT) == LOCK_BUSY,
                         conflicts[a][b] == 'x', "%u %u", a, b);
            txn_rollback(one.txn);
            txn_rollback(two.txn);
        }
    }
    fixture_deinit(&f);
}

Test(lock, table_modes_conflict_as_in_postgresql)
{
    static const char *const conflicts[] = {"",      "8",      "78",      "5678",    "45678",
                                            "34678", "345678", "2345678", "12345678"};
    struct fixture f;
    fixture_init(&f, 0);
    for (unsigned a = 1; a <= 8; a++) {
        for (unsigned b = 1; b <= 8; b++) {
            struct session one;
            struct session two;
            session_begin(&one, &f, 1);
            session_begin(&two, &f, 2);
            cr_assert_eq(table_lock(&one, 5, a, LOCK_POLICY_WAIT), LOCK_GRANTED);
            bool is_busy = table_lock(&two, 5, b, LOCK_POLICY_NOWAIT) == LOCK_BUSY;
            cr_expect_eq(is_busy, strchr(conflicts[a], (char)('0' + b)) != NULL, "%u %u", a, b);
            txn_rollback(one.txn);
            txn_rollback(two.txn);
        }
    }
    fixture_deinit(&f);
}

Test(lock, waiters_are_served_in_order_and_nobody_barges)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session s[4];
    for (int i = 0; i < 4; i++) {
        session_begin(&s[i], &f, i + 1);
    }
    cr_assert_eq(table_lock(&s[0], 1, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[1], 1, LOCK_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_assert_eq(table_lock(&s[2], 1, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_assert_eq(table_lock(&s[3], 1, LOCK_SHARE, LOCK_POLICY_SKIP), LOCK_BUSY);
    txn_rollback(s[0].txn);
    cr_expect_eq(s[1].wake_count, 1);
    cr_expect_eq(s[2].wake_count, 0);
    cr_assert_eq(table_lock(&s[1], 1, LOCK_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[2], 1, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(s[1].txn);
    cr_assert_eq(table_lock(&s[2], 1, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_rollback(s[2].txn);
    txn_rollback(s[3].txn);
    fixture_deinit(&f);
}

Test(lock, a_new_request_for_a_row_looks_at_its_holders_only)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session s[5];
    for (int i = 0; i < 5; i++) {
        session_begin(&s[i], &f, i + 1);
    }
    cr_assert_eq(row_lock(&s[0], 1, ROW_LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&s[1], 1, ROW_LOCK_CHANGE_KEY, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_assert_eq(row_lock(&s[2], 1, ROW_LOCK_NO_KEY_UPDATE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_expect_eq(row_lock(&s[3], 1, ROW_LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_expect_eq(row_lock(&s[4], 1, ROW_LOCK_LOOK, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_rollback(s[4].txn);
    txn_rollback(s[3].txn);
    txn_rollback(s[0].txn);
    cr_expect_eq(s[1].wake_count, 1);
    cr_expect_eq(s[2].wake_count, 0);
    /* One that looks is not kept waiting by who is not writing yet. */
    session_begin(&s[4], &f, 5);
    cr_assert_eq(row_lock(&s[1], 1, ROW_LOCK_CHANGE_KEY, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&s[4], 1, ROW_LOCK_LOOK, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(s[1].txn);
    cr_expect_eq(s[2].wake_count, 1);
    cr_expect_eq(s[4].wake_count, 1);
    storage_look_end(&s[4].waiter);
    cr_expect_null(s[4].waiter.waits_for);
    txn_rollback(s[2].txn);
    txn_rollback(s[4].txn);
    fixture_deinit(&f);
}

Test(lock, a_weak_lock_is_held_once_wherever_it_is_noted)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session s[3];
    for (int i = 0; i < 3; i++) {
        session_begin(&s[i], &f, i + 1);
    }
    /* Moved twice, asked for again in between. */
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(table_lock(&s[0], 9, LOCK_ACCESS_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
        cr_assert_eq(table_lock(&s[1], 9, LOCK_ACCESS_EXCLUSIVE, LOCK_POLICY_NOWAIT), LOCK_BUSY);
    }
    txn_rollback(s[0].txn);
    /* Waited for, asked for again, moved. */
    session_begin(&s[0], &f, 1);
    cr_assert_eq(table_lock(&s[1], 9, LOCK_ACCESS_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[0], 9, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(s[1].txn);
    cr_assert_eq(table_lock(&s[0], 9, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[0], 9, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[2], 9, LOCK_SHARE, LOCK_POLICY_NOWAIT), LOCK_BUSY);
    txn_rollback(s[0].txn);
    cr_expect_eq(table_lock(&s[2], 9, LOCK_SHARE, LOCK_POLICY_NOWAIT), LOCK_GRANTED);
    txn_rollback(s[2].txn);
    fixture_deinit(&f);
}

Test(lock, a_cancelled_wait_lets_the_next_one_go)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session s[3];
    for (int i = 0; i < 3; i++) {
        session_begin(&s[i], &f, i + 1);
    }
    cr_assert_eq(table_lock(&s[0], 9, LOCK_ACCESS_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&s[1], 9, LOCK_ACCESS_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_assert_eq(table_lock(&s[2], 9, LOCK_ACCESS_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    storage_lock_cancel(&s[1].waiter);
    cr_expect_eq(s[2].wake_count, 1);
    /* Granted, but given up before it was looked at. */
    storage_lock_cancel(&s[2].waiter);
    txn_rollback(s[0].txn);
    cr_assert_eq(table_lock(&s[1], 9, LOCK_ACCESS_EXCLUSIVE, LOCK_POLICY_NOWAIT), LOCK_GRANTED);
    txn_rollback(s[1].txn);
    txn_rollback(s[2].txn);
    fixture_deinit(&f);
}

Test(lock, a_circle_is_refused_with_both_sides_in_the_detail)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session a;
    struct session b;
    session_begin(&a, &f, 11);
    session_begin(&b, &f, 22);
    cr_assert_eq(row_lock(&a, 1, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&b, 2, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&a, 2, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_PENDING);
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    cr_assert_eq(storage_lock_row(b.txn, REL_A, 1, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT, &b.waiter,
                                  &answer, &err),
                 KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DEADLOCK_DETECTED);
    cr_expect_str_eq(err.message, "deadlock detected");
    char detail[256];
    (void)snprintf(detail, sizeof(detail),
                   "Process 22 waits for ShareLock on transaction %lu; blocked by process 11.\n"
                   "Process 11 waits for ShareLock on transaction %lu; blocked by process 22.",
                   txn_id(a.txn), txn_id(b.txn));
    cr_expect_str_eq(err.detail, detail);
    txn_rollback(b.txn);
    cr_expect_eq(a.wake_count, 1);
    cr_expect_eq(row_lock(&a, 2, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_rollback(a.txn);
    fixture_deinit(&f);
}

/* Who asked for one row and now asks for another is told of the other: a foreign key's check goes
 * on to the next row of its key when the first has gone. */
Test(lock, a_wait_is_no_answer_for_another_lock)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session a;
    struct session b;
    struct session c;
    session_begin(&a, &f, 11);
    session_begin(&b, &f, 22);
    session_begin(&c, &f, 33);
    cr_assert_eq(row_lock(&a, 1, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&c, 2, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&b, 1, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    /* While it waits: it leaves the queue of the first. */
    cr_expect_eq(row_lock(&b, 2, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(a.txn);
    cr_expect_eq(b.wake_count, 0);
    txn_rollback(c.txn);
    cr_expect_eq(b.wake_count, 1);
    cr_expect_eq(row_lock(&b, 2, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    /* When it was granted: it has that, and not yet what it asks for. */
    session_begin(&a, &f, 11);
    session_begin(&c, &f, 33);
    cr_assert_eq(row_lock(&a, 3, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&c, 4, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&b, 3, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(a.txn);
    cr_assert_eq(b.wake_count, 2);
    cr_expect_eq(row_lock(&b, 4, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_expect_eq(row_lock(&c, 3, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT), LOCK_BUSY);
    txn_rollback(c.txn);
    cr_expect_eq(row_lock(&b, 4, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    /* A stronger mode of the same row is another lock as well. */
    session_begin(&a, &f, 11);
    session_begin(&c, &f, 33);
    cr_assert_eq(row_lock(&a, 5, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(row_lock(&b, 5, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    cr_assert_eq(row_lock(&c, 5, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(a.txn);
    cr_expect_eq(row_lock(&c, 5, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_expect_eq(row_lock(&b, 5, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_PENDING);
    txn_rollback(c.txn);
    cr_expect_eq(row_lock(&b, 5, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_rollback(b.txn);
    fixture_deinit(&f);
}

Test(lock, two_upgrades_of_one_table_lock_are_a_circle)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session a;
    struct session b;
    session_begin(&a, &f, 1);
    session_begin(&b, &f, 2);
    cr_assert_eq(table_lock(&a, 7, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&b, 7, LOCK_ROW_EXCLUSIVE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    cr_assert_eq(table_lock(&a, 7, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_PENDING);
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    cr_assert_eq(
        storage_lock_table(b.txn, 7, LOCK_SHARE, LOCK_POLICY_WAIT, &b.waiter, &answer, &err),
        KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DEADLOCK_DETECTED);
    cr_expect_not_null(strstr(err.detail, "Process 2 waits for ShareLock on relation 7"));
    txn_rollback(b.txn);
    cr_expect_eq(table_lock(&a, 7, LOCK_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_rollback(a.txn);
    fixture_deinit(&f);
}

Test(lock, a_unique_check_waits_for_the_inserter)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct ky_error err;
    for (int round = 0; round < 3; round++) {
        struct session a;
        struct session b;
        session_begin(&a, &f, 1);
        session_begin(&b, &f, 2);
        struct txn_savepoint mark;
        txn_savepoint_set(a.txn, &mark);
        row_id_t row = insert(a.txn, REL_A, "x");
        struct row_ref ref;
        cr_expect_eq(storage_row_state(b.txn, REL_A, row, &ref), ROW_IN_PROGRESS);
        enum lock_answer answer = LOCK_BUSY;
        cr_assert_eq(storage_wait_inserter(b.txn, REL_A, row, &b.waiter, &answer, &err), KY_OK);
        cr_expect_eq(answer, LOCK_PENDING);
        if (round == 0) {
            (void)commit(a.txn);
        } else if (round == 1) {
            txn_rollback(a.txn);
        } else {
            txn_savepoint_rollback(a.txn, &mark, false);
        }
        cr_expect_eq(b.wake_count, 1);
        cr_assert_eq(storage_wait_inserter(b.txn, REL_A, row, &b.waiter, &answer, &err), KY_OK);
        cr_expect_eq(answer, LOCK_GRANTED);
        cr_expect_eq(storage_row_state(b.txn, REL_A, row, &ref),
                     round == 0 ? ROW_CHANGED : ROW_GONE);
        txn_rollback(b.txn);
        if (round == 2) {
            txn_rollback(a.txn);
        }
    }
    fixture_deinit(&f);
}

Test(lock, a_savepoint_gives_back_locks_taken_after_it)
{
    struct fixture f;
    fixture_init(&f, 0);
    struct session a;
    struct session b;
    session_begin(&a, &f, 1);
    session_begin(&b, &f, 2);
    cr_assert_eq(row_lock(&a, 1, ROW_LOCK_KEY_SHARE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    struct txn_savepoint mark;
    txn_savepoint_set(a.txn, &mark);
    cr_assert_eq(row_lock(&a, 1, ROW_LOCK_UPDATE, LOCK_POLICY_WAIT), LOCK_GRANTED);
    txn_savepoint_rollback(a.txn, &mark, true);
    cr_expect_eq(row_lock(&b, 1, ROW_LOCK_KEY_SHARE, LOCK_POLICY_NOWAIT), LOCK_BUSY);
    txn_savepoint_rollback(a.txn, &mark, false);
    cr_expect_eq(row_lock(&b, 1, ROW_LOCK_KEY_SHARE, LOCK_POLICY_NOWAIT), LOCK_GRANTED);
    cr_expect_eq(row_lock(&b, 1, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT), LOCK_BUSY);
    txn_rollback(a.txn);
    txn_rollback(b.txn);
    fixture_deinit(&f);
}
