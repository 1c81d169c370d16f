/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/log.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/*
 * Random operations of several interleaved transactions against a naive reference: tables as
 * arrays, snapshots as copies of them, own writes as overlays, savepoints as copies of overlays.
 * Every few hundred operations the storage is closed, or the power fails at a random disk call,
 * and it is opened again: then it must show the state after some prefix of the commits that has
 * all those that were acknowledged as durable, and exactly the events of that prefix.
 *
 * KYRO_SEED repeats a run; the seed is printed on failure. KYRO_ROUNDS: how many.
 */
enum {
    RELS = 2,
    ROWS = 2000,
    TXNS = 4,
    SAVEPOINTS = 3,
    OPERATIONS = 400,
    ROUNDS = 8, /* of a directory */
    EVENTS_PER_TXN = 64,
    BODY_SIZE_MAX = 300,
    REL_FIRST = 20000,
};

struct cell {
    uint64_t value; /* 0: no row */
    uint64_t event; /* that wrote it */
};
struct state {
    struct cell cells[RELS][ROWS];
};
struct own {
    bool is_written;
    uint64_t value; /* 0: deleted */
};
struct overlay {
    struct own cells[RELS][ROWS];
};
struct change {
    enum event_kind kind;
    int rel;
    row_id_t row;
    uint64_t value;
};
struct savepoint {
    struct txn_savepoint mark;
    struct overlay newest;
    uint32_t command;
    uint32_t change_count;
};
struct session {
    struct txn *txn; /* NULL: none */
    enum isolation isolation;
    struct state snapshot;
    struct overlay newest;
    struct overlay visible;
    uint32_t command;
    struct change changes[EVENTS_PER_TXN];
    uint32_t change_count;
    struct savepoint savepoints[SAVEPOINTS];
    int savepoint_count;
    struct lock_waiter waiter;
};

/* A state that recovery may show: after commit number i since the last durable one. */
struct candidate {
    struct state state;
    uint64_t event_count;
};

static uint64_t seed;
static struct ky_prng prng;
static struct mem_disk *disk;
static struct storage *storage;
static struct storage_options options;
static struct state committed;
static struct session sessions[TXNS];
static struct candidate *candidates;
static size_t candidate_count;
static struct change *events;
static uint64_t event_count;
static uint64_t next_value = 1;
static bool is_faulty;
static struct event_reader *follower;
static uint64_t follower_next;
static uint64_t compactions; /* that dropped something */
static uint64_t moved_rows;

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            (void)fprintf(stderr, "%s:%d: %s (KYRO_SEED=%" PRIu64 ")\n", __FILE__, __LINE__, \
                          #condition, seed);                                                 \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

/* ------------------------------------------------------------------ waiting for commits */

static struct ky_mutex wait_lock;
static struct ky_cond wait_cond;
static bool is_fatal;
static bool is_done;
static struct txn_result done_result;

static void
on_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    (void)err;
    ky_mutex_lock(&wait_lock);
    is_fatal = true;
    ky_cond_signal(&wait_cond);
    ky_mutex_unlock(&wait_lock);
}

static void
on_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)arg;
    (void)err;
    CHECK(status == KY_OK);
    ky_mutex_lock(&wait_lock);
    is_done = true;
    done_result = *result;
    ky_cond_signal(&wait_cond);
    ky_mutex_unlock(&wait_lock);
}

static bool
has_failed(void)
{
    ky_mutex_lock(&wait_lock);
    bool failed = is_fatal;
    ky_mutex_unlock(&wait_lock);
    return failed;
}

static void
never_wake(struct lock_waiter *waiter)
{
    (void)waiter;
}

/* ------------------------------------------------------------------ bodies */

static struct ky_slice
make_body(uint64_t value)
{
    static uint8_t body[BODY_SIZE_MAX + 8];
    size_t size = 8 + (size_t)(value * 7919 % (BODY_SIZE_MAX - 8));
    for (size_t i = 0; i < size; i++) {
        body[i] = (uint8_t)(value + i);
    }
    ky_store_le64(body, value);
    return ky_slice(body, size);
}

