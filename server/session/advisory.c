/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/session_private.h"

/*
 * Advisory locks: pg_advisory_lock and its kin. A lock of a session is held by the session's lock
 * owner (storage.h) and counted here, since it must be given back as often as it was taken; a lock
 * of a transaction is the transaction's and goes with it.
 *
 * A call that must wait asks for the evaluation to be repeated (struct func_wait); the wait itself
 * is the session's, as for row locks.
 */
struct advisory_held {
    struct advisory_lock lock;
    uint32_t count;
};

enum advisory_flag { ADVISORY_SHARED = 1, ADVISORY_TRY = 2, ADVISORY_XACT = 4 };

static struct session *
session_of(const struct func_env *env)
{
    const struct catalog_env *catalog_env = env->self;
    return catalog_env->session;
}

static bool
is_same(const struct advisory_lock *a, const struct advisory_lock *b)
{
    return a->id == b->id && a->space == b->space && a->is_shared == b->is_shared;
}

static struct advisory_lock
lock_of(const struct datum *args, int arg_count, bool is_shared)
{
    struct advisory_lock lock = {.space = (uint32_t)arg_count, .is_shared = is_shared};
    lock.id = arg_count == 1
                  ? (uint64_t)args[0].word
                  : (uint64_t)(uint32_t)args[0].word << 32 | (uint64_t)(uint32_t)args[1].word;
    return lock;
}

static struct advisory_held *
find_held(const struct session *session, const struct advisory_lock *lock)
{
    for (size_t i = session->advisory_count; i > 0; i--) {
        if (is_same(&session->advisory[i - 1].lock, lock)) {
            return &session->advisory[i - 1];
        }
    }
    return NULL;
}

static void
count_held(struct session *session, const struct advisory_lock *lock)
{
    struct advisory_held *held = find_held(session, lock);
    if (held != NULL) {
        held->count++;
        return;
    }
    if (session->advisory_count == session->advisory_capacity) {
        session->advisory_capacity = KY_MAX(session->advisory_capacity * 2, (size_t)8);
        session->advisory =
            ky_realloc(session->advisory, session->advisory_capacity * sizeof(*session->advisory));
    }
    session->advisory[session->advisory_count++] =
        (struct advisory_held){.lock = *lock, .count = 1};
}

/* The owner of the session's locks, leading the transaction that runs. */
static struct txn *
owner_of(struct session *session)
{
    if (session->lock_owner == NULL) {
        session->lock_owner = storage_lock_owner_new(server_storage(session->server));
        txn_set_pid(session->lock_owner, session->pid);
        txn_set_lock_owner(access_storage_txn(session->txn), session->lock_owner);
    }
    return session->lock_owner;
}

/* *answer_out is what storage says; BUSY only if it may not wait. */
static ky_status
ask(struct session *session, const struct advisory_lock *lock, int flags, bool can_wait,
    enum lock_answer *answer_out, struct ky_error *err)
{
    const bool is_of_session = (flags & ADVISORY_XACT) == 0;
    if (session->waiter.waits_for != NULL && !is_same(&session->advisory_wait, lock)) {
        storage_lock_cancel(&session->waiter); /* the evaluation took another way this time */
    }
    struct advisory_held *held = is_of_session ? find_held(session, lock) : NULL;
    if (held != NULL) {
        held->count++;
        *answer_out = LOCK_GRANTED;
        return KY_OK;
    }
    session->advisory_wait = *lock;
    KY_TRY(storage_lock_advisory(
        is_of_session ? owner_of(session) : access_storage_txn(session->txn), lock,
        can_wait ? LOCK_POLICY_WAIT : LOCK_POLICY_NOWAIT, &session->waiter, answer_out, err));
    if (*answer_out == LOCK_GRANTED && is_of_session) {
        count_held(session, lock);
    }
    return KY_OK;
}

static ky_status
take(struct func_env *env, const struct datum *args, int arg_count, int flags, struct datum *out,
     struct ky_error *err)
{
    struct session *session = session_of(env);
    struct func_wait *wait = env->wait;
    const bool is_try = (flags & ADVISORY_TRY) != 0;
    const struct advisory_lock lock = lock_of(args, arg_count, (flags & ADVISORY_SHARED) != 0);
    enum lock_answer answer = LOCK_GRANTED;
    *out = is_try ? datum_word(1) : datum_bytes("", 0);
    if (!is_try && wait != NULL && wait->calls++ < wait->done) {
        return KY_OK;
    }
    KY_TRY(ask(session, &lock, flags, !is_try && wait != NULL, &answer, err));
    if (answer == LOCK_GRANTED) {
        if (!is_try && wait != NULL) {
            wait->done++;
        }
        return KY_OK;
    }
    if (is_try) {
        *out = datum_word(0);
        return KY_OK;
    }
    if (answer == LOCK_PENDING) {
        wait->is_pending = true;
    }
    return ky_error_set(err, KY_LOCK_NOT_AVAILABLE,
                        "could not obtain advisory lock inside a subquery expression");
}

static ky_status
give_back(struct func_env *env, const struct datum *args, int arg_count, bool is_shared,
          struct datum *out)
{
    struct session *session = session_of(env);
    const struct advisory_lock lock = lock_of(args, arg_count, is_shared);
    struct advisory_held *held = find_held(session, &lock);
    *out = datum_word(held != NULL);
    if (held == NULL) {
        session_notice(session, "WARNING", KY_WARNING, "you don't own a lock of type %s",
                       is_shared ? "ShareLock" : "ExclusiveLock");
        return KY_OK;
    }
    if (--held->count == 0) {
        *held = session->advisory[--session->advisory_count];
        (void)storage_unlock_advisory(session->lock_owner, &lock);
    }
    return KY_OK;
}

