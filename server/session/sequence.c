/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/sequence.h"

#include <inttypes.h>

/* cat_table.sequence: start, increment, minimum, maximum, cache, cycle. */
enum { SEQ_START, SEQ_INCREMENT, SEQ_MINIMUM, SEQ_MAXIMUM, SEQ_CACHE, SEQ_CYCLE };

/* What is known in memory of one sequence; guarded by server->sequence_lock. */
struct sequence_state {
    int64_t last; /* handed out last, when is_used */
    int64_t mark; /* durable with the next commit: values up to it may go out */
    bool is_used;
    bool has_mark;
};

/* The durable counter is a u64 with 0 for "never": values are shifted so that none is 0. */
static uint64_t
mark_encode(int64_t value)
{
    return (uint64_t)value + ((uint64_t)1 << 63) + (value < INT64_MAX);
}

static int64_t
mark_decode(uint64_t mark)
{
    return mark == UINT64_MAX ? INT64_MAX : (int64_t)(mark - 1 - ((uint64_t)1 << 63));
}

/* The state of a sequence, from the durable mark when it is met for the first time. */
static struct sequence_state *
state_of(struct server *server, const struct cat_table *sequence)
{
    bool is_new;
    uint64_t *place = ky_map64_put(&server->sequences, sequence->rel, &is_new);
    if (is_new) {
        struct sequence_state *state = ky_calloc(1, sizeof(*state));
        uint64_t mark = storage_counter_get(server_storage(server), sequence->rel);
        if (mark != 0) {
            state->is_used = state->has_mark = true;
            state->last = state->mark = mark_decode(mark);
        }
        *place = (uint64_t)(uintptr_t)state;
    }
    return (struct sequence_state *)(uintptr_t)*place;
}

static ky_status
limit_error(const struct cat_table *sequence, bool is_ascending, struct ky_error *err)
{
    return ky_error_set(
        err, KY_SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
        is_ascending ? "nextval: reached maximum value of sequence \"%s\" (%" PRId64 ")"
                     : "nextval: reached minimum value of sequence \"%s\" (%" PRId64 ")",
        sequence->name, sequence->sequence[is_ascending ? SEQ_MAXIMUM : SEQ_MINIMUM]);
}

static ky_status
value_after(const struct cat_table *sequence, const struct sequence_state *state, int64_t *out,
            struct ky_error *err)
{
    const int64_t *options = sequence->sequence;
    bool is_ascending = options[SEQ_INCREMENT] > 0;
    int64_t next;
    if (!state->is_used) {
        *out = options[SEQ_START];
        return KY_OK;
    }
    if (__builtin_add_overflow(state->last, options[SEQ_INCREMENT], &next) ||
        next > options[SEQ_MAXIMUM] || next < options[SEQ_MINIMUM]) {
        if (!options[SEQ_CYCLE]) {
            return limit_error(sequence, is_ascending, err);
        }
        next = options[is_ascending ? SEQ_MINIMUM : SEQ_MAXIMUM];
    }
    *out = next;
    return KY_OK;
}

/* The mark covers value, or is raised SEQUENCE_RESERVE steps past it. */
static ky_status
cover(struct session *session, const struct cat_table *sequence, struct sequence_state *state,
      int64_t value, struct ky_error *err)
{
    int64_t increment = sequence->sequence[SEQ_INCREMENT];
    bool is_covered = state->has_mark && state->is_used &&
                      (increment > 0 ? value <= state->mark && value > state->last
                                     : value >= state->mark && value < state->last);
    if (is_covered) {
        return KY_OK;
    }
    int64_t mark;
    if (__builtin_mul_overflow(increment, (int64_t)SEQUENCE_RESERVE, &mark) ||
        __builtin_add_overflow(value, mark, &mark)) {
        mark = value;
    }
    mark = KY_MIN(KY_MAX(mark, sequence->sequence[SEQ_MINIMUM]), sequence->sequence[SEQ_MAXIMUM]);
    KY_TRY(storage_counter_set(access_storage_txn(session->txn), sequence->rel, mark_encode(mark),
                               err));
    state->mark = mark;
    state->has_mark = true;
    return KY_OK;
}

static void
remember(struct session *session, const struct cat_table *sequence, int64_t value)
{
    *ky_map64_put(&session->sequences, sequence->oid, NULL) = (uint64_t)value;
    session->last_sequence = sequence->oid;
    session->last_value = value;
    session->has_last_value = true;
}

ky_status
sequence_next(struct session *session, const struct cat_table *sequence, int64_t *value_out,
              struct ky_error *err)
{
    struct server *server = session->server;
    int64_t value;
    ky_mutex_lock(&server->sequence_lock);
    struct sequence_state *state = state_of(server, sequence);
    ky_status status = value_after(sequence, state, &value, err);
    if (status == KY_OK) {
        status = cover(session, sequence, state, value, err);
    }
    if (status == KY_OK) {
        state->last = value;
        state->is_used = true;
    }
    ky_mutex_unlock(&server->sequence_lock);
    KY_TRY(status);
    remember(session, sequence, value);
    *value_out = value;
    return KY_OK;
}

ky_status
sequence_set(struct session *session, const struct cat_table *sequence, int64_t value,
             bool is_called, struct ky_error *err)
{
    struct server *server = session->server;
    const int64_t *options = sequence->sequence;
    if (value < options[SEQ_MINIMUM] || value > options[SEQ_MAXIMUM]) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE,
                            "setval: value %" PRId64 " is out of bounds for sequence \"%s\" "
                            "(%" PRId64 "..%" PRId64 ")",
                            value, sequence->name, options[SEQ_MINIMUM], options[SEQ_MAXIMUM]);
    }
    int64_t last = value;
    if (!is_called && __builtin_sub_overflow(value, options[SEQ_INCREMENT], &last)) {
        last = value;
    }
    ky_mutex_lock(&server->sequence_lock);
    ky_status status = storage_counter_set(access_storage_txn(session->txn), sequence->rel,
                                           mark_encode(last), err);
    if (status == KY_OK) {
        struct sequence_state *state = state_of(server, sequence);
        state->last = state->mark = last;
        state->is_used = state->has_mark = true;
    }
    ky_mutex_unlock(&server->sequence_lock);
    if (status == KY_OK && is_called) {
        remember(session, sequence, value);
    }
    return status;
}

bool
sequence_last(struct server *server, const struct cat_table *sequence, int64_t *value_out)
{
    ky_mutex_lock(&server->sequence_lock);
    struct sequence_state *state = state_of(server, sequence);
    bool is_used = state->is_used;
    *value_out = state->last;
    ky_mutex_unlock(&server->sequence_lock);
    return is_used;
}