static void
check_body(struct ky_slice body, uint64_t value)
{
    CHECK(value != 0);
    CHECK(ky_slice_equal(body, make_body(value)));
}

/* ------------------------------------------------------------------ what a session should see */

static uint64_t
expected(const struct session *session, int rel, row_id_t row)
{
    const struct own *own = &session->visible.cells[rel][row];
    return own->is_written ? own->value : session->snapshot.cells[rel][row].value;
}

static void
check_row(struct session *session, int rel, row_id_t row)
{
    struct row_ref ref;
    uint64_t value = expected(session, rel, row);
    bool is_found = storage_get(session->txn, REL_FIRST + (rel_id_t)rel, row, &ref);
    CHECK(is_found == (value != 0));
    if (is_found) {
        check_body(ref.body, value);
    }
    if (is_found && !session->visible.cells[rel][row].is_written) {
        event_offset_t event = 0;
        CHECK(storage_row_event(session->txn, REL_FIRST + (rel_id_t)rel, row, &event));
        CHECK(event == session->snapshot.cells[rel][row].event);
    }
}

/* Many at once, backwards, one of them twice and one that never was: the same rows. */
static void
check_many(struct session *session, int rel)
{
    row_id_t row_ids[STORAGE_GET_MAX];
    struct row_ref refs[STORAGE_GET_MAX];
    uint32_t places[STORAGE_GET_MAX];
    uint32_t count = 0;
    uint32_t at = 0;
    row_ids[count++] = (row_id_t)1 << 40;
    row_ids[count++] = ROWS / 2;
    for (row_id_t row = ky_prng_below(&prng, ROWS); row-- > 1 && count < STORAGE_GET_MAX;) {
        row_ids[count++] = row;
    }
    uint32_t found =
        storage_get_many(session->txn, REL_FIRST + (rel_id_t)rel, row_ids, count, refs, places);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = i == 0 ? 0 : expected(session, rel, row_ids[i]);
        if (value != 0) {
            CHECK(at < found && places[at] == i && refs[at].row_id == row_ids[i]);
            check_body(refs[at++].body, value);
        }
    }
    CHECK(at == found);
}

static void
check_all(struct session *session, int rel)
{
    static bool is_seen[ROWS];
    memset(is_seen, 0, sizeof(is_seen));
    struct storage_scan scan;
    struct row_ref rows[7];
    uint64_t count = 0;
    storage_scan_init(&scan, session->txn, REL_FIRST + (rel_id_t)rel);
    for (uint32_t got; (got = storage_scan_next(&scan, rows, 7)) > 0;) {
        for (uint32_t i = 0; i < got; i++) {
            CHECK(rows[i].row_id < ROWS);
            CHECK(!is_seen[rows[i].row_id]);
            is_seen[rows[i].row_id] = true;
            check_body(rows[i].body, expected(session, rel, rows[i].row_id));
            count++;
        }
    }
    uint64_t wanted = 0;
    for (row_id_t row = 1; row < ROWS; row++) {
        wanted += expected(session, rel, row) != 0;
    }
    CHECK(count == wanted);
    CHECK(storage_count(session->txn, REL_FIRST + (rel_id_t)rel) == wanted);
}

/* ------------------------------------------------------------------ operations */

static void
statement_begin(struct session *session)
{
    txn_statement_begin(session->txn);
    session->command++;
    session->visible = session->newest;
    if (session->isolation == ISOLATION_READ_COMMITTED) {
        session->snapshot = committed;
    }
}