void
session_advisory_release(struct session *session)
{
    while (session->advisory_count > 0) {
        const struct advisory_held *held = &session->advisory[--session->advisory_count];
        (void)storage_unlock_advisory(session->lock_owner, &held->lock);
    }
}

void
session_advisory_end(struct session *session)
{
    storage_lock_owner_free(session->lock_owner);
    session->lock_owner = NULL;
    ky_free(session->advisory);
    session->advisory = NULL;
    session->advisory_count = session->advisory_capacity = 0;
}

static ky_status
unlock_all(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
           struct ky_error *err)
{
    (void)args;
    (void)arg_count;
    (void)err;
    session_advisory_release(session_of(env));
    *out = datum_bytes("", 0);
    return KY_OK;
}

/* Those that the process waits for, each once. */
static ky_status
blocking_pids(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
              struct ky_error *err)
{
    enum { SHOWN_MAX = 64 };
    int pids[SHOWN_MAX];
    struct datum values[SHOWN_MAX];
    uint32_t kept = 0;
    (void)arg_count;
    (void)err;
    const size_t count = storage_lock_blockers(server_storage(session_of(env)->server),
                                               (int)args[0].word, pids, SHOWN_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_new = true;
        for (uint32_t j = 0; j < kept; j++) {
            is_new = is_new && values[j].word != pids[i];
        }
        if (is_new) {
            values[kept++] = datum_word(pids[i]);
        }
    }
    const struct ky_slice array = array_make(env->types.arena, type_get(OID_INT4), values, kept);
    *out = datum_bytes(array.data, array.size);
    return KY_OK;
}

/* ------------------------------------------------------------------ the table */

#define TAKE(name_, flags_)                                                               \
    static ky_status name_(struct func_env *env, const struct datum *args, int arg_count, \
                           struct datum *out, struct ky_error *err)                       \
    {                                                                                     \
        return take(env, args, arg_count, (flags_), out, err);                            \
    }
#define GIVE(name_, is_shared_)                                                           \
    static ky_status name_(struct func_env *env, const struct datum *args, int arg_count, \
                           struct datum *out, struct ky_error *err)                       \
    {                                                                                     \
        (void)err;                                                                        \
        return give_back(env, args, arg_count, (is_shared_), out);                        \
    }

TAKE(lock, 0)
TAKE(lock_shared, ADVISORY_SHARED)
TAKE(try_lock, ADVISORY_TRY)
TAKE(try_lock_shared, ADVISORY_TRY | ADVISORY_SHARED)
TAKE(xact_lock, ADVISORY_XACT)
TAKE(xact_lock_shared, ADVISORY_XACT | ADVISORY_SHARED)
TAKE(try_xact_lock, ADVISORY_XACT | ADVISORY_TRY)
TAKE(try_xact_lock_shared, ADVISORY_XACT | ADVISORY_TRY | ADVISORY_SHARED)
GIVE(unlock, false)
GIVE(unlock_shared, true)

static const oid_t one_number[] = {OID_INT8};
static const oid_t two_numbers[] = {OID_INT4, OID_INT4};
static const oid_t a_pid[] = {OID_INT4};

#define FUNC(oid_, name_, result_, count_, args_, fn_)                              \
    {                                                                               \
        .oid = (oid_), .name = (name_), .result = (result_), .arg_count = (count_), \
        .args = (args_), .is_strict = true, .volatility = 'v', .kind = FUNC_SCALAR, \
        .scalar = (fn_)                                                             \
    }
#define BOTH(one_, two_, name_, result_, fn_) \
    FUNC(one_, name_, result_, 1, one_number, fn_), FUNC(two_, name_, result_, 2, two_numbers, fn_)

static const struct func advisory_funcs[] = {
    BOTH(2880, 2886, "pg_advisory_lock", OID_VOID, lock),
    BOTH(2881, 2887, "pg_advisory_lock_shared", OID_VOID, lock_shared),
    BOTH(2882, 2888, "pg_try_advisory_lock", OID_BOOL, try_lock),
    BOTH(2883, 2889, "pg_try_advisory_lock_shared", OID_BOOL, try_lock_shared),
    BOTH(2884, 2890, "pg_advisory_unlock", OID_BOOL, unlock),
    BOTH(2885, 2891, "pg_advisory_unlock_shared", OID_BOOL, unlock_shared),
    FUNC(2892, "pg_advisory_unlock_all", OID_VOID, 0, NULL, unlock_all),
    BOTH(3089, 3093, "pg_advisory_xact_lock", OID_VOID, xact_lock),
    BOTH(3090, 3094, "pg_advisory_xact_lock_shared", OID_VOID, xact_lock_shared),
    BOTH(3091, 3095, "pg_try_advisory_xact_lock", OID_BOOL, try_xact_lock),
    BOTH(3092, 3096, "pg_try_advisory_xact_lock_shared", OID_BOOL, try_xact_lock_shared),
    FUNC(2561, "pg_blocking_pids", OID_INT4_ARRAY, 1, a_pid, blocking_pids),
};

void
session_advisory_register(void)
{
    func_register(advisory_funcs, KY_COUNT_OF(advisory_funcs));
}