static void
session_begin(struct session *session)
{
    session->isolation = (enum isolation)ky_prng_below(&prng, 2);
    session->txn = txn_begin(storage, session->isolation);
    memset(&session->newest, 0, sizeof(session->newest));
    session->snapshot = committed;
    session->command = 0;
    session->change_count = 0;
    session->savepoint_count = 0;
    session->waiter = (struct lock_waiter){.wake = never_wake, .pid = 1};
    statement_begin(session);
}

static void
note_change(struct session *session, enum event_kind kind, int rel, row_id_t row, uint64_t value)
{
    session->newest.cells[rel][row] = (struct own){.is_written = true, .value = value};
    session->changes[session->change_count++] = (struct change){kind, rel, row, value};
}

static void
do_insert(struct session *session, int rel)
{
    struct ky_error err;
    row_id_t row = 0;
    uint64_t value = next_value++;
    if (storage_insert(session->txn, REL_FIRST + (rel_id_t)rel, true, make_body(value), &row,
                       &err) != KY_OK) {
        CHECK(is_faulty);
        CHECK(err.sqlstate == KY_DISK_FULL);
        return;
    }
    CHECK(row < ROWS);
    CHECK(committed.cells[rel][row].value == 0);
    note_change(session, EVENT_INSERT, rel, row, value);
}

/* Locks the row and looks at its newest version: true when the session may change it. */
static bool
may_change(struct session *session, int rel, row_id_t row)
{
    struct ky_error err;
    enum lock_answer answer = LOCK_BUSY;
    rel_id_t rel_id = REL_FIRST + (rel_id_t)rel;
    CHECK(storage_lock_row(session->txn, rel_id, row, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT,
                           &session->waiter, &answer, &err) == KY_OK);
    if (answer != LOCK_GRANTED) {
        return false;
    }
    struct row_ref ref;
    const struct own *own = &session->newest.cells[rel][row];
    uint64_t now = committed.cells[rel][row].value;
    switch (storage_row_state(session->txn, rel_id, row, &ref)) {
    case ROW_OWN:
        CHECK(own->is_written);
        check_body(ref.body, own->value);
        return true;
    case ROW_OWN_GONE:
        CHECK(own->is_written);
        CHECK(own->value == 0);
        return false;
    case ROW_UNCHANGED:
        CHECK(!own->is_written);
        CHECK(now == session->snapshot.cells[rel][row].value);
        check_body(ref.body, now);
        return true;
    case ROW_CHANGED:
        CHECK(!own->is_written);
        CHECK(now != session->snapshot.cells[rel][row].value);
        check_body(ref.body, now);
        return session->isolation == ISOLATION_READ_COMMITTED;
    case ROW_GONE:
        CHECK(now == 0);
        return false;
    case ROW_IN_PROGRESS:
        CHECK(now == 0);
        return false;
    }
    return false;
}

static void
do_change(struct session *session, int rel)
{
    struct ky_error err;
    rel_id_t rel_id = REL_FIRST + (rel_id_t)rel;
    row_id_t end = storage_row_id_end(storage, rel_id);
    if (end <= 1) {
        return;
    }
    row_id_t row = 1 + ky_prng_below(&prng, end - 1);
    if (!may_change(session, rel, row)) {
        return;
    }
    if (ky_prng_below(&prng, 3) == 0) {
        CHECK(storage_delete(session->txn, rel_id, true, row, make_body(row), &err) == KY_OK);
        note_change(session, EVENT_DELETE, rel, row, 0);
    } else {
        uint64_t value = next_value++;
        if (storage_update(session->txn, rel_id, true, row, make_body(value), &err) != KY_OK) {
            CHECK(is_faulty);
            CHECK(err.sqlstate == KY_DISK_FULL);
            return;
        }
        note_change(session, EVENT_UPDATE, rel, row, value);
    }
}

static void
do_savepoint(struct session *session)
{
    if (session->savepoint_count == SAVEPOINTS) {
        return;
    }
    struct savepoint *savepoint = &session->savepoints[session->savepoint_count++];
    txn_savepoint_set(session->txn, &savepoint->mark);
    savepoint->newest = session->newest;
    savepoint->command = session->command;
    savepoint->change_count = session->change_count;
}

static void
do_savepoint_rollback(struct session *session)
{
    if (session->savepoint_count == 0) {
        return;
    }
    session->savepoint_count = (int)ky_prng_below(&prng, (uint64_t)session->savepoint_count);
    const struct savepoint *savepoint = &session->savepoints[session->savepoint_count];
    txn_savepoint_rollback(session->txn, &savepoint->mark, ky_prng_below(&prng, 2) == 0);
    session->newest = savepoint->newest;
    session->change_count = savepoint->change_count;
    if (savepoint->command != session->command) {
        session->visible = savepoint->newest;
    }
}

static void
add_candidate(void)
{
    candidates = realloc(candidates, (candidate_count + 1) * sizeof(*candidates));
    CHECK(candidates != NULL);
    candidates[candidate_count++] =
        (struct candidate){.state = committed, .event_count = event_count};
}

static void
commit_in_model(const struct session *session)
{
    for (uint32_t i = 0; i < session->change_count; i++) {
        const struct change *change = &session->changes[i];
        committed.cells[change->rel][change->row] =
            (struct cell){.value = change->value, .event = event_count + i};
    }
    events = realloc(events, (event_count + session->change_count + 1) * sizeof(*events));
    CHECK(events != NULL);
    memcpy(events + event_count, session->changes,
           session->change_count * sizeof(session->changes[0]));
    event_count += session->change_count;
    add_candidate();
}

static void
do_commit(struct session *session)
{
    enum txn_sync sync = (enum txn_sync)ky_prng_below(&prng, 3);
    struct txn *txn = session->txn;
    session->txn = NULL;
    is_done = false;
    txn_commit(txn, sync, on_done, NULL);
    ky_mutex_lock(&wait_lock);
    while (!is_done && !is_fatal) {
        ky_cond_wait(&wait_cond, &wait_lock);
    }
    bool is_answered = is_done;
    ky_mutex_unlock(&wait_lock);
    if (session->change_count == 0) {
        CHECK(!is_answered || done_result.lsn == 0 || done_result.event_count == 0);
        return;
    }
    uint64_t first_event = event_count;
    commit_in_model(session);
    if (is_answered) {
        CHECK(done_result.event_count == session->change_count);
        CHECK(done_result.first_event == first_event);
        if (sync != TXN_ASYNC) {
            candidates[0] = candidates[candidate_count - 1];
            candidate_count = 1;
        }
    }
}

/* ------------------------------------------------------------------ events, compaction */

static void
check_event(const struct event *event, uint64_t offset)
{
    CHECK(event->offset == offset);
    CHECK(event->kind == events[offset].kind);
    CHECK(event->rel == REL_FIRST + (rel_id_t)events[offset].rel);
    CHECK(event->row_id == events[offset].row);
    if (event->kind != EVENT_DELETE) {
        check_body(event->body, events[offset].value);
    }
}

/* Reads on with a reader that stays open while the log moves on and is compacted. */
static void
do_follow(void)
{
    struct ky_error err;
    if (follower == NULL) {
        follower_next = storage_earliest_event(storage);
        follower = event_reader_open(storage, follower_next);
    }
    for (uint64_t i = ky_prng_below(&prng, 20); i > 0; i--) {
        struct event event;
        enum event_answer answer = EVENT_END;
        CHECK(event_reader_next(follower, &event, &answer, &err) == KY_OK);
        if (answer == EVENT_GONE) {
            CHECK(follower_next < storage_earliest_event(storage));
            event_reader_close(follower);
            follower = NULL;
            return;
        }
        if (answer == EVENT_END) {
            return;
        }
        check_event(&event, follower_next++);
    }
}

static void
do_compact(void)
{
    struct ky_error err;
    ky_error_init(&err);
    struct compact_result result;
    struct storage_retention retention = {
        .bytes = ky_prng_below(&prng, 3) * options.segment_size,
        .reader_bytes = ky_prng_below(&prng, 2) * options.segment_size,
    };
    storage_set_retention(storage, &retention);
    event_offset_t earliest = storage_earliest_event(storage);
    if (storage_compact(storage, (enum compact_depth)ky_prng_below(&prng, 2), NULL, &result,
                        &err) != KY_OK) {
        CHECK(is_faulty);
    }
    CHECK(storage_earliest_event(storage) >= earliest);
    moved_rows += result.rows_moved;
    compactions += result.segments_dropped + result.files_removed > 0;
}

static void
session_step(struct session *session)
{
    int rel = (int)ky_prng_below(&prng, RELS);
    bool is_full = session->change_count >= (is_faulty ? 20 : EVENTS_PER_TXN - 1);
    switch (ky_prng_below(&prng, 16)) {
    case 0:
    case 1:
        do_commit(session);
        return;
    case 2:
        txn_rollback(session->txn);
        session->txn = NULL;
        return;
    case 3:
        do_savepoint(session);
        return;
    case 4:
        do_savepoint_rollback(session);
        return;
    case 5:
    case 6:
        txn_statement_end(session->txn);
        statement_begin(session);
        return;
    case 7:
        check_all(session, rel);
        return;
    case 8:
        check_row(session, rel, 1 + ky_prng_below(&prng, ROWS - 1));
        check_many(session, rel);
        return;
    case 9:
        txn_command_increment(session->txn);
        session->command++;
        session->visible = session->newest;
        return;
    case 10:
    case 11:
    case 12:
        if (!is_full && storage_row_id_end(storage, REL_FIRST + (rel_id_t)rel) < ROWS - 1) {
            do_insert(session, rel);
        }
        return;
    default:
        if (!is_full) {
            do_change(session, rel);
        }
        return;
    }
}

/* ------------------------------------------------------------------ reopening */

static void
open_storage(void)
{
    struct ky_error err;
    ky_error_init(&err);
    is_fatal = false;
    if (storage_open(&options, &storage, &err) != KY_OK) {
        (void)fprintf(stderr, "open: %s %s\n", err.message, err.detail);
        CHECK(false);
    }
}

static bool
shows_state(const struct state *state)
{
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    bool is_equal = true;
    for (int rel = 0; rel < RELS && is_equal; rel++) {
        for (row_id_t row = 1; row < ROWS && is_equal; row++) {
            struct row_ref ref;
            uint64_t value = state->cells[rel][row].value;
            bool is_found = storage_get(txn, REL_FIRST + (rel_id_t)rel, row, &ref);
            is_equal = is_found == (value != 0) &&
                       (!is_found || ky_slice_equal(ref.body, make_body(value)));
        }
    }
    txn_statement_end(txn);
    txn_rollback(txn);
    return is_equal;
}

static void
check_events(void)
{
    struct ky_error err;
    struct event event;
    enum event_answer answer = EVENT_END;
    uint64_t earliest = storage_earliest_event(storage);
    CHECK(earliest <= event_count);
    uint64_t from = earliest + ky_prng_below(&prng, event_count - earliest + 1);
    struct event_reader *reader = event_reader_open(storage, from);
    CHECK(storage_next_event(storage) == event_count);
    for (uint64_t i = from; i < event_count; i++) {
        CHECK(event_reader_next(reader, &event, &answer, &err) == KY_OK);
        CHECK(answer == EVENT_READY);
        check_event(&event, i);
    }
    CHECK(event_reader_next(reader, &event, &answer, &err) == KY_OK);
    CHECK(answer == EVENT_END);
    event_reader_close(reader);
    if (earliest > 0) {
        reader = event_reader_open(storage, earliest - 1);
        CHECK(event_reader_next(reader, &event, &answer, &err) == KY_OK);
        CHECK(answer == EVENT_GONE);
        event_reader_close(reader);
    }
}

/* Finds which of the allowed states recovery shows and goes on from it. */
static void
check_recovered(void)
{
    size_t found = candidate_count;
    for (size_t i = candidate_count; i > 0 && found == candidate_count; i--) {
        if (candidates[i - 1].event_count == storage_next_event(storage) &&
            shows_state(&candidates[i - 1].state)) {
            found = i - 1;
        }
    }
    CHECK(found < candidate_count);
    committed = candidates[found].state;
    event_count = candidates[found].event_count;
    candidates[0] = candidates[found];
    candidate_count = 1;
    check_events();
}

static void
close_sessions(void)
{
    for (int i = 0; i < TXNS; i++) {
        if (sessions[i].txn != NULL) {
            txn_rollback(sessions[i].txn);
            sessions[i].txn = NULL;
        }
    }
}

static void
do_checkpoint(void)
{
    struct ky_error err;
    lsn_t lsn = 0;
    if (storage_checkpoint(storage, &lsn, &err) != KY_OK) {
        CHECK(is_faulty);
    }
}

static void
run_round(void)
{
    is_faulty = ky_prng_below(&prng, 2) == 0;
    mem_disk_fault(disk, is_faulty ? MEM_FAULT_POWER : MEM_FAULT_NONE, 5,
                   1 + ky_prng_below(&prng, 120));
    for (int i = 0; i < OPERATIONS && !has_failed(); i++) {
        struct session *session = &sessions[ky_prng_below(&prng, TXNS)];
        uint64_t dice = ky_prng_below(&prng, 200);
        if (dice < 2) {
            do_checkpoint();
        } else if (dice < 6) {
            do_compact();
        } else if (dice < 20) {
            do_follow();
        } else if (session->txn == NULL) {
            session_begin(session);
        } else {
            session_step(session);
        }
    }
    close_sessions();
    if (follower != NULL) {
        event_reader_close(follower);
        follower = NULL;
    }
    storage_close(storage);
    if (is_faulty) {
        mem_disk_crash(disk, (enum mem_crash)ky_prng_below(&prng, 3), ky_prng_next(&prng));
    }
    mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
    open_storage();
    check_recovered();
}

/* One life of a data directory: rounds until its row numbers are used up. */
static void
run_directory(void)
{
    disk = mem_disk_new();
    options = (struct storage_options){
        .dir = "data",
        .io = mem_disk_io(disk),
        .segment_size = 65536 * (1 + ky_prng_below(&prng, 4)),
        .chunk_size = 4096,
        .on_fatal = on_fatal,
    };
    memset(&committed, 0, sizeof(committed));
    event_count = 0;
    candidate_count = 0;
    add_candidate();
    open_storage();
    for (int i = 0; i < ROUNDS; i++) {
        run_round();
    }
    storage_close(storage);
    uint64_t damage_count = 1;
    struct ky_error err;
    CHECK(storage_verify(options.io, options.dir, NULL, NULL, &damage_count, &err) == KY_OK);
    CHECK(damage_count == 0);
    mem_disk_free(disk);
}

int
main(void)
{
    const char *text = getenv("KYRO_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)ky_wall_us();
    text = getenv("KYRO_ROUNDS");
    uint64_t rounds = text != NULL ? strtoull(text, NULL, 10) : 20;
    ky_log_set_level(KY_LOG_ERROR);
    ky_mutex_init(&wait_lock);
    ky_cond_init(&wait_cond);
    for (uint64_t i = 0; i < rounds; i++, seed++) {
        ky_prng_init(&prng, seed);
        run_directory();
    }
    (void)printf("storage model: %" PRIu64 " directories, %" PRIu64 " compactions, %" PRIu64
                 " rows moved, last seed %" PRIu64 "\n",
                 rounds, compactions, moved_rows, seed - 1);
    free(candidates);
    free(events);
    return 0;
}
